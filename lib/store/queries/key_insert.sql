-- $1 id, $2 keyring, $3 number, $4 algorithm, $5 public key, $6 wrapped key
--
-- Nothing is written where another seeder was first to make the key of this number.
WITH fresh AS (
    INSERT INTO chancery.keys (id, keyring_id, number) VALUES ($1, $2, $3)
    ON CONFLICT (keyring_id, number) DO NOTHING
    RETURNING id
)
INSERT INTO chancery.key_material (key_id, algorithm, public_key, wrapped_key)
SELECT id, $4::text::chancery.algorithm, $5, $6 FROM fresh
