//! Cases of arrivals: law 7, of a run with sources whose ring has another such run.
//!
//! `first` reads ten lines, one of them twice, and one that is no JSON. `second` reads four of them, and four of its own.
//! `third` knows payloads by a number in them: it reads six, and one of those numbers with another payload.

use anyhow::ensure;
use chancery_kit::{TestLedger, TestRun};
use serde_json::json;

use crate::{Audited, Case, each_of_is_caught};

const FIRST: Audited = Audited { run: "first", keyring: None };
const SECOND: Audited = Audited { run: "second", keyring: None };
const THIRD: Audited = Audited { run: "third", keyring: None };

pub(crate) async fn make(ledger: &TestLedger) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let mut runs: Vec<chancery_kit::SeededRun<'_>> = Vec::new();
    let lines =
        |from: i32, to: i32| (from..to).map(|number| format!("{{\"n\":{number}}}\n")).collect::<String>();
    for (name, text) in
        [("first", lines(0, 10) + &lines(3, 4) + "no json\n"), ("second", lines(6, 10) + &lines(20, 24))]
    {
        let files = folder.path().join(name);
        std::fs::create_dir(&files)?;
        std::fs::write(files.join("a.ndjson"), text)?;
        let run = TestRun::new().named(name).keyring("files").keys(2).batch_size(4);
        let run = run.reads_as("files", &files, &json!({"type": "NDJSON"}));
        let run = match runs.first() {
            None => run.created(ledger).await?,
            Some(first) => run.created_beside(first).await?,
        };
        let run = run.stocked().await?;
        run.take_in().await?;
        run.finish().await?;
        runs.push(run);
    }
    let files = folder.path().join("third");
    std::fs::create_dir(&files)?;
    std::fs::write(files.join("a.ndjson"), lines(0, 6) + "{\"n\":2,\"again\":true}\n")?;
    let third = TestRun::new().named("third").keyring("files").keys(2).batch_size(4).known_by("record.n");
    let third = third.reads_as("files", &files, &json!({"type": "NDJSON"}));
    let third = third.created_beside(&runs[0]).await?.stocked().await?;
    third.take_in().await?;
    third.finish().await?;
    let counts = "SELECT array_agg(ARRAY[run_id, admitted, duplicates, dead] ORDER BY run_id)::text FROM chancery.intakes";
    let counts: String = sqlx::query_scalar(counts).fetch_one(ledger.ledger.pool()).await?;
    ensure!(counts == "{{6,10,1,1},{7,4,4,0},{8,6,1,0}}", "{counts}");
    Ok(())
}

#[tokio::test]
async fn arrivals_that_do_not_add_up_are_caught() -> anyhow::Result<()> {
    let cases = [
        Case {
            what: "a duplicate that is gone",
            sql: "DELETE FROM chancery.arrivals WHERE run_id = 6 AND state = 'Duplicate'",
            names: "split 1 of source 1",
            laws: &[7],
            says: &["split 1 of source 1 says that 12 arrivals are 10 records, 1 duplicates, 1 dead letters and 0 rejected, there are 10, 0, 1 and 0"],
        },
        Case {
            what: "a dead letter of nowhere",
            sql: "INSERT INTO chancery.arrivals (source, split, position, run_id, state, stage, reason, raw, arrived_at)
                  VALUES (1, 2, 0, 6, 'Dead', 'Parse', 'no', 'x', now())",
            names: "split 2 of source 1",
            laws: &[7],
            says: &["split 2 of source 1 says that  arrivals are"],
        },
        Case {
            what: "an arrival behind what was read",
            sql: "UPDATE chancery.arrivals SET position = 5000 WHERE run_id = 6 AND state = 'Dead'",
            names: "split 1 of source 1",
            laws: &[7],
            says: &["and has arrivals from 0 up to 5000"],
        },
        Case {
            what: "two arrivals at one place",
            sql: "UPDATE chancery.arrivals SET position = 0 WHERE run_id = 6 AND state = 'Dead'",
            names: "the arrival at position 0 of split 1 of source 1",
            laws: &[7],
            says: &["2 arrivals are at position 0 of split 1 of source 1"],
        },
        Case {
            what: "other counts",
            sql: "UPDATE chancery.intakes SET received = 13, dead = 2 WHERE run_id = 6",
            names: "the run",
            laws: &[7],
            says: &["the run says that 13 arrivals are 10 records, 1 duplicates, 2 dead letters and 0 rejected"],
        },
        Case {
            what: "no account",
            sql: "DELETE FROM chancery.splits WHERE run_id = 6",
            names: "split 1 of source 1",
            laws: &[7],
            says: &["the run says that 12 arrivals are"],
        },
        Case {
            what: "a split that was not read to its end",
            sql: "UPDATE chancery.splits SET done_at = NULL WHERE run_id = 6",
            names: "split 1 of source 1",
            laws: &[7],
            says: &["the run is sealed, and split 1 of source 1 was not read to its end"],
        },
        Case {
            what: "a source that was not listed",
            sql: "UPDATE chancery.sources SET listed_at = NULL WHERE run_id = 6",
            names: "source 1",
            laws: &[7],
            says: &["the run is sealed, and source 1 was not listed"],
        },
    ];
    each_of_is_caught(FIRST, "arrivals_counts", &cases).await
}

