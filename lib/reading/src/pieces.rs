//! The pieces of a text, one after the other. Of a piece that is too long only its beginning is held.

use bytes::{Buf, Bytes};

use crate::arrival::MAX_PAYLOAD;
use crate::fault::Fault;
use crate::framing::{Defect, Framing};
use crate::text::Text;

/// What is kept of a piece: a payload and its line end.
const KEPT: usize = MAX_PAYLOAD + 2;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A text, and how far it has been read.
pub(crate) struct Pieces<F> {
    text: Text,
    framing: F,
    /// Read and not yet looked at; its first byte is byte `at` of the text.
    buffer: Bytes,
    at: u64,
    /// Where the current piece begins, and what there is of it.
    start: u64,
    kept: Vec<u8>,
    length: u64,
    last: [u8; 2],
    /// A byte order mark may be there.
    fresh: bool,
}

/// A line, a row, or the whole text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) start: u64,
    pub(crate) next: u64,
    /// Without its line end; the beginning, of one that is too long.
    pub(crate) bytes: Bytes,
    /// Without its line end.
    pub(crate) length: u64,
    pub(crate) defect: Option<Defect>,
}

impl Piece {
    pub(crate) fn too_long(&self) -> bool {
        self.length > MAX_PAYLOAD as u64
    }
}

/// Why there is no next piece.
#[derive(Debug)]
pub(crate) struct Broken {
    /// Where the piece begins that could not be read to its end.
    pub(crate) start: u64,
    /// What was read of it.
    pub(crate) raw: Bytes,
    pub(crate) fault: Fault,
}

impl<F: Framing> Pieces<F> {
    /// `at` is where `text` was opened. A byte order mark at the start of a text is no part of a piece, if `marked`.
    pub(crate) fn new(text: Text, framing: F, at: u64, marked: bool) -> Self {
        Self {
            text,
            framing,
            buffer: Bytes::new(),
            at,
            start: at,
            kept: Vec::new(),
            length: 0,
            last: [0; 2],
            fresh: marked && at == 0,
        }
    }

    /// Leaves out everything up to the next line end, for a text that was opened one byte before the position that is
    /// wanted: if that byte is a line end, a line begins at the position, else the line there began before it and is
    /// another split's. Stops at `end`, from where on no line is ours.
    pub(crate) async fn align(&mut self, end: u64) -> Result<(), Broken> {
        // A line that begins later than at the first byte begins behind a mark.
        self.fresh = false;
        while self.at < end {
            if self.buffer.is_empty() && !self.fill().await? {
                break;
            }
            match memchr::memchr(b'\n', &self.buffer) {
                Some(line_end) => {
                    self.consume(line_end + 1);
                    break;
                }
                None => self.consume(self.buffer.len()),
            }
        }
        self.start = self.at;
        Ok(())
    }

    fn consume(&mut self, count: usize) {
        self.buffer.advance(count);
        self.at += count as u64;
    }

    /// False at the end of the text.
    async fn fill(&mut self) -> Result<bool, Broken> {
        match self.text.next().await {
            Ok(Some(bytes)) => {
                self.buffer = bytes;
                Ok(true)
            }
            Ok(None) => Ok(false),
            Err(fault) => {
                let mut raw = std::mem::take(&mut self.kept);
                raw.truncate(MAX_PAYLOAD);
                Err(Broken { start: self.start, raw: raw.into(), fault })
            }
        }
    }

    async fn leave_mark_out(&mut self) -> Result<(), Broken> {
        self.fresh = false;
        let mut first = Vec::new();
        while first.len() < BYTE_ORDER_MARK.len() && self.fill().await? {
            first.extend_from_slice(&self.buffer);
        }
        self.buffer = first.into();
        if self.buffer.starts_with(BYTE_ORDER_MARK) {
            self.consume(BYTE_ORDER_MARK.len());
        }
        Ok(())
    }

    /// The next piece, if it begins before `end`.
    pub(crate) async fn next(&mut self, end: u64) -> Result<Option<Piece>, Broken> {
        if self.fresh {
            self.leave_mark_out().await?;
        }
        if self.start >= end {
            return Ok(None);
        }
        loop {
            if self.buffer.is_empty() && !self.fill().await? {
                // What there is without a line end is a piece too.
                return Ok((self.length > 0).then(|| {
                    let bytes = std::mem::take(&mut self.kept).into();
                    self.piece(bytes, 0, true)
                }));
            }
            match self.framing.find_end(&self.buffer) {
                Some(count) if self.length == 0 && count <= KEPT => {
                    let line = &self.buffer[..count];
                    let ending = if line.ends_with(b"\r\n") { 2 } else { 1 };
                    // A copy: a slice would hold the whole chunk for as long as somebody holds the payload.
                    let bytes = Bytes::copy_from_slice(&line[..count - ending]);
                    self.length = count as u64;
                    self.consume(count);
                    return Ok(Some(self.piece(bytes, ending, false)));
                }
                Some(count) => {
                    self.keep(count);
                    let ending = if self.last == *b"\r\n" { 2 } else { 1 };
                    let mut kept = std::mem::take(&mut self.kept);
                    kept.truncate(usize::try_from(self.length - ending).unwrap_or(usize::MAX));
                    let ending = usize::try_from(ending).unwrap_or(1);
                    return Ok(Some(self.piece(kept.into(), ending, false)));
                }
                None => self.keep(self.buffer.len()),
            }
        }
    }

    fn keep(&mut self, count: usize) {
        let bytes = &self.buffer[..count];
        match *bytes {
            [.., one, two] => self.last = [one, two],
            [one] => self.last = [self.last[1], one],
            [] => {}
        }
        let room = KEPT - self.kept.len();
        self.kept.extend_from_slice(&bytes[..count.min(room)]);
        self.length += count as u64;
        self.consume(count);
    }

    fn piece(&mut self, bytes: Bytes, ending: usize, cut: bool) -> Piece {
        let piece = Piece {
            start: self.start,
            next: self.at,
            bytes: bytes.slice(..bytes.len().min(MAX_PAYLOAD)),
            length: self.length - ending as u64,
            defect: self.framing.finish(cut),
        };
        self.start = self.at;
        self.length = 0;
        self.last = [0; 2];
        piece
    }
}
