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
            sql: "INSERT INTO chancery.batches (batch, run_id, first_record, last_record, payload_bytes, opened_at, closed_at,
                                                closed_by)
                  SELECT 16, id, 61, 64, 256, now(), now(), 'Full' FROM chancery.runs WHERE id = 1",
            names: "batch 16",
            laws: &[3],
            says: &["batch 16 is outside of the run"],
        },
        Case {
            what: "of another range",
            sql: "UPDATE chancery.batches SET last_record = 21 WHERE batch = 5",
            names: "batch 5",
            laws: &[3],
            says: &[
                "batch 5 was closed as full with 5 records instead of 4",
                "batch 6 begins with record 21, expected is 22",
            ],
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
                "batch 5 was closed as full with 5 records instead of 4",
                "batch 6 was closed as full with 3 records instead of 4",
            ],
        },
        Case {
            what: "renumbered",
            sql: "UPDATE chancery.batches SET batch = 16 WHERE batch = 15 AND run_id = 1",
            names: "batch 15",
            laws: &[3],
            says: &["batch 15 is missing", "the run says 15 batches instead of 16"],
        },
        Case {
            what: "that leaves a hole before the next",
            sql: "UPDATE chancery.batches SET last_record = 19, payload_bytes = 192 WHERE run_id = 1 AND batch = 5",
            names: "batch 5",
            laws: &[3],
            says: &[
                "batch 5 was closed as full with 3 records instead of 4",
                "batch 6 begins with record 21, expected is 20",
            ],
        },
        Case {
            what: "that overlaps the one before it",
            sql: "UPDATE chancery.batches SET first_record = 16 WHERE run_id = 1 AND batch = 5",
            names: "batch 5",
            laws: &[3],
            says: &["batch 5 begins with record 16, expected is 17"],
        },
        Case {
            what: "that ends before it begins",
            sql: "UPDATE chancery.batches SET last_record = 3 WHERE run_id = 1 AND batch = 5",
            names: "batch 5",
            laws: &[3],
            says: &["batch 5 ends with record 3, before its first, 17"],
        },
        Case {
            what: "short, and said to have been closed by the sealing, though others follow",
            sql: "UPDATE chancery.batches SET last_record = 19, payload_bytes = 192, closed_by = 'Sealed'
                   WHERE run_id = 1 AND batch = 5;
                  UPDATE chancery.batches SET first_record = 20, payload_bytes = 320 WHERE run_id = 1 AND batch = 6",
            names: "batch 6",
            laws: &[3],
            says: &["batch 6 follows batch 5, which was closed by the sealing of the run"],
        },
        Case {
            what: "said to have been closed by the sealing with more records than a batch has",
            sql: "UPDATE chancery.batches SET closed_by = 'Sealed', first_record = 56 WHERE run_id = 1 AND batch = 15",
            names: "batch 15",
            laws: &[3],
            says: &["batch 15 has 5 records, more than the batch size of 4"],
        },
        Case {
            what: "said to have been closed by a period that no run declares",
            sql: "UPDATE chancery.batches SET closed_by = 'Period' WHERE run_id = 1 AND batch = 5",
            names: "batch 5",
            laws: &[3],
            says: &["batch 5 was closed because a period had passed, but its run declares no period"],
        },
        Case {
            what: "closed for an unknown reason",
            sql: "DROP TRIGGER batches_keep_their_bounds ON chancery.batches;
                  ALTER TABLE chancery.batches ALTER closed_by TYPE text;
                  UPDATE chancery.batches SET closed_by = 'Forged' WHERE run_id = 1 AND batch = 5",
            names: "batch 5",
            laws: &[3],
            says: &["batch 5 was closed by Forged, which is unknown"],
        },
        Case {
            what: "of other bytes",
            sql: "UPDATE chancery.batches SET payload_bytes = 255 WHERE run_id = 1 AND batch = 5",
            names: "batch 5",
            laws: &[3],
            says: &["batch 5 says that its payloads have 255 bytes, they have 256"],
        },
        Case {
            what: "of more bytes than any batch can have",
            sql: "UPDATE chancery.batches SET payload_bytes = 9223372036854775807 WHERE run_id = 1",
            names: "batch 5",
            laws: &[3],
            says: &["batch 1 says that its payloads have 9223372036854775807 bytes, they have 256"],
        },
        Case {
            what: "closed before it was opened",
            sql: "UPDATE chancery.batches SET opened_at = closed_at + interval '1 microsecond'
                   WHERE run_id = 1 AND batch = 5",
            names: "batch 5",
            laws: &[3],
            says: &["batch 5 was closed before it was opened"],
        },
        Case {
            what: "never closed",
            sql: "UPDATE chancery.batches SET closed_at = 'infinity' WHERE run_id = 1 AND batch = 5",
            names: "batch 5",
            laws: &[3],
            says: &["batch 5 has an infinite instant"],
        },
        Case {
            what: "before the run",
            sql: "UPDATE chancery.batches SET batch = 0 WHERE run_id = 1 AND batch = 1",
            names: "batch 0",
            laws: &[3],
            says: &["batch 0 is outside of the run", "batch 1 is missing"],
        },
        Case {
            what: "under a lease that never was",
            sql: "UPDATE chancery.batches SET lease_id = 99 WHERE run_id = 1 AND batch = 5",
            names: "batch 5",
            laws: &[3, 4],
            says: &[
                "batch 5 is marked signed under lease 99, which is no signed lease of this batch",
                "batch 5 of default/demo names a lease that is not in the log",
            ],
        },
    ];
    each_is_caught("batch", &cases).await
}
