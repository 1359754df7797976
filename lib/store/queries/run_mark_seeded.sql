-- $1 run
--
-- True once every chunk and every key is there. The row is updated even if another seeder has just
-- marked it: whoever waited for that one's commit sees it only in the row itself, not in a snapshot
-- taken before.
WITH marked AS (
    UPDATE chancery.runs r SET seeded_at = coalesce(r.seeded_at, clock_timestamp())
     WHERE r.id = $1
       AND (r.seeded_at IS NOT NULL
            OR (SELECT count(*) FROM chancery.seed_chunks c WHERE c.run_id = r.id)
               = (r.record_count + r.seed_chunk - 1) / r.seed_chunk
           AND (SELECT count(*) FROM chancery.key_material m JOIN chancery.keys k ON k.id = m.key_id
                 WHERE k.keyring_id = r.keyring_id) = r.key_count)
    RETURNING r.id
)
SELECT EXISTS (SELECT FROM marked)
