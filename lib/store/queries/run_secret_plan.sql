-- $1 run, $2 uid of its owner, $3 name of the Secret before, or null, $4 new name, $5 what will be in it
--
-- Names the Secret that is about to be made, in place of the one that was named before and no other. Whoever named one
-- meanwhile was first.
INSERT INTO chancery.run_secrets (run_id, owner_uid, name, content)
SELECT r.id, $2, $4, $5 FROM chancery.runs r WHERE r.id = $1
    ON CONFLICT (run_id) DO UPDATE
   SET owner_uid = excluded.owner_uid, name = excluded.name, content = excluded.content, made_at = NULL
 WHERE run_secrets.name = $3
