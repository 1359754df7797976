//! Cases of records.

use crate::{Case, each_is_caught};

#[tokio::test]
async fn a_record_that_was_tampered_with_is_caught() -> anyhow::Result<()> {
    let cases = [
        Case {
            what: "altered",
            sql: "UPDATE chancery.records SET payload = set_byte(payload, 0, get_byte(payload, 0) # 1)
                   WHERE record = 17",
            names: "record 17",
            laws: &[2],
            says: &["the signature of record 17 is not true"],
        },
        Case {
            what: "longer",
            sql: "UPDATE chancery.records SET payload = payload || '\\x00' WHERE record = 17",
            names: "record 17",
            laws: &[2, 3],
            says: &[
                "batch 5 says that its payloads have 256 bytes, they have 257",
                "the signature of record 17 is not true",
            ],
        },
        Case {
            what: "deleted",
            sql: "DELETE FROM chancery.records WHERE record = 17",
            names: "record 17",
            laws: &[1],
            says: &["record 17 is missing"],
        },
        Case {
            what: "deleted with its signature",
            sql: "DELETE FROM chancery.records WHERE record = 60;
                  UPDATE chancery.signature_blocks SET last_record = 59, signatures = substring(signatures FOR 192)
                   WHERE first_record = 57",
            names: "record 60",
            laws: &[1],
            says: &["record 60 is missing", "record 60 is without a signature"],
        },
        Case {
            what: "duplicated",
            sql: "INSERT INTO chancery.records SELECT * FROM chancery.records WHERE record = 17",
            names: "record 17",
            laws: &[1],
            says: &["record 17 stands 2 times"],
        },
        Case {
            what: "beyond the run",
            sql: "INSERT INTO chancery.records SELECT 61, run_id, payload FROM chancery.records WHERE record = 60",
            names: "record 61",
            laws: &[1],
            says: &["record 61 is outside of the run"],
        },
        Case {
            what: "before the run",
            sql: "INSERT INTO chancery.records SELECT 0, run_id, payload FROM chancery.records WHERE record = 60",
            names: "record 0",
            laws: &[1],
            says: &["record 0 is outside of the run"],
        },
        Case {
            what: "truncated",
            sql: "UPDATE chancery.records SET payload = substring(payload FOR 63) WHERE record = 17",
            names: "record 17",
            laws: &[2, 3],
            says: &[
                "batch 5 says that its payloads have 256 bytes, they have 255",
                "the signature of record 17 is not true",
            ],
        },
        Case {
            what: "exchanged with another",
            sql: "UPDATE chancery.records r SET payload = other.payload FROM chancery.records other
                   WHERE r.run_id = 1 AND other.run_id = 1 AND r.record IN (17, 18) AND other.record = 35 - r.record",
            names: "record 17",
            laws: &[2],
            says: &[
                "the signature of record 17 is not true",
                "the signature of record 18 is not true",
            ],
        },
        Case {
            what: "an empty place",
            sql: "ALTER TABLE chancery.records ALTER payload DROP NOT NULL;
                  UPDATE chancery.records SET payload = NULL WHERE record = 17",
            names: "record 17",
            laws: &[1],
            says: &[
                "record 17 is missing",
            ],
        },
        Case {
            what: "renumbered",
            sql: "UPDATE chancery.records SET record = 61 WHERE record = 60",
            names: "record 60",
            laws: &[1],
            says: &[
                "record 60 is missing",
                "record 61 is outside of the run",
            ],
        },
        Case {
            what: "longer than a payload may be",
            sql: "UPDATE chancery.records SET payload = decode(repeat('00', 1048577), 'hex') WHERE record = 17 AND run_id = 1",
            names: "record 17",
            laws: &[1, 3],
            says: &["record 17 has 1048577 bytes, more than 1048576"],
        },
        Case {
            what: "two bytes of one given to the next, so that their batch has as many as before",
            sql: "UPDATE chancery.records SET payload = substring(payload FOR 62) WHERE record = 17 AND run_id = 1;
                  UPDATE chancery.records SET payload = payload || '\\x0000' WHERE record = 18 AND run_id = 1",
            names: "record 17",
            laws: &[2],
            says: &["the signature of record 17 is not true", "the signature of record 18 is not true"],
        },
    ];
    each_is_caught("record", &cases).await
}
