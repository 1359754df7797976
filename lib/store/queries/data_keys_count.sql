-- How many keyrings have a data key that each KEK has wrapped.
SELECT d.kek_fingerprint, count(*) AS keyrings
  FROM chancery.data_keys d
 GROUP BY d.kek_fingerprint
 ORDER BY d.kek_fingerprint
