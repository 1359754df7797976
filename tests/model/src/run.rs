//! What the ledger knows of a run.

/// How far the deletion of a run has come. Each step is a transaction of the owner, who may stop for any
/// time between two of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// It is not being deleted.
    #[default]
    Kept,
    /// `deleted_at` is set.
    Marked,
    /// Its batches, records and signatures are dropped as well.
    Dropped,
    /// Its row is gone; a row of `deleted_runs` stands in its place.
    Removed,
}

/// A row of `runs`, or of `deleted_runs`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Run {
    pub(crate) stage: Stage,
    /// `sealed_at` is set: no batch is added any more.
    pub(crate) sealed: bool,
    /// `completed_at` is set.
    pub(crate) completed: bool,
}

impl Run {
    pub(crate) fn is_deleted(self) -> bool {
        self.stage > Stage::Kept
    }

    /// Its deletion has begun and is not finished.
    pub(crate) fn is_being_deleted(self) -> bool {
        matches!(self.stage, Stage::Marked | Stage::Dropped)
    }

    pub(crate) fn is_in_ledger(self) -> bool {
        self.stage < Stage::Removed
    }
}
