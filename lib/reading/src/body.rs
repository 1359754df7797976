//! What a program pushed: the payloads of a text that is all there, cut and judged as those of an object are.

use std::fmt;

use bytes::Bytes;
use serde::Deserializer as _;
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::arrival::{Outcome, Reason, Stage};
use crate::csv::Header;
use crate::describe::Format;
use crate::error::FinalError;
use crate::framing::{CsvRows, Endless, Framing, Lines};
use crate::judge::{Content, dead};
use crate::pieces::{Piece, Pieces};
use crate::text::Text;
use crate::trace::Trace;

/// What a text that was pushed is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFormat {
    /// One JSON value per line.
    Ndjson,
    /// One JSON value.
    Json,
    /// Rows of comma-separated values.
    Csv {
        /// One ASCII character between two fields.
        delimiter: char,
        /// Whether the first row names the columns.
        header: bool,
    },
    /// One CloudEvent in JSON.
    Event,
    /// An array of CloudEvents in JSON.
    Events,
    /// One payload, whatever it is.
    Whole,
}

/// One of the arrivals of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Came {
    /// What became of it.
    pub outcome: Outcome,
    /// In which trace it came, by what it says itself: events only.
    pub trace: Option<Trace>,
}

impl From<Outcome> for Came {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, trace: None }
    }
}

/// The arrivals of a text, in order. Nothing is left out but what is blank, and what comes after one more than `most`: of
/// a text of nothing but line ends, the arrivals would take a hundred times its memory.
///
/// # Errors
///
/// What the format has wrong.
pub async fn read_body(body: Bytes, format: BodyFormat, most: usize) -> Result<Vec<Came>, FinalError> {
    Ok(match format {
        BodyFormat::Ndjson => judged(text(body, Lines, true), Content::Json, most).await,
        BodyFormat::Json => judged(text(body, Endless, true), Content::Json, most).await,
        BodyFormat::Whole => judged_whole(body),
        BodyFormat::Event => judged(text(body, Endless, true), Content::Event { alone: true }, most).await,
        BodyFormat::Events => events(body, most),
        BodyFormat::Csv { delimiter, header } => {
            Format::Csv { delimiter, header }.check()?;
            rows(body, u8::try_from(delimiter).unwrap_or(b','), header, most).await
        }
    })
}

fn text<F: Framing>(body: Bytes, framing: F, marked: bool) -> Pieces<F> {
    Pieces::new(Text::Held(Some(body)), framing, 0, marked)
}

async fn judged<F: Framing>(mut pieces: Pieces<F>, mut content: Content, most: usize) -> Vec<Came> {
    let mut came = Vec::new();
    while let Some(piece) = next(&mut pieces).await {
        came.extend(judge(&mut content, piece));
        if came.len() > most {
            break;
        }
    }
    came
}

fn judge(content: &mut Content, piece: Piece) -> Option<Came> {
    let trace = content.trace(&piece);
    content.judge(piece).map(|(outcome, _identity)| Came { outcome, trace })
}

/// A text that is all there never breaks off.
async fn next<F: Framing>(pieces: &mut Pieces<F>) -> Option<Piece> {
    pieces.next(u64::MAX).await.ok().flatten()
}

fn piece(bytes: Bytes) -> Piece {
    let length = bytes.len() as u64;
    let kept = bytes.slice(..bytes.len().min(crate::arrival::MAX_PAYLOAD));
    Piece { start: 0, next: length, bytes: kept, length, defect: None }
}

/// Unlike an object, which may be empty by mistake, a body of nothing is a payload of nothing.
fn judged_whole(body: Bytes) -> Vec<Came> {
    if body.is_empty() {
        return vec![Outcome::Payload(body).into()];
    }
    judge(&mut Content::Bytes, piece(body)).into_iter().collect()
}

/// The batched mode of HTTP: each event as it stands in the array.
fn events(body: Bytes, most: usize) -> Vec<Came> {
    let refused = |why: String| {
        let kept = body.slice(..body.len().min(crate::arrival::MAX_PAYLOAD));
        vec![dead(Stage::Parse, Reason::NotCloudEvent(why), kept).into()]
    };
    let mut parser = serde_json::Deserializer::from_slice(&body);
    match parser.deserialize_seq(First(most)).and_then(|events| parser.end().map(|()| events)) {
        Err(error) => refused(format!("a batch is an array of events, and this is none: {error}")),
        Ok(events) => events
            .into_iter()
            .filter_map(|event| {
                let event = Bytes::copy_from_slice(event.get().as_bytes());
                judge(&mut Content::Event { alone: true }, piece(event))
            })
            .collect(),
    }
}

/// The first elements of an array, and one more; the others are looked at, and not kept.
struct First(usize);

impl<'de> Visitor<'de> for First {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let mut first = Vec::new();
        while first.len() <= self.0 {
            match elements.next_element()? {
                Some(element) => first.push(element),
                None => return Ok(first),
            }
        }
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(first)
    }
}

