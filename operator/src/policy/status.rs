//! The status of a policy.

use chancery_api::condition::{self, ConditionType, Finding};
use chancery_api::{Reason, SigningPolicyStatus, format};
use chancery_sources::pin::NotPinned;
use chancery_store::NewPolicy;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;

use crate::host::cut::cut;

/// Longest message of the condition, in bytes of JSON: an API server takes 32,768 letters, and nobody reads as many.
const MESSAGE_BYTES: usize = 8_000;

/// What was found of a policy: the name of its version, or what is wrong with it.
pub(crate) type Found = Result<String, String>;

/// What came of pinning it, in the words of `chancery policy check`.
pub(crate) fn found(pinned: Result<NewPolicy, NotPinned>) -> Found {
    match pinned {
        Ok(policy) => Ok(format::version(&policy.hash())),
        Err(NotPinned::Findings { policy: _, findings }) => {
            let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
            Err(findings.join("; "))
        }
        Err(other) => Err(other.to_string()),
    }
}

/// The status that says so, of a spec of this generation.
pub(crate) fn status(
    found: Found,
    generation: Option<i64>,
    previous: &SigningPolicyStatus,
    now: Timestamp,
) -> SigningPolicyStatus {
    let (ready, reason, message, version) = match found {
        Ok(version) => (true, Reason::PolicyReady, "the policy is good".to_owned(), Some(version)),
        Err(wrong) => (false, Reason::PolicyNotReady, cut(wrong, MESSAGE_BYTES), None),
    };
    let finding = Finding { type_: ConditionType::Ready, status: Some(ready), reason, message };
    let conditions = condition::conditions(vec![finding], &previous.conditions, generation, &Time(now));
    SigningPolicyStatus { observed_generation: generation, conditions, version }
}

/// Whether two statuses differ only in since when.
pub(crate) fn says_the_same(one: &SigningPolicyStatus, other: &SigningPolicyStatus) -> bool {
    let said = |status: &SigningPolicyStatus| {
        let mut status = status.clone();
        for condition in &mut status.conditions {
            condition.last_transition_time = Time(Timestamp::UNIX_EPOCH);
        }
        status
    };
    said(one) == said(other)
}
