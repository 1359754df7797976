//! Cases of leases.

use crate::{Case, each_is_caught};

#[tokio::test]
async fn a_lease_that_was_tampered_with_is_caught() -> anyhow::Result<()> {
    let cases = [
        Case {
            what: "deleted",
            sql: "DELETE FROM chancery.leases WHERE id = 5",
            names: "record 17",
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
            names: "record 17",
            laws: &[3, 4],
            says: &[
                "batch 5 is marked signed under lease 5, which is no signed lease of this batch",
                "the signature of record 17 was stored under lease 5, which ended abandoned",
            ],
        },
        Case {
            what: "said to have run out",
            sql: "UPDATE chancery.leases SET outcome = 'expired', signed_at = NULL WHERE id = 5",
            names: "lease 5",
            laws: &[3, 4],
            says: &[
                "the signature of record 17 was stored under lease 5, which ended expired",
                "lease 5 was taken over before it had run out",
            ],
        },
        Case {
            what: "without an ending",
            sql: "UPDATE chancery.leases SET outcome = NULL, signed_at = NULL WHERE id = 5",
            names: "lease 5",
            laws: &[3, 4],
            says: &[
                "the signature of record 17 was stored under lease 5, which is still open",
                "lease 5 gave its key back, yet has not ended",
            ],
        },
        Case {
            what: "open although the run is complete",
            sql: "UPDATE chancery.leases SET outcome = NULL, signed_at = NULL, released_at = NULL WHERE id = 15",
            names: "lease 15",
            laws: &[3, 4],
            says: &["lease 15 is open although its run is complete"],
        },
        Case {
            what: "abandoned without its key having come back",
            sql: "UPDATE chancery.leases SET outcome = 'abandoned', signed_at = NULL, released_at = NULL
                   WHERE id = 15",
            names: "lease 15",
            laws: &[3, 4],
            says: &["lease 15 has ended, yet its key was never given back"],
        },
        Case {
            what: "of another batch",
            sql: "UPDATE chancery.leases SET batch = 6 WHERE id = 5",
            names: "lease 5",
            laws: &[3],
            says: &["batch 5 is marked signed under lease 5, which is no signed lease of this batch"],
        },
        Case {
            what: "of another run",
            sql: "UPDATE chancery.leases SET run_id = 99 WHERE id = 5",
            names: "lease 5",
            laws: &[3, 4],
            says: &["the signature of record 17 was stored under lease 5, which is one of another run"],
        },
        Case {
            what: "of a key of another ring",
            sql: "UPDATE chancery.leases SET key_id = (SELECT key_id FROM chancery.leases WHERE id = 16)
                   WHERE id = 5",
            names: "lease 5",
            laws: &[2, 5],
            says: &["lease 5 took key", "which is not in the ring"],
        },
        Case {
            what: "of a batch that there is not",
            sql: "UPDATE chancery.leases SET batch = 16 WHERE id = 5",
            names: "lease 5",
            laws: &[3],
            says: &[
                "lease 5 is of batch 16, which is outside of the run",
            ],
        },
        Case {
            what: "in the log of another ring",
            sql: "UPDATE chancery.leases SET keyring_id = 2 WHERE id = 15",
            names: "lease 15",
            laws: &[4, 5],
            says: &[
                "lease 15 of key {key 15} is in the log of another ring",
                "key {key 15} says that its last use was 15",
            ],
        },
        Case {
            what: "of an unknown outcome",
            sql: "ALTER TABLE chancery.leases ALTER outcome TYPE text;
                  UPDATE chancery.leases SET outcome = 'forged' WHERE id = 5",
            names: "lease 5",
            laws: &[3, 4],
            says: &[
                "lease 5 has an unknown outcome",
                "the signature of record 17 was stored under lease 5, which ended forged",
            ],
        },
        Case {
            what: "that was taken back without a doubt",
            sql: "UPDATE chancery.leases SET outcome = 'expired', signed_at = NULL, expires_at = acquired_at WHERE id = 5",
            names: "lease 5",
            laws: &[3, 4],
            says: &[
                "lease 5 was taken back before its holder had the time to renew it",
                "the signature of record 17 was stored under lease 5, which ended expired",
            ],
        },
        Case {
            what: "that does not say when it signed",
            sql: "UPDATE chancery.leases SET signed_at = NULL WHERE id = 5",
            names: "lease 5",
            laws: &[4],
            says: &[
                "lease 5 says that it signed, or when, but not both",
            ],
        },
        Case {
            what: "that holds its key for ever",
            sql: "UPDATE chancery.leases SET released_at = 'infinity' WHERE id = 15",
            names: "lease 15",
            laws: &[4],
            says: &[
                "lease 15 has an infinite instant",
            ],
        },
        Case {
            what: "added, of a signed batch, and otherwise as the protocol would have it",
            sql: "INSERT INTO chancery.leases (id, run_id, batch, keyring_id, key_id, holder, use_sequence,
                                               acquired_at, expires_at, duration, signed_at, released_at,
                                               outcome)
                  OVERRIDING SYSTEM VALUE 
                  SELECT 99, 1, 5, 1, k.id, 'forger', 16, l.last + interval '1 second', l.last + interval '9 seconds',
                         interval '8 seconds', l.last + interval '2 seconds', l.last + interval '3 seconds', 'signed'
                    FROM chancery.keys k, (SELECT max(released_at) AS last FROM chancery.leases) l
                   WHERE k.keyring_id = 1 ORDER BY k.last_use LIMIT 1;
                  UPDATE chancery.keys k SET last_use = 16 FROM chancery.leases l WHERE l.id = 99 AND k.id = l.key_id",
            names: "lease 99",
            laws: &[3],
            says: &[
                "lease 99 is of a batch that lease 5 had signed",
            ],
        },
        Case {
            what: "added to another ring's log, of a key of this ring",
            sql: "INSERT INTO chancery.leases (id, run_id, batch, keyring_id, key_id, holder, use_sequence,
                                               acquired_at, expires_at, duration, signed_at, released_at,
                                               outcome)
                  OVERRIDING SYSTEM VALUE 
                  SELECT 99, 2, 1, 2, key_id, holder, 3, acquired_at, expires_at, duration, signed_at, released_at, outcome
                    FROM chancery.leases WHERE id = 5",
            names: "lease 99",
            laws: &[4],
            says: &[
                "lease 99 of key {key 5} is in the log of another ring",
            ],
        },
        Case {
            what: "added, of a run that does not exist",
            sql: "INSERT INTO chancery.leases (id, run_id, batch, keyring_id, key_id, holder, use_sequence,
                                               acquired_at, expires_at, duration, signed_at, released_at,
                                               outcome)
                  OVERRIDING SYSTEM VALUE 
                  SELECT 99, 99, 1, 99, gen_random_uuid(), holder, 1, acquired_at, expires_at, duration, signed_at, released_at,
                         outcome FROM chancery.leases WHERE id = 5",
            names: "lease 99",
            laws: &[4],
            says: &[
                "lease 99 is of run 99, which does not exist in its ring",
            ],
        },
    ];
    each_is_caught("lease", &cases).await
}
