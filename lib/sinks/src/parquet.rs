//! A batch as a file of Parquet, and the lines of a batch of such a file.

use std::borrow::Cow;
use std::io::Write;
use std::sync::{Arc, LazyLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chancery_signed::Line;
use jiff::Timestamp;
use parquet::basic::{Compression, ZstdLevel};
use parquet::column::writer::ColumnWriterImpl;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::record::{Field, Row};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::Type;

use crate::rows::{BadLine, Portion, portions};

/// The columns, in the order of the fields of a line.
const SCHEMA: &str = "message signed {
    REQUIRED BYTE_ARRAY run (STRING);
    REQUIRED INT64 record;
    REQUIRED INT64 batch;
    REQUIRED BYTE_ARRAY digest (STRING);
    REQUIRED BYTE_ARRAY payload;
    REQUIRED BYTE_ARRAY key (STRING);
    REQUIRED BYTE_ARRAY algorithm (STRING);
    REQUIRED BYTE_ARRAY signature;
    REQUIRED INT64 signedAt (TIMESTAMP(MICROS, true));
    OPTIONAL BYTE_ARRAY envelope (STRING);
    OPTIONAL BYTE_ARRAY address (STRING);
    OPTIONAL BYTE_ARRAY marks (JSON);
    OPTIONAL BYTE_ARRAY traceparent (STRING);
}";

/// Parsed once; the text is this program's own.
static TYPE: LazyLock<Option<Arc<Type>>> = LazyLock::new(|| parse_message_type(SCHEMA).ok().map(Arc::new));

/// As instants of records are written in lines.
const INSTANT: &str = "%Y-%m-%dT%H:%M:%S%.6fZ";

/// Why there is no such file, or why it is no batch.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadFile {
    #[error(transparent)]
    Parquet(#[from] ParquetError),
    #[error(transparent)]
    Line(#[from] BadLine),
    #[error(transparent)]
    Instant(#[from] jiff::Error),
    #[error(transparent)]
    Write(#[from] std::io::Error),
    #[error("it has other columns")]
    Columns,
}

/// The file of some lines. The same lines give the same bytes.
pub(crate) fn packed(lines: &[u8]) -> Result<Bytes, BadFile> {
    let schema = TYPE.clone().ok_or(BadFile::Columns)?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_created_by("chancery".to_owned())
        .build();
    let mut file =
        SerializedFileWriter::new(Vec::with_capacity(lines.len() / 2), schema, Arc::new(properties))?;
    for portion in portions(lines) {
        let mut group = file.next_row_group()?;
        write(&mut group, &portion?)?;
        group.close()?;
    }
    Ok(file.into_inner()?.into())
}

fn write(group: &mut SerializedRowGroupWriter<'_, Vec<u8>>, portion: &Portion<'_>) -> Result<(), BadFile> {
    let Portion { run, records, payloads, signatures, marks, lines } = portion;
    let text = |of: for<'l> fn(&'l Line<'_>) -> &'l str| {
        lines.iter().map(|line| of(line).into()).collect::<Vec<ByteArray>>()
    };
    let binary =
        |values: &[Vec<u8>]| values.iter().map(|value| value.clone().into()).collect::<Vec<ByteArray>>();
    column::<ByteArrayType>(group, &vec![run.as_str().into(); lines.len()], None)?;
    column::<Int64Type>(group, records, None)?;
    column::<Int64Type>(group, &lines.iter().map(|line| line.batch).collect::<Vec<_>>(), None)?;
    column::<ByteArrayType>(group, &text(|line| &line.digest), None)?;
    column::<ByteArrayType>(group, &binary(payloads), None)?;
    column::<ByteArrayType>(group, &text(|line| &line.key), None)?;
    column::<ByteArrayType>(group, &text(|line| &line.algorithm), None)?;
    column::<ByteArrayType>(group, &binary(signatures), None)?;
    let instants = lines.iter().map(|line| Ok(line.signed_at.parse::<Timestamp>()?.as_microsecond()));
    column::<Int64Type>(group, &instants.collect::<Result<Vec<_>, jiff::Error>>()?, None)?;
    let of_some: [for<'l> fn(&'l Line<'_>) -> Option<&'l str>; 2] =
        [|line| line.envelope.as_deref(), |line| line.address.as_deref()];
    for of in of_some {
        some_text(group, lines, of)?;
    }
    let marks: Vec<ByteArray> = marks.iter().flatten().map(|marks| marks.as_str().into()).collect();
    let levels: Vec<i16> = lines.iter().map(|line| i16::from(line.marks.is_some())).collect();
    column::<ByteArrayType>(group, &marks, Some(&levels))?;
    some_text(group, lines, |line| line.traceparent.as_deref())
}

fn some_text(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    lines: &[Line<'_>],
    of: for<'l> fn(&'l Line<'_>) -> Option<&'l str>,
) -> Result<(), BadFile> {
    let values: Vec<ByteArray> = lines.iter().filter_map(of).map(ByteArray::from).collect();
    let levels: Vec<i16> = lines.iter().map(|line| i16::from(of(line).is_some())).collect();
    column::<ByteArrayType>(group, &values, Some(&levels))
}

fn column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    values: &[T::T],
    levels: Option<&[i16]>,
) -> Result<(), BadFile> {
    let mut column = group.next_column()?.ok_or(BadFile::Columns)?;
    let typed: &mut ColumnWriterImpl<'_, T> = column.typed::<T>();
    typed.write_batch(values, levels, None)?;
    Ok(column.close()?)
}

/// Writes the lines of a file that has so many.
pub(crate) fn unpacked(file: Bytes, records: usize, out: &mut impl Write) -> Result<(), BadFile> {
    let file = SerializedFileReader::new(file)?;
    let about = file.metadata().file_metadata();
    // The reader knows no end to what it makes of values that are not of these types, and of more of them.
    if Some(about.schema()) != TYPE.as_deref() || usize::try_from(about.num_rows()).ok() != Some(records) {
        return Err(BadFile::Columns);
    }
    for row in file.get_row_iter(None)? {
        line(row?)?.write(out)?;
    }
    Ok(())
}

fn line(row: Row) -> Result<Line<'static>, BadFile> {
    let mut columns = row.into_columns().into_iter().map(|(_, field)| field);
    let mut next = || columns.next().ok_or(BadFile::Columns);
    // In the order of the columns.
    Ok(Line {
        run: text(next()?)?,
        record: number(&next()?)?,
        batch: number(&next()?)?,
        digest: text(next()?)?,
        payload: binary(&next()?)?,
        key: text(next()?)?,
        algorithm: text(next()?)?,
        signature: binary(&next()?)?,
        signed_at: instant(&next()?)?,
        envelope: optional(next()?)?,
        address: optional(next()?)?,
        marks: optional(next()?)?.map(|marks| marks.parse()).transpose().map_err(BadLine::from)?,
        traceparent: optional(next()?)?,
    })
}

fn text(field: Field) -> Result<Cow<'static, str>, BadFile> {
    if let Field::Str(text) = field { Ok(text.into()) } else { Err(BadFile::Columns) }
}

fn optional(field: Field) -> Result<Option<Cow<'static, str>>, BadFile> {
    if matches!(field, Field::Null) { Ok(None) } else { text(field).map(Some) }
}

