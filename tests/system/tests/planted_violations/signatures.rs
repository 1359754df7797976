//! Cases of signatures.

use crate::{Case, each_is_caught};

#[tokio::test]
async fn a_signature_that_was_tampered_with_is_caught() -> anyhow::Result<()> {
    let cases = [
        Case {
            what: "altered",
            sql:
                "UPDATE chancery.signatures SET signature = set_byte(signature, 3, get_byte(signature, 3) # 1)
                   WHERE record = 17",
            names: "record 17",
            laws: &[2],
            says: &["the signature of record 17 is not true: it does not verify with key {key 5}"],
        },
        Case {
            what: "truncated",
            sql: "UPDATE chancery.signatures SET signature = substring(signature FOR 63) WHERE record = 17",
            names: "record 17",
            laws: &[2],
            says: &["the signature of record 17 is not true"],
        },
        Case {
            what: "empty",
            sql: "UPDATE chancery.signatures SET signature = '' WHERE record = 60",
            names: "record 60",
            laws: &[2],
            says: &["the signature of record 60 is not true"],
        },
        Case {
            what: "of another record",
            sql: "UPDATE chancery.signatures s SET signature = other.signature FROM chancery.signatures other
                   WHERE s.record = 17 AND other.record = 18",
            names: "record 17",
            laws: &[2],
            says: &["the signature of record 17 is not true"],
        },
        Case {
            what: "deleted",
            sql: "DELETE FROM chancery.signatures WHERE record = 17",
            names: "record 17",
            laws: &[1],
            says: &["record 17 is without a signature"],
        },
        Case {
            what: "several deleted",
            sql: "DELETE FROM chancery.signatures WHERE record BETWEEN 17 AND 20",
            names: "record 18",
            laws: &[1],
            says: &["the records 17 to 20 are without a signature"],
        },
        Case {
            what: "duplicated",
            sql: "INSERT INTO chancery.signatures SELECT * FROM chancery.signatures WHERE record = 17",
            names: "record 17",
            laws: &[1],
            says: &["record 17 has 2 signatures"],
        },
        Case {
            what: "beyond the run",
            sql: "INSERT INTO chancery.signatures
                  SELECT 61, lease_id, run_id, signature FROM chancery.signatures WHERE record = 60",
            names: "signature 61",
            laws: &[1],
            says: &["signature 61 is outside of the run"],
        },
        Case {
            what: "moved to another lease",
            sql: "UPDATE chancery.signatures SET lease_id = 6 WHERE record = 17",
            names: "record 17",
            laws: &[2, 3],
            says: &[
                "the signature of record 17 is not true: it does not verify with key {key 6}",
                "record 17 of batch 5 was signed under lease 6, its batch under lease 5",
            ],
        },
        Case {
            what: "moved to a lease that never was",
            sql: "UPDATE chancery.signatures SET lease_id = 99 WHERE record = 17",
            names: "record 17",
            laws: &[3, 4],
            says: &["the signature of record 17 was stored under lease 99, which is not in the log"],
        },
        Case {
            what: "of the record of that number in another run",
            sql: "UPDATE chancery.signatures s SET signature = other.signature FROM chancery.signatures other
                   WHERE (s.run_id, s.record, other.run_id, other.record) = (1, 3, 2, 3)",
            names: "record 3",
            laws: &[2],
            says: &[
                "the signature of record 3 is not true: it does not verify with key {key 1}",
            ],
        },
        Case {
            what: "exchanged between two records",
            sql: "UPDATE chancery.signatures s SET signature = other.signature FROM chancery.signatures other
                   WHERE s.run_id = 1 AND other.run_id = 1 AND s.record IN (17, 18) AND other.record = 35 - s.record",
            names: "record 17",
            laws: &[2],
            says: &[
                "the signature of record 17 is not true",
                "the signature of record 18 is not true",
            ],
        },
        Case {
            what: "an empty place",
            sql: "ALTER TABLE chancery.signatures ALTER signature DROP NOT NULL;
                  UPDATE chancery.signatures SET signature = NULL WHERE record = 17",
            names: "record 17",
            laws: &[2],
            says: &[
                "the signature of record 17 is not true",
            ],
        },
    ];
    each_is_caught("signature", &cases).await
}
