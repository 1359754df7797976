-- $1 run, $2 keyring
--
-- Once the run's own tables are gone, so that no more can come. From then on the ring may sign these payloads again.
DELETE FROM chancery.digests WHERE keyring_id = $2 AND run_id = $1
