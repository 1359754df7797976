//! What was stated of a run, beside what the run is. No IO.

use std::fmt::{Debug, Display};

use chancery_statement::Statement;
use chancery_statement::statement::{Keys, LeaseLog, Sealed, Signed};
use chancery_store::Run;
use chancery_store::audit::KeyRow;

use super::chain::called;
use super::walk::{Batch, Compared, Is, Log};
use crate::claims;
use crate::report::StatementReport;

/// The statement about the sealing.
pub(super) fn sealed(
    statement: &Statement,
    claim: &Sealed,
    run: &Run,
    is: &Is,
    keys: &[KeyRow],
    report: &mut StatementReport,
) {
    let Sealed { records, batches, payload_bytes, batch_size, source, keyring, keys: stated_keys, payloads } =
        claim;
    let mut found = Findings { statement: called(statement), report };
    found.number("records", Some(*records), run.sealed_records);
    found.number("batches", *batches, is.batches);
    found.number("bytes of payload", *payload_bytes, is.payload_bytes);
    found.number("records per batch", *batch_size, run.batch_size);
    found.same("source", source, &claims::source(run));
    found.same("keyring", keyring, &claims::keyring(&run.keyring));
    found.keys(stated_keys, keys);
    if *payloads != is.payloads.tree.root() {
        let kept_is_stated = *payloads == is.payloads.kept.root();
        let which = "its payloads are others than were stated";
        found.batches("payloads", which, &is.payloads, kept_is_stated, *batches == is.batches);
    }
}

/// The statement about the signatures.
pub(super) fn signed(
    statement: &Statement,
    claim: &Signed,
    run: &Run,
    is: &Is,
    log: &Log,
    report: &mut StatementReport,
) {
    let Signed { sealing: _, records, batches, keyring, lease_log, signatures } = claim;
    let mut found = Findings { statement: called(statement), report };
    found.number("records", Some(*records), run.sealed_records);
    found.number("batches", *batches, is.batches);
    found.same("keyring", keyring, &claims::keyring(&run.keyring));
    found.log(lease_log, log);
    if *signatures != is.signatures.tree.root() {
        let kept_is_stated = *signatures == is.signatures.kept.root();
        let which = "its payloads, signatures, lease or key are others than were stated";
        found.batches("signatures", which, &is.signatures, kept_is_stated, *batches == is.batches);
    }
}

struct Findings<'a> {
    statement: String,
    report: &'a mut StatementReport,
}

impl Findings<'_> {
    fn say(&mut self, text: impl Display) {
        self.report.violated(format!("{}: {text}", self.statement));
    }

    fn number<N: Into<Option<i64>>>(&mut self, what: &str, stated: N, is: N) {
        let (stated, is) = (stated.into(), is.into());
        if stated != is {
            let said =
                |number: Option<i64>| number.map_or_else(|| "no number of".to_owned(), |n| n.to_string());
            self.say(format!("it says {} {what}, the ledger has {}", said(stated), said(is)));
        }
    }

    fn same<T: PartialEq + Debug>(&mut self, what: &str, stated: &T, is: &T) {
        if stated != is {
            self.say(format!("it says another {what} than the ledger: {stated:?} instead of {is:?}"));
        }
    }

    fn keys(&mut self, stated: &Keys, keys: &[KeyRow]) {
        // Keys that joined later are none of what was stated.
        let count = keys.iter().take_while(|key| i64::from(key.number) <= stated.count).count();
        if count as i64 != stated.count {
            self.say(format!("it says {} keys, the ledger has {count} of them", stated.count));
        } else if claims::keys_tree(&keys[..count]).map(|tree| tree.root()) != Some(stated.root) {
            self.say("the ring's public keys are others than were stated");
        }
    }

    fn log(&mut self, stated: &LeaseLog, log: &Log) {
        let LeaseLog { first_use, last_use, root } = stated;
        let leases = last_use.saturating_sub(*first_use).saturating_add(1).max(0).unsigned_abs();
        if log.forgotten >= *first_use {
            self.say(format!(
                "the ring has forgotten its lease log up to use {}, while a run that was signed from use {first_use} on is in the ledger",
                log.forgotten
            ));
        } else if log.leases != leases {
            self.say(format!(
                "it says that the ring's lease log has {leases} leases from use {first_use} to {last_use}, the ledger has {}",
                log.leases
            ));
        } else if log.root != *root {
            self.say(format!("a lease from use {first_use} to {last_use} is another than was stated"));
        }
    }

    /// What differs of a tree, as precisely as what is kept of its batches tells.
    fn batches(&mut self, what: &str, which: &str, tree: &Compared, kept_is_stated: bool, all_there: bool) {
        if !kept_is_stated || tree.differing.is_empty() {
            let because = if all_there {
                "; so are the roots that are kept of its batches: it cannot be told in which batch"
            } else {
                ""
            };
            self.say(format!("the run's {what} are others than were stated{because}"));
            return;
        }
        for Batch { batch, first_record, last_record } in &tree.differing {
            self.say(format!("batch {batch} (records {first_record} to {last_record}): {which}"));
        }
        let more = tree.differ.saturating_sub(tree.differing.len() as u64);
        if more > 0 {
            self.say(format!("so do {more} more batches differ"));
        }
    }
}

#[cfg(test)]
mod tests;