async fn rows(body: Bytes, delimiter: u8, has_header: bool, most: usize) -> Vec<Came> {
    let mut pieces = text(body, CsvRows::new(delimiter), true);
    let header = if has_header {
        let first = loop {
            match next(&mut pieces).await {
                None => return Vec::new(),
                Some(piece) if piece.length == 0 => {}
                Some(piece) => break piece,
            }
        };
        let unusable = |reason| vec![dead(Stage::Parse, reason, first.bytes.clone()).into()];
        if first.too_long() || first.defect.is_some() {
            return unusable(Reason::BadHeader(
                "it is longer than 1 MiB, or its quotes are not those of RFC 4180".to_owned(),
            ));
        }
        match Header::new(delimiter, &first.bytes) {
            Ok(header) => header,
            Err(reason) => return unusable(reason),
        }
    } else {
        Header::none(delimiter)
    };
    judged(pieces, Content::Row(Box::new(header)), most).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arrival::{Dead, MAX_PAYLOAD};

    async fn read(body: impl Into<Bytes>, format: BodyFormat) -> Vec<String> {
        let came = read_body(body.into(), format, 10).await.expect("a format");
        let shown = |came: Came| match came.outcome {
            Outcome::Payload(payload) => String::from_utf8(payload.to_vec()).expect("text"),
            Outcome::Dead(Dead { stage, reason: _, raw }) => {
                format!("{stage:?} {}", String::from_utf8_lossy(&raw[..raw.len().min(20)]))
            }
        };
        came.into_iter().map(shown).collect()
    }

    #[tokio::test]
    async fn each_line_is_a_payload_as_it_is_or_dead_and_blank_ones_are_nothing() {
        let wanted = ["{\"a\": 1}", "Parse {oops", "[2]"];
        assert_eq!(read("\u{feff}{\"a\": 1}\n\n  \n{oops\r\n[2]", BodyFormat::Ndjson).await, wanted);
        assert_eq!(read("", BodyFormat::Ndjson).await, [""; 0]);
        let long = format!("\"{}\"\n1\n", "x".repeat(MAX_PAYLOAD));
        assert_eq!(read(long, BodyFormat::Ndjson).await, ["Frame \"xxxxxxxxxxxxxxxxxxx", "1"]);
    }

    #[tokio::test]
    async fn a_document_is_one_payload_with_its_line_ends() {
        assert_eq!(read("{\n \"a\": 1\n}\n", BodyFormat::Json).await, ["{\n \"a\": 1\n}\n"]);
        assert_eq!(read("{} {}", BodyFormat::Json).await, ["Parse {} {}"]);
        assert_eq!(read("a\nb", BodyFormat::Whole).await, ["a\nb"]);
        assert_eq!(read("", BodyFormat::Whole).await, [""], "nothing is a payload too");
    }

    #[tokio::test]
    async fn rows_are_objects_by_their_header() {
        let csv = BodyFormat::Csv { delimiter: ',', header: true };
        assert_eq!(read("id,b\n1,x\n2\n", csv).await, ["{\"b\":\"x\",\"id\":\"1\"}", "Parse 2"]);
        assert_eq!(read("id,id\n1,x\n", csv).await, ["Parse id,id"], "no row of it is read");
        let quote = BodyFormat::Csv { delimiter: '"', header: true };
        assert!(read_body(Bytes::new(), quote, 10).await.is_err());
    }

    #[tokio::test]
    async fn events_are_payloads_as_they_stand() {
        let event = r#"{"specversion":"1.0","id":"1","source":"s","type":"t"}"#;
        assert_eq!(read(event, BodyFormat::Event).await, [event]);
        let batch = format!("[{event}, {{\"id\": 2}}]");
        assert_eq!(read(batch, BodyFormat::Events).await, [event, "Parse {\"id\": 2}"]);
        assert_eq!(read("{}", BodyFormat::Events).await, ["Parse {}"]);
        assert_eq!(read("[]", BodyFormat::Events).await, [""; 0]);
    }

    #[tokio::test]
    async fn events_come_in_traces_of_their_own_and_other_payloads_in_none() {
        const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let traces = async |body: String, format| {
            let came = read_body(body.into(), format, 10).await.expect("a format");
            came.into_iter().map(|came| came.trace.map(|trace| trace.to_string())).collect::<Vec<_>>()
        };
        let event =
            format!(r#"{{"specversion":"1.0","id":"1","source":"s","type":"t","traceparent":"{TRACE}"}}"#);
        let some = Some(TRACE.to_owned());
        assert_eq!(traces(event.clone(), BodyFormat::Event).await, std::slice::from_ref(&some));
        assert_eq!(
            traces(format!("[{event}, {{}}, {event}]"), BodyFormat::Events).await,
            [some.clone(), None, some]
        );
        assert_eq!(traces(event.clone(), BodyFormat::Ndjson).await, [None]);
        assert_eq!(traces(event, BodyFormat::Whole).await, [None]);
    }

    #[tokio::test]
    async fn of_more_than_are_wanted_one_more_is_read() {
        let lines = "1\n".repeat(1_000);
        assert_eq!(read(lines.clone(), BodyFormat::Ndjson).await.len(), 11);
        assert_eq!(read(lines, BodyFormat::Csv { delimiter: ',', header: false }).await.len(), 11);
        assert_eq!(read(format!("[{}1]", "1,".repeat(1_000)), BodyFormat::Events).await.len(), 11);
        assert_eq!(
            read(format!("[{}", "1,".repeat(1_000)), BodyFormat::Events).await.len(),
            1,
            "it is no array"
        );
    }
}
