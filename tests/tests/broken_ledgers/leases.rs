//! Cases of leases and of their log.

use crate::{Case, each_is_caught};

#[tokio::test]
async fn a_lease_that_was_tampered_with_is_caught() -> anyhow::Result<()> {
    let cases = [
        Case {
            what: "deleted",
            sql: "DELETE FROM chancery.leases WHERE id = 5",
            laws: &[3, 4, 5],
            says: &[
                "batch 5 is marked signed under lease 5, which is no signed lease of this batch",
                "the signature of record 17 was stored under lease 5, which is not in the log",
                "lease 6 has use sequence 6, expected is 5",
            ],
        },
        Case {
            what: "said to have been abandoned",
            sql: "UPDATE chancery.leases SET outcome = 'abandoned', signed_at = NULL WHERE id = 5",
            laws: &[3, 4],
            says: &[
                "batch 5 is marked signed under lease 5, which is no signed lease of this batch",
                "the signature of record 17 was stored under lease 5, which ended abandoned",
            ],
        },
        Case {
            what: "said to have run out",
            sql: "UPDATE chancery.leases SET outcome = 'expired', signed_at = NULL WHERE id = 5",
            laws: &[3, 4],
            says: &[
                "the signature of record 17 was stored under lease 5, which ended expired",
                "lease 5 was taken over before it had run out",
            ],
        },
        Case {
            what: "without an ending",
            sql: "UPDATE chancery.leases SET outcome = NULL, signed_at = NULL WHERE id = 5",
            laws: &[3, 4],
            says: &[
                "the signature of record 17 was stored under lease 5, which is still open",
                "lease 5 gave its key back, yet has not ended",
            ],
        },
        Case {
            what: "open although the run is complete",
            sql: "UPDATE chancery.leases SET outcome = NULL, signed_at = NULL, released_at = NULL WHERE id = 15",
            laws: &[3, 4],
            says: &["lease 15 is open although its run is complete"],
        },
        Case {
            what: "abandoned without its key having come back",
            sql: "UPDATE chancery.leases SET outcome = 'abandoned', signed_at = NULL, released_at = NULL
                   WHERE id = 15",
            laws: &[3, 4],
            says: &["lease 15 has ended, yet its key was never given back"],
        },
        Case {
            what: "of another batch",
            sql: "UPDATE chancery.leases SET batch = 6 WHERE id = 5",
            laws: &[3],
            says: &["batch 5 is marked signed under lease 5, which is no signed lease of this batch"],
        },
        Case {
            what: "of another run",
            sql: "UPDATE chancery.leases SET run_id = 99 WHERE id = 5",
            laws: &[3, 4],
            says: &["the signature of record 17 was stored under lease 5, which is one of another run"],
        },
    ];
    each_is_caught("lease", &cases).await
}

#[tokio::test]
async fn a_lease_log_that_was_rewritten_is_caught() -> anyhow::Result<()> {
    let cases = [
        Case {
            what: "two leases of one key overlap",
            sql: "UPDATE chancery.leases SET released_at = (
                      SELECT min(next.acquired_at) + interval '1 microsecond' FROM chancery.leases next
                       WHERE next.key_id = leases.key_id AND next.id > leases.id)
                   WHERE id = 1",
            laws: &[4],
            says: &["took key {key 1} while lease 1 held it"],
        },
        Case {
            what: "a lease that is never released overlaps all that come after",
            sql: "UPDATE chancery.leases SET released_at = NULL WHERE id = 1",
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
            laws: &[2, 5],
            says: &["while key {key 15} (last use", "the signature of record 57 is not true"],
        },
        Case {
            what: "a choice before the one before it",
            sql: "UPDATE chancery.leases SET acquired_at = (
                      SELECT first.acquired_at - interval '1 microsecond' FROM chancery.leases first
                       WHERE first.id = 1)
                   WHERE id = 2",
            laws: &[5],
            says: &["lease 2 was not acquired later than the lease before it"],
        },
        Case {
            what: "a release before its lease",
            sql: "UPDATE chancery.leases SET released_at = acquired_at - interval '1 second' WHERE id = 15",
            laws: &[4],
            says: &["lease 15 ends before it begins"],
        },
        Case {
            // The keys 3 and 4 were unused until then, so that either might have been chosen.
            what: "the use sequence of two leases swapped",
            sql: "UPDATE chancery.leases SET use_sequence = 7 - use_sequence WHERE id IN (3, 4)",
            laws: &[5],
            says: &["lease 3 was not acquired later than the lease before it"],
        },
        Case {
            what: "a gap in the use sequence",
            sql: "UPDATE chancery.leases SET use_sequence = use_sequence + 1 WHERE id >= 8",
            laws: &[5],
            says: &["lease 8 has use sequence 9, expected is 8"],
        },
        Case {
            what: "a use sequence that stands twice",
            sql: "UPDATE chancery.leases SET use_sequence = 14 WHERE id = 15",
            laws: &[5],
            says: &["lease 15 has use sequence 14, expected is 15"],
        },
    ];
    each_is_caught("log", &cases).await
}
