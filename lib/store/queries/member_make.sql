-- $1 login, $2 verifier of its password, or null, $3 whether the login is there, $4 the role that it is to be a member of, $5 how many
-- sessions it may have at once, or null for any number
--
-- The statements that make it one. No statement that makes a role takes parameters. One with a limit of sessions gets the other limits of
-- postgresql.md too, as far as this login may set them; one that is there keeps those that it has.
SELECT CASE WHEN $3 THEN format('ALTER ROLE %I LOGIN PASSWORD %L; ', $1::text, $2::text)
            ELSE format('CREATE ROLE %I LOGIN CONNECTION LIMIT %s PASSWORD %L; ', $1::text, coalesce($5::integer, -1), $2::text)
                 || CASE WHEN $5 IS NOT NULL AND has_parameter_privilege('temp_file_limit', 'SET')
                         THEN format('ALTER ROLE %I SET temp_file_limit = %L; ', $1::text, '256MB') ELSE '' END
                 || CASE WHEN $5 IS NOT NULL AND has_parameter_privilege('log_min_messages', 'SET')
                              AND has_parameter_privilege('log_min_error_statement', 'SET')
                         THEN format('ALTER ROLE %1$I SET log_min_messages = %2$L; ALTER ROLE %1$I SET log_min_error_statement = %3$L; ',
                                     $1::text, 'fatal', 'panic') ELSE '' END END
       || format('GRANT %I TO %I', $4::text, $1::text)
