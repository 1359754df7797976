-- The ledger as the migrations make it. Written by `make generate`; do not edit.

CREATE SCHEMA chancery;

CREATE TYPE chancery.algorithm AS ENUM (
    'RS256',
    'PS256',
    'ES256',
    'EdDSA'
);

CREATE TYPE chancery.batch_state AS ENUM (
    'unsigned',
    'leased',
    'signed'
);

CREATE TYPE chancery.lease_outcome AS ENUM (
    'signed',
    'expired',
    'abandoned'
);

CREATE FUNCTION chancery.batch_claim(p_run integer, p_floor bigint, OUT lease_id bigint, OUT batch bigint, OUT first_record bigint, OUT last_record bigint, OUT pending boolean) RETURNS record
    LANGUAGE plpgsql
    SET plan_cache_mode TO 'force_custom_plan'
    AS $$
DECLARE
    v_floor bigint;
BEGIN
    FOREACH v_floor IN ARRAY ARRAY[p_floor, 1] LOOP
        -- The state is asked for twice because the index is one of batches that are not signed.
        UPDATE chancery.batches b SET state = 'leased', lease_id = nextval('chancery.leases_id_seq')
         WHERE b.run_id = p_run AND b.batch = (
               SELECT u.batch FROM chancery.batches u
                WHERE u.run_id = p_run AND u.batch >= v_floor AND u.state = 'unsigned' AND u.state <> 'signed'
                ORDER BY u.batch LIMIT 1 FOR UPDATE SKIP LOCKED)
        RETURNING b.lease_id, b.batch, b.first_record, b.last_record
             INTO lease_id, batch, first_record, last_record;
        IF FOUND THEN
            RETURN;
        END IF;
    END LOOP;
    pending := EXISTS (SELECT FROM chancery.batches b WHERE b.run_id = p_run AND b.state <> 'signed');
END
$$;

CREATE FUNCTION chancery.batch_return(p_run integer, p_batch bigint, p_lease bigint) RETURNS void
    LANGUAGE plpgsql
    SET plan_cache_mode TO 'force_custom_plan'
    AS $$
BEGIN
    UPDATE chancery.batches b SET state = 'unsigned', lease_id = NULL
     WHERE b.run_id = p_run AND b.batch = p_batch AND b.lease_id = p_lease;
END
$$;

CREATE FUNCTION chancery.batch_sign(p_run integer, p_batch bigint, p_lease bigint, p_first bigint, p_end bigint) RETURNS boolean
    LANGUAGE plpgsql
    SET plan_cache_mode TO 'force_custom_plan'
    AS $$
DECLARE
    v_batch_first bigint;
    v_stored bigint := 0;
BEGIN
    UPDATE chancery.batches b SET state = 'signed'
     WHERE b.run_id = p_run AND b.batch = p_batch AND b.lease_id = p_lease
       AND b.last_record = p_end AND b.first_record <= p_first
    RETURNING b.first_record INTO v_batch_first;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF v_batch_first < p_first THEN
        SELECT count(*) INTO v_stored FROM chancery.signatures s
         WHERE s.run_id = p_run AND s.record >= v_batch_first AND s.record < p_first AND s.lease_id = p_lease;
    END IF;
    RETURN v_stored = p_first - v_batch_first;
END
$$;

CREATE FUNCTION chancery.batch_store(p_lease bigint, p_first bigint, p_signatures bytea[], p_last boolean) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET enable_sort TO 'off'
    AS $$
DECLARE
    v_lease record;
    v_end bigint := p_first + cardinality(p_signatures) - 1;
BEGIN
    IF p_last THEN
        UPDATE chancery.leases l SET outcome = 'signed', signed_at = clock_timestamp()
         WHERE l.id = p_lease AND (l.outcome IS NULL) IS TRUE RETURNING l.run_id, l.batch INTO v_lease;
    ELSE
        -- Locked to the end of the transaction, so that nobody takes over a batch that is being stored.
        SELECT l.run_id, l.batch INTO v_lease FROM chancery.leases l
         WHERE l.id = p_lease AND (l.outcome IS NULL) IS TRUE FOR UPDATE;
    END IF;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'lease % is lost', p_lease USING ERRCODE = 'CH001';
    END IF;
    INSERT INTO chancery.signatures (record, lease_id, run_id, signature)
    SELECT p_first + s.position - 1, p_lease, v_lease.run_id, s.signature
      FROM unnest(p_signatures) WITH ORDINALITY AS s (signature, position);
    IF NOT p_last THEN
        RETURN;
    END IF;
    IF NOT chancery.batch_sign(v_lease.run_id, v_lease.batch, p_lease, p_first, v_end) THEN
        RAISE EXCEPTION 'lease % does not cover its batch: records % to % were given last', p_lease, p_first, v_end
            USING ERRCODE = 'CH002';
    END IF;