#[tokio::test]
async fn digests_and_positions_of_records_that_are_not_theirs_are_caught() -> anyhow::Result<()> {
    let cases = [
        Case {
            what: "a digest of something else",
            sql: "UPDATE chancery.records SET digest = sha256('x') WHERE run_id = 6 AND record = 2",
            names: "record 2",
            laws: &[7],
            says: &[
                "record 2 has a digest that is not the SHA-256 of its payload",
                "record 2 is known to its ring as none",
                "the ring knows record 2 by another digest than it has",
            ],
        },
        Case {
            what: "a digest that the ring has lost",
            sql: "DELETE FROM chancery.digests WHERE run_id = 6 AND record = 9",
            names: "record 9",
            laws: &[7],
            says: &["record 9 is known to its ring as none"],
        },
        Case {
            what: "a digest that the ring gives to another run",
            sql: "UPDATE chancery.digests SET run_id = 7 WHERE run_id = 6 AND record = 9",
            names: "record 9",
            laws: &[7],
            says: &["record 9 is known to its ring as record 9 of run 7"],
        },
        Case {
            what: "a record without a digest",
            sql: "UPDATE chancery.records SET digest = NULL WHERE run_id = 6 AND record = 9",
            names: "record 9",
            laws: &[7],
            says: &["record 9 has no digest, and the run looks for duplicates"],
        },
        Case {
            what: "a record of nowhere",
            sql: "UPDATE chancery.records SET source = NULL, split = NULL, position = NULL WHERE run_id = 6 AND record = 9",
            names: "record 9",
            laws: &[7],
            says: &["there are 1, 0, 0 and 0"],
        },
        Case {
            what: "records that changed places",
            sql: "UPDATE chancery.records SET position = 15 - position WHERE run_id = 6 AND record IN (2, 3)",
            names: "split 1 of source 1",
            laws: &[7],
            says: &["comes from before record"],
        },
    ];
    each_of_is_caught(FIRST, "arrivals_digests", &cases).await
}

#[tokio::test]
async fn duplicates_of_nothing_are_caught() -> anyhow::Result<()> {
    let cases = [
        Case {
            what: "of a record that is not there",
            sql: "UPDATE chancery.arrivals SET duplicate_record = 77 WHERE run_id = 7 AND duplicate_record = 8",
            names: "record 77",
            laws: &[7],
            says: &["repeats record 77 of run 6, which does not exist"],
        },
        Case {
            what: "of another record",
            sql: "UPDATE chancery.arrivals SET duplicate_record = 1 WHERE run_id = 7 AND duplicate_record = 8",
            names: "record 1",
            laws: &[7],
            says: &[
                "repeats record 1 of run 6, which has another digest",
                "repeats record 1 of run 6, and the ring knows its digest as record 8 of run 6",
            ],
        },
    ];
    each_of_is_caught(SECOND, "arrivals_duplicates", &cases).await
}

#[tokio::test]
async fn identities_that_are_not_those_of_the_records_are_caught() -> anyhow::Result<()> {
    let cases = [
        Case {
            what: "a duplicate with another identity than its record",
            sql: "UPDATE chancery.arrivals SET identity = sha256('x') WHERE run_id = 8",
            names: "record 3",
            laws: &[7],
            says: &[
                "repeats record 3 of run 8, which has another identity",
                "repeats record 3 of run 8, and the ring knows its digest as none",
            ],
        },
        Case {
            what: "a duplicate by its payload alone",
            sql: "UPDATE chancery.arrivals a SET digest = r.digest, duplicate_record = 1
                    FROM chancery.records r WHERE r.run_id = 8 AND r.record = 1 AND a.run_id = 8",
            names: "record 1",
            laws: &[7],
            says: &["repeats record 1 of run 8, which has another identity"],
        },
        Case {
            what: "a duplicate without an identity",
            sql: "UPDATE chancery.arrivals a SET identity = NULL, digest = r.digest
                    FROM chancery.records r WHERE r.run_id = 8 AND r.record = 3 AND a.run_id = 8",
            names: "split 1 of source 1",
            laws: &[7],
            says: &["of split 1 of source 1 has no identity, and the run knows payloads by one"],
        },
        Case {
            what: "a record with another identity",
            sql: "UPDATE chancery.records SET identity = sha256('x') WHERE run_id = 8 AND record = 2",
            names: "record 2",
            laws: &[7],
            says: &[
                "record 2 is known to its ring as none",
                "the ring knows record 2 by another digest than it has",
            ],
        },
        Case {
            what: "a record without an identity",
            sql: "UPDATE chancery.records SET identity = NULL WHERE run_id = 8 AND record = 2",
            names: "record 2",
            laws: &[7],
            says: &["record 2 has no identity, and the run knows payloads by one"],
        },
        Case {
            what: "a digest of something else beside an identity",
            sql: "UPDATE chancery.records SET digest = sha256('x') WHERE run_id = 8 AND record = 2",
            names: "record 2",
            laws: &[7],
            says: &["record 2 has a digest that is not the SHA-256 of its payload"],
        },
    ];
    each_of_is_caught(THIRD, "arrivals_identities", &cases).await
}
