-- $1, $2: first and last record
SELECT payload FROM work.records WHERE record BETWEEN $1::bigint AND $2::bigint ORDER BY record
