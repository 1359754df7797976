-- The keys that have signed a record of a run, with their public keys and their numbers in its ring. Leases of a run stay for as long as it.
CREATE OR REPLACE FUNCTION chancery.run_signing_keys(p_run integer) RETURNS TABLE (number integer, key_id uuid, public_key bytea)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    SELECT k.number, k.id, y.public_key
      FROM (SELECT DISTINCT l.key_id FROM chancery.leases l WHERE l.run_id = p_run AND l.outcome = 'signed') s
      JOIN chancery.keys k ON k.id = s.key_id
      JOIN chancery.key_material y ON y.key_id = k.id;
END
$$;