fn number(field: &Field) -> Result<i64, BadFile> {
    if let Field::Long(number) = field { Ok(*number) } else { Err(BadFile::Columns) }
}

fn binary(field: &Field) -> Result<Cow<'static, str>, BadFile> {
    if let Field::Bytes(bytes) = field {
        Ok(STANDARD.encode(bytes.data()).into())
    } else {
        Err(BadFile::Columns)
    }
}

fn instant(field: &Field) -> Result<Cow<'static, str>, BadFile> {
    let Field::TimestampMicros(micros) = field else { return Err(BadFile::Columns) };
    Ok(Timestamp::from_microsecond(*micros)?.strftime(INSTANT).to_string().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(number: i64, envelope: &str) -> Vec<u8> {
        let mut lines = Vec::new();
        for record in 1..=number {
            let payload = STANDARD.encode(format!("payload {record}").repeat(50));
            let line = format!(
                "{{\"run\":\"default/demo\",\"record\":{record},\"batch\":3,\"digest\":\"{}\",\"payload\":\"{payload}\",\"key\":\"k\",\
                 \"algorithm\":\"EdDSA\",\"signature\":\"AQID\",\"signedAt\":\"2026-11-29T12:00:00.{record:06}Z\"{envelope}}}\n",
                "ab".repeat(32)
            );
            lines.extend_from_slice(line.as_bytes());
        }
        lines
    }

    fn again(file: Bytes, records: usize) -> Result<Vec<u8>, BadFile> {
        let mut lines = Vec::new();
        unpacked(file, records, &mut lines).map(|()| lines)
    }

    #[test]
    fn a_file_has_the_lines_that_it_was_made_of_and_the_same_bytes_each_time() {
        let marks =
            ",\"marks\":{\"score\":7,\"hits\":[{\"rule\":\"a\",\"action\":\"Flag\",\"message\":\"é\\n\"}]}";
        let trace = ",\"traceparent\":\"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\"";
        let envelopes =
            ["", ",\"envelope\":\"a.b.c\"", ",\"envelope\":\"0x01\",\"address\":\"0xAb\"", marks, trace];
        for envelope in envelopes {
            let lines = lines(100, envelope);
            let file = packed(&lines).expect("a file");
            assert_eq!(file, packed(&lines).expect("a file"));
            assert!(file.len() < lines.len() / 2, "it is compressed");
            assert_eq!(again(file.clone(), 100).expect("lines"), lines);
            assert!(again(file, 99).is_err(), "it has more than these");
        }
        assert_eq!(again(packed(b"").expect("a file"), 0).expect("lines"), b"");
    }

    #[test]
    fn a_batch_of_several_groups_of_rows_is_one_file() {
        let lines = lines(8_000, "");
        assert!(lines.len() > 4 << 20);
        let file = packed(&lines).expect("a file");
        let reader = SerializedFileReader::new(file.clone()).expect("Parquet");
        assert!(reader.num_row_groups() > 1);
        assert!(again(file, 8_000).expect("lines") == lines);
    }

    #[test]
    fn what_is_no_such_file_is_said_so() {
        let file = packed(&lines(10, "")).expect("a file");
        for other in [Bytes::from_static(b"x"), file.slice(..file.len() / 2), file.slice(..file.len() - 1)] {
            assert!(again(other, 10).is_err());
        }
        let schema = Arc::new(parse_message_type("message m { REQUIRED INT32 a; }").expect("a type"));
        let other = SerializedFileWriter::new(Vec::new(), schema, Arc::default()).expect("a file");
        let other = other.into_inner().expect("bytes");
        assert!(matches!(again(other.into(), 0), Err(BadFile::Columns)));
        assert!(packed(b"{}\n").is_err());
    }
}
