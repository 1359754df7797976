//! Tables of decisions: one row a situation, named by a sentence.

use chancery_api::Reason;
use std::time::Duration;

use super::situation::{SECRET, Situation};
use crate::run::decide::decision::{Again, Cause, Decision, Effect, JobPlan, Stage};

/// A situation, and what is to be decided in it.
pub(super) struct Row {
    sentence: &'static str,
    situation: Situation,
    expected: Expected,
}

pub(super) fn row(sentence: &'static str, situation: Situation, expected: Expected) -> Row {
    Row { sentence, situation, expected }
}

/// A decision without the wording of its messages.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Expected {
    effects: Vec<Effect>,
    stage: Stage,
    obstacle: Option<Reason>,
    failure: Option<Reason>,
    aside: Option<Reason>,
    again: Again,
}

/// Nothing is done, nothing is wrong, and nothing is looked at again until it changes.
pub(super) fn at(stage: Stage) -> Expected {
    Expected {
        effects: Vec::new(),
        stage,
        obstacle: None,
        failure: None,
        aside: None,
        again: Again::OnChange,
    }
}

impl Expected {
    pub(super) fn doing<const N: usize>(self, effects: [Effect; N]) -> Self {
        Self { effects: effects.into(), ..self }
    }

    pub(super) fn blocked(self, reason: Reason) -> Self {
        Self { obstacle: Some(reason), ..self }
    }

    pub(super) fn failed(self, reason: Reason) -> Self {
        Self { failure: Some(reason), ..self }
    }

    pub(super) fn with_aside(self, reason: Reason) -> Self {
        Self { aside: Some(reason), ..self }
    }

    pub(super) fn again_after(self, seconds: u64) -> Self {
        Self { again: Again::After(Duration::from_secs(seconds)), ..self }
    }

    pub(super) fn again_at_once(self) -> Self {
        Self { again: Again::AtOnce, ..self }
    }
}

impl From<Decision> for Expected {
    fn from(decision: Decision) -> Self {
        let Decision { effects, stage, obstacle, failure, aside, again } = decision;
        let word = |reason: Option<Cause>| reason.map(|reason| reason.reason);
        Self { effects, stage, obstacle: word(obstacle), failure: word(failure), aside: word(aside), again }
    }
}

/// Checks every row, and tells of all that are wrong.
pub(super) fn check<const N: usize>(rows: [Row; N]) {
    let wrong: Vec<String> = rows
        .into_iter()
        .filter_map(|Row { sentence, situation, expected }| {
            let decided = Expected::from(situation.decide());
            (decided != expected)
                .then(|| format!("{sentence}:\n  expected {expected:?}\n  decided  {decided:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {N} rows are wrong\n{}", wrong.len(), wrong.join("\n"));
}

pub(super) fn run_job(parallelism: u32) -> Effect {
    Effect::EnsureJob(job_plan(parallelism, false))
}

pub(super) fn hold_job(parallelism: u32) -> Effect {
    Effect::EnsureJob(job_plan(parallelism, true))
}

fn job_plan(parallelism: u32, suspended: bool) -> JobPlan {
    let (run_uid, secret) = (Some(uuid::Uuid::nil()), Some(SECRET.to_owned()));
    JobPlan { parallelism, suspended, backoff_limit: 106 + parallelism, run_uid, secret }
}

pub(super) const HOLD: Effect = Effect::SetMutable { suspended: true };

pub(super) const LET_GO: Effect = Effect::SetMutable { suspended: false };
