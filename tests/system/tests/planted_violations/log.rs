//! Cases of the lease log's order.

use crate::{Case, each_is_caught};

#[tokio::test]
async fn a_lease_log_that_was_rewritten_is_caught() -> anyhow::Result<()> {
    let cases = [
        Case {
            what: "two leases of one key overlap",
            sql: "UPDATE chancery.leases SET released_at = (
                      SELECT min(next.acquired_at) + interval '1 microsecond' FROM chancery.leases next
                       WHERE next.key_id = leases.key_id AND next.id > leases.id)
                   WHERE id = 1",
            names: "lease 1",
            laws: &[4],
            says: &["took key {key 1} while lease 1 held it"],
        },
        Case {
            what: "a lease that is never released overlaps all that come after",
            sql: "UPDATE chancery.leases SET released_at = NULL WHERE id = 1",
            names: "lease 1",
            laws: &[4],
            says: &["took key {key 1} while lease 1 held it"],
        },
        Case {
            // The most recently used of the keys that were free at the instant of the last choice.
            what: "another key than the least recently used",
            sql: "UPDATE chancery.leases SET key_id = (
                      SELECT earlier.key_id FROM chancery.leases earlier
                       WHERE earlier.id < 15 AND earlier.released_at <= leases.acquired_at
                         AND earlier.key_id <> leases.key_id
                         AND NOT EXISTS (SELECT FROM chancery.leases later
                                          WHERE later.key_id = earlier.key_id AND later.id > earlier.id)
                       ORDER BY earlier.id DESC LIMIT 1)
                   WHERE id = 15",
            names: "lease 15",
            laws: &[2, 5],
            says: &["while key {key 15} (last use", "the signature of record 57 is not true"],
        },
        Case {
            what: "a choice before the one before it",
            sql: "UPDATE chancery.leases SET acquired_at = (
                      SELECT first.acquired_at - interval '1 microsecond' FROM chancery.leases first
                       WHERE first.id = 1)
                   WHERE id = 2",
            names: "lease 2",
            laws: &[5],
            says: &["lease 2 was not acquired later than the lease before it"],
        },
        Case {
            what: "a release before its lease",
            sql: "UPDATE chancery.leases SET released_at = acquired_at - interval '1 second' WHERE id = 15",
            names: "lease 15",
            laws: &[4],
            says: &["lease 15 ends before it begins"],
        },
        Case {
            // The keys 3 and 4 were unused until then, so that either might have been chosen.
            what: "the use sequence of two leases swapped",
            sql: "UPDATE chancery.leases SET use_sequence = 7 - use_sequence WHERE id IN (3, 4)",
            names: "lease 3",
            laws: &[5],
            says: &["lease 3 was not acquired later than the lease before it"],
        },
        Case {
            what: "a gap in the use sequence",
            sql: "UPDATE chancery.leases SET use_sequence = use_sequence + 1 WHERE id >= 8 AND keyring_id = 1",
            names: "lease 8",
            laws: &[5],
            says: &["lease 8 has use sequence 9, expected is 8"],
        },
        Case {
            what: "a use sequence that stands twice",
            sql: "UPDATE chancery.leases SET use_sequence = 14 WHERE id = 15",
            names: "lease 15",
            laws: &[5],
            says: &["lease 15 has use sequence 14, expected is 15"],
        },
        Case {
            what: "the keys of two leases exchanged",
            // A slow signer may have held the key of lease 15 when lease 14 was granted: that would break law 4 as well.
            sql: "UPDATE chancery.leases l SET released_at = least(l.released_at, earlier.acquired_at)
                    FROM chancery.leases earlier, chancery.leases later
                   WHERE earlier.id = 14 AND later.id = 15 AND l.id < 14 AND l.key_id = later.key_id;
                  UPDATE chancery.leases l SET key_id = other.key_id FROM chancery.leases other
                   WHERE l.id IN (14, 15) AND other.id = 29 - l.id",
            // Whether lease 14 took the less recently used one before, or after, is a matter of how long that signer held it.
            names: "key {key 15}",
            laws: &[2, 5],
            says: &[
                "key {key 15} says that its last use was 15, the log says 14",
                "the signature of record 57 is not true",
            ],
        },
        Case {
            what: "the first lease deleted with all that it signed",
            sql: "DELETE FROM chancery.leases WHERE id = 1;
                  DELETE FROM chancery.signature_blocks WHERE run_id = 1 AND first_record <= 4;
                  UPDATE chancery.batches SET state = 'unsigned', lease_id = NULL WHERE run_id = 1 AND batch = 1",
            names: "lease 2",
            laws: &[1, 5],
            says: &[
                "the records 1 to 4 are without a signature",
                "lease 2 has use sequence 2, expected is 1",
            ],
        },
    ];
    each_is_caught("log", &cases).await
}
