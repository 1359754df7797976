-- $1 run, $2 its uid, $3 names of requests
SELECT key_hash, digest, start_at, arrivals, accounted, first_record, duplicate_places, duplicate_runs, duplicate_records,
       dead_places, dead_stages, dead_rules, dead_reasons, flag_places, flag_hits,
       settled_places, settled_records, waiting_places
  FROM chancery.pushes_find($1, $2, $3)