END
$$;

CREATE FUNCTION chancery.holders_release(p_run integer, p_holders text[]) RETURNS bigint
    LANGUAGE sql
    AS $$
    SELECT count(*) FROM (
        SELECT l.id FROM chancery.leases l
          JOIN chancery.runs r ON r.keyring_id = l.keyring_id
         WHERE r.id = p_run AND l.run_id = p_run AND l.released_at IS NULL AND l.outcome IS NULL
           AND l.holder = ANY (p_holders)) held
     WHERE chancery.lease_abandon(held.id)
$$;

CREATE FUNCTION chancery.keyring_collect(p_keyring integer, p_instant timestamp with time zone, p_use_floor bigint) RETURNS integer
    LANGUAGE plpgsql
    AS $$
DECLARE
    v_lease record;
    v_expired integer := 0;
BEGIN
    FOR v_lease IN
        SELECT l.id, l.run_id, l.batch, l.outcome FROM chancery.leases l
         WHERE l.keyring_id = p_keyring AND l.released_at IS NULL AND l.use_sequence >= p_use_floor
           AND (l.outcome = 'signed' OR l.expires_at <= p_instant)
         FOR UPDATE SKIP LOCKED
    LOOP
        UPDATE chancery.leases l SET released_at = p_instant, outcome = coalesce(l.outcome, 'expired')
         WHERE l.id = v_lease.id;
        IF v_lease.outcome IS NULL THEN
            v_expired := v_expired + 1;
            PERFORM chancery.batch_return(v_lease.run_id, v_lease.batch, v_lease.id);
        END IF;
    END LOOP;
    RETURN v_expired;
END
$$;

CREATE FUNCTION chancery.keyring_turn(p_keyring integer, OUT instant timestamp with time zone, OUT last_use bigint) RETURNS record
    LANGUAGE plpgsql
    AS $$
DECLARE
    v_acquired timestamptz;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'leasing needs READ COMMITTED, the transaction is %',
            upper(current_setting('transaction_isolation')) USING ERRCODE = 'invalid_transaction_state';
    END IF;
    -- The first number is Chancery's own namespace of advisory locks.
    PERFORM pg_advisory_xact_lock(1128814158, p_keyring);
    SELECT l.use_sequence, l.acquired_at INTO last_use, v_acquired FROM chancery.leases l
     WHERE l.keyring_id = p_keyring ORDER BY l.use_sequence DESC LIMIT 1;
    last_use := coalesce(last_use, 0);
    instant := greatest(
        clock_timestamp(),
        v_acquired + interval '1 microsecond',
        (SELECT l.released_at FROM chancery.leases l
          WHERE l.keyring_id = p_keyring AND l.released_at IS NOT NULL
          ORDER BY l.released_at DESC LIMIT 1));
END
$$;

CREATE FUNCTION chancery.lease_abandon(p_lease bigint) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET enable_sort TO 'off'
    AS $$
DECLARE
    v_lease record;
    v_instant timestamptz;
BEGIN
    -- The row first, the turn second: a store that holds the row may take long, and nobody is to wait
    -- for it while having the turn. Whoever has the turn skips locked rows, so there is no deadlock.
    SELECT l.keyring_id, l.run_id, l.batch INTO v_lease FROM chancery.leases l
     WHERE l.id = p_lease AND (l.outcome IS NULL) IS TRUE FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    v_instant := (chancery.keyring_turn(v_lease.keyring_id)).instant;
    UPDATE chancery.leases l SET outcome = 'abandoned', released_at = v_instant WHERE l.id = p_lease;
    PERFORM chancery.batch_return(v_lease.run_id, v_lease.batch, p_lease);
    RETURN true;
END
$$;

