//! The audit of a run that is complete.

use std::sync::Arc;

use chancery_audit::{AuditOptions, Report};
use kube::ResourceExt;

use crate::run::apply::error::ApplyError;
use crate::run::context::Context;
use crate::run::facts::{Audited, WorkKind};
use crate::run::watched::Target;

/// Violations of each law that are told in words.
const SHOWN: usize = 1;

pub(super) fn start_audit(context: &Context, target: &Target<'_>) -> Result<(), ApplyError> {
    let Some(run) = target.run else { return Ok(()) };
    let ledger = context.services.database.get_for_audits().map_err(ApplyError::Away)?;
    let uid = target.object.uid().unwrap_or_default();
    let (memory, metrics, of) = (Arc::clone(&context.memory), Arc::clone(&context.metrics), uid.clone());
    let (namespace, name) = (run.namespace.clone(), run.name.clone());
    let work = async move {
        // One: the other processors are for reconciling.
        let options = AuditOptions { workers: 1, violations_shown: SHOWN, ..AuditOptions::default() };
        let report = chancery_audit::audit(&ledger, &namespace, &name, &options, |_| {}).await;
        metrics.audited(report.as_ref().ok().map(Report::holds));
        let audited = summary(&report?);
        memory.change(&of, |remembered| remembered.audited = Some(audited));
        Ok::<_, chancery_audit::AuditError>(())
    };
    context.background.start(&uid, target.reference.clone(), WorkKind::Auditing, work);
    Ok(())
}

fn summary(report: &Report) -> Audited {
    let holds = report.holds();
    let message = if holds {
        let counted = report.laws.iter().map(|law| format!("law {}: {}", law.law.number(), law.counted));
        format!("no law is broken: {}", counted.collect::<Vec<_>>().join("; "))
    } else {
        let broken = report.laws.iter().filter(|law| law.violations > 0).map(|law| {
            let (number, title) = (law.law.number(), law.law.title());
            let first = law.first.first().map_or("", String::as_str);
            format!("law {number} ({title}), {} times, first: {first}", law.violations)
        });
        format!("broken: {}; `chancery verify` tells more", broken.collect::<Vec<_>>().join("; "))
    };
    Audited { holds, message }
}

#[cfg(test)]
mod tests {
    use chancery_audit::{Law, LawReport};

    use super::*;

    fn report(violations: [u64; 2]) -> Report {
        let law = |law, counted: &str, violations| LawReport {
            law,
            counted: counted.to_owned(),
            violations,
            first: (violations > 0).then(|| "record 7 has no signature".to_owned()).into_iter().collect(),
        };
        Report {
            run: Some("default/demo".to_owned()),
            keyring: None,
            laws: vec![
                law(Law::EveryRecordOnce, "9 records, 9 signatures", violations[0]),
                law(Law::TrueSignatures, "9 signatures verified with 1 keys", violations[1]),
            ],
        }
    }

    #[test]
    fn what_was_looked_at_is_told_of_a_sound_run_and_the_first_violation_of_another() {
        let sound = summary(&report([0, 0]));
        assert!(sound.holds);
        assert_eq!(
            sound.message,
            "no law is broken: law 1: 9 records, 9 signatures; law 2: 9 signatures verified with 1 keys"
        );
        let broken = summary(&report([2, 0]));
        assert!(!broken.holds);
        assert_eq!(
            broken.message,
            "broken: law 1 (every record, once), 2 times, first: record 7 has no signature; `chancery verify` tells more"
        );
    }
}
