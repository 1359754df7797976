//! Cases of dead letters that were taken up, moved and discarded: law 7, of the run `letters`, number 10.
//!
//! It reads five lines and four that are no JSON: `no json` at position 40 and again at 48, `nor this` at 56, `gone` at 65. The first
//! two were taken up by act 1, and are record 6 and its duplicate; the third is noted for another run by act 2, the last discarded by act 3.

use anyhow::ensure;
use chancery_kit::{TestLedger, TestRun};
use chancery_sources::letters::{Selection, Wanted, discard, note_for, take_up};
use serde_json::json;

use crate::{Audited, Case, each_of_is_caught, independent_audit, tampered_with, verify};

const LETTERS: Audited = Audited { run: "letters", keyring: None };

pub(crate) async fn make(ledger: &TestLedger) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let lines: String = (0..5).map(|number| format!("{{\"n\":{number}}}\n")).collect();
    std::fs::write(folder.path().join("a.ndjson"), lines + "no json\nno json\nnor this\ngone\n")?;
    let run = TestRun::new().named("letters").keys(1).dead_limit(2);
    let run = run.reads_as("files", folder.path(), &json!({"type": "NDJSON"})).created(ledger).await?;
    let run = run.stocked().await?;
    ensure!(run.run.id == 10, "the run is number {}", run.run.id);
    let (_, log) = run.start_intake("one").await?.ended().await?;
    let selected = |bytes: usize| {
        let selector = Some(format!("bytes == {bytes}"));
        Selection::of(Wanted { selector, ..Wanted::default() })
    };
    let found = &run.run;
    let took_up = take_up(&ledger.ledger, found, &selected(7)?, "somebody").await?;
    ensure!((took_up.became.admitted, took_up.became.duplicates) == (1, 1), "{took_up:?}\n{log}");
    run.take_in().await?;
    note_for(&ledger.ledger, found, "later", &selected(8)?, "somebody").await?;
    discard(&ledger.ledger, found, &selected(4)?, "somebody").await?;
    run.finish().await
}

#[tokio::test]
async fn letters_that_nobody_touched_hold() -> anyhow::Result<()> {
    let (url, _) = tampered_with("letters_untouched", "").await?;
    verify(&url, LETTERS.run).await?.expect_code(0)?;
    if let Some(report) = independent_audit(&url, "default", LETTERS.run).await? {
        assert!(report.holds, "{report:#?}");
    }
    Ok(())
}

#[tokio::test]
async fn acts_and_letters_that_do_not_fit_together_are_caught() -> anyhow::Result<()> {
    let cases = [
        Case {
            what: "an act of more letters",
            sql: "UPDATE chancery.letter_acts SET letters = 5 WHERE run_id = 10 AND act = 1",
            names: "act 1",
            laws: &[7],
            says: &["act 1 is of 5 dead letters by its own account, and there are 2"],
        },
        Case {
            what: "an act that is gone",
            sql: "DELETE FROM chancery.letter_acts WHERE run_id = 10 AND act = 1",
            names: "the acts on dead letters",
            laws: &[7],
            says: &["the acts on dead letters have the numbers 2 to 3, and there are 2"],
        },
        Case {
            what: "a letter of no act",
            sql: "DELETE FROM chancery.letter_moves WHERE run_id = 10 AND position = 48",
            names: "act 1",
            laws: &[7],
            says: &["act 1 is of 2 dead letters by its own account, and there are 1"],
        },
        Case {
            what: "an act of another kind",
            sql: "UPDATE chancery.letter_acts SET kind = 'Discard', into_name = NULL WHERE run_id = 10 AND act = 2",
            names: "the dead letter at position 56 of split 1 of source 1",
            laws: &[7],
            says: &["the dead letter at position 56 of split 1 of source 1 is moved by act 2, which is no such act"],
        },
        Case {
            what: "a letter that became nothing",
            sql: "UPDATE chancery.letter_moves SET became = NULL WHERE run_id = 10 AND position = 40",
            names: "the dead letter at position 40 of split 1 of source 1",
            laws: &[7],
            says: &["was taken up by act 1, and became nothing"],
        },
        Case {
            what: "a letter that became something else",
            sql: "UPDATE chancery.letter_moves SET became = 'Duplicate' WHERE run_id = 10 AND position = 40",
            names: "the dead letter at position 40 of split 1 of source 1",
            laws: &[7],
            says: &["is written down as duplicate, and is admitted"],
        },
        Case {
            what: "a letter that is gone",
            sql: "DELETE FROM chancery.arrivals WHERE run_id = 10 AND position = 56",
            names: "the dead letter at position 56 of split 1 of source 1",
            laws: &[7],
            says: &["is written down as moved, and is nothing"],
        },
        Case {
            what: "a letter that was taken up after its end",
            sql: "INSERT INTO chancery.letter_moves (run_id, source, split, position, attempt, act, became, stage, reason)
                  SELECT run_id, source, split, position, 2, act, 'Admitted', stage, reason FROM chancery.letter_moves
                   WHERE run_id = 10 AND position = 40;
                  UPDATE chancery.letter_acts SET letters = 3 WHERE run_id = 10 AND act = 1",
            names: "the dead letter at position 40 of split 1 of source 1",
            laws: &[7],
            says: &["the dead letter at position 40 of split 1 of source 1 was admitted, and then taken up again"],
        },
        Case {
            what: "an attempt that is missing",
            sql: "UPDATE chancery.letter_moves SET attempt = 2 WHERE run_id = 10 AND position = 48",
            names: "the dead letter at position 48 of split 1 of source 1",
            laws: &[7],
            says: &["attempt 2 of the dead letter at position 48 of split 1 of source 1 is the one before attempt 2"],
        },
        Case {
            what: "a discarded letter with its bytes",
            sql: "UPDATE chancery.arrivals SET raw = 'gone', swept_at = NULL WHERE run_id = 10 AND position = 65",
            names: "the dead letter at position 65 of split 1 of source 1",
            laws: &[7],
            says: &["is discarded, and has its bytes"],
        },
        Case {
            what: "a letter that no policy judged",
            sql: "UPDATE chancery.letter_moves SET judged_at = now() WHERE run_id = 10 AND position = 40",
            names: "the dead letter at position 40 of split 1 of source 1",
            laws: &[7],
            says: &["was judged anew by an instant, and the run has no policy"],
        },
        Case {
            what: "a record that was taken up and comes out of order without being said to",
            sql: "DELETE FROM chancery.letter_moves WHERE run_id = 10;
                  DELETE FROM chancery.letter_acts WHERE run_id = 10;
                  UPDATE chancery.records SET position = 4 WHERE run_id = 10 AND record = 6",
            names: "record 6",
            laws: &[7],
            says: &["comes from before record"],
        },
    ];
    each_of_is_caught(LETTERS, "letters", &cases).await
}
