//! What becomes of one piece of a text.

use bytes::Bytes;

use crate::arrival::{Dead, Identity, Outcome, Reason, Stage};
use crate::cloud_event;
use crate::csv::{Header, row_payload};
use crate::framing::Defect;
use crate::json;
use crate::pieces::Piece;
use crate::trace::Trace;

/// What is in the pieces.
pub(crate) enum Content {
    /// Anything.
    Bytes,
    /// One JSON value each.
    Json,
    /// One event each; `alone`: one in all, so that nothing is an event that is missing.
    Event { alone: bool },
    /// A row each.
    Row(Box<Header>),
}

impl Content {
    /// In which trace a payload came, for as long as that is asked before it is judged.
    pub(crate) fn trace(&self, piece: &Piece) -> Option<Trace> {
        match self {
            Self::Event { alone: _ } if !piece.too_long() => cloud_event::trace_of(&piece.bytes),
            Self::Event { .. } | Self::Bytes | Self::Json | Self::Row(_) => None,
        }
    }

    /// Nothing, for a piece in which nothing is.
    pub(crate) fn judge(&mut self, piece: Piece) -> Option<(Outcome, Option<Identity>)> {
        if self.is_blank(&piece) {
            return None;
        }
        if piece.too_long() {
            return Some((dead(Stage::Frame, Reason::TooLong { bytes: piece.length }, piece.bytes), None));
        }
        match piece.defect {
            Some(Defect::OpenQuote) => {
                return Some((dead(Stage::Frame, Reason::OpenQuote, piece.bytes), None));
            }
            Some(Defect::AfterQuote) => {
                return Some((dead(Stage::Parse, Reason::BadQuote, piece.bytes), None));
            }
            None => {}
        }
        let bytes = piece.bytes;
        let judged = match self {
            Self::Bytes => Ok((bytes.clone(), None)),
            Self::Json => json::is_one_value(&bytes).map(|()| (bytes.clone(), None)),
            Self::Event { alone: _ } => {
                cloud_event::identity_of(&bytes).map(|identity| (bytes.clone(), Some(identity)))
            }
            Self::Row(header) => row_payload(header, &bytes).map(|row| (Bytes::from(row), None)),
        };
        Some(match judged {
            Ok((payload, identity)) => (Outcome::Payload(payload), identity),
            Err(reason) => (dead(Stage::Parse, reason, bytes), None),
        })
    }

    fn is_blank(&self, piece: &Piece) -> bool {
        match self {
            Self::Bytes | Self::Row(_) => piece.length == 0,
            // What white space is, is JSON's to say.
            Self::Event { alone: true } => false,
            Self::Json | Self::Event { alone: false } => {
                !piece.too_long()
                    && piece.bytes.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
            }
        }
    }
}

pub(crate) fn dead(stage: Stage, reason: Reason, raw: Bytes) -> Outcome {
    Outcome::Dead(Dead { stage, reason, raw })
}
