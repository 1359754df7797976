//! From a split and a position to the pieces that are read.

use bytes::Bytes;

use crate::arrival::{Arrival, MAX_PAYLOAD, Position, Reason, Stage, Versions};
use crate::csv::Header;
use crate::describe::{EventMode, Format};
use crate::error::ReadError;
use crate::fault::Fault;
use crate::framing::{CsvRows, Endless, Lines};
use crate::judge::{Content, dead};
use crate::object::Compression;
use crate::parquet_rows::ParquetRows;
use crate::pieces::{Broken, Pieces};
use crate::request::Request;
use crate::split::Part;
use crate::text::Text;

/// A split that can be read.
pub(crate) struct Opened {
    pub(crate) source: Source,
    pub(crate) content: Content,
    /// From where on nothing is the split's.
    pub(crate) end: u64,
    /// Of an object that is one payload: its bytes, if they are known beforehand.
    pub(crate) size: u64,
}

/// How a split is read.
pub(crate) enum Opening {
    /// As a text that is cut into pieces.
    Text(Box<Opened>),
    /// As rows of a Parquet file.
    Rows(Box<ParquetRows>),
}

pub(crate) enum Source {
    Lines(Pieces<Lines>),
    Rows(Pieces<CsvRows>),
    Whole(Pieces<Endless>),
}

/// Why reading ends before the split does.
pub(crate) enum Stop {
    /// All that is left is one dead arrival.
    Last(Arrival),
    Error(ReadError),
}

/// Nothing, if nothing is there from the position on.
pub(crate) async fn open(request: &Request) -> Result<Option<Opening>, Box<Stop>> {
    if request.format == (Format::Parquet {}) {
        let end = match request.split.part {
            Part::Object {} => u64::MAX,
            Part::Bytes { start: _, end } | Part::Rows { start: _, end } => end,
        };
        let (store, object, start) = (&request.store, &request.split.object, request.position.0);
        let opened = ParquetRows::open(store, object, start, end).await;
        return opened
            .map(|rows| Some(Opening::Rows(Box::new(rows))))
            .map_err(|fault| broken_rows(request, start, fault));
    }
    open_text(request).await.map(|opened| opened.map(|opened| Opening::Text(Box::new(opened))))
}

async fn open_text(request: &Request) -> Result<Option<Opened>, Box<Stop>> {
    let position = request.position.0;
    match &request.format {
        Format::Lines {} => lines(request, Content::Bytes).await.map(Some),
        Format::Ndjson {} => lines(request, Content::Json).await.map(Some),
        Format::CloudEvents { mode: EventMode::Lines } => {
            lines(request, Content::Event { alone: false }).await.map(Some)
        }
        Format::Csv { delimiter, header } => rows(request, ascii(*delimiter), *header).await,
        Format::Parquet {} => Ok(None),
        Format::Whole {} | Format::CloudEvents { mode: EventMode::Single } if position > 0 => Ok(None),
        Format::Whole {} => whole(request, Content::Bytes, false).map(Some),
        Format::CloudEvents { mode: EventMode::Single } => {
            if request.split.object.version.size == 0 {
                let reason = Reason::NotCloudEvent("the object is empty".to_owned());
                return Err(last(Position(0), Stage::Parse, reason, Bytes::new()));
            }
            whole(request, Content::Event { alone: true }, true).map(Some)
        }
    }
}

async fn lines(request: &Request, content: Content) -> Result<Opened, Box<Stop>> {
    let position = request.position.0;
    let pieces = match request.split.part {
        Part::Object {} | Part::Rows { .. } => {
            Pieces::new(text(request, position, u64::MAX)?, Lines, position, true)
        }
        Part::Bytes { .. } if position == 0 => Pieces::new(text(request, 0, u64::MAX)?, Lines, 0, true),
        Part::Bytes { start: _, end } => {
            let mut pieces = Pieces::new(text(request, position - 1, u64::MAX)?, Lines, position - 1, true);
            pieces.align(end).await.map_err(|found| broken(request, Broken { start: position, ..found }))?;
            pieces
        }
    };
    let end = match request.split.part {
        Part::Object {} | Part::Rows { .. } => u64::MAX,
        Part::Bytes { start: _, end } => end,
    };
    Ok(Opened { source: Source::Lines(pieces), content, end, size: 0 })
}

