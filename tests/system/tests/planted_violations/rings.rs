//! Cases of a ring that several runs sign with: `shared` says what is in its log.

use crate::{Audited, Case, each_of_is_caught};

#[tokio::test]
async fn a_ring_of_several_runs_that_was_tampered_with_is_caught() -> anyhow::Result<()> {
    let cases = [
        Case {
            what: "forgotten, though a run is in the ledger that it signed",
            sql: "DELETE FROM chancery.leases WHERE keyring_id = 3 AND use_sequence <= 3;
                  UPDATE chancery.keyrings SET forgotten_use = 3 WHERE id = 3",
            names: "batch 1",
            laws: &[3, 4],
            says: &[
                "batch 1 is marked signed under lease 19, which is no signed lease of this batch",
                "the signature of record 1 was stored under lease 19, which is not in the log",
                "batch 1 of default/one names a lease that is not in the log",
            ],
        },
        Case {
            what: "forgotten beyond the last use of a key",
            sql: "DELETE FROM chancery.leases WHERE keyring_id = 3 AND use_sequence <= 4;
                  UPDATE chancery.keyrings SET forgotten_use = 4 WHERE id = 3",
            names: "key {key A}",
            laws: &[3, 4, 5],
            says: &[
                "key {key A} was last used at 4, but the log has forgotten all up to 4",
            ],
        },
        Case {
            what: "with a hole in what was not forgotten",
            sql: "DELETE FROM chancery.leases WHERE id = 20",
            names: "lease 21",
            laws: &[4, 5],
            says: &[
                "lease 21 has use sequence 4, expected is 3",
                "batch 1 of default/two names a lease that is not in the log",
            ],
        },
        Case {
            what: "that lacks a beginning which it has not forgotten",
            sql: "UPDATE chancery.keyrings SET forgotten_use = 0 WHERE id = 3",
            names: "lease 19",
            laws: &[5],
            says: &[
                "lease 19 has use sequence 2, expected is 1",
            ],
        },
        Case {
            what: "that has what it says to have forgotten",
            sql: "UPDATE chancery.keyrings SET forgotten_use = 2 WHERE id = 3",
            names: "lease 19",
            laws: &[5],
            says: &[
                "lease 19 has use sequence 2, expected is 3",
            ],
        },
        Case {
            what: "with a key that was used before it joined",
            sql: "UPDATE chancery.keys SET joined_use = 8 WHERE keyring_id = 3 AND number = 4",
            names: "lease 25",
            laws: &[5],
            says: &[
                "lease 25 took key {key D} before it joined the ring",
            ],
        },
        Case {
            what: "with a key that joined before it did",
            sql: "UPDATE chancery.keys SET joined_use = 4 WHERE keyring_id = 3 AND number = 4",
            names: "key {key D}",
            laws: &[5],
            says: &[
                "while key {key D} (last use 4) was free",
            ],
        },
        Case {
            what: "with a key that joins after the end of the log",
            sql: "UPDATE chancery.keys SET joined_use = 9, last_use = 9 WHERE keyring_id = 3 AND number = 4",
            names: "key {key D}",
            laws: &[5],
            says: &[
                "key {key D} says that it joined after use 9, the log ends with 8",
                "lease 25 took key {key D} before it joined the ring",
            ],
        },
        Case {
            what: "with a key that was used after it had left",
            sql: "UPDATE chancery.keys SET retired_use = 4, last_use = 4 WHERE keyring_id = 3 AND number = 2",
            names: "lease 22",
            laws: &[5],
            says: &[
                "lease 22 took key {key B} after it had left the ring",
                "key {key B} says that its last use was 4, the log says 5",
            ],
        },
        Case {
            what: "with a key that left before its last use",
            sql: "UPDATE chancery.keys SET retired_use = 4 WHERE keyring_id = 3 AND number = 2",
            names: "key {key B}",
            laws: &[5],
            says: &[
                "key {key B} says that its last use was 5, after it had left after 4",
            ],
        },
        Case {
            what: "with a key that leaves after the end of the log",
            sql: "UPDATE chancery.keys SET retired_use = 9 WHERE keyring_id = 3 AND number = 2",
            names: "key {key B}",
            laws: &[5],
            says: &[
                "key {key B} says that it left after use 9, the log ends with 8",
                "while key {key B} (last use 5) was free",
            ],
        },
        Case {
            what: "with a key that left, but is active",
            sql: "UPDATE chancery.keys SET state = 'active' WHERE keyring_id = 3 AND number = 2",
            names: "key {key B}",
            laws: &[5],
            says: &[
                "key {key B} is active, yet says when it left the ring",
                "the ring has 4 keys, it declares 3",
            ],
        },
        Case {
            what: "with a key that was passed over, having never left",
            sql: "UPDATE chancery.keys SET state = 'active', retired_use = NULL, retired_at = NULL
                   WHERE keyring_id = 3 AND number = 2",
            names: "key {key B}",
            laws: &[5],
            says: &[
                "the ring has 4 keys, it declares 3",
                "lease 24 took key {key C} (last use 6) while key {key B} (last use 5) was free",
            ],
        },
        Case {
            what: "with fewer keys than it declares",
            sql: "UPDATE chancery.keyrings SET key_count = 5 WHERE id = 3",
            names: "the ring",
            laws: &[5],
            says: &[
                "the ring has 4 keys, it declares 5",
            ],
        },
        Case {
            what: "that does not remember a deleted run",
            sql: "DELETE FROM chancery.deleted_runs",
            names: "lease 21",
            laws: &[4],
            says: &[
                "lease 21 is of run 5, which does not exist in its ring",
            ],
        },
        Case {
            what: "with a lease after the deletion of its run",
            sql: "UPDATE chancery.deleted_runs SET last_use = 3",
            names: "lease 21",
            laws: &[4],
            says: &[
                "lease 21 is of run 5, which had been deleted before",
            ],
        },
        Case {
            what: "with a newer lease of a deleted run",
            sql: "UPDATE chancery.leases SET run_id = 5 WHERE id = 24",
            names: "lease 24",
            laws: &[4],
            says: &[
                "lease 24 is of run 5, which had been deleted before",
            ],
        },
        Case {
            what: "whose deleted run is remembered by another ring",
            sql: "UPDATE chancery.deleted_runs SET keyring_id = 1",
            names: "lease 21",
            laws: &[4],
            says: &[
                "lease 21 is of run 5, which does not exist in its ring",
            ],
        },
        Case {
            what: "whose run was deleted after the end of the log",
            sql: "UPDATE chancery.deleted_runs SET last_use = 99",
            names: "run 5",
            laws: &[4],
            says: &[
                "run 5 was deleted after use 99, which is not in the log",
            ],
        },
        Case {
            what: "beside a deleted run of no ring",
            sql: "INSERT INTO chancery.deleted_runs VALUES (99, 99, 'default', 'forged', 1, now())",
            names: "run 99",
            laws: &[4],
            says: &[
                "run 99 (default/forged) was deleted from a ring that does not exist",
            ],
        },
        Case {
            what: "whose run was deleted, yet is there",
            sql: "INSERT INTO chancery.deleted_runs VALUES (4, 3, 'default', 'two', 8, now())",
            names: "run 4",
            laws: &[4],
            says: &[
                "run 4 (default/two) was deleted, yet it is in the ledger",
            ],
        },
        Case {
            what: "with a lease of another ring's key",
            sql: "UPDATE chancery.leases SET key_id = (SELECT key_id FROM chancery.leases WHERE id = 1) WHERE id = 25",
            names: "lease 25",
            laws: &[2, 5],
            says: &[
                "lease 25 took key {key 1}, which is not in the ring",
                "key {key 1} is not in the ring of one",
            ],
        },
        Case {
            what: "with a key that is in two runs at once",
            sql: "UPDATE chancery.leases SET key_id = (SELECT id FROM chancery.keys WHERE keyring_id = 3 AND number = 3) WHERE id = 25;
                  UPDATE chancery.keys SET last_use = 8 WHERE keyring_id = 3 AND number = 3;
                  UPDATE chancery.keys SET last_use = 6 WHERE keyring_id = 3 AND number = 4",
            names: "lease 25",
            laws: &[2, 4],
            says: &[
                "lease 25 took key {key C} while lease 24 held it",
            ],
        },
        Case {
            what: "with a key that a deleted run still holds",
            sql: "UPDATE chancery.leases SET key_id = (SELECT id FROM chancery.keys WHERE keyring_id = 3 AND number = 1) WHERE id = 25;
                  UPDATE chancery.keys SET last_use = 8 WHERE keyring_id = 3 AND number = 1;
                  UPDATE chancery.keys SET last_use = 6 WHERE keyring_id = 3 AND number = 4",
            names: "lease 25",
            laws: &[2, 4],
            says: &[
                "lease 25 took key {key A} while lease 21 held it",
            ],
        },
        Case {
            what: "whose runs used two keys in the wrong order",
            sql: "UPDATE chancery.leases l SET key_id = other.key_id FROM chancery.leases other
                   WHERE l.id IN (22, 23) AND other.id = 45 - l.id;
                  UPDATE chancery.keys SET last_use = 6 WHERE keyring_id = 3 AND number = 2",
            names: "lease 22",
            laws: &[2, 5],
            says: &[
                "lease 22 took key {key C} (last use 3) while key {key B} (last use 2) was free",
            ],
        },
        Case {
            what: "whose runs used their keys in another order than they say",
            sql: "UPDATE chancery.leases SET use_sequence = 11 - use_sequence WHERE id IN (22, 23)",
            names: "lease 22",
            laws: &[5],
            says: &[
                "lease 22 was not acquired later than the lease before it",
            ],
        },
        Case {
            what: "with an open lease of another run that is complete",
            sql: "UPDATE chancery.leases SET outcome = NULL, signed_at = NULL, released_at = NULL WHERE id = 24",
            names: "lease 24",
            laws: &[4],
            says: &[
                "lease 24 is open although its run is complete",
            ],
        },
        Case {
            what: "with a lease of another run in another ring's log",
            sql: "UPDATE chancery.leases SET keyring_id = 2 WHERE id = 24",
            names: "lease 24",
            laws: &[4, 5],
            says: &[
                "lease 24 of key {key C} is in the log of another ring",
                "lease 25 has use sequence 8, expected is 7",
            ],
        },
        Case {
            what: "with leases of another ring's run",
            sql: "UPDATE chancery.runs SET keyring_id = 1 WHERE id = 4",
            names: "lease 20",
            laws: &[4],
            says: &[
                "lease 20 is of run 4, which does not exist in its ring",
            ],
        },
    ];
    each_of_is_caught(Audited { run: "one", keyring: Some("shared") }, "ring", &cases).await
}
