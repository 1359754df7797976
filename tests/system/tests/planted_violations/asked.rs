//! Cases of what webhooks said: law 7, of the run `asked`, number 11. It reads the numbers 0 to 4, each of which gets as many points from a
//! webhook: three and more are flagged, four is rejected. So three is record 4, which has the position 24 in its split.

use anyhow::ensure;
use chancery_kit::{TestLedger, TestRun, WebhookServer};
use serde_json::json;

use crate::{Audited, Case, each_of_is_caught, is_broken, tampered_with, verify};

const ASKED: Audited = Audited { run: "asked", keyring: None };

pub(crate) async fn make(ledger: &TestLedger) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let lines: String = (0..5).map(|number| format!("{{\"n\":{number}}}\n")).collect();
    std::fs::write(folder.path().join("a.txt"), lines)?;
    let server = WebhookServer::saying(|record| json!({"score": record["n"]})).await?;
    let policy = json!({
        "webhooks": [{"name": "model", "url": server.url(), "adds": "score"}],
        "thresholds": {"flag": 3, "reject": 4},
        "retryStrategy": {"limit": 2},
    });
    let run =
        TestRun::new().named("asked").keys(1).reads("files", folder.path()).judged_by("scored", &policy);
    let run = run.created(ledger).await?.stocked().await?;
    ensure!(run.run.id == 11, "the run is number {}", run.run.id);
    run.take_in().await?;
    run.finish().await
}