/// The header is read from the start of the object, wherever reading goes on.
async fn rows(request: &Request, delimiter: u8, has_header: bool) -> Result<Option<Opened>, Box<Stop>> {
    let position = request.position.0;
    let mut pieces = Pieces::new(text(request, 0, u64::MAX)?, CsvRows::new(delimiter), 0, true);
    let header = if has_header {
        let first = loop {
            let piece = pieces.next(u64::MAX).await;
            let piece = piece.map_err(|found| broken(request, Broken { start: position, ..found }))?;
            match piece {
                None => return Ok(None),
                Some(piece) if piece.length == 0 => {}
                Some(piece) => break piece,
            }
        };
        let unusable = |reason| last(request.position, Stage::Parse, reason, first.bytes.clone());
        if first.too_long() || first.defect.is_some() {
            let why = if first.too_long() {
                "it is longer than 1 MiB"
            } else {
                "its quotes are not those of RFC 4180"
            };
            return Err(unusable(Reason::BadHeader(why.to_owned())));
        }
        Header::new(delimiter, &first.bytes).map_err(unusable)?
    } else {
        Header::none(delimiter)
    };
    if position > 0 {
        pieces = Pieces::new(text(request, position, u64::MAX)?, CsvRows::new(delimiter), position, true);
    }
    let content = Content::Row(Box::new(header));
    Ok(Some(Opened { source: Source::Rows(pieces), content, end: u64::MAX, size: 0 }))
}

fn whole(request: &Request, content: Content, marked: bool) -> Result<Opened, Box<Stop>> {
    let object = &request.split.object;
    // Of an object that is too long anyway, only what is kept.
    let size = if object.compression() == Compression::None { object.version.size } else { 0 };
    let pieces = Pieces::new(text(request, 0, MAX_PAYLOAD as u64 + 4)?, Endless, 0, marked);
    let too_long = if size > MAX_PAYLOAD as u64 + 3 { size } else { 0 };
    Ok(Opened { source: Source::Whole(pieces), content, end: u64::MAX, size: too_long })
}

fn text(request: &Request, offset: u64, limit: u64) -> Result<Text, Box<Stop>> {
    Text::open(&request.store, &request.split.object, offset, limit)
        .map_err(|fault| broken(request, Broken { start: request.position.0, raw: Bytes::new(), fault }))
}

/// What comes of a Parquet file that cannot be read on at a row.
pub(crate) fn broken_rows(request: &Request, row: u64, fault: Fault) -> Box<Stop> {
    match fault {
        Fault::Corrupt(reason) => last(Position(row), Stage::Parse, reason, Bytes::new()),
        other => broken(request, Broken { start: row, raw: Bytes::new(), fault: other }),
    }
}

/// What comes of a text that cannot be read on.
pub(crate) fn broken(request: &Request, broken: Broken) -> Box<Stop> {
    let Broken { start, raw, fault } = broken;
    let position = Position(start);
    match fault {
        // What was read of the arrival is of a version that is not there any more.
        Fault::Changed(now) => {
            let was = request.split.object.version.clone();
            last(position, Stage::Fetch, Reason::ObjectChanged(Box::new(Versions { was, now })), Bytes::new())
        }
        Fault::Corrupt(reason) => last(position, Stage::Decompress, reason, raw),
        Fault::Read(error) => Box::new(Stop::Error(error)),
    }
}

fn last(position: Position, stage: Stage, reason: Reason, raw: Bytes) -> Box<Stop> {
    let outcome = dead(stage, reason, raw);
    Box::new(Stop::Last(Arrival {
        position,
        next_position: Position::END,
        outcome,
        identity: None,
        trace: None,
    }))
}

/// [`Format::check`] has looked.
fn ascii(delimiter: char) -> u8 {
    u8::try_from(delimiter).unwrap_or(b',')
}
