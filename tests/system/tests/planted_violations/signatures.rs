//! Cases of signatures. Batch 5 of `demo` is one block, of the records 17 to 20.

use crate::{Case, each_is_caught};

#[tokio::test]
async fn a_signature_that_was_tampered_with_is_caught() -> anyhow::Result<()> {
    let cases = [
        Case {
            what: "altered",
            sql: "UPDATE chancery.signature_blocks SET signatures = set_byte(signatures, 67, get_byte(signatures, 67) # 1)
                   WHERE first_record = 17",
            names: "record 18",
            laws: &[2],
            says: &["the signature of record 18 is not true: it does not verify with key {key 5}"],
        },
        Case {
            what: "truncated",
            sql: "UPDATE chancery.signature_blocks SET signatures = substring(signatures FOR 255) WHERE first_record = 17",
            names: "record 17",
            laws: &[2],
            says: &["the signature of record 17 is not true", "the signature of record 20 is not true"],
        },
        Case {
            what: "lengthened by a byte",
            sql: "UPDATE chancery.signature_blocks SET signatures = signatures || '\\x00' WHERE first_record = 17",
            names: "record 20",
            laws: &[2],
            says: &["the signature of record 20 is not true"],
        },
        Case {
            what: "followed by more bytes than there are records",
            sql: "UPDATE chancery.signature_blocks SET signatures = signatures || '\\x0000000000' WHERE first_record = 17",
            names: "record 17",
            laws: &[2],
            says: &["the signature of record 18 is not true", "the signature of record 20 is not true"],
        },
        Case {
            what: "longer than a block may be",
            sql: "UPDATE chancery.signature_blocks SET signatures = signatures || decode(repeat('00', 4194304), 'hex')
                   WHERE first_record = 17",
            names: "record 17",
            laws: &[2],
            says: &["the signature of record 17 is not true", "the signature of record 20 is not true"],
        },
        Case {
            what: "empty",
            sql: "UPDATE chancery.signature_blocks SET signatures = '' WHERE first_record = 57",
            names: "record 60",
            laws: &[2],
            says: &["the signature of record 60 is not true"],
        },
        Case {
            what: "of another record",
            sql: "UPDATE chancery.signature_blocks
                     SET signatures = overlay(signatures PLACING substring(signatures FROM 65 FOR 64) FROM 1 FOR 64)
                   WHERE first_record = 17",
            names: "record 17",
            laws: &[2],
            says: &["the signature of record 17 is not true"],
        },
        Case {
            what: "taken out of its block",
            sql: "UPDATE chancery.signature_blocks SET first_record = 18, signatures = substring(signatures FROM 65)
                   WHERE first_record = 17",
            names: "record 17",
            laws: &[1],
            says: &["record 17 is without a signature"],
        },
        Case {
            what: "several deleted",
            sql: "DELETE FROM chancery.signature_blocks WHERE first_record = 17",
            names: "record 18",
            laws: &[1],
            says: &["the records 17 to 20 are without a signature"],
        },
        Case {
            what: "duplicated",
            sql: "INSERT INTO chancery.signature_blocks SELECT * FROM chancery.signature_blocks WHERE first_record = 17",
            names: "record 17",
            laws: &[1],
            says: &["record 17 has 2 signatures", "record 20 has 2 signatures"],
        },
        Case {
            what: "that stands in another block once more",
            sql: "INSERT INTO chancery.signature_blocks
                  SELECT 18, 18, lease_id, run_id, substring(signatures FROM 65 FOR 64) FROM chancery.signature_blocks
                   WHERE first_record = 17",
            names: "record 18",
            laws: &[1],
            says: &["record 18 has 2 signatures"],
        },
        Case {
            what: "that stands in a block which reaches into the next batch",
            sql: "UPDATE chancery.signature_blocks b SET last_record = 21, signatures = b.signatures || substring(n.signatures FOR 64)
                    FROM chancery.signature_blocks n WHERE b.first_record = 17 AND n.first_record = 21",
            names: "record 21",
            laws: &[1, 2, 3],
            says: &[
                "record 21 has 2 signatures",
                "record 21 of batch 6 was signed under lease 5, its batch under lease 6",
            ],
        },
        Case {
            what: "beyond the run",
            sql: "INSERT INTO chancery.signature_blocks
                  SELECT 61, 61, lease_id, run_id, substring(signatures FOR 64) FROM chancery.signature_blocks
                   WHERE first_record = 57",
            names: "signature 61",
            laws: &[1],
            says: &["signature 61 is outside of the run"],
        },
        Case {
            what: "beyond the run, in the block of its last batch, which has no end",
            sql: "UPDATE chancery.signature_blocks SET last_record = 9223372036854775807 WHERE first_record = 57",
            names: "signature 61",
            laws: &[1],
            says: &["signature 61 is outside of the run"],
        },
        Case {
            what: "in a block that ends before it begins",
            sql: "INSERT INTO chancery.signature_blocks
                  SELECT 17, 16, lease_id, run_id, signatures FROM chancery.signature_blocks WHERE first_record = 17",
            names: "record 17",
            laws: &[1],
            says: &["signature 17 is outside of the run"],
        },
        Case {
            what: "moved to another lease",
            sql: "UPDATE chancery.signature_blocks SET lease_id = 6 WHERE first_record = 17",
            names: "record 17",
            laws: &[2, 3],
            says: &[
                "the signature of record 17 is not true: it does not verify with key {key 6}",
                "record 17 of batch 5 was signed under lease 6, its batch under lease 5",
            ],
        },
        Case {
            what: "moved to a lease that never was",
            sql: "UPDATE chancery.signature_blocks SET lease_id = 99 WHERE first_record = 17",
            names: "record 17",
            laws: &[3, 4],
            says: &["the signature of record 17 was stored under lease 99, which is not in the log"],
        },
        Case {
            what: "of the record of that number in another run",
            sql: "UPDATE chancery.signature_blocks b
                     SET signatures = overlay(b.signatures PLACING substring(other.signatures FROM 129 FOR 64) FROM 129 FOR 64)
                    FROM chancery.signature_blocks other
                   WHERE (b.run_id, b.first_record, other.run_id, other.first_record) = (1, 1, 2, 1)",
            names: "record 3",
            laws: &[2],
            says: &[
                "the signature of record 3 is not true: it does not verify with key {key 1}",
            ],
        },
        Case {
            what: "exchanged between two records",
            sql: "UPDATE chancery.signature_blocks
                     SET signatures = substring(signatures FROM 65 FOR 64) || substring(signatures FOR 64)
                                      || substring(signatures FROM 129)
                   WHERE first_record = 17",
            names: "record 17",
            laws: &[2],
            says: &[
                "the signature of record 17 is not true",
                "the signature of record 18 is not true",
            ],
        },
        Case {
            what: "an empty place",
            sql: "ALTER TABLE chancery.signature_blocks ALTER signatures DROP NOT NULL;
                  UPDATE chancery.signature_blocks SET signatures = NULL WHERE first_record = 17",
            names: "record 17",
            laws: &[2],
            says: &[
                "the signature of record 17 is not true",
            ],
        },
    ];
    each_is_caught("signature", &cases).await
}
