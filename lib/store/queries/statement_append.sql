-- $1 number, $2 SHA-256 of the statement before, or null, $3 uid of the run, $4 kind, $5 id of the key, $6 body,
-- $7 signature
SELECT chancery.statement_append($1, $2, $3, $4::chancery.statement_kind, $5, $6, $7)
