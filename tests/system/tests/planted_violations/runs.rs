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
                "batch 16 is missing",
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
                "batch 15 holds the records 57 to 60 instead of 57 to 59",
            ],
        },
        Case {
            what: "another size of records",
            sql: "UPDATE chancery.runs SET record_size = 65 WHERE id = 1",
            names: "record 1",
            laws: &[1],
            says: &[
                "record 1 has 64 bytes instead of 65",
            ],
        },
        Case {
            what: "another batch size",
            sql: "UPDATE chancery.runs SET batch_size = 5 WHERE id = 1",
            names: "batch 1",
            laws: &[3],
            says: &[
                "batch 1 holds the records 1 to 4 instead of 1 to 5",
            ],
        },
        Case {
            what: "another number of batches",
            sql: "ALTER TABLE chancery.runs ALTER batch_count DROP EXPRESSION;
                  UPDATE chancery.runs SET batch_count = 16 WHERE id = 1",
            names: "run default/demo",
            laws: &[3],
            says: &[
                "the run says 16 batches instead of 15",
            ],
        },
        Case {
            what: "more keys",
            sql: "UPDATE chancery.runs SET key_count = 6 WHERE id = 1",
            names: "the ring",
            laws: &[5],
            says: &[
                "the ring has 5 keys, the run declares 6",
            ],
        },
        Case {
            what: "another algorithm",
            sql: "UPDATE chancery.runs SET algorithm = 'ES256' WHERE id = 1",
            names: "key {key 5}",
            laws: &[2],
            says: &[
                "key {key 5} is for EdDSA, the run signs with ES256",
            ],
        },
        Case {
            what: "a size of keys",
            sql: "UPDATE chancery.runs SET key_size = 2048 WHERE id = 1",
            names: "key {key 5}",
            laws: &[2],
            says: &[
                "key {key 5} has no size, the run declares 2048 bits",
            ],
        },
        Case {
            what: "the ring of another run",
            sql: "UPDATE chancery.runs SET keyring_id = 2 WHERE id = 1",
            names: "lease 5",
            laws: &[2, 4, 5],
            says: &[
                "key {key 1} is not in the ring of demo",
                "lease 1 of key {key 1} is in the log of another ring",
                "the ring has 2 keys, the run declares 5",
            ],
        },
        Case {
            what: "the same name twice",
            sql: "INSERT INTO chancery.runs (id, namespace, name, keyring_id, record_count, record_size, key_count, batch_size,
                                             algorithm, lease_duration, seed_chunk)
                  OVERRIDING SYSTEM VALUE SELECT 99, namespace, name, keyring_id, record_count, record_size, key_count,
                         batch_size, algorithm, lease_duration, seed_chunk FROM chancery.runs WHERE id = 1",
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
            sql: "CREATE TABLE chancery.signatures_99 PARTITION OF chancery.signatures FOR VALUES IN (99);
                  INSERT INTO chancery.signatures SELECT record, lease_id, 99, signature FROM chancery.signatures WHERE run_id = 2",
            names: "table signatures_99",
            laws: &[1],
            says: &[
                "the table signatures_99 is of a run that does not exist",
            ],
        },
        Case {
            what: "batches of a run that does not exist",
            sql: "CREATE TABLE chancery.batches_99 PARTITION OF chancery.batches FOR VALUES IN (99);
                  INSERT INTO chancery.batches SELECT batch, 99, first_record, last_record, state, lease_id FROM chancery.batches WHERE run_id = 2",
            names: "table batches_99",
            laws: &[1],
            says: &[
                "the table batches_99 is of a run that does not exist",
            ],
        },
    ];
    each_is_caught("run", &cases).await
}
