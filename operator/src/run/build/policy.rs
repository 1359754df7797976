//! What a status and Events say of the policy of a run.

use chancery_api::{PolicyStatus, Reason, SigningRunStatus, format};

use crate::host::events::NewEvent;
use crate::run::alerting::Raised;
use crate::run::facts::LedgerRun;

/// Which version judges the run, and what it said of the records; none if nothing judges it.
pub(crate) fn policy_of(ledger: Option<&LedgerRun>, previous: &SigningRunStatus) -> Option<PolicyStatus> {
    let Some(ledger) = ledger else { return previous.policy.clone() };
    let policy = ledger.stored.0.policy.as_ref()?;
    let sources = ledger.sources.as_ref();
    Some(PolicyStatus {
        name: policy.name.clone(),
        version: format::version(&policy.hash),
        flagged: sources.map_or(0, |sources| sources.counts.flagged),
        alerts: sources.map_or(0, |sources| sources.alerts.all),
    })
}

/// One Event for each rule that raised alerts, as often as it did. Its words are the same each time, so that it is counted.
pub(crate) fn alerted(policy: &str, raised: &Raised) -> Vec<NewEvent> {
    let event = |(rule, alerts): (&String, &i64)| {
        let note = format!(
            "the rule {rule} of the policy {policy} raises alerts about records: this Event counts them, and the table chancery.alerts of the ledger has each"
        );
        NewEvent::warning(Reason::PolicyAlert, note).many(*alerts)
    };
    raised.untold.iter().map(event).collect()
}
