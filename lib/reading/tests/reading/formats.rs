//! Objects of each format, with what has to come of them, written down apart from the code under test.

use std::io::Write;
use std::sync::Arc;

use chancery_reading::{EventMode, Format};
use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, Int32Type, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

/// An object, and its payloads.
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) format: Format,
    pub(crate) bytes: Vec<u8>,
    pub(crate) payloads: Vec<Vec<u8>>,
}

/// One object of each format and compression with `count` payloads; of the formats of one payload an object, only if
/// that is `count`.
pub(crate) fn samples(count: usize) -> Vec<Sample> {
    let mut plain = vec![
        lines(count, "\n"),
        lines(count, "\r\n"),
        ndjson(count),
        csv(count, true),
        csv(count, false),
        events(count),
    ];
    if count == 1 {
        let event = event(0);
        let single = Format::CloudEvents { mode: EventMode::Single };
        plain.push(sample(
            "single.json",
            single,
            format!(" {event}\n").as_bytes(),
            vec![format!(" {event}\n")],
        ));
        plain.push(sample("whole.bin", Format::Whole {}, b"\xef\xbb\xbfa\r\n\0\xff\n", vec![]));
        let whole = plain.last_mut().expect("just pushed");
        whole.payloads = vec![whole.bytes.clone()];
    }
    let packed = plain.iter().flat_map(|sample| [gzip(sample), zstd(sample)]).collect::<Vec<_>>();
    plain.into_iter().chain(packed).chain([parquet(count)]).collect()
}

fn sample(name: &str, format: Format, bytes: &[u8], payloads: Vec<String>) -> Sample {
    let payloads = payloads.into_iter().map(String::into_bytes).collect();
    Sample { name: name.to_owned(), format, bytes: bytes.to_vec(), payloads }
}

/// Of lengths from 0 to some hundreds, of which those of 0 are no payloads; the last without an end.
fn lines(count: usize, end: &str) -> Sample {
    let payloads: Vec<_> =
        (0..count).map(|number| format!("{number} {}z", "\u{e4}x\r".repeat(number * 7 % 97))).collect();
    let text = format!("{end}{}", payloads.join(&format!("{end}{end}")));
    let name = if end == "\n" { "lines.txt" } else { "lines-crlf.txt" };
    sample(name, Format::Lines {}, text.as_bytes(), payloads)
}

fn ndjson(count: usize) -> Sample {
    let payloads: Vec<_> = (0..count)
        .map(|number| format!(" {{\"n\": {number}, \"n\":\"\\u00e4{}\"}} ", "y".repeat(number % 50)))
        .collect();
    // With a byte order mark, and a line of white space.
    let text: String = payloads.iter().map(|payload| format!("{payload}\r\n \t\n")).collect();
    sample("values.ndjson", Format::Ndjson {}, format!("\u{feff}{text}").as_bytes(), payloads)
}

fn csv(count: usize, header: bool) -> Sample {
    let rows: String =
        (0..count).map(|number| format!("{number},\"a \"\"{number}\"\"\r\n,b\",x\u{e4}\r\n")).collect();
    // RFC 8785 orders names by code units: id, text, then the umlaut.
    let payload = |number| {
        if header {
            format!("{{\"id\":\"{number}\",\"text\":\"a \\\"{number}\\\"\\r\\n,b\",\"\u{e4}\":\"x\u{e4}\"}}")
        } else {
            format!("[\"{number}\",\"a \\\"{number}\\\"\\r\\n,b\",\"x\u{e4}\"]")
        }
    };
    let top = if header { "id,text,\u{e4}\r\n\r\n" } else { "" };
    let text = format!("{top}{rows}");
    let name = if header { "rows.csv" } else { "rows-bare.csv" };
    sample(name, Format::Csv { delimiter: ',', header }, text.as_bytes(), (0..count).map(payload).collect())
}

/// Two of three rows have a name and numbers.
const fn is_named(number: usize) -> bool {
    !number.is_multiple_of(3)
}

