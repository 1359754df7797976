//! Whether a ledger still holds what was stated. Everything is computed anew from records, signatures, batches, leases and
//! keys; what is kept of batches only helps to say where the difference is.

mod chain;
mod compare;
mod walk;

use chancery_statement::statement::Claim;
use chancery_statement::{Envelope, Opened, Statement, TrustedKeys};
use chancery_store::audit::Snapshot;
use chancery_store::{Ledger, Run, StoreError};

use crate::StatingError;
use crate::report::{StatementHead, StatementReport};
use crate::roots::name;

/// A statement that was kept outside of the ledger.
#[derive(Clone, Debug)]
pub struct KeptStatement {
    /// Where: a file and a line, for people.
    pub place: String,
    /// The statement.
    pub envelope: Envelope,
}

/// Checks the chain of all statements of the ledger, that those kept elsewhere are in it, and that a run is what was
/// stated of it.
///
/// A run that is not in the ledger is one more violation if a kept statement speaks of it, and an error otherwise.
///
/// # Errors
///
/// [`StatingError`]; what differs is none.
pub async fn check(
    ledger: &Ledger,
    namespace: &str,
    run: &str,
    trusted: &TrustedKeys,
    kept: &[KeptStatement],
) -> Result<StatementReport, StatingError> {
    let ledger_uid = ledger.uid().await?;
    let mut snapshot = ledger.snapshot().await?;
    let rows = snapshot.statements().await?;
    let mut report = StatementReport { chain: rows.len() as u64, ..StatementReport::default() };
    let mut believed = chain::check(&rows, ledger_uid, trusted, kept, &mut report);
    let foreign = std::mem::take(&mut believed.foreign);
    let about =
        |opened: &&Opened| opened.statement.run.namespace == namespace && opened.statement.run.name == run;
    let found = match snapshot.run(namespace, run).await {
        Ok(found) => found,
        Err(StoreError::NoRun(_)) if believed.kept.iter().any(|opened| about(&opened)) => {
            for opened in believed.kept.iter().filter(about) {
                report.violated(format!(
                    "{} speaks of the run {} ({}), which is not in the ledger",
                    chain::called(&opened.statement),
                    opened.statement.run_name(),
                    opened.statement.run.uid
                ));
            }
            report.not_trusted.extend(foreign.into_iter().map(|foreign| foreign.why));
            return Ok(report);
        }
        Err(error) => return Err(error.into()),
    };
    for foreign in foreign {
        if foreign.run_uid == found.uid {
            report.violated(foreign.why);
        } else {
            report.not_trusted.push(foreign.why);
        }
    }
    for opened in believed.kept.iter().filter(about) {
        if opened.statement.run.uid != found.uid {
            report.violated(format!(
                "{} speaks of another run of this name: that was {}, this is {}",
                chain::called(&opened.statement),
                opened.statement.run.uid,
                found.uid
            ));
        }
    }
    // Both are looked at, because the ledger's own may be missing, and it may have more than was kept.
    let mut stated: Vec<Opened> = believed.kept.into_iter().chain(believed.chain).collect();
    stated.retain(|opened| opened.statement.run.uid == found.uid);
    stated.sort_by_key(|opened| (opened.statement.number, opened.hash));
    stated.dedup();
    report.about = stated
        .iter()
        .map(|opened| StatementHead {
            kind: opened.statement.kind(),
            number: opened.statement.number,
            hash: opened.hash,
            key: opened.key_id.clone(),
        })
        .collect();
    of_run(&snapshot, &found, &stated, &mut report).await?;
    Ok(report)
}

/// Compares the run with what was stated of it.
async fn of_run(
    snapshot: &Snapshot,
    run: &Run,
    stated: &[Opened],
    report: &mut StatementReport,
) -> Result<(), StatingError> {
    missing(run, stated, report);
    if stated.is_empty() {
        return Ok(());
    }
    let is = walk::walk(snapshot, run).await?;
    let keys = snapshot.reader().await?.keys(&run.keyring).await?;
    for batch in &is.leaseless {
        report.violated(format!("batch {batch} is signed under no lease or key that is there"));
    }
    for opened in stated {
        let Statement { claim, .. } = &opened.statement;
        match claim {
            Claim::Sealed(claim) => compare::sealed(&opened.statement, claim, run, &is, &keys, report),
            Claim::Signed(claim) => {
                let log = walk::lease_log(snapshot, run, &claim.lease_log).await?;
                compare::signed(&opened.statement, claim, run, &is, &log, report);
                let sealing = stated.iter().find(|other| matches!(other.statement.claim, Claim::Sealed(_)));
                if sealing.is_some_and(|sealing| sealing.hash != claim.sealing) {
                    report.violated(format!(
                        "{} names another statement about the sealing than there is",
                        chain::called(&opened.statement)
                    ));
                }
            }
        }
    }
    Ok(())
}

/// What should have been stated, and was not.
fn missing(run: &Run, stated: &[Opened], report: &mut StatementReport) {
    let has = |kind: fn(&Claim) -> bool| stated.iter().any(|opened| kind(&opened.statement.claim));
    let mut say = |what: &str| {
        report.violated(format!(
            "no statement that can be believed says that the run {} is {what}: either it is not made yet (`chancery run` or the operator makes it), or it was removed",
            name(run)
        ));
    };
    if run.sealed && !has(|claim| matches!(claim, Claim::Sealed(_))) {
        say("sealed");
    }
    if run.complete && !has(|claim| matches!(claim, Claim::Signed(_))) {
        say("signed");
    }
}
