//! The chain of all statements of a ledger, and those that were kept elsewhere. No IO.

use chancery_statement::{Digest, Opened, Statement, TrustedKeys};
use chancery_store::statements::StatementRow;
use uuid::Uuid;

use super::KeptStatement;
use crate::envelope;
use crate::report::StatementReport;

/// Statements whose signatures verify, and those of the ledger that nobody who is trusted has signed.
#[derive(Debug, Default)]
pub(super) struct Believed {
    /// Of the ledger.
    pub(super) chain: Vec<Opened>,
    /// Kept elsewhere.
    pub(super) kept: Vec<Opened>,
    /// Of the ledger, and not to be believed.
    pub(super) foreign: Vec<Foreign>,
}

/// A statement of the ledger that nobody who is trusted has signed. Whoever has the operator's login can append one. It takes no
/// other out of the chain: the next one that is signed holds its hash, and each other has its place still.
#[derive(Debug)]
pub(super) struct Foreign {
    /// The run that it is about, by its row.
    pub(super) run_uid: Uuid,
    /// Which one it is, and why it is not believed.
    pub(super) why: String,
}

/// Checks that statements follow each other, that each says what its row says, and that those kept elsewhere are among them.
/// Tells those that are signed with a trusted key from others.
pub(super) fn check(
    rows: &[StatementRow],
    ledger: Uuid,
    trusted: &TrustedKeys,
    kept: &[KeptStatement],
    report: &mut StatementReport,
) -> Believed {
    let mut believed = Believed::default();
    let (mut number, mut before) = (0, None);
    for row in rows {
        number += 1;
        if row.number != number {
            report.violated(missing(number, row.number));
            (number, before) = (row.number, None);
        }
        if number > 1 && before.is_some() && row.previous.as_deref() != before {
            report.violated(format!("statement {number} does not follow the one before it"));
        }
        before = Some(row.hash.as_slice());
        match envelope(row).open(trusted) {
            Ok(opened) if says(row, &opened) => {
                if opened.statement.ledger != ledger {
                    let of = opened.statement.ledger;
                    report.violated(format!("statement {number} is of the ledger {of}, this is {ledger}"));
                }
                believed.chain.push(opened);
            }
            Ok(_) => report.violated(format!("statement {number} says something else than its row")),
            // Another body would not be what the next statement holds the hash of.
            Err(_) if Digest::of(&row.body).0.as_slice() != row.hash => {
                report.violated(format!("statement {number} says something else than its row"));
            }
            Err(why) => believed
                .foreign
                .push(Foreign { run_uid: row.run_uid, why: format!("statement {number}: {why}") }),
        }
    }
    for KeptStatement { place, envelope } in kept {
        let opened = match envelope.open(trusted) {
            Ok(opened) => opened,
            Err(why) => {
                report.violated(format!("the statement of {place}: {why}"));
                continue;
            }
        };
        let called = called(&opened.statement);
        match rows.iter().find(|row| row.number == opened.statement.number) {
            _ if opened.statement.ledger != ledger => report.violated(format!(
                "{called}, of {place}, is of the ledger {}, this is {ledger}",
                opened.statement.ledger
            )),
            None => report.violated(format!("{called}, of {place}, is not in the ledger")),
            Some(row) if row.body != envelope.body => {
                report.violated(format!("{called}, of {place}, is another one in the ledger"));
            }
            Some(_) => {}
        }
        believed.kept.push(opened);
    }
    believed
}

fn missing(first: i64, found: i64) -> String {
    match found - first {
        ..=0 => format!("statement {found} stands in the chain again"),
        1 => format!("statement {first} is missing: what it stated was removed"),
        _ => format!("the statements {first} to {} are missing: what they stated was removed", found - 1),
    }
}

/// A statement as people are told of it.
pub(super) fn called(statement: &Statement) -> String {
    format!("statement {} ({} of {})", statement.number, statement.kind().name(), statement.run_name())
}

/// Whether the columns of a row say the same as the statement in it.
fn says(row: &StatementRow, opened: &Opened) -> bool {
    let StatementRow { number, hash, previous, run_uid, kind, key_id: _, body: _, signature: _ } = row;
    let statement = &opened.statement;
    *number == statement.number
        && *hash == opened.hash.0
        && previous.as_deref() == statement.previous.as_ref().map(|hash| hash.0.as_slice())
        && *run_uid == statement.run.uid
        && kind == statement.kind().name()
}

#[cfg(test)]
mod tests;
