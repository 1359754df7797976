-- What an administrator of the server does once for a ledger, connected to the ledger's database: the roles, the one
-- function that makes and drops the logins of runs, and what is taken from everybody because nobody needs it.
-- docs/operating/postgresql.md says how. A program that migrates does it by itself where its login may.
--
-- It may be run again at any time. A role belongs to its server and is in no dump: after a restore on another server it
-- has to be run there.
--
--   chancery_signer    what all logins that sign a run have in common; roles.sql and functions/ say what that is
--   chancery_intake    the same of all logins that admit records to a run
--   chancery_delivery  the same of all logins that bring the signed batches of a run to its sinks
--   chancery_gateway   takes in records that programs push to any run that takes them, and shows records and signatures, by
--                      functions: the role of the gateway's login
--   chancery_auditor   reads everything but private keys, and changes nothing
--   chancery_operator  makes, watches and deletes runs, and has their logins made: the role of the operator's login, which
--                      owns nothing. It is a member of chancery_auditor; the ledger's owner is a member of both
--   chancery_logins    has CREATEROLE, and therefore nobody logs in as it and nobody is a member of it: on PostgreSQL 15
--                      that right alone is as good as a superuser's. It owns the function chancery_logins.change
--                      and nothing else
--
-- What needs a superuser is left out for others: see the last part.

DO $$
DECLARE
    v_role text;
    v_has_options boolean := current_setting('server_version_num')::integer >= 160000;
    v_owner name := (SELECT d.datdba::regrole::name FROM pg_database d WHERE d.datname = current_database());
BEGIN
    FOREACH v_role IN ARRAY ARRAY['chancery_signer', 'chancery_intake', 'chancery_delivery', 'chancery_gateway', 'chancery_auditor',
                                  'chancery_operator', 'chancery_logins'] LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = v_role) THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN', v_role);
            END IF;
        EXCEPTION
            -- Roles belong to the whole server: another ledger on it may have made this one, even now.
            WHEN duplicate_object OR unique_violation THEN NULL;
        END;
    END LOOP;
    -- One of that name that may log in, or that somebody is a member of, would hand out CREATEROLE.
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'chancery_logins' AND (rolcanlogin OR rolsuper))
       OR EXISTS (SELECT FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid
                   WHERE r.rolname = 'chancery_logins' AND m.member <> current_user::regrole
                     -- From PostgreSQL 16 on, whoever made the role may administer it, and is no member by that.
                     AND (NOT v_has_options OR (to_jsonb(m) ->> 'inherit_option')::boolean
                          OR (to_jsonb(m) ->> 'set_option')::boolean)) THEN
        RAISE EXCEPTION 'the role chancery_logins may log in, or has members: drop it, and run this again';
    END IF;
    IF NOT (SELECT rolcreaterole FROM pg_roles WHERE rolname = 'chancery_logins') THEN
        ALTER ROLE chancery_logins CREATEROLE;
    END IF;
    FOREACH v_role IN ARRAY ARRAY['chancery_signer', 'chancery_intake', 'chancery_delivery'] LOOP
        CONTINUE WHEN EXISTS (SELECT FROM pg_auth_members m WHERE m.roleid = v_role::regrole
                                 AND m.member = 'chancery_logins'::regrole AND m.admin_option);
        EXECUTE format('GRANT %I TO chancery_logins WITH ADMIN OPTION', v_role);
        -- Only to give it on.
        IF v_has_options THEN
            EXECUTE format('GRANT %I TO chancery_logins WITH INHERIT FALSE, SET FALSE', v_role);
        END IF;
    END LOOP;
    -- Whoever runs an operator audits with the rights of an auditor (SET ROLE).
    IF NOT pg_has_role('chancery_operator', 'chancery_auditor', CASE WHEN v_has_options THEN 'SET' ELSE 'MEMBER' END) THEN
        EXECUTE 'GRANT chancery_auditor TO chancery_operator'
                || CASE WHEN v_has_options THEN ' WITH INHERIT TRUE, SET TRUE' ELSE '' END;
    END IF;
    -- So does the owner, who may make logins too.
    FOREACH v_role IN ARRAY ARRAY['chancery_auditor', 'chancery_operator'] LOOP
        CONTINUE WHEN pg_has_role(v_owner, v_role, CASE WHEN v_has_options THEN 'SET' ELSE 'MEMBER' END);
        EXECUTE format('GRANT %I TO %I%s', v_role, v_owner,
                       CASE WHEN v_has_options THEN ' WITH INHERIT TRUE, SET TRUE' ELSE '' END);
    END LOOP;
