//! The conditions of a run, and of a policy, by the Kubernetes API conventions
//! (<https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#typical-status-properties>).

use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::reason::Reason;
use crate::status::Phase;

/// What a condition speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ConditionType {
    /// Every key is in the run's keyring.
    KeyringReady,
    /// The input is complete: the number of records is known, and no record comes any more.
    Sealed,
    /// `spec.suspend`, or a `spec.parallelism` of 0, stops the run from being signed.
    Suspended,
    /// Every record has a stored signature, by the ledger's own count, and every sink has every batch, or it was given up.
    Complete,
    /// The laws 1 to 5 hold of the run, by an audit of all that is stored. Unknown until there was one.
    Verified,
    /// The run cannot continue without help; the reason says why, the message what to do.
    Failed,
    /// The operator or the signers work on the run now; if not, the reason says why.
    Progressing,
    /// Of a run with sinks: every sink has every batch.
    Delivered,
    /// Of a run with sinks: one of them cannot be reached. It is waited for.
    SinkUnavailable,
    /// Of a policy: runs can be judged by it.
    Ready,
}

impl ConditionType {
    /// Every type that each run has, in the order in which a status lists them.
    pub const ALL: [Self; 7] = [
        Self::KeyringReady,
        Self::Sealed,
        Self::Suspended,
        Self::Complete,
        Self::Verified,
        Self::Failed,
        Self::Progressing,
    ];

    /// What a run with sinks has beside these, after them.
    pub const OF_SINKS: [Self; 2] = [Self::Delivered, Self::SinkUnavailable];

    /// Every type of a policy.
    pub const OF_POLICIES: [Self; 1] = [Self::Ready];

    /// The `type` of the condition.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::KeyringReady => "KeyringReady",
            Self::Sealed => "Sealed",
            Self::Suspended => "Suspended",
            Self::Complete => "Complete",
            Self::Verified => "Verified",
            Self::Failed => "Failed",
            Self::Progressing => "Progressing",
            Self::Delivered => "Delivered",
            Self::SinkUnavailable => "SinkUnavailable",
            Self::Ready => "Ready",
        }
    }
}

impl fmt::Display for ConditionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What holds of a run, without the time since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What is spoken of.
    pub type_: ConditionType,
    /// Whether it holds; none when that is not known.
    pub status: Option<bool>,
    /// Why, as one word for programs.
    pub reason: Reason,
    /// Why, as a sentence for people.
    pub message: String,
}

/// The condition of a type, if there is one.
pub fn find(conditions: &[Condition], type_: ConditionType) -> Option<&Condition> {
    conditions.iter().find(|condition| condition.type_ == type_.as_str())
}

/// Whether a condition of this type is there and holds.
pub fn holds(conditions: &[Condition], type_: ConditionType) -> bool {
    find(conditions, type_).is_some_and(|condition| condition.status == "True")
}

/// The conditions that come of `findings`. A condition that neither came to hold nor ceased
/// to keeps its `lastTransitionTime` from `previous`.
pub fn conditions(
    findings: Vec<Finding>,
    previous: &[Condition],
    observed_generation: Option<i64>,
    now: &Time,
) -> Vec<Condition> {
    findings
        .into_iter()
        .map(|Finding { type_, status, reason, message }| {
            let status = match status {
                Some(true) => "True",
                Some(false) => "False",
                None => "Unknown",
            };
            let since = find(previous, type_)
                .filter(|earlier| earlier.status == status)
                .map_or_else(|| now.clone(), |earlier| earlier.last_transition_time.clone());
            Condition {
                type_: type_.as_str().to_owned(),
                status: status.to_owned(),
                reason: reason.as_str().to_owned(),
                message,
                observed_generation,
                last_transition_time: since,
            }
        })
        .collect()
}

/// The phase that sums up conditions. `under_way` is what is being done for a run of which none of them tells more:
/// `Pending`, `Seeding` or `Signing`.
pub fn phase(conditions: &[Condition], under_way: Phase) -> Phase {
    if holds(conditions, ConditionType::Complete) {
        Phase::Complete
    } else if holds(conditions, ConditionType::Failed) {
        Phase::Failed
    } else if holds(conditions, ConditionType::Suspended) {
        Phase::Suspended
    } else {
        under_way
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::jiff::Timestamp;

    use super::*;

    fn at(second: i64) -> Time {
        Time(Timestamp::from_second(second).unwrap())
    }

    fn complete(status: bool, message: &str) -> Finding {
        Finding {
            type_: ConditionType::Complete,
            status: Some(status),
            reason: Reason::NotAllSigned,
            message: message.to_owned(),
        }
    }

    #[test]
    fn the_transition_time_moves_on_a_transition_only() {
        let first = conditions(vec![complete(false, "one")], &[], Some(1), &at(10));
        let same = conditions(vec![complete(false, "two")], &first, Some(2), &at(20));
        assert_eq!(same[0].last_transition_time, at(10));
        assert_eq!((same[0].message.as_str(), same[0].observed_generation), ("two", Some(2)));
        let turned = conditions(vec![complete(true, "three")], &same, Some(2), &at(30));
        assert_eq!(turned[0].last_transition_time, at(30));
    }

    #[test]
    fn a_complete_run_is_complete_whatever_else_holds() {
        let all: Vec<Finding> = ConditionType::ALL
            .into_iter()
            .map(|type_| Finding {
                type_,
                status: Some(true),
                reason: Reason::Pending,
                message: String::new(),
            })
            .collect();
        assert_eq!(phase(&conditions(all, &[], None, &at(0)), Phase::Seeding), Phase::Complete);
        assert_eq!(phase(&[], Phase::Seeding), Phase::Seeding);
        assert_eq!(phase(&[], Phase::Pending), Phase::Pending);
    }
}
