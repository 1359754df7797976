-- $1 login, $2 verifier of its password, or null, $3 whether the login is there
--
-- The statements that make it an operator's. No statement that makes a role takes parameters.
SELECT CASE WHEN $3 THEN format('ALTER ROLE %I LOGIN PASSWORD %L; ', $1::text, $2::text) ELSE format('CREATE ROLE %I LOGIN PASSWORD %L; ', $1::text, $2::text) END
       || format('GRANT chancery_operator TO %I', $1::text)
