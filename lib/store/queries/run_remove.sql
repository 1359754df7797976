-- $1 run
--
-- What is left of a run once its own tables are gone.
WITH gone AS (
    DELETE FROM chancery.runs WHERE id = $1 RETURNING id, keyring_id
), leases AS (
    DELETE FROM chancery.leases l USING gone WHERE l.keyring_id = gone.keyring_id AND l.run_id = gone.id
), keys AS (
    DELETE FROM chancery.keys k USING gone WHERE k.keyring_id = gone.keyring_id
)
DELETE FROM chancery.keyrings r USING gone WHERE r.id = gone.keyring_id
