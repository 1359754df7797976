//! Cases of keys.

use crate::{Case, each_is_caught};

#[tokio::test]
async fn a_key_that_was_tampered_with_is_caught() -> anyhow::Result<()> {
    let cases = [
        Case {
            what: "another valid public key",
            sql: "UPDATE chancery.key_material m SET public_key = other.public_key FROM chancery.key_material other
                   WHERE m.key_id = (SELECT key_id FROM chancery.leases WHERE id = 5)
                     AND other.key_id = (SELECT key_id FROM chancery.leases WHERE id = 4)",
            names: "record 17",
            laws: &[2, 4],
            says: &["the signature of record 17 is not true: it does not verify with key {key 5}"],
        },
        Case {
            what: "no public key",
            sql: "UPDATE chancery.key_material SET public_key = '\\xdeadbeef'
                   WHERE key_id = (SELECT key_id FROM chancery.leases WHERE id = 5)",
            names: "key {key 5}",
            laws: &[2],
            says: &["the signature of record 17 is not true: the public key of key {key 5} cannot be read"],
        },
        Case {
            what: "the public key of another algorithm",
            sql: "UPDATE chancery.key_material SET public_key = decode(
                      '3059301306072a8648ce3d020106082a8648ce3d030107034200046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0'
                      'f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5', 'hex')
                   WHERE key_id = (SELECT key_id FROM chancery.leases WHERE id = 5)",
            names: "key {key 5}",
            laws: &[2],
            says: &["record 17 is not true: the public key of key {key 5} cannot be read"],
        },
        Case {
            what: "no material",
            sql: "DELETE FROM chancery.key_material
                   WHERE key_id = (SELECT key_id FROM chancery.leases WHERE id = 5)",
            names: "key {key 5}",
            laws: &[2],
            says: &["record 17 is not true: key {key 5} has no material"],
        },
        Case {
            what: "not in the ring",
            sql: "DELETE FROM chancery.keys WHERE id = (SELECT key_id FROM chancery.leases WHERE id = 5)",
            names: "key {key 5}",
            laws: &[2, 5],
            says: &[
                "record 17 is not true: key {key 5} is not in the ring of demo",
                "lease 5 took key {key 5}, which is not in the ring",
            ],
        },
        Case {
            what: "missing, although the run is complete",
            sql: "UPDATE chancery.keyrings SET filled_at = NULL WHERE id = 1",
            names: "the ring",
            laws: &[5],
            says: &["demo is complete, yet its ring is not filled"],
        },
        Case {
            what: "another last use",
            sql: "UPDATE chancery.keys SET last_use = 99
                   WHERE id = (SELECT key_id FROM chancery.leases WHERE id = 15)",
            names: "key {key 15}",
            laws: &[5],
            says: &["key {key 15} says that its last use was 99, the log says 15"],
        },
        Case {
            what: "moved to another ring",
            sql: "UPDATE chancery.keys SET keyring_id = 2 WHERE id = (SELECT key_id FROM chancery.leases WHERE id = 5)",
            names: "key {key 5}",
            laws: &[2, 5],
            says: &[
                "lease 5 took key {key 5}, which is not in the ring",
                "the ring has 4 keys, it declares 5",
            ],
        },
        Case {
            what: "deleted with its material, and no longer declared",
            sql: "UPDATE chancery.keyrings SET key_count = 4 WHERE id = 1;
                  DELETE FROM chancery.keys WHERE id = (SELECT key_id FROM chancery.leases WHERE id = 5);
                  DELETE FROM chancery.key_material WHERE key_id = (SELECT key_id FROM chancery.leases WHERE id = 5)",
            names: "key {key 5}",
            laws: &[2, 5],
            says: &[
                "lease 5 took key {key 5}, which is not in the ring",
            ],
        },
        Case {
            what: "added, and never used",
            sql: "INSERT INTO chancery.keys (id, keyring_id, number, last_use, joined_use, joined_at)
                  VALUES ('00000000-0000-0000-0000-000000000006', 1, 6, 0, 0, now());
                  INSERT INTO chancery.key_material SELECT '00000000-0000-0000-0000-000000000006', public_key, ''
                    FROM chancery.key_material WHERE key_id = (SELECT key_id FROM chancery.leases WHERE id = 16)",
            names: "key 00000000-0000-0000-0000-000000000006",
            laws: &[5],
            says: &[
                "the ring has 6 keys, it declares 5",
                "while key 00000000-0000-0000-0000-000000000006 (last use 0) was free",
            ],
        },
        Case {
            what: "added, declared, and never used",
            sql: "UPDATE chancery.keyrings SET key_count = 6 WHERE id = 1;
                  INSERT INTO chancery.keys (id, keyring_id, number, last_use, joined_use, joined_at)
                  VALUES ('00000000-0000-0000-0000-000000000006', 1, 6, 0, 0, now());
                  INSERT INTO chancery.key_material SELECT '00000000-0000-0000-0000-000000000006', public_key, ''
                    FROM chancery.key_material WHERE key_id = (SELECT key_id FROM chancery.leases WHERE id = 16)",
            names: "key 00000000-0000-0000-0000-000000000006",
            laws: &[5],
            says: &[
                "while key 00000000-0000-0000-0000-000000000006 (last use 0) was free",
            ],
        },
        Case {
            what: "renumbered",
            sql: "UPDATE chancery.keys SET number = 7 WHERE id = (SELECT key_id FROM chancery.leases WHERE id = 5)",
            names: "key {key 5}",
            laws: &[5],
            says: &[
                "key {key 5} has number 7, expected is 5",
            ],
        },
        Case {
            what: "added to no ring",
            sql: "INSERT INTO chancery.keys (id, keyring_id, number, last_use, joined_use, joined_at)
                  VALUES ('00000000-0000-0000-0000-000000000006', 99, 1, 0, 0, now())",
            names: "key 00000000-0000-0000-0000-000000000006",
            laws: &[5],
            says: &[
                "key 00000000-0000-0000-0000-000000000006 belongs to no ring",
            ],
        },
        Case {
            what: "material of no key",
            sql: "INSERT INTO chancery.key_material
                  SELECT '00000000-0000-0000-0000-000000000006', public_key, '' FROM chancery.key_material LIMIT 1",
            names: "key 00000000-0000-0000-0000-000000000006",
            laws: &[5],
            says: &[
                "there is material of key 00000000-0000-0000-0000-000000000006, which does not exist",
            ],
        },
        Case {
            what: "standing twice",
            sql: "INSERT INTO chancery.keys SELECT * FROM chancery.keys
                   WHERE id = (SELECT key_id FROM chancery.leases WHERE id = 5)",
            names: "key {key 5}",
            laws: &[5],
            says: &["key {key 5} stands more than once"],
        },
        Case {
            what: "of an unknown state",
            sql: "ALTER TABLE chancery.keys ALTER state DROP DEFAULT, ALTER state TYPE text;
                  UPDATE chancery.keys SET state = 'forged' WHERE id = (SELECT key_id FROM chancery.leases WHERE id = 5)",
            names: "key {key 5}",
            laws: &[5],
            says: &["key {key 5} is in the unknown state forged"],
        },
        Case {
            what: "retired without a when",
            sql: "UPDATE chancery.keys SET state = 'retired'
                   WHERE id = (SELECT key_id FROM chancery.leases WHERE id = 5)",
            names: "key {key 5}",
            laws: &[5],
            says: &["key {key 5} is retired, yet does not say when it left the ring"],
        },
        Case {
            what: "active, and retired long since",
            sql: "UPDATE chancery.keys SET retired_use = last_use, retired_at = now()
                   WHERE id = (SELECT key_id FROM chancery.leases WHERE id = 15)",
            names: "key {key 15}",
            laws: &[5],
            says: &["key {key 15} is active, yet says when it left the ring"],
        },
    ];
    each_is_caught("key", &cases).await
}