#[tokio::test]
async fn answers_that_do_not_fit_together_are_caught() -> anyhow::Result<()> {
    let cases = [
        Case {
            what: "answers that are gone",
            sql: "DELETE FROM chancery.answers WHERE run_id = 11",
            names: "record 4",
            laws: &[7],
            says: &["record 4 is admitted, and its policy fails for it at model: it was not asked"],
        },
        Case {
            what: "more attempts than the policy has",
            sql: "UPDATE chancery.answers SET attempts = 4 WHERE run_id = 11 AND position = 0",
            names: "the arrival at position 0 of split 1 of source 1",
            laws: &[7],
            says: &["the arrival at position 0 of split 1 of source 1 was judged after 4 attempts, and its policy allows 3"],
        },
        Case {
            what: "a webhook that was given up early",
            sql: "UPDATE chancery.answers SET answers = '{\"webhooks\":{\"model\":{\"failed\":\"no\"}}}' WHERE run_id = 11 AND position = 0",
            names: "the arrival at position 0 of split 1 of source 1",
            laws: &[7],
            says: &["record 1 was judged without an answer of model after 1 attempts, and its policy has 3"],
        },
        Case {
            what: "answers that cannot be read",
            sql: "UPDATE chancery.answers SET answers = '[]' WHERE run_id = 11 AND position = 0",
            names: "the arrival at position 0 of split 1 of source 1",
            laws: &[7],
            says: &["record 1 has answers that cannot be read"],
        },
        Case {
            what: "answers of an arrival that there is not",
            sql: "UPDATE chancery.answers SET position = 3 WHERE run_id = 11 AND position = 0",
            names: "the arrival at position 3 of split 1 of source 1",
            laws: &[7],
            says: &["the arrival at position 3 of split 1 of source 1 has answers of others, and is neither a record nor refused"],
        },
        Case {
            what: "one that waits in a run that is sealed",
            sql: "INSERT INTO chancery.pendings (source, split, position, run_id, payload, arrived_at, not_before, attempts)
                  VALUES (1, 1, 3, 11, '{}', now(), now(), 0);
                  UPDATE chancery.splits SET pending = 1, received = 6 WHERE run_id = 11;
                  UPDATE chancery.intakes SET pending = 1, received = 6 WHERE run_id = 11",
            names: "the arrival at position 3 of split 1 of source 1",
            laws: &[7],
            says: &["the run says that 1 arrivals wait to be judged, its splits say 1, and it is sealed"],
        },
        Case {
            what: "one that waits and is not counted",
            sql: "INSERT INTO chancery.pendings (source, split, position, run_id, payload, arrived_at, not_before, attempts)
                  VALUES (1, 1, 3, 11, '{}', now(), now(), 3)",
            names: "split 1 of source 1",
            laws: &[7],
            says: &[
                "split 1 of source 1 says that 0 arrivals wait to be judged, there are 1",
                "the arrival at position 3 of split 1 of source 1 waits after 3 attempts, and its policy allows 3",
            ],
        },
        Case {
            what: "a count of what does not wait",
            sql: "UPDATE chancery.splits SET pending = 1, received = 6 WHERE run_id = 11;
                  UPDATE chancery.intakes SET pending = 1, received = 6 WHERE run_id = 11",
            names: "split 1 of source 1",
            laws: &[7],
            says: &["split 1 of source 1 says that 1 arrivals wait to be judged, there are 0"],
        },
        Case {
            what: "answers that say another record",
            sql: "UPDATE chancery.answers SET record = 2 WHERE run_id = 11 AND position = 0",
            names: "the arrival at position 0 of split 1 of source 1",
            laws: &[7],
            says: &["the arrival at position 0 of split 1 of source 1 is record 2 by its answers, and is record 1"],
        },
        Case {
            what: "answers that do not tell whoever pushed it which record it is",
            sql: "UPDATE chancery.sources SET description = '{\"http\": {\"maxPending\": 9, \"periodMicros\": 1}}' WHERE run_id = 11;
                  UPDATE chancery.answers SET record = NULL WHERE run_id = 11 AND position = 0",
            names: "the arrival at position 0 of split 1 of source 1",
            laws: &[7],
            says: &["the arrival at position 0 of split 1 of source 1 is no record by its answers, and is record 1"],
        },
        Case {
            what: "answers of a dead letter that nobody took up",
            sql: "UPDATE chancery.answers SET letter = 1 WHERE run_id = 11 AND position = 0",
            names: "the arrival at position 0 of split 1 of source 1",
            laws: &[7],
            says: &["has answers of attempt 1 of a dead letter, which is none that was judged anew"],
        },
        Case {
            what: "a dead letter that waits and that nobody took up",
            sql: "INSERT INTO chancery.pendings (source, split, position, run_id, payload, arrived_at, not_before, letter)
                  VALUES (1, 1, 3, 11, '{}', now(), now(), 1);
                  UPDATE chancery.splits SET pending = 1, received = 6 WHERE run_id = 11;
                  UPDATE chancery.intakes SET pending = 1, received = 6 WHERE run_id = 11",
            names: "the dead letter at position 3 of split 1 of source 1",
            laws: &[7],
            says: &["the arrival at position 3 of split 1 of source 1 waits as attempt 1 of a dead letter, and was not taken up"],
        },
        Case {
            what: "a dead letter that waits as if it had just come",
            sql: "INSERT INTO chancery.letter_acts (run_id, act, kind, letters, selection, actor) VALUES (11, 1, 'Redrive', 1, '', 'a');
                  INSERT INTO chancery.letter_moves (run_id, source, split, position, attempt, act, became, stage, reason, judged_at)
                  VALUES (11, 1, 1, 3, 1, 1, NULL, 'Parse', 'no', now());
                  INSERT INTO chancery.pendings (source, split, position, run_id, payload, arrived_at, not_before)
                  VALUES (1, 1, 3, 11, '{}', now(), now());
                  UPDATE chancery.splits SET pending = 1, received = 6 WHERE run_id = 11;
                  UPDATE chancery.intakes SET pending = 1, received = 6 WHERE run_id = 11",
            names: "the dead letter at position 3 of split 1 of source 1",
            laws: &[7],
            says: &[
                "the arrival at position 3 of split 1 of source 1 waits as it came, and was a dead letter",
                "the dead letter at position 3 of split 1 of source 1 was taken up by act 1, and became nothing",
            ],
        },
        Case {
            what: "a dead letter that waits and has become something",
            sql: "INSERT INTO chancery.letter_acts (run_id, act, kind, letters, selection, actor) VALUES (11, 1, 'Redrive', 1, '', 'a');
                  INSERT INTO chancery.letter_moves (run_id, source, split, position, attempt, act, became, stage, reason, judged_at)
                  VALUES (11, 1, 1, 3, 1, 1, 'Dead', 'Parse', 'no', now());
                  INSERT INTO chancery.pendings (source, split, position, run_id, payload, arrived_at, not_before, letter)
                  VALUES (1, 1, 3, 11, '{}', now(), now(), 1);
                  UPDATE chancery.splits SET pending = 1, received = 6 WHERE run_id = 11;
                  UPDATE chancery.intakes SET pending = 1, received = 6 WHERE run_id = 11",
            names: "the dead letter at position 3 of split 1 of source 1",
            laws: &[7],
            says: &[
                "the arrival at position 3 of split 1 of source 1 waits as attempt 1 of a dead letter, which became dead",
                "the dead letter at position 3 of split 1 of source 1 is written down as dead, and is nothing",
            ],
        },
        Case {
            what: "answers in a run without a policy",
            sql: "UPDATE chancery.runs SET policy_hash = NULL, policy_name = NULL WHERE id = 11",
            names: "the run",
            laws: &[7],
            says: &["has answers of others, and the run has no policy"],
        },
    ];
    each_of_is_caught(ASKED, "asked", &cases).await
}

/// Where all fits together, only whoever evaluates the policy again finds it.
#[tokio::test]
async fn answers_that_do_not_fit_their_verdicts_are_caught() -> anyhow::Result<()> {
    for (number, (sql, says)) in [
        (
            "UPDATE chancery.answers SET answers = replace(answers, '3', '2') WHERE run_id = 11",
            "record 4 is flagged, and its policy does not flag it",
        ),
        (
            "UPDATE chancery.answers SET answers = replace(answers, '4', '0') WHERE run_id = 11",
            "is rejected by thresholds, and its policy admits it",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let (url, _) = tampered_with(&format!("answers_{number}"), sql).await?;
        let stdout = is_broken(verify(&url, ASKED.run).await?, &[7])?;
        ensure!(stdout.contains(says), "{says:?} is not in\n{stdout}");
    }
    Ok(())
}