/// In three row groups, or as few as there are rows; with pages that end within them.
fn parquet(count: usize) -> Sample {
    let schema = "message schema { optional binary \u{e4} (STRING); required int64 id; repeated int32 n; }";
    let schema = Arc::new(parse_message_type(schema).expect("a schema"));
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_data_page_row_count_limit(7)
        .set_write_batch_size(7);
    let mut writer =
        SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties.build())).expect("a writer");
    let all: Vec<usize> = (0..count).collect();
    for rows in all.chunks(count.div_ceil(3).max(1)) {
        let mut group = writer.next_row_group().expect("a row group");
        let named: Vec<usize> = rows.iter().copied().filter(|number| is_named(*number)).collect();
        let names: Vec<ByteArray> =
            named.iter().map(|number| ByteArray::from("x".repeat(number % 50).as_str())).collect();
        let levels: Vec<i16> = rows.iter().map(|number| i16::from(is_named(*number))).collect();
        write::<ByteArrayType>(&mut group, &names, Some(&levels), None);
        let ids: Vec<i64> = rows.iter().map(|number| i64::try_from(*number).expect("small")).collect();
        write::<Int64Type>(&mut group, &ids, None, None);
        // As many as the number says, up to two.
        let (mut values, mut definitions, mut repetitions) = (Vec::new(), Vec::new(), Vec::new());
        for number in rows {
            for at in 0..(number % 3).max(1) {
                definitions.push(i16::from(is_named(*number)));
                repetitions.push(i16::from(at > 0));
                values.extend(is_named(*number).then_some(7));
            }
        }
        write::<Int32Type>(&mut group, &values, Some(&definitions), Some(&repetitions));
        group.close().expect("a row group");
    }
    let bytes = writer.into_inner().expect("a file");
    let payload = |number: usize| {
        let array = ["[]", "[7]", "[7,7]"][number % 3];
        let text =
            if is_named(number) { format!("\"{}\"", "x".repeat(number % 50)) } else { "null".to_owned() };
        format!("{{\"id\":\"{number}\",\"n\":{array},\"\u{e4}\":{text}}}")
    };
    sample("rows.parquet", Format::Parquet {}, &bytes, (0..count).map(payload).collect())
}

fn write<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    values: &[T::T],
    definitions: Option<&[i16]>,
    repetitions: Option<&[i16]>,
) {
    let mut column = group.next_column().expect("a column").expect("a column");
    column.typed::<T>().write_batch(values, definitions, repetitions).expect("written");
    column.close().expect("a column");
}

pub(crate) fn event(number: usize) -> String {
    format!(
        "{{\"specversion\":\"1.0\",\"type\":\"t\",\"source\":\"/s\",\"id\":\"{number}\",\"data\":[{{\"id\":1}}]}}"
    )
}

fn events(count: usize) -> Sample {
    let payloads: Vec<_> = (0..count).map(event).collect();
    let text: String = payloads.iter().map(|payload| format!("{payload}\n")).collect();
    sample("events.json", Format::CloudEvents { mode: EventMode::Lines }, text.as_bytes(), payloads)
}

fn renamed(sample: &Sample, ending: &str, bytes: Vec<u8>) -> Sample {
    let Sample { name, format, bytes: _, payloads } = sample;
    Sample { name: format!("{name}{ending}"), format: format.clone(), bytes, payloads: payloads.clone() }
}

/// In two members, as `cat one.gz two.gz` makes them.
fn gzip(sample: &Sample) -> Sample {
    let (one, two) = sample.bytes.split_at(sample.bytes.len() / 2);
    let bytes = [one, two].map(gzipped).concat();
    renamed(sample, ".gz", bytes)
}

pub(crate) fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("written");
    encoder.finish().expect("finished")
}

pub(crate) fn zstandard(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).expect("compressed")
}

fn zstd(sample: &Sample) -> Sample {
    let (one, two) = sample.bytes.split_at(sample.bytes.len() / 3);
    renamed(sample, ".zst", [zstandard(one), zstandard(two)].concat())
}
