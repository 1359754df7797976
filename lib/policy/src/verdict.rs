//! What comes of judging.

use serde::{Deserialize, Serialize};

/// The rule that a record breaks that is not as the policy's schema has it.
pub const SCHEMA: &str = "schema";

/// The rule that a record breaks that no match condition of a policy is for, where such are rejected.
pub const UNMATCHED: &str = "unmatched";

/// The rule that a record breaks with too many points.
pub const THRESHOLDS: &str = "thresholds";

/// What comes of judging one payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What becomes of it.
    pub outcome: Outcome,
    /// The rules that said something, in the policy's order.
    pub hits: Vec<Hit>,
    /// The sum of its points.
    pub score: i64,
    /// What is signed in the place of the payload, if that is not what is signed: canonical JSON, with its enrichments.
    pub payload: Option<Vec<u8>>,
    /// Expressions and webhooks that failed, and were passed over.
    pub ignored: u32,
    /// Whether the policy is for it at all.
    pub matched: bool,
}

/// What becomes of a payload. Of two that apply, the later one in this list counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Outcome {
    /// It is admitted.
    Clean,
    /// It is admitted with a mark.
    Flagged,
    /// It could not be judged: it is a dead letter.
    Failed,
    /// It is kept out.
    Rejected,
}

/// What one rule said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hit {
    /// Its name.
    pub rule: String,
    /// What comes of it.
    pub action: HitAction,
    /// Why, in a sentence.
    pub message: String,
}

/// What comes of what one rule said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum HitAction {
    /// The record is kept out.
    Reject,
    /// The record is admitted with a mark.
    Flag,
    /// The record is admitted, and an alert is raised.
    Alert,
    /// The record got points.
    Score,
    /// The rule could not be evaluated, and so the record is a dead letter.
    Failed,
    /// The rule could not be evaluated, and is passed over.
    Ignored,
}

impl Outcome {
    /// Its name, as in `Flagged`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Clean => "Clean",
            Self::Flagged => "Flagged",
            Self::Failed => "Failed",
            Self::Rejected => "Rejected",
        }
    }
}

impl HitAction {
    /// Its name, as in `Flag`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Reject => "Reject",
            Self::Flag => "Flag",
            Self::Alert => "Alert",
            Self::Score => "Score",
            Self::Failed => "Failed",
            Self::Ignored => "Ignored",
        }
    }

    /// What becomes of a record of which a rule said this, as far as that rule is concerned.
    #[must_use]
    pub fn outcome(self) -> Outcome {
        match self {
            Self::Reject => Outcome::Rejected,
            Self::Flag => Outcome::Flagged,
            Self::Failed => Outcome::Failed,
            Self::Alert | Self::Score | Self::Ignored => Outcome::Clean,
        }
    }
}
