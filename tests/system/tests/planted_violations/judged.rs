//! Cases of verdicts: law 7, of the run `judged`, number 9, which has a policy. It reads the numbers 0 to 11: three is rejected, six
//! cannot be judged, five raises an alert, and those from eight on are flagged. So eight is record 7.

use anyhow::ensure;
use chancery_kit::{TestLedger, TestRun};
use serde_json::json;

use crate::{Audited, Case, each_of_is_caught, is_broken, tampered_with, verify};

const JUDGED: Audited = Audited { run: "judged", keyring: None };

pub(crate) async fn make(ledger: &TestLedger) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let lines: String = (0..12).map(|number| format!("{{\"n\":{number}}}\n")).collect();
    std::fs::write(folder.path().join("a.txt"), lines)?;
    let policy = json!({"validations": [
        {"name": "not-three", "expression": "record.n != 3", "message": "three is refused", "action": "Reject"},
        {"name": "small", "expression": "record.n < 8", "message": "a large number", "action": "Flag"},
        {"name": "not-five", "expression": "record.n != 5", "message": "five", "action": "Alert"},
        {"name": "of-six", "expression": "record.n != 6 || record.none == 1", "message": "six", "action": "Reject"},
    ]});
    let run =
        TestRun::new().named("judged").keys(1).reads("files", folder.path()).judged_by("numbers", &policy);
    let run = run.created(ledger).await?.stocked().await?;
    ensure!(run.run.id == 9, "the run is number {}", run.run.id);
    run.take_in().await?;
    run.finish().await
}

#[tokio::test]
async fn verdicts_that_do_not_fit_together_are_caught() -> anyhow::Result<()> {
    let cases = [
        Case {
            what: "flags that are gone",
            sql: "DELETE FROM chancery.flags WHERE run_id = 9",
            names: "the run",
            laws: &[7],
            says: &[
                "the run says that 4 records are flagged and 1 alerts raised, there are 0 and 1",
                "record 7 is not flagged, and its policy flags it by small",
            ],
        },
        Case {
            what: "a policy of another text",
            sql: "UPDATE chancery.policies SET text = text || ' '",
            names: "the policy",
            laws: &[7],
            says: &["has another SHA-256"],
        },
        Case {
            what: "a policy that is gone",
            sql: "DELETE FROM chancery.policies",
            names: "the run",
            laws: &[7],
            says: &["of the run is not in the ledger"],
        },
        Case {
            what: "a rule that the policy has not",
            sql: "UPDATE chancery.arrivals SET rule = 'gone' WHERE run_id = 9 AND rule = 'not-three'",
            names: "is refused by gone",
            laws: &[7],
            says: &["is refused otherwise than its policy has it: rejected by not-three: three is refused"],
        },
        Case {
            what: "an alert about another record",
            sql: "UPDATE chancery.alerts SET record = 99 WHERE run_id = 9",
            names: "record 99",
            laws: &[7],
            says: &[
                "there is an alert about record 99, and it does not exist",
                "record 5 has other alerts than its policy raises: not-five",
            ],
        },
        Case {
            what: "instants that are gone",
            sql: "DELETE FROM chancery.judgements WHERE run_id = 9",
            names: "split 1 of source 1",
            laws: &[7],
            says: &[
                "nothing says by which instant the arrivals of split 1 of source 1 from position 0 on were judged",
            ],
        },
        Case {
            what: "bytes of another payload",
            sql: "UPDATE chancery.arrivals SET raw = '{}' WHERE run_id = 9 AND state = 'Rejected'",
            names: "split 1 of source 1",
            laws: &[7],
            says: &["is rejected, and its bytes have another SHA-256"],
        },
        Case {
            what: "a rejected arrival that is gone",
            sql: "DELETE FROM chancery.arrivals WHERE run_id = 9 AND state = 'Rejected'",
            names: "split 1 of source 1",
            laws: &[7],
            says: &["are 10 records, 0 duplicates, 1 dead letters and 1 rejected, there are 10, 0, 1 and 0"],
        },
    ];
    each_of_is_caught(JUDGED, "judged", &cases).await
}

/// Where all fits together, only whoever evaluates the policy again finds it.
#[tokio::test]
async fn verdicts_that_are_not_those_of_the_policy_are_caught() -> anyhow::Result<()> {
    for (number, (what, sql, says)) in [
        (
            "a rejected one that is clean",
            "UPDATE chancery.arrivals SET raw = '{\"n\":1}', digest = sha256('{\"n\":1}') WHERE run_id = 9 AND state = 'Rejected'",
            "is rejected by not-three, and its policy admits it",
        ),
        (
            "an admitted one that must be rejected",
            "WITH new AS (SELECT replace(text, 'record.n != 3', 'record.n != 2') AS text FROM chancery.policies),
                  made AS (INSERT INTO chancery.policies (hash, text)
                           SELECT sha256(convert_to(text, 'UTF8')), text FROM new RETURNING hash)
             UPDATE chancery.runs SET policy_hash = made.hash FROM made WHERE id = 9",
            "record 3 is admitted, and its policy rejects it by not-three: three is refused",
        ),
        (
            "a flag that is missing",
            "DELETE FROM chancery.flags WHERE run_id = 9 AND record = 7;
             UPDATE chancery.intakes SET flagged = 3 WHERE run_id = 9",
            "record 7 is not flagged, and its policy flags it by small",
        ),
        (
            "a flag too many",
            "INSERT INTO chancery.flags (record, run_id, score, hits)
             SELECT 1, run_id, score, hits FROM chancery.flags WHERE run_id = 9 AND record = 7;
             UPDATE chancery.intakes SET flagged = 5 WHERE run_id = 9",
            "record 1 is flagged, and its policy does not flag it",
        ),
        (
            "a dead letter that could be judged",
            "UPDATE chancery.arrivals SET raw = '{\"n\":1}' WHERE run_id = 9 AND stage = 'Policy'",
            "is dead by of-six, and its policy admits it",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let (url, _) = tampered_with(&format!("verdicts_{number}"), sql).await?;
        let stdout = is_broken(verify(&url, JUDGED.run).await?, &[7])?;
        ensure!(stdout.contains(says), "{what}: {says:?} is not in\n{stdout}");
    }
    Ok(())
}
