//! Judges payloads by the policy of their run, before they are offered to the ledger.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use chancery_policy::kept::Kept;
use chancery_policy::{Answers, Arrival, EVALUATOR, Pinned, Policy, Wants};
use chancery_store::PolicyText;
use chancery_store::intake::{DeadArrival, Judgement};
use jiff::Timestamp;

/// The step that gives an arrival up for which a rule fails.
pub const STAGE: &str = "Policy";

/// A policy, as the ledger has it.
pub struct Judge {
    policy: Policy,
    hash: Vec<u8>,
    text: String,
}

impl fmt::Debug for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Judge").field("hash", &self.hash).finish_non_exhaustive()
    }
}

/// Why what the ledger has is of no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the policy of the run cannot be used by this program: {0}; a newer program made the run: use one at least as new"
)]
pub struct JudgeError(String);

/// A payload as it came.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// Its bytes.
    pub payload: &'a [u8],
    /// The source that offers it.
    pub source: &'a str,
    /// Where it is in that; empty of what is pushed, which gets its place later.
    pub position: &'a str,
    /// The one clock of its policy, in microseconds since 1970.
    pub at: i64,
}

/// What becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judged {
    /// It is offered to the ledger, which may still find that it repeats a record; with what was said of it, if anything was.
    Admitted(Option<Box<Said>>),
    /// It does not become a record.
    Refused(Refused),
}

impl Default for Judged {
    fn default() -> Self {
        Self::Admitted(None)
    }
}

/// What a policy said of a payload that it lets pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// The payload with what was added to it.
    pub payload: Option<Vec<u8>>,
    /// The rules that hit.
    pub mark: Option<String>,
    /// Expressions that failed, and were to be ignored.
    pub ignored: u32,
}

/// Why a payload is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Which step gave it up; none of what a rule rejects.
    pub stage: Option<String>,
    /// The rule of the policy that says so.
    pub rule: Option<String>,
    /// What it says.
    pub reason: String,
}

impl Judge {
    /// By what the ledger has.
    ///
    /// # Errors
    ///
    /// It is not of this program's version.
    pub fn by(PolicyText { hash, text }: &PolicyText) -> Result<Self, JudgeError> {
        let pinned = Pinned::from_text(text).map_err(|error| JudgeError(error.to_string()))?;
        if pinned.evaluator() > EVALUATOR {
            return Err(JudgeError(format!(
                "it is of the evaluator {}, and this program has {EVALUATOR}",
                pinned.evaluator()
            )));
        }
        let policy = Policy::compile(&pinned).map_err(|findings| {
            let first = findings.first().map(ToString::to_string);
            JudgeError(first.unwrap_or_default())
        })?;
        Ok(Self { policy, hash: hash.clone(), text: text.clone() })
    }

    /// Its text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether others may have to be asked before it judges.
    #[must_use]
    pub fn asks(&self) -> bool {
        self.policy.asks()
    }

    /// Who has to be asked about a payload, beside what was answered already.
    #[must_use]
    pub fn wants(&self, seen: Seen<'_>, answers: &Answers) -> Wants {
        self.policy.wants(&seen.arrival(), answers)
    }

    /// What the ledger is told of arrivals that this judges; nothing of any yet.
    #[must_use]
    pub fn judgement(&self) -> Judgement {
        Judgement::by(self.hash.clone())
    }

    /// Judges a payload of which nobody else says anything.
    #[must_use]
    pub fn judge(&self, seen: Seen<'_>) -> Judged {
        self.judge_with(seen, &Answers::default())
    }

    /// Judges a payload by what others say of it as well.
    #[must_use]
    pub fn judge_with(&self, seen: Seen<'_>, answers: &Answers) -> Judged {
        match Kept::of(self.policy.judge(&seen.arrival(), answers)) {
            Kept::Admitted { payload: None, mark: None, ignored: 0 } => Judged::Admitted(None),
            Kept::Admitted { payload, mark, ignored } => {
                let mark = mark.map(|mark| mark.text());
                Judged::Admitted(Some(Box::new(Said { payload, mark, ignored })))
            }
            Kept::Rejected { rule, message } => {
                Judged::Refused(Refused { stage: None, rule: Some(rule), reason: message })
            }
            Kept::Failed { rule, message } => {
                Judged::Refused(Refused { stage: Some(STAGE.to_owned()), rule: Some(rule), reason: message })
            }
        }
    }
}

impl<'a> Seen<'a> {
    fn arrival(self) -> Arrival<'a> {
        let Self { payload, source, position, at } = self;
        Arrival { payload, source, position, at: Timestamp::from_microsecond(at).unwrap_or_default() }
    }
}

impl Said {
    /// Bytes that it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.payload.as_ref().map_or(0, Vec::len) + self.mark.as_ref().map_or(0, String::len)
    }

    /// Notes it for the ledger, of the last of so many payloads.
    pub fn note(&self, judgement: &mut Judgement, place: i64, payloads: usize, original: &[u8]) {
        if self.payload.is_some() {
            judgement.enriched(payloads, original.to_vec());
        }
        if let Some(mark) = &self.mark {
            judgement.marked(place, mark.clone());
        }
        judgement.ignored += i64::from(self.ignored);
    }
}

impl Refused {
    /// By a step that knows no rules.
    #[must_use]
    pub fn at_stage(stage: impl Into<String>, reason: String) -> Self {
        Self { stage: Some(stage.into()), rule: None, reason }
    }

    /// What the ledger is told of it.
    #[must_use]
    pub fn at(self, position: i64, raw: Vec<u8>) -> DeadArrival {
        let Self { stage, rule, reason } = self;
        DeadArrival { position, stage, rule, reason, raw }
    }
}

/// The clock by which arrivals are judged, in microseconds since 1970.
#[must_use]
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
