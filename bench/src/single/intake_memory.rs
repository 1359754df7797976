//! The most memory that an intake has, whatever it reads: it has two readers, as always.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use chancery_bench::{Bound, Effort, Figure, Measured, Outcome, Samples};
use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use sha2::{Digest, Sha256};

use crate::site::Site;
use crate::taken::{create, take_in, write_lines};
use crate::work::Work;

const MOST: f64 = 64.0;

/// Of a row group.
const GROUP_MIB: u64 = 64;

const ROW_BYTES: usize = 1024;

/// zstd looks back 8 MiB: the most that is read.
const WINDOW_LOG: u32 = 23;

pub(crate) async fn measure(effort: Effort) -> Measured {
    let site = Site::start(&[]).await?;
    let mut figures = Vec::new();
    let lines = effort.of(10_000_000, 200_000);
    let peak = peak(&site, "Lines", lines, |folder| {
        write_lines(&folder.join("lines.txt"), (0..lines).map(|number| number.to_string()))
    });
    figures.push(figure(format!("{lines} lines of one file"), peak.await?, MOST));

    let each = effort.of(2_000_000, 200_000);
    let peak = self::peak(&site, "Lines", 2 * each, |folder| {
        packed(&folder.join("a.txt.zst"), 0..each)?;
        packed(&folder.join("b.txt.zst"), each..2 * each)
    });
    figures.push(figure("two files of zstd that look 8 MiB back".to_owned(), peak.await?, MOST));

    let groups = effort.of(4, 2);
    let rows = GROUP_MIB * 1024 * 1024 / ROW_BYTES as u64;
    let peak = self::peak(&site, "Parquet", 2 * groups * rows, |folder| {
        parquet(&folder.join("a.parquet"), 0..groups, rows)?;
        parquet(&folder.join("b.parquet"), groups..2 * groups, rows)
    });
    let most = MOST + f64::from(u32::try_from(GROUP_MIB)?);
    figures.push(figure(format!("Parquet with row groups of {GROUP_MIB} MiB"), peak.await?, most));

    let objects = effort.of(100_000, 2_000);
    let peak = self::peak(&site, "Lines", objects, |folder| {
        for number in 0..objects {
            fs::write(folder.join(format!("{number}.txt")), number.to_string())?;
        }
        Ok(())
    });
    figures.push(figure(format!("{objects} objects"), peak.await?, MOST));
    Ok(Outcome { figures, ..Outcome::default() })
}

fn figure(what: String, mib: f64, most: f64) -> Figure {
    Figure::new(format!("MiB of the intake: {what}"), Samples::from_iter([mib]), Bound::AtMost(most))
}

/// Has what is written into a folder read, of which each is a record.
async fn peak(
    site: &Site,
    format: &str,
    records: u64,
    write: impl FnOnce(&Path) -> anyhow::Result<()>,
) -> anyhow::Result<f64> {
    let folder = tempfile::tempdir_in(site.folder())?;
    write(folder.path())?;
    let run = create(site, "read", &Work::new("EdDSA", 1, 1, 1_000), folder.path(), format).await?;
    let taken = take_in(site, &run, records).await?;
    site.delete(&run).await?;
    Ok(taken.mib)
}

/// What no compression makes smaller by much, and is different for each number.
fn text(number: u64) -> String {
    Sha256::digest(number.to_be_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn packed(file: &Path, numbers: std::ops::Range<u64>) -> anyhow::Result<()> {
    let mut encoder = zstd::Encoder::new(File::create(file)?, 1)?;
    encoder.window_log(WINDOW_LOG)?;
    for number in numbers {
        writeln!(encoder, "{}", text(number))?;
    }
    encoder.finish()?;
    Ok(())
}

fn parquet(file: &Path, groups: std::ops::Range<u64>, rows: u64) -> anyhow::Result<()> {
    let schema = Arc::new(parse_message_type("message schema { required binary p; }")?);
    let properties = WriterProperties::builder().set_dictionary_enabled(false).build();
    let mut writer = SerializedFileWriter::new(File::create(file)?, schema, Arc::new(properties))?;
    for group in groups {
        let mut columns = writer.next_row_group()?;
        let Some(mut column) = columns.next_column()? else { anyhow::bail!("no column") };
        let values: Vec<ByteArray> = (group * rows..(group + 1) * rows)
            .map(|number| ByteArray::from(text(number).repeat(ROW_BYTES / 64).into_bytes()))
            .collect();
        column.typed::<ByteArrayType>().write_batch(&values, None, None)?;
        column.close()?;
        columns.close()?;
    }
    writer.close()?;
    Ok(())
}
