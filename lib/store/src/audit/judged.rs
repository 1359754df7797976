//! What a policy said of arrivals, as the ledger has it.

use crate::row::from_row;

/// A record that a policy judged.
#[derive(Debug)]
pub struct JudgedRow {
    /// Its number.
    pub record: i64,
    /// Where it came from.
    pub place: JudgedPlace,
    /// What is signed; none if it is longer than it may be.
    pub payload: Option<Vec<u8>>,
    /// What it was before it was enriched.
    pub original: Option<Vec<u8>>,
    /// What is kept of the rules that flagged it, as JSON.
    pub mark: Option<String>,
    /// The alerts about it: the message of each rule, as JSON.
    pub alerts: Option<String>,
}

from_row!(JudgedRow { record, place: JudgedPlace, payload, original, mark, alerts });

/// Where an arrival came from, and by which instant it was judged.
#[derive(Debug)]
pub struct JudgedPlace {
    /// Name of its source.
    pub source: String,
    /// Whether it was pushed: then its position was not known when it was judged.
    pub pushed: bool,
    /// Split of the source.
    pub split: i32,
    /// Position in the split.
    pub position: i64,
    /// When it was judged, in microseconds since 1970.
    pub judged_at: Option<i64>,
    /// What others said of it, as JSON, if anybody was asked.
    pub answers: Option<String>,
    /// How often they were asked.
    pub attempts: Option<i32>,
}

from_row!(JudgedPlace { source, pushed, split, position, judged_at, answers, attempts });

/// An arrival that a policy refused.
#[derive(Debug)]
pub struct RefusedRow {
    /// Where it came from.
    pub place: JudgedPlace,
    /// `Rejected` or `Dead`.
    pub state: String,
    /// The rule that says so.
    pub rule: String,
    /// Why.
    pub reason: String,
    /// Its bytes.
    pub raw: Vec<u8>,
}

from_row!(RefusedRow { place: JudgedPlace, state, rule, reason, raw });
