//! Reads one split, arrival by arrival.

use futures::Stream;

use crate::arrival::{Arrival, Position};
use crate::describe::Format;
use crate::error::{FinalError, ReadError};
use crate::open::{self, Opened, Opening, Source, Stop};
use crate::parquet_rows::ParquetRows;
use crate::request::Request;
use crate::split::Split;
use crate::store::Store;

/// A split that is being read, in the memory of some chunks and one payload, whatever its size.
pub struct SplitReader {
    request: Request,
    state: State,
}

enum State {
    Unopened,
    Reading(Box<Opened>),
    Rows(Box<ParquetRows>),
    Done,
    Failed(ReadError),
}

impl SplitReader {
    /// A reader from a position on: the split's [start](Split::start), or the `next_position` of an arrival that was
    /// read from the same split, by whomever and whenever. What follows is what would have followed there.
    ///
    /// # Errors
    ///
    /// What the description of the format has wrong. Nothing is asked of the store yet.
    pub fn new(
        store: &Store,
        format: &Format,
        split: &Split,
        position: Position,
    ) -> Result<Self, FinalError> {
        format.check()?;
        let request =
            Request { store: store.clone(), format: format.clone(), split: split.clone(), position };
        let state = if position == Position::END { State::Done } else { State::Unopened };
        Ok(Self { request, state })
    }

    /// The next arrival; none when the split has been read.
    ///
    /// # Errors
    ///
    /// The source as a whole cannot be read. This reader says the same from then on: make another one, at the
    /// `next_position` of the last arrival.
    pub async fn next(&mut self) -> Result<Option<Arrival>, ReadError> {
        loop {
            match &mut self.state {
                State::Unopened => match open::open(&self.request).await {
                    Ok(Some(Opening::Text(opened))) => self.state = State::Reading(opened),
                    Ok(Some(Opening::Rows(rows))) => self.state = State::Rows(rows),
                    Ok(None) => self.state = State::Done,
                    Err(stop) => return self.stop(*stop),
                },
                State::Reading(opened) => match opened.next(&self.request).await {
                    Ok(Some(arrival)) => return Ok(Some(arrival)),
                    Ok(None) => self.state = State::Done,
                    Err(stop) => return self.stop(*stop),
                },
                State::Rows(rows) => match rows.next().await {
                    Ok(Some(arrival)) => return Ok(Some(arrival)),
                    Ok(None) => self.state = State::Done,
                    Err(fault) => {
                        let stop = open::broken_rows(&self.request, rows.position(), fault);
                        return self.stop(*stop);
                    }
                },
                State::Done => return Ok(None),
                State::Failed(error) => return Err(error.clone()),
            }
        }
    }

    fn stop(&mut self, stop: Stop) -> Result<Option<Arrival>, ReadError> {
        match stop {
            Stop::Last(arrival) => {
                self.state = State::Done;
                Ok(Some(arrival))
            }
            Stop::Error(error) => {
                self.state = State::Failed(error.clone());
                Err(error)
            }
        }
    }

    /// The arrivals as a stream, which reads no further than it is asked, and ends after an error.
    pub fn into_stream(self) -> impl Stream<Item = Result<Arrival, ReadError>> + Send {
        futures::stream::try_unfold(self, |mut reader| async move {
            Ok(reader.next().await?.map(|arrival| (arrival, reader)))
        })
    }
}

impl Opened {
    /// The next arrival; a piece in which nothing is is none.
    async fn next(&mut self, request: &Request) -> Result<Option<Arrival>, Box<Stop>> {
        let Self { source, content, end, size } = self;
        loop {
            let piece = match source {
                Source::Lines(pieces) => pieces.next(*end).await,
                Source::Rows(pieces) => pieces.next(*end).await,
                Source::Whole(pieces) => pieces.next(*end).await,
            };
            let Some(mut piece) = piece.map_err(|broken| open::broken(request, broken))? else {
                return Ok(None);
            };
            let mut places = (Position(piece.start), Position(piece.next));
            if matches!(source, Source::Whole(_)) {
                places = (Position(0), Position(1));
                // Of one that is too long, not all was fetched.
                piece.length = piece.length.max(*size);
            }
            let trace = content.trace(&piece);
            if let Some((outcome, identity)) = content.judge(piece) {
                let (position, next_position) = places;
                return Ok(Some(Arrival { position, next_position, outcome, identity, trace }));
            }
        }
    }
}