CREATE FUNCTION chancery.lease_acquire(p_run integer, p_holder text, p_use_floor bigint, p_batch_floor bigint, OUT answer text, OUT lease_id bigint, OUT key_id uuid, OUT wrapped_key bytea, OUT batch bigint, OUT first_record bigint, OUT last_record bigint, OUT use_sequence bigint, OUT lease_seconds double precision, OUT expired integer, OUT use_floor bigint, OUT batch_floor bigint) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET enable_sort TO 'off'
    AS $$
DECLARE
    v_run chancery.runs%ROWTYPE;
    v_turn record;
    v_batch record;
BEGIN
    use_floor := p_use_floor;
    batch_floor := p_batch_floor;
    expired := 0;
    SELECT * INTO v_run FROM chancery.runs r WHERE r.id = p_run;
    answer := CASE
        WHEN NOT FOUND THEN 'unknown'
        WHEN v_run.deleted_at IS NOT NULL THEN 'deleted'
        WHEN v_run.completed_at IS NOT NULL THEN 'complete'
        WHEN v_run.seeded_at IS NULL THEN 'not_seeded'
        WHEN v_run.suspended THEN 'suspended'
    END;
    IF answer IS NOT NULL THEN
        RETURN;
    END IF;

    v_turn := chancery.keyring_turn(v_run.keyring_id);
    expired := chancery.keyring_collect(v_run.keyring_id, v_turn.instant, p_use_floor);

    -- A key is free when its newest lease is over. Read under the turn: nobody leases or returns a
    -- key of this ring until we commit.
    --
    -- A held key was last used by the lease that holds it. So the new floor is the least of what the
    -- chosen key and the open leases say.
    SELECT k.id, least(k.last_use, (
               SELECT o.use_sequence FROM chancery.leases o
                WHERE o.keyring_id = v_run.keyring_id AND o.released_at IS NULL
                  AND o.use_sequence >= p_use_floor
                ORDER BY o.use_sequence LIMIT 1))
      INTO key_id, use_floor
      FROM chancery.keys k
     WHERE k.keyring_id = v_run.keyring_id AND k.last_use >= p_use_floor
       AND (SELECT l.released_at IS NULL FROM chancery.leases l
             WHERE l.keyring_id = v_run.keyring_id AND l.use_sequence = k.last_use) IS NOT TRUE
     ORDER BY k.last_use, k.number LIMIT 1;
    IF NOT FOUND THEN
        use_floor := p_use_floor;
        answer := 'no_key';
        RETURN;
    END IF;

    v_batch := chancery.batch_claim(p_run, p_batch_floor);
    IF v_batch.batch IS NULL THEN
        key_id := NULL;
        IF v_batch.pending THEN
            answer := 'no_batch';
        ELSE
            answer := 'complete';
            UPDATE chancery.runs r SET completed_at = v_turn.instant
             WHERE r.id = p_run AND r.completed_at IS NULL;
        END IF;
        RETURN;
    END IF;

    lease_id := v_batch.lease_id;
    batch := v_batch.batch;
    first_record := v_batch.first_record;
    last_record := v_batch.last_record;
    use_sequence := v_turn.last_use + 1;
    INSERT INTO chancery.leases (id, run_id, batch, keyring_id, key_id, holder, use_sequence,
                                 acquired_at, expires_at)
    OVERRIDING SYSTEM VALUE
    VALUES (lease_id, p_run, batch, v_run.keyring_id, key_id, p_holder, use_sequence,
            v_turn.instant, v_turn.instant + v_run.lease_duration);
    UPDATE chancery.keys k SET last_use = lease_acquire.use_sequence WHERE k.id = lease_acquire.key_id;
    SELECT m.wrapped_key INTO wrapped_key FROM chancery.key_material m WHERE m.key_id = lease_acquire.key_id;

    lease_seconds := extract(epoch FROM v_run.lease_duration);
    answer := 'leased';
    batch_floor := greatest(p_batch_floor, batch + 1);
    PERFORM set_config('synchronous_commit', 'off', true);
END
$$;

CREATE FUNCTION chancery.lease_renew(p_lease bigint) RETURNS double precision
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET enable_sort TO 'off'
    AS $$
    UPDATE chancery.leases l SET expires_at = greatest(l.expires_at, clock_timestamp() + r.lease_duration)
      FROM chancery.runs r
     WHERE l.id = p_lease AND r.id = l.run_id AND (l.outcome IS NULL) IS TRUE AND l.expires_at > clock_timestamp()
    RETURNING extract(epoch FROM r.lease_duration)::double precision