END
$$;

-- Made anew each time, so that nothing is left of one that somebody else may have put here.
DROP SCHEMA IF EXISTS chancery_logins CASCADE;
CREATE SCHEMA chancery_logins;

-- Makes, limits, bars and drops logins of runs, and ends their sessions. p_login is chancery_LEDGER_rRUN_NUMBER: the
-- first 12 digits of the ledger's uid, the run's number in it, and 8 random digits; or chancery_LEDGER_iRUN_NUMBER for one
-- that admits records, and chancery_LEDGER_dRUN_NUMBER for one that delivers. Nothing else can be made, and no membership be given but
-- that in chancery_signer to the first, in chancery_intake to the second, and in chancery_delivery to the third, whatever the caller
-- asks for.
--
-- Of which ledger is said by the comment of the schema chancery, which is its owner's (roles.sql). No table is read: what its
-- owner makes of it would run with the rights of this function. Logins are made for the ledger of this database alone, and
-- where there is none, for none. A ledger that was not migrated since has no comment, and could be any.
--
--   make   p_verifier is what PostgreSQL keeps of a password (SCRAM-SHA-256, RFC 5803): the password itself never is in
--          SQL. p_connections is how many sessions the login may have at once
--   limit  changes p_connections
--   end    ends the session p_backend of the login; or of a gateway's, which is no such login, and to which nothing else is done. Not
--          while it waits for the disk or for a synchronous standby, as an honest one does that commits: what it commits would be
--          done here and not there, and whoever asks for it again be told that it is done
--   bar    nobody logs in any more
--   drop   ends its sessions and drops it, once it is barred
--
-- Returns how many sessions were ended; null when no such login was made in this database. One that was made in another
-- database of the server is left alone: a copy of a ledger has the names of the original's logins.
CREATE FUNCTION chancery_logins.change(
    p_action text, p_login text, p_verifier text, p_connections integer, p_backend integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_mark text := format('made by Chancery for a run of the ledger in the database with the oid %s',
                          (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()));
    v_ledger record;
    v_role oid;
    v_ended bigint := 0;
BEGIN
    -- A gateway's login is an administrator's, and has a name of theirs. Whoever may operate as well, or do anything, is left alone.
    IF p_action = 'end' AND EXISTS (
           SELECT FROM pg_roles r
            WHERE r.rolname = p_login AND pg_has_role(r.oid, 'chancery_gateway', 'MEMBER')
              AND NOT pg_has_role(r.oid, 'chancery_operator', 'MEMBER')) THEN
        SELECT count(*) INTO v_ended FROM (
            SELECT pg_terminate_backend(a.pid) AS is_ended FROM pg_stat_activity a
             WHERE a.usename = p_login AND a.pid = p_backend AND a.datname = current_database()
               AND coalesce(a.wait_event_type, '') <> 'IO' AND coalesce(a.wait_event, '') <> 'SyncRep') e
         WHERE e.is_ended;
        RETURN v_ended;
    END IF;
    IF (p_login ~ '^chancery_[0-9a-f]{12}_[rid][1-9][0-9]{0,9}_[0-9a-f]{8}$') IS NOT TRUE THEN
        RAISE EXCEPTION '% is no name of a login of a run', coalesce(quote_literal(left(p_login, 100)), 'null')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF p_action IN ('make', 'limit') AND (p_connections BETWEEN 1 AND 100000) IS NOT TRUE THEN
        RAISE EXCEPTION 'a login has between 1 and 100000 connections, not %', coalesce(p_connections::text, 'null')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF p_action = 'make' THEN
        SELECT substring(obj_description(n.oid, 'pg_namespace') FROM '^the ledger ([0-9a-f-]{36})$') AS uid INTO v_ledger
          FROM pg_namespace n WHERE n.nspname = 'chancery';
        IF NOT FOUND OR left(replace(v_ledger.uid, '-', ''), 12) <> split_part(p_login, '_', 2) THEN
            RAISE EXCEPTION '% is no name of a login of the ledger in this database', quote_literal(p_login)
                USING ERRCODE = 'invalid_parameter_value';
        END IF;
        IF (p_verifier ~ '^SCRAM-SHA-256\$4096:[A-Za-z0-9+/]{22}==\$[A-Za-z0-9+/]{43}=:[A-Za-z0-9+/]{43}=$') IS NOT TRUE
        THEN
            RAISE EXCEPTION 'the password has to come as a verifier: SCRAM-SHA-256 with a salt of 16 bytes and 4096 rounds'
                USING ERRCODE = 'invalid_parameter_value';
        END IF;
        -- A member of it: so this function may end its sessions, and remove what it has made.
        EXECUTE format('CREATE ROLE %I LOGIN INHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS '
                       'CONNECTION LIMIT %s PASSWORD %L IN ROLE %I ROLE chancery_logins',
                       p_login, p_connections, p_verifier,
                       CASE left(split_part(p_login, '_', 3), 1) WHEN 'i' THEN 'chancery_intake' WHEN 'd' THEN 'chancery_delivery'
                            ELSE 'chancery_signer' END);
        EXECUTE format('COMMENT ON ROLE %I IS %L', p_login, v_mark);
        -- Defaults, which the login may change; sessions that go too far are ended.
        EXECUTE format('ALTER ROLE %I SET statement_timeout = %L', p_login, '60s');
        EXECUTE format('ALTER ROLE %I SET lock_timeout = %L', p_login, '60s');
        EXECUTE format('ALTER ROLE %I SET idle_in_transaction_session_timeout = %L', p_login, '30s');
        -- A limit, which it may not change.
        IF has_parameter_privilege('temp_file_limit', 'SET') THEN
            EXECUTE format('ALTER ROLE %I SET temp_file_limit = %L', p_login, '256MB');
        END IF;
        -- Nor these: a login could otherwise fill the server's log, with messages of any length (RAISE LOG) and with statements that
        -- fail. Whatever an honest program is refused, it reports itself. That a session was ended is still written, without its statement.
        IF has_parameter_privilege('log_min_messages', 'SET') AND has_parameter_privilege('log_min_error_statement', 'SET') THEN
            EXECUTE format('ALTER ROLE %I SET log_min_messages = %L', p_login, 'fatal');
            EXECUTE format('ALTER ROLE %I SET log_min_error_statement = %L', p_login, 'panic');
        END IF;
        RETURN 0;
    END IF;

    SELECT r.oid INTO v_role FROM pg_roles r
     WHERE r.rolname = p_login AND shobj_description(r.oid, 'pg_authid') = v_mark;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    CASE p_action
    WHEN 'limit' THEN
        EXECUTE format('ALTER ROLE %I CONNECTION LIMIT %s', p_login, p_connections);
    WHEN 'end' THEN
        SELECT count(*) INTO v_ended FROM (
            SELECT pg_terminate_backend(a.pid) AS is_ended FROM pg_stat_activity a
             WHERE a.usesysid = v_role AND a.pid = p_backend
               AND coalesce(a.wait_event_type, '') <> 'IO' AND coalesce(a.wait_event, '') <> 'SyncRep') e
         WHERE e.is_ended;
    WHEN 'bar' THEN
        EXECUTE format('ALTER ROLE %I NOLOGIN PASSWORD NULL', p_login);
    WHEN 'drop' THEN
        -- Barred by an earlier transaction: otherwise somebody could log in meanwhile, and stay.
        IF (SELECT r.rolcanlogin FROM pg_roles r WHERE r.oid = v_role) THEN
            RAISE EXCEPTION 'the login % has to be barred before it is dropped', p_login
                USING ERRCODE = 'object_not_in_prerequisite_state';
        END IF;
        SELECT count(*) INTO v_ended FROM (
            SELECT pg_terminate_backend(a.pid, 5000) AS is_ended FROM pg_stat_activity a
             WHERE a.usesysid = v_role) e
         WHERE e.is_ended;
        EXECUTE format('DROP OWNED BY %I', p_login);
        EXECUTE format('DROP ROLE %I', p_login);
    ELSE
        RAISE EXCEPTION 'chancery_logins.change does not know the action %',
            coalesce(quote_literal(left(p_action, 100)), 'null') USING ERRCODE = 'invalid_parameter_value';
    END CASE;
    RETURN v_ended;
END
$$;

REVOKE ALL ON FUNCTION chancery_logins.change(text, text, text, integer, integer) FROM PUBLIC;
GRANT USAGE ON SCHEMA chancery_logins TO chancery_operator;
GRANT EXECUTE ON FUNCTION chancery_logins.change(text, text, text, integer, integer) TO chancery_operator;

-- Whoever is no superuser gives away only what would be their own, and is a member of the new owner for that moment.
DO $$
DECLARE
    v_is_superuser boolean := (SELECT rolsuper FROM pg_roles WHERE rolname = current_user);
    v_has_options boolean := current_setting('server_version_num')::integer >= 160000;
BEGIN
    IF NOT v_is_superuser THEN
        EXECUTE format('GRANT chancery_logins TO %I%s', current_user,
                       CASE WHEN v_has_options THEN ' WITH INHERIT TRUE, SET TRUE' ELSE '' END);
    END IF;
    GRANT CREATE ON SCHEMA chancery_logins TO chancery_logins;
    ALTER FUNCTION chancery_logins.change(text, text, text, integer, integer) OWNER TO chancery_logins;
    REVOKE CREATE ON SCHEMA chancery_logins FROM chancery_logins;
    IF NOT v_is_superuser THEN
        EXECUTE format('REVOKE chancery_logins FROM %I', current_user);
    END IF;
END
$$;

-- What nobody needs who works with a ledger, in this database. A login could otherwise write as much as it likes into
-- the server's log and data, and hold the locks by which signers take turns.
DO $$
DECLARE
    v_function regprocedure;
BEGIN
    IF current_setting('max_prepared_transactions') <> '0' THEN
        RAISE WARNING 'max_prepared_transactions is %, not 0: the login of a run can keep the turn of its keyring in a '
            'prepared transaction, which no operator ends', current_setting('max_prepared_transactions');
    END IF;
    IF pg_has_role(current_user, (SELECT d.datdba FROM pg_database d WHERE d.datname = current_database()), 'USAGE') THEN
        EXECUTE format('REVOKE CREATE, TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
    END IF;
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        RETURN;
    END IF;
    FOR v_function IN
        SELECT p.oid FROM pg_proc p
         WHERE p.pronamespace = 'pg_catalog'::regnamespace
           AND p.proname ~ '^(pg_(try_)?advisory_|pg_logical_emit_message$|pg_notify$|lo_|lowrite$|loread$)'
    LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', v_function);
        -- The owner's functions take turns by them, and make a lease durable.
        IF v_function::text ~ '^pg_(try_)?advisory_|^pg_logical_emit_message' THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO chancery_operator', v_function);
        END IF;
    END LOOP;
    -- One of the whole server: another ledger on it may have given this.
    IF NOT has_parameter_privilege('chancery_logins', 'temp_file_limit', 'SET')
       OR NOT has_parameter_privilege('chancery_logins', 'log_min_messages', 'SET')
       OR NOT has_parameter_privilege('chancery_logins', 'log_min_error_statement', 'SET') THEN
        GRANT SET ON PARAMETER temp_file_limit, log_min_messages, log_min_error_statement TO chancery_logins;
    END IF;
    -- So that its function may end sessions of gateways' logins, which it has not made, and see what they wait for. It takes no others.
    IF NOT (pg_has_role('chancery_logins', 'pg_signal_backend', 'USAGE') AND pg_has_role('chancery_logins', 'pg_read_all_stats', 'USAGE')) THEN
        GRANT pg_signal_backend, pg_read_all_stats TO chancery_logins;
    END IF;
END
$$;
