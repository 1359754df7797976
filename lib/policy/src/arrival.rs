//! What is judged.

use jiff::Timestamp;

/// A payload that a source offered, and what is known of it.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// Its bytes.
    pub payload: &'a [u8],
    /// The name of its source.
    pub source: &'a str,
    /// Where in the source it stands.
    pub position: &'a str,
    /// When it arrived: the only clock there is.
    pub at: Timestamp,
}