$$;

CREATE FUNCTION chancery.ledger_version() RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT max(version) FROM chancery.schema_migrations
$$;

CREATE FUNCTION chancery.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION '% of %.% is refused: its rows never change once written',
        TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END
$$;

CREATE FUNCTION chancery.run_create(p_namespace text, p_name text, p_kek_fingerprint text, p_record_count bigint, p_record_size integer, p_key_count integer, p_batch_size bigint, p_algorithm chancery.algorithm, p_key_size integer, p_lease_duration interval, p_suspended boolean, p_seed_chunk bigint) RETURNS TABLE(run_id integer, created boolean)
    LANGUAGE plpgsql
    AS $$
DECLARE
    v_run integer;
    v_keyring integer;
    v_parent text;
    v_options text;
BEGIN
    -- Runs of one name queue here; the second then finds the first one's run.
    PERFORM pg_advisory_xact_lock(hashtextextended('chancery.run ' || p_namespace || '/' || p_name, 0));
    SELECT r.id INTO v_run FROM chancery.runs r WHERE r.namespace = p_namespace AND r.name = p_name;
    IF FOUND THEN
        RETURN QUERY SELECT v_run, false;
        RETURN;
    END IF;
    INSERT INTO chancery.keyrings (kek_fingerprint) VALUES (p_kek_fingerprint) RETURNING id INTO v_keyring;
    INSERT INTO chancery.runs (namespace, name, keyring_id, record_count, record_size, key_count,
                               batch_size, algorithm, key_size, lease_duration, suspended, seed_chunk)
    VALUES (p_namespace, p_name, v_keyring, p_record_count, p_record_size, p_key_count,
            p_batch_size, p_algorithm, p_key_size, p_lease_duration, p_suspended, p_seed_chunk)
    RETURNING id INTO v_run;
    FOREACH v_parent IN ARRAY ARRAY['records', 'batches', 'signatures'] LOOP
        v_options := CASE WHEN v_parent <> 'batches'
                          THEN 'WITH (autovacuum_enabled = false, toast.autovacuum_enabled = false)' ELSE '' END;
        EXECUTE format('CREATE TABLE chancery.%I (LIKE chancery.%I INCLUDING ALL) %s',
                       v_parent || '_' || v_run, v_parent, v_options);
        EXECUTE format('ALTER TABLE chancery.%I ATTACH PARTITION chancery.%I FOR VALUES IN (%s)',
                       v_parent, v_parent || '_' || v_run, v_run);
    END LOOP;
    EXECUTE format('GRANT SELECT ON chancery.%I TO chancery_signer', 'records_' || v_run);
    RETURN QUERY SELECT v_run, true;
END
$$;

CREATE FUNCTION chancery.run_seed_chunk(p_run integer, p_chunk bigint) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
DECLARE
    v_run chancery.runs%ROWTYPE;
    v_first bigint;
    v_last bigint;
    v_secret bytea := uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid());
    v_bytes bytea;
BEGIN
    SELECT * INTO STRICT v_run FROM chancery.runs r WHERE r.id = p_run;
    INSERT INTO chancery.seed_chunks (run_id, chunk) VALUES (p_run, p_chunk) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    v_first := (p_chunk - 1) * v_run.seed_chunk + 1;
    v_last := least(p_chunk * v_run.seed_chunk, v_run.record_count);
    IF v_first > v_last THEN
        RAISE EXCEPTION 'run % has no chunk %', p_run, p_chunk USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT string_agg(sha512(v_secret || int8send(block)), ''::bytea) INTO v_bytes
      FROM generate_series(1, ((v_last - v_first + 1) * v_run.record_size + 63) / 64) block;
    INSERT INTO chancery.records (record, run_id, payload)
    SELECT n, p_run, substring(v_bytes FROM ((n - v_first) * v_run.record_size + 1)::integer FOR v_run.record_size)
      FROM generate_series(v_first, v_last) n;
    INSERT INTO chancery.batches (batch, run_id, first_record, last_record)
    SELECT b, p_run, (b - 1) * v_run.batch_size + 1, least(b * v_run.batch_size, v_run.record_count)
      FROM generate_series((v_first + v_run.batch_size - 2) / v_run.batch_size + 1,
                           (v_last + v_run.batch_size - 1) / v_run.batch_size) b;
    RETURN true;
