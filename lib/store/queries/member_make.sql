-- $1 login, $2 verifier of its password, or null, $3 whether the login is there, $4 the role that it is to be a member of
--
-- The statements that make it one. No statement that makes a role takes parameters.
SELECT CASE WHEN $3 THEN format('ALTER ROLE %I LOGIN PASSWORD %L; ', $1::text, $2::text) ELSE format('CREATE ROLE %I LOGIN PASSWORD %L; ', $1::text, $2::text) END
       || format('GRANT %I TO %I', $4::text, $1::text)
