//! Cases of what a run declares, and of rows that belong to no run.

use crate::{Case, each_is_caught};

#[tokio::test]
async fn a_run_that_was_redeclared_is_caught() -> anyhow::Result<()> {
    let cases = [
        Case {
            what: "more records",
            sql: "UPDATE chancery.runs SET record_count = 61 WHERE id = 1",
            names: "record 61",
            laws: &[1, 3],
            says: &[
                "record 61 is missing",
                "record 61 is without a signature",
                "the last batch, 15, ends with record 60, the run has 61 records",
                "demo is sealed with 61 records, its source has 60",
                "demo is sealed with 61 records, it says that 60 are admitted",
            ],
        },
        Case {
            what: "fewer records",
            sql: "UPDATE chancery.runs SET record_count = 59 WHERE id = 1",
            names: "record 60",
            laws: &[1, 3],
            says: &[
                "record 60 is outside of the run",
                "signature 60 is outside of the run",
                "the last batch, 15, ends with record 60, the run has 59 records",
            ],
        },
        Case {
            what: "sealed without its last batch",
            sql: "DELETE FROM chancery.batches WHERE run_id = 1 AND batch = 15;
                  UPDATE chancery.admissions SET batches = 14, batched = 56 WHERE run_id = 1",
            names: "batch 14",
            laws: &[3],
            says: &["the last batch, 14, ends with record 56, the run has 60 records"],
        },
        Case {
            what: "cut off with all that belongs to its end",
            sql: "UPDATE chancery.runs SET record_count = 56 WHERE id = 1;
                  UPDATE chancery.admissions SET records = 56, batches = 14, batched = 56 WHERE run_id = 1;
                  DELETE FROM chancery.batches WHERE run_id = 1 AND batch = 15;
                  DELETE FROM chancery.signature_blocks WHERE run_id = 1 AND first_record > 56;
                  DELETE FROM chancery.records WHERE run_id = 1 AND record > 56;
                  DELETE FROM chancery.leases WHERE id = 15;
                  UPDATE chancery.keys k SET last_use = (SELECT max(l.use_sequence) FROM chancery.leases l WHERE l.key_id = k.id)
                   WHERE k.keyring_id = 1",
            names: "the run",
            laws: &[1],
            says: &["demo is sealed with 56 records, its source has 60"],
        },
        Case {
            what: "not sealed",
            sql: "UPDATE chancery.runs SET record_count = NULL, sealed_at = NULL, completed_at = NULL WHERE id = 1",
            names: "the run",
            laws: &[1],
            says: &["the input of demo is not complete: the run is not sealed"],
        },
        Case {
            what: "complete, but not sealed",
            sql: "UPDATE chancery.runs SET record_count = NULL, sealed_at = NULL WHERE id = 1",
            names: "the run",
            laws: &[1],
            says: &["demo is complete, yet it is not sealed"],
        },
        Case {
            what: "sealed with an unknown number of records",
            sql: "UPDATE chancery.runs SET record_count = NULL WHERE id = 1",
            names: "the run",
            laws: &[1],
            says: &["demo says that it is sealed, or with how many records, but not both"],
        },
        Case {
            what: "a batch closed by the sealing, but not sealed",
            sql: "UPDATE chancery.batches SET closed_by = 'Sealed' WHERE run_id = 1 AND batch = 15;
                  UPDATE chancery.runs SET record_count = NULL, sealed_at = NULL, completed_at = NULL WHERE id = 1",
            names: "batch 15",
            laws: &[1, 3],
            says: &["batch 15 was closed by the sealing of the run, which is not sealed"],
        },
        Case {
            what: "fewer records admitted",
            sql: "UPDATE chancery.admissions SET records = 59, batched = 59 WHERE run_id = 1",
            names: "the run",
            laws: &[1, 3],
            says: &[
                "demo is sealed with 60 records, it says that 59 are admitted",
                "the run says that 59 records are in batches instead of 60",
            ],
        },
        Case {
            what: "records beyond those that it admitted",
            sql: "UPDATE chancery.runs SET record_count = NULL, sealed_at = NULL, completed_at = NULL WHERE id = 1;
                  UPDATE chancery.admissions SET records = 56, batches = 14, batched = 56 WHERE run_id = 1;
                  DELETE FROM chancery.generated_chunks WHERE run_id = 1",
            names: "signature 57",
            laws: &[1, 3],
            says: &[
                "record 57 is outside of the run",
                "signature 57 is outside of the run",
                "batch 15 is outside of the run",
                "lease 15 is of batch 15, which is outside of the run",
            ],
        },
        Case {
            what: "fewer batches closed",
            sql: "UPDATE chancery.admissions SET batches = 14 WHERE run_id = 1",
            names: "the run",
            laws: &[3],
            says: &["the run says 14 batches instead of 15"],
        },
        Case {
            what: "records that are said to wait for a batch",
            sql: "UPDATE chancery.admissions SET opened_at = now() WHERE run_id = 1",
            names: "the run",
            laws: &[3],
            says: &["demo says that records wait for a batch, or since when, but not both"],
        },
        Case {
            what: "nothing said of what was admitted",
            sql: "DELETE FROM chancery.admissions WHERE run_id = 1",
            names: "the run",
            laws: &[1],
            says: &["demo says 0 times how many records are admitted, expected is once"],
        },
        Case {
            what: "said twice what was admitted",
            sql: "INSERT INTO chancery.admissions SELECT * FROM chancery.admissions WHERE run_id = 1",
            names: "the run",
            laws: &[1],
            says: &["demo says 2 times how many records are admitted, expected is once"],
        },
        Case {
            what: "two sources",
            sql: "INSERT INTO chancery.generated_sources SELECT * FROM chancery.generated_sources WHERE run_id = 1",
            names: "the run",
            laws: &[1],
            says: &["the run has 2 sources instead of one"],
        },
        Case {
            what: "a source of more records",
            sql: "UPDATE chancery.generated_sources SET record_count = 64 WHERE run_id = 1",
            names: "the run",
            laws: &[1],
            says: &["demo is sealed with 60 records, its source has 64"],
        },
        Case {
            what: "another batch size",
            sql: "UPDATE chancery.runs SET batch_size = 5 WHERE id = 1",
            names: "batch 1",
            laws: &[3],
            says: &[
                "batch 1 was closed as full with 4 records instead of 5",
            ],
        },
        Case {
            what: "more keys",
            sql: "UPDATE chancery.keyrings SET key_count = 6 WHERE id = 1",
            names: "the ring",
            laws: &[5],
            says: &[
                "the ring has 5 keys, it declares 6",
            ],
        },
        Case {
            what: "another algorithm",
            sql: "UPDATE chancery.keyrings SET algorithm = 'ES256' WHERE id = 1",
            names: "key {key 5}",
            laws: &[2],
            says: &[
                "the public key of key {key 5} cannot be read",
            ],
        },
        Case {
            what: "another envelope",
            sql: "UPDATE chancery.keyrings SET envelope = 'JWS' WHERE id = 1",
            names: "record 1",
            laws: &[2],
            says: &[
                "the signature of record 1 is not true: it does not verify with key {key 1}",
            ],
        },
        Case {
            what: "a content type, of which the envelope says nothing",
            sql: "UPDATE chancery.keyrings SET content_type = 'JWT' WHERE id = 1",
            names: "key {key 5}",
            laws: &[2],
            says: &[
                "the envelope Raw has no content type",
            ],
        },
        Case {
            what: "a size of keys",
            sql: "UPDATE chancery.keyrings SET key_size = 2048 WHERE id = 1",
            names: "key {key 5}",
            laws: &[2],
            says: &[
                "key {key 5} has no size, the ring declares 2048 bits",
            ],
        },
        Case {
            what: "the ring of another run",
            sql: "UPDATE chancery.runs SET keyring_id = 2 WHERE id = 1",
            names: "lease 5",
            laws: &[2, 4],
            says: &[
                "key {key 1} is not in the ring of demo",
                "lease 1 of key {key 1} is in the log of another ring",
                "lease 5 is of run 1, which does not exist in its ring",
            ],
        },
        Case {
            what: "the same name twice",
            sql: "INSERT INTO chancery.runs (id, namespace, name, keyring_id, batch_size, lease_duration, suspended, created_at,
                                             record_count, sealed_at, completed_at, deleted_at, object_uid)
                  OVERRIDING SYSTEM VALUE
                  SELECT 99, namespace, name, keyring_id, batch_size, lease_duration, suspended, created_at, record_count,
                         sealed_at, completed_at, deleted_at, object_uid FROM chancery.runs WHERE id = 1",
            names: "run default/demo",
            laws: &[1],
            says: &[
                "the run stands in the ledger again, as run 99",
            ],
        },
        Case {
            what: "records of a run that does not exist",
            sql: "CREATE TABLE chancery.records_99 PARTITION OF chancery.records FOR VALUES IN (99);
                  INSERT INTO chancery.records SELECT record, 99, payload FROM chancery.records WHERE run_id = 2",
            names: "table records_99",
            laws: &[1],
            says: &[
                "the table records_99 is of a run that does not exist",
            ],
        },
        Case {
            what: "signatures of a run that does not exist",
            sql: "CREATE TABLE chancery.signature_blocks_99 PARTITION OF chancery.signature_blocks FOR VALUES IN (99);
                  INSERT INTO chancery.signature_blocks
                  SELECT first_record, last_record, lease_id, 99, signatures FROM chancery.signature_blocks WHERE run_id = 2",
            names: "table signature_blocks_99",
            laws: &[1],
            says: &[
                "the table signature_blocks_99 is of a run that does not exist",
            ],
        },
        Case {
            what: "batches of a run that does not exist",
            sql: "CREATE TABLE chancery.batches_99 PARTITION OF chancery.batches FOR VALUES IN (99);
                  INSERT INTO chancery.batches (batch, run_id, first_record, last_record, payload_bytes, opened_at, closed_at,
                                                closed_by)
                  SELECT batch, 99, first_record, last_record, payload_bytes, opened_at, closed_at, closed_by
                    FROM chancery.batches WHERE run_id = 2",
            names: "table batches_99",
            laws: &[1],
            says: &[
                "the table batches_99 is of a run that does not exist",
            ],
        },
        Case {
            what: "records of a run in a table of another name",
            sql: "CREATE TABLE chancery.records_forged PARTITION OF chancery.records FOR VALUES IN (99)",
            names: "table records_forged",
            laws: &[1],
            says: &["the table records_forged is of a run that does not exist"],
        },
        Case {
            what: "a table of a run with the records of another",
            sql: "ALTER TABLE chancery.records DETACH PARTITION chancery.records_2;
                  DELETE FROM chancery.records_2;
                  ALTER TABLE chancery.records ATTACH PARTITION chancery.records_2 FOR VALUES IN (99)",
            names: "table records_2",
            laws: &[1],
            says: &["the table records_2 is of a run that does not exist"],
        },
        Case {
            what: "an unknown envelope",
            sql: "DROP TRIGGER keyrings_keep_their_shape ON chancery.keyrings;
                  ALTER TABLE chancery.keyrings ALTER envelope DROP DEFAULT, ALTER envelope TYPE text;
                  UPDATE chancery.keyrings SET envelope = 'Forged' WHERE id = 1",
            names: "key {key 5}",
            laws: &[2],
            says: &["key {key 5} signs in the envelope Forged, which is unknown"],
        },
        Case {
            what: "an unknown provider of keys",
            sql: "DROP TRIGGER keyrings_keep_their_shape ON chancery.keyrings;
                  ALTER TABLE chancery.keyrings ALTER provider DROP DEFAULT, ALTER provider TYPE text;
                  UPDATE chancery.keyrings SET provider = 'Forged' WHERE id = 1",
            names: "the ring",
            laws: &[4],
            says: &["the ring's keys are with the provider Forged, which is unknown"],
        },
        Case {
            what: "the same ring twice",
            sql: "INSERT INTO chancery.keyrings OVERRIDING SYSTEM VALUE SELECT * FROM chancery.keyrings WHERE id = 1",
            names: "stands 2 times",
            laws: &[5],
            says: &["the ring stands in the ledger again, as ring 1"],
        },
    ];
    each_is_caught("run", &cases).await
}