END
$$;

CREATE FUNCTION chancery.run_settle(p_run integer) RETURNS integer
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET enable_sort TO 'off'
    AS $$
DECLARE
    v_keyring integer;
BEGIN
    SELECT r.keyring_id INTO v_keyring FROM chancery.runs r WHERE r.id = p_run;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    RETURN chancery.keyring_collect(v_keyring, (chancery.keyring_turn(v_keyring)).instant, 0);
END
$$;

CREATE TABLE chancery.batches (
    batch bigint NOT NULL,
    run_id integer NOT NULL,
    first_record bigint NOT NULL,
    last_record bigint NOT NULL,
    state chancery.batch_state DEFAULT 'unsigned'::chancery.batch_state NOT NULL,
    lease_id bigint,
    CONSTRAINT batches_batch_check CHECK ((batch >= 1)),
    CONSTRAINT batches_check CHECK ((first_record <= last_record)),
    CONSTRAINT batches_check1 CHECK (((state = 'unsigned'::chancery.batch_state) = (lease_id IS NULL)))
)
PARTITION BY LIST (run_id);

CREATE TABLE chancery.key_material (
    key_id uuid NOT NULL,
    algorithm chancery.algorithm NOT NULL,
    public_key bytea NOT NULL,
    wrapped_key bytea NOT NULL
);

