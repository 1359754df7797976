//! What was read of a split, on its way into the ledger.

/// Arrivals that came one after the other, from a position on. All or none of them are accounted for, together with the
/// position after them.
#[derive(Clone, Debug, Default)]
pub struct Admission {
    /// Where they begin: the position that the ledger has.
    pub position: i64,
    /// From where is read on.
    pub next: i64,
    /// Whether nothing comes after them.
    pub done: bool,
    /// Payloads, in order, each at most 1 MiB.
    pub payloads: Vec<Vec<u8>>,
    /// Where each begins.
    pub positions: Vec<i64>,
    /// What cannot become a record, in order.
    pub dead: Vec<DeadArrival>,
}

/// An arrival that cannot become a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadArrival {
    /// Where it begins.
    pub position: i64,
    /// Which step gave it up.
    pub stage: String,
    /// Why: a sentence.
    pub reason: String,
    /// As it was read, the first 1 MiB at most.
    pub raw: Vec<u8>,
}

/// What became of an admission that was taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// Became records.
    pub records: u64,
    /// Repeat a record of the ring.
    pub duplicates: u64,
    /// Are dead.
    pub dead: u64,
    /// From where is read on.
    pub position: i64,
    /// Whether the split has been read to its end.
    pub done: bool,
    /// Whether the run has the most records that it may have: nothing more is read.
    pub full: bool,
}

impl Admission {
    /// What follows from a position on, of which nothing is known yet.
    #[must_use]
    pub fn from(position: i64) -> Self {
        Self { position, next: position, ..Self::default() }
    }
}
