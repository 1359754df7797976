//! Lines taken apart into rows, in portions that fit into memory many times.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chancery_signed::{Line, Marks};

/// Bytes of lines in a portion, unless one line has more.
const MOST: usize = 4 << 20;

/// Some rows of a batch.
pub(crate) struct Portion<'a> {
    /// The run of all of them, as `NAMESPACE/NAME`.
    pub(crate) run: String,
    /// The numbers of records.
    pub(crate) records: Vec<i64>,
    pub(crate) payloads: Vec<Vec<u8>>,
    pub(crate) signatures: Vec<Vec<u8>>,
    /// As JSON.
    pub(crate) marks: Vec<Option<String>>,
    /// Whatever else there is.
    pub(crate) lines: Vec<Line<'a>>,
}

/// A line that no version writes.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadLine {
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Base64(#[from] base64::DecodeError),
}

/// The rows of some lines, each of which ends.
pub(crate) fn portions(lines: &[u8]) -> impl Iterator<Item = Result<Portion<'_>, BadLine>> {
    let mut rest = lines.split_inclusive(|byte| *byte == b'\n').peekable();
    std::iter::from_fn(move || {
        rest.peek()?;
        let (mut some, mut bytes) = (Vec::new(), 0);
        while bytes < MOST
            && let Some(line) = rest.next()
        {
            bytes += line.len();
            some.push(line);
        }
        Some(portion(&some))
    })
}

fn portion<'a>(lines: &[&'a [u8]]) -> Result<Portion<'a>, BadLine> {
    let lines =
        lines.iter().map(|line| serde_json::from_slice(line)).collect::<Result<Vec<Line<'a>>, _>>()?;
    let decoded = |of: for<'l> fn(&'l Line<'a>) -> &'l str| {
        lines.iter().map(|line| STANDARD.decode(of(line))).collect::<Result<Vec<_>, _>>()
    };
    let (payloads, signatures) = (decoded(|line| &line.payload)?, decoded(|line| &line.signature)?);
    let run = lines.first().map(|line| line.run.clone().into_owned()).unwrap_or_default();
    let records = lines.iter().map(|line| line.record).collect();
    let marks = lines.iter().map(|line| line.marks.as_ref().map(Marks::text)).collect();
    Ok(Portion { run, records, payloads, signatures, marks, lines })
}