CREATE TABLE chancery.keyrings (
    id integer NOT NULL,
    uid uuid DEFAULT gen_random_uuid() NOT NULL,
    kek_fingerprint text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE chancery.keyrings ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME chancery.keyrings_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE chancery.keys (
    id uuid NOT NULL,
    keyring_id integer NOT NULL,
    number integer NOT NULL,
    last_use bigint DEFAULT 0 NOT NULL,
    CONSTRAINT keys_last_use_check CHECK ((last_use >= 0)),
    CONSTRAINT keys_number_check CHECK ((number >= 1))
);

CREATE TABLE chancery.leases (
    id bigint NOT NULL,
    run_id integer NOT NULL,
    batch bigint NOT NULL,
    keyring_id integer NOT NULL,
    key_id uuid NOT NULL,
    holder text NOT NULL,
    use_sequence bigint NOT NULL,
    acquired_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    signed_at timestamp with time zone,
    released_at timestamp with time zone,
    outcome chancery.lease_outcome,
    CONSTRAINT leases_check CHECK ((acquired_at < expires_at)),
    CONSTRAINT leases_check1 CHECK ((acquired_at < released_at)),
    CONSTRAINT leases_check2 CHECK ((COALESCE((outcome = 'signed'::chancery.lease_outcome), false) = (signed_at IS NOT NULL))),
    CONSTRAINT leases_check3 CHECK (((released_at IS NULL) OR (outcome IS NOT NULL))),
    CONSTRAINT leases_check4 CHECK (((outcome = ANY (ARRAY['expired'::chancery.lease_outcome, 'abandoned'::chancery.lease_outcome])) <= (released_at IS NOT NULL))),
    CONSTRAINT leases_use_sequence_check CHECK ((use_sequence >= 1))
);

ALTER TABLE chancery.leases ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME chancery.leases_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE chancery.records (
    record bigint NOT NULL,
    run_id integer NOT NULL,
    payload bytea NOT NULL,
    CONSTRAINT records_record_check CHECK ((record >= 1))
)
PARTITION BY LIST (run_id);
ALTER TABLE ONLY chancery.records ALTER COLUMN payload SET STORAGE EXTERNAL;

CREATE TABLE chancery.runs (
    id integer NOT NULL,
    namespace text NOT NULL,
    name text NOT NULL,
    keyring_id integer NOT NULL,
    record_count bigint NOT NULL,
    record_size integer NOT NULL,
    key_count integer NOT NULL,
    batch_size bigint NOT NULL,
    algorithm chancery.algorithm NOT NULL,
    key_size integer,
    lease_duration interval NOT NULL,
    batch_count bigint GENERATED ALWAYS AS ((((record_count + batch_size) - 1) / batch_size)) STORED NOT NULL,
    seed_chunk bigint NOT NULL,
    suspended boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    seeded_at timestamp with time zone,
    completed_at timestamp with time zone,
    deleted_at timestamp with time zone,
    CONSTRAINT runs_batch_size_check CHECK ((batch_size >= 1)),
    CONSTRAINT runs_key_count_check CHECK ((key_count >= 1)),
    CONSTRAINT runs_lease_duration_check CHECK ((lease_duration > '00:00:00'::interval)),
    CONSTRAINT runs_record_count_check CHECK ((record_count >= 1)),
    CONSTRAINT runs_record_size_check CHECK ((record_size >= 1)),
    CONSTRAINT runs_seed_chunk_check CHECK ((seed_chunk >= 1))
);

ALTER TABLE chancery.runs ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME chancery.runs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE chancery.schema_migrations (
    version bigint NOT NULL,
    description text NOT NULL,
    installed_on timestamp with time zone DEFAULT now() NOT NULL,
    success boolean NOT NULL,
    checksum bytea NOT NULL,
    execution_time bigint NOT NULL
);

CREATE TABLE chancery.seed_chunks (
    run_id integer NOT NULL,
    chunk bigint NOT NULL,
    CONSTRAINT seed_chunks_chunk_check CHECK ((chunk >= 1))
);

CREATE TABLE chancery.signatures (
    record bigint NOT NULL,
    lease_id bigint NOT NULL,
    run_id integer NOT NULL,
    signature bytea NOT NULL
)
PARTITION BY LIST (run_id);
ALTER TABLE ONLY chancery.signatures ALTER COLUMN signature SET STORAGE EXTERNAL;

ALTER TABLE ONLY chancery.batches
    ADD CONSTRAINT batches_pkey PRIMARY KEY (batch, run_id);

ALTER TABLE ONLY chancery.key_material
    ADD CONSTRAINT key_material_pkey PRIMARY KEY (key_id);

ALTER TABLE ONLY chancery.keyrings
    ADD CONSTRAINT keyrings_pkey PRIMARY KEY (id);

ALTER TABLE ONLY chancery.keyrings
    ADD CONSTRAINT keyrings_uid_key UNIQUE (uid);

ALTER TABLE ONLY chancery.keys
    ADD CONSTRAINT keys_keyring_id_number_key UNIQUE (keyring_id, number);

ALTER TABLE ONLY chancery.keys
    ADD CONSTRAINT keys_pkey PRIMARY KEY (id);

ALTER TABLE ONLY chancery.leases
    ADD CONSTRAINT leases_pkey PRIMARY KEY (id);

ALTER TABLE ONLY chancery.records
    ADD CONSTRAINT records_pkey PRIMARY KEY (record, run_id);

ALTER TABLE ONLY chancery.runs
    ADD CONSTRAINT runs_namespace_name_key UNIQUE (namespace, name);

ALTER TABLE ONLY chancery.runs
    ADD CONSTRAINT runs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY chancery.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (version);

ALTER TABLE ONLY chancery.seed_chunks
    ADD CONSTRAINT seed_chunks_pkey PRIMARY KEY (run_id, chunk);

ALTER TABLE ONLY chancery.signatures
    ADD CONSTRAINT signatures_pkey PRIMARY KEY (record, run_id);

CREATE INDEX batches_pending ON ONLY chancery.batches USING btree (batch) WHERE (state <> 'signed'::chancery.batch_state);

CREATE INDEX keys_by_use ON chancery.keys USING btree (keyring_id, last_use, number);

CREATE UNIQUE INDEX leases_in_order ON chancery.leases USING btree (keyring_id, use_sequence);

CREATE UNIQUE INDEX leases_one_live_per_batch ON chancery.leases USING btree (run_id, batch) WHERE ((outcome IS NULL) OR (outcome = 'signed'::chancery.lease_outcome));

CREATE UNIQUE INDEX leases_one_open_per_key ON chancery.leases USING btree (key_id) WHERE (released_at IS NULL);

CREATE INDEX leases_open ON chancery.leases USING btree (keyring_id, use_sequence) WHERE (released_at IS NULL);

CREATE INDEX leases_released ON chancery.leases USING btree (keyring_id, released_at) WHERE (released_at IS NOT NULL);

CREATE TRIGGER records_never_change BEFORE DELETE OR UPDATE ON chancery.records FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

CREATE TRIGGER runs_keep_their_shape BEFORE UPDATE OF namespace, name, keyring_id, record_count, record_size, key_count, batch_size, algorithm, key_size, seed_chunk ON chancery.runs FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

CREATE TRIGGER signatures_never_change BEFORE DELETE OR UPDATE ON chancery.signatures FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

ALTER TABLE ONLY chancery.key_material
    ADD CONSTRAINT key_material_key_id_fkey FOREIGN KEY (key_id) REFERENCES chancery.keys(id) ON DELETE CASCADE;

ALTER TABLE ONLY chancery.keys
    ADD CONSTRAINT keys_keyring_id_fkey FOREIGN KEY (keyring_id) REFERENCES chancery.keyrings(id);

ALTER TABLE ONLY chancery.runs
    ADD CONSTRAINT runs_keyring_id_fkey FOREIGN KEY (keyring_id) REFERENCES chancery.keyrings(id);

ALTER TABLE ONLY chancery.seed_chunks
    ADD CONSTRAINT seed_chunks_run_id_fkey FOREIGN KEY (run_id) REFERENCES chancery.runs(id) ON DELETE CASCADE;

GRANT USAGE ON SCHEMA chancery TO chancery_signer;

REVOKE ALL ON FUNCTION chancery.batch_claim(p_run integer, p_floor bigint, OUT lease_id bigint, OUT batch bigint, OUT first_record bigint, OUT last_record bigint, OUT pending boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.batch_return(p_run integer, p_batch bigint, p_lease bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.batch_sign(p_run integer, p_batch bigint, p_lease bigint, p_first bigint, p_end bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.batch_store(p_lease bigint, p_first bigint, p_signatures bytea[], p_last boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.batch_store(p_lease bigint, p_first bigint, p_signatures bytea[], p_last boolean) TO chancery_signer;

REVOKE ALL ON FUNCTION chancery.holders_release(p_run integer, p_holders text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.keyring_collect(p_keyring integer, p_instant timestamp with time zone, p_use_floor bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.keyring_turn(p_keyring integer, OUT instant timestamp with time zone, OUT last_use bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.lease_abandon(p_lease bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.lease_abandon(p_lease bigint) TO chancery_signer;

REVOKE ALL ON FUNCTION chancery.lease_acquire(p_run integer, p_holder text, p_use_floor bigint, p_batch_floor bigint, OUT answer text, OUT lease_id bigint, OUT key_id uuid, OUT wrapped_key bytea, OUT batch bigint, OUT first_record bigint, OUT last_record bigint, OUT use_sequence bigint, OUT lease_seconds double precision, OUT expired integer, OUT use_floor bigint, OUT batch_floor bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.lease_acquire(p_run integer, p_holder text, p_use_floor bigint, p_batch_floor bigint, OUT answer text, OUT lease_id bigint, OUT key_id uuid, OUT wrapped_key bytea, OUT batch bigint, OUT first_record bigint, OUT last_record bigint, OUT use_sequence bigint, OUT lease_seconds double precision, OUT expired integer, OUT use_floor bigint, OUT batch_floor bigint) TO chancery_signer;

REVOKE ALL ON FUNCTION chancery.lease_renew(p_lease bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.lease_renew(p_lease bigint) TO chancery_signer;

REVOKE ALL ON FUNCTION chancery.ledger_version() FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.ledger_version() TO chancery_signer;

REVOKE ALL ON FUNCTION chancery.refuse_change() FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.run_create(p_namespace text, p_name text, p_kek_fingerprint text, p_record_count bigint, p_record_size integer, p_key_count integer, p_batch_size bigint, p_algorithm chancery.algorithm, p_key_size integer, p_lease_duration interval, p_suspended boolean, p_seed_chunk bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.run_seed_chunk(p_run integer, p_chunk bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.run_settle(p_run integer) FROM PUBLIC;

GRANT SELECT(key_id) ON TABLE chancery.key_material TO chancery_signer;

GRANT SELECT(public_key) ON TABLE chancery.key_material TO chancery_signer;

GRANT SELECT ON TABLE chancery.keyrings TO chancery_signer;

GRANT SELECT ON TABLE chancery.records TO chancery_signer;

GRANT SELECT ON TABLE chancery.runs TO chancery_signer;

