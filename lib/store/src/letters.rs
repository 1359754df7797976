//! Dead letters, one by one, and what somebody does with them: they are taken up again where they lie, noted for another run, or discarded.

mod calls;

use crate::intake::{DeadArrival, Judgement, Payloads, Refusal};
use crate::row::from_row;

/// Where an arrival is: the numbers of its source and split, and its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LetterPlace {
    /// Number of its source.
    pub source: i32,
    /// Split of that.
    pub split: i32,
    /// Position in that.
    pub position: i64,
}

impl LetterPlace {
    /// Before all others.
    pub const START: Self = Self { source: 0, split: 0, position: -1 };

    /// Behind all of its split that come before this position.
    #[must_use]
    pub const fn before(source: i32, split: i32, position: i64) -> Self {
        Self { source, split, position: position - 1 }
    }
}

/// A dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Number of its source.
    pub number: i32,
    /// Name of that.
    pub source: String,
    /// Whether that is pushed: then its position was not known when it was judged.
    pub pushed: bool,
    /// Split of the source.
    pub split: i32,
    /// Position in the split.
    pub position: i64,
    /// Which step gave it up.
    pub stage: String,
    /// The rule that failed for it, if that was a policy's.
    pub rule: Option<String>,
    /// Why.
    pub reason: String,
    /// Its bytes as they were read, the first 1 MiB at most; none once they are removed, or where they were not asked for.
    pub raw: Option<Vec<u8>>,
    /// How many are kept; none once they are removed.
    pub bytes: Option<i64>,
    /// Whether those are all that its source gave.
    pub whole: bool,
    /// When they were removed, RFC 3339, UTC.
    pub swept_at: Option<String>,
    /// When it arrived, RFC 3339, UTC.
    pub arrived_at: String,
    /// The same, in microseconds since 1970.
    pub arrived_micros: i64,
    /// How often something was done with it.
    pub attempts: i64,
    /// Its end, if it has one: `Moved` or `Discarded`.
    pub ended: Option<String>,
    /// The run that reads it, if one does.
    pub into: Option<String>,
}

from_row!(Letter {
    number,
    source,
    pushed,
    split,
    position,
    stage,
    rule,
    reason,
    raw,
    bytes,
    whole: "is_whole",
    swept_at,
    arrived_at,
    arrived_micros,
    attempts,
    ended,
    into: "into_name"
});

impl Letter {
    /// Where it is.
    #[must_use]
    pub const fn place(&self) -> LetterPlace {
        LetterPlace { source: self.number, split: self.split, position: self.position }
    }
}

/// Who does something, and which letters were meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct By<'a> {
    /// As the program knows it that asks.
    pub actor: &'a str,
    /// In the words of whoever asked; empty: all.
    pub selection: &'a str,
}

/// How letters end where they lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending<'a> {
    /// Their bytes are removed.
    Discard,
    /// The run of this name, which is not made yet, reads them.
    Into(&'a str),
}

/// What came of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It is written down, under this number.
    Done(i32),
    /// One of them has an end by now: nothing was done.
    Lost,
    /// There is a run of the other name: nothing was done.
    Taken,
    /// The run is not sealed: nothing was done.
    Unsealed,
    /// The run has no sources, is gone or being deleted.
    Gone,
}

/// Dead letters of one split, judged anew.
#[derive(Clone, Debug, Default)]
pub struct TakenUp {
    /// Number of the source.
    pub source: i32,
    /// Split of it.
    pub split: i32,
    /// What is admitted, in the order of their positions.
    pub payloads: Payloads,
    /// Where each lay.
    pub positions: Vec<i64>,
    /// What names each, in a run that knows payloads by an expression.
    pub identities: Payloads,
    /// What is refused once more, in the order of their positions. Bytes are not looked at: the ledger has them.
    pub refused: Vec<DeadArrival>,
    /// What the policy of the run said of them; none in a run that has none.
    pub judgement: Option<Judgement>,
}

/// What became of letters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Became {
    /// Records.
    pub admitted: i64,
    /// Repeat a record.
    pub duplicates: i64,
    /// Rejected by a rule.
    pub rejected: i64,
    /// Dead again.
    pub dead: i64,
    /// Wait for what others say of them.
    pub pending: i64,
}

from_row!(Became { admitted, duplicates, rejected, dead, pending });

impl Became {
    /// How many there are.
    #[must_use]
    pub const fn all(self) -> i64 {
        let Self { admitted, duplicates, rejected, dead, pending } = self;
        admitted + duplicates + rejected + dead + pending
    }
}

/// What came of taking letters up again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TookUp {
    /// It is done, on disk, and written down under this number.
    Done(i32, Became),
    /// One of them is not as it was by now: nothing was done.
    Lost,
    /// Nothing may be admitted to the run now.
    Refused(Refusal),
}

/// What somebody did with dead letters of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterAct {
    /// Its number.
    pub act: i32,
    /// `Redrive` or `Discard`.
    pub kind: String,
    /// The run that reads them, if that is another.
    pub into: Option<String>,
    /// How many.
    pub letters: i64,
    /// Which were meant; empty: all.
    pub selection: String,
    /// Who.
    pub actor: String,
    /// By which login of the database.
    pub login: String,
    /// When, RFC 3339, UTC.
    pub acted_at: String,
    /// What they became in their own run.
    pub became: Became,
}

from_row!(LetterAct {
    act,
    kind,
    into: "into_name",
    letters,
    selection,
    actor,
    login,
    acted_at,
    became: Became
});

/// What was done with one dead letter, and what was said of it before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterMove {
    /// 1 for the first time, and so on.
    pub attempt: i32,
    /// Number of the act.
    pub act: i32,
    /// `Redrive` or `Discard`.
    pub kind: String,
    /// `Admitted`, `Duplicate`, `Rejected`, `Dead`, `Moved` or `Discarded`; `Pending` while others are asked about it.
    pub became: String,
    /// The run that reads it, if that is another.
    pub into: Option<String>,
    /// Which step had given it up.
    pub stage: String,
    /// The rule that had failed for it.
    pub rule: Option<String>,
    /// Why.
    pub reason: String,
    /// Who.
    pub actor: String,
    /// By which login of the database.
    pub login: String,
    /// When, RFC 3339, UTC.
    pub acted_at: String,
}

from_row!(LetterMove {
    attempt,
    act,
    kind,
    became,
    into: "into_name",
    stage,
    rule,
    reason,
    actor,
    login,
    acted_at
});
