-- Marks a run with sinks complete, if it is: it is sealed, its ring is filled, and each of its batches is at each of its sinks, or a dead
-- letter, as are their manifests. Each of those was signed. Of a run whose last batch is delivered before the last key is in its ring, a signer says so
-- (lease_acquire). Both look in the ring's turn: one of the two looks last, and sees what the other had seen.
CREATE OR REPLACE FUNCTION chancery.run_complete(p_run integer) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_keyring integer := (SELECT r.keyring_id FROM chancery.runs r WHERE r.id = p_run);
    v_turn record;
BEGIN
    v_turn := chancery.keyring_turn(v_keyring);
    UPDATE chancery.runs r SET completed_at = v_turn.instant
     WHERE r.id = p_run AND r.completed_at IS NULL AND r.sealed_at IS NOT NULL AND r.deleted_at IS NULL
       AND (SELECT k.filled_at IS NOT NULL FROM chancery.keyrings k WHERE k.id = v_keyring)
       AND EXISTS (SELECT FROM chancery.sinks s WHERE s.run_id = p_run)
       AND NOT chancery.run_undelivered(p_run);
    IF FOUND THEN
        PERFORM chancery.event_completed(p_run);
    END IF;
END
$$;
