-- $1 run, $2 its uid, $3 arrivals, $4 payloads, $5 their places, $6 their identities, $7 places of dead letters,
-- $8 their stages, $9 reasons, $10 bytes, $11 names of requests, $12 digests of what they sent, $13 places, $14 arrivals;
-- $15 to $28 as in admit.sql, by places
SELECT answer, start_at, accounted, first_record, duplicate_places, duplicate_runs, duplicate_records, room, waiting
  FROM chancery.records_push($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14,
                             ROW ($15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25)::chancery.judgement, $26, $27, $28)
