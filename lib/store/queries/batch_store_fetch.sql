-- $1 to $7 as in batch_store.sql, $8 first and $9 last record of the batch that its signer has leased next
--
-- Stores a batch and reads the payloads of the next in one transaction. Its commit waits for the disk, and with it for every
-- commit before: once the rows are read to their end, the batch is stored, and the lease of the next is durable. A store that
-- fails brings nothing to the disk. See records_fetch.sql about the table.
WITH stored AS MATERIALIZED (
    SELECT (chancery.batch_store($1, $2, $3, $4, $5, $6, $7::text::chancery.signing_library) IS NULL) IS NOT NULL AS is_done
)
SELECT r.payload
  FROM stored, chancery.records r
 WHERE stored.is_done AND r.record BETWEEN $8 AND $9
 ORDER BY r.record
