//! Cases of batches.

use crate::{Case, each_is_caught};

#[tokio::test]
async fn a_batch_that_was_tampered_with_is_caught() -> anyhow::Result<()> {
    let cases = [
        Case {
            what: "deleted",
            sql: "DELETE FROM chancery.batches WHERE batch = 5",
            names: "batch 5",
            laws: &[3],
            says: &["batch 5 is missing"],
        },
        Case {
            what: "duplicated",
            sql: "INSERT INTO chancery.batches SELECT * FROM chancery.batches WHERE batch = 5",
            names: "batch 5",
            laws: &[3],
            says: &["batch 5 stands 2 times"],
        },
        Case {
            what: "beyond the run",
            sql: "INSERT INTO chancery.batches (batch, run_id, first_record, last_record)
                  SELECT 16, id, 61, 64 FROM chancery.runs",
            names: "batch 16",
            laws: &[3],
            says: &["batch 16 is outside of the run"],
        },
        Case {
            what: "of another range",
            sql: "UPDATE chancery.batches SET last_record = 21 WHERE batch = 5",
            names: "batch 5",
            laws: &[3],
            says: &["batch 5 holds the records 17 to 21 instead of 17 to 20"],
        },
        Case {
            what: "under another lease",
            sql: "UPDATE chancery.batches SET lease_id = 6 WHERE batch = 5",
            names: "record 17",
            laws: &[3],
            says: &[
                "batch 5 is marked signed under lease 6, which is no signed lease of this batch",
                "record 17 of batch 5 was signed under lease 5, its batch under lease 6",
            ],
        },
        Case {
            what: "marked unsigned",
            sql: "UPDATE chancery.batches SET state = 'unsigned', lease_id = NULL WHERE batch = 5",
            names: "batch 5",
            laws: &[3],
            says: &["record 17 of batch 5 was signed under lease 5, its batch under lease none"],
        },
        Case {
            what: "set back to leased",
            sql: "UPDATE chancery.batches SET state = 'leased' WHERE batch = 5",
            names: "batch 5",
            laws: &[3],
            says: &["batch 5 is marked leased under lease 5, which is no open lease of this batch"],
        },
        Case {
            what: "without its lease",
            sql: "UPDATE chancery.batches SET lease_id = NULL WHERE batch = 5",
            names: "batch 5",
            laws: &[3],
            says: &["batch 5 is marked signed under no lease, which is no signed lease of this batch"],
        },
        Case {
            what: "in an unknown state",
            sql: "ALTER TABLE chancery.batches ALTER state DROP DEFAULT, ALTER state TYPE text;
                  UPDATE chancery.batches SET state = 'forged' WHERE batch = 5",
            names: "batch 5",
            laws: &[3],
            says: &["batch 5 is in the unknown state forged"],
        },
        Case {
            what: "whose boundary to the next was moved",
            sql: "UPDATE chancery.batches SET last_record = 21 WHERE batch = 5;
                  UPDATE chancery.batches SET first_record = 22 WHERE batch = 6",
            names: "batch 6",
            laws: &[3],
            says: &[
                "batch 5 holds the records 17 to 21 instead of 17 to 20",
                "batch 6 holds the records 22 to 24 instead of 21 to 24",
            ],
        },
        Case {
            what: "renumbered",
            sql: "UPDATE chancery.batches SET batch = 16 WHERE batch = 15 AND run_id = 1",
            names: "batch 15",
            laws: &[3],
            says: &["batch 15 is missing", "batch 16 is outside of the run"],
        },
    ];
    each_is_caught("batch", &cases).await
}
