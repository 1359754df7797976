-- $1 run, $2 what it is for, $3 uid of its owner, $4 name of the Secret before, or null, $5 new name, $6 what will be in it
--
-- Names the Secret that is about to be made, in place of the one that was named before and no other. Whoever named one
-- meanwhile was first.
INSERT INTO chancery.run_secrets (run_id, work, owner_uid, name, content)
SELECT r.id, $2::chancery.login_work, $3, $5, $6 FROM chancery.runs r WHERE r.id = $1
    ON CONFLICT (run_id, work) DO UPDATE
   SET owner_uid = excluded.owner_uid, name = excluded.name, content = excluded.content, made_at = NULL
 WHERE run_secrets.name = $4
