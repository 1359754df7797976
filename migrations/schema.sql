-- The ledger as the migrations make it. Written by `make generate`; do not edit.

CREATE SCHEMA chancery;

CREATE TYPE chancery.algorithm AS ENUM (
    'RS256',
    'PS256',
    'ES256',
    'ES384',
    'ES256K',
    'EdDSA',
    'ML-DSA-44',
    'ML-DSA-65',
    'ML-DSA-87'
);

CREATE TYPE chancery.arrival_state AS ENUM (
    'Duplicate',
    'Dead',
    'Rejected'
);

CREATE TYPE chancery.batch_closing AS ENUM (
    'Full',
    'Period',
    'Sealed'
);

CREATE TYPE chancery.batch_state AS ENUM (
    'unsigned',
    'leased',
    'signed'
);

CREATE TYPE chancery.batch_tree AS ENUM (
    'Payloads',
    'Signatures'
);

CREATE TYPE chancery.delivery_state AS ENUM (
    'Pending',
    'Delivered',
    'Dead'
);

CREATE TYPE chancery.envelope AS ENUM (
    'Raw',
    'JWS',
    'JWSDetached',
    'COSESign1',
    'DSSE',
    'EIP191'
);

CREATE TYPE chancery.idempotency AS ENUM (
    'Content',
    'Expression',
    'None'
);

CREATE TYPE chancery.judgement AS (
	policy bytea,
	starts bigint[],
	instants bigint[],
	rules text[],
	originals bytea[],
	marked bigint[],
	marks text[],
	ignored bigint,
	pending bigint[],
	payloads bytea[],
	names bytea[]
);

CREATE TYPE chancery.key_provider AS ENUM (
    'Local'
);

CREATE TYPE chancery.key_state AS ENUM (
    'active',
    'retired'
);

CREATE TYPE chancery.lease_outcome AS ENUM (
    'signed',
    'expired',
    'abandoned'
);

CREATE TYPE chancery.letter_act AS ENUM (
    'Redrive',
    'Discard'
);

CREATE TYPE chancery.letter_end AS ENUM (
    'Admitted',
    'Duplicate',
    'Rejected',
    'Dead',
    'Moved',
    'Discarded'
);

CREATE TYPE chancery.limits AS (
	run_bytes bigint,
	key_bits bigint,
	namespace_runs bigint,
	namespace_bytes bigint
);

CREATE TYPE chancery.login_work AS ENUM (
    'Sign',
    'Admit',
    'Deliver'
);

CREATE TYPE chancery.object AS (
	namespace_uid uuid,
	object_uid uuid,
	namespace_made timestamp with time zone
);

CREATE TYPE chancery.signing_library AS ENUM (
    'aws-lc-rs',
    'chancery-kernel',
    'k256',
    'secp256k1'
);

CREATE TYPE chancery.statement_kind AS ENUM (
    'Sealed',
    'Signed'
);

CREATE FUNCTION chancery.admit(p_source integer, p_split integer, p_token bytea, p_position bigint, p_next bigint, p_key text, p_done boolean, p_payloads bytea[], p_positions bigint[], p_identities bytea[], p_dead_positions bigint[], p_stages text[], p_reasons text[], p_raws bytea[], p_judged chancery.judgement, p_traced bigint[], p_traced_to bigint[], p_traces text[], OUT answer text, OUT admitted bigint, OUT duplicates bigint, OUT dead bigint, OUT rejected bigint, OUT start_at bigint, OUT done boolean) RETURNS record
    LANGUAGE plpgsql STRICT SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_run chancery.runs%ROWTYPE;
    v_split chancery.splits%ROWTYPE;
    v_digests bytea[];
    v_identities bytea[];
BEGIN
    PERFORM chancery.admit_check(p_position, p_next, p_payloads, p_positions, p_identities, p_dead_positions, p_stages, p_reasons, p_raws);
    v_run.id := chancery.intake_of_session();
    IF v_run.id IS NULL THEN
        answer := 'unknown';
        RETURN;
    END IF;
    -- Before the turn, so that two readers hash at the same time.
    SELECT d.digests, d.identities INTO v_digests, v_identities
      FROM chancery.admit_digests(v_run.id, p_payloads, p_identities, p_judged.originals) d;
    PERFORM chancery.run_turn(v_run.id);
    SELECT * INTO v_run FROM chancery.runs r WHERE r.id = v_run.id;
    answer := chancery.intake_refusal(v_run);
    IF answer IS NOT NULL THEN
        RETURN;
    END IF;
    SELECT * INTO v_split FROM chancery.splits t
     WHERE t.run_id = v_run.id AND t.source = p_source AND t.split = p_split AND t.done_at IS NULL
       AND t.token_hash = sha256(p_token) AND t.position = p_position
       FOR UPDATE;
    IF NOT FOUND THEN
        answer := 'moved';
        RETURN;
    END IF;
    SELECT a.answer, a.admitted, a.duplicates, a.dead, a.rejected, a.start_at, a.done
      INTO answer, admitted, duplicates, dead, rejected, start_at, done
      FROM chancery.admit_arrivals(v_run, p_source, p_split, p_position, p_next, p_key, p_done, p_payloads, p_positions,
                                   v_digests, v_identities, p_dead_positions, p_stages, p_reasons, p_raws, p_judged,
                                   p_traced, p_traced_to, p_traces) a;
    PERFORM set_config('synchronous_commit', 'off', true);
END
$$;

CREATE TABLE chancery.runs (
    id integer NOT NULL,
    namespace text NOT NULL,
    name text NOT NULL,
    keyring_id integer NOT NULL,
    batch_size bigint NOT NULL,
    lease_duration interval NOT NULL,
    suspended boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    record_count bigint,
    sealed_at timestamp with time zone,
    completed_at timestamp with time zone,
    deleted_at timestamp with time zone,
    uid uuid DEFAULT gen_random_uuid() NOT NULL,
    namespace_uid uuid,
    object_uid uuid NOT NULL,
    adopted_from uuid,
    adopted_at timestamp with time zone,
    too_many_dead boolean DEFAULT false NOT NULL,
    policy_name text,
    policy_hash bytea,
    CONSTRAINT runs_batch_size_check CHECK ((batch_size >= 1)),
    CONSTRAINT runs_check CHECK (((sealed_at IS NULL) = (record_count IS NULL))),
    CONSTRAINT runs_check1 CHECK (((completed_at IS NULL) OR (sealed_at IS NOT NULL))),
    CONSTRAINT runs_check2 CHECK (((adopted_from IS NULL) = (adopted_at IS NULL))),
    CONSTRAINT runs_check3 CHECK (((policy_name IS NULL) = (policy_hash IS NULL))),
    CONSTRAINT runs_lease_duration_check CHECK ((lease_duration > '00:00:00'::interval)),
    CONSTRAINT runs_policy_name_check CHECK ((octet_length(policy_name) <= 253)),
    CONSTRAINT runs_record_count_check CHECK ((record_count >= 0))
);

CREATE FUNCTION chancery.admit_arrivals(p_run chancery.runs, p_source integer, p_split integer, p_position bigint, p_next bigint, p_key text, p_done boolean, p_payloads bytea[], p_positions bigint[], p_digests bytea[], p_identities bytea[], p_dead_positions bigint[], p_stages text[], p_reasons text[], p_raws bytea[], p_judged chancery.judgement, p_traced bigint[], p_traced_to bigint[], p_traces text[], OUT answer text, OUT admitted bigint, OUT duplicates bigint, OUT dead bigint, OUT rejected bigint, OUT start_at bigint, OUT done boolean, OUT known bigint[]) RETURNS record
    LANGUAGE plpgsql
    AS $_$
DECLARE
    v_intake chancery.intakes%ROWTYPE;
    v_base bigint;
    v_room bigint;
    v_bytes bigint;
    v_last bigint;
    v_pending bigint := coalesce(cardinality(p_judged.pending), 0);
    v_waits boolean;
    v_new bigint := cardinality(p_payloads);
    v_flagged bigint := 0;
    v_alerts bigint := 0;
BEGIN
    PERFORM chancery.admit_check_judged(p_run.policy_hash, p_positions, p_dead_positions, p_stages, p_judged);
    SELECT * INTO STRICT v_intake FROM chancery.intakes i WHERE i.run_id = p_run.id;
    PERFORM chancery.admit_check_pending(v_intake.idempotency, p_position, p_next, p_positions, p_dead_positions, p_judged);
    IF v_intake.held IS NOT NULL THEN
        answer := 'held';
        RETURN;
    END IF;
    SELECT a.records INTO STRICT v_base FROM chancery.admissions a WHERE a.run_id = p_run.id;
    -- What waits may become a record, and has its room.
    v_room := coalesce(v_intake.record_limit, 9223372036854775807) - v_base - v_intake.pending;
    start_at := p_position;
    v_waits := v_intake.pending + v_pending > 0;
    IF v_waits AND v_new + v_pending > v_room AND v_new > 0 THEN
        SELECT k.places, k.new INTO known, v_new
          FROM chancery.admit_known(p_run.keyring_id, v_new, coalesce(p_identities, p_digests)) k;
    END IF;
    -- What waits may also leave its room again, so it cannot be said yet what is beyond the last record: the caller comes with less.
    IF v_room = 0 AND v_intake.pending = 0 OR v_waits AND v_new + v_pending > v_room THEN
        answer := 'full';
        RETURN;
    END IF;

    SELECT m.admitted, m.duplicates, m.bytes, m.last_position INTO admitted, duplicates, v_bytes, v_last
      FROM chancery.admit_payloads(p_run.id, p_run.keyring_id, p_digests, p_identities, v_base,
                                   CASE WHEN v_waits THEN 9223372036854775807 ELSE v_room END,
                                   p_source, p_split, p_payloads, p_positions, v_intake.duplicates > 0) m;
    IF v_waits AND admitted + v_pending > v_room THEN
        RAISE EXCEPTION 'the ring has forgotten some of these payloads meanwhile' USING ERRCODE = 'serialization_failure';
    END IF;
    answer := CASE WHEN admitted = v_room AND v_intake.pending + v_pending = 0 THEN 'full' ELSE 'admitted' END;
    start_at := p_next;
    IF answer = 'full' THEN
        -- Whatever is behind the last record was not offered.
        start_at := coalesce((SELECT min(b.position) FROM (
                                  SELECT unnest(p_positions) AS position
                                  UNION ALL SELECT unnest(p_dead_positions)) b
                               WHERE b.position > v_last), p_next);
    END IF;
    done := p_done AND start_at = p_next;
    IF cardinality(p_traces) > 0 THEN
        -- Before anything is told of them.
        PERFORM chancery.admit_traces(p_run.id, p_source, p_split, p_position, start_at, p_traced, p_traced_to, p_traces);
    END IF;
    SELECT f.dead, f.rejected INTO dead, rejected
      FROM chancery.admit_refused(p_run.id, p_source, p_split, start_at, p_dead_positions, p_stages, p_judged.rules, p_reasons, p_raws,
                               NULL) f;
    IF v_pending > 0 THEN
        EXECUTE format(
            'INSERT INTO chancery.%I (source, split, position, run_id, payload, name, arrived_at, not_before)
             SELECT $1, $2, p.position, $3, p.payload, p.name, clock_timestamp(), clock_timestamp()
               FROM unnest($4, $5, $6) AS p (position, payload, name)', 'pendings_' || p_run.id)
          USING p_source, p_split, p_run.id, p_judged.pending, p_judged.payloads, p_judged.names;
    END IF;
    IF p_run.policy_hash IS NOT NULL THEN
        SELECT m.flagged, m.alerts INTO v_flagged, v_alerts
          FROM chancery.admit_marks(p_run.id, p_source, p_split, v_base, v_base + admitted, start_at, p_positions, p_judged) m;
    END IF;

    UPDATE chancery.splits t
       SET position = start_at, position_key = CASE WHEN start_at = p_next THEN nullif(p_key, '') END, received = t.received + admit_arrivals.admitted + admit_arrivals.duplicates + admit_arrivals.dead + admit_arrivals.rejected + v_pending,
           pending = t.pending + v_pending,
           admitted = t.admitted + admit_arrivals.admitted, duplicates = t.duplicates + admit_arrivals.duplicates, dead = t.dead + admit_arrivals.dead, rejected = t.rejected + admit_arrivals.rejected,
           attempts = 0, not_before = NULL, last_error = NULL,
           done_at = CASE WHEN admit_arrivals.done THEN clock_timestamp() END,
           holder = CASE WHEN NOT admit_arrivals.done THEN t.holder END,
           token_hash = CASE WHEN NOT admit_arrivals.done THEN t.token_hash END,
           expires_at = CASE WHEN NOT admit_arrivals.done AND t.token_hash IS NOT NULL THEN clock_timestamp() + p_run.lease_duration END
     WHERE t.run_id = p_run.id AND t.source = p_source AND t.split = p_split;
    UPDATE chancery.intakes i
       SET received = i.received + admit_arrivals.admitted + admit_arrivals.duplicates + admit_arrivals.dead + admit_arrivals.rejected + v_pending,
           pending = i.pending + v_pending,
           admitted = i.admitted + admit_arrivals.admitted, duplicates = i.duplicates + admit_arrivals.duplicates,
           dead = i.dead + admit_arrivals.dead, rejected = i.rejected + admit_arrivals.rejected,
           flagged = i.flagged + v_flagged, alerts = i.alerts + v_alerts, ignored = i.ignored + coalesce(p_judged.ignored, 0),
           payload_bytes = i.payload_bytes + v_bytes,
           sweep_at = CASE WHEN admit_arrivals.dead + admit_arrivals.rejected = 0 THEN i.sweep_at
                           ELSE coalesce(i.sweep_at, clock_timestamp() + i.dead_retention) END
     WHERE i.run_id = p_run.id;
    IF v_intake.dead + dead > v_intake.dead_limit THEN
        UPDATE chancery.runs r SET too_many_dead = true WHERE r.id = p_run.id;
    END IF;
    PERFORM chancery.batches_close(p_run.id, v_base + admitted);
END
$_$;

CREATE FUNCTION chancery.admit_check(p_position bigint, p_next bigint, p_payloads bytea[], p_positions bigint[], p_identities bytea[], p_dead_positions bigint[], p_stages text[], p_reasons text[], p_raws bytea[]) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    AS $$
DECLARE
    v_payloads integer := cardinality(p_payloads);
    v_dead integer := cardinality(p_dead_positions);
    -- Without a stage, they are rejected: a policy may do that to all there is.
    v_rejected integer := cardinality(array_positions(p_stages, NULL));
BEGIN
    IF v_payloads + v_rejected > 100000 OR v_dead - v_rejected > 1000 THEN
        RAISE EXCEPTION 'at most 100000 payloads and 1000 dead letters at a time' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF v_payloads <> cardinality(p_positions) OR v_dead <> cardinality(p_stages) OR v_dead <> cardinality(p_reasons)
       OR v_dead <> cardinality(p_raws)
       OR EXISTS (SELECT FROM (VALUES (array_dims(p_payloads), v_payloads), (array_dims(p_positions), v_payloads),
                                      (array_dims(p_identities), cardinality(p_identities)),
                                      (array_dims(p_dead_positions), v_dead), (array_dims(p_stages), v_dead),
                                      (array_dims(p_reasons), v_dead), (array_dims(p_raws), v_dead)) AS a (dims, length)
                   WHERE a.dims <> format('[1:%s]', a.length)) THEN
        RAISE EXCEPTION 'each payload and each dead letter needs a position, in arrays of one dimension that begin at 1'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF array_position(p_payloads, NULL) IS NOT NULL OR array_position(p_identities, NULL) IS NOT NULL THEN
        RAISE EXCEPTION 'a payload or an identity is null' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF p_next < p_position
       OR EXISTS (SELECT FROM unnest(p_position - 1 || p_positions, p_positions || p_next) AS t (before, after)
                   WHERE (t.before < t.after) IS NOT TRUE)
       OR EXISTS (SELECT FROM unnest(p_position - 1 || p_dead_positions, p_dead_positions || p_next) AS t (before, after)
                   WHERE (t.before < t.after) IS NOT TRUE)
       OR p_positions && p_dead_positions THEN
        RAISE EXCEPTION 'positions have to be different, in order, from % on and before %', p_position, p_next
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
END
$$;

CREATE FUNCTION chancery.admit_check_judged(p_policy bytea, p_positions bigint[], p_dead_positions bigint[], p_stages text[], p_judged chancery.judgement) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    AS $$
DECLARE
    v_payloads integer := cardinality(p_positions);
    v_dead integer := cardinality(p_dead_positions);
    v_pending integer := cardinality(p_judged.pending);
BEGIN
    IF p_judged.policy IS DISTINCT FROM p_policy THEN
        RAISE EXCEPTION 'the run has the policy %, and these arrivals were judged by %',
            coalesce(encode(p_policy, 'hex'), 'none'), coalesce(encode(p_judged.policy, 'hex'), 'none')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF p_policy IS NULL THEN
        IF array_position(p_stages, NULL) IS NOT NULL OR 'Policy' = ANY (p_stages)
           OR num_nonnulls(p_judged.starts, p_judged.instants, p_judged.rules, p_judged.originals, p_judged.marked, p_judged.marks,
                           p_judged.ignored, p_judged.pending, p_judged.payloads, p_judged.names) > 0 THEN
            RAISE EXCEPTION 'a run without a policy judges nothing' USING ERRCODE = 'invalid_parameter_value';
        END IF;
        RETURN;
    END IF;
    IF num_nulls(p_judged.starts, p_judged.instants, p_judged.rules, p_judged.originals, p_judged.marked, p_judged.marks,
                 p_judged.ignored, p_judged.pending, p_judged.payloads, p_judged.names) > 0
       OR cardinality(p_judged.starts) <> cardinality(p_judged.instants)
       OR cardinality(p_judged.starts) > greatest(v_payloads + v_dead + v_pending, 1)
       OR num_nulls(VARIADIC p_judged.starts) + num_nulls(VARIADIC p_judged.instants) > 0
       OR cardinality(p_judged.rules) <> v_dead
       OR cardinality(p_judged.originals) NOT IN (0, v_payloads)
       OR cardinality(p_judged.marked) <> cardinality(p_judged.marks)
       OR cardinality(p_judged.payloads) <> v_pending
       OR cardinality(p_judged.names) NOT IN (0, v_pending)
       OR p_judged.ignored < 0 THEN
        RAISE EXCEPTION 'a judgement has an instant from each place on, a rule for each refusal, and for each payload an original or none'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF EXISTS (SELECT FROM unnest(p_stages, p_judged.rules) AS d (stage, rule)
                WHERE (d.stage IS NULL OR d.stage = 'Policy') <> (d.rule IS NOT NULL)) THEN
        RAISE EXCEPTION 'a refusal of the policy names its rule, and another has none' USING ERRCODE = 'invalid_parameter_value';
    END IF;
END
$$;

CREATE FUNCTION chancery.admit_check_pending(p_by chancery.idempotency, p_position bigint, p_next bigint, p_positions bigint[], p_dead_positions bigint[], p_judged chancery.judgement) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    AS $$
BEGIN
    IF p_judged.policy IS NULL THEN
        RETURN;
    END IF;
    IF cardinality(p_judged.pending) > 100000
       OR EXISTS (SELECT FROM (VALUES (array_dims(p_judged.starts), cardinality(p_judged.starts)),
                                      (array_dims(p_judged.pending), cardinality(p_judged.pending)),
                                      (array_dims(p_judged.payloads), cardinality(p_judged.payloads)),
                                      (array_dims(p_judged.names), cardinality(p_judged.names))) AS a (dims, length)
                   WHERE a.dims <> format('[1:%s]', a.length)) THEN
        RAISE EXCEPTION 'at most 100000 arrivals wait of one call, in arrays of one dimension that begin at 1'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF (p_judged.starts[1] <= least(p_positions[1], p_dead_positions[1], p_judged.pending[1])) IS NOT TRUE
       AND cardinality(p_positions) + cardinality(p_dead_positions) + cardinality(p_judged.pending) > 0 THEN
        RAISE EXCEPTION 'no instant is given by which the first arrival was judged' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF cardinality(p_judged.pending) = 0 THEN
        RETURN;
    END IF;
    IF cardinality(p_judged.names) <> (CASE p_by WHEN 'Expression' THEN cardinality(p_judged.pending) ELSE 0 END)
       OR array_position(p_judged.payloads, NULL) IS NOT NULL OR array_position(p_judged.names, NULL) IS NOT NULL THEN
        RAISE EXCEPTION 'what waits has its payload, and a name in a run that names payloads by an expression'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF p_judged.pending && p_positions OR p_judged.pending && p_dead_positions
       OR EXISTS (SELECT FROM unnest(p_position - 1 || p_judged.pending, p_judged.pending || p_next) AS t (before, after)
                   WHERE (t.before < t.after) IS NOT TRUE) THEN
        RAISE EXCEPTION 'positions have to be different, in order, from % on and before %', p_position, p_next
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
END
$$;

CREATE FUNCTION chancery.admit_digests(p_run integer, p_payloads bytea[], p_identities bytea[], p_originals bytea[], OUT digests bytea[], OUT identities bytea[]) RETURNS record
    LANGUAGE plpgsql
    AS $$
DECLARE
    v_by chancery.idempotency;
BEGIN
    SELECT i.idempotency INTO v_by FROM chancery.intakes i WHERE i.run_id = p_run;
    IF cardinality(p_identities) <> (CASE v_by WHEN 'Expression' THEN cardinality(p_payloads) ELSE 0 END) THEN
        RAISE EXCEPTION 'each payload needs an identity in a run that names payloads by an expression, and none in another'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF v_by <> 'None' THEN
        digests := ARRAY (SELECT sha256(unnest(p_payloads)));
    END IF;
    IF v_by = 'Expression' THEN
        identities := ARRAY (SELECT chancery.identity_digest(p.identity) FROM unnest(p_identities) AS p (identity));
    ELSIF v_by = 'Content' AND cardinality(p_originals) > 0 THEN
        identities := ARRAY (SELECT sha256(coalesce(p.original, p.payload)) FROM unnest(p_originals, p_payloads) AS p (original, payload));
    END IF;
END
$$;

CREATE FUNCTION chancery.admit_duplicates(p_run integer, p_keyring integer, p_source integer, p_split integer, p_digests bytea[], p_identities bytea[], p_positions bigint[], p_new bigint[], p_last bigint) RETURNS void
    LANGUAGE plpgsql
    SET work_mem TO '32MB'
    AS $_$
BEGIN
    EXECUTE format(
        'INSERT INTO chancery.%2$I (source, split, position, run_id, state, digest, identity, duplicate_run, duplicate_record, arrived_at)
         SELECT $1, $2, h.position, $3, ''Duplicate'', h.digest, h.identity, d.run_id, d.record, clock_timestamp()
           FROM (SELECT a.position, a.digest, a.identity
                   FROM unnest($4, $9, $5) WITH ORDINALITY AS a (digest, identity, position, n)
                  WHERE a.n <= $6 AND a.n NOT IN (SELECT unnest($7)) OFFSET 0) h
          CROSS JOIN LATERAL (SELECT k.run_id, k.record FROM chancery.%1$I k
                               WHERE k.digest = coalesce(h.identity, h.digest) AND k.keyring_id = $8 LIMIT 1) d',
        'digests_' || p_keyring, 'arrivals_' || p_run)
      USING p_source, p_split, p_run, p_digests, p_positions, p_last, p_new, p_keyring, p_identities;
END
$_$;

CREATE FUNCTION chancery.admit_known(p_keyring integer, p_payloads bigint, p_known bytea[], OUT places bigint[], OUT new bigint) RETURNS record
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $_$
BEGIN
    places := '{}';
    new := p_payloads;
    IF p_known IS NOT NULL THEN
        EXECUTE format(
            'SELECT coalesce(array_agg(k.n ORDER BY k.n) FILTER (WHERE k.is_known), ''{}''),
                    count(DISTINCT k.digest) FILTER (WHERE NOT k.is_known)
               FROM (SELECT a.n, a.digest,
                            (SELECT true FROM chancery.%I d WHERE d.digest = a.digest AND d.keyring_id = $2) IS TRUE AS is_known
                       FROM unnest($1) WITH ORDINALITY AS a (digest, n)) k', 'digests_' || p_keyring)
           INTO places, new USING p_known, p_keyring;
    END IF;
END
$_$;

CREATE FUNCTION chancery.admit_marks(p_run integer, p_source integer, p_split integer, p_base bigint, p_last bigint, p_end bigint, p_positions bigint[], p_judged chancery.judgement, OUT flagged bigint, OUT alerts bigint) RETURNS record
    LANGUAGE plpgsql
    SET work_mem TO '32MB'
    SET enable_nestloop TO 'off'
    SET enable_seqscan TO 'off'
    AS $_$
BEGIN
    flagged := 0;
    alerts := 0;
    EXECUTE format(
        'INSERT INTO chancery.%I (source, split, position, run_id, judged_at)
         SELECT $1, $2, s.position, $3, ''epoch''::timestamptz + s.instant * interval ''1 microsecond''
           FROM unnest($4, $5) AS s (position, instant) WHERE s.position < $6', 'judgements_' || p_run)
      USING p_source, p_split, p_run, p_judged.starts, p_judged.instants, p_end;
    IF cardinality(p_judged.originals) > 0 THEN
        EXECUTE format(
            'INSERT INTO chancery.%I (record, run_id, payload, digest)
             SELECT r.record, $1, o.original, r.digest
               FROM unnest($2, $3) AS o (position, original)
               JOIN chancery.%I r ON r.position = o.position
              WHERE o.original IS NOT NULL AND r.record > $4 AND r.record <= $5', 'originals_' || p_run, 'records_' || p_run)
          USING p_run, p_positions, p_judged.originals, p_base, p_last;
    END IF;
    IF cardinality(p_judged.marked) > 0 THEN
        EXECUTE format(
            'WITH marked AS MATERIALIZED (
                 SELECT r.record, m.mark::jsonb AS mark
                   FROM unnest($2, $3) AS m (position, mark)
                   JOIN chancery.%3$I r ON r.position = m.position
                  WHERE r.record > $4 AND r.record <= $5),
             flagged AS (
                 INSERT INTO chancery.%1$I (record, run_id, score, hits)
                 SELECT m.record, $1, (m.mark ->> ''score'')::bigint, m.mark -> ''hits'' FROM marked m
                  WHERE (m.mark ->> ''flagged'')::boolean
                 RETURNING record),
             alerts AS (
                 INSERT INTO chancery.%2$I (record, rule, run_id, message, raised_at)
                 SELECT m.record, h ->> ''rule'', $1, h ->> ''message'', clock_timestamp()
                   FROM marked m CROSS JOIN LATERAL jsonb_array_elements(m.mark -> ''hits'') h
                  WHERE h ->> ''action'' = ''Alert''
                 RETURNING record)
             SELECT (SELECT count(*) FROM flagged), (SELECT count(*) FROM alerts)',
            'flags_' || p_run, 'alerts_' || p_run, 'records_' || p_run)
           INTO flagged, alerts
          USING p_run, p_judged.marked, p_judged.marks, p_base, p_last;
        IF alerts > 0 THEN
            PERFORM chancery.event_alerts(p_run, p_base, p_last);
        END IF;
    END IF;
END
$_$;

CREATE FUNCTION chancery.admit_numbers(p_run integer, p_keyring integer, p_base bigint, p_room bigint, p_digests bytea[], OUT new bigint[], OUT last bigint) RETURNS record
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $_$
BEGIN
    EXECUTE format(
        'SELECT ARRAY (SELECT a.n FROM unnest($1) WITH ORDINALITY AS a (digest, n)
                        WHERE (SELECT d.run_id = $2 AND d.record = $3 + a.n FROM chancery.%I d
                                WHERE d.digest = a.digest AND d.keyring_id = $4)
                        ORDER BY a.n)', 'digests_' || p_keyring)
       INTO new USING p_digests, p_run, p_base, p_keyring;
    last := cardinality(p_digests);
    IF cardinality(new) >= p_room THEN
        last := new[p_room];
        EXECUTE format(
            'DELETE FROM chancery.%I d
              WHERE d.keyring_id = $1 AND d.run_id = $2 AND d.record > $3
                AND d.digest = ANY (ARRAY (SELECT a.digest FROM unnest($4) WITH ORDINALITY AS a (digest, n) WHERE a.n > $5))',
            'digests_' || p_keyring)
          USING p_keyring, p_run, p_base + last, p_digests, last;
        new := new[1:p_room];
    END IF;
    -- Numbered here, and not by joining the lists: with these settings each place of one would be looked for all through the other.
    -- So would each digest of the table in the list, where the server takes the table to be small. By their places in the table, which
    -- no index knows, only the list can come first. The rows are this transaction's own.
    EXECUTE format(
        'UPDATE chancery.%1$I d SET record = $1 + w.place
           FROM (SELECT (SELECT k.ctid FROM chancery.%1$I k WHERE k.digest = b.digest AND k.keyring_id = $4) AS tid, b.place
                   FROM (SELECT a.digest, a.n, row_number() OVER (ORDER BY a.n) AS place
                           FROM unnest($2) WITH ORDINALITY AS a (digest, n)
                          WHERE a.n = ANY ($3)) b
                  WHERE b.n <> b.place OFFSET 0) w
          WHERE d.ctid = w.tid', 'digests_' || p_keyring)
      USING p_base, p_digests, new, p_keyring;
END
$_$;

CREATE FUNCTION chancery.admit_payloads(p_run integer, p_keyring integer, p_digests bytea[], p_identities bytea[], p_base bigint, p_room bigint, p_source integer, p_split integer, p_payloads bytea[], p_positions bigint[], p_repeats boolean, OUT admitted bigint, OUT duplicates bigint, OUT bytes bigint, OUT last_position bigint) RETURNS record
    LANGUAGE plpgsql
    SET work_mem TO '32MB'
    AS $_$
DECLARE
    v_given bigint := cardinality(p_payloads);
    v_insert text;
    v_known bytea[] := coalesce(p_identities, p_digests);
    -- Places in the call: of those that become records, and of the last that is looked at.
    v_new bigint[];
    v_last bigint := v_given;
BEGIN
    IF p_digests IS NOT NULL THEN
        -- In the order of the digests: see admit. Each is given the number that it has if all before it are new. Of the same
        -- ones, the first stays.
        v_insert := format(
            'INSERT INTO chancery.%I (digest, record, keyring_id, run_id)
             SELECT a.digest, $1 + a.n, $2, $3 FROM unnest($4) WITH ORDINALITY AS a (digest, n) ORDER BY a.digest, a.n',
            'digests_' || p_keyring);
        -- To look for each one before it is stored costs as much as to store it. As long as nothing was found twice, it is not
        -- done until something is: what was stored by then is taken back, and this call's digests are stored from the first on.
        IF NOT p_repeats THEN
            BEGIN
                EXECUTE v_insert USING p_base, p_keyring, p_run, v_known;
                GET DIAGNOSTICS admitted = ROW_COUNT;
            EXCEPTION WHEN unique_violation THEN
                admitted := NULL;
            END;
        END IF;
        IF admitted IS NULL THEN
            EXECUTE v_insert || ' ON CONFLICT DO NOTHING' USING p_base, p_keyring, p_run, v_known;
            GET DIAGNOSTICS admitted = ROW_COUNT;
        END IF;
        IF admitted < v_given OR admitted > p_room THEN
            SELECT c.new, c.last INTO v_new, v_last
              FROM chancery.admit_numbers(p_run, p_keyring, p_base, p_room, v_known) c;
        END IF;
    ELSIF v_given > p_room THEN
        v_last := p_room;
        v_new := ARRAY (SELECT generate_series(1, p_room));
    END IF;
    IF v_new IS NULL THEN
        -- Lists side by side, and not a join of functions, which would store all payloads once more on their way.
        EXECUTE format(
            'INSERT INTO chancery.%I (record, run_id, payload, digest, identity, source, split, position)
             SELECT $1 + generate_series(1, cardinality($5)), $2, unnest($5), unnest($6), unnest($7), $3, $4, unnest($8)',
            'records_' || p_run)
          USING p_base, p_run, p_source, p_split, p_payloads, p_digests, p_identities, p_positions;
        admitted := v_given;
        last_position := p_positions[v_given];
        bytes := (SELECT coalesce(sum(p.bytes), 0) FROM (SELECT octet_length(unnest(p_payloads)) AS bytes) p);
    ELSE
        EXECUTE format(
            'WITH stored AS (
                 INSERT INTO chancery.%I (record, run_id, payload, digest, identity, source, split, position)
                 SELECT $1 + w.place, $2, a.payload, a.digest, a.identity, $3, $4, a.position
                   FROM unnest($5, $6, $7, $8) WITH ORDINALITY AS a (payload, digest, identity, position, n)
                   JOIN unnest($9) WITH ORDINALITY AS w (n, place) ON w.n = a.n
                  ORDER BY w.place
                 RETURNING octet_length(payload) AS bytes, position)
             SELECT count(*), coalesce(sum(s.bytes), 0), max(s.position) FROM stored s', 'records_' || p_run)
           INTO admitted, bytes, last_position
          USING p_base, p_run, p_source, p_split, p_payloads, p_digests, p_identities, p_positions, v_new;
    END IF;
    duplicates := v_last - admitted;
    IF duplicates > 0 THEN
        PERFORM chancery.admit_duplicates(
            p_run, p_keyring, p_source, p_split, p_digests, p_identities, p_positions, v_new, v_last);
    END IF;
END
$_$;

CREATE FUNCTION chancery.admit_refused(p_run integer, p_source integer, p_split integer, p_end bigint, p_positions bigint[], p_stages text[], p_rules text[], p_reasons text[], p_raws bytea[], p_arrived timestamp with time zone[], OUT dead bigint, OUT rejected bigint) RETURNS record
    LANGUAGE plpgsql
    AS $$
BEGIN
    dead := 0;
    rejected := 0;
    IF cardinality(p_positions) > 0 THEN
        WITH refused AS (
            INSERT INTO chancery.arrivals (source, split, position, run_id, state, digest, stage, rule, reason, raw, arrived_at)
            SELECT p_source, p_split, d.position, p_run, d.state, CASE WHEN d.state = 'Rejected' THEN sha256(d.raw) END,
                   d.stage, d.rule, d.reason, d.raw, coalesce(d.arrived_at, clock_timestamp())
              FROM (SELECT u.*, CASE WHEN u.stage IS NULL THEN 'Rejected' ELSE 'Dead' END::chancery.arrival_state AS state
                      FROM unnest(p_positions, p_stages, p_rules, p_reasons, p_raws, p_arrived)
                        AS u (position, stage, rule, reason, raw, arrived_at)) d
             WHERE d.position < p_end
            RETURNING state)
        SELECT count(*) FILTER (WHERE r.state = 'Dead'), count(*) FILTER (WHERE r.state = 'Rejected')
          INTO dead, rejected FROM refused r;
        IF dead > 0 THEN
            PERFORM chancery.event_refused(p_run, p_source, p_split, p_end, p_positions, p_stages, p_rules, true);
        END IF;
        IF rejected > 0 THEN
            PERFORM chancery.event_refused(p_run, p_source, p_split, p_end, p_positions, p_stages, p_rules, false);
        END IF;
    END IF;
END
$$;

CREATE FUNCTION chancery.admit_traces(p_run integer, p_source integer, p_split integer, p_position bigint, p_end bigint, p_traced bigint[], p_traced_to bigint[], p_traces text[]) RETURNS void
    LANGUAGE plpgsql
    AS $_$
BEGIN
    IF cardinality(p_traced) <> cardinality(p_traces) OR cardinality(p_traced_to) <> cardinality(p_traces)
       OR EXISTS (SELECT FROM unnest(p_traced, p_traced_to) AS t (first, last) WHERE (t.first >= p_position AND t.last >= t.first) IS NOT TRUE) THEN
        RAISE EXCEPTION 'a trace holds from one position of the call to another' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF cardinality(p_traces) > 0 AND to_regclass(format('chancery.%I', 'traces_' || p_run)) IS NOT NULL THEN
        EXECUTE format(
            'INSERT INTO chancery.%I (source, split, position, last_position, run_id, traceparent)
             SELECT $1, $2, t.first, least(t.last, $3 - 1), $4, t.trace
               FROM unnest($5, $6, $7) AS t (first, last, trace) WHERE t.first < $3', 'traces_' || p_run)
          USING p_source, p_split, p_end, p_run, p_traced, p_traced_to, p_traces;
    END IF;
END
$_$;

CREATE FUNCTION chancery.alerts_after(p_run integer, p_record bigint, p_without bigint) RETURNS TABLE(rule text, alerts bigint, last_record bigint)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
BEGIN
    IF NOT EXISTS (SELECT FROM chancery.runs r WHERE r.id = p_run AND r.policy_hash IS NOT NULL AND r.deleted_at IS NULL) THEN
        RETURN;
    END IF;
    RETURN QUERY EXECUTE format(
        'SELECT a.rule, count(*), max(a.record)
           FROM (SELECT l.rule, l.record FROM chancery.%I l WHERE l.record > $1 ORDER BY l.record, l.rule OFFSET $2) a
          GROUP BY a.rule ORDER BY a.rule', 'alerts_' || p_run)
      USING p_record, p_without;
END
$_$;

CREATE FUNCTION chancery.batch_bounds(p_run integer, p_batch bigint, p_lease bigint, OUT first_record bigint, OUT last_record bigint) RETURNS record
    LANGUAGE plpgsql
    AS $_$
BEGIN
    EXECUTE format('SELECT b.first_record, b.last_record FROM chancery.%I b WHERE b.batch = $1 AND b.lease_id = $2',
                   'batches_' || p_run)
       INTO first_record, last_record USING p_batch, p_lease;
END
$_$;

CREATE FUNCTION chancery.batch_close_late(p_run integer) RETURNS double precision
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_custom_plan'
    AS $$
DECLARE
    v_run chancery.runs%ROWTYPE;
    v_period interval := (SELECT min((s.description #>> '{http,periodMicros}')::double precision) * interval '1 microsecond'
                            FROM chancery.sources s WHERE s.run_id = p_run);
    v_waits chancery.admissions%ROWTYPE;
    v_now timestamptz;
    v_stored bigint;
    v_bytes bigint;
BEGIN
    -- Most calls find nothing to do, and need no turn for that.
    FOR v_look IN 1..2 LOOP
        SELECT * INTO v_run FROM chancery.runs r WHERE r.id = p_run;
        IF v_period IS NULL OR v_run.id IS NULL OR v_run.sealed_at IS NOT NULL OR v_run.deleted_at IS NOT NULL THEN
            RETURN NULL;
        END IF;
        SELECT * INTO STRICT v_waits FROM chancery.admissions a WHERE a.run_id = p_run;
        v_now := clock_timestamp();
        IF v_waits.opened_at IS NULL THEN
            RETURN extract(epoch FROM v_period);
        ELSIF v_waits.opened_at <= v_now AND v_waits.opened_at + v_period > v_now THEN
            RETURN extract(epoch FROM v_waits.opened_at + v_period - v_now);
        END IF;
        PERFORM chancery.run_turn(p_run);
    END LOOP;
    PERFORM set_config('synchronous_commit', 'off', true);
    IF v_waits.opened_at > v_now THEN
        -- The clock was set back since: the period begins anew.
        UPDATE chancery.admissions a SET opened_at = v_now WHERE a.run_id = p_run;
        RETURN extract(epoch FROM v_period);
    END IF;
    SELECT count(*), sum(octet_length(r.payload)) INTO v_stored, v_bytes FROM chancery.records r
     WHERE r.run_id = p_run AND r.record > v_waits.batched AND r.record <= v_waits.records;
    IF v_stored <> v_waits.records - v_waits.batched THEN
        RAISE EXCEPTION 'run %: of the records % to % some are missing', p_run, v_waits.batched + 1, v_waits.records
            USING ERRCODE = 'data_exception';
    END IF;
    INSERT INTO chancery.batches (batch, run_id, first_record, last_record, payload_bytes, opened_at, closed_at, closed_by)
    VALUES (v_waits.batches + 1, p_run, v_waits.batched + 1, v_waits.records, v_bytes, v_waits.opened_at, v_now, 'Period');
    UPDATE chancery.admissions a SET batches = a.batches + 1, batched = a.records, opened_at = NULL WHERE a.run_id = p_run;
    RETURN extract(epoch FROM v_period);
END
$$;

CREATE FUNCTION chancery.batch_is_sound(batch bigint, first_record bigint, last_record bigint, payload_bytes bigint, opened_at timestamp with time zone, closed_at timestamp with time zone, state chancery.batch_state, lease_id bigint) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE
    AS $$
BEGIN
    RETURN batch >= 1
       AND first_record >= 1
       AND first_record <= last_record
       AND payload_bytes >= 0
       AND opened_at <= closed_at
       AND (state = 'unsigned') = (lease_id IS NULL);
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

CREATE FUNCTION chancery.batch_roots_keep(p_run integer, p_tree chancery.batch_tree, p_first bigint, p_roots bytea[]) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE
    v_last bigint := p_first + cardinality(p_roots) - 1;
    v_kept bigint;
    v_ready bigint;
BEGIN
    IF (cardinality(p_roots) BETWEEN 1 AND 1000 AND p_first >= 1 AND p_tree IS NOT NULL) IS NOT TRUE THEN
        RAISE EXCEPTION 'at most 1000 roots at a time, from the first batch on' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM FROM chancery.runs r WHERE r.id = p_run AND r.deleted_at IS NULL FOR SHARE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT coalesce(max(b.batch), 0) INTO v_kept FROM chancery.batch_roots b WHERE b.run_id = p_run AND b.tree = p_tree;
    -- The run's own table is named: see batch_bounds.
    EXECUTE format('SELECT count(*) FROM chancery.%I b WHERE b.batch BETWEEN $1 AND $2 AND ($3 OR b.state = ''signed'')',
                   'batches_' || p_run)
       INTO STRICT v_ready USING p_first, v_last, p_tree = 'Payloads';
    IF p_first > v_kept + 1 OR v_ready < cardinality(p_roots) THEN
        RAISE EXCEPTION 'run %: the batches % to % are not those whose roots can be kept next', p_run, p_first, v_last
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    INSERT INTO chancery.batch_roots (run_id, tree, batch, root)
    SELECT p_run, p_tree, p_first + s.position - 1, s.root
      FROM unnest(p_roots) WITH ORDINALITY AS s (root, position)
        ON CONFLICT DO NOTHING;
    RETURN (SELECT min(b.batch) FROM unnest(p_roots) WITH ORDINALITY AS s (root, position)
              JOIN chancery.batch_roots b
                ON b.run_id = p_run AND b.tree = p_tree AND b.batch = p_first + s.position - 1 AND b.root <> s.root);
END
$_$;

CREATE FUNCTION chancery.batch_store(p_lease bigint, p_token bytea, p_first bigint, p_end bigint, p_signatures bytea, p_last boolean, p_library chancery.signing_library) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE
    v_lease record;
    v_batch record;
    v_fits boolean;
BEGIN
    -- A strict function would do nothing, as if all were stored.
    IF num_nulls(p_lease, p_token, p_first, p_end, p_signatures, p_last, p_library) > 0 THEN
        RAISE EXCEPTION 'batch_store takes no null' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    IF p_last THEN
        UPDATE chancery.leases l SET outcome = 'signed', signed_at = clock_timestamp(), token_hash = NULL
         WHERE l.id = p_lease AND l.token_hash = sha256(p_token) AND (l.outcome IS NULL) IS TRUE
           AND (l.run_id = chancery.run_of_session()) IS TRUE
        RETURNING l.run_id, l.batch, l.stored_to INTO v_lease;
    ELSE
        -- Locked to the end of the transaction, so that nobody takes over a batch that is being stored.
        SELECT l.run_id, l.batch, l.stored_to INTO v_lease FROM chancery.leases l
         WHERE l.id = p_lease AND l.token_hash = sha256(p_token) AND (l.outcome IS NULL) IS TRUE
           AND (l.run_id = chancery.run_of_session()) IS TRUE FOR UPDATE;
    END IF;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'lease % is lost', p_lease USING ERRCODE = 'CH001';
    END IF;
    IF NOT p_last THEN
        v_batch := chancery.batch_bounds(v_lease.run_id, v_lease.batch, p_lease);
        v_fits := p_first = coalesce(v_lease.stored_to + 1, v_batch.first_record) AND p_first <= p_end AND p_end < v_batch.last_record;
        IF v_fits IS NOT TRUE THEN
            RAISE EXCEPTION 'lease %: the records % to % are not the next ones of its batch', p_lease, p_first, p_end
                USING ERRCODE = 'CH002';
        END IF;
        UPDATE chancery.leases l SET stored_to = p_end WHERE l.id = p_lease;
    ELSE
        EXECUTE format('SELECT chancery.%I($1, $2, $3, $4, $5, $6)', 'batch_sign_' || v_lease.run_id)
           INTO STRICT v_fits USING v_lease.batch, p_lease, v_lease.stored_to, p_first, p_end, p_library;
        IF NOT v_fits THEN
            RAISE EXCEPTION 'lease % does not cover its batch: records % to % were given last', p_lease, p_first, p_end
                USING ERRCODE = 'CH002';
        END IF;
    END IF;
    INSERT INTO chancery.signature_blocks (first_record, last_record, lease_id, run_id, signatures)
    VALUES (p_first, p_end, p_lease, v_lease.run_id, p_signatures);
END
$_$;

CREATE FUNCTION chancery.batches_close(p_run integer, p_records bigint) RETURNS void
    LANGUAGE plpgsql
    SET plan_cache_mode TO 'force_custom_plan'
    AS $$
DECLARE
    v_size bigint;
    v_intake chancery.admissions%ROWTYPE;
    v_now timestamptz := clock_timestamp();
    v_full bigint;
    v_made bigint;
BEGIN
    SELECT r.batch_size INTO STRICT v_size FROM chancery.runs r WHERE r.id = p_run;
    SELECT * INTO STRICT v_intake FROM chancery.admissions a WHERE a.run_id = p_run;
    IF p_records <= v_intake.records THEN
        RETURN;
    END IF;
    v_full := (p_records - v_intake.batched) / v_size;
    IF v_full > 0 THEN
        INSERT INTO chancery.batches (batch, run_id, first_record, last_record, payload_bytes,
                                      opened_at, closed_at, closed_by)
        SELECT v_intake.batches + 1 + b.place, p_run, b.first_record, b.last_record, b.bytes,
               CASE WHEN b.place = 0 THEN least(coalesce(v_intake.opened_at, v_now), v_now) ELSE v_now END, v_now, 'Full'
          FROM (SELECT (r.record - v_intake.batched - 1) / v_size AS place, min(r.record) AS first_record,
                       max(r.record) AS last_record, sum(octet_length(r.payload)) AS bytes
                  FROM chancery.records r
                 WHERE r.run_id = p_run AND r.record > v_intake.batched AND r.record <= v_intake.batched + v_full * v_size
                 GROUP BY 1 HAVING count(*) = v_size) b;
        GET DIAGNOSTICS v_made = ROW_COUNT;
        IF v_made <> v_full THEN
            RAISE EXCEPTION 'run %: of the records % to % some are missing', p_run,
                v_intake.batched + 1, v_intake.batched + v_full * v_size USING ERRCODE = 'data_exception';
        END IF;
    END IF;
    UPDATE chancery.admissions a
       SET records = p_records, batches = a.batches + v_full, batched = a.batched + v_full * v_size,
           opened_at = CASE WHEN a.batched + v_full * v_size = p_records THEN NULL
                            WHEN v_full = 0 THEN coalesce(a.opened_at, v_now)
                            ELSE v_now END
     WHERE a.run_id = p_run;
END
$$;

CREATE FUNCTION chancery.block_is_sound(first_record bigint, last_record bigint, bytes integer, signature_bytes integer, batch_size bigint) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE
    AS $$
BEGIN
    RETURN first_record >= 1
       AND first_record <= last_record
       AND (first_record - 1) / batch_size = (last_record - 1) / batch_size
       AND bytes = (last_record - first_record + 1) * signature_bytes;
END
$$;

CREATE FUNCTION chancery.bytes_text(p_bytes numeric) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT CASE WHEN power = 0 THEN p_bytes || ' bytes'
                ELSE trim_scale(round(p_bytes / 1024::numeric ^ power, 1)) || ' ' || (ARRAY['KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'])[power] END
      FROM (SELECT least(6, coalesce(max(n), 0)) AS power FROM generate_series(1, 6) n WHERE p_bytes >= 1024::numeric ^ n) p
$$;

CREATE FUNCTION chancery.database_used() RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_log bigint;
BEGIN
    IF has_function_privilege('pg_catalog.pg_ls_waldir()', 'EXECUTE') THEN
        SELECT coalesce(sum(w.size), 0) INTO v_log FROM pg_ls_waldir() w;
    ELSE
        v_log := pg_size_bytes(current_setting('max_wal_size'));
    END IF;
    RETURN pg_database_size(current_database()) + v_log;
END
$$;

CREATE FUNCTION chancery.dead_letters_after(p_run integer, p_source integer, p_split integer, p_position bigint, p_most bigint) RETURNS TABLE(number integer, source text, split integer, "position" bigint, stage text, rule text, reason text, arrived_at text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
BEGIN
    IF NOT EXISTS (SELECT FROM chancery.runs r JOIN chancery.intakes i ON i.run_id = r.id
                    WHERE r.id = p_run AND r.deleted_at IS NULL) THEN
        RETURN;
    END IF;
    RETURN QUERY EXECUTE format(
        'SELECT a.source, s.name, a.split, a.position, a.stage, a.rule, a.reason,
                to_char(a.arrived_at AT TIME ZONE ''UTC'', ''YYYY-MM-DD"T"HH24:MI:SS.US"Z"'')
           FROM chancery.%I a
           JOIN chancery.sources s ON s.run_id = $1 AND s.source = a.source
          WHERE a.state = ''Dead'' AND (a.source, a.split, a.position) > ($2, $3, $4)
          ORDER BY a.source, a.split, a.position LIMIT $5', 'arrivals_' || p_run)
      USING p_run, p_source, p_split, p_position, p_most;
END
$_$;

CREATE FUNCTION chancery.dead_letters_sweep(p_run integer, p_most bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_custom_plan'
    AS $$
DECLARE
    v_retention interval;
    v_swept bigint;
BEGIN
    -- Before any look at what is there: whoever admits more changes this row last, and then sees what was said here.
    SELECT i.dead_retention INTO v_retention FROM chancery.intakes i WHERE i.run_id = p_run FOR UPDATE;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    UPDATE chancery.arrivals a SET raw = NULL, swept_at = clock_timestamp()
      FROM (SELECT d.source, d.split, d.position FROM chancery.arrivals d
             WHERE d.run_id = p_run AND d.raw IS NOT NULL AND d.arrived_at < clock_timestamp() - v_retention
             ORDER BY d.arrived_at LIMIT p_most) due
     WHERE a.run_id = p_run AND a.source = due.source AND a.split = due.split AND a.position = due.position;
    GET DIAGNOSTICS v_swept = ROW_COUNT;
    UPDATE chancery.intakes i
       SET sweep_at = (SELECT min(d.arrived_at) FROM chancery.arrivals d
                        WHERE d.run_id = p_run AND d.raw IS NOT NULL) + v_retention
     WHERE i.run_id = p_run;
    RETURN v_swept;
END
$$;

CREATE FUNCTION chancery.deletion_gate() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET lock_timeout TO '10s'
    AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(1128814158, -2);
EXCEPTION
    WHEN lock_not_available THEN NULL;
END
$$;

CREATE FUNCTION chancery.deliveries_act(p_run integer, p_run_uid uuid, p_kind text, p_actor text, p_selection text, p_sink text, p_batch bigint, p_reason text, OUT answer text, OUT act integer, OUT letters bigint, OUT manifests bigint) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE
    v_run chancery.runs%ROWTYPE;
BEGIN
    IF num_nulls(p_run, p_run_uid, p_kind, p_actor, p_selection) > 0 THEN
        RAISE EXCEPTION 'deliveries_act needs a run, what is done, by whom, and with which' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    letters := 0;
    manifests := 0;
    -- The run's row is held, so that none of it goes meanwhile; and its sinks, so that one who acts comes after the other.
    SELECT * INTO v_run FROM chancery.runs r WHERE r.id = p_run AND r.uid = p_run_uid FOR KEY SHARE;
    PERFORM FROM chancery.sinks s WHERE s.run_id = v_run.id ORDER BY s.sink FOR NO KEY UPDATE;
    answer := CASE WHEN NOT FOUND THEN 'unknown' WHEN v_run.deleted_at IS NOT NULL THEN 'deleted' END;
    IF answer IS NOT NULL THEN
        RETURN;
    END IF;
    act := 1 + coalesce((SELECT max(m.act) FROM chancery.delivery_moves m WHERE m.run_id = p_run), 0);
    EXECUTE format(
        'INSERT INTO chancery.delivery_moves (run_id, sink, batch, attempt, act, kind, attempts, last_error, died_at, selection, actor)
         SELECT $1, d.sink, d.batch, d.redrives + 1, $2, $3, d.attempts, d.last_error, d.ended_at, $4, $5
           FROM chancery.%I d JOIN chancery.sinks s ON s.run_id = $1 AND s.sink = d.sink
          WHERE d.state = ''Dead'' AND NOT d.discarded AND ($6 IS NULL OR s.name = $6) AND ($7 IS NULL OR d.batch = $7)
            AND ($8 IS NULL OR position($8 IN d.last_error) > 0)', 'deliveries_' || p_run)
      USING p_run, act, p_kind::chancery.letter_act, p_selection, p_actor, p_sink, p_batch, p_reason;
    GET DIAGNOSTICS letters = ROW_COUNT;
    IF p_kind = 'Redrive' AND p_batch IS NULL AND p_reason IS NULL THEN
        SELECT count(*) INTO manifests
          FROM chancery.manifests m JOIN chancery.sinks s ON s.run_id = p_run AND s.sink = m.sink
         WHERE m.run_id = p_run AND m.ended_at IS NOT NULL AND m.object IS NULL AND (p_sink IS NULL OR s.name = p_sink);
    END IF;
    IF letters + manifests = 0 THEN
        act := NULL;
        answer := 'nothing';
        RETURN;
    END IF;
    IF p_kind = 'Discard' THEN
        EXECUTE format(
            'UPDATE chancery.%I d SET discarded = true FROM chancery.delivery_moves m
              WHERE m.run_id = $1 AND m.act = $2 AND d.sink = m.sink AND d.batch = m.batch', 'deliveries_' || p_run) USING p_run, act;
    ELSE
        EXECUTE format(
            'UPDATE chancery.%I d
                SET state = ''Pending'', attempts = 0, redrives = d.redrives + 1, ended_at = NULL, not_before = clock_timestamp(), put_off_at = clock_timestamp()
               FROM chancery.delivery_moves m
              WHERE m.run_id = $1 AND m.act = $2 AND d.sink = m.sink AND d.batch = m.batch', 'deliveries_' || p_run) USING p_run, act;
        UPDATE chancery.sinks s SET dead = s.dead - m.letters, redriven = s.redriven + m.letters
          FROM (SELECT k.sink, count(*) AS letters FROM chancery.delivery_moves k WHERE k.run_id = p_run AND k.act = deliveries_act.act
                 GROUP BY k.sink) m
         WHERE s.run_id = p_run AND s.sink = m.sink;
        -- What may have been said already, nobody takes back.
        UPDATE chancery.manifests m
           SET number = m.number + CASE WHEN m.not_before IS NULL THEN 0 ELSE 1 END, attempts = 0, last_error = NULL, not_before = NULL, put_off_at = NULL,
               holder = NULL, token_hash = NULL, object = NULL, digest = NULL, ended_at = NULL
         WHERE m.run_id = p_run
           AND (EXISTS (SELECT FROM chancery.delivery_moves k WHERE k.run_id = p_run AND k.act = deliveries_act.act AND k.sink = m.sink)
                OR manifests > 0 AND m.ended_at IS NOT NULL AND m.object IS NULL
                   AND (p_sink IS NULL OR EXISTS (SELECT FROM chancery.sinks s WHERE s.run_id = p_run AND s.sink = m.sink AND s.name = p_sink)));
    END IF;
    IF letters = 0 THEN
        act := NULL;
    END IF;
    answer := 'done';
END
$_$;

CREATE FUNCTION chancery.delivery_fail(p_sink integer, p_token bytea, p_batches bigint[], p_errors text[], p_seconds double precision[], OUT put_off bigint, OUT dead bigint) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $_$
DECLARE
    v_run integer := chancery.delivery_of_session();
    v_limit integer;
    v_redriven bigint;
    v_dead bigint[];
BEGIN
    IF num_nulls(p_sink, p_token, p_batches, p_errors, p_seconds) > 0
       OR cardinality(p_batches) <> cardinality(p_errors) OR cardinality(p_batches) <> cardinality(p_seconds)
       OR array_position(p_errors, NULL) IS NOT NULL OR array_position(p_seconds, NULL) IS NOT NULL THEN
        RAISE EXCEPTION 'each batch that is refused needs an error and a pause' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    put_off := 0;
    dead := 0;
    SELECT s.attempt_limit INTO v_limit FROM chancery.sinks s WHERE s.run_id = v_run AND s.sink = p_sink;
    IF v_limit IS NULL OR to_regclass(format('chancery.%I', 'deliveries_' || v_run)) IS NULL THEN
        RETURN;
    END IF;
    EXECUTE format(
        'WITH refused AS (
             UPDATE chancery.%I d
                SET attempts = d.attempts + 1, last_error = left(w.error, 1024), holder = NULL, token_hash = NULL,
                    state = (CASE WHEN d.attempts + 1 >= $7 THEN ''Dead'' ELSE ''Pending'' END)::chancery.delivery_state,
                    ended_at = CASE WHEN d.attempts + 1 >= $7 THEN clock_timestamp() END,
                    not_before = clock_timestamp() + make_interval(secs => least(greatest(w.seconds, 0), 3600)),
                    put_off_at = clock_timestamp()
               FROM unnest($3, $4, $5) AS w (batch, error, seconds)
              WHERE d.batch = w.batch AND d.sink = $1 AND d.run_id = $6 AND d.token_hash = sha256($2)
             RETURNING d.batch, d.state, d.redrives)
         SELECT count(*) FILTER (WHERE r.state = ''Pending''), count(*) FILTER (WHERE r.state = ''Dead''),
                count(*) FILTER (WHERE r.state = ''Dead'' AND r.redrives > 0),
                array_agg(r.batch ORDER BY r.batch) FILTER (WHERE r.state = ''Dead'') FROM refused r',
        'deliveries_' || v_run)
       INTO put_off, dead, v_redriven, v_dead USING p_sink, p_token, p_batches, p_errors, p_seconds, v_run, v_limit;
    IF put_off + dead > 0 THEN
        -- Whoever answers can be reached.
        UPDATE chancery.sinks s
           SET dead = s.dead + delivery_fail.dead, redriven = s.redriven - v_redriven, unavailable_since = NULL, failures = 0, not_before = NULL, tried_at = NULL, last_error = NULL
         WHERE s.run_id = v_run AND s.sink = p_sink;
    END IF;
    IF dead > 0 THEN
        PERFORM chancery.event_undelivered(v_run, p_sink, v_dead);
    END IF;
END
$_$;

CREATE FUNCTION chancery.delivery_give_back(p_sink integer, p_token bytea, p_batches bigint[], p_error text, p_seconds double precision) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    AS $_$
DECLARE
    v_run integer := chancery.delivery_of_session();
    v_now timestamptz := clock_timestamp();
    v_done bigint;
BEGIN
    IF num_nulls(p_sink, p_token, p_batches) > 0 OR (p_error IS NULL) <> (p_seconds IS NULL) THEN
        RAISE EXCEPTION 'batches that are given back are a sink''s, and an error comes with a pause' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF v_run IS NULL OR to_regclass(format('chancery.%I', 'deliveries_' || v_run)) IS NULL THEN
        RETURN 0;
    END IF;
    EXECUTE format(
        'UPDATE chancery.%I d SET holder = NULL, token_hash = NULL, not_before = $5, put_off_at = $5
          WHERE d.batch = ANY ($3) AND d.sink = $1 AND d.run_id = $4 AND d.token_hash = sha256($2)', 'deliveries_' || v_run)
      USING p_sink, p_token, p_batches, v_run, v_now;
    GET DIAGNOSTICS v_done = ROW_COUNT;
    IF v_done > 0 AND p_error IS NOT NULL THEN
        UPDATE chancery.sinks s
           SET unavailable_since = coalesce(s.unavailable_since, v_now), failures = s.failures + 1, last_error = left(p_error, 1024),
               not_before = v_now + make_interval(secs => least(greatest(p_seconds, 0), 3600)), tried_at = v_now
         WHERE s.run_id = v_run AND s.sink = p_sink;
    END IF;
    RETURN v_done;
END
$_$;

CREATE FUNCTION chancery.delivery_is_sound(batch bigint, sink integer, state chancery.delivery_state, attempts integer, last_error text, holder text, token_hash bytea, object text, digest bytea, ended_at timestamp with time zone, redrives integer, discarded boolean) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE
    AS $$
BEGIN
    RETURN batch >= 1
       AND sink >= 1
       AND attempts BETWEEN 0 AND 20
       AND (attempts = 0 OR last_error IS NOT NULL)
       AND octet_length(last_error) <= 4096
       AND octet_length(holder) <= 1024
       AND octet_length(token_hash) = 32
       AND octet_length(object) BETWEEN 1 AND 1024
       AND octet_length(digest) = 32
       AND (token_hash IS NULL) = (holder IS NULL)
       AND (state = 'Pending' OR token_hash IS NULL)
       AND (state = 'Pending') = (ended_at IS NULL)
       AND (state = 'Delivered') = (object IS NOT NULL)
       AND (state = 'Delivered') = (digest IS NOT NULL)
       AND (state <> 'Dead' OR attempts > 0)
       AND redrives >= 0
       AND (NOT discarded OR state = 'Dead');
END
$$;

CREATE FUNCTION chancery.delivery_of_session() RETURNS integer
    LANGUAGE plpgsql STABLE
    AS $$
BEGIN
    RETURN (SELECT l.run_id FROM chancery.logins l WHERE l.name = session_user AND l.work = 'Deliver');
END
$$;

CREATE FUNCTION chancery.delivery_records(p_sink integer, p_token bytea, p_batch bigint, p_last bigint, p_after bigint, p_bytes bigint) RETURNS TABLE(record bigint, digest bytea, payload bytea, signature bytea, marks text, traceparent text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $_$
DECLARE
    v_run integer := chancery.delivery_of_session();
    v_batch record;
    v_is_pushed boolean := EXISTS (SELECT FROM chancery.sources s WHERE s.run_id = v_run AND s.description ? 'http');
BEGIN
    IF num_nulls(p_sink, p_token, p_batch, p_last, p_after, p_bytes) > 0 THEN
        RAISE EXCEPTION 'delivery_records takes no null' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF v_run IS NULL OR to_regclass(format('chancery.%I', 'deliveries_' || v_run)) IS NULL THEN
        RETURN;
    END IF;
    EXECUTE format(
        'WITH held AS (
             SELECT b.batch, b.first_record, b.last_record, b.payload_bytes FROM chancery.%I d JOIN chancery.%I b ON b.batch = d.batch
              WHERE d.batch BETWEEN $2 AND $5 AND d.sink = $1 AND d.run_id = $4 AND d.token_hash = sha256($3))
         SELECT min(h.first_record) AS first_record, max(h.last_record) AS last_record, sum(h.payload_bytes) > $6 AS is_long
           FROM held h
          WHERE EXISTS (SELECT FROM held f WHERE f.batch = $2) AND (h.batch = $2 OR (SELECT count(*) FROM held) = $5 - $2 + 1)',
        'deliveries_' || v_run, 'batches_' || v_run)
       INTO v_batch USING p_sink, p_batch, p_token, v_run, p_last, p_bytes;
    IF v_batch.first_record IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY EXECUTE format(
        'SELECT r.record, coalesce(r.digest, sha256(r.payload)), r.payload,
                substring(b.signatures FROM ((r.record - b.first_record) * b.bytes + 1)::integer FOR b.bytes::integer), %4$s, %5$s
           FROM (SELECT c.first_record, c.last_record, c.signatures || '''' AS signatures,
                        octet_length(c.signatures) / (c.last_record - c.first_record + 1) AS bytes
                   FROM chancery.%2$I c WHERE %3$s AND c.last_record > $3
                  ORDER BY c.first_record LIMIT CASE WHEN $5 THEN 1 END) b
          CROSS JOIN LATERAL (
                SELECT w.record, w.digest, w.payload, w.source, w.split, w.position
                  FROM (SELECT a.record, a.digest, a.payload, a.source, a.split, a.position,
                               sum(octet_length(a.payload)) OVER (ORDER BY a.record) - octet_length(a.payload) AS before
                          FROM chancery.%1$I a
                         WHERE a.record BETWEEN greatest(b.first_record, $1, $3 + 1) AND least(b.last_record, $2)) w
                 WHERE w.before < $4 OFFSET 0) r
          ORDER BY b.first_record, r.record', 'records_' || v_run, 'signature_blocks_' || v_run,
        CASE WHEN v_is_pushed
             THEN '(CASE WHEN c.first_record <= c.last_record AND c.last_record < 9223372036854775807
                         THEN int8range(c.first_record, c.last_record, ''[]'') END) && int8range($1, $2, ''[]'')'
             ELSE 'c.first_record BETWEEN $1 AND $2' END,
        -- A run has these tables if it has a policy.
        CASE WHEN to_regclass(format('chancery.%I', 'flags_' || v_run)) IS NULL THEN 'NULL::text'
             ELSE format('coalesce((SELECT jsonb_build_object(''score'', f.score, ''hits'', f.hits) FROM chancery.%I f WHERE f.record = r.record),
                                   (SELECT jsonb_build_object(''hits'', jsonb_agg(jsonb_build_object(
                                               ''rule'', k.rule, ''action'', ''Alert'', ''message'', k.message) ORDER BY k.rule COLLATE "C"))
                                      FROM chancery.%I k WHERE k.record = r.record HAVING count(*) > 0))::text',
                         'flags_' || v_run, 'alerts_' || v_run) END,
        chancery.trace_query(v_run))
      USING v_batch.first_record, v_batch.last_record, p_after, p_bytes, v_batch.is_long;
END
$_$;

CREATE FUNCTION chancery.delivery_release(p_run integer, p_holders text[]) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE
    v_done bigint := 0;
    v_events bigint := 0;
BEGIN
    IF to_regclass(format('chancery.%I', 'deliveries_' || p_run)) IS NOT NULL THEN
        EXECUTE format('UPDATE chancery.%I d SET holder = NULL, token_hash = NULL, not_before = clock_timestamp(), put_off_at = clock_timestamp()
                         WHERE d.state = ''Pending'' AND d.holder = ANY ($1)', 'deliveries_' || p_run) USING p_holders;
        GET DIAGNOSTICS v_done = ROW_COUNT;
        UPDATE chancery.manifests m SET holder = NULL, token_hash = NULL, not_before = clock_timestamp(), put_off_at = clock_timestamp()
         WHERE m.run_id = p_run AND m.ended_at IS NULL AND m.holder = ANY (p_holders);
    END IF;
    IF to_regclass(format('chancery.%I', 'events_' || p_run)) IS NOT NULL THEN
        EXECUTE format('UPDATE chancery.%I e SET holder = NULL, token_hash = NULL, not_before = clock_timestamp(), put_off_at = clock_timestamp()
                         WHERE e.state = ''Pending'' AND e.holder = ANY ($1)', 'events_' || p_run) USING p_holders;
        GET DIAGNOSTICS v_events = ROW_COUNT;
    END IF;
    RETURN v_done + v_events;
END
$_$;

CREATE FUNCTION chancery.delivery_renew(p_sink integer, p_token bytea, p_batches bigint[], p_seconds double precision) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    AS $_$
DECLARE
    v_run integer := chancery.delivery_of_session();
    v_done bigint;
BEGIN
    IF num_nulls(p_sink, p_token, p_batches, p_seconds) > 0 THEN
        RAISE EXCEPTION 'delivery_renew takes no null' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF v_run IS NULL OR to_regclass(format('chancery.%I', 'deliveries_' || v_run)) IS NULL THEN
        RETURN 0;
    END IF;
    EXECUTE format(
        'UPDATE chancery.%I d SET not_before = clock_timestamp() + make_interval(secs => least(greatest($4, 1), 3600)), put_off_at = clock_timestamp()
          WHERE d.batch = ANY ($3) AND d.sink = $1 AND d.run_id = $5 AND d.token_hash = sha256($2)', 'deliveries_' || v_run)
      USING p_sink, p_token, p_batches, p_seconds, v_run;
    GET DIAGNOSTICS v_done = ROW_COUNT;
    RETURN v_done;
END
$_$;

CREATE FUNCTION chancery.delivery_run(p_namespace text, p_name text, OUT id integer, OUT uid uuid, OUT ledger_uid uuid, OUT namespace text, OUT name text, OUT deleted boolean, OUT algorithm text, OUT envelope text, OUT content_type text) RETURNS SETOF record
    LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER ROWS 1
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RETURN QUERY
    SELECT r.id, r.uid, (SELECT l.uid FROM chancery.ledger l), r.namespace, r.name, r.deleted_at IS NOT NULL,
           k.algorithm::text, k.envelope::text, k.content_type
      FROM chancery.runs r JOIN chancery.keyrings k ON k.id = r.keyring_id
     WHERE r.id = chancery.delivery_of_session() AND r.namespace = p_namespace AND r.name = p_name;
END
$$;

CREATE FUNCTION chancery.delivery_settle(p_sink integer, p_token bytea, p_batches bigint[], p_objects text[], p_digests bytea[]) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $_$
DECLARE
    v_run integer := chancery.delivery_of_session();
    v_done bigint;
    v_redriven bigint;
BEGIN
    IF num_nulls(p_sink, p_token, p_batches, p_objects, p_digests) > 0
       OR cardinality(p_batches) <> cardinality(p_objects) OR cardinality(p_batches) <> cardinality(p_digests) THEN
        RAISE EXCEPTION 'each batch that is settled needs an object and a digest' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF v_run IS NULL OR to_regclass(format('chancery.%I', 'deliveries_' || v_run)) IS NULL THEN
        RETURN 0;
    END IF;
    EXECUTE format(
        'WITH settled AS (
             UPDATE chancery.%I d
                SET state = ''Delivered'', object = w.object, digest = w.digest, ended_at = clock_timestamp(), holder = NULL, token_hash = NULL
               FROM unnest($3, $4, $5) AS w (batch, object, digest)
              WHERE d.batch = w.batch AND d.sink = $1 AND d.run_id = $6 AND d.token_hash = sha256($2)
             RETURNING d.redrives)
         SELECT count(*), count(*) FILTER (WHERE s.redrives > 0) FROM settled s', 'deliveries_' || v_run)
       INTO v_done, v_redriven USING p_sink, p_token, p_batches, p_objects, p_digests, v_run;
    IF v_done > 0 THEN
        UPDATE chancery.sinks s
           SET delivered = s.delivered + v_done, redriven = s.redriven - v_redriven, unavailable_since = NULL, failures = 0, not_before = NULL, tried_at = NULL, last_error = NULL
         WHERE s.run_id = v_run AND s.sink = p_sink;
    END IF;
    RETURN v_done;
END
$_$;

CREATE FUNCTION chancery.delivery_sinks() RETURNS TABLE(sink integer, name text, description jsonb, ordered boolean, attempt_limit integer)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RETURN QUERY
    SELECT s.sink, s.name, s.description, s.ordered, s.attempt_limit
      FROM chancery.sinks s WHERE s.run_id = chancery.delivery_of_session() ORDER BY s.sink;
END
$$;

CREATE FUNCTION chancery.delivery_take(p_sink integer, p_holder text, p_token_hash bytea, p_most integer, p_seconds double precision) RETURNS TABLE(task text, batch bigint, first_record bigint, last_record bigint, attempts integer, public_key bytea, signed_at text, seconds double precision, signing boolean)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $_$
DECLARE
    v_run chancery.runs%ROWTYPE;
    v_sink chancery.sinks%ROWTYPE;
    v_now timestamptz;
    v_wake timestamptz;
    v_strayed bigint;
    v_open text := '';
BEGIN
    IF num_nulls(p_sink, p_holder, p_token_hash, p_most, p_seconds) > 0 THEN
        RAISE EXCEPTION 'delivery_take takes no null' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF octet_length(p_holder) > 1024 OR octet_length(p_token_hash) <> 32 THEN
        RAISE EXCEPTION 'a holder has at most 1024 bytes, and the hash of a token 32' USING ERRCODE = 'check_violation';
    END IF;
    SELECT * INTO v_run FROM chancery.runs r WHERE r.id = chancery.delivery_of_session();
    task := chancery.run_refusal(v_run);
    IF task IS NULL OR task = 'complete' THEN
        SELECT * INTO v_sink FROM chancery.sinks s WHERE s.run_id = v_run.id AND s.sink = p_sink;
        IF NOT FOUND THEN
            task := 'unknown';
        ELSIF v_sink.redriven > 0
              OR EXISTS (SELECT FROM chancery.manifests m WHERE m.run_id = v_run.id AND m.sink = p_sink AND m.ended_at IS NULL) THEN
            task := NULL;
        END IF;
    END IF;
    IF task IS NOT NULL THEN
        RETURN NEXT;
        RETURN;
    END IF;
    v_now := clock_timestamp();
    -- What was put off by a clock that has been set back since is due.
    IF (v_sink.not_before > v_now AND v_sink.tried_at <= v_now) IS TRUE THEN
        task := 'wait';
        seconds := least(greatest(extract(epoch FROM v_sink.not_before - v_now), 0.05), 2);
        RETURN NEXT;
        RETURN;
    END IF;
    IF v_sink.ordered THEN
        -- Those that have ended, or are taken up again, are the first ones of the run. The next one is found by its number: all that are due
        -- would be looked at each time.
        v_open := format(CASE WHEN v_sink.redriven > 0 THEN 'AND (u.redrives > 0 OR u.batch = %s)' ELSE 'AND u.batch = %s' END,
                         v_sink.delivered + v_sink.dead + v_sink.redriven + 1);
    END IF;
    RETURN QUERY EXECUTE format(
        'WITH taken AS (
             UPDATE chancery.%1$I d SET holder = $4, token_hash = $5, not_before = $6, put_off_at = $2
              WHERE d.sink = $1 AND d.run_id = $7 AND d.batch = ANY (ARRAY(
                    SELECT u.batch FROM chancery.%1$I u
                     WHERE u.sink = $1 AND u.state = ''Pending'' AND u.not_before <= $2 %3$s
                     ORDER BY u.not_before, u.batch LIMIT $3 FOR UPDATE SKIP LOCKED))
             RETURNING d.batch, d.attempts)
         SELECT ''deliver''::text, t.batch, b.first_record, b.last_record, t.attempts,
                (SELECT m.public_key FROM chancery.key_material m WHERE m.key_id = l.key_id),
                to_char(l.signed_at AT TIME ZONE ''UTC'', ''YYYY-MM-DD"T"HH24:MI:SS.US"Z"''), NULL::double precision,
                (SELECT n.batch FROM chancery.%2$I n WHERE n.state <> ''signed'' ORDER BY n.batch DESC LIMIT 1) IS NOT NULL
           FROM taken t
           JOIN chancery.%2$I b ON b.batch = t.batch
           JOIN chancery.leases l ON l.id = b.lease_id
          ORDER BY t.batch', 'deliveries_' || v_run.id, 'batches_' || v_run.id,
        v_open)
      USING p_sink, v_now, least(greatest(p_most, 1), 10000), p_holder, p_token_hash,
            v_now + make_interval(secs => least(greatest(p_seconds, 1), 3600)), v_run.id;
    IF FOUND THEN
        RETURN;
    END IF;
    IF v_run.sealed_at IS NOT NULL
       AND v_sink.delivered + v_sink.dead = (SELECT a.batches FROM chancery.admissions a WHERE a.run_id = v_run.id) THEN
        SELECT t.task, t.number, t.attempts, t.seconds INTO task, batch, attempts, seconds
          FROM chancery.manifest_take(v_run.id, p_sink, p_holder, p_token_hash, p_seconds) t;
        IF task = 'done' THEN
            PERFORM chancery.run_complete(v_run.id);
        END IF;
        RETURN NEXT;
        RETURN;
    END IF;
    -- By the clock of this moment: another may have put some off since this call began.
    EXECUTE format('UPDATE chancery.%I d SET not_before = $2, put_off_at = $2
                     WHERE d.sink = $1 AND d.state = ''Pending'' AND d.put_off_at > clock_timestamp()',
                   'deliveries_' || v_run.id) USING p_sink, v_now;
    GET DIAGNOSTICS v_strayed = ROW_COUNT;
    EXECUTE format('SELECT min(u.not_before) FROM chancery.%I u WHERE u.sink = $1 AND u.state = ''Pending'' %s', 'deliveries_' || v_run.id,
                   v_open)
       INTO v_wake USING p_sink;
    task := 'wait';
    -- A batch that is signed meanwhile tells nobody.
    seconds := CASE WHEN v_strayed > 0 THEN 0.05 ELSE least(greatest(coalesce(extract(epoch FROM greatest(v_wake, v_now) - v_now), 2), 0.05), 2) END;
    RETURN NEXT;
END
$_$;

CREATE FUNCTION chancery.digests_forget(p_run integer) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_custom_plan'
    AS $$
DECLARE
    v_ring integer := (SELECT r.keyring_id FROM chancery.runs r WHERE r.id = p_run AND r.deleted_at IS NOT NULL);
    v_forgotten bigint;
BEGIN
    INSERT INTO chancery.kept_digests (run_id, keyring_id, until)
    SELECT p_run, v_ring, clock_timestamp() + i.digest_window FROM chancery.intakes i
     WHERE i.run_id = p_run AND i.digest_window > interval '0' AND v_ring IS NOT NULL
        -- A deletion that was broken off and is carried on has noted it already.
        ON CONFLICT DO NOTHING;
    IF EXISTS (SELECT FROM chancery.kept_digests k WHERE k.run_id = p_run) THEN
        RETURN 0;
    END IF;
    DELETE FROM chancery.digests d WHERE d.keyring_id = v_ring AND d.run_id = p_run;
    GET DIAGNOSTICS v_forgotten = ROW_COUNT;
    RETURN v_forgotten;
END
$$;

CREATE FUNCTION chancery.digests_sweep() RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_custom_plan'
    AS $$
DECLARE
    v_kept record;
    v_forgotten bigint;
    v_all bigint := 0;
BEGIN
    -- One that another sweep is at is left to that.
    FOR v_kept IN SELECT k.run_id, k.keyring_id FROM chancery.kept_digests k
                   WHERE k.until <= clock_timestamp() ORDER BY k.run_id FOR UPDATE SKIP LOCKED LOOP
        DELETE FROM chancery.digests d WHERE d.keyring_id = v_kept.keyring_id AND d.run_id = v_kept.run_id;
        GET DIAGNOSTICS v_forgotten = ROW_COUNT;
        v_all := v_all + v_forgotten;
        DELETE FROM chancery.kept_digests k WHERE k.run_id = v_kept.run_id;
    END LOOP;
    RETURN v_all;
END
$$;

CREATE FUNCTION chancery.event_alerts(p_run integer, p_base bigint, p_last bigint) RETURNS void
    LANGUAGE plpgsql
    AS $_$
DECLARE
    v_alerts record;
    v_about record;
BEGIN
    IF NOT chancery.event_wanted(p_run, 'policy.alert') THEN
        RETURN;
    END IF;
    EXECUTE format(
        'WITH raised AS (SELECT a.record, left(a.rule, 63) AS rule FROM chancery.%I a WHERE a.record > $1 AND a.record <= $2),
              counted AS (SELECT r.rule, count(*) AS number FROM raised r GROUP BY r.rule ORDER BY count(*) DESC, r.rule LIMIT 20)
         SELECT (SELECT count(*) FROM raised) AS number, (SELECT min(r.record) FROM raised r) AS first,
                (SELECT jsonb_agg(f.record) FROM (SELECT DISTINCT r.record FROM raised r ORDER BY r.record LIMIT 100) f) AS records,
                (SELECT jsonb_object_agg(c.rule, c.number) FROM counted c) AS rules', 'alerts_' || p_run)
       INTO v_alerts USING p_base, p_last;
    -- All records of a call are of one split.
    EXECUTE format('SELECT min(r.source) AS source, min(r.split) AS split, array_agg(r.position) AS places FROM chancery.%I r
                     WHERE r.record IN (SELECT a.record FROM chancery.%I a WHERE a.record > $1 AND a.record <= $2)',
                   'records_' || p_run, 'alerts_' || p_run)
       INTO v_about USING p_base, p_last;
    PERFORM chancery.event_write(
        p_run, 'policy.alert', v_alerts.first::text,
        jsonb_build_object('policy', (SELECT r.policy_name FROM chancery.runs r WHERE r.id = p_run), 'count', v_alerts.number,
                           'records', v_alerts.records, 'rules', v_alerts.rules),
        chancery.trace_of(p_run, v_about.source, v_about.split, v_about.places));
END
$_$;

CREATE FUNCTION chancery.event_completed(p_run integer) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF NOT chancery.event_wanted(p_run, 'run.completed') THEN
        RETURN;
    END IF;
    PERFORM chancery.event_write(
        p_run, 'run.completed', NULL,
        (SELECT jsonb_strip_nulls(jsonb_build_object(
                    'records', r.record_count, 'batches', a.batches, 'received', i.received, 'duplicates', i.duplicates,
                    'rejected', i.rejected, 'dead', i.dead, 'flagged', i.flagged, 'alerts', i.alerts,
                    'sinks', (SELECT jsonb_object_agg(s.name, jsonb_build_object('delivered', s.delivered, 'dead', s.dead))
                                FROM (SELECT * FROM chancery.sinks k WHERE k.run_id = p_run ORDER BY k.sink LIMIT 16) s)))
           FROM chancery.runs r
           JOIN chancery.admissions a ON a.run_id = r.id
           LEFT JOIN chancery.intakes i ON i.run_id = r.id
          WHERE r.id = p_run));
END
$$;

CREATE FUNCTION chancery.event_is_sound(what text, notification integer, state chancery.delivery_state, attempts integer, last_error text, holder text, token_hash bytea, ended_at timestamp with time zone, told_to bigint, told bigint) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE
    AS $_$
BEGIN
    RETURN octet_length(what) BETWEEN 1 AND 1024
       AND notification >= 1
       AND attempts BETWEEN 0 AND 20
       AND (attempts = 0 OR last_error IS NOT NULL)
       AND octet_length(last_error) <= 4096
       AND octet_length(holder) <= 1024
       AND octet_length(token_hash) = 32
       AND (token_hash IS NULL) = (holder IS NULL)
       AND (state = 'Pending' OR token_hash IS NULL)
       AND (state = 'Pending') = (ended_at IS NULL)
       AND (state <> 'Dead' OR last_error IS NOT NULL)
       AND (told_to IS NULL) = (told IS NULL)
       AND (told_to IS NULL OR told_to >= 1 AND told >= 0 AND what ~ '^record[.]signed/[0-9]+$');
END
$_$;

CREATE FUNCTION chancery.event_refused(p_run integer, p_source integer, p_split integer, p_end bigint, p_positions bigint[], p_stages text[], p_rules text[], p_dead boolean) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    v_event text := CASE WHEN p_dead THEN 'record.dead' ELSE 'record.rejected' END;
    v_refused record;
BEGIN
    IF NOT chancery.event_wanted(p_run, v_event) THEN
        RETURN;
    END IF;
    WITH refused AS (
        SELECT u.position, left(CASE WHEN p_dead THEN u.stage ELSE u.rule END, 63) AS why
          FROM unnest(p_positions, p_stages, p_rules) AS u (position, stage, rule)
         WHERE u.position < p_end AND (u.stage IS NOT NULL) = p_dead),
    counted AS (
        SELECT r.why, count(*) AS number FROM refused r GROUP BY r.why ORDER BY count(*) DESC, r.why LIMIT 20)
    SELECT (SELECT count(*) FROM refused) AS number, (SELECT array_agg(r.position) FROM refused r) AS places, (SELECT min(r.position) FROM refused r) AS first,
           (SELECT jsonb_agg(f.position) FROM (SELECT r.position FROM refused r ORDER BY r.position LIMIT 100) f) AS positions,
           (SELECT jsonb_object_agg(c.why, c.number) FROM counted c) AS reasons
      INTO v_refused;
    PERFORM chancery.event_write(
        p_run, v_event,
        format('%s/%s/%s/%s', p_source, p_split, v_refused.first,
               (SELECT count(*) FROM chancery.letter_moves m
                 WHERE m.run_id = p_run AND m.source = p_source AND m.split = p_split AND m.position = v_refused.first)),
        jsonb_build_object(
            'source', (SELECT s.name FROM chancery.sources s WHERE s.run_id = p_run AND s.source = p_source), 'split', p_split,
            'count', v_refused.number, 'positions', v_refused.positions,
            CASE WHEN p_dead THEN 'stages' ELSE 'rules' END, v_refused.reasons),
        chancery.trace_of(p_run, p_source, p_split, v_refused.places));
END
$$;

CREATE FUNCTION chancery.event_started(p_run integer) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM chancery.event_write(
        p_run, 'run.started', NULL,
        (SELECT jsonb_strip_nulls(jsonb_build_object(
                    'keyring', k.namespace || '/' || k.name, 'algorithm', k.algorithm, 'batchSize', r.batch_size,
                    'records', g.record_count, 'policy', r.policy_name, 'suspended', r.suspended))
           FROM chancery.runs r
           JOIN chancery.keyrings k ON k.id = r.keyring_id
           LEFT JOIN chancery.generated_sources g ON g.run_id = r.id
          WHERE r.id = p_run));
END
$$;

CREATE FUNCTION chancery.event_undelivered(p_run integer, p_sink integer, p_batches bigint[]) RETURNS void
    LANGUAGE plpgsql
    AS $_$
DECLARE
    v_batch record;
BEGIN
    IF NOT chancery.event_wanted(p_run, 'delivery.dead') THEN
        RETURN;
    END IF;
    FOR v_batch IN EXECUTE format(
        'SELECT b.batch, b.first_record, b.last_record, s.name AS sink, s.attempt_limit, d.redrives
           FROM chancery.%I d
           JOIN chancery.%I b ON b.batch = d.batch
           JOIN chancery.sinks s ON s.run_id = $1 AND s.sink = $2
          WHERE d.sink = $2 AND d.batch = ANY ($3) AND d.run_id = $1 ORDER BY d.batch', 'deliveries_' || p_run, 'batches_' || p_run)
        USING p_run, p_sink, p_batches
    LOOP
        PERFORM chancery.event_write(
            p_run, 'delivery.dead', format('%s/%s/%s', p_sink, v_batch.batch, v_batch.redrives),
            jsonb_build_object('sink', v_batch.sink, 'batch', v_batch.batch, 'firstRecord', v_batch.first_record,
                               'lastRecord', v_batch.last_record, 'refusals', v_batch.attempt_limit));
    END LOOP;
END
$_$;

CREATE FUNCTION chancery.event_wanted(p_run integer, p_event text) RETURNS boolean
    LANGUAGE plpgsql STABLE
    AS $$
BEGIN
    RETURN EXISTS (SELECT FROM chancery.notifications n WHERE n.run_id = p_run AND p_event = ANY (n.events));
END
$$;

CREATE FUNCTION chancery.event_write(p_run integer, p_event text, p_about text, p_data jsonb, p_traceparent text DEFAULT NULL::text) RETURNS void
    LANGUAGE plpgsql
    AS $_$
DECLARE
    v_told integer[] := ARRAY (SELECT n.notification FROM chancery.notifications n WHERE n.run_id = p_run AND p_event = ANY (n.events));
BEGIN
    IF cardinality(v_told) > 0 THEN
        EXECUTE format('INSERT INTO chancery.%I (what, notification, run_id, data, traceparent) SELECT $1, t.notification, $2, $3, $5 FROM unnest($4) AS t (notification) '
                       'ON CONFLICT DO NOTHING', 'events_' || p_run)
          USING p_event || coalesce('/' || p_about, ''), p_run, p_data, v_told, p_traceparent;
    END IF;
END
$_$;

CREATE FUNCTION chancery.holders_release(p_run integer, p_holders text[]) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT count(*) FROM (
        SELECT l.id FROM chancery.leases l
         WHERE l.keyring_id = coalesce((SELECT r.keyring_id FROM chancery.runs r WHERE r.id = p_run),
                                       (SELECT d.keyring_id FROM chancery.deleted_runs d WHERE d.run_id = p_run))
           AND l.run_id = p_run AND l.released_at IS NULL AND l.outcome IS NULL
           AND l.holder = ANY (p_holders)) held
     WHERE chancery.lease_give_back(held.id)
$$;

CREATE FUNCTION chancery.identity_digest(p_identity bytea) RETURNS bytea
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    SELECT substring(sha512('chancery identity'::bytea || '\x00'::bytea || p_identity) FROM 1 FOR 32)
$$;

CREATE FUNCTION chancery.intake_give_back(p_source integer, p_split integer, p_token bytea, p_error text, p_seconds double precision) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_run integer := chancery.intake_of_session();
    v_failed integer := CASE WHEN p_error IS NULL THEN 0 ELSE 1 END;
    -- A minute at the most, whatever is asked for: see intake_next.
    v_later timestamptz := clock_timestamp() + make_interval(secs => least(greatest(p_seconds, 0), 60));
BEGIN
    IF p_split IS NULL THEN
        UPDATE chancery.sources s
           SET holder = NULL, token_hash = NULL, expires_at = NULL, attempts = s.attempts + v_failed,
               not_before = coalesce(v_later, s.not_before), last_error = coalesce(left(p_error, 1024), s.last_error)
         WHERE s.run_id = v_run AND s.source = p_source AND s.token_hash = sha256(p_token);
    ELSE
        UPDATE chancery.splits t
           SET holder = NULL, token_hash = NULL, expires_at = NULL, attempts = t.attempts + v_failed,
               not_before = coalesce(v_later, t.not_before), last_error = coalesce(left(p_error, 1024), t.last_error)
         WHERE t.run_id = v_run AND t.source = p_source AND t.split = p_split AND t.token_hash = sha256(p_token);
    END IF;
    RETURN FOUND;
END
$$;

CREATE FUNCTION chancery.intake_next(p_holder text, p_token_hash bytea, OUT task text, OUT source integer, OUT name text, OUT description jsonb, OUT split integer, OUT part jsonb, OUT start_at bigint, OUT key text, OUT attempts integer, OUT seconds double precision, OUT room bigint) RETURNS record
    LANGUAGE plpgsql STRICT SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    AS $$
DECLARE
    v_run chancery.runs%ROWTYPE;
    v_now timestamptz;
    v_until timestamptz;
    -- Whatever ends later than this was written by a clock that has been set back since, and has ended. With time to spare for
    -- what was prolonged this moment.
    v_latest timestamptz;
    v_pending bigint;
    v_wake timestamptz;
    v_held text;
BEGIN
    IF octet_length(p_holder) > 1024 OR octet_length(p_token_hash) <> 32 THEN
        RAISE EXCEPTION 'a holder has at most 1024 bytes, and the hash of a token 32' USING ERRCODE = 'check_violation';
    END IF;
    SELECT * INTO v_run FROM chancery.runs r WHERE r.id = chancery.intake_of_session();
    task := chancery.intake_refusal(v_run);
    IF task IS NOT NULL THEN
        RETURN;
    END IF;
    SELECT i.record_limit, i.pending, i.held INTO room, v_pending, v_held FROM chancery.intakes i WHERE i.run_id = v_run.id;
    IF NOT FOUND THEN
        task := 'unknown';
        RETURN;
    END IF;
    room := room - v_pending - (SELECT a.records FROM chancery.admissions a WHERE a.run_id = v_run.id);
    seconds := extract(epoch FROM v_run.lease_duration);
    v_now := clock_timestamp();
    v_until := v_now + v_run.lease_duration;
    v_latest := v_until + interval '1 minute';
    IF v_held IS NULL
       AND room > 0 IS NOT FALSE THEN
        -- Sources first: their splits are then read by all.
        SELECT s.source INTO source FROM chancery.sources s
         WHERE s.run_id = v_run.id AND s.listed_at IS NULL AND NOT s.description ? 'http'
           AND (s.expires_at > v_now AND s.expires_at <= v_latest) IS NOT TRUE
           AND (s.not_before > v_now AND s.not_before <= v_latest) IS NOT TRUE
         ORDER BY s.source LIMIT 1 FOR UPDATE SKIP LOCKED;
        IF FOUND THEN
            -- Those of a listing that was broken off were never read.
            DELETE FROM chancery.splits t WHERE t.run_id = v_run.id AND t.source = intake_next.source;
            UPDATE chancery.sources s
               SET holder = p_holder, token_hash = p_token_hash, expires_at = v_until, listed_bytes = 0
             WHERE s.run_id = v_run.id AND s.source = intake_next.source
            RETURNING s.name, s.description, s.attempts INTO name, description, attempts;
            task := 'list';
            RETURN;
        END IF;
        SELECT t.source, t.split INTO source, split FROM chancery.splits t
         WHERE t.run_id = v_run.id AND t.done_at IS NULL
           AND (t.expires_at > v_now AND t.expires_at <= v_latest) IS NOT TRUE
           AND (t.not_before > v_now AND t.not_before <= v_latest) IS NOT TRUE
           AND (SELECT s.listed_at IS NOT NULL FROM chancery.sources s WHERE s.run_id = v_run.id AND s.source = t.source)
         ORDER BY t.split, t.source LIMIT 1 FOR UPDATE SKIP LOCKED;
        IF FOUND THEN
            UPDATE chancery.splits t
               SET holder = p_holder, token_hash = p_token_hash, expires_at = v_until
             WHERE t.run_id = v_run.id AND t.source = intake_next.source AND t.split = intake_next.split
            RETURNING t.part, t.position, t.position_key, t.attempts INTO part, start_at, key, attempts;
            SELECT s.name, s.description INTO name, description FROM chancery.sources s
             WHERE s.run_id = v_run.id AND s.source = intake_next.source;
            task := 'read';
            RETURN;
        END IF;
    END IF;
    -- Whoever admitted the last of it may have met too many dead letters since: such a run stays open, so that they can be taken up.
    PERFORM chancery.run_turn(v_run.id);
    IF (SELECT r.too_many_dead FROM chancery.runs r WHERE r.id = v_run.id) THEN
        task := 'too_many_dead';
        RETURN;
    END IF;
    IF chancery.run_seal(v_run.id) THEN
        task := 'sealed';
        RETURN;
    END IF;
    task := 'wait';
    SELECT min(w.at) INTO v_wake FROM (
        SELECT min(greatest(s.expires_at, s.not_before)) AS at FROM chancery.sources s
         WHERE s.run_id = v_run.id AND s.listed_at IS NULL
        UNION ALL
        SELECT min(greatest(t.expires_at, t.not_before)) FROM chancery.splits t
         WHERE t.run_id = v_run.id AND t.done_at IS NULL) w;
    seconds := greatest(extract(epoch FROM v_wake - clock_timestamp()), 0.1);
    IF v_pending > 0 THEN
        -- Whoever settles what waits tells the readers.
        seconds := greatest(coalesce(extract(epoch FROM v_wake - clock_timestamp()), 2), 0.1);
    END IF;
END
$$;

CREATE FUNCTION chancery.intake_of_session() RETURNS integer
    LANGUAGE plpgsql STABLE
    AS $$
BEGIN
    RETURN (SELECT l.run_id FROM chancery.logins l WHERE l.name = session_user AND l.work = 'Admit');
END
$$;

CREATE FUNCTION chancery.intake_policy() RETURNS TABLE(hash bytea, text text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 1
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RETURN QUERY
    SELECT p.hash, p.text FROM chancery.runs r JOIN chancery.policies p ON p.hash = r.policy_hash
     WHERE r.id = chancery.intake_of_session() AND r.deleted_at IS NULL;
END
$$;

CREATE FUNCTION chancery.intake_refusal(p_run chancery.runs) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT CASE
        WHEN (p_run).id IS NULL THEN 'unknown'
        WHEN (p_run).deleted_at IS NOT NULL THEN 'deleted'
        WHEN (p_run).sealed_at IS NOT NULL THEN 'sealed'
        WHEN (p_run).too_many_dead THEN 'too_many_dead'
        WHEN (p_run).suspended THEN 'suspended'
    END
$$;

CREATE FUNCTION chancery.intake_release(p_run integer, p_holders text[]) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE
    v_sources bigint;
    v_splits bigint;
    v_pendings bigint := 0;
BEGIN
    UPDATE chancery.sources s SET holder = NULL, token_hash = NULL, expires_at = NULL
     WHERE s.run_id = p_run AND s.listed_at IS NULL AND s.holder = ANY (p_holders);
    GET DIAGNOSTICS v_sources = ROW_COUNT;
    UPDATE chancery.splits t SET holder = NULL, token_hash = NULL, expires_at = NULL
     WHERE t.run_id = p_run AND t.done_at IS NULL AND t.holder = ANY (p_holders);
    GET DIAGNOSTICS v_splits = ROW_COUNT;
    IF to_regclass(format('chancery.%I', 'pendings_' || p_run)) IS NOT NULL THEN
        EXECUTE format('UPDATE chancery.%I p SET holder = NULL, token_hash = NULL, not_before = clock_timestamp() WHERE p.holder = ANY ($1)',
                       'pendings_' || p_run) USING p_holders;
        GET DIAGNOSTICS v_pendings = ROW_COUNT;
    END IF;
    RETURN v_sources + v_splits + v_pendings;
END
$_$;

CREATE FUNCTION chancery.intake_renew(p_source integer, p_split integer, p_token bytea) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_run integer := chancery.intake_of_session();
    v_until timestamptz := clock_timestamp() + (SELECT r.lease_duration FROM chancery.runs r WHERE r.id = v_run);
BEGIN
    IF p_split IS NULL THEN
        UPDATE chancery.sources s SET expires_at = v_until
         WHERE s.run_id = v_run AND s.source = p_source AND s.token_hash = sha256(p_token);
    ELSE
        UPDATE chancery.splits t SET expires_at = v_until
         WHERE t.run_id = v_run AND t.source = p_source AND t.split = p_split AND t.token_hash = sha256(p_token);
    END IF;
    RETURN FOUND;
END
$$;

CREATE FUNCTION chancery.intake_run(p_namespace text, p_name text, OUT id integer, OUT uid uuid, OUT ledger_uid uuid, OUT namespace text, OUT name text, OUT deleted boolean, OUT expression text, OUT pushed boolean) RETURNS SETOF record
    LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER ROWS 1
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RETURN QUERY
    SELECT r.id, r.uid, (SELECT l.uid FROM chancery.ledger l), r.namespace, r.name, r.deleted_at IS NOT NULL,
           (SELECT i.expression FROM chancery.intakes i WHERE i.run_id = r.id),
           EXISTS (SELECT FROM chancery.sources s WHERE s.run_id = r.id AND s.description ? 'http')
      FROM chancery.runs r
     WHERE r.id = chancery.intake_of_session() AND r.namespace = p_namespace AND r.name = p_name;
END
$$;

CREATE FUNCTION chancery.key_add(p_run integer, p_run_uid uuid, p_key uuid, p_number integer, p_public_key bytea, p_wrapped_key bytea) RETURNS text
    LANGUAGE plpgsql STRICT SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET enable_sort TO 'off'
    AS $$
DECLARE
    v_run chancery.runs%ROWTYPE;
    v_ring chancery.keyrings%ROWTYPE;
    v_refusal text;
BEGIN
    IF chancery.run_of_session() IS DISTINCT FROM p_run THEN
        RETURN 'unknown';
    END IF;
    SELECT * INTO v_run FROM chancery.runs r WHERE r.id = p_run AND r.uid = p_run_uid;
    v_refusal := chancery.run_refusal(v_run);
    IF v_refusal IS NOT NULL THEN
        RETURN v_refusal;
    END IF;
    -- What a ring is like never changes. So this is said before anybody waits for it.
    SELECT * INTO STRICT v_ring FROM chancery.keyrings k WHERE k.id = v_run.keyring_id;
    IF p_number NOT BETWEEN 1 AND v_ring.key_count THEN
        RAISE EXCEPTION 'the ring has the keys 1 to %, and no key %', v_ring.key_count, p_number
            USING ERRCODE = 'check_violation';
    END IF;
    IF chancery.key_fits(v_ring.algorithm, v_ring.key_size, p_public_key, p_wrapped_key) IS NOT TRUE THEN
        RAISE EXCEPTION 'a key of the ring has not % bytes in public and % in private',
            octet_length(p_public_key), octet_length(p_wrapped_key) USING ERRCODE = 'check_violation';
    END IF;
    -- A ring that is full stays so: nobody takes its turn to be told of it.
    IF v_ring.filled_at IS NOT NULL THEN
        RETURN 'filled';
    END IF;

    PERFORM chancery.keyring_turn(v_ring.id);
    -- Again, because waiting for the turn may have taken long. From here on until we commit nobody removes the run, and
    -- nobody else adds a key.
    SELECT * INTO v_run FROM chancery.runs r WHERE r.id = p_run AND r.uid = p_run_uid;
    v_refusal := chancery.run_refusal(v_run);
    IF v_refusal IS NOT NULL THEN
        RETURN v_refusal;
    END IF;
    IF EXISTS (SELECT FROM chancery.keyrings k WHERE k.id = v_ring.id AND k.filled_at IS NOT NULL) THEN
        RETURN 'filled';
    END IF;
    RETURN CASE WHEN chancery.key_join(v_ring.id, p_key, p_number, p_public_key, p_wrapped_key)
                THEN 'added' ELSE 'taken' END;
END
$$;

CREATE FUNCTION chancery.key_fits(p_algorithm chancery.algorithm, p_key_size integer, p_public_key bytea, p_wrapped_key bytea) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT CASE p_algorithm
        WHEN 'ES256' THEN octet_length(p_public_key) = 91 AND octet_length(p_wrapped_key) = 167
        WHEN 'ES384' THEN octet_length(p_public_key) = 120 AND octet_length(p_wrapped_key) = 214
        WHEN 'ES256K' THEN octet_length(p_public_key) = 88 AND octet_length(p_wrapped_key) = 164
        WHEN 'ML-DSA-44' THEN octet_length(p_public_key) = 1334 AND octet_length(p_wrapped_key) = 83
        WHEN 'ML-DSA-65' THEN octet_length(p_public_key) = 1974 AND octet_length(p_wrapped_key) = 83
        WHEN 'ML-DSA-87' THEN octet_length(p_public_key) = 2614 AND octet_length(p_wrapped_key) = 83
        WHEN 'EdDSA' THEN octet_length(p_public_key) = 44 AND octet_length(p_wrapped_key) = 77
        ELSE octet_length(p_public_key) = p_key_size / 8 + 38
             AND octet_length(p_wrapped_key) BETWEEN p_key_size * 9 / 16 AND p_key_size * 9 / 16 + 160
    END
$$;

CREATE FUNCTION chancery.key_is_sound(number integer, state chancery.key_state, last_use bigint, joined_use bigint, retired_use bigint, retired_at timestamp with time zone) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE
    AS $$
BEGIN
    RETURN number >= 1
       AND joined_use >= 0
       AND last_use >= joined_use
       AND retired_use >= last_use
       AND (state = 'retired') = (retired_use IS NOT NULL)
       AND (state = 'retired') = (retired_at IS NOT NULL);
END
$$;

CREATE FUNCTION chancery.key_join(p_keyring integer, p_key uuid, p_number integer, p_public_key bytea, p_wrapped_key bytea) RETURNS boolean
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET enable_sort TO 'off'
    AS $$
DECLARE
    v_turn record;
BEGIN
    v_turn := chancery.keyring_turn(p_keyring);
    INSERT INTO chancery.keys (id, keyring_id, number, last_use, joined_use, joined_at)
    VALUES (p_key, p_keyring, p_number, v_turn.last_use, v_turn.last_use, v_turn.instant)
    ON CONFLICT (keyring_id, number) DO NOTHING;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO chancery.key_material (key_id, public_key, wrapped_key)
    VALUES (p_key, p_public_key, p_wrapped_key);
    UPDATE chancery.keyrings k SET filled_at = clock_timestamp()
     WHERE k.id = p_keyring AND k.filled_at IS NULL
       AND cardinality(chancery.key_numbers_missing(p_keyring, k.key_count, p_number, 1)) = 0;
    RETURN true;
END
$$;

CREATE FUNCTION chancery.key_numbers_missing(p_keyring integer, p_key_count integer, p_after integer, p_most integer) RETURNS integer[]
    LANGUAGE plpgsql STABLE
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET enable_sort TO 'off'
    AS $$
DECLARE
    v_after bigint := p_after;
BEGIN
    -- Numbers in a list of results come one by one; as a table, all would be made first.
    RETURN ARRAY(
        SELECT n.number
          FROM (SELECT ((v_after + generate_series(0, p_key_count - 1)) % p_key_count)::integer + 1 AS number) n
         WHERE NOT EXISTS (SELECT FROM chancery.keys k WHERE k.keyring_id = p_keyring AND k.number = n.number)
         LIMIT p_most);
END
$$;

CREATE FUNCTION chancery.key_retire(p_key uuid) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_keyring integer;
    v_turn record;
BEGIN
    SELECT k.keyring_id INTO v_keyring FROM chancery.keys k WHERE k.id = p_key;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    v_turn := chancery.keyring_turn(v_keyring);
    UPDATE chancery.keys k SET state = 'retired', retired_use = v_turn.last_use, retired_at = v_turn.instant
     WHERE k.id = p_key AND k.state = 'active';
    RETURN FOUND;
END
$$;

CREATE FUNCTION chancery.keyring_collect(p_keyring integer, p_instant timestamp with time zone, p_use_floor bigint) RETURNS integer
    LANGUAGE plpgsql
    AS $$
DECLARE
    v_clock timestamptz := least(clock_timestamp(), p_instant);
    v_lease record;
    v_expired integer := 0;
BEGIN
    FOR v_lease IN
        SELECT l.id, l.run_id, l.batch, l.outcome,
               l.expires_at > clock_timestamp() + l.duration AS is_beyond,
               l.doubted_at IS NULL OR l.doubted_at > v_clock AS is_trusted
          FROM chancery.leases l
         WHERE l.keyring_id = p_keyring AND l.released_at IS NULL AND l.use_sequence >= p_use_floor
           AND (l.outcome = 'signed'
                OR l.expires_at > clock_timestamp() + l.duration
                OR (l.expires_at <= v_clock + l.duration / 2 AND (l.doubted_at IS NULL OR l.doubted_at > v_clock))
                OR (l.expires_at <= v_clock AND l.doubted_at <= v_clock - l.duration / 2))
         FOR UPDATE SKIP LOCKED
    LOOP
        IF v_lease.outcome = 'signed' THEN
            UPDATE chancery.leases l SET released_at = p_instant WHERE l.id = v_lease.id;
        ELSIF v_lease.is_beyond THEN
            UPDATE chancery.leases l SET expires_at = clock_timestamp() + l.duration, doubted_at = NULL
             WHERE l.id = v_lease.id;
        ELSIF v_lease.is_trusted THEN
            -- From now on, not from when the turn began: its holder has the whole other half.
            UPDATE chancery.leases l SET doubted_at = clock_timestamp() WHERE l.id = v_lease.id;
        ELSE
            UPDATE chancery.leases l
               SET released_at = p_instant, outcome = 'expired', returned = true, token_hash = NULL
             WHERE l.id = v_lease.id;
            v_expired := v_expired + 1;
            PERFORM chancery.batch_return(v_lease.run_id, v_lease.batch, v_lease.id);
        END IF;
    END LOOP;
    RETURN v_expired;
END
$$;

CREATE FUNCTION chancery.keyring_delete(p_namespace text, p_name text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_keyring integer;
    v_runs bigint;
BEGIN
    -- A run that is being created with this ring comes first, or makes a new one: see keyring_find_or_create.
    PERFORM chancery.keyring_name_turn(p_namespace, p_name);
    SELECT k.id INTO v_keyring FROM chancery.keyrings k WHERE k.namespace = p_namespace AND k.name = p_name;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT count(*) INTO v_runs FROM chancery.runs r WHERE r.keyring_id = v_keyring;
    IF v_runs = 0 THEN
        PERFORM chancery.keyring_turn(v_keyring);
        PERFORM chancery.keyring_remove(v_keyring);
    END IF;
    RETURN v_runs;
END
$$;

CREATE FUNCTION chancery.keyring_find_or_create(p_namespace text, p_name text, p_uid uuid, p_data_key_fingerprint text, p_data_key bytea, p_kek_fingerprint text, p_algorithm chancery.algorithm, p_key_size integer, p_key_count integer, p_default_algorithm chancery.algorithm, p_default_key_size integer, p_envelope chancery.envelope, p_content_type text, p_object chancery.object, p_adopt uuid, OUT keyring integer, OUT made boolean) RETURNS record
    LANGUAGE plpgsql
    AS $$
DECLARE
    v_ring chancery.keyrings%ROWTYPE;
BEGIN
    made := false;
    IF p_name IS NOT NULL THEN
        PERFORM chancery.keyring_name_turn(p_namespace, p_name);
        SELECT * INTO v_ring FROM chancery.keyrings k WHERE k.namespace = p_namespace AND k.name = p_name;
        IF FOUND THEN
            PERFORM chancery.keyring_own(v_ring.id, p_object, p_adopt);
            IF coalesce(p_algorithm <> v_ring.algorithm, false)
               OR coalesce(p_key_size IS DISTINCT FROM v_ring.key_size AND p_key_size IS NOT NULL, false)
               OR coalesce(p_key_count <> v_ring.key_count, false)
               OR coalesce(p_envelope <> v_ring.envelope, false)
               OR (p_content_type IS NOT NULL AND p_content_type IS DISTINCT FROM v_ring.content_type) THEN
                RAISE EXCEPTION '%', concat_ws(', ',
                    'algorithm ' || v_ring.algorithm, 'keySize ' || v_ring.key_size, 'keyCount ' || v_ring.key_count,
                    'envelope ' || v_ring.envelope, 'contentType ' || v_ring.content_type)
                    USING ERRCODE = 'CH003';
            END IF;
            keyring := v_ring.id;
            RETURN;
        END IF;
    END IF;
    IF p_key_count IS NULL THEN
        RAISE EXCEPTION 'there is no keyring %/%', p_namespace, p_name USING ERRCODE = 'CH004';
    END IF;
    INSERT INTO chancery.keyrings (uid, namespace, name, algorithm, key_size, key_count, envelope, content_type, data_key_fingerprint,
                                   namespace_uid, object_uid)
    VALUES (p_uid, p_namespace, p_name, coalesce(p_algorithm, p_default_algorithm),
            coalesce(p_key_size, p_default_key_size), p_key_count, coalesce(p_envelope, 'Raw'), p_content_type, p_data_key_fingerprint,
            p_object.namespace_uid, p_object.object_uid)
    RETURNING id INTO keyring;
    INSERT INTO chancery.data_keys (keyring_id, wrapped, kek_fingerprint)
    VALUES (keyring, p_data_key, p_kek_fingerprint);
    made := true;
END
$$;

CREATE FUNCTION chancery.keyring_forget(p_keyring integer, p_most bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_begins bigint;
    v_keep bigint;
    v_needed bigint;
    v_forgotten bigint;
BEGIN
    PERFORM chancery.keyring_turn(p_keyring);
    SELECT k.forgotten_use + 1 INTO v_begins FROM chancery.keyrings k WHERE k.id = p_keyring;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    v_keep := least(
        v_begins + p_most,
        (SELECT coalesce(min(k.last_use), 0) FROM chancery.keys k WHERE k.keyring_id = p_keyring),
        (SELECT min(l.use_sequence) FROM chancery.leases l
          WHERE l.keyring_id = p_keyring AND l.released_at IS NULL));
    SELECT l.use_sequence INTO v_needed FROM chancery.leases l
     WHERE l.keyring_id = p_keyring AND l.use_sequence >= v_begins AND l.use_sequence < v_keep
       AND EXISTS (SELECT FROM chancery.runs r WHERE r.id = l.run_id)
     ORDER BY l.use_sequence LIMIT 1;
    v_keep := least(v_keep, v_needed);
    IF v_keep <= v_begins THEN
        RETURN 0;
    END IF;
    DELETE FROM chancery.leases l
     WHERE l.keyring_id = p_keyring AND l.use_sequence >= v_begins AND l.use_sequence < v_keep;
    GET DIAGNOSTICS v_forgotten = ROW_COUNT;
    UPDATE chancery.keyrings k SET forgotten_use = v_keep - 1 WHERE k.id = p_keyring;
    DELETE FROM chancery.deleted_runs d WHERE d.keyring_id = p_keyring AND d.last_use < v_keep;
    RETURN v_forgotten;
END
$$;

CREATE FUNCTION chancery.keyring_name_turn(p_namespace text, p_name text) RETURNS void
    LANGUAGE sql
    AS $$
    SELECT pg_advisory_xact_lock(hashtextextended('chancery.keyring ' || p_namespace || '/' || p_name, 0))
$$;

CREATE FUNCTION chancery.keyring_own(p_keyring integer, p_object chancery.object, p_adopt uuid) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    v_ring chancery.keyrings%ROWTYPE;
BEGIN
    SELECT * INTO STRICT v_ring FROM chancery.keyrings k WHERE k.id = p_keyring;
    IF v_ring.namespace_uid = p_object.namespace_uid THEN
        RETURN;
    ELSIF v_ring.namespace_uid IS NULL AND p_object.namespace_made IS NULL THEN
        RETURN;
    ELSIF v_ring.namespace_uid IS NULL AND p_object.namespace_made <= v_ring.created_at THEN
        UPDATE chancery.keyrings k SET namespace_uid = p_object.namespace_uid WHERE k.id = p_keyring;
    ELSIF v_ring.object_uid = p_adopt THEN
        UPDATE chancery.keyrings k
           SET namespace_uid = p_object.namespace_uid, object_uid = p_object.object_uid,
               adopted_from = v_ring.object_uid, adopted_at = clock_timestamp()
         WHERE k.id = p_keyring;
    ELSE
        RAISE EXCEPTION '%', to_char(v_ring.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"')
            USING ERRCODE = 'CH020';
    END IF;
END
$$;

CREATE FUNCTION chancery.keyring_remove(p_keyring integer) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    DELETE FROM chancery.leases l WHERE l.keyring_id = p_keyring;
    DELETE FROM chancery.deleted_runs d WHERE d.keyring_id = p_keyring;
    DELETE FROM chancery.keys k WHERE k.keyring_id = p_keyring;
    DELETE FROM chancery.keyrings k WHERE k.id = p_keyring;
END
$$;

CREATE FUNCTION chancery.keyring_show(p_namespace text, p_name text) RETURNS TABLE(keyring_id integer, keyring_uid uuid, algorithm text, key_size integer, key_count integer, provider text, envelope text, content_type text, filled boolean)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RETURN QUERY
    SELECT k.id, k.uid, k.algorithm::text, k.key_size, k.key_count, k.provider::text, k.envelope::text, k.content_type, k.filled_at IS NOT NULL
      FROM chancery.keyrings k WHERE k.namespace = p_namespace AND k.name = p_name;
END
$$;

CREATE FUNCTION chancery.keyring_turn(p_keyring integer, OUT instant timestamp with time zone, OUT last_use bigint, OUT use_floor bigint) RETURNS record
    LANGUAGE plpgsql
    AS $$
DECLARE
    v_earliest timestamptz;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'leasing needs READ COMMITTED, the transaction is %',
            upper(current_setting('transaction_isolation')) USING ERRCODE = 'invalid_transaction_state';
    END IF;
    -- The first number is the namespace of Chancery's locks of keyrings.
    PERFORM pg_advisory_xact_lock(1128814158, p_keyring);
    SELECT l.use_sequence, l.use_floor, greatest(
               l.acquired_at + interval '1 microsecond',
               (SELECT r.released_at FROM chancery.leases r
                 WHERE r.keyring_id = p_keyring AND r.released_at IS NOT NULL
                 ORDER BY r.released_at DESC LIMIT 1))
      INTO last_use, use_floor, v_earliest
      FROM chancery.leases l
     WHERE l.keyring_id = p_keyring ORDER BY l.use_sequence DESC LIMIT 1;
    last_use := coalesce(last_use, 0);
    use_floor := coalesce(use_floor, 0);
    instant := greatest(clock_timestamp(), v_earliest);
END
$$;

CREATE FUNCTION chancery.keys_missing(p_run integer, p_run_uid uuid, p_after integer, p_most integer, OUT answer text, OUT numbers integer[]) RETURNS record
    LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET enable_sort TO 'off'
    AS $$
DECLARE
    v_run chancery.runs%ROWTYPE;
    v_ring chancery.keyrings%ROWTYPE;
BEGIN
    IF p_after < 0 OR p_most < 1 OR p_most > 256 THEN
        RAISE EXCEPTION 'keys_missing tells at least 1 and at most 256 numbers, after one from 0 on'
            USING ERRCODE = 'check_violation';
    END IF;
    IF chancery.run_of_session() IS DISTINCT FROM p_run THEN
        answer := 'unknown';
        RETURN;
    END IF;
    SELECT * INTO v_run FROM chancery.runs r WHERE r.id = p_run AND r.uid = p_run_uid;
    answer := chancery.run_refusal(v_run);
    IF answer IS NOT NULL THEN
        RETURN;
    END IF;
    SELECT * INTO STRICT v_ring FROM chancery.keyrings k WHERE k.id = v_run.keyring_id;
    IF v_ring.filled_at IS NOT NULL THEN
        answer := 'filled';
        RETURN;
    END IF;
    numbers := chancery.key_numbers_missing(v_ring.id, v_ring.key_count, p_after, p_most);
    answer := 'missing';
END
$$;

CREATE FUNCTION chancery.lease_abandon(p_lease bigint, p_token bytea) RETURNS boolean
    LANGUAGE sql STRICT SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET enable_sort TO 'off'
    AS $$
    SELECT CASE
        WHEN EXISTS (SELECT FROM chancery.leases l WHERE l.id = p_lease AND l.token_hash = sha256(p_token)
                        AND (l.run_id = chancery.run_of_session()) IS TRUE)
        THEN chancery.lease_give_back(p_lease)
        ELSE false
    END
$$;

CREATE FUNCTION chancery.lease_acquire(p_run integer, p_run_uid uuid, p_holder text, p_token_hash bytea, p_use_floor bigint, p_batch_floor bigint, OUT answer text, OUT lease_id bigint, OUT key_id uuid, OUT wrapped_key_hash bytea, OUT batch bigint, OUT first_record bigint, OUT last_record bigint, OUT payload_bytes bigint, OUT use_sequence bigint, OUT lease_seconds double precision, OUT expired integer, OUT use_floor bigint, OUT batch_floor bigint) RETURNS record
    LANGUAGE plpgsql STRICT SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE
    v_run chancery.runs%ROWTYPE;
    v_turn record;
    v_batch record;
BEGIN
    use_floor := p_use_floor;
    batch_floor := p_batch_floor;
    expired := 0;
    -- Before anything else waits for them, or is kept for them.
    IF octet_length(p_holder) > 1024 OR octet_length(p_token_hash) <> 32 THEN
        RAISE EXCEPTION 'a holder has at most 1024 bytes, and the hash of a token 32' USING ERRCODE = 'check_violation';
    END IF;
    -- What run_of_session says, asked for with the run: by session_user, the login itself.
    SELECT * INTO v_run FROM chancery.runs r WHERE r.id = p_run AND r.uid = p_run_uid
       AND r.id = (SELECT g.run_id FROM chancery.logins g WHERE g.name = session_user AND g.work = 'Sign');
    answer := chancery.run_refusal(v_run);
    IF answer IS NOT NULL THEN
        RETURN;
    END IF;

    v_turn := chancery.keyring_turn(v_run.keyring_id);
    -- Again, because waiting for the turn may have taken long. From here on until we commit nobody removes the run.
    SELECT * INTO v_run FROM chancery.runs r WHERE r.id = p_run AND r.uid = p_run_uid;
    answer := chancery.run_refusal(v_run);
    IF answer IS NOT NULL THEN
        RETURN;
    END IF;
    p_use_floor := least(p_use_floor, v_turn.use_floor);
    expired := chancery.keyring_collect(v_run.keyring_id, v_turn.instant, p_use_floor);

    -- A key is free when its newest lease is over. Read under the turn: nobody leases or returns a
    -- key of this ring until we commit.
    --
    -- A key that was not leased since it joined bears the use sequence of another key's lease: the newest
    -- one of the ring by then. So the lease has to be the key's own.
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
     WHERE k.keyring_id = v_run.keyring_id AND k.state = 'active' AND k.last_use >= p_use_floor
       AND (SELECT l.released_at IS NULL FROM chancery.leases l
             WHERE l.keyring_id = v_run.keyring_id AND l.use_sequence = k.last_use
               AND l.key_id = k.id) IS NOT TRUE
     ORDER BY k.last_use, k.number LIMIT 1;
    IF NOT FOUND THEN
        use_floor := p_use_floor;
        answer := 'no_key';
        RETURN;
    END IF;

    EXECUTE format('SELECT * FROM chancery.%I($1)', 'batch_claim_' || p_run) INTO STRICT v_batch USING p_batch_floor;
    IF v_batch.batch IS NULL THEN
        key_id := NULL;
        -- The run was read before its batches: one that was sealed by then had them all.
        IF v_batch.pending OR v_run.sealed_at IS NULL THEN
            answer := 'no_batch';
        ELSIF NOT EXISTS (SELECT FROM chancery.runs r WHERE r.id = p_run AND r.deleted_at IS NULL) THEN
            -- Its batches are gone because the run is being deleted, not because they are signed.
            answer := 'deleted';
        ELSIF EXISTS (SELECT FROM chancery.keyrings k WHERE k.id = v_run.keyring_id AND k.filled_at IS NULL) THEN
            answer := 'keys_missing';
        ELSE
            answer := 'complete';
            UPDATE chancery.runs r SET completed_at = v_turn.instant
             WHERE r.id = p_run AND r.completed_at IS NULL AND NOT chancery.run_undelivered(p_run);
            IF FOUND THEN
                PERFORM chancery.event_completed(p_run);
            END IF;
        END IF;
        RETURN;
    END IF;

    lease_id := v_batch.lease_id;
    batch := v_batch.batch;
    first_record := v_batch.first_record;
    last_record := v_batch.last_record;
    payload_bytes := v_batch.payload_bytes;
    use_sequence := v_turn.last_use + 1;
    INSERT INTO chancery.leases (id, run_id, batch, keyring_id, key_id, holder, token_hash, use_sequence,
                                 acquired_at, expires_at, duration, use_floor)
    OVERRIDING SYSTEM VALUE
    VALUES (lease_id, p_run, batch, v_run.keyring_id, key_id, p_holder, p_token_hash, use_sequence,
            v_turn.instant, clock_timestamp() + v_run.lease_duration, v_run.lease_duration, use_floor);
    UPDATE chancery.keys k SET last_use = lease_acquire.use_sequence WHERE k.id = lease_acquire.key_id
    RETURNING (SELECT sha256(m.wrapped_key) FROM chancery.key_material m WHERE m.key_id = k.id) INTO wrapped_key_hash;

    lease_seconds := extract(epoch FROM v_run.lease_duration);
    answer := 'leased';
    batch_floor := greatest(p_batch_floor, batch + 1);
    PERFORM set_config('synchronous_commit', 'off', true);
END
$_$;

CREATE FUNCTION chancery.lease_give_back(p_lease bigint) RETURNS boolean
    LANGUAGE plpgsql
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
    UPDATE chancery.leases l SET outcome = 'abandoned', returned = true, released_at = v_instant, token_hash = NULL
     WHERE l.id = p_lease;
    PERFORM chancery.batch_return(v_lease.run_id, v_lease.batch, p_lease);
    RETURN true;
END
$$;

CREATE FUNCTION chancery.lease_is_sound(use_sequence bigint, acquired_at timestamp with time zone, duration interval, holder text, token_hash bytea, signed_at timestamp with time zone, released_at timestamp with time zone, outcome chancery.lease_outcome, returned boolean) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE
    AS $$
BEGIN
    RETURN use_sequence >= 1
       AND duration > interval '0'
       AND acquired_at < released_at
       -- A pod's name and uid fit in three times.
       AND octet_length(holder) <= 1024
       AND octet_length(token_hash) = 32
       AND (outcome IS NULL OR token_hash IS NULL)
       AND coalesce(outcome = 'signed', false) = (signed_at IS NOT NULL)
       AND (released_at IS NULL OR outcome IS NOT NULL)
       AND returned = coalesce(outcome IN ('expired', 'abandoned'), false)
       AND returned <= (released_at IS NOT NULL);
END
$$;

CREATE FUNCTION chancery.lease_key(p_lease bigint, p_token bytea, OUT wrapped_key bytea, OUT public_key bytea) RETURNS record
    LANGUAGE plpgsql STRICT SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_key uuid;
BEGIN
    IF pg_current_xact_id_if_assigned() IS NOT NULL THEN
        RAISE EXCEPTION 'lease_key needs a transaction of its own: this one has written'
            USING ERRCODE = 'invalid_transaction_state';
    END IF;
    SELECT l.key_id INTO v_key FROM chancery.leases l
     WHERE l.id = p_lease AND l.token_hash = sha256(p_token) AND (l.outcome IS NULL) IS TRUE
       AND (l.run_id = chancery.run_of_session()) IS TRUE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT m.wrapped_key, m.public_key INTO wrapped_key, public_key
      FROM chancery.key_material m WHERE m.key_id = v_key;
    wrapped_key := coalesce(wrapped_key, ''::bytea);
    public_key := coalesce(public_key, ''::bytea);
END
$$;

CREATE FUNCTION chancery.lease_renew(p_lease bigint, p_token bytea) RETURNS double precision
    LANGUAGE sql STRICT SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET enable_sort TO 'off'
    AS $$
    UPDATE chancery.leases l
       SET duration = greatest(l.duration, r.lease_duration), doubted_at = NULL,
           expires_at = clock_timestamp() + greatest(l.duration, r.lease_duration)
      FROM chancery.runs r
     WHERE l.id = p_lease AND l.token_hash = sha256(p_token) AND (l.outcome IS NULL) IS TRUE
       AND (l.run_id = chancery.run_of_session()) IS TRUE
       AND r.id = l.run_id AND r.deleted_at IS NULL
    RETURNING extract(epoch FROM r.lease_duration)::double precision
$$;

CREATE FUNCTION chancery.leases_durable(p_run_uid uuid) RETURNS boolean
    LANGUAGE plpgsql STRICT SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM chancery.runs r WHERE r.id = chancery.run_of_session() AND (r.uid = p_run_uid) IS TRUE) THEN
        RETURN false;
    END IF;
    PERFORM pg_logical_emit_message(true, 'chancery', '');
    RETURN true;
END
$$;

CREATE FUNCTION chancery.ledger_version() RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT max(version) FROM chancery.schema_migrations
$$;

CREATE FUNCTION chancery.letter_act(p_run integer, p_act integer, p_kind chancery.letter_act, p_into text, p_actor text, p_selection text, p_letters bigint) RETURNS integer
    LANGUAGE plpgsql
    AS $$
DECLARE
    v_act integer;
BEGIN
    IF p_act > 0 THEN
        UPDATE chancery.letter_acts a SET letters = a.letters + p_letters
         WHERE a.run_id = p_run AND a.act = p_act AND a.kind = p_kind AND a.into_name IS NOT DISTINCT FROM p_into
           AND a.actor = p_actor AND a.selection = p_selection AND a.login = session_user
        RETURNING a.act INTO v_act;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'act % of the run is not one that goes on', p_act USING ERRCODE = 'invalid_parameter_value';
        END IF;
        RETURN v_act;
    END IF;
    INSERT INTO chancery.letter_acts (run_id, act, kind, into_name, letters, selection, actor)
    SELECT p_run, coalesce(max(a.act), 0) + 1, p_kind, p_into, p_letters, p_selection, p_actor
      FROM chancery.letter_acts a WHERE a.run_id = p_run
    RETURNING letter_acts.act INTO v_act;
    RETURN v_act;
END
$$;

CREATE FUNCTION chancery.letter_history(p_run integer, p_run_uid uuid, p_source integer, p_split integer, p_position bigint) RETURNS TABLE(attempt integer, act integer, kind text, became text, into_name text, stage text, rule text, reason text, actor text, login text, acted_at text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RETURN QUERY
    SELECT m.attempt, a.act, a.kind::text, coalesce(m.became::text, 'Pending'), a.into_name, m.stage, m.rule, m.reason, a.actor, a.login,
           to_char(a.acted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
      FROM chancery.letter_moves m
      JOIN chancery.letter_acts a ON a.run_id = m.run_id AND a.act = m.act
      JOIN chancery.runs r ON r.id = m.run_id AND r.uid = p_run_uid AND r.deleted_at IS NULL
     WHERE m.run_id = p_run AND m.source = p_source AND m.split = p_split AND m.position = p_position
     ORDER BY m.attempt;
END
$$;

CREATE FUNCTION chancery.letter_is_whole(p_stage text, p_raw bytea) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT CASE WHEN p_stage = 'Policy' THEN p_raw IS NOT NULL
                ELSE (p_stage IN ('Parse', 'Identity') AND octet_length(p_raw) < 1048576) IS TRUE END
$$;

CREATE FUNCTION chancery.letters_after(p_run integer, p_run_uid uuid, p_source integer, p_split integer, p_position bigint, p_most bigint, p_open boolean, p_raw boolean) RETURNS TABLE(number integer, source text, pushed boolean, split integer, "position" bigint, stage text, rule text, reason text, raw bytea, bytes bigint, is_whole boolean, swept_at text, arrived_at text, arrived_micros bigint, attempts bigint, ended text, into_name text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_custom_plan'
    AS $_$
BEGIN
    IF NOT EXISTS (SELECT FROM chancery.runs r JOIN chancery.intakes i ON i.run_id = r.id
                    WHERE r.id = p_run AND r.uid = p_run_uid AND r.deleted_at IS NULL) THEN
        RETURN;
    END IF;
    RETURN QUERY EXECUTE format(
        'SELECT a.source, s.name, s.description ? ''http'', a.split, a.position, a.stage, a.rule, a.reason,
                CASE WHEN $7 THEN a.raw END, octet_length(a.raw)::bigint, chancery.letter_is_whole(a.stage, a.raw),
                to_char(a.swept_at AT TIME ZONE ''UTC'', ''YYYY-MM-DD"T"HH24:MI:SS.US"Z"''),
                to_char(a.arrived_at AT TIME ZONE ''UTC'', ''YYYY-MM-DD"T"HH24:MI:SS.US"Z"''),
                floor(extract(epoch FROM a.arrived_at) * 1000000)::bigint,
                c.attempts, c.ended, c.into_name
           FROM (SELECT n.*, sum(n.bytes) OVER (ORDER BY n.source, n.split, n.position) - n.bytes AS before
                   FROM (SELECT d.source, d.split, d.position, CASE WHEN $7 THEN coalesce(octet_length(d.raw), 0) ELSE 0 END AS bytes, m.attempts, m.ended, m.into_name
                           FROM chancery.%1$I d
                          CROSS JOIN LATERAL (
                                SELECT count(*) AS attempts, max(k.became::text) FILTER (WHERE k.became <> ''Dead'') AS ended,
                                       max(t.into_name) FILTER (WHERE k.became <> ''Dead'') AS into_name
                                  FROM chancery.letter_moves k JOIN chancery.letter_acts t ON t.run_id = k.run_id AND t.act = k.act
                                 WHERE k.run_id = $1 AND k.source = d.source AND k.split = d.split AND k.position = d.position) m
                          WHERE d.state = ''Dead'' AND (d.source, d.split, d.position) > ($2, $3, $4) AND (NOT $6 OR m.ended IS NULL)
                          ORDER BY d.source, d.split, d.position LIMIT $5) n) c
           JOIN chancery.%1$I a ON a.source = c.source AND a.split = c.split AND a.position = c.position
           JOIN chancery.sources s ON s.run_id = $1 AND s.source = a.source
          WHERE c.before < 2097152
          ORDER BY a.source, a.split, a.position', 'arrivals_' || p_run)
      USING p_run, p_source, p_split, p_position, p_most, p_open, p_raw;
END
$_$;

CREATE FUNCTION chancery.letters_end(p_run integer, p_run_uid uuid, p_act integer, p_kind text, p_into text, p_actor text, p_selection text, p_sources integer[], p_splits integer[], p_positions bigint[], OUT answer text, OUT act integer) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE
    v_letters bigint := cardinality(p_positions);
    v_noted bigint;
BEGIN
    IF num_nulls(p_run, p_run_uid, p_act, p_kind, p_actor, p_selection, p_sources, p_splits, p_positions) > 0
       OR v_letters = 0 OR cardinality(p_sources) <> v_letters OR cardinality(p_splits) <> v_letters
       OR (p_into IS NULL) <> (p_kind = 'Discard') THEN
        RAISE EXCEPTION 'letters_end takes the place of each letter, and another run unless they are discarded'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- Before anything is locked, as in records_push: neither a name nor a turn is kept by whoever cannot end a letter here.
    answer := chancery.letters_end_refusal(p_run, p_run_uid, p_into);
    IF answer IS NOT NULL THEN
        RETURN;
    END IF;
    -- Before the turn, and as run_create takes it: whoever makes a run of that name now has made it before the look, or finds what was noted.
    IF p_into IS NOT NULL THEN
        PERFORM pg_advisory_xact_lock(hashtextextended('chancery.run ' || r.namespace || '/' || p_into, 0))
           FROM chancery.runs r WHERE r.id = p_run AND r.uid = p_run_uid;
    END IF;
    PERFORM chancery.run_turn(p_run);
    -- Before any look at what is there: whoever sweeps takes this row first as well.
    PERFORM FROM chancery.intakes i WHERE i.run_id = p_run FOR UPDATE;
    answer := chancery.letters_end_refusal(p_run, p_run_uid, p_into);
    IF answer IS NOT NULL THEN
        RETURN;
    END IF;
    BEGIN
        act := chancery.letter_act(p_run, p_act, p_kind::chancery.letter_act, p_into, p_actor, p_selection, v_letters);
        EXECUTE format(
            'INSERT INTO chancery.letter_moves (run_id, source, split, position, attempt, act, became, stage, rule, reason)
             SELECT $1, a.source, a.split, a.position, 1 + m.attempts, $2, $3, a.stage, a.rule, a.reason
               FROM unnest($4, $5, $6) AS l (source, split, position)
               JOIN chancery.%I a ON a.source = l.source AND a.split = l.split AND a.position = l.position AND a.state = ''Dead''
              CROSS JOIN LATERAL (SELECT count(*) AS attempts, coalesce(bool_or(k.became <> ''Dead''), false) AS ended
                                    FROM chancery.letter_moves k
                                   WHERE k.run_id = $1 AND k.source = l.source AND k.split = l.split AND k.position = l.position) m
              WHERE NOT m.ended AND ($3 = ''Discarded'' OR chancery.letter_is_whole(a.stage, a.raw))', 'arrivals_' || p_run)
          USING p_run, act, CASE p_kind WHEN 'Discard' THEN 'Discarded' ELSE 'Moved' END::chancery.letter_end,
                p_sources, p_splits, p_positions;
        GET DIAGNOSTICS v_noted = ROW_COUNT;
        IF v_noted <> v_letters THEN
            RAISE EXCEPTION 'one of the letters has an end' USING ERRCODE = 'CH022';
        END IF;
    EXCEPTION WHEN SQLSTATE 'CH022' THEN
        answer := 'lost';
        act := NULL;
        RETURN;
    END;
    IF p_kind = 'Discard' THEN
        EXECUTE format(
            'UPDATE chancery.%I a SET raw = NULL, swept_at = clock_timestamp()
               FROM unnest($1, $2, $3) AS l (source, split, position)
              WHERE a.source = l.source AND a.split = l.split AND a.position = l.position AND a.raw IS NOT NULL', 'arrivals_' || p_run)
          USING p_sources, p_splits, p_positions;
    END IF;
    answer := 'done';
END
$_$;

CREATE FUNCTION chancery.letters_end_refusal(p_run integer, p_run_uid uuid, p_into text) RETURNS text
    LANGUAGE plpgsql STABLE
    AS $$
DECLARE
    v_run chancery.runs%ROWTYPE;
BEGIN
    SELECT * INTO v_run FROM chancery.runs r WHERE r.id = p_run AND r.uid = p_run_uid;
    RETURN CASE
        WHEN v_run.id IS NULL OR NOT EXISTS (SELECT FROM chancery.intakes i WHERE i.run_id = p_run) THEN 'unknown'
        WHEN v_run.deleted_at IS NOT NULL THEN 'deleted'
        WHEN p_into IS NOT NULL AND v_run.sealed_at IS NULL THEN 'unsealed'
        WHEN EXISTS (SELECT FROM chancery.runs o WHERE o.namespace = v_run.namespace AND o.name = p_into) THEN 'taken'
    END;
END
$$;

CREATE FUNCTION chancery.letters_log(p_run integer, p_run_uid uuid) RETURNS TABLE(act integer, kind text, into_name text, letters bigint, selection text, actor text, login text, acted_at text, admitted bigint, duplicates bigint, rejected bigint, dead bigint, pending bigint)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RETURN QUERY
    SELECT a.act, a.kind::text, a.into_name, a.letters, a.selection, a.actor, a.login,
           to_char(a.acted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
           m.admitted, m.duplicates, m.rejected, m.dead, m.pending
      FROM chancery.letter_acts a
      JOIN chancery.runs r ON r.id = a.run_id AND r.uid = p_run_uid AND r.deleted_at IS NULL
     CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE k.became = 'Admitted') AS admitted,
                                count(*) FILTER (WHERE k.became = 'Duplicate') AS duplicates,
                                count(*) FILTER (WHERE k.became = 'Rejected') AS rejected,
                                count(*) FILTER (WHERE k.became = 'Dead') AS dead,
                                -- What others are asked about.
                                count(*) FILTER (WHERE k.became IS NULL) AS pending
                           FROM chancery.letter_moves k WHERE k.run_id = a.run_id AND k.act = a.act) m
     WHERE a.run_id = p_run
     ORDER BY a.act;
END
$$;

CREATE FUNCTION chancery.letters_redrive(p_run integer, p_run_uid uuid, p_act integer, p_actor text, p_selection text, p_source integer, p_split integer, p_payloads bytea[], p_positions bigint[], p_identities bytea[], p_refused bigint[], p_stages text[], p_reasons text[], p_judged chancery.judgement, OUT answer text, OUT act integer, OUT admitted bigint, OUT duplicates bigint, OUT dead bigint, OUT rejected bigint, OUT pending bigint) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE
    v_run chancery.runs%ROWTYPE;
    v_intake chancery.intakes%ROWTYPE;
    v_digests bytea[];
    v_identities bytea[];
    v_judged chancery.judgement := p_judged;
    v_waiting bigint[] := coalesce(p_judged.pending, '{}');
    v_all bigint[] := p_positions || p_refused || coalesce(p_judged.pending, '{}');
    v_taken bigint := cardinality(p_positions) + cardinality(p_refused) + coalesce(cardinality(p_judged.pending), 0);
    v_base bigint;
    v_room bigint;
    v_bytes bigint;
    v_count bigint;
    v_raws bytea[];
    v_arrived timestamptz[];
    v_marks record;
BEGIN
    -- Of nothing, a comparison is no refusal.
    IF num_nulls(p_run, p_run_uid, p_act, p_actor, p_selection, p_source, p_split, p_payloads, p_positions, p_identities, p_refused,
                 p_stages, p_reasons) > 0 OR v_taken = 0 THEN
        RAISE EXCEPTION 'letters_redrive takes no null, and one letter at the least' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    PERFORM chancery.admit_check(0, 9223372036854775807, p_payloads, p_positions, p_identities, p_refused, p_stages, p_reasons,
                                 array_fill(''::bytea, ARRAY[cardinality(p_refused)]));
    -- Before anything waits, is locked or hashed for it, as in records_push; and again behind the turn, which may have taken long.
    SELECT * INTO v_run FROM chancery.runs r WHERE r.id = p_run AND r.uid = p_run_uid;
    -- To take them up is what such a run needs.
    v_run.too_many_dead := false;
    answer := coalesce(
        chancery.intake_refusal(v_run),
        CASE WHEN NOT EXISTS (SELECT FROM chancery.intakes i WHERE i.run_id = p_run) THEN 'unknown' END);
    IF answer IS NOT NULL THEN
        RETURN;
    END IF;
    -- Before the turn, as in admit.
    SELECT d.digests, d.identities INTO v_digests, v_identities
      FROM chancery.admit_digests(p_run, p_payloads, p_identities, p_judged.originals) d;
    PERFORM chancery.run_turn(p_run);
    SELECT * INTO v_run FROM chancery.runs r WHERE r.id = p_run AND r.uid = p_run_uid;
    v_run.too_many_dead := false;
    answer := chancery.intake_refusal(v_run);
    IF answer IS NOT NULL THEN
        RETURN;
    END IF;
    PERFORM chancery.admit_check_judged(v_run.policy_hash, p_positions, p_refused, p_stages, p_judged);
    -- Before any look at what is there: whoever sweeps takes this row first as well.
    SELECT * INTO v_intake FROM chancery.intakes i WHERE i.run_id = p_run FOR UPDATE;
    IF NOT FOUND THEN
        answer := 'unknown';
        RETURN;
    END IF;
    PERFORM chancery.admit_check_pending(v_intake.idempotency, 0, 9223372036854775807, p_positions, p_refused, p_judged);
    IF v_intake.held IS NOT NULL THEN
        answer := 'held';
        RETURN;
    END IF;
    SELECT a.records INTO STRICT v_base FROM chancery.admissions a WHERE a.run_id = p_run;
    v_room := coalesce(v_intake.record_limit, 9223372036854775807) - v_base - v_intake.pending;
    pending := cardinality(v_waiting);
    IF cardinality(p_positions) + pending > v_room THEN
        answer := 'full';
        RETURN;
    END IF;
    -- Whoever admits is not believed: what is signed is what was kept, or was made of it by the policy.
    EXECUTE format(
        'SELECT count(*) FROM unnest($1, $2) WITH ORDINALITY AS l (position, payload, n)
           JOIN chancery.%I a ON a.source = $3 AND a.split = $4 AND a.position = l.position AND a.state = ''Dead''
          WHERE chancery.letter_is_whole(a.stage, a.raw)
            AND (l.payload IS NULL OR a.raw = coalesce($5[l.n], l.payload))
            AND NOT EXISTS (SELECT FROM chancery.letter_moves m
                             WHERE m.run_id = $6 AND m.source = $3 AND m.split = $4 AND m.position = l.position AND m.became <> ''Dead'')',
        'arrivals_' || p_run)
       INTO v_count
      USING v_all, p_payloads || array_fill(NULL::bytea, ARRAY[cardinality(p_refused)]) || coalesce(p_judged.payloads, '{}'),
            p_source, p_split, p_judged.originals, p_run;
    IF v_count <> v_taken THEN
        answer := 'lost';
        RETURN;
    END IF;

    act := chancery.letter_act(p_run, p_act, 'Redrive', NULL, p_actor, p_selection, v_taken);
    EXECUTE format(
        'INSERT INTO chancery.letter_moves (run_id, source, split, position, attempt, act, stage, rule, reason, judged_at)
         SELECT $1, a.source, a.split, a.position,
                1 + (SELECT count(*) FROM chancery.letter_moves m
                      WHERE m.run_id = $1 AND m.source = a.source AND m.split = a.split AND m.position = a.position),
                $2, a.stage, a.rule, a.reason, ''epoch''::timestamptz + $3 * interval ''1 microsecond''
           FROM chancery.%I a WHERE a.source = $4 AND a.split = $5 AND a.position = ANY ($6)', 'arrivals_' || p_run)
      USING p_run, act, p_judged.instants[1], p_source, p_split, v_all;
    IF pending > 0 THEN
        EXECUTE format(
            'INSERT INTO chancery.%I (source, split, position, run_id, payload, name, arrived_at, not_before, letter)
             SELECT $1, $2, w.position, $3, a.raw, w.name, a.arrived_at, clock_timestamp(),
                    (SELECT m.attempt FROM chancery.letter_moves m
                      WHERE m.run_id = $3 AND m.source = $1 AND m.split = $2 AND m.position = w.position AND m.became IS NULL)
               FROM unnest($4, $5) AS w (position, name)
               JOIN chancery.%I a ON a.source = $1 AND a.split = $2 AND a.position = w.position', 'pendings_' || p_run, 'arrivals_' || p_run)
          USING p_source, p_split, p_run, v_waiting, p_judged.names;
    END IF;
    EXECUTE format(
        'WITH gone AS (DELETE FROM chancery.%I a WHERE a.source = $1 AND a.split = $2 AND a.position = ANY ($3)
                       RETURNING a.position, a.raw, a.arrived_at)
         SELECT array_agg(g.raw ORDER BY g.position), array_agg(g.arrived_at ORDER BY g.position) FROM gone g WHERE g.position = ANY ($4)',
        'arrivals_' || p_run)
       INTO v_raws, v_arrived USING p_source, p_split, v_all, p_refused;
    SELECT m.admitted, m.duplicates, m.bytes INTO admitted, duplicates, v_bytes
      FROM chancery.admit_payloads(p_run, v_run.keyring_id, v_digests, v_identities, v_base, v_room,
                                   p_source, p_split, p_payloads, p_positions, true) m;
    -- Since when they are kept does not change by it.
    WITH refused AS (
        INSERT INTO chancery.arrivals (source, split, position, run_id, state, digest, stage, rule, reason, raw, arrived_at)
        SELECT p_source, p_split, u.position, p_run, CASE WHEN u.stage IS NULL THEN 'Rejected' ELSE 'Dead' END::chancery.arrival_state,
               CASE WHEN u.stage IS NULL THEN sha256(u.raw) END, u.stage, u.rule, u.reason, u.raw, u.arrived_at
          FROM unnest(p_refused, p_stages, p_judged.rules, p_reasons, v_raws, v_arrived)
            AS u (position, stage, rule, reason, raw, arrived_at)
        RETURNING state)
    SELECT count(*) FILTER (WHERE r.state = 'Dead'), count(*) FILTER (WHERE r.state = 'Rejected') INTO dead, rejected FROM refused r;
    IF dead > 0 THEN
        PERFORM chancery.event_refused(p_run, p_source, p_split, 9223372036854775807, p_refused, p_stages, p_judged.rules, true);
    END IF;
    IF rejected > 0 THEN
        PERFORM chancery.event_refused(p_run, p_source, p_split, 9223372036854775807, p_refused, p_stages, p_judged.rules, false);
    END IF;
    IF v_run.policy_hash IS NOT NULL THEN
        -- Their instant is with them: those of others around them stay as they are.
        v_judged.starts := '{}';
        v_judged.instants := '{}';
    END IF;
    SELECT 0 AS flagged, 0 AS alerts INTO v_marks;
    IF v_run.policy_hash IS NOT NULL THEN
        SELECT m.flagged, m.alerts INTO v_marks
          FROM chancery.admit_marks(p_run, p_source, p_split, v_base, v_base + admitted, 9223372036854775807, p_positions, v_judged) m;
    END IF;
    EXECUTE format(
        'UPDATE chancery.letter_moves m
            SET became = coalesce((SELECT a.state::text FROM chancery.%I a
                                    WHERE a.source = m.source AND a.split = m.split AND a.position = m.position), ''Admitted'')::chancery.letter_end
          WHERE m.run_id = $1 AND m.source = $2 AND m.split = $3 AND m.position = ANY ($4) AND m.became IS NULL', 'arrivals_' || p_run)
      USING p_run, p_source, p_split, p_positions || p_refused;

    UPDATE chancery.splits t
       SET admitted = t.admitted + letters_redrive.admitted, duplicates = t.duplicates + letters_redrive.duplicates,
           dead = t.dead - v_taken + letters_redrive.dead, rejected = t.rejected + letters_redrive.rejected,
           pending = t.pending + letters_redrive.pending
     WHERE t.run_id = p_run AND t.source = p_source AND t.split = p_split;
    UPDATE chancery.intakes i
       SET admitted = i.admitted + letters_redrive.admitted, duplicates = i.duplicates + letters_redrive.duplicates,
           dead = i.dead - v_taken + letters_redrive.dead, rejected = i.rejected + letters_redrive.rejected,
           pending = i.pending + letters_redrive.pending,
           flagged = i.flagged + v_marks.flagged, alerts = i.alerts + v_marks.alerts, ignored = i.ignored + coalesce(p_judged.ignored, 0),
           payload_bytes = i.payload_bytes + v_bytes
     WHERE i.run_id = p_run;
    UPDATE chancery.runs r SET too_many_dead = false
     WHERE r.id = p_run AND r.too_many_dead AND v_intake.dead - v_taken + letters_redrive.dead <= v_intake.dead_limit;
    PERFORM chancery.batches_close(p_run, v_base + admitted);
    IF admitted = v_room AND v_intake.pending + pending = 0 THEN
        PERFORM chancery.pushes_end(p_run);
    END IF;
    answer := 'taken';
END
$_$;

CREATE FUNCTION chancery.login_bind(p_run integer, p_login name) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_work chancery.login_work := CASE substring(p_login::text FROM '^chancery_[0-9a-f]{12}_(.)') WHEN 'i' THEN 'Admit' WHEN 'd' THEN 'Deliver' ELSE 'Sign' END;
BEGIN
    -- One at a time: two grants on one table at once do not work.
    PERFORM FROM chancery.runs r WHERE r.id = p_run AND r.deleted_at IS NULL FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'run % is gone, or being deleted: it gets no login', p_run USING ERRCODE = 'CH006';
    END IF;
    INSERT INTO chancery.logins (name, run_id, work) VALUES (p_login, p_run, v_work);
    IF v_work <> 'Sign' THEN
        RETURN;
    END IF;
    EXECUTE format('GRANT SELECT ON chancery.%I TO %I', 'records_' || p_run, p_login);
END
$$;

CREATE FUNCTION chancery.login_unbind(p_login name) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_run integer;
    v_records regclass;
BEGIN
    DELETE FROM chancery.logins l WHERE l.name = p_login RETURNING l.run_id INTO v_run;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    v_records := to_regclass(format('chancery.%I', 'records_' || v_run));
    IF v_records IS NOT NULL AND EXISTS (SELECT FROM pg_roles r WHERE r.rolname = p_login) THEN
        PERFORM FROM chancery.runs r WHERE r.id = v_run FOR NO KEY UPDATE;
        EXECUTE format('REVOKE ALL ON %s FROM %I', v_records, p_login);
    END IF;
END
$$;

CREATE FUNCTION chancery.manifest_batches(p_sink integer, p_token bytea, p_after bigint, p_most integer) RETURNS TABLE(batch bigint, first_record bigint, last_record bigint, state text, object text, digest bytea, last_error text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $_$
DECLARE
    v_run integer := chancery.delivery_of_session();
BEGIN
    IF NOT EXISTS (SELECT FROM chancery.manifests m WHERE m.run_id = v_run AND m.sink = p_sink AND m.token_hash = sha256(p_token)) THEN
        RETURN;
    END IF;
    RETURN QUERY EXECUTE format(
        'SELECT b.batch, b.first_record, b.last_record, d.state::text, d.object, d.digest, d.last_error
           FROM (SELECT c.batch, c.first_record, c.last_record FROM chancery.%I c WHERE c.batch > $2 ORDER BY c.batch LIMIT $3) b
           JOIN chancery.%I d ON d.batch = b.batch AND d.sink = $1 AND d.run_id = $4
          ORDER BY b.batch', 'batches_' || v_run, 'deliveries_' || v_run)
      USING p_sink, p_after, least(greatest(p_most, 1), 10000), v_run;
END
$_$;

CREATE FUNCTION chancery.manifest_fail(p_sink integer, p_token bytea, p_error text, p_seconds double precision) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_run integer := chancery.delivery_of_session();
    v_limit integer;
    v_is_given_up boolean;
BEGIN
    IF num_nulls(p_sink, p_token, p_error, p_seconds) > 0 THEN
        RAISE EXCEPTION 'a manifest that is refused needs an error and a pause' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- In the order of manifest_take.
    SELECT s.attempt_limit INTO v_limit FROM chancery.sinks s WHERE s.run_id = v_run AND s.sink = p_sink FOR NO KEY UPDATE;
    UPDATE chancery.manifests m
       SET attempts = m.attempts + 1, last_error = left(p_error, 1024), holder = NULL, token_hash = NULL,
           ended_at = CASE WHEN m.attempts + 1 >= v_limit THEN clock_timestamp() END,
           not_before = clock_timestamp() + make_interval(secs => least(greatest(p_seconds, 0), 3600)), put_off_at = clock_timestamp()
     WHERE m.run_id = v_run AND m.sink = p_sink AND m.token_hash = sha256(p_token)
    RETURNING m.ended_at IS NOT NULL INTO v_is_given_up;
    IF FOUND THEN
        UPDATE chancery.sinks s SET unavailable_since = NULL, failures = 0, not_before = NULL, tried_at = NULL, last_error = NULL
         WHERE s.run_id = v_run AND s.sink = p_sink AND s.unavailable_since IS NOT NULL;
    END IF;
    RETURN v_is_given_up;
END
$$;

CREATE FUNCTION chancery.manifest_give_back(p_sink integer, p_token bytea, p_error text, p_seconds double precision) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_run integer := chancery.delivery_of_session();
    v_now timestamptz;
BEGIN
    IF num_nulls(p_sink, p_token) > 0 OR (p_error IS NULL) <> (p_seconds IS NULL) THEN
        RAISE EXCEPTION 'a manifest that is given back is a sink''s, and an error comes with a pause' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- In the order of manifest_take.
    PERFORM FROM chancery.sinks s WHERE s.run_id = v_run AND s.sink = p_sink FOR NO KEY UPDATE;
    v_now := clock_timestamp();
    UPDATE chancery.manifests m SET holder = NULL, token_hash = NULL, not_before = v_now, put_off_at = v_now
     WHERE m.run_id = v_run AND m.sink = p_sink AND m.token_hash = sha256(p_token);
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF p_error IS NOT NULL THEN
        UPDATE chancery.sinks s
           SET unavailable_since = coalesce(s.unavailable_since, v_now), failures = s.failures + 1, last_error = left(p_error, 1024),
               not_before = v_now + make_interval(secs => least(greatest(p_seconds, 0), 3600)), tried_at = v_now
         WHERE s.run_id = v_run AND s.sink = p_sink;
    END IF;
    RETURN true;
END
$$;

CREATE FUNCTION chancery.manifest_head(p_sink integer, p_token bytea) RETURNS TABLE(records bigint, batches bigint, delivered bigint, dead bigint, public_keys bytea[], key_ids text[], bodies bytea[], signatures bytea[])
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_run integer := chancery.delivery_of_session();
BEGIN
    RETURN QUERY
    SELECT a.records, a.batches, s.delivered, s.dead,
           ARRAY(SELECT k.public_key FROM chancery.run_signing_keys(v_run) k ORDER BY k.number),
           ARRAY(SELECT t.key_id FROM chancery.statements t WHERE t.run_uid = r.uid AND m.stated ORDER BY t.number),
           ARRAY(SELECT t.body FROM chancery.statements t WHERE t.run_uid = r.uid AND m.stated ORDER BY t.number),
           ARRAY(SELECT t.signature FROM chancery.statements t WHERE t.run_uid = r.uid AND m.stated ORDER BY t.number)
      FROM chancery.manifests m
      JOIN chancery.sinks s ON s.run_id = m.run_id AND s.sink = m.sink
      JOIN chancery.runs r ON r.id = m.run_id
      JOIN chancery.admissions a ON a.run_id = m.run_id
     WHERE m.run_id = v_run AND m.sink = p_sink AND m.token_hash = sha256(p_token);
END
$$;

CREATE FUNCTION chancery.manifest_renew(p_sink integer, p_token bytea, p_seconds double precision) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_run integer := chancery.delivery_of_session();
BEGIN
    IF num_nulls(p_sink, p_token, p_seconds) > 0 THEN
        RAISE EXCEPTION 'manifest_renew takes no null' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    UPDATE chancery.manifests m
       SET not_before = clock_timestamp() + make_interval(secs => least(greatest(p_seconds, 1), 3600)), put_off_at = clock_timestamp()
     WHERE m.run_id = v_run AND m.sink = p_sink AND m.token_hash = sha256(p_token);
    RETURN FOUND;
END
$$;

CREATE FUNCTION chancery.manifest_settle(p_sink integer, p_token bytea, p_object text, p_digest bytea) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_run integer := chancery.delivery_of_session();
BEGIN
    IF num_nulls(p_sink, p_token, p_object, p_digest) > 0 THEN
        RAISE EXCEPTION 'a manifest that is settled needs an object and a digest' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- In the order of manifest_take.
    PERFORM FROM chancery.sinks s WHERE s.run_id = v_run AND s.sink = p_sink FOR NO KEY UPDATE;
    UPDATE chancery.manifests m
       SET object = p_object, digest = p_digest, ended_at = clock_timestamp(), holder = NULL, token_hash = NULL
     WHERE m.run_id = v_run AND m.sink = p_sink AND m.token_hash = sha256(p_token);
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE chancery.sinks s SET unavailable_since = NULL, failures = 0, not_before = NULL, tried_at = NULL, last_error = NULL
     WHERE s.run_id = v_run AND s.sink = p_sink AND s.unavailable_since IS NOT NULL;
    RETURN true;
END
$$;

CREATE FUNCTION chancery.manifest_take(p_run integer, p_sink integer, p_holder text, p_token_hash bytea, p_seconds double precision, OUT task text, OUT number integer, OUT attempts integer, OUT seconds double precision) RETURNS record
    LANGUAGE plpgsql
    AS $$
DECLARE
    v_now timestamptz;
    v_manifest chancery.manifests%ROWTYPE;
BEGIN
    -- Without any lock, for whoever is told `done` takes the ring's turn next.
    SELECT * INTO v_manifest FROM chancery.manifests m WHERE m.run_id = p_run AND m.sink = p_sink;
    IF v_manifest.run_id IS NULL OR v_manifest.ended_at IS NOT NULL THEN
        task := 'done';
        RETURN;
    END IF;
    -- Whoever takes up a dead letter again holds this row, and gives the manifest another number: it says what is so before, or after.
    PERFORM FROM chancery.sinks s WHERE s.run_id = p_run AND s.sink = p_sink FOR NO KEY UPDATE;
    SELECT * INTO v_manifest FROM chancery.manifests m WHERE m.run_id = p_run AND m.sink = p_sink FOR UPDATE;
    -- It may have waited.
    v_now := clock_timestamp();
    IF v_manifest.run_id IS NULL OR v_manifest.ended_at IS NOT NULL
       OR EXISTS (SELECT FROM chancery.sinks s WHERE s.run_id = p_run AND s.sink = p_sink
                     AND s.delivered + s.dead < (SELECT a.batches FROM chancery.admissions a WHERE a.run_id = p_run)) THEN
        task := 'wait';
        seconds := 0.05;
    ELSIF v_manifest.stated AND NOT EXISTS (SELECT FROM chancery.statements t JOIN chancery.runs r ON r.uid = t.run_uid
                                             WHERE r.id = p_run AND t.kind = 'Signed') THEN
        task := 'wait';
        seconds := 0.5;
    -- What was put off by a clock that has been set back since is due.
    ELSIF v_manifest.not_before > v_now AND v_manifest.put_off_at <= v_now THEN
        task := 'wait';
        seconds := least(greatest(extract(epoch FROM v_manifest.not_before - v_now), 0.05), 2);
    ELSE
        UPDATE chancery.manifests m
           SET holder = p_holder, token_hash = p_token_hash, not_before = v_now + make_interval(secs => least(greatest(p_seconds, 1), 3600)),
               put_off_at = v_now
         WHERE m.run_id = p_run AND m.sink = p_sink;
        task := 'manifest';
        number := v_manifest.number;
        attempts := v_manifest.attempts;
    END IF;
END
$$;

CREATE FUNCTION chancery.manifests_stated(p_run integer) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_done bigint;
BEGIN
    UPDATE chancery.manifests m SET stated = true
     WHERE m.run_id = p_run AND NOT m.stated AND m.not_before IS NULL AND m.ended_at IS NULL;
    GET DIAGNOSTICS v_done = ROW_COUNT;
    RETURN v_done;
END
$$;

CREATE FUNCTION chancery.notification_fail(p_notification integer, p_token bytea, p_whats text[], p_errors text[], p_seconds double precision[], OUT put_off bigint, OUT dead bigint) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $_$
DECLARE
    v_run integer := chancery.delivery_of_session();
    v_limit integer;
BEGIN
    IF num_nulls(p_notification, p_token, p_whats, p_errors, p_seconds) > 0
       OR cardinality(p_whats) <> cardinality(p_errors) OR cardinality(p_whats) <> cardinality(p_seconds)
       OR array_position(p_errors, NULL) IS NOT NULL OR array_position(p_seconds, NULL) IS NOT NULL THEN
        RAISE EXCEPTION 'each event that is refused needs an error and a pause' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    put_off := 0;
    dead := 0;
    SELECT n.attempt_limit INTO v_limit FROM chancery.notifications n WHERE n.run_id = v_run AND n.notification = p_notification;
    IF v_limit IS NULL OR to_regclass(format('chancery.%I', 'events_' || v_run)) IS NULL THEN
        RETURN;
    END IF;
    EXECUTE format(
        'WITH refused AS (
             UPDATE chancery.%I e
                SET attempts = e.attempts + 1, last_error = left(w.error, 1024), holder = NULL, token_hash = NULL,
                    state = (CASE WHEN e.attempts + 1 >= $7 THEN ''Dead'' ELSE ''Pending'' END)::chancery.delivery_state,
                    ended_at = CASE WHEN e.attempts + 1 >= $7 THEN clock_timestamp() END,
                    not_before = clock_timestamp() + make_interval(secs => least(greatest(w.seconds, 0), 3600)),
                    put_off_at = clock_timestamp()
               FROM unnest($3, $4, $5) AS w (what, error, seconds)
              WHERE e.what = w.what AND e.notification = $1 AND e.run_id = $6 AND e.token_hash = sha256($2)
             RETURNING e.state)
         SELECT count(*) FILTER (WHERE r.state = ''Pending''), count(*) FILTER (WHERE r.state = ''Dead'') FROM refused r',
        'events_' || v_run)
       INTO put_off, dead USING p_notification, p_token, p_whats, p_errors, p_seconds, v_run, v_limit;
    IF put_off + dead > 0 THEN
        -- Whoever answers can be reached.
        UPDATE chancery.notifications n
           SET dead = n.dead + notification_fail.dead, unavailable_since = NULL, failures = 0, not_before = NULL, tried_at = NULL, last_error = NULL
         WHERE n.run_id = v_run AND n.notification = p_notification;
    END IF;
END
$_$;

CREATE FUNCTION chancery.notification_give_back(p_notification integer, p_token bytea, p_whats text[], p_error text, p_seconds double precision, p_patience double precision, OUT given_back bigint, OUT dead bigint) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    AS $_$
DECLARE
    v_run integer := chancery.delivery_of_session();
    v_now timestamptz := clock_timestamp();
BEGIN
    IF num_nulls(p_notification, p_token, p_whats) > 0 OR num_nulls(p_error, p_seconds, p_patience) NOT IN (0, 3) THEN
        RAISE EXCEPTION 'events that are given back are a notification''s, and an error comes with a pause and with patience'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    given_back := 0;
    dead := 0;
    IF v_run IS NULL OR to_regclass(format('chancery.%I', 'events_' || v_run)) IS NULL THEN
        RETURN;
    END IF;
    EXECUTE format(
        'UPDATE chancery.%I e SET holder = NULL, token_hash = NULL, not_before = $5, put_off_at = $5
          WHERE e.what = ANY ($3) AND e.notification = $1 AND e.run_id = $4 AND e.token_hash = sha256($2)', 'events_' || v_run)
      USING p_notification, p_token, p_whats, v_run, v_now;
    GET DIAGNOSTICS given_back = ROW_COUNT;
    IF given_back = 0 OR p_error IS NULL THEN
        RETURN;
    END IF;
    IF EXISTS (SELECT FROM chancery.runs r JOIN chancery.notifications n ON n.run_id = r.id
                WHERE r.id = v_run AND n.notification = p_notification AND r.completed_at IS NOT NULL
                  AND greatest(r.completed_at, coalesce(n.unavailable_since, v_now))
                      <= v_now - make_interval(secs => least(greatest(p_patience, 0), 2592000))) THEN
        EXECUTE format(
            'UPDATE chancery.%I e SET state = ''Dead'', last_error = left($2, 1024), ended_at = $3
              WHERE e.notification = $1 AND e.state = ''Pending'' AND e.token_hash IS NULL', 'events_' || v_run)
          USING p_notification, p_error, v_now;
        GET DIAGNOSTICS dead = ROW_COUNT;
    END IF;
    UPDATE chancery.notifications n
       SET dead = n.dead + notification_give_back.dead, unavailable_since = coalesce(n.unavailable_since, v_now),
           failures = n.failures + 1, last_error = left(p_error, 1024),
           not_before = v_now + make_interval(secs => least(greatest(p_seconds, 0), 3600)), tried_at = v_now
     WHERE n.run_id = v_run AND n.notification = p_notification;
END
$_$;

CREATE FUNCTION chancery.notification_list() RETURNS TABLE(notification integer, name text, description jsonb, attempt_limit integer)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RETURN QUERY
    SELECT n.notification, n.name, n.description, n.attempt_limit
      FROM chancery.notifications n WHERE n.run_id = chancery.delivery_of_session() ORDER BY n.notification;
END
$$;

CREATE FUNCTION chancery.notification_reached(p_notification integer, p_token bytea, p_whats text[], p_reached bigint[], p_told bigint[], p_refused text[], p_errors text[], p_pauses double precision[], p_seconds double precision, OUT held bigint, OUT dead bigint) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $_$
DECLARE
    v_run integer := chancery.delivery_of_session();
    v_limit integer;
    v_told bigint;
    v_refused bigint;
    v_now timestamptz := clock_timestamp();
BEGIN
    IF num_nulls(p_notification, p_token, p_whats, p_reached, p_told, p_refused, p_errors, p_pauses, p_seconds) > 0
       OR cardinality(p_whats) <> cardinality(p_reached) OR cardinality(p_whats) <> cardinality(p_told)
       OR cardinality(p_refused) <> cardinality(p_errors) OR cardinality(p_refused) <> cardinality(p_pauses)
       OR num_nulls(array_position(p_reached, NULL), array_position(p_told, NULL), array_position(p_errors, NULL),
                    array_position(p_pauses, NULL)) < 4 THEN
        RAISE EXCEPTION 'each batch needs a record and a count, and each record that is refused an error and a pause'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    held := 0;
    dead := 0;
    SELECT n.attempt_limit INTO v_limit FROM chancery.notifications n WHERE n.run_id = v_run AND n.notification = p_notification;
    IF v_limit IS NULL OR to_regclass(format('chancery.%I', 'events_' || v_run)) IS NULL THEN
        RETURN;
    END IF;
    EXECUTE format(
        'WITH noted AS (
             UPDATE chancery.%1$I e
                SET told_to = CASE WHEN w.reached > 0 THEN w.reached ELSE e.told_to END,
                    told = CASE WHEN w.reached > 0 THEN coalesce(e.told, 0) + w.told ELSE e.told END, not_before = $10, put_off_at = $9
               FROM unnest($3, $4, $5) AS w (what, reached, told)
              WHERE e.what = w.what AND e.what ~ ''^record[.]signed/[0-9]{1,18}$'' AND e.notification = $1 AND e.run_id = $11
                AND e.token_hash = sha256($2)
             RETURNING e.what, e.happened_at, CASE WHEN w.reached > 0 THEN w.told ELSE 0 END AS told),
         refused AS (
             INSERT INTO chancery.%1$I (what, notification, run_id, happened_at, state, attempts, last_error, ended_at, not_before, put_off_at)
             SELECT f.what, $1, $11, n.happened_at, (CASE WHEN $12 <= 1 THEN ''Dead'' ELSE ''Pending'' END)::chancery.delivery_state, 1,
                    left(f.error, 1024), CASE WHEN $12 <= 1 THEN $9 END, $9 + make_interval(secs => least(greatest(f.pause, 0), 3600)), $9
               FROM (SELECT u.*, CASE WHEN u.what ~ ''^record[.]signed/[0-9]{1,18}/[0-9]{1,18}$'' THEN split_part(u.what, ''/'', 2)::bigint END AS batch
                       FROM unnest($6, $7, $8) AS u (what, error, pause) OFFSET 0) f
               JOIN noted n ON n.what = ''record.signed/'' || f.batch
               JOIN chancery.%2$I b ON b.batch = f.batch AND split_part(f.what, ''/'', 3)::bigint BETWEEN b.first_record AND b.last_record
             ON CONFLICT DO NOTHING
             RETURNING state)
         SELECT (SELECT count(*) FROM noted), (SELECT coalesce(sum(n.told), 0) FROM noted n), (SELECT count(*) FROM refused),
                (SELECT count(*) FROM refused r WHERE r.state = ''Dead'')', 'events_' || v_run, 'batches_' || v_run)
       INTO held, v_told, v_refused, dead
      USING p_notification, p_token, p_whats, p_reached, p_told, p_refused, p_errors, p_pauses, v_now,
            v_now + make_interval(secs => least(greatest(p_seconds, 1), 3600)), v_run, v_limit;
    IF v_told + v_refused > 0 THEN
        -- Whoever answers can be reached.
        UPDATE chancery.notifications n
           SET told = n.told + v_told, dead = n.dead + notification_reached.dead,
               unavailable_since = NULL, failures = 0, not_before = NULL, tried_at = NULL, last_error = NULL
         WHERE n.run_id = v_run AND n.notification = p_notification;
    END IF;
END
$_$;

CREATE FUNCTION chancery.notification_records(p_notification integer, p_token bytea, p_whats text[], p_most integer) RETURNS TABLE(event text, what text, happened_at text, data jsonb, traceparent text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    AS $_$
DECLARE
    v_run integer := chancery.delivery_of_session();
    v_event record;
    v_left bigint := least(greatest(p_most, 1), 1000);
    v_rows bigint;
BEGIN
    IF num_nulls(p_notification, p_token, p_whats, p_most) > 0 THEN
        RAISE EXCEPTION 'notification_records takes no null' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF v_run IS NULL OR to_regclass(format('chancery.%I', 'events_' || v_run)) IS NULL THEN
        RETURN;
    END IF;
    FOR v_event IN EXECUTE format(
        'SELECT h.what, h.told_to, h.happened_at, split_part(h.what, ''/'', 2)::bigint AS batch
           FROM (SELECT e.what, e.told_to, to_char(e.happened_at AT TIME ZONE ''UTC'', ''YYYY-MM-DD"T"HH24:MI:SS.US"Z"'') AS happened_at
                   FROM chancery.%I e
                  WHERE e.what = ANY ($3) AND e.what ~ ''^record[.]signed/[0-9]{1,18}$'' AND e.notification = $1 AND e.run_id = $4
                    AND e.token_hash = sha256($2) OFFSET 0) h
          ORDER BY batch', 'events_' || v_run)
        USING p_notification, p_token, p_whats, v_run
    LOOP
        RETURN QUERY
        SELECT v_event.what, v_event.what || '/' || t.record, v_event.happened_at, t.data, t.traceparent
          FROM chancery.records_told(v_run, v_event.batch, coalesce(v_event.told_to, 0), v_left) t;
        GET DIAGNOSTICS v_rows = ROW_COUNT;
        v_left := v_left - v_rows;
        EXIT WHEN v_left <= 0;
    END LOOP;
END
$_$;

CREATE FUNCTION chancery.notification_settle(p_notification integer, p_token bytea, p_whats text[]) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    AS $_$
DECLARE
    v_run integer := chancery.delivery_of_session();
    v_done bigint;
    v_told bigint;
BEGIN
    IF num_nulls(p_notification, p_token, p_whats) > 0 THEN
        RAISE EXCEPTION 'notification_settle takes no null' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF v_run IS NULL OR to_regclass(format('chancery.%I', 'events_' || v_run)) IS NULL THEN
        RETURN 0;
    END IF;
    EXECUTE format(
        'WITH settled AS (
             UPDATE chancery.%I e SET state = ''Delivered'', ended_at = clock_timestamp(), holder = NULL, token_hash = NULL
              WHERE e.what = ANY ($3) AND e.notification = $1 AND e.run_id = $4 AND e.token_hash = sha256($2)
             RETURNING e.what)
         SELECT count(*), count(*) FILTER (WHERE s.what !~ ''^record[.]signed/[0-9]+$'') FROM settled s', 'events_' || v_run)
       INTO v_done, v_told USING p_notification, p_token, p_whats, v_run;
    IF v_done > 0 THEN
        UPDATE chancery.notifications n
           SET told = n.told + v_told, unavailable_since = NULL, failures = 0, not_before = NULL, tried_at = NULL, last_error = NULL
         WHERE n.run_id = v_run AND n.notification = p_notification;
    END IF;
    RETURN v_done;
END
$_$;

CREATE FUNCTION chancery.notification_take(p_notification integer, p_holder text, p_token_hash bytea, p_most integer, p_seconds double precision) RETURNS TABLE(task text, what text, happened_at text, data jsonb, traceparent text, attempts integer, seconds double precision, signing boolean)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $_$
DECLARE
    v_run chancery.runs%ROWTYPE;
    v_one chancery.notifications%ROWTYPE;
    v_refusal text;
    v_undelivered boolean;
    v_now timestamptz;
    v_wake timestamptz;
    v_strayed bigint;
BEGIN
    IF num_nulls(p_notification, p_holder, p_token_hash, p_most, p_seconds) > 0 THEN
        RAISE EXCEPTION 'notification_take takes no null' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF octet_length(p_holder) > 1024 OR octet_length(p_token_hash) <> 32 THEN
        RAISE EXCEPTION 'a holder has at most 1024 bytes, and the hash of a token 32' USING ERRCODE = 'check_violation';
    END IF;
    -- Before its events: what completes it, or gives up the last of its batches, has written an event of that.
    SELECT * INTO v_run FROM chancery.runs r WHERE r.id = chancery.delivery_of_session();
    v_refusal := chancery.run_refusal(v_run);
    IF v_refusal IN ('unknown', 'deleted') THEN
        task := v_refusal;
        RETURN NEXT;
        RETURN;
    END IF;
    v_undelivered := chancery.run_undelivered(v_run.id);
    SELECT * INTO v_one FROM chancery.notifications n WHERE n.run_id = v_run.id AND n.notification = p_notification;
    IF NOT FOUND THEN
        task := 'unknown';
        RETURN NEXT;
        RETURN;
    END IF;
    v_now := clock_timestamp();
    -- See delivery_take.
    IF (v_one.not_before > v_now AND v_one.tried_at <= v_now) IS TRUE THEN
        -- A receiver that is down keeps nobody waiting for a run that stands still.
        task := CASE WHEN v_refusal = 'suspended' THEN 'suspended' ELSE 'wait' END;
        seconds := least(greatest(extract(epoch FROM v_one.not_before - v_now), 0.05), 2);
        RETURN NEXT;
        RETURN;
    END IF;
    RETURN QUERY EXECUTE format(
        'WITH taken AS (
             UPDATE chancery.%1$I e SET holder = $4, token_hash = $5, not_before = $6, put_off_at = $2
              WHERE e.notification = $1 AND e.run_id = $7 AND e.what = ANY (ARRAY(
                    SELECT u.what FROM chancery.%1$I u
                     WHERE u.notification = $1 AND u.state = ''Pending'' AND u.not_before <= $2
                     ORDER BY u.not_before, u.what LIMIT $3 FOR UPDATE SKIP LOCKED))
             RETURNING e.what, e.happened_at, e.data, e.attempts, e.traceparent, e.what ~ ''^record\.signed/[0-9]+/[0-9]+$'' AS is_record)
         SELECT ''tell''::text, t.what, to_char(t.happened_at AT TIME ZONE ''UTC'', ''YYYY-MM-DD"T"HH24:MI:SS.US"Z"''),
                coalesce(t.data, (
                    SELECT jsonb_build_object(
                               ''batch'', b.batch, ''firstRecord'', b.first_record, ''lastRecord'', b.last_record, ''key'', l.key_id,
                               ''signedAt'', to_char(l.signed_at AT TIME ZONE ''UTC'', ''YYYY-MM-DD"T"HH24:MI:SS.US"Z"''))
                      FROM chancery.%2$I b JOIN chancery.leases l ON l.id = b.lease_id
                     WHERE t.what ~ ''^batch\.signed/[0-9]+$'' AND b.batch = split_part(t.what, ''/'', 2)::bigint),
                    m.data),
                coalesce(t.traceparent, m.traceparent), t.attempts, NULL::double precision,
                (SELECT n.batch FROM chancery.%2$I n WHERE n.state <> ''signed'' ORDER BY n.batch DESC LIMIT 1) IS NOT NULL
           FROM taken t
           LEFT JOIN LATERAL (
                SELECT k.data, k.traceparent
                  FROM chancery.records_told($7, CASE WHEN t.is_record THEN split_part(t.what, ''/'', 2)::bigint END,
                                             CASE WHEN t.is_record THEN split_part(t.what, ''/'', 3)::bigint - 1 END, 1) k
                 WHERE t.is_record) m ON true
          ORDER BY t.happened_at, t.what', 'events_' || v_run.id, 'batches_' || v_run.id)
      USING p_notification, v_now, least(greatest(p_most, 1), 1000), p_holder, p_token_hash,
            v_now + make_interval(secs => least(greatest(p_seconds, 1), 3600)), v_run.id;
    IF FOUND THEN
        RETURN;
    END IF;
    EXECUTE format('UPDATE chancery.%I e SET not_before = $2, put_off_at = $2
                     WHERE e.notification = $1 AND e.state = ''Pending'' AND e.put_off_at > clock_timestamp()',
                   'events_' || v_run.id) USING p_notification, v_now;
    GET DIAGNOSTICS v_strayed = ROW_COUNT;
    EXECUTE format('SELECT min(e.not_before) FROM chancery.%I e WHERE e.notification = $1 AND e.state = ''Pending''', 'events_' || v_run.id)
       INTO v_wake USING p_notification;
    task := CASE WHEN v_wake IS NOT NULL OR v_refusal IS NULL THEN 'wait' WHEN v_refusal = 'complete' AND v_undelivered THEN 'wait' WHEN v_refusal = 'complete' THEN 'done' ELSE v_refusal END;
    -- What happens meanwhile tells nobody.
    seconds := CASE WHEN v_strayed > 0 THEN 0.05 ELSE least(greatest(coalesce(extract(epoch FROM greatest(v_wake, v_now) - v_now), 2), 0.05), 2) END;
    RETURN NEXT;
END
$_$;

CREATE FUNCTION chancery.part_bytes(p_table text) RETURNS bigint
    LANGUAGE plpgsql STABLE
    AS $$
BEGIN
    RETURN coalesce((SELECT pg_relation_size(c.oid) + CASE WHEN c.reltoastrelid = 0 THEN 0 ELSE pg_relation_size(c.reltoastrelid) END
                       FROM pg_class c WHERE c.oid = to_regclass('chancery.' || p_table)), 0);
END
$$;

CREATE FUNCTION chancery.part_detach(p_parent text, p_number integer) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET lock_timeout TO '50ms'
    AS $$
DECLARE
    v_part name := p_parent || '_' || p_number;
    v_pending boolean;
BEGIN
    PERFORM chancery.part_refuse(p_parent, p_number);
    SELECT i.inhdetachpending INTO v_pending FROM pg_inherits i
     WHERE i.inhparent = to_regclass(format('chancery.%I', p_parent))
       AND i.inhrelid = to_regclass(format('chancery.%I', v_part));
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM set_config('synchronous_commit', 'off', true);
    -- A former version detached concurrently, and may have been broken off.
    EXECUTE format('ALTER TABLE chancery.%I DETACH PARTITION chancery.%I%s', p_parent, v_part,
                   CASE WHEN v_pending THEN ' FINALIZE' ELSE '' END);
    RETURN true;
END
$$;

CREATE FUNCTION chancery.part_drop(p_parent text, p_number integer) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_part regclass := to_regclass(format('chancery.%I', p_parent || '_' || p_number));
BEGIN
    PERFORM chancery.part_refuse(p_parent, p_number);
    IF EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = v_part) THEN
        RAISE EXCEPTION '%_% is not detached yet', p_parent, p_number USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    IF v_part IS NOT NULL THEN
        EXECUTE format('DROP TABLE %s', v_part);
    END IF;
END
$$;

CREATE FUNCTION chancery.part_refuse(p_parent text, p_number integer) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF (p_parent IN ('records', 'batches', 'signature_blocks', 'arrivals', 'flags', 'alerts', 'originals', 'judgements', 'pendings', 'answers', 'traces', 'deliveries', 'events', 'digests')) IS NOT TRUE THEN
        RAISE EXCEPTION 'neither runs nor keyrings have a part of %', coalesce(quote_literal(left(p_parent, 100)), 'null')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF p_parent <> 'digests' AND EXISTS (
        SELECT FROM chancery.runs r WHERE r.id = p_number AND r.deleted_at IS NULL) THEN
        RAISE EXCEPTION 'run % is not deleted', p_number USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    -- A ring that has a name goes before its digests; that of a run alone goes with its run, after them.
    IF p_parent = 'digests' AND EXISTS (
        SELECT FROM chancery.keyrings k WHERE k.id = p_number
           AND (k.name IS NOT NULL
                OR EXISTS (SELECT FROM chancery.runs r WHERE r.keyring_id = k.id AND r.deleted_at IS NULL))) THEN
        RAISE EXCEPTION 'keyring % is not deleted', p_number USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
END
$$;

CREATE FUNCTION chancery.pendings_check(p_positions bigint[], p_enriched bytea[], p_dead_positions bigint[], p_stages text[], p_reasons text[], p_answers text[], p_judged chancery.judgement) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    AS $$
DECLARE
    v_payloads integer := cardinality(p_positions);
    v_dead integer := cardinality(p_dead_positions);
BEGIN
    IF num_nulls(p_positions, p_enriched, p_dead_positions, p_stages, p_reasons, p_answers) > 0
       OR v_payloads + v_dead > 10000 OR v_payloads <> cardinality(p_enriched)
       OR v_dead <> cardinality(p_stages) OR v_dead <> cardinality(p_reasons)
       OR v_payloads + v_dead <> cardinality(p_answers) OR array_position(p_answers, NULL) IS NOT NULL THEN
        RAISE EXCEPTION 'each of at most 10000 arrivals needs its answers, and each refusal a reason' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF EXISTS (SELECT FROM (VALUES (array_dims(p_positions), v_payloads), (array_dims(p_enriched), v_payloads),
                                   (array_dims(p_dead_positions), v_dead), (array_dims(p_stages), v_dead),
                                   (array_dims(p_reasons), v_dead), (array_dims(p_answers), v_payloads + v_dead)) AS a (dims, length)
                WHERE a.dims <> format('[1:%s]', a.length)) THEN
        RAISE EXCEPTION 'arrays have one dimension, and begin at 1' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF p_positions && p_dead_positions
       OR EXISTS (SELECT FROM unnest(-1 || p_positions, p_positions || 9223372036854775807) AS t (before, after)
                   WHERE (t.before < t.after) IS NOT TRUE)
       OR EXISTS (SELECT FROM unnest(-1 || p_dead_positions, p_dead_positions || 9223372036854775807) AS t (before, after)
                   WHERE (t.before < t.after) IS NOT TRUE) THEN
        RAISE EXCEPTION 'positions have to be different, and in order' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF cardinality(p_judged.starts) + cardinality(p_judged.pending) + cardinality(p_judged.originals) > 0 THEN
        RAISE EXCEPTION 'what waited has its instant and its bytes in the ledger, and does not begin to wait again'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
END
$$;

CREATE FUNCTION chancery.pendings_put_off(p_token bytea, p_sources integer[], p_splits integer[], p_places bigint[], p_errors text[], p_seconds double precision[]) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $_$
DECLARE
    v_run integer := chancery.intake_of_session();
    v_done bigint;
BEGIN
    IF num_nulls(p_token, p_sources, p_splits, p_places, p_errors, p_seconds) > 0 THEN
        RAISE EXCEPTION 'pendings_put_off takes no null' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF v_run IS NULL OR to_regclass(format('chancery.%I', 'pendings_' || v_run)) IS NULL THEN
        RETURN 0;
    END IF;
    EXECUTE format(
        'UPDATE chancery.%I p
            SET holder = NULL, token_hash = NULL,
                attempts = p.attempts + CASE WHEN w.error IS NULL THEN 0 ELSE 1 END,
                last_error = coalesce(left(w.error, 1024), p.last_error),
                not_before = clock_timestamp() + make_interval(secs => least(greatest(w.seconds, 0), 172800))
           FROM unnest($1, $2, $3, $4, $5) AS w (source, split, place, error, seconds)
          WHERE p.source = w.source AND p.split = w.split AND p.position = w.place AND p.run_id = $6 AND p.token_hash = sha256($7)',
        'pendings_' || v_run)
      USING p_sources, p_splits, p_places, p_errors, p_seconds, v_run, p_token;
    GET DIAGNOSTICS v_done = ROW_COUNT;
    RETURN v_done;
END
$_$;

CREATE FUNCTION chancery.pendings_settle(p_source integer, p_split integer, p_token bytea, p_positions bigint[], p_enriched bytea[], p_dead_positions bigint[], p_stages text[], p_reasons text[], p_answers text[], p_judged chancery.judgement, OUT answer text, OUT admitted bigint, OUT duplicates bigint, OUT dead bigint, OUT rejected bigint) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET work_mem TO '32MB'
    AS $_$
DECLARE
    v_run chancery.runs%ROWTYPE;
    v_intake chancery.intakes%ROWTYPE;
    v_places bigint[] := p_positions || p_dead_positions;
    v_settled integer := cardinality(v_places);
    v_judged chancery.judgement := p_judged;
    v_held integer;
    v_payloads bytea[];
    v_names bytea[];
    v_raws bytea[];
    v_digests bytea[];
    v_identities bytea[];
    v_attempts integer[];
    -- Attempts of the letters among them, and when those arrived that are refused again.
    v_letters integer[];
    v_arrived timestamptz[];
    v_new bigint[];
    v_base bigint;
    v_bytes bigint;
    v_flagged bigint;
    v_alerts bigint;
BEGIN
    IF num_nulls(p_source, p_split, p_token) > 0 THEN
        RAISE EXCEPTION 'pendings_settle takes no null' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM chancery.pendings_check(p_positions, p_enriched, p_dead_positions, p_stages, p_reasons, p_answers, p_judged);
    v_run.id := chancery.intake_of_session();
    IF v_run.id IS NULL THEN
        answer := 'unknown';
        RETURN;
    END IF;
    PERFORM chancery.run_turn(v_run.id);
    SELECT * INTO v_run FROM chancery.runs r WHERE r.id = v_run.id;
    answer := chancery.intake_refusal(v_run);
    IF answer IS NOT NULL THEN
        RETURN;
    END IF;
    IF v_run.policy_hash IS NULL THEN
        -- Nothing of it has ever waited.
        answer := 'moved';
        RETURN;
    END IF;
    PERFORM chancery.admit_check_judged(v_run.policy_hash, p_positions, p_dead_positions, p_stages, p_judged);
    SELECT * INTO STRICT v_intake FROM chancery.intakes i WHERE i.run_id = v_run.id;
    IF v_intake.held IS NOT NULL THEN
        answer := 'held';
        RETURN;
    END IF;
    -- In the order of the call, which is that of the split.
    EXECUTE format(
        'WITH mine AS MATERIALIZED (
             SELECT p.position, p.payload, p.name, p.attempts, p.letter, p.arrived_at FROM chancery.%I p
              WHERE p.source = $1 AND p.split = $2 AND p.position = ANY ($3) AND p.run_id = $4 AND p.token_hash = sha256($5)
              ORDER BY p.position FOR UPDATE)
         SELECT (SELECT count(*) FROM mine),
                ARRAY (SELECT m.payload FROM mine m WHERE m.position = ANY ($6) ORDER BY m.position),
                ARRAY (SELECT m.name FROM mine m WHERE m.position = ANY ($6) AND m.name IS NOT NULL ORDER BY m.position),
                ARRAY (SELECT m.payload FROM mine m WHERE m.position = ANY ($7) ORDER BY m.position),
                ARRAY (SELECT m.attempts + 1 FROM mine m WHERE m.position = ANY ($6) ORDER BY m.position)
                    || ARRAY (SELECT m.attempts + 1 FROM mine m WHERE m.position = ANY ($7) ORDER BY m.position),
                ARRAY (SELECT m.letter FROM mine m WHERE m.position = ANY ($6) ORDER BY m.position)
                    || ARRAY (SELECT m.letter FROM mine m WHERE m.position = ANY ($7) ORDER BY m.position),
                ARRAY (SELECT CASE WHEN m.letter > 0 THEN m.arrived_at END FROM mine m WHERE m.position = ANY ($7) ORDER BY m.position)',
        'pendings_' || v_run.id)
       INTO v_held, v_payloads, v_names, v_raws, v_attempts, v_letters, v_arrived
      USING p_source, p_split, v_places, v_run.id, p_token, p_positions, p_dead_positions;
    IF v_held <> v_settled THEN
        answer := 'moved';
        RETURN;
    END IF;
    answer := 'settled';
    v_judged.originals := '{}';
    IF array_position(ARRAY (SELECT e.payload IS NULL FROM unnest(p_enriched) AS e (payload)), false) IS NOT NULL THEN
        v_judged.originals := ARRAY (SELECT CASE WHEN b.enriched IS NOT NULL THEN b.payload END
                                       FROM unnest(p_enriched, v_payloads) WITH ORDINALITY AS b (enriched, payload, n) ORDER BY b.n);
        v_payloads := ARRAY (SELECT coalesce(b.enriched, b.payload)
                               FROM unnest(p_enriched, v_payloads) WITH ORDINALITY AS b (enriched, payload, n) ORDER BY b.n);
    END IF;
    SELECT d.digests, d.identities INTO v_digests, v_identities
      FROM chancery.admit_digests(v_run.id, v_payloads, v_names, v_judged.originals) d;
    SELECT a.records INTO STRICT v_base FROM chancery.admissions a WHERE a.run_id = v_run.id;
    -- Each of them has had its room since it came.
    SELECT m.admitted, m.duplicates, m.bytes INTO admitted, duplicates, v_bytes
      FROM chancery.admit_payloads(v_run.id, v_run.keyring_id, v_digests, v_identities, v_base, cardinality(v_payloads),
                                   p_source, p_split, v_payloads, p_positions, v_intake.duplicates > 0) m;
    SELECT f.dead, f.rejected INTO dead, rejected
      FROM chancery.admit_refused(v_run.id, p_source, p_split, 9223372036854775807, p_dead_positions, p_stages, p_judged.rules,
                                  p_reasons, v_raws, v_arrived) f;
    SELECT m.flagged, m.alerts INTO v_flagged, v_alerts
      FROM chancery.admit_marks(v_run.id, p_source, p_split, v_base, v_base + admitted, 9223372036854775807, p_positions, v_judged) m;
    EXECUTE format('SELECT ARRAY (SELECT r.position FROM chancery.%I r WHERE r.record > $1 AND r.record <= $2 ORDER BY r.record)',
                   'records_' || v_run.id)
       INTO v_new USING v_base, v_base + admitted;
    -- Numbers follow positions, so that the number of each is found by its place among them.
    EXECUTE format(
        'INSERT INTO chancery.%I (source, split, position, run_id, letter, record, attempts, answers)
         SELECT $1, $2, w.position, $3, w.letter, CASE WHEN w.n <= $8 THEN $9 + width_bucket(w.position, $10) END, w.attempts, w.answers
           FROM unnest($4, $5, $6, $7) WITH ORDINALITY AS w (position, letter, attempts, answers, n)
          WHERE NOT EXISTS (SELECT FROM chancery.%I a
                             WHERE a.source = $1 AND a.split = $2 AND a.position = w.position AND a.state = ''Duplicate'')',
        'answers_' || v_run.id, 'arrivals_' || v_run.id)
      USING p_source, p_split, v_run.id, v_places, v_letters, v_attempts, p_answers, cardinality(p_positions), v_base, v_new;
    EXECUTE format('DELETE FROM chancery.%I p WHERE p.source = $1 AND p.split = $2 AND p.position = ANY ($3)', 'pendings_' || v_run.id)
      USING p_source, p_split, v_places;
    IF 0 < ANY (v_letters) THEN
        EXECUTE format(
            'UPDATE chancery.letter_moves m
                SET became = coalesce((SELECT a.state::text FROM chancery.%I a
                                        WHERE a.source = m.source AND a.split = m.split AND a.position = m.position), ''Admitted'')::chancery.letter_end
              WHERE m.run_id = $1 AND m.source = $2 AND m.split = $3 AND m.position = ANY ($4) AND m.became IS NULL', 'arrivals_' || v_run.id)
          USING v_run.id, p_source, p_split, v_places;
    END IF;

    UPDATE chancery.splits t
       SET pending = t.pending - v_settled, admitted = t.admitted + pendings_settle.admitted,
           duplicates = t.duplicates + pendings_settle.duplicates, dead = t.dead + pendings_settle.dead,
           rejected = t.rejected + pendings_settle.rejected
     WHERE t.run_id = v_run.id AND t.source = p_source AND t.split = p_split;
    UPDATE chancery.intakes i
       SET pending = i.pending - v_settled, admitted = i.admitted + pendings_settle.admitted,
           duplicates = i.duplicates + pendings_settle.duplicates, dead = i.dead + pendings_settle.dead,
           rejected = i.rejected + pendings_settle.rejected, flagged = i.flagged + v_flagged, alerts = i.alerts + v_alerts,
           ignored = i.ignored + p_judged.ignored, payload_bytes = i.payload_bytes + v_bytes,
           sweep_at = CASE WHEN pendings_settle.dead + pendings_settle.rejected = 0 THEN i.sweep_at
                           ELSE least(i.sweep_at, (SELECT min(coalesce(w.arrived_at, clock_timestamp())) FROM unnest(v_arrived) AS w (arrived_at))
                                               + i.dead_retention) END
     WHERE i.run_id = v_run.id;
    IF v_intake.dead + dead > v_intake.dead_limit THEN
        UPDATE chancery.runs r SET too_many_dead = true WHERE r.id = v_run.id;
    END IF;
    PERFORM chancery.batches_close(v_run.id, v_base + admitted);
    PERFORM set_config('synchronous_commit', 'off', true);
END
$_$;

CREATE FUNCTION chancery.pendings_take(p_holder text, p_token_hash bytea, p_most integer, p_seconds double precision) RETURNS TABLE(task text, source integer, name text, pushed boolean, split integer, place bigint, payload bytea, attempts integer, judged_at bigint, seconds double precision)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    AS $_$
DECLARE
    v_run chancery.runs%ROWTYPE;
    v_now timestamptz := clock_timestamp();
    v_until timestamptz;
    v_wake timestamptz;
    v_pendings text;
    v_waiting bigint;
    v_held text;
BEGIN
    IF num_nulls(p_holder, p_token_hash, p_most, p_seconds) > 0 THEN
        RAISE EXCEPTION 'pendings_take takes no null' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF octet_length(p_holder) > 1024 OR octet_length(p_token_hash) <> 32 THEN
        RAISE EXCEPTION 'a holder has at most 1024 bytes, and the hash of a token 32' USING ERRCODE = 'check_violation';
    END IF;
    SELECT * INTO v_run FROM chancery.runs r WHERE r.id = chancery.intake_of_session();
    task := chancery.intake_refusal(v_run);
    IF task IS NOT NULL THEN
        RETURN NEXT;
        RETURN;
    END IF;
    v_pendings := 'pendings_' || v_run.id;
    task := 'wait';
    seconds := 2;
    SELECT i.pending, i.held INTO v_waiting, v_held FROM chancery.intakes i WHERE i.run_id = v_run.id;
    IF to_regclass('chancery.' || quote_ident(v_pendings)) IS NULL OR v_held IS NOT NULL THEN
        RETURN NEXT;
        RETURN;
    END IF;
    v_until := v_now + make_interval(secs => least(greatest(p_seconds, 1), 3600));
    RETURN QUERY EXECUTE format(
        'WITH due AS MATERIALIZED (
             SELECT p.source, p.split, p.position, octet_length(p.payload) AS bytes, p.not_before FROM chancery.%1$I p
              WHERE p.not_before <= $1 ORDER BY p.not_before, p.source, p.split, p.position LIMIT $2 FOR UPDATE SKIP LOCKED),
         summed AS (
             SELECT d.*, sum(d.bytes) OVER (ORDER BY d.not_before, d.source, d.split, d.position) - d.bytes AS before FROM due d),
         taken AS (
             UPDATE chancery.%1$I p SET holder = $3, token_hash = $4, not_before = $5
               FROM summed d
              WHERE d.before < 4194304 AND p.source = d.source AND p.split = d.split AND p.position = d.position AND p.run_id = $6
             RETURNING p.source, p.split, p.position, p.payload, p.attempts, p.letter)
         SELECT ''judge''::text, t.source, (SELECT s.name FROM chancery.sources s WHERE s.run_id = $6 AND s.source = t.source),
                (SELECT s.description ? ''http'' FROM chancery.sources s WHERE s.run_id = $6 AND s.source = t.source), t.split, t.position,
                t.payload, t.attempts,
                -- A letter that is taken up again is judged by an instant of its own.
                floor(extract(epoch FROM CASE WHEN t.letter > 0 THEN
                    (SELECT m.judged_at FROM chancery.letter_moves m
                      WHERE m.run_id = $6 AND m.source = t.source AND m.split = t.split AND m.position = t.position AND m.attempt = t.letter)
                ELSE
                    (SELECT j.judged_at FROM chancery.%2$I j
                      WHERE j.source = t.source AND j.split = t.split AND j.position <= t.position
                      ORDER BY j.position DESC LIMIT 1) END) * 1000000)::bigint, NULL::double precision
           FROM taken t ORDER BY t.source, t.split, t.position', v_pendings, 'judgements_' || v_run.id)
      USING v_now, least(greatest(p_most, 1), 10000), p_holder, p_token_hash, v_until, v_run.id;
    IF NOT FOUND THEN
        IF v_waiting = 0
           AND NOT chancery.sources_open(v_run.id, (SELECT a.records FROM chancery.admissions a WHERE a.run_id = v_run.id)) THEN
            PERFORM chancery.run_turn(v_run.id);
            SELECT * INTO v_run FROM chancery.runs r WHERE r.id = v_run.id;
            task := chancery.intake_refusal(v_run);
            IF task IS NULL AND chancery.pushes_end(v_run.id) THEN
                task := 'sealed';
            END IF;
            IF task IS NOT NULL THEN
                RETURN NEXT;
                RETURN;
            END IF;
            task := 'wait';
        END IF;
        EXECUTE format('SELECT min(p.not_before) FROM chancery.%I p', v_pendings) INTO v_wake;
        seconds := least(greatest(extract(epoch FROM v_wake - clock_timestamp()), 0.05), 2);
        seconds := coalesce(seconds, 2);
        -- Whoever reads tells the judges beside it that more has come; whoever pushes is elsewhere.
        IF EXISTS (SELECT FROM chancery.sources s WHERE s.run_id = v_run.id AND s.description ? 'http') THEN
            seconds := least(seconds, 0.25);
        END IF;
        RETURN NEXT;
    END IF;
END
$_$;

CREATE FUNCTION chancery.policies_sweep() RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_hash bytea;
    v_swept bigint := 0;
BEGIN
    FOR v_hash IN SELECT p.hash FROM chancery.policies p
                   WHERE NOT EXISTS (SELECT FROM chancery.runs r WHERE r.policy_hash = p.hash) ORDER BY p.hash LOOP
        PERFORM chancery.policy_forget(v_hash);
        v_swept := v_swept + (NOT EXISTS (SELECT FROM chancery.policies p WHERE p.hash = v_hash))::integer;
    END LOOP;
    RETURN v_swept;
END
$$;

CREATE FUNCTION chancery.policy_asks(p_text text) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT json_array_length(coalesce(t.json #> '{spec,webhooks}', '[]')) > 0
        OR EXISTS (SELECT FROM json_array_elements(coalesce(t.json #> '{spec,lookups}', '[]')) l WHERE l -> 'query' IS NOT NULL)
      FROM (SELECT replace(p_text, '\u0000', '\u0001')::json AS json) t
$$;

CREATE FUNCTION chancery.policy_forget(p_hash bytea) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    DELETE FROM chancery.policies p WHERE p.hash = p_hash AND NOT EXISTS (SELECT FROM chancery.runs r WHERE r.policy_hash = p.hash);
EXCEPTION
    -- A run that names it is made at this moment.
    WHEN foreign_key_violation THEN NULL;
END
$$;

CREATE FUNCTION chancery.public_keys(p_keyring integer) RETURNS TABLE(id uuid, public_key bytea)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RETURN QUERY
    SELECT k.id, m.public_key FROM chancery.keys k JOIN chancery.key_material m ON m.key_id = k.id
     WHERE k.keyring_id = p_keyring ORDER BY k.number;
END
$$;

CREATE FUNCTION chancery.push_duplicates(p_run integer, p_source integer, p_split integer, p_position bigint, p_arrivals bigint, OUT places bigint[], OUT runs text[], OUT records bigint[]) RETURNS record
    LANGUAGE plpgsql STABLE
    AS $_$
BEGIN
    -- The run's own table is named: asked by its parent, the server would choose among the tables of all runs each time.
    EXECUTE format(
        'SELECT array_agg(a.position - $3 ORDER BY a.position),
                array_agg(coalesce((SELECT r.name FROM chancery.runs r WHERE r.id = a.duplicate_run),
                                   (SELECT d.name FROM chancery.deleted_runs d WHERE d.run_id = a.duplicate_run), '''')
                          ORDER BY a.position),
                array_agg(a.duplicate_record ORDER BY a.position)
           FROM chancery.%I a
          WHERE a.source = $1 AND a.split = $2 AND a.position >= $3 AND a.position < $3 + $4 AND a.state = ''Duplicate''
            AND NOT EXISTS (SELECT FROM chancery.letter_moves m
                             WHERE m.run_id = $5 AND m.source = a.source AND m.split = a.split AND m.position = a.position)',
        'arrivals_' || p_run)
       INTO places, runs, records
      USING p_source, p_split, p_position, p_arrivals, p_run;
END
$_$;

CREATE FUNCTION chancery.pushes_end(p_run integer) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM chancery.run_turn(p_run);
    UPDATE chancery.splits t SET done_at = clock_timestamp()
     WHERE t.run_id = p_run AND t.done_at IS NULL
       AND (SELECT s.description ? 'http' FROM chancery.sources s WHERE s.run_id = p_run AND s.source = t.source);
    UPDATE chancery.sources s SET listed_at = clock_timestamp()
     WHERE s.run_id = p_run AND s.listed_at IS NULL AND s.description ? 'http';
    RETURN chancery.run_seal(p_run);
END
$$;

CREATE FUNCTION chancery.pushes_find(p_run integer, p_run_uid uuid, p_keys bytea[]) RETURNS TABLE(key_hash bytea, digest bytea, start_at bigint, arrivals bigint, accounted bigint, first_record bigint, duplicate_places bigint[], duplicate_runs text[], duplicate_records bigint[], dead_places bigint[], dead_stages text[], dead_rules text[], dead_reasons text[], flag_places bigint[], flag_hits text[], settled_places bigint[], settled_records bigint[], waiting_places bigint[])
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE
    v_policy bytea := (SELECT r.policy_hash FROM chancery.runs r WHERE r.id = p_run);
    -- A run from before anything could wait has no table for it.
    v_waits boolean := to_regclass(format('chancery.%I', 'pendings_' || p_run)) IS NOT NULL;
    v_push record;
BEGIN
    FOR v_push IN
        SELECT u.*, t.position AS up_to FROM chancery.pushes u
          JOIN chancery.splits t ON t.run_id = u.run_id AND t.source = u.source AND t.split = u.split
          JOIN chancery.runs r ON r.id = u.run_id AND r.uid = p_run_uid AND r.deleted_at IS NULL
         WHERE u.run_id = p_run AND u.key_hash = ANY (p_keys)
    LOOP
        key_hash := v_push.key_hash;
        digest := v_push.digest;
        start_at := v_push.position;
        arrivals := v_push.arrivals;
        accounted := least(v_push.arrivals, v_push.up_to - v_push.position);
        first_record := v_push.first_record;
        SELECT d.places, d.runs, d.records INTO duplicate_places, duplicate_runs, duplicate_records
          FROM chancery.push_duplicates(p_run, v_push.source, v_push.split, v_push.position, accounted) d;
        EXECUTE format(
            'SELECT array_agg(d.position - $3 ORDER BY d.position), array_agg(d.stage ORDER BY d.position),
                    array_agg(d.rule ORDER BY d.position), array_agg(d.reason ORDER BY d.position)
               FROM (SELECT a.position, a.stage, a.rule, a.reason FROM chancery.%I a
                      WHERE a.source = $1 AND a.split = $2 AND a.position >= $3 AND a.position < $3 + $4 AND a.state <> ''Duplicate''
                        AND NOT EXISTS (SELECT FROM chancery.letter_moves m
                                         WHERE m.run_id = $5 AND m.source = $1 AND m.split = $2 AND m.position = a.position)
                     UNION ALL
                     SELECT m.position, m.stage, m.rule, m.reason FROM chancery.letter_moves m
                      WHERE m.run_id = $5 AND m.source = $1 AND m.split = $2 AND m.position >= $3 AND m.position < $3 + $4
                        AND m.attempt = 1) d',
            'arrivals_' || p_run)
           INTO dead_places, dead_stages, dead_rules, dead_reasons
          USING v_push.source, v_push.split, v_push.position, accounted, p_run;
        IF v_waits THEN
            EXECUTE format(
                'SELECT array_agg(w.position - $3 ORDER BY w.position), array_agg(w.record ORDER BY w.position) FROM chancery.%I w
                  WHERE w.source = $1 AND w.split = $2 AND w.position >= $3 AND w.position < $3 + $4 AND w.letter = 0 AND w.record IS NOT NULL',
                'answers_' || p_run)
               INTO settled_places, settled_records
              USING v_push.source, v_push.split, v_push.position, accounted;
            EXECUTE format(
                'SELECT array_agg(w.position - $3 ORDER BY w.position) FROM chancery.%I w
                  WHERE w.source = $1 AND w.split = $2 AND w.position >= $3 AND w.position < $3 + $4 AND w.letter = 0', 'pendings_' || p_run)
               INTO waiting_places
              USING v_push.source, v_push.split, v_push.position, accounted;
        END IF;
        IF v_policy IS NOT NULL THEN
            EXECUTE format(
                'SELECT array_agg(r.position - $3 ORDER BY r.position), array_agg(f.hits::text ORDER BY r.position)
                   FROM chancery.%I f JOIN chancery.%I r ON r.record = f.record
                  WHERE (f.record >= $1 AND f.record < $1 + $4 OR f.record = ANY ($5))
                    AND r.split = $2 AND r.position >= $3 AND r.position < $3 + $4',
                'flags_' || p_run, 'records_' || p_run)
               INTO flag_places, flag_hits
              USING v_push.first_record, v_push.split, v_push.position, accounted, settled_records;
        END IF;
        RETURN NEXT;
    END LOOP;
END
$_$;

CREATE FUNCTION chancery.pushes_pending(p_run integer) RETURNS SETOF bigint
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RETURN QUERY
    SELECT a.records - s.records + coalesce((SELECT i.pending FROM chancery.intakes i WHERE i.run_id = p_run), 0)
      FROM chancery.admissions a CROSS JOIN LATERAL chancery.run_signed(a.run_id) s
     WHERE a.run_id = p_run;
END
$$;

CREATE FUNCTION chancery.pushes_refusal(p_run integer, p_run_uid uuid) RETURNS text
    LANGUAGE plpgsql STABLE
    AS $$
DECLARE
    v_run chancery.runs%ROWTYPE;
BEGIN
    SELECT * INTO v_run FROM chancery.runs r WHERE r.id = p_run AND r.uid = p_run_uid;
    RETURN CASE
        WHEN v_run.id IS NULL THEN 'unknown'
        WHEN v_run.deleted_at IS NOT NULL THEN 'deleted'
        WHEN NOT EXISTS (SELECT FROM chancery.sources s WHERE s.run_id = p_run AND s.description ? 'http') THEN 'not_pushed'
    END;
END
$$;

CREATE FUNCTION chancery.pushes_seal(p_run integer, p_run_uid uuid) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_refusal text := chancery.pushes_refusal(p_run, p_run_uid);
BEGIN
    IF v_refusal IS NULL THEN
        PERFORM chancery.run_turn(p_run);
        -- Again, because waiting for the turn may have taken long.
        v_refusal := chancery.pushes_refusal(p_run, p_run_uid);
    END IF;
    IF v_refusal IS NOT NULL THEN
        RETURN v_refusal;
    END IF;
    RETURN CASE WHEN chancery.pushes_end(p_run) THEN 'sealed'
                WHEN EXISTS (SELECT FROM chancery.intakes i WHERE i.run_id = p_run AND i.pending > 0) THEN 'closed'
                ELSE 'deleted' END;
END
$$;

CREATE FUNCTION chancery.pushes_settled(p_run integer, p_run_uid uuid, p_positions bigint[]) RETURNS TABLE(at_position bigint, state text, record bigint, hits text, of_run text, of_record bigint, stage text, rule text, reason text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $_$
DECLARE
    v_source integer;
BEGIN
    SELECT s.source INTO v_source FROM chancery.runs r JOIN chancery.sources s ON s.run_id = r.id AND s.description ? 'http'
     WHERE r.id = p_run AND r.uid = p_run_uid AND r.deleted_at IS NULL AND r.policy_hash IS NOT NULL;
    -- A run from before anything could wait has no table for it.
    IF NOT FOUND OR to_regclass(format('chancery.%I', 'answers_' || p_run)) IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY EXECUTE format(
        'SELECT w.position, ''Admitted'', w.record, (SELECT f.hits::text FROM chancery.%1$I f WHERE f.record = w.record),
                NULL, NULL::bigint, NULL, NULL, NULL
           FROM unnest($2) AS p (position)
           JOIN chancery.%2$I w ON w.source = $1 AND w.split = 1 AND w.position = p.position AND w.run_id = $3 AND w.letter = 0
          WHERE w.record IS NOT NULL
         UNION ALL
         SELECT a.position, a.state::text, NULL, NULL,
                CASE WHEN a.state = ''Duplicate''
                     THEN coalesce((SELECT r.name FROM chancery.runs r WHERE r.id = a.duplicate_run),
                                   (SELECT d.name FROM chancery.deleted_runs d WHERE d.run_id = a.duplicate_run), '''') END,
                a.duplicate_record, a.stage, a.rule, a.reason
           FROM unnest($2) AS p (position)
           JOIN chancery.%3$I a ON a.source = $1 AND a.split = 1 AND a.position = p.position AND a.run_id = $3
          WHERE NOT EXISTS (SELECT FROM chancery.letter_moves m
                             WHERE m.run_id = $3 AND m.source = $1 AND m.split = 1 AND m.position = p.position)
         UNION ALL
         SELECT m.position, ''Dead'', NULL, NULL, NULL, NULL, m.stage, m.rule, m.reason
           FROM unnest($2) AS p (position)
           JOIN chancery.letter_moves m ON m.run_id = $3 AND m.source = $1 AND m.split = 1 AND m.position = p.position AND m.attempt = 1',
        'flags_' || p_run, 'answers_' || p_run, 'arrivals_' || p_run)
      USING v_source, p_positions, p_run;
END
$_$;

CREATE FUNCTION chancery.record_of_digest(p_run integer, p_digest bytea) RETURNS SETOF bigint
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE
    v_keyring integer := (SELECT r.keyring_id FROM chancery.runs r WHERE r.id = p_run AND r.deleted_at IS NULL);
BEGIN
    IF v_keyring IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY EXECUTE format('SELECT d.record FROM chancery.%I d WHERE d.digest = $1 AND d.run_id = $2', 'digests_' || v_keyring)
        USING p_digest, p_run;
    IF NOT FOUND AND to_regclass('chancery.originals_' || p_run) IS NOT NULL
       AND (SELECT i.idempotency = 'Content' FROM chancery.intakes i WHERE i.run_id = p_run) THEN
        RETURN QUERY EXECUTE format('SELECT o.record FROM chancery.%I o WHERE o.digest = $1 LIMIT 1', 'originals_' || p_run) USING p_digest;
    END IF;
END
$_$;

CREATE FUNCTION chancery.record_payload(p_run integer, p_record bigint) RETURNS TABLE(payload bytea, flags text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE
    v_run chancery.runs%ROWTYPE;
BEGIN
    SELECT * INTO v_run FROM chancery.runs r WHERE r.id = p_run AND r.deleted_at IS NULL;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    RETURN QUERY EXECUTE format('SELECT r.payload, %s FROM chancery.%I r WHERE r.record = $1',
        CASE WHEN v_run.policy_hash IS NULL THEN 'NULL::text'
             ELSE format('(SELECT f.hits::text FROM chancery.%I f WHERE f.record = r.record)', 'flags_' || p_run) END,
        'records_' || p_run)
      USING p_record;
END
$_$;

CREATE FUNCTION chancery.records_generate(p_run integer, p_chunk bigint) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_source chancery.generated_sources%ROWTYPE;
    v_first bigint;
    v_last bigint;
    v_secret bytea := uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid());
    v_bytes bytea;
    v_admitted bigint;
    v_next bigint;
BEGIN
    SELECT * INTO STRICT v_source FROM chancery.generated_sources g WHERE g.run_id = p_run;
    INSERT INTO chancery.generated_chunks (run_id, chunk) VALUES (p_run, p_chunk) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    v_first := (p_chunk - 1) * v_source.chunk_size + 1;
    v_last := least(p_chunk * v_source.chunk_size, v_source.record_count);
    IF v_first > v_last THEN
        RAISE EXCEPTION 'run % has no chunk %', p_run, p_chunk USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT coalesce(string_agg(sha512(v_secret || int8send(block)), ''::bytea), ''::bytea) INTO v_bytes
      FROM generate_series(1, ((v_last - v_first + 1) * v_source.record_size + 63) / 64) block;
    INSERT INTO chancery.records (record, run_id, payload)
    SELECT n, p_run, substring(v_bytes FROM ((n - v_first) * v_source.record_size + 1)::integer FOR v_source.record_size)
      FROM generate_series(v_first, v_last) n;

    -- Whoever makes the next chunk waits for this commit.
    PERFORM set_config('synchronous_commit', 'off', true);
    PERFORM chancery.run_turn(p_run);
    SELECT a.records INTO STRICT v_admitted FROM chancery.admissions a WHERE a.run_id = p_run;
    v_next := v_admitted / v_source.chunk_size + 1;
    WHILE EXISTS (SELECT FROM chancery.generated_chunks c WHERE c.run_id = p_run AND c.chunk = v_next) LOOP
        v_next := v_next + 1;
    END LOOP;
    PERFORM chancery.batches_close(p_run, least((v_next - 1) * v_source.chunk_size, v_source.record_count));
    RETURN true;
END
$$;

CREATE FUNCTION chancery.records_push(p_run integer, p_run_uid uuid, p_arrivals bigint, p_payloads bytea[], p_places bigint[], p_identities bytea[], p_dead_places bigint[], p_stages text[], p_reasons text[], p_raws bytea[], p_keys bytea[], p_key_digests bytea[], p_key_places bigint[], p_key_arrivals bigint[], p_judged chancery.judgement, p_traced bigint[], p_traced_to bigint[], p_traces text[], OUT answer text, OUT start_at bigint, OUT accounted bigint, OUT first_record bigint, OUT duplicate_places bigint[], OUT duplicate_runs text[], OUT duplicate_records bigint[], OUT room bigint, OUT waiting bigint) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_run chancery.runs%ROWTYPE;
    v_split chancery.splits%ROWTYPE;
    v_digests bytea[];
    v_identities bytea[];
    v_judged chancery.judgement := p_judged;
    v_taken record;
BEGIN
    -- Of nothing, a comparison is no refusal. A strict function would answer nothing, as if all were taken in.
    IF num_nulls(p_run, p_run_uid, p_arrivals, p_payloads, p_places, p_identities, p_dead_places, p_stages, p_reasons, p_raws,
                 p_keys, p_key_digests, p_key_places, p_key_arrivals, p_traced, p_traced_to, p_traces) > 0 THEN
        RAISE EXCEPTION 'records_push takes no null' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    PERFORM chancery.admit_check(0, p_arrivals, p_payloads, p_places, p_identities, p_dead_places, p_stages, p_reasons, p_raws);
    IF cardinality(p_places) + cardinality(p_dead_places) + coalesce(cardinality(p_judged.pending), 0) <> p_arrivals THEN
        RAISE EXCEPTION 'each arrival is a payload, is dead or waits' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- Before anything waits, is locked or hashed for it.
    answer := chancery.pushes_refusal(p_run, p_run_uid);
    IF answer IS NOT NULL THEN
        RETURN;
    END IF;
    -- Before the turn, as in admit.
    SELECT d.digests, d.identities INTO v_digests, v_identities
      FROM chancery.admit_digests(p_run, p_payloads, p_identities, p_judged.originals) d;
    PERFORM chancery.run_turn(p_run);
    SELECT * INTO v_run FROM chancery.runs r WHERE r.id = p_run AND r.uid = p_run_uid;
    IF v_run.deleted_at IS NULL AND EXISTS (SELECT FROM chancery.pushes u WHERE u.run_id = p_run AND u.key_hash = ANY (p_keys)) THEN
        answer := 'repeated';
        RETURN;
    END IF;
    answer := chancery.intake_refusal(v_run);
    IF answer IS NOT NULL THEN
        RETURN;
    END IF;
    SELECT t.* INTO v_split FROM chancery.splits t
     WHERE t.run_id = p_run AND t.done_at IS NULL
       AND (SELECT s.description ? 'http' FROM chancery.sources s WHERE s.run_id = p_run AND s.source = t.source)
       FOR UPDATE;
    IF NOT FOUND THEN
        answer := CASE WHEN EXISTS (SELECT FROM chancery.sources s WHERE s.run_id = p_run AND s.description ? 'http')
                       THEN 'sealed' ELSE 'not_pushed' END;
        RETURN;
    END IF;
    start_at := v_split.position;
    IF v_run.policy_hash IS NOT NULL THEN
        v_judged.starts := ARRAY (SELECT start_at + unnest(p_judged.starts));
        v_judged.marked := ARRAY (SELECT start_at + unnest(p_judged.marked));
        v_judged.pending := ARRAY (SELECT start_at + unnest(p_judged.pending));
    END IF;

    SELECT * INTO STRICT v_taken FROM chancery.admit_arrivals(
        v_run, v_split.source, v_split.split, start_at, start_at + p_arrivals, '', false,
        p_payloads, ARRAY (SELECT start_at + unnest(p_places)), v_digests, v_identities,
        ARRAY (SELECT start_at + unnest(p_dead_places)), p_stages, p_reasons, p_raws, v_judged,
        ARRAY (SELECT start_at + unnest(p_traced)), ARRAY (SELECT start_at + unnest(p_traced_to)), p_traces);
    answer := v_taken.answer;
    IF answer = 'held' THEN
        RETURN;
    END IF;
    IF answer = 'full' AND v_taken.admitted IS NULL THEN
        SELECT i.record_limit - a.records - i.pending, i.pending INTO room, waiting
          FROM chancery.intakes i JOIN chancery.admissions a ON a.run_id = i.run_id
         WHERE i.run_id = p_run AND a.records < i.record_limit;
        IF FOUND THEN
            answer := 'no_room';
            duplicate_places := ARRAY (SELECT p_places[k.n] FROM unnest(v_taken.known) WITH ORDINALITY AS k (n, place) ORDER BY k.place);
            RETURN;
        END IF;
    END IF;
    accounted := v_taken.start_at - start_at;
    SELECT a.records - coalesce(v_taken.admitted, 0) + 1 INTO STRICT first_record FROM chancery.admissions a WHERE a.run_id = p_run;
    IF v_taken.duplicates > 0 THEN
        SELECT d.places, d.runs, d.records INTO duplicate_places, duplicate_runs, duplicate_records
          FROM chancery.push_duplicates(p_run, v_split.source, v_split.split, start_at, accounted) d;
    END IF;
    INSERT INTO chancery.pushes (run_id, key_hash, digest, source, split, position, arrivals, first_record)
    SELECT p_run, k.key, k.digest, v_split.source, v_split.split, start_at + k.place, k.arrivals,
           first_record + width_bucket(k.place - 1, p_places) - width_bucket(k.place - 1, coalesce(duplicate_places, '{}'))
      FROM unnest(p_keys, p_key_digests, p_key_places, p_key_arrivals) AS k (key, digest, place, arrivals)
     WHERE k.place < accounted;
    IF answer = 'full' THEN
        PERFORM chancery.pushes_end(p_run);
    END IF;
END
$$;

CREATE FUNCTION chancery.records_told(p_run integer, p_batch bigint, p_after bigint, p_most bigint) RETURNS TABLE(record bigint, data jsonb, traceparent text)
    LANGUAGE plpgsql STABLE
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $_$
DECLARE
    v_batch record;
BEGIN
    EXECUTE format(
        'SELECT greatest(b.first_record, $2 + 1) AS first_record, b.last_record, l.key_id,
                to_char(l.signed_at AT TIME ZONE ''UTC'', ''YYYY-MM-DD"T"HH24:MI:SS.US"Z"'') AS signed_at
           FROM chancery.%I b JOIN chancery.leases l ON l.id = b.lease_id WHERE b.state = ''signed'' AND b.batch = $1', 'batches_' || p_run)
       INTO v_batch USING p_batch, p_after;
    IF v_batch.first_record IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY EXECUTE format(
        'SELECT r.record,
                jsonb_strip_nulls(jsonb_build_object(
                    ''record'', r.record, ''batch'', $1, ''digest'', encode(coalesce(r.digest, sha256(r.payload)), ''hex''), ''key'', $2, ''signedAt'', $3,
                    ''source'', s.name, ''split'', r.split, ''position'', r.position, ''identity'', encode(r.identity, ''hex''))),
                %2$s
           FROM chancery.%1$I r JOIN chancery.sources s ON s.run_id = $4 AND s.source = r.source AND s.confirm
          WHERE r.record BETWEEN $5 AND $6 ORDER BY r.record LIMIT $7', 'records_' || p_run, chancery.trace_query(p_run))
      USING p_batch, v_batch.key_id, v_batch.signed_at, p_run, v_batch.first_record, v_batch.last_record, p_most;
END
$_$;

CREATE FUNCTION chancery.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION '% of %.% is refused: its rows never change once written',
        TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END
$$;

CREATE FUNCTION chancery.refuse_gap() RETURNS trigger
    LANGUAGE plpgsql
    AS $_$
DECLARE
    v_before bigint;
BEGIN
    EXECUTE format('SELECT b.last_record FROM chancery.%I b WHERE b.first_record < $1 ORDER BY b.first_record DESC LIMIT 1',
                   TG_TABLE_NAME)
       INTO v_before USING NEW.first_record;
    IF v_before IS DISTINCT FROM NEW.first_record - 1 THEN
        RAISE EXCEPTION 'the signatures of the records % to % do not go on where others of their batch end',
            NEW.first_record, NEW.last_record USING ERRCODE = 'exclusion_violation';
    END IF;
    RETURN NULL;
END
$_$;

CREATE FUNCTION chancery.refuse_lost_letter() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    IF OLD.state = 'Dead' AND EXISTS (
           SELECT FROM chancery.letter_moves m
            WHERE m.run_id = OLD.run_id AND m.source = OLD.source AND m.split = OLD.split AND m.position = OLD.position
              AND m.became IS NULL) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'an arrival of %.% stays what it is', TG_TABLE_SCHEMA, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END
$$;

CREATE FUNCTION chancery.refuse_part_of_a_batch() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    IF EXISTS (SELECT FROM chancery.leases l WHERE l.id = NEW.id AND l.outcome IS DISTINCT FROM 'signed') THEN
        RAISE EXCEPTION 'lease % does not cover its batch: it is stored to record % only', NEW.id, NEW.stored_to
            USING ERRCODE = 'CH002';
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION chancery.refuse_removal_of_roots() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF EXISTS (SELECT FROM removed g JOIN chancery.runs r ON r.id = g.run_id) THEN
        RAISE EXCEPTION 'DELETE of chancery.batch_roots is refused: its run is in the ledger'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION chancery.replay_list(p_source integer, p_token bytea) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_run integer := chancery.intake_of_session();
    v_wanted jsonb;
    v_other chancery.runs%ROWTYPE;
    v_found boolean;
BEGIN
    SELECT s.description -> 'run' INTO v_wanted FROM chancery.sources s
     WHERE s.run_id = v_run AND s.source = p_source AND s.listed_at IS NULL AND s.token_hash = sha256(p_token)
       FOR UPDATE;
    IF NOT FOUND THEN
        RETURN 'lost';
    END IF;
    SELECT * INTO v_other FROM chancery.runs r WHERE r.id = chancery.replay_run(v_run, v_wanted ->> 'name');
    IF NOT FOUND THEN
        RETURN 'unknown';
    END IF;
    IF v_other.deleted_at IS NOT NULL THEN
        RETURN 'deleted';
    END IF;
    IF v_other.sealed_at IS NULL THEN
        RETURN 'unsealed';
    END IF;
    INSERT INTO chancery.splits (run_id, source, split, part, start, position)
    SELECT v_run, p_source, row_number() OVER (ORDER BY w.place),
           jsonb_build_object('run', v_other.uid, 'rows', w.rows), 0, 0
      FROM unnest(chancery.replay_rows(v_wanted ->> 'select')) WITH ORDINALITY AS w (rows, place)
     WHERE w.rows = 'Records'
        OR EXISTS (SELECT FROM chancery.intakes i WHERE i.run_id = v_other.id AND (w.rows = 'DeadLetters' OR i.rejected > 0));
    v_found := FOUND;
    PERFORM chancery.source_listed(p_source, p_token,
        (SELECT count(*)::integer FROM chancery.splits t WHERE t.run_id = v_run AND t.source = p_source));
    RETURN CASE WHEN v_found THEN 'listed' ELSE 'nothing' END;
END
$$;

CREATE FUNCTION chancery.replay_read(p_source integer, p_split integer, p_token bytea, p_position bigint) RETURNS TABLE(gone boolean, place bigint, payload bytea, stage text, reason text, traceparent text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_custom_plan'
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $$
DECLARE
    v_run integer := chancery.intake_of_session();
    v_part jsonb;
    v_wanted jsonb;
    v_other integer;
    v_name text := (SELECT r.name FROM chancery.runs r WHERE r.id = v_run);
    v_is_noted boolean;
BEGIN
    SELECT t.part, (SELECT s.description -> 'run' FROM chancery.sources s WHERE s.run_id = t.run_id AND s.source = t.source)
      INTO v_part, v_wanted FROM chancery.splits t
     WHERE t.run_id = v_run AND t.source = p_source AND t.split = p_split AND t.token_hash = sha256(p_token);
    IF NOT FOUND OR v_wanted IS NULL OR (v_part ->> 'rows' = ANY (chancery.replay_rows(v_wanted ->> 'select'))) IS NOT TRUE THEN
        RETURN;
    END IF;
    SELECT o.id INTO v_other FROM chancery.runs o
     WHERE o.uid = (v_part ->> 'run')::uuid AND o.deleted_at IS NULL AND o.sealed_at IS NOT NULL
       AND o.id = chancery.replay_run(v_run, v_wanted ->> 'name');
    IF NOT FOUND THEN
        RETURN QUERY SELECT true, NULL::bigint, NULL::bytea, NULL::text, NULL::text, NULL::text;
    ELSIF v_part ->> 'rows' = 'Records' THEN
        RETURN QUERY
        SELECT false, c.record - 1,
               coalesce((SELECT o.payload FROM chancery.originals o WHERE o.run_id = v_other AND o.record = c.record), r.payload), NULL::text, NULL::text,
               (SELECT CASE WHEN t.last_position >= r.position THEN t.traceparent END FROM chancery.traces t
                 WHERE t.run_id = v_other AND t.source = r.source AND t.split = r.split AND t.position <= r.position
                 ORDER BY t.position DESC LIMIT 1)
          FROM (SELECT n.record, sum(n.bytes) OVER (ORDER BY n.record) - n.bytes AS before
                  FROM (SELECT k.record, coalesce((SELECT octet_length(o.payload) FROM chancery.originals o
                                                    WHERE o.run_id = v_other AND o.record = k.record), octet_length(k.payload)) AS bytes
                          FROM chancery.records k
                         WHERE k.run_id = v_other AND k.record > p_position ORDER BY k.record LIMIT 1000) n) c
          JOIN chancery.records r ON r.run_id = v_other AND r.record = c.record AND r.record > p_position AND r.record <= p_position + 1000
         WHERE c.before < 2097152
         ORDER BY c.record;
    ELSE
        v_is_noted := EXISTS (SELECT FROM chancery.letter_acts t WHERE t.run_id = v_other AND t.into_name = v_name);
        RETURN QUERY
        SELECT false, c.place, CASE WHEN c.is_whole THEN a.raw END, a.stage, a.reason,
               (SELECT CASE WHEN t.last_position >= c.position THEN t.traceparent END FROM chancery.traces t
                 WHERE t.run_id = v_other AND t.source = c.source AND t.split = c.split AND t.position <= c.position
                 ORDER BY t.position DESC LIMIT 1)
          FROM (SELECT n.*, sum(n.bytes) OVER (ORDER BY n.place) - n.bytes AS before
                  FROM (SELECT row_number() OVER (ORDER BY d.source, d.split, d.position) - 1 AS place,
                               d.source, d.split, d.position, coalesce(octet_length(d.raw), 0) AS bytes,
                               CASE d.state WHEN 'Rejected' THEN d.raw IS NOT NULL ELSE chancery.letter_is_whole(d.stage, d.raw) END AS is_whole,
                               (SELECT format('%s %s', m.became, t.into_name) FROM chancery.letter_moves m
                                  JOIN chancery.letter_acts t ON t.run_id = m.run_id AND t.act = m.act
                                 WHERE m.run_id = v_other AND m.source = d.source AND m.split = d.split AND m.position = d.position
                                   AND m.became <> 'Dead') AS ended
                          FROM chancery.arrivals d
                         WHERE d.run_id = v_other
                           AND d.state = (CASE v_part ->> 'rows' WHEN 'Rejected' THEN 'Rejected' ELSE 'Dead' END)::chancery.arrival_state) n
                 WHERE n.place >= p_position AND n.ended IS DISTINCT FROM 'Discarded '
                   AND (v_part ->> 'rows' = 'Rejected' OR CASE WHEN v_is_noted THEN n.ended = 'Moved ' || v_name ELSE n.ended IS NULL END) ORDER BY n.place LIMIT 1000) c
          JOIN chancery.arrivals a ON a.run_id = v_other AND a.source = c.source AND a.split = c.split
                                  AND a.position = c.position
         WHERE c.before < 2097152
         ORDER BY c.place;
    END IF;
END
$$;

CREATE FUNCTION chancery.replay_rows(p_select text) RETURNS text[]
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT CASE p_select WHEN 'All' THEN ARRAY['Records', 'DeadLetters']
                         WHEN 'DeadLetters' THEN ARRAY['DeadLetters']
                         WHEN 'Rejected' THEN ARRAY['Rejected'] END
$$;

CREATE FUNCTION chancery.replay_run(p_run integer, p_name text) RETURNS integer
    LANGUAGE plpgsql STABLE
    AS $$
BEGIN
    RETURN (SELECT o.id FROM chancery.runs o JOIN chancery.runs r ON r.namespace = o.namespace
             WHERE r.id = p_run AND o.name = p_name AND o.id <> r.id
               AND o.namespace_uid IS NOT DISTINCT FROM r.namespace_uid);
END
$$;

CREATE FUNCTION chancery.run_admit(p_run integer, p_made_ring boolean, p_limits chancery.limits) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    v_run record;
    v_bits bigint;
    v_held record;
    v_refusal text;
BEGIN
    SELECT r.namespace, k.key_count, k.key_size, k.algorithm, r.batch_size, s.bytes AS signature_bytes,
           chancery.run_bytes(g.record_count, g.record_count, g.record_size, r.batch_size, s.bytes) AS bytes
      INTO STRICT v_run
      FROM chancery.runs r
      JOIN chancery.keyrings k ON k.id = r.keyring_id
     CROSS JOIN LATERAL chancery.signature_bytes(k.algorithm, k.key_size, k.envelope) AS s (bytes)
      LEFT JOIN chancery.generated_sources g ON g.run_id = r.id
     WHERE r.id = p_run;
    IF v_run.batch_size * v_run.signature_bytes > 67108864 THEN
        RAISE EXCEPTION 'the signatures of a batch would have %, and a signer holds 64 MiB of them at the most; give a batchSize of at most % with %',
            chancery.bytes_text(v_run.batch_size * v_run.signature_bytes), 67108864 / v_run.signature_bytes, v_run.algorithm
            USING ERRCODE = 'CH021';
    END IF;
    IF p_limits IS NULL THEN
        RETURN;
    END IF;
    v_bits := CASE WHEN p_made_ring THEN v_run.key_count::bigint * coalesce(v_run.key_size, 256) ELSE 0 END;
    IF v_run.bytes > p_limits.run_bytes THEN
        v_refusal := format(
            'the run would take %s of the database, and one run may take %s; make it smaller, or ask whoever installed Chancery to raise limits.bytesPerRun of the chart''s values',
            chancery.bytes_text(v_run.bytes), chancery.bytes_text(p_limits.run_bytes));
    ELSIF v_bits > p_limits.key_bits THEN
        v_refusal := format(
            'the run asks for %s keys of %s bits, %s bits in all, and one run may have %s bits made; ask for fewer keys, shorter ones or another algorithm (all but RSA count 256 bits per key), or ask whoever installed Chancery to raise limits.keyBitsPerRun of the chart''s values',
            v_run.key_count, coalesce(v_run.key_size, 256), v_bits, p_limits.key_bits);
    END IF;
    IF v_refusal IS NULL AND (p_limits.namespace_runs IS NOT NULL OR p_limits.namespace_bytes IS NOT NULL) THEN
        PERFORM pg_advisory_xact_lock(hashtextextended('chancery.namespace ' || v_run.namespace, 0));
        SELECT count(*) AS runs, sum(chancery.run_taken(r.id)) AS bytes INTO v_held
          FROM chancery.runs r
         WHERE r.namespace = v_run.namespace;
        IF v_held.runs > p_limits.namespace_runs THEN
            v_refusal := format(
                'the run would be number %s of the namespace in the ledger, which may hold %s, kept ones of deleted SigningRuns among them; delete runs that nobody needs (deletionPolicy Delete, or `chancery delete`), or ask whoever installed Chancery to raise limits.runsPerNamespace of the chart''s values',
                v_held.runs, p_limits.namespace_runs);
        ELSIF v_held.bytes > p_limits.namespace_bytes THEN
            v_refusal := format(
                'the runs of the namespace would take %s of the database with this one, which takes %s, and may take %s, kept ones of deleted SigningRuns among them; delete runs that nobody needs (deletionPolicy Delete, or `chancery delete`), or ask whoever installed Chancery to raise limits.bytesPerNamespace of the chart''s values',
                chancery.bytes_text(v_held.bytes), chancery.bytes_text(v_run.bytes),
                chancery.bytes_text(p_limits.namespace_bytes));
        END IF;
    END IF;
    IF v_refusal IS NOT NULL THEN
        RAISE EXCEPTION '%', v_refusal USING ERRCODE = 'CH021';
    END IF;
END
$$;

CREATE FUNCTION chancery.run_adopt(p_run integer, p_former uuid, p_object chancery.object, p_adopt_keyring uuid, p_claimed boolean) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_run record;
BEGIN
    SELECT r.namespace, k.id AS keyring, k.name AS keyring_name INTO v_run
      FROM chancery.runs r JOIN chancery.keyrings k ON k.id = r.keyring_id WHERE r.id = p_run;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF v_run.keyring_name IS NOT NULL THEN
        PERFORM chancery.keyring_name_turn(v_run.namespace, v_run.keyring_name);
    END IF;
    UPDATE chancery.runs r
       SET namespace_uid = p_object.namespace_uid, object_uid = p_object.object_uid,
           adopted_from = CASE WHEN p_claimed THEN r.adopted_from ELSE p_former END,
           adopted_at = CASE WHEN p_claimed THEN r.adopted_at ELSE clock_timestamp() END
     WHERE r.id = p_run AND r.object_uid = p_former AND (NOT p_claimed OR r.namespace_uid IS NULL);
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF v_run.keyring_name IS NOT NULL THEN
        PERFORM chancery.keyring_own(v_run.keyring, p_object, p_adopt_keyring);
    ELSE
        UPDATE chancery.keyrings k
           SET namespace_uid = p_object.namespace_uid, object_uid = p_object.object_uid
         WHERE k.id = v_run.keyring;
    END IF;
    RETURN true;
END
$$;

CREATE FUNCTION chancery.run_bytes(p_to_make bigint, p_to_sign bigint, p_record_size integer, p_batch_size bigint, p_signature_bytes integer) RETURNS numeric
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT p_to_make::numeric * (p_record_size + p_record_size * 3 / 10 + 90)
         + p_to_sign::numeric * (p_signature_bytes + p_signature_bytes / 16)
         + ceil(p_to_sign::numeric / p_batch_size) * 1100
$$;

CREATE FUNCTION chancery.run_complete(p_run integer) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    v_keyring integer := (SELECT r.keyring_id FROM chancery.runs r WHERE r.id = p_run);
    v_turn record;
BEGIN
    v_turn := chancery.keyring_turn(v_keyring);
    UPDATE chancery.runs r SET completed_at = v_turn.instant
     WHERE r.id = p_run AND r.completed_at IS NULL AND r.sealed_at IS NOT NULL AND r.deleted_at IS NULL
       AND (SELECT k.filled_at IS NOT NULL FROM chancery.keyrings k WHERE k.id = v_keyring)
       AND EXISTS (SELECT FROM chancery.sinks s WHERE s.run_id = p_run)
       AND NOT chancery.run_undelivered(p_run);
    IF FOUND THEN
        PERFORM chancery.event_completed(p_run);
    END IF;
END
$$;

CREATE FUNCTION chancery.run_create(p_namespace text, p_name text, p_keyring text, p_keyring_uid uuid, p_data_key_fingerprint text, p_data_key bytea, p_kek_fingerprint text, p_algorithm chancery.algorithm, p_key_size integer, p_key_count integer, p_default_algorithm chancery.algorithm, p_default_key_size integer, p_envelope chancery.envelope, p_content_type text, p_batch_size bigint, p_lease_duration interval, p_suspended boolean, p_record_count bigint, p_record_size integer, p_chunk_size bigint, p_sources jsonb, p_idempotency chancery.idempotency, p_expression text, p_digest_window interval, p_dead_limit bigint, p_dead_retention interval, p_object chancery.object, p_adopt_keyring uuid, p_limits chancery.limits, p_policy_name text, p_policy text, p_sinks jsonb, p_notifications jsonb) RETURNS TABLE(run_id integer, created boolean)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE
    v_run integer;
    v_keyring integer;
    v_made_ring boolean;
    v_parent text;
    v_options text;
    v_guards text;
    v_is_pushed boolean := coalesce(jsonb_path_exists(p_sources, '$[*].description.http'), false);
BEGIN
    -- Runs of one name queue here; the second then finds the first one's run.
    PERFORM pg_advisory_xact_lock(hashtextextended('chancery.run ' || p_namespace || '/' || p_name, 0));
    SELECT r.id INTO v_run FROM chancery.runs r WHERE r.namespace = p_namespace AND r.name = p_name;
    IF FOUND THEN
        RETURN QUERY SELECT v_run, false;
        RETURN;
    END IF;
    SELECT f.keyring, f.made INTO v_keyring, v_made_ring
      FROM chancery.keyring_find_or_create(
               p_namespace, p_keyring, p_keyring_uid, p_data_key_fingerprint, p_data_key, p_kek_fingerprint,
               p_algorithm, p_key_size, p_key_count, p_default_algorithm, p_default_key_size,
               p_envelope, p_content_type, p_object, p_adopt_keyring) f;
    IF p_policy IS NOT NULL AND p_sources IS NULL THEN
        RAISE EXCEPTION 'generated records are judged by no policy' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- Whoever forgets it at this moment (policy_forget) has done so before it is locked here, or finds the run that names it.
    WHILE p_policy IS NOT NULL LOOP
        INSERT INTO chancery.policies (hash, text, asks)
        VALUES (sha256(convert_to(p_policy, 'UTF8')), p_policy, chancery.policy_asks(p_policy)) ON CONFLICT DO NOTHING;
        PERFORM FROM chancery.policies p WHERE p.hash = sha256(convert_to(p_policy, 'UTF8')) FOR KEY SHARE;
        EXIT WHEN FOUND;
    END LOOP;
    INSERT INTO chancery.runs (namespace, name, keyring_id, batch_size, lease_duration, suspended, namespace_uid, object_uid,
                               policy_name, policy_hash)
    VALUES (p_namespace, p_name, v_keyring, p_batch_size, p_lease_duration, p_suspended,
            p_object.namespace_uid, p_object.object_uid, p_policy_name, sha256(convert_to(p_policy, 'UTF8')))
    RETURNING id INTO v_run;
    INSERT INTO chancery.admissions (run_id) VALUES (v_run);
    IF p_sources IS NULL THEN
        INSERT INTO chancery.generated_sources (run_id, record_count, record_size, chunk_size)
        VALUES (v_run, p_record_count, p_record_size, p_chunk_size);
    END IF;
    PERFORM chancery.run_admit(v_run, v_made_ring, p_limits);
    -- Each signature has the length that the ring gives, and no record is in two blocks: a block is of one batch, no two
    -- begin with the same record, and one that does not begin its batch goes on where another ends (refuse_gap). Where a
    -- batch may be closed before it is full, the numbers of its records do not tell it: there no two ranges may meet. (None is
    -- empty: an empty one would meet nothing, and any number of them would fit.)
    SELECT CASE WHEN v_is_pushed
                THEN format(', CHECK (first_record <= last_record '
                            'AND octet_length(signatures) = (last_record - first_record + 1) * %s), '
                            'EXCLUDE USING gist ((CASE WHEN first_record <= last_record AND last_record < 9223372036854775807 '
                            'THEN int8range(first_record, last_record, ''[]'') END) WITH &&)', b.bytes)
                ELSE format(', UNIQUE (first_record), CHECK '
                            '(chancery.block_is_sound(first_record, last_record, octet_length(signatures), %s, %s))',
                            b.bytes, p_batch_size) END
      INTO STRICT v_guards
      FROM chancery.keyrings k, chancery.signature_bytes(k.algorithm, k.key_size, k.envelope) b (bytes) WHERE k.id = v_keyring;
    FOREACH v_parent IN ARRAY ARRAY['records', 'batches', 'signature_blocks'] LOOP
        v_options := CASE WHEN v_parent <> 'batches'
                          THEN 'WITH (autovacuum_vacuum_threshold = 50000, toast.autovacuum_vacuum_threshold = 50000, '
                               'autovacuum_vacuum_insert_threshold = -1, toast.autovacuum_vacuum_insert_threshold = -1, '
                               'autovacuum_analyze_threshold = 2147483647)' ELSE '' END;
        EXECUTE format('CREATE TABLE chancery.%I (LIKE chancery.%I INCLUDING ALL%s) %s',
                       v_parent || '_' || v_run, v_parent, CASE WHEN v_parent = 'signature_blocks' THEN v_guards END, v_options);
        EXECUTE format('ALTER TABLE chancery.%I ATTACH PARTITION chancery.%I FOR VALUES IN (%s)',
                       v_parent, v_parent || '_' || v_run, v_run);
    END LOOP;
    IF NOT v_is_pushed THEN
        EXECUTE format('CREATE TRIGGER signature_blocks_leave_no_gap AFTER INSERT ON chancery.%I FOR EACH ROW '
                       'WHEN ((NEW.first_record - 1) %% %s <> 0) EXECUTE FUNCTION chancery.refuse_gap()',
                       'signature_blocks_' || v_run, p_batch_size);
    END IF;
    IF p_sinks IS NOT NULL THEN
        PERFORM chancery.run_sinks(v_run, p_sinks);
    END IF;
    IF p_notifications IS NOT NULL THEN
        PERFORM chancery.run_notifications(v_run, p_notifications);
    END IF;
    PERFORM chancery.run_functions(v_run);
    IF p_sources IS NOT NULL THEN
        PERFORM chancery.run_sources(v_run, p_sources, p_idempotency, p_expression, p_digest_window, p_record_count, p_dead_limit, p_dead_retention);
    END IF;
    IF p_notifications IS NOT NULL THEN
        PERFORM chancery.event_started(v_run);
    END IF;
    RETURN QUERY SELECT v_run, true;
END
$_$;

CREATE FUNCTION chancery.run_failed(p_run integer, p_run_uid uuid, p_reason text, p_message text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
BEGIN
    IF num_nulls(p_run, p_run_uid, p_reason, p_message) > 0 OR (p_reason ~ '^[A-Za-z]{1,64}$') IS NOT TRUE THEN
        RAISE EXCEPTION 'a run that failed has a reason, of one word, and a message' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- Whoever completes it changes this row, and then waits, or is seen.
    PERFORM FROM chancery.runs r
      WHERE r.id = p_run AND r.uid = p_run_uid AND r.deleted_at IS NULL AND r.completed_at IS NULL FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM chancery.event_write(p_run, 'run.failed', p_reason,
                                 jsonb_build_object('reason', p_reason, 'message', left(p_message, 1024)));
    RETURN true;
END
$_$;

CREATE FUNCTION chancery.run_functions(p_run integer) RETURNS void
    LANGUAGE plpgsql
    AS $_$
DECLARE
    v_deliveries text := (SELECT string_agg(format('(p_batch, %s, %s)', s.sink, p_run), ', ' ORDER BY s.sink)
                            FROM chancery.sinks s WHERE s.run_id = p_run);
    v_events text := (SELECT string_agg(format('(''%s/'' || p_batch, %s, %s)', e.event, n.notification, p_run), ', ' ORDER BY n.notification, e.event)
                        FROM chancery.notifications n JOIN unnest(ARRAY['batch.signed', 'record.signed']) AS e (event) ON e.event = ANY (n.events)
                       WHERE n.run_id = p_run);
    v_after text := concat_ws(' ',
        format('INSERT INTO chancery.%I (batch, sink, run_id) VALUES ', 'deliveries_' || p_run) || v_deliveries || ';',
        format('INSERT INTO chancery.%I (what, notification, run_id) VALUES ', 'events_' || p_run) || v_events || ';');
BEGIN
    IF to_regproc('chancery.batch_claim_' || p_run) IS NOT NULL THEN
        EXECUTE format('DROP FUNCTION chancery.%I, chancery.%I', 'batch_claim_' || p_run, 'batch_sign_' || p_run);
    END IF;
    EXECUTE format($claim$
        CREATE FUNCTION chancery.%1$I(
            p_floor bigint, OUT lease_id bigint, OUT batch bigint, OUT first_record bigint, OUT last_record bigint,
            OUT payload_bytes bigint, OUT pending boolean)
        LANGUAGE plpgsql AS $body$
        DECLARE
            v_floor bigint;
        BEGIN
            FOREACH v_floor IN ARRAY ARRAY[p_floor, 1] LOOP
                UPDATE chancery.%2$I b SET state = 'leased', lease_id = nextval('chancery.leases_id_seq')
                 WHERE b.batch = (
                       SELECT u.batch FROM chancery.%2$I u
                        WHERE u.batch >= v_floor AND u.state = 'unsigned' AND u.state <> 'signed'
                        ORDER BY u.batch LIMIT 1 FOR UPDATE SKIP LOCKED)
                RETURNING b.lease_id, b.batch, b.first_record, b.last_record, b.payload_bytes
                     INTO lease_id, batch, first_record, last_record, payload_bytes;
                IF FOUND THEN
                    RETURN;
                END IF;
            END LOOP;
            pending := EXISTS (SELECT FROM chancery.%2$I b WHERE b.state <> 'signed');
        END
        $body$
        $claim$, 'batch_claim_' || p_run, 'batches_' || p_run);
    EXECUTE format($sign$
        CREATE FUNCTION chancery.%1$I(
            p_batch bigint, p_lease bigint, p_stored_to bigint, p_first bigint, p_end bigint,
            p_library chancery.signing_library) RETURNS boolean
        LANGUAGE plpgsql AS $body$
        BEGIN
            UPDATE chancery.%2$I b SET state = 'signed', library = p_library
             WHERE b.batch = p_batch AND b.lease_id = p_lease AND b.last_record = p_end
               AND p_first = coalesce(p_stored_to + 1, b.first_record);
            %3$s
        END
        $body$
        $sign$, 'batch_sign_' || p_run, 'batches_' || p_run,
        CASE WHEN v_after = '' THEN 'RETURN FOUND;' ELSE 'IF NOT FOUND THEN RETURN false; END IF; ' || v_after || ' RETURN true;' END);
    -- PostgreSQL lets everybody call a new function.
    EXECUTE format('REVOKE ALL ON FUNCTION chancery.%I, chancery.%I FROM PUBLIC',
                   'batch_claim_' || p_run, 'batch_sign_' || p_run);
END
$_$;

CREATE FUNCTION chancery.run_notifications(p_run integer, p_notifications jsonb) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO chancery.notifications (run_id, notification, name, description, events, attempt_limit)
    SELECT p_run, s.n, s.one ->> 'name', s.one -> 'description',
           ARRAY (SELECT e.event FROM jsonb_array_elements_text(s.one -> 'events') WITH ORDINALITY AS e (event, n) ORDER BY e.n),
           (s.one ->> 'attemptLimit')::integer
      FROM jsonb_array_elements(p_notifications) WITH ORDINALITY AS s (one, n);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'a run that tells of something has somebody to tell' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    EXECUTE format('CREATE TABLE chancery.%I (LIKE chancery.events INCLUDING ALL)', 'events_' || p_run);
    EXECUTE format('ALTER TABLE chancery.events ATTACH PARTITION chancery.%I FOR VALUES IN (%s)', 'events_' || p_run, p_run);
END
$$;

CREATE FUNCTION chancery.run_of_session() RETURNS integer
    LANGUAGE plpgsql STABLE
    AS $$
BEGIN
    RETURN (SELECT l.run_id FROM chancery.logins l WHERE l.name = session_user AND l.work = 'Sign');
END
$$;

CREATE FUNCTION chancery.run_policy(p_run integer, p_run_uid uuid) RETURNS TABLE(hash bytea, text text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 1
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RETURN QUERY
    SELECT p.hash, p.text FROM chancery.runs r JOIN chancery.policies p ON p.hash = r.policy_hash
     WHERE r.id = p_run AND r.uid = p_run_uid AND r.deleted_at IS NULL;
END
$$;

CREATE FUNCTION chancery.run_refusal(p_run chancery.runs) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT CASE
        WHEN (p_run).id IS NULL THEN 'unknown'
        WHEN (p_run).deleted_at IS NOT NULL THEN 'deleted'
        WHEN (p_run).completed_at IS NOT NULL THEN 'complete'
        WHEN (p_run).suspended OR (p_run).too_many_dead THEN 'suspended'
    END
$$;

CREATE FUNCTION chancery.run_remove(p_run integer) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_policy bytea := (SELECT r.policy_hash FROM chancery.runs r WHERE r.id = p_run);
    v_keyring integer;
    v_named boolean;
    v_turn record;
BEGIN
    SELECT r.keyring_id, k.name IS NOT NULL INTO v_keyring, v_named
      FROM chancery.runs r JOIN chancery.keyrings k ON k.id = r.keyring_id WHERE r.id = p_run;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    EXECUTE format('DROP FUNCTION IF EXISTS chancery.%I, chancery.%I', 'batch_claim_' || p_run, 'batch_sign_' || p_run);
    -- The turn before the row: lease_acquire marks a run complete in the ring's turn.
    v_turn := chancery.keyring_turn(v_keyring);
    IF v_named THEN
        INSERT INTO chancery.deleted_runs (run_id, keyring_id, namespace, name, last_use, deleted_at)
        SELECT r.id, r.keyring_id, r.namespace, r.name, v_turn.last_use, v_turn.instant
          FROM chancery.runs r WHERE r.id = p_run;
        DELETE FROM chancery.runs r WHERE r.id = p_run;
        DELETE FROM chancery.batch_roots b WHERE b.run_id = p_run;
        PERFORM chancery.policy_forget(v_policy);
        RETURN;
    END IF;
    DELETE FROM chancery.runs r WHERE r.id = p_run;
    DELETE FROM chancery.batch_roots b WHERE b.run_id = p_run;
    PERFORM chancery.keyring_remove(v_keyring);
    PERFORM chancery.policy_forget(v_policy);
END
$$;

CREATE FUNCTION chancery.run_seal(p_run integer) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_custom_plan'
    AS $$
DECLARE
    v_run chancery.runs%ROWTYPE;
    v_intake chancery.admissions%ROWTYPE;
    v_now timestamptz;
    v_stored bigint;
    v_bytes bigint;
BEGIN
    PERFORM chancery.run_turn(p_run);
    -- Whoever removes the run takes its row first, and finds it sealed or not at all.
    SELECT * INTO v_run FROM chancery.runs r WHERE r.id = p_run FOR UPDATE;
    IF NOT FOUND OR v_run.deleted_at IS NOT NULL THEN
        RETURN false;
    END IF;
    IF v_run.sealed_at IS NOT NULL THEN
        RETURN true;
    END IF;
    SELECT * INTO STRICT v_intake FROM chancery.admissions a WHERE a.run_id = p_run;
    IF v_intake.records < (SELECT g.record_count FROM chancery.generated_sources g WHERE g.run_id = p_run)
       OR chancery.sources_open(p_run, v_intake.records)
       OR EXISTS (SELECT FROM chancery.intakes i WHERE i.run_id = p_run AND i.pending > 0) THEN
        RETURN false;
    END IF;
    v_now := clock_timestamp();
    IF v_intake.batched < v_intake.records THEN
        SELECT count(*), sum(octet_length(r.payload)) INTO v_stored, v_bytes FROM chancery.records r
         WHERE r.run_id = p_run AND r.record > v_intake.batched AND r.record <= v_intake.records;
        IF v_stored <> v_intake.records - v_intake.batched THEN
            RAISE EXCEPTION 'run %: of the records % to % some are missing', p_run,
                v_intake.batched + 1, v_intake.records USING ERRCODE = 'data_exception';
        END IF;
        INSERT INTO chancery.batches (batch, run_id, first_record, last_record, payload_bytes,
                                      opened_at, closed_at, closed_by)
        VALUES (v_intake.batches + 1, p_run, v_intake.batched + 1, v_intake.records, v_bytes,
                least(v_intake.opened_at, v_now), v_now, 'Sealed');
        UPDATE chancery.admissions a SET batches = a.batches + 1, batched = a.records, opened_at = NULL
         WHERE a.run_id = p_run;
    END IF;
    UPDATE chancery.runs r SET record_count = v_intake.records, sealed_at = v_now WHERE r.id = p_run;
    RETURN true;
END
$$;

CREATE FUNCTION chancery.run_settle(p_run integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
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

CREATE FUNCTION chancery.run_show(p_namespace text, p_name text) RETURNS TABLE(id integer, uid uuid, made_at bigint, batch_size bigint, sealed_records bigint, suspended boolean, sealed boolean, complete boolean, deleted boolean, record_count bigint, record_size integer, chunk_size bigint, idempotency text, expression text, digest_window double precision, record_limit bigint, dead_limit bigint, dead_retention double precision, sources text, keyring_id integer, keyring_uid uuid, keyring_name text, algorithm text, key_size integer, key_count integer, provider text, envelope text, content_type text, filled boolean, policy_name text, policy_hash bytea, policy_asks boolean)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RETURN QUERY
    SELECT r.id, r.uid, floor(extract(epoch FROM r.created_at))::bigint, r.batch_size, r.record_count,
           r.suspended, r.sealed_at IS NOT NULL, r.completed_at IS NOT NULL, r.deleted_at IS NOT NULL,
           g.record_count, g.record_size, g.chunk_size,
           i.idempotency::text, i.expression, extract(epoch FROM i.digest_window)::double precision, i.record_limit, i.dead_limit,
           extract(epoch FROM i.dead_retention)::double precision,
           (SELECT jsonb_agg(jsonb_build_object('name', s.name) || CASE WHEN s.description ? 'http' THEN s.description ELSE '{}' END
                             ORDER BY s.source)
              FROM chancery.sources s WHERE s.run_id = r.id)::text,
           k.id, k.uid, k.name, k.algorithm::text, k.key_size, k.key_count, k.provider::text, k.envelope::text, k.content_type,
           k.filled_at IS NOT NULL, r.policy_name, r.policy_hash,
           coalesce((SELECT p.asks FROM chancery.policies p WHERE p.hash = r.policy_hash), false)
      FROM chancery.runs r
      JOIN chancery.keyrings k ON k.id = r.keyring_id
      LEFT JOIN chancery.generated_sources g ON g.run_id = r.id
      LEFT JOIN chancery.intakes i ON i.run_id = r.id
     WHERE r.namespace = p_namespace AND r.name = p_name AND (g.run_id IS NOT NULL OR i.run_id IS NOT NULL);
END
$$;

CREATE FUNCTION chancery.run_signed(p_run integer, OUT batches bigint, OUT records bigint) RETURNS record
    LANGUAGE plpgsql STABLE STRICT
    SET plan_cache_mode TO 'force_custom_plan'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    AS $$
DECLARE
    v_front bigint;
BEGIN
    batches := 0;
    records := 0;
    SELECT max(l.batch) INTO v_front FROM chancery.leases l
     WHERE l.run_id = p_run AND NOT l.returned;
    IF v_front IS NULL THEN
        RETURN;
    END IF;
    SELECT v_front - count(*), coalesce(sum(b.first_record - b.last_record - 1), 0) INTO batches, records
      FROM chancery.batches b
     WHERE b.run_id = p_run AND b.state <> 'signed' AND b.batch <= v_front;
    records := records + coalesce((SELECT b.last_record FROM chancery.batches b
                                    WHERE b.run_id = p_run AND b.batch = v_front), 0);
    RAISE EXCEPTION USING ERRCODE = 'CH009';
EXCEPTION
    WHEN SQLSTATE 'CH009' THEN
        RETURN;
END
$$;

CREATE FUNCTION chancery.run_signing_keys(p_run integer) RETURNS TABLE(number integer, key_id uuid, public_key bytea)
    LANGUAGE plpgsql STABLE
    AS $$
BEGIN
    RETURN QUERY
    SELECT k.number, k.id, y.public_key
      FROM (SELECT DISTINCT l.key_id FROM chancery.leases l WHERE l.run_id = p_run AND l.outcome = 'signed') s
      JOIN chancery.keys k ON k.id = s.key_id
      JOIN chancery.key_material y ON y.key_id = k.id;
END
$$;

CREATE FUNCTION chancery.run_sinks(p_run integer, p_sinks jsonb) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO chancery.sinks (run_id, sink, name, description, ordered, attempt_limit)
    SELECT p_run, s.n, s.sink ->> 'name', s.sink -> 'description', (s.sink ->> 'ordered')::boolean, (s.sink ->> 'attemptLimit')::integer
      FROM jsonb_array_elements(p_sinks) WITH ORDINALITY AS s (sink, n);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'a run that delivers has a sink' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    INSERT INTO chancery.manifests (run_id, sink)
    SELECT p_run, s.sink FROM chancery.sinks s WHERE s.run_id = p_run AND s.description ?| ARRAY['objects', 'http', 'table'];
    EXECUTE format('CREATE TABLE chancery.%I (LIKE chancery.deliveries INCLUDING ALL)', 'deliveries_' || p_run);
    EXECUTE format('ALTER TABLE chancery.deliveries ATTACH PARTITION chancery.%I FOR VALUES IN (%s)', 'deliveries_' || p_run, p_run);
END
$$;

CREATE FUNCTION chancery.run_sources(p_run integer, p_sources jsonb, p_idempotency chancery.idempotency, p_expression text, p_digest_window interval, p_record_limit bigint, p_dead_limit bigint, p_dead_retention interval) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    v_ring integer := (SELECT r.keyring_id FROM chancery.runs r WHERE r.id = p_run);
    v_is_judged boolean := (SELECT r.policy_hash IS NOT NULL FROM chancery.runs r WHERE r.id = p_run);
    v_is_traced boolean;
    v_part text;
    -- What a policy enriched is known by what it was before.
    v_digests text := CASE p_idempotency WHEN 'None' THEN 'digest IS NULL AND identity IS NULL'
                                         WHEN 'Content' THEN 'octet_length(digest) = 32 AND '
                                              || CASE WHEN v_is_judged THEN 'coalesce(octet_length(identity), 32) = 32' ELSE 'identity IS NULL' END
                                         ELSE 'octet_length(digest) = 32 AND octet_length(identity) = 32' END;
BEGIN
    INSERT INTO chancery.intakes (run_id, idempotency, expression, digest_window, record_limit, dead_limit, dead_retention)
    VALUES (p_run, p_idempotency, p_expression, p_digest_window, p_record_limit, p_dead_limit, p_dead_retention);
    INSERT INTO chancery.sources (run_id, source, name, description, confirm)
    SELECT p_run, s.n, s.source ->> 'name', s.source -> 'description', coalesce((s.source ->> 'confirm')::boolean, false)
      FROM jsonb_array_elements(p_sources) WITH ORDINALITY AS s (source, n);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'a run without a source of its own has generated records' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- What is pushed may come in a trace, as may events, and what another run was offered.
    v_is_traced := EXISTS (SELECT FROM chancery.sources s
                            WHERE s.run_id = p_run
                              AND (s.description ?| ARRAY['http', 'run'] OR s.description #>> '{format,type}' = 'CloudEvents'));
    -- What is pushed counts its arrivals: nobody lists it.
    INSERT INTO chancery.splits (run_id, source, split, part, start, position)
    SELECT p_run, s.source, 1, '{"type": "Pushed"}', 0, 0 FROM chancery.sources s
     WHERE s.run_id = p_run AND s.description ? 'http';
    EXECUTE format('ALTER TABLE chancery.%I ADD CHECK ((source IS NOT NULL AND split IS NOT NULL AND position IS NOT NULL'
                   ' AND %s) IS TRUE)', 'records_' || p_run, v_digests);
    EXECUTE format('CREATE TABLE chancery.%I (LIKE chancery.arrivals INCLUDING ALL)', 'arrivals_' || p_run);
    EXECUTE format('ALTER TABLE chancery.arrivals ATTACH PARTITION chancery.%I FOR VALUES IN (%s)',
                   'arrivals_' || p_run, p_run);
    FOREACH v_part IN ARRAY CASE WHEN v_is_judged THEN ARRAY['flags', 'alerts', 'originals', 'judgements', 'pendings', 'answers'] ELSE '{}' END
                            || CASE WHEN v_is_traced THEN ARRAY['traces'] ELSE '{}' END LOOP
        EXECUTE format('CREATE TABLE chancery.%I (LIKE chancery.%I INCLUDING ALL)', v_part || '_' || p_run, v_part);
        EXECUTE format('ALTER TABLE chancery.%I ATTACH PARTITION chancery.%I FOR VALUES IN (%s)', v_part, v_part || '_' || p_run, p_run);
    END LOOP;
    IF p_idempotency = 'None' OR to_regclass(format('chancery.%I', 'digests_' || v_ring)) IS NOT NULL THEN
        RETURN;
    END IF;
    -- Rows are written once and found by their key: only what a deleted run leaves behind has to be collected.
    EXECUTE format('CREATE TABLE chancery.%I (LIKE chancery.digests INCLUDING ALL)'
                   ' WITH (autovacuum_vacuum_insert_threshold = -1, autovacuum_analyze_threshold = 2147483647)',
                   'digests_' || v_ring);
    EXECUTE format('ALTER TABLE chancery.digests ATTACH PARTITION chancery.%I FOR VALUES IN (%s)',
                   'digests_' || v_ring, v_ring);
END
$$;

CREATE FUNCTION chancery.run_taken(p_run integer) RETURNS numeric
    LANGUAGE plpgsql STABLE
    AS $$
BEGIN
    RETURN (SELECT chancery.part_bytes('deliveries_' || p_run) + chancery.part_bytes('events_' || p_run)
                 + coalesce(chancery.run_bytes(g.record_count, g.record_count, g.record_size, r.batch_size, s.bytes),
                            -- Beside its payloads, a record has its digest, once more in an index, and its position. Arrivals that
                            -- are no records, with what was kept of them, what waits, and what a policy and others said of records are taken
                            -- as they are.
                            i.payload_bytes * 1.25 + (i.received - i.admitted) * 60
                                + (SELECT coalesce(sum(chancery.part_bytes(t || '_' || p_run)), 0)
                                     FROM unnest(ARRAY['arrivals', 'flags', 'alerts', 'originals', 'pendings', 'answers', 'traces']) AS p (t))
                                + (SELECT coalesce(sum(o.listed_bytes), 0) FROM chancery.sources o WHERE o.run_id = p_run)
                                + chancery.run_bytes(i.admitted, i.admitted, 150, r.batch_size, s.bytes))
              FROM chancery.runs r
              JOIN chancery.keyrings k ON k.id = r.keyring_id
             CROSS JOIN LATERAL chancery.signature_bytes(k.algorithm, k.key_size, k.envelope) AS s (bytes)
              LEFT JOIN chancery.generated_sources g ON g.run_id = r.id
              LEFT JOIN chancery.intakes i ON i.run_id = r.id
             WHERE r.id = p_run);
END
$$;

CREATE FUNCTION chancery.run_turn(p_run integer) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    -- Whatever is read after this call has to include what earlier turns wrote: see keyring_turn.
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'admitting records needs READ COMMITTED, the transaction is %',
            upper(current_setting('transaction_isolation')) USING ERRCODE = 'invalid_transaction_state';
    END IF;
    -- The first number is the namespace of Chancery's locks of runs.
    PERFORM pg_advisory_xact_lock(1128814159, p_run);
END
$$;

CREATE FUNCTION chancery.run_undelivered(p_run integer) RETURNS boolean
    LANGUAGE plpgsql STABLE
    AS $$
BEGIN
    RETURN EXISTS (SELECT FROM chancery.sinks s
                    WHERE s.run_id = p_run
                      AND s.delivered + s.dead < (SELECT a.batches FROM chancery.admissions a WHERE a.run_id = p_run))
        OR EXISTS (SELECT FROM chancery.manifests m WHERE m.run_id = p_run AND m.ended_at IS NULL);
END
$$;

CREATE FUNCTION chancery.run_untold(p_run integer) RETURNS boolean
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    AS $$
DECLARE
    v_untold boolean := false;
BEGIN
    IF to_regclass(format('chancery.%I', 'events_' || p_run)) IS NOT NULL THEN
        EXECUTE format('SELECT EXISTS (SELECT FROM chancery.%I e WHERE e.state = ''Pending'')', 'events_' || p_run) INTO v_untold;
    END IF;
    RETURN v_untold;
END
$$;

CREATE FUNCTION chancery.runs_standing(p_runs integer[]) RETURNS TABLE(id integer, received bigint, admitted bigint, duplicates bigint, dead bigint, rejected bigint, signed bigint, suspended boolean, sealed boolean, complete boolean)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RETURN QUERY
    SELECT r.id,
           coalesce(i.received, a.records),
           a.records,
           coalesce(i.duplicates, 0),
           coalesce(i.dead, 0),
           coalesce(i.rejected, 0),
           CASE WHEN r.completed_at IS NULL THEN done.records ELSE a.batched END,
           r.suspended OR r.too_many_dead,
           r.sealed_at IS NOT NULL,
           r.completed_at IS NOT NULL
      FROM chancery.runs r
      JOIN chancery.admissions a ON a.run_id = r.id
      LEFT JOIN chancery.intakes i ON i.run_id = r.id
     CROSS JOIN LATERAL chancery.run_signed(CASE WHEN r.completed_at IS NULL THEN r.id END) done
     WHERE r.id = ANY (p_runs) AND r.deleted_at IS NULL
     ORDER BY r.id;
END
$$;

CREATE FUNCTION chancery.signature_bytes(p_algorithm chancery.algorithm, p_key_size integer, p_envelope chancery.envelope) RETURNS integer
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT CASE p_algorithm
        WHEN 'RS256' THEN p_key_size / 8
        WHEN 'PS256' THEN p_key_size / 8
        WHEN 'ES384' THEN 96
        WHEN 'ML-DSA-44' THEN 2420
        WHEN 'ML-DSA-65' THEN 3309
        WHEN 'ML-DSA-87' THEN 4627
        ELSE CASE WHEN p_envelope = 'EIP191' THEN 65 ELSE 64 END
    END
$$;

CREATE FUNCTION chancery.signatures_of(p_run integer, p_run_uid uuid, p_records bigint[], p_payload_bytes bigint) RETURNS TABLE(record bigint, digest bytea, key_id uuid, signature bytea, signed_at text, flags text, payload bytea)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $_$
DECLARE
    v_run chancery.runs%ROWTYPE;
    v_is_whole boolean;
    v_found text;
    v_chosen text;
    v_query text;
BEGIN
    SELECT * INTO v_run FROM chancery.runs r WHERE r.id = p_run AND r.uid = p_run_uid AND r.deleted_at IS NULL;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT p_payload_bytes > 0 AND k.envelope::text IN ('JWS', 'COSESign1', 'DSSE') INTO v_is_whole
      FROM chancery.keyrings k WHERE k.id = v_run.keyring_id;
    v_found := '(CASE WHEN c.first_record <= c.last_record AND c.last_record < 9223372036854775807
                              THEN int8range(c.first_record, c.last_record, ''[]'') END) @> n.record LIMIT 1';
    -- Which ones, by nothing but the lengths of their payloads: what is beyond costs neither its payload nor its signature.
    v_chosen := CASE WHEN v_is_whole THEN format(
        '(SELECT w.record, w.place
            FROM (SELECT n.record, n.place, sum(octet_length(r.payload)) OVER (ORDER BY n.place) - octet_length(r.payload) AS before
                    FROM unnest($1) WITH ORDINALITY AS n (record, place)
                   CROSS JOIN LATERAL (SELECT 1 FROM chancery.%1$I c WHERE %3$s) b
                    JOIN chancery.%2$I r ON r.record = n.record) w
           WHERE w.before < $3 OFFSET 0) AS n', 'signature_blocks_' || p_run, 'records_' || p_run, v_found)
        ELSE 'unnest($1) WITH ORDINALITY AS n (record, place)' END;
    v_query := format(
        'SELECT n.record, coalesce(r.digest, sha256(r.payload)) AS digest, l.key_id,
                substring(b.signatures FROM ((n.record - b.first_record) * b.bytes + 1)::integer FOR b.bytes::integer) AS signature,
                to_char(l.signed_at AT TIME ZONE ''UTC'', ''YYYY-MM-DD"T"HH24:MI:SS.US"Z"'') AS signed_at, %3$s AS flags, %4$s
           FROM %5$s
          CROSS JOIN LATERAL (
                 SELECT c.first_record, c.lease_id, c.signatures,
                        octet_length(c.signatures) / (c.last_record - c.first_record + 1) AS bytes
                   FROM chancery.%1$I c
                  WHERE %6$s) b
           JOIN chancery.leases l ON l.id = b.lease_id AND l.run_id = $2
           JOIN chancery.%2$I r ON r.record = n.record
          ORDER BY n.place', 'signature_blocks_' || p_run, 'records_' || p_run,
        CASE WHEN v_run.policy_hash IS NULL THEN 'NULL::text'
             ELSE format('(SELECT f.hits::text FROM chancery.%I f WHERE f.record = n.record)', 'flags_' || p_run) END,
        CASE WHEN v_is_whole THEN 'r.payload' ELSE 'NULL::bytea' END, v_chosen, v_found);
    RETURN QUERY EXECUTE v_query USING p_records, p_run, p_payload_bytes;
END
$_$;

CREATE FUNCTION chancery.signer_run(p_namespace text, p_name text, OUT id integer, OUT uid uuid, OUT ledger_uid uuid, OUT namespace text, OUT name text, OUT keyring_uid uuid, OUT algorithm text, OUT key_size integer, OUT envelope text, OUT content_type text, OUT filled boolean, OUT data_key_fingerprint text, OUT deleted boolean) RETURNS SETOF record
    LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER ROWS 1
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET enable_sort TO 'off'
    AS $$
DECLARE
    v_run chancery.runs%ROWTYPE;
BEGIN
    SELECT * INTO v_run FROM chancery.runs r WHERE r.id = chancery.run_of_session();
    IF v_run.namespace = p_namespace AND v_run.name = p_name THEN
        RETURN QUERY
        SELECT v_run.id, v_run.uid, (SELECT l.uid FROM chancery.ledger l), v_run.namespace, v_run.name,
               k.uid, k.algorithm::text, k.key_size, k.envelope::text, k.content_type, k.filled_at IS NOT NULL, k.data_key_fingerprint,
               v_run.deleted_at IS NOT NULL
          FROM chancery.keyrings k WHERE k.id = v_run.keyring_id;
    END IF;
END
$$;

CREATE FUNCTION chancery.source_listed(p_source integer, p_token bytea, p_splits integer) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_run integer := chancery.intake_of_session();
    v_found bigint;
BEGIN
    PERFORM FROM chancery.sources s
      WHERE s.run_id = v_run AND s.source = p_source AND s.listed_at IS NULL AND s.token_hash = sha256(p_token)
        FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    SELECT count(*) INTO v_found FROM chancery.splits t WHERE t.run_id = v_run AND t.source = p_source;
    IF v_found IS DISTINCT FROM p_splits OR v_found <> (SELECT coalesce(max(t.split), 0) FROM chancery.splits t
                                           WHERE t.run_id = v_run AND t.source = p_source) THEN
        RAISE EXCEPTION 'source % has % splits, not %, or a number among them is missing', p_source, v_found, p_splits
            USING ERRCODE = 'data_exception';
    END IF;
    UPDATE chancery.sources s
       SET listed_at = clock_timestamp(), holder = NULL, token_hash = NULL, expires_at = NULL,
           attempts = 0, not_before = NULL, last_error = NULL
     WHERE s.run_id = v_run AND s.source = p_source;
    RETURN true;
END
$$;

CREATE FUNCTION chancery.sources_open(p_run integer, p_records bigint) RETURNS boolean
    LANGUAGE plpgsql STABLE
    SET enable_seqscan TO 'off'
    AS $$
BEGIN
    IF p_records >= (SELECT i.record_limit FROM chancery.intakes i WHERE i.run_id = p_run) THEN
        RETURN false;
    END IF;
    RETURN EXISTS (SELECT FROM chancery.sources s WHERE s.run_id = p_run AND s.listed_at IS NULL)
        OR EXISTS (SELECT FROM chancery.splits t WHERE t.run_id = p_run AND t.done_at IS NULL);
END
$$;

CREATE FUNCTION chancery.splits_add(p_source integer, p_token bytea, p_first integer, p_parts text[], p_starts bigint[]) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_run integer := chancery.intake_of_session();
    v_is_run boolean;
    v_listed bigint;
BEGIN
    IF (SELECT i.held IS NOT NULL FROM chancery.intakes i WHERE i.run_id = v_run) THEN
        RETURN false;
    END IF;
    IF (cardinality(p_parts) <= 10000 AND cardinality(p_parts) = cardinality(p_starts)) IS NOT TRUE
       OR (SELECT max(octet_length(t.part)) FROM unnest(p_parts) t (part)) > 65536 THEN
        RAISE EXCEPTION 'at most 10000 splits at a time, each of at most 65536 bytes, and each with a start'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT s.description ? 'run' INTO v_is_run FROM chancery.sources s
     WHERE s.run_id = v_run AND s.source = p_source AND s.listed_at IS NULL AND s.token_hash = sha256(p_token)
       FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF v_is_run THEN
        RAISE EXCEPTION 'source % is another run, whose splits nobody adds', p_source USING ERRCODE = 'invalid_parameter_value';
    END IF;
    UPDATE chancery.sources s
       SET expires_at = clock_timestamp() + (SELECT r.lease_duration FROM chancery.runs r WHERE r.id = v_run),
           listed_bytes = s.listed_bytes + (SELECT coalesce(sum(octet_length(t.part) + 250), 0) FROM unnest(p_parts) t (part))
     WHERE s.run_id = v_run AND s.source = p_source
    RETURNING s.listed_bytes INTO v_listed;
    IF v_listed > 4294967296 THEN
        RAISE EXCEPTION 'the splits of source % take more than 4 GiB: divide it into several runs', p_source
            USING ERRCODE = 'program_limit_exceeded';
    END IF;
    INSERT INTO chancery.splits (run_id, source, split, part, start, position)
    SELECT v_run, p_source, p_first + t.n::integer - 1, t.part::jsonb, t.start, t.start
      FROM unnest(p_parts, p_starts) WITH ORDINALITY AS t (part, start, n);
    RETURN true;
END
$$;

CREATE FUNCTION chancery.statement_append(p_number bigint, p_previous bytea, p_run_uid uuid, p_kind chancery.statement_kind, p_key_id text, p_body bytea, p_signature bytea) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE
    v_run record;
BEGIN
    -- The id of a key is the SHA-256 of it, and Ed25519 signs with 64 bytes. What is stated has a few hundred, and names of sources.
    IF (p_key_id ~ '^[0-9a-f]{64}$' AND octet_length(p_body) BETWEEN 1 AND 65536 AND octet_length(p_signature) = 64) IS NOT TRUE THEN
        RAISE EXCEPTION 'a statement has at most 65536 bytes, a signature of 64, and a key' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT r.id, a.batches INTO v_run
      FROM chancery.runs r
      JOIN chancery.admissions a ON a.run_id = r.id
      JOIN chancery.keyrings k ON k.id = r.keyring_id
     WHERE r.uid = p_run_uid AND r.deleted_at IS NULL AND r.sealed_at IS NOT NULL AND k.filled_at IS NOT NULL
       FOR KEY SHARE OF r;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF p_kind = 'Signed'
       AND ((chancery.run_signed(v_run.id)).batches < v_run.batches
            OR NOT EXISTS (SELECT FROM chancery.statements s WHERE s.run_uid = p_run_uid AND s.kind = 'Sealed')) THEN
        RETURN false;
    END IF;
    INSERT INTO chancery.statements (number, hash, previous, run_uid, kind, key_id, body, signature)
    SELECT p_number, sha256(p_body), p_previous, p_run_uid, p_kind, p_key_id, p_body, p_signature
     WHERE p_number = (SELECT coalesce(max(s.number), 0) + 1 FROM chancery.statements s)
       AND p_previous IS NOT DISTINCT FROM (SELECT s.hash FROM chancery.statements s ORDER BY s.number DESC LIMIT 1)
        ON CONFLICT DO NOTHING;
    RETURN FOUND;
END
$_$;

CREATE FUNCTION chancery.trace_of(p_run integer, p_source integer, p_split integer, p_positions bigint[]) RETURNS text
    LANGUAGE plpgsql STABLE
    AS $_$
DECLARE
    v_trace text;
BEGIN
    IF to_regclass(format('chancery.%I', 'traces_' || p_run)) IS NOT NULL THEN
        EXECUTE format(
            'SELECT CASE WHEN count(DISTINCT coalesce(q.trace, '''')) = 1 THEN min(q.trace) END
               FROM (SELECT %s AS trace FROM (SELECT $1 AS source, $2 AS split, u.position FROM unnest($3) AS u (position)) r) q',
            chancery.trace_query(p_run))
           INTO v_trace USING p_source, p_split, p_positions;
    END IF;
    RETURN v_trace;
END
$_$;

CREATE FUNCTION chancery.trace_query(p_run integer) RETURNS text
    LANGUAGE plpgsql STABLE
    AS $$
BEGIN
    IF to_regclass(format('chancery.%I', 'traces_' || p_run)) IS NULL THEN
        RETURN 'NULL::text';
    END IF;
    RETURN format('(SELECT CASE WHEN t.last_position >= r.position THEN t.traceparent END FROM chancery.%I t
                     WHERE t.source = r.source AND t.split = r.split AND t.position <= r.position ORDER BY t.position DESC LIMIT 1)',
                  'traces_' || p_run);
END
$$;

CREATE TABLE chancery.admissions (
    run_id integer NOT NULL,
    records bigint DEFAULT 0 NOT NULL,
    batches bigint DEFAULT 0 NOT NULL,
    batched bigint DEFAULT 0 NOT NULL,
    opened_at timestamp with time zone,
    CONSTRAINT admissions_batches_check CHECK ((batches >= 0)),
    CONSTRAINT admissions_check CHECK (((batched >= 0) AND (batched <= records))),
    CONSTRAINT admissions_check1 CHECK (((batched < records) = (opened_at IS NOT NULL))),
    CONSTRAINT admissions_records_check CHECK ((records >= 0))
);

CREATE TABLE chancery.alerts (
    record bigint NOT NULL,
    rule text NOT NULL,
    run_id integer NOT NULL,
    message text NOT NULL,
    raised_at timestamp with time zone NOT NULL,
    CONSTRAINT alerts_message_check CHECK ((octet_length(message) <= 4096)),
    CONSTRAINT alerts_rule_check CHECK ((octet_length(rule) <= 253))
)
PARTITION BY LIST (run_id);

CREATE TABLE chancery.answers (
    source integer NOT NULL,
    split integer NOT NULL,
    "position" bigint NOT NULL,
    run_id integer NOT NULL,
    attempts integer NOT NULL,
    answers text NOT NULL,
    letter integer DEFAULT 0 NOT NULL,
    record bigint,
    CONSTRAINT answers_answers_check CHECK (((octet_length(answers) >= 2) AND (octet_length(answers) <= 1048576))),
    CONSTRAINT answers_attempts_check CHECK (((attempts >= 1) AND (attempts <= 21))),
    CONSTRAINT answers_letter_check CHECK ((letter >= 0)),
    CONSTRAINT answers_record_check CHECK ((record >= 1))
)
PARTITION BY LIST (run_id);

CREATE TABLE chancery.arrivals (
    source integer NOT NULL,
    split integer NOT NULL,
    "position" bigint NOT NULL,
    run_id integer NOT NULL,
    state chancery.arrival_state NOT NULL,
    digest bytea,
    identity bytea,
    duplicate_run integer,
    duplicate_record bigint,
    stage text,
    reason text,
    raw bytea,
    arrived_at timestamp with time zone NOT NULL,
    swept_at timestamp with time zone,
    rule text,
    CONSTRAINT arrivals_check CHECK (((state <> 'Dead'::chancery.arrival_state) = (digest IS NOT NULL))),
    CONSTRAINT arrivals_check1 CHECK (((state = 'Duplicate'::chancery.arrival_state) OR (identity IS NULL))),
    CONSTRAINT arrivals_check2 CHECK (((state = 'Duplicate'::chancery.arrival_state) = (duplicate_run IS NOT NULL))),
    CONSTRAINT arrivals_check3 CHECK (((state = 'Duplicate'::chancery.arrival_state) = (duplicate_record IS NOT NULL))),
    CONSTRAINT arrivals_check4 CHECK (((state = 'Dead'::chancery.arrival_state) = (stage IS NOT NULL))),
    CONSTRAINT arrivals_check5 CHECK (((state = 'Duplicate'::chancery.arrival_state) = (reason IS NULL))),
    CONSTRAINT arrivals_check6 CHECK ((((state <> 'Duplicate'::chancery.arrival_state) AND (swept_at IS NULL)) = (raw IS NOT NULL))),
    CONSTRAINT arrivals_check7 CHECK ((((state <> ALL (ARRAY['Duplicate'::chancery.arrival_state, 'Dead'::chancery.arrival_state])) OR COALESCE((stage = 'Policy'::text), false)) = (rule IS NOT NULL))),
    CONSTRAINT arrivals_digest_check CHECK ((octet_length(digest) = 32)),
    CONSTRAINT arrivals_identity_check CHECK ((octet_length(identity) = 32)),
    CONSTRAINT arrivals_raw_check CHECK ((octet_length(raw) <= 1048576)),
    CONSTRAINT arrivals_reason_check CHECK ((octet_length(reason) <= 4096)),
    CONSTRAINT arrivals_rule_check CHECK ((octet_length(rule) <= 253)),
    CONSTRAINT arrivals_stage_check CHECK ((octet_length(stage) <= 64))
)
PARTITION BY LIST (run_id);

CREATE TABLE chancery.batch_roots (
    run_id integer NOT NULL,
    tree chancery.batch_tree NOT NULL,
    batch bigint NOT NULL,
    root bytea NOT NULL,
    CONSTRAINT batch_roots_batch_check CHECK ((batch >= 1)),
    CONSTRAINT batch_roots_root_check CHECK ((octet_length(root) = 32))
);

CREATE TABLE chancery.batches (
    batch bigint NOT NULL,
    run_id integer NOT NULL,
    first_record bigint NOT NULL,
    last_record bigint NOT NULL,
    payload_bytes bigint NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    closed_at timestamp with time zone NOT NULL,
    closed_by chancery.batch_closing NOT NULL,
    state chancery.batch_state DEFAULT 'unsigned'::chancery.batch_state NOT NULL,
    lease_id bigint,
    library chancery.signing_library DEFAULT 'aws-lc-rs'::chancery.signing_library NOT NULL,
    CONSTRAINT batches_check CHECK (chancery.batch_is_sound(batch, first_record, last_record, payload_bytes, opened_at, closed_at, state, lease_id))
)
PARTITION BY LIST (run_id);

CREATE TABLE chancery.data_keys (
    keyring_id integer NOT NULL,
    wrapped bytea NOT NULL,
    kek_fingerprint text NOT NULL,
    wrapped_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT data_keys_wrapped_check CHECK (((octet_length(wrapped) >= 1) AND (octet_length(wrapped) <= 256)))
);

CREATE TABLE chancery.deleted_runs (
    run_id integer NOT NULL,
    keyring_id integer NOT NULL,
    namespace text NOT NULL,
    name text NOT NULL,
    last_use bigint NOT NULL,
    deleted_at timestamp with time zone NOT NULL
);

CREATE TABLE chancery.deliveries (
    batch bigint NOT NULL,
    sink integer NOT NULL,
    run_id integer NOT NULL,
    state chancery.delivery_state DEFAULT 'Pending'::chancery.delivery_state NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    last_error text,
    not_before timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    put_off_at timestamp with time zone,
    holder text,
    token_hash bytea,
    object text,
    digest bytea,
    ended_at timestamp with time zone,
    redrives integer DEFAULT 0 NOT NULL,
    discarded boolean DEFAULT false NOT NULL,
    CONSTRAINT deliveries_check CHECK (chancery.delivery_is_sound(batch, sink, state, attempts, last_error, holder, token_hash, object, digest, ended_at, redrives, discarded))
)
PARTITION BY LIST (run_id);

CREATE TABLE chancery.delivery_moves (
    run_id integer NOT NULL,
    sink integer NOT NULL,
    batch bigint NOT NULL,
    attempt integer NOT NULL,
    act integer NOT NULL,
    kind chancery.letter_act NOT NULL,
    attempts integer NOT NULL,
    last_error text NOT NULL,
    died_at timestamp with time zone NOT NULL,
    selection text NOT NULL,
    actor text NOT NULL,
    login text DEFAULT SESSION_USER NOT NULL,
    acted_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT delivery_moves_act_check CHECK ((act >= 1)),
    CONSTRAINT delivery_moves_actor_check CHECK (((octet_length(actor) >= 1) AND (octet_length(actor) <= 1024))),
    CONSTRAINT delivery_moves_attempt_check CHECK ((attempt >= 1)),
    CONSTRAINT delivery_moves_attempts_check CHECK ((attempts >= 1)),
    CONSTRAINT delivery_moves_batch_check CHECK ((batch >= 1)),
    CONSTRAINT delivery_moves_last_error_check CHECK ((octet_length(last_error) <= 4096)),
    CONSTRAINT delivery_moves_selection_check CHECK ((octet_length(selection) <= 4096))
);

CREATE TABLE chancery.digests (
    digest bytea NOT NULL,
    record bigint NOT NULL,
    keyring_id integer NOT NULL,
    run_id integer NOT NULL
)
PARTITION BY LIST (keyring_id);

CREATE TABLE chancery.events (
    what text NOT NULL COLLATE pg_catalog."C",
    notification integer NOT NULL,
    run_id integer NOT NULL,
    data jsonb,
    happened_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    traceparent text,
    state chancery.delivery_state DEFAULT 'Pending'::chancery.delivery_state NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    last_error text,
    not_before timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    put_off_at timestamp with time zone,
    holder text,
    token_hash bytea,
    ended_at timestamp with time zone,
    told_to bigint,
    told bigint,
    CONSTRAINT events_check CHECK (chancery.event_is_sound(what, notification, state, attempts, last_error, holder, token_hash, ended_at, told_to, told)),
    CONSTRAINT events_data_check CHECK (((jsonb_typeof(data) = 'object'::text) AND (octet_length((data)::text) <= 16384))),
    CONSTRAINT events_traceparent_check CHECK ((octet_length(traceparent) = 55))
)
PARTITION BY LIST (run_id);

CREATE TABLE chancery.flags (
    record bigint NOT NULL,
    run_id integer NOT NULL,
    score bigint NOT NULL,
    hits jsonb NOT NULL,
    CONSTRAINT flags_hits_check CHECK ((jsonb_typeof(hits) = 'array'::text))
)
PARTITION BY LIST (run_id);

CREATE TABLE chancery.functions (
    name text NOT NULL,
    hash text NOT NULL
);

CREATE TABLE chancery.generated_chunks (
    run_id integer NOT NULL,
    chunk bigint NOT NULL,
    CONSTRAINT generated_chunks_chunk_check CHECK ((chunk >= 1))
);

CREATE TABLE chancery.generated_sources (
    run_id integer NOT NULL,
    record_count bigint NOT NULL,
    record_size integer NOT NULL,
    chunk_size bigint NOT NULL,
    CONSTRAINT generated_sources_chunk_size_check CHECK ((chunk_size >= 1)),
    CONSTRAINT generated_sources_record_count_check CHECK ((record_count >= 1)),
    CONSTRAINT generated_sources_record_size_check CHECK (((record_size >= 0) AND (record_size <= 1048576)))
);

CREATE TABLE chancery.intakes (
    run_id integer NOT NULL,
    idempotency chancery.idempotency NOT NULL,
    expression text,
    digest_window interval NOT NULL,
    record_limit bigint,
    dead_limit bigint NOT NULL,
    dead_retention interval NOT NULL,
    received bigint DEFAULT 0 NOT NULL,
    admitted bigint DEFAULT 0 NOT NULL,
    duplicates bigint DEFAULT 0 NOT NULL,
    dead bigint DEFAULT 0 NOT NULL,
    payload_bytes bigint DEFAULT 0 NOT NULL,
    sweep_at timestamp with time zone,
    held text,
    rejected bigint DEFAULT 0 NOT NULL,
    flagged bigint DEFAULT 0 NOT NULL,
    alerts bigint DEFAULT 0 NOT NULL,
    ignored bigint DEFAULT 0 NOT NULL,
    pending bigint DEFAULT 0 NOT NULL,
    CONSTRAINT intakes_admitted_check CHECK ((admitted >= 0)),
    CONSTRAINT intakes_alerts_check CHECK ((alerts >= 0)),
    CONSTRAINT intakes_check CHECK ((received = ((((admitted + duplicates) + dead) + rejected) + pending))),
    CONSTRAINT intakes_check1 CHECK (((admitted + pending) <= record_limit)),
    CONSTRAINT intakes_check2 CHECK (((idempotency = 'Expression'::chancery.idempotency) = (expression IS NOT NULL))),
    CONSTRAINT intakes_check3 CHECK (((idempotency <> 'None'::chancery.idempotency) OR (digest_window = '00:00:00'::interval))),
    CONSTRAINT intakes_dead_check CHECK ((dead >= 0)),
    CONSTRAINT intakes_dead_limit_check CHECK ((dead_limit >= 0)),
    CONSTRAINT intakes_dead_retention_check CHECK ((dead_retention > '00:00:00'::interval)),
    CONSTRAINT intakes_digest_window_check CHECK ((digest_window >= '00:00:00'::interval)),
    CONSTRAINT intakes_duplicates_check CHECK ((duplicates >= 0)),
    CONSTRAINT intakes_expression_check CHECK ((octet_length(expression) <= 4096)),
    CONSTRAINT intakes_flagged_check CHECK ((flagged >= 0)),
    CONSTRAINT intakes_held_check CHECK ((octet_length(held) <= 4096)),
    CONSTRAINT intakes_ignored_check CHECK ((ignored >= 0)),
    CONSTRAINT intakes_payload_bytes_check CHECK ((payload_bytes >= 0)),
    CONSTRAINT intakes_pending_check CHECK ((pending >= 0)),
    CONSTRAINT intakes_record_limit_check CHECK ((record_limit >= 1)),
    CONSTRAINT intakes_rejected_check CHECK ((rejected >= 0))
);

CREATE TABLE chancery.judgements (
    source integer NOT NULL,
    split integer NOT NULL,
    "position" bigint NOT NULL,
    run_id integer NOT NULL,
    judged_at timestamp with time zone NOT NULL
)
PARTITION BY LIST (run_id);

CREATE TABLE chancery.kept_digests (
    run_id integer NOT NULL,
    keyring_id integer NOT NULL,
    until timestamp with time zone NOT NULL
);

CREATE TABLE chancery.key_material (
    key_id uuid NOT NULL,
    public_key bytea NOT NULL,
    wrapped_key bytea NOT NULL
);

CREATE TABLE chancery.keyrings (
    id integer NOT NULL,
    uid uuid DEFAULT gen_random_uuid() NOT NULL,
    namespace text NOT NULL,
    name text,
    algorithm chancery.algorithm NOT NULL,
    key_size integer,
    key_count integer NOT NULL,
    provider chancery.key_provider DEFAULT 'Local'::chancery.key_provider NOT NULL,
    envelope chancery.envelope DEFAULT 'Raw'::chancery.envelope NOT NULL,
    forgotten_use bigint DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    filled_at timestamp with time zone,
    data_key_fingerprint text NOT NULL,
    namespace_uid uuid,
    object_uid uuid NOT NULL,
    adopted_from uuid,
    adopted_at timestamp with time zone,
    content_type text,
    CONSTRAINT keyrings_check CHECK (((algorithm = ANY (ARRAY['RS256'::chancery.algorithm, 'PS256'::chancery.algorithm])) = (key_size IS NOT NULL))),
    CONSTRAINT keyrings_check1 CHECK (((adopted_from IS NULL) = (adopted_at IS NULL))),
    CONSTRAINT keyrings_check2 CHECK ((((envelope)::text <> 'COSESign1'::text) OR (content_type ~ '^[^/;]+/[^/;]+(;|$)'::text))),
    CONSTRAINT keyrings_check3 CHECK (((content_type IS NULL) OR ((envelope)::text <> ALL (ARRAY['Raw'::text, 'EIP191'::text])))),
    CONSTRAINT keyrings_check4 CHECK ((((envelope)::text <> 'EIP191'::text) OR ((algorithm)::text = 'ES256K'::text))),
    CONSTRAINT keyrings_content_type_check CHECK (((octet_length(content_type) >= 1) AND (octet_length(content_type) <= 255))),
    CONSTRAINT keyrings_content_type_check1 CHECK ((content_type ~ '^[A-Za-z0-9][-A-Za-z0-9!#$%&^_.+/;=:?~]*$'::text)),
    CONSTRAINT keyrings_forgotten_use_check CHECK ((forgotten_use >= 0)),
    CONSTRAINT keyrings_key_count_check CHECK ((key_count >= 1))
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
    state chancery.key_state DEFAULT 'active'::chancery.key_state NOT NULL,
    last_use bigint NOT NULL,
    joined_use bigint NOT NULL,
    joined_at timestamp with time zone NOT NULL,
    retired_use bigint,
    retired_at timestamp with time zone,
    CONSTRAINT keys_check CHECK (chancery.key_is_sound(number, state, last_use, joined_use, retired_use, retired_at))
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
    token_hash bytea,
    duration interval NOT NULL,
    doubted_at timestamp with time zone,
    stored_to bigint,
    returned boolean DEFAULT false NOT NULL,
    use_floor bigint DEFAULT 0 NOT NULL,
    CONSTRAINT leases_check CHECK (chancery.lease_is_sound(use_sequence, acquired_at, duration, holder, token_hash, signed_at, released_at, outcome, returned))
)
WITH (fillfactor='70');

ALTER TABLE chancery.leases ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME chancery.leases_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE chancery.ledger (
    uid uuid DEFAULT gen_random_uuid() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    is_only boolean DEFAULT true NOT NULL,
    CONSTRAINT ledger_is_only_check CHECK (is_only)
);

CREATE TABLE chancery.letter_acts (
    run_id integer NOT NULL,
    act integer NOT NULL,
    kind chancery.letter_act NOT NULL,
    into_name text,
    letters bigint NOT NULL,
    selection text NOT NULL,
    actor text NOT NULL,
    login text DEFAULT SESSION_USER NOT NULL,
    acted_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT letter_acts_act_check CHECK ((act >= 1)),
    CONSTRAINT letter_acts_actor_check CHECK (((octet_length(actor) >= 1) AND (octet_length(actor) <= 1024))),
    CONSTRAINT letter_acts_check CHECK (((kind = 'Redrive'::chancery.letter_act) OR (into_name IS NULL))),
    CONSTRAINT letter_acts_into_name_check CHECK ((octet_length(into_name) <= 253)),
    CONSTRAINT letter_acts_letters_check CHECK ((letters >= 1)),
    CONSTRAINT letter_acts_selection_check CHECK ((octet_length(selection) <= 4096))
);

CREATE TABLE chancery.letter_moves (
    run_id integer NOT NULL,
    source integer NOT NULL,
    split integer NOT NULL,
    "position" bigint NOT NULL,
    attempt integer NOT NULL,
    act integer NOT NULL,
    became chancery.letter_end,
    stage text NOT NULL,
    rule text,
    reason text NOT NULL,
    judged_at timestamp with time zone,
    CONSTRAINT letter_moves_attempt_check CHECK ((attempt >= 1)),
    CONSTRAINT letter_moves_check CHECK (((became IS NULL) OR (became <> ALL (ARRAY['Moved'::chancery.letter_end, 'Discarded'::chancery.letter_end])) OR (judged_at IS NULL))),
    CONSTRAINT letter_moves_reason_check CHECK ((octet_length(reason) <= 4096)),
    CONSTRAINT letter_moves_rule_check CHECK ((octet_length(rule) <= 253)),
    CONSTRAINT letter_moves_stage_check CHECK ((octet_length(stage) <= 64))
);

CREATE TABLE chancery.logins (
    name name NOT NULL,
    run_id integer NOT NULL,
    made_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    work chancery.login_work DEFAULT 'Sign'::chancery.login_work NOT NULL,
    CONSTRAINT logins_check CHECK ((name ~ (('^chancery_[0-9a-f]{12}_'::text ||
CASE (work)::text
    WHEN 'Sign'::text THEN 'r'::text
    WHEN 'Admit'::text THEN 'i'::text
    ELSE 'd'::text
END) || '[1-9][0-9]{0,9}_[0-9a-f]{8}$'::text)))
);

CREATE TABLE chancery.manifests (
    run_id integer NOT NULL,
    sink integer NOT NULL,
    number integer DEFAULT 1 NOT NULL,
    stated boolean DEFAULT false NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    last_error text,
    not_before timestamp with time zone,
    put_off_at timestamp with time zone,
    holder text,
    token_hash bytea,
    object text,
    digest bytea,
    ended_at timestamp with time zone,
    CONSTRAINT manifests_attempts_check CHECK (((attempts >= 0) AND (attempts <= 20))),
    CONSTRAINT manifests_check CHECK (((attempts = 0) OR (last_error IS NOT NULL))),
    CONSTRAINT manifests_check1 CHECK (((not_before IS NULL) = (put_off_at IS NULL))),
    CONSTRAINT manifests_check2 CHECK (((token_hash IS NULL) = (holder IS NULL))),
    CONSTRAINT manifests_check3 CHECK (((object IS NULL) = (digest IS NULL))),
    CONSTRAINT manifests_check4 CHECK (((ended_at IS NULL) OR (token_hash IS NULL))),
    CONSTRAINT manifests_check5 CHECK (((ended_at IS NOT NULL) OR (object IS NULL))),
    CONSTRAINT manifests_check6 CHECK (((ended_at IS NULL) OR (object IS NOT NULL) OR (attempts > 0))),
    CONSTRAINT manifests_digest_check CHECK ((octet_length(digest) = 32)),
    CONSTRAINT manifests_holder_check CHECK ((octet_length(holder) <= 1024)),
    CONSTRAINT manifests_last_error_check CHECK ((octet_length(last_error) <= 4096)),
    CONSTRAINT manifests_number_check CHECK ((number >= 1)),
    CONSTRAINT manifests_object_check CHECK (((octet_length(object) >= 1) AND (octet_length(object) <= 1024))),
    CONSTRAINT manifests_token_hash_check CHECK ((octet_length(token_hash) = 32))
)
WITH (fillfactor='50');

CREATE TABLE chancery.notifications (
    run_id integer NOT NULL,
    notification integer NOT NULL,
    name text NOT NULL,
    description jsonb NOT NULL,
    events text[] NOT NULL,
    attempt_limit integer NOT NULL,
    told bigint DEFAULT 0 NOT NULL,
    dead bigint DEFAULT 0 NOT NULL,
    unavailable_since timestamp with time zone,
    failures integer DEFAULT 0 NOT NULL,
    not_before timestamp with time zone,
    tried_at timestamp with time zone,
    last_error text,
    CONSTRAINT notifications_attempt_limit_check CHECK (((attempt_limit >= 1) AND (attempt_limit <= 20))),
    CONSTRAINT notifications_check CHECK (((unavailable_since IS NULL) = (failures = 0))),
    CONSTRAINT notifications_check1 CHECK (((unavailable_since IS NULL) = (not_before IS NULL))),
    CONSTRAINT notifications_check2 CHECK (((unavailable_since IS NULL) = (tried_at IS NULL))),
    CONSTRAINT notifications_check3 CHECK (((unavailable_since IS NULL) = (last_error IS NULL))),
    CONSTRAINT notifications_dead_check CHECK ((dead >= 0)),
    CONSTRAINT notifications_description_check CHECK ((jsonb_typeof(description) = 'object'::text)),
    CONSTRAINT notifications_events_check CHECK (((cardinality(events) >= 1) AND (events <@ ARRAY['run.started'::text, 'run.completed'::text, 'run.failed'::text, 'batch.signed'::text, 'record.signed'::text, 'record.rejected'::text, 'record.dead'::text, 'policy.alert'::text, 'delivery.dead'::text]))),
    CONSTRAINT notifications_failures_check CHECK ((failures >= 0)),
    CONSTRAINT notifications_last_error_check CHECK ((octet_length(last_error) <= 4096)),
    CONSTRAINT notifications_name_check CHECK (((octet_length(name) >= 1) AND (octet_length(name) <= 253))),
    CONSTRAINT notifications_notification_check CHECK ((notification >= 1)),
    CONSTRAINT notifications_told_check CHECK ((told >= 0))
)
WITH (fillfactor='50');

CREATE TABLE chancery.originals (
    record bigint NOT NULL,
    run_id integer NOT NULL,
    payload bytea NOT NULL,
    digest bytea,
    CONSTRAINT originals_digest_check CHECK ((octet_length(digest) = 32)),
    CONSTRAINT originals_payload_check CHECK ((octet_length(payload) <= 1048576))
)
PARTITION BY LIST (run_id);

CREATE TABLE chancery.pendings (
    source integer NOT NULL,
    split integer NOT NULL,
    "position" bigint NOT NULL,
    run_id integer NOT NULL,
    payload bytea NOT NULL,
    name bytea,
    arrived_at timestamp with time zone NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    last_error text,
    not_before timestamp with time zone NOT NULL,
    holder text,
    token_hash bytea,
    letter integer DEFAULT 0 NOT NULL,
    CONSTRAINT pendings_attempts_check CHECK (((attempts >= 0) AND (attempts <= 20))),
    CONSTRAINT pendings_check CHECK (((attempts = 0) OR (last_error IS NOT NULL))),
    CONSTRAINT pendings_check1 CHECK (((token_hash IS NULL) = (holder IS NULL))),
    CONSTRAINT pendings_holder_check CHECK ((octet_length(holder) <= 1024)),
    CONSTRAINT pendings_last_error_check CHECK ((octet_length(last_error) <= 4096)),
    CONSTRAINT pendings_letter_check CHECK ((letter >= 0)),
    CONSTRAINT pendings_payload_check CHECK ((octet_length(payload) <= 1048576)),
    CONSTRAINT pendings_token_hash_check CHECK ((octet_length(token_hash) = 32))
)
PARTITION BY LIST (run_id);

CREATE TABLE chancery.policies (
    hash bytea NOT NULL,
    text text NOT NULL,
    made_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    asks boolean DEFAULT false NOT NULL,
    CONSTRAINT policies_check CHECK ((sha256(convert_to(text, 'UTF8'::name)) = hash)),
    CONSTRAINT policies_text_check CHECK ((octet_length(text) <= 4194304))
);

CREATE TABLE chancery.pushes (
    run_id integer NOT NULL,
    key_hash bytea NOT NULL,
    digest bytea NOT NULL,
    source integer NOT NULL,
    split integer NOT NULL,
    "position" bigint NOT NULL,
    arrivals bigint NOT NULL,
    first_record bigint NOT NULL,
    CONSTRAINT pushes_arrivals_check CHECK ((arrivals >= 1)),
    CONSTRAINT pushes_digest_check CHECK ((octet_length(digest) = 32)),
    CONSTRAINT pushes_first_record_check CHECK ((first_record >= 1)),
    CONSTRAINT pushes_key_hash_check CHECK ((octet_length(key_hash) = 32)),
    CONSTRAINT pushes_position_check CHECK (("position" >= 0))
);

CREATE TABLE chancery.records (
    record bigint NOT NULL,
    run_id integer NOT NULL,
    payload bytea NOT NULL,
    digest bytea,
    identity bytea,
    source integer,
    split integer,
    "position" bigint,
    CONSTRAINT records_payload_check CHECK ((octet_length(payload) <= 1048576)),
    CONSTRAINT records_record_check CHECK ((record >= 1))
)
PARTITION BY LIST (run_id);
ALTER TABLE ONLY chancery.records ALTER COLUMN payload SET STORAGE EXTERNAL;

CREATE TABLE chancery.run_secrets (
    run_id integer NOT NULL,
    owner_uid text NOT NULL,
    name text NOT NULL,
    content text NOT NULL,
    made_at timestamp with time zone,
    work chancery.login_work DEFAULT 'Sign'::chancery.login_work NOT NULL,
    CONSTRAINT run_secrets_name_check CHECK (((octet_length(name) >= 1) AND (octet_length(name) <= 253)))
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

CREATE TABLE chancery.signature_blocks (
    first_record bigint NOT NULL,
    last_record bigint NOT NULL,
    lease_id bigint NOT NULL,
    run_id integer NOT NULL,
    signatures bytea NOT NULL
)
PARTITION BY LIST (run_id);
ALTER TABLE ONLY chancery.signature_blocks ALTER COLUMN signatures SET STORAGE EXTERNAL;

CREATE VIEW chancery.signatures AS
 SELECT r.record,
    b.lease_id,
    b.run_id,
        CASE
            WHEN (r.record < b.last_record) THEN SUBSTRING(b.signatures FROM ((((r.record - b.first_record) * b.bytes) + 1))::integer FOR (b.bytes)::integer)
            ELSE SUBSTRING(b.signatures FROM ((((r.record - b.first_record) * b.bytes) + 1))::integer)
        END AS signature
   FROM (( SELECT c.first_record,
            c.last_record,
            c.lease_id,
            c.run_id,
            c.signatures,
            (octet_length(c.signatures) / NULLIF(((c.last_record - c.first_record) + 1), 0)) AS bytes
           FROM chancery.signature_blocks c) b
     CROSS JOIN LATERAL generate_series(b.first_record, b.last_record) r(record));

CREATE TABLE chancery.sinks (
    run_id integer NOT NULL,
    sink integer NOT NULL,
    name text NOT NULL,
    description jsonb NOT NULL,
    ordered boolean NOT NULL,
    attempt_limit integer NOT NULL,
    delivered bigint DEFAULT 0 NOT NULL,
    dead bigint DEFAULT 0 NOT NULL,
    redriven bigint DEFAULT 0 NOT NULL,
    unavailable_since timestamp with time zone,
    failures integer DEFAULT 0 NOT NULL,
    not_before timestamp with time zone,
    tried_at timestamp with time zone,
    last_error text,
    CONSTRAINT sinks_attempt_limit_check CHECK (((attempt_limit >= 1) AND (attempt_limit <= 20))),
    CONSTRAINT sinks_check CHECK (((unavailable_since IS NULL) = (failures = 0))),
    CONSTRAINT sinks_check1 CHECK (((unavailable_since IS NULL) = (not_before IS NULL))),
    CONSTRAINT sinks_check2 CHECK (((unavailable_since IS NULL) = (tried_at IS NULL))),
    CONSTRAINT sinks_check3 CHECK (((unavailable_since IS NULL) = (last_error IS NULL))),
    CONSTRAINT sinks_dead_check CHECK ((dead >= 0)),
    CONSTRAINT sinks_delivered_check CHECK ((delivered >= 0)),
    CONSTRAINT sinks_description_check CHECK ((jsonb_typeof(description) = 'object'::text)),
    CONSTRAINT sinks_failures_check CHECK ((failures >= 0)),
    CONSTRAINT sinks_last_error_check CHECK ((octet_length(last_error) <= 4096)),
    CONSTRAINT sinks_name_check CHECK (((octet_length(name) >= 1) AND (octet_length(name) <= 253))),
    CONSTRAINT sinks_redriven_check CHECK ((redriven >= 0)),
    CONSTRAINT sinks_sink_check CHECK ((sink >= 1))
)
WITH (fillfactor='50');

CREATE TABLE chancery.sources (
    run_id integer NOT NULL,
    source integer NOT NULL,
    name text NOT NULL,
    description jsonb NOT NULL,
    listed_at timestamp with time zone,
    holder text,
    token_hash bytea,
    expires_at timestamp with time zone,
    attempts integer DEFAULT 0 NOT NULL,
    not_before timestamp with time zone,
    last_error text,
    listed_bytes bigint DEFAULT 0 NOT NULL,
    confirm boolean DEFAULT false NOT NULL,
    CONSTRAINT sources_check CHECK (((token_hash IS NULL) = (expires_at IS NULL))),
    CONSTRAINT sources_check1 CHECK (((token_hash IS NULL) = (holder IS NULL))),
    CONSTRAINT sources_check2 CHECK (((listed_at IS NULL) OR (token_hash IS NULL))),
    CONSTRAINT sources_holder_check CHECK ((octet_length(holder) <= 1024)),
    CONSTRAINT sources_last_error_check CHECK ((octet_length(last_error) <= 4096)),
    CONSTRAINT sources_listed_bytes_check CHECK ((listed_bytes >= 0)),
    CONSTRAINT sources_source_check CHECK ((source >= 1)),
    CONSTRAINT sources_token_hash_check CHECK ((octet_length(token_hash) = 32))
);

CREATE TABLE chancery.splits (
    run_id integer NOT NULL,
    source integer NOT NULL,
    split integer NOT NULL,
    part jsonb NOT NULL,
    start bigint NOT NULL,
    "position" bigint NOT NULL,
    position_key text,
    done_at timestamp with time zone,
    holder text,
    token_hash bytea,
    expires_at timestamp with time zone,
    attempts integer DEFAULT 0 NOT NULL,
    not_before timestamp with time zone,
    last_error text,
    received bigint DEFAULT 0 NOT NULL,
    admitted bigint DEFAULT 0 NOT NULL,
    duplicates bigint DEFAULT 0 NOT NULL,
    dead bigint DEFAULT 0 NOT NULL,
    rejected bigint DEFAULT 0 NOT NULL,
    pending bigint DEFAULT 0 NOT NULL,
    CONSTRAINT splits_admitted_check CHECK ((admitted >= 0)),
    CONSTRAINT splits_check CHECK (("position" >= start)),
    CONSTRAINT splits_check1 CHECK ((("position" > start) OR (position_key IS NULL))),
    CONSTRAINT splits_check2 CHECK ((received = ((((admitted + duplicates) + dead) + rejected) + pending))),
    CONSTRAINT splits_check3 CHECK (((token_hash IS NULL) = (expires_at IS NULL))),
    CONSTRAINT splits_check4 CHECK (((token_hash IS NULL) = (holder IS NULL))),
    CONSTRAINT splits_check5 CHECK (((done_at IS NULL) OR (token_hash IS NULL))),
    CONSTRAINT splits_dead_check CHECK ((dead >= 0)),
    CONSTRAINT splits_duplicates_check CHECK ((duplicates >= 0)),
    CONSTRAINT splits_holder_check CHECK ((octet_length(holder) <= 1024)),
    CONSTRAINT splits_last_error_check CHECK ((octet_length(last_error) <= 4096)),
    CONSTRAINT splits_pending_check CHECK ((pending >= 0)),
    CONSTRAINT splits_position_key_check CHECK ((octet_length(position_key) <= 16384)),
    CONSTRAINT splits_rejected_check CHECK ((rejected >= 0)),
    CONSTRAINT splits_split_check CHECK ((split >= 1)),
    CONSTRAINT splits_start_check CHECK ((start >= 0)),
    CONSTRAINT splits_token_hash_check CHECK ((octet_length(token_hash) = 32))
)
WITH (fillfactor='70');

CREATE TABLE chancery.statements (
    number bigint NOT NULL,
    hash bytea NOT NULL,
    previous bytea,
    run_uid uuid NOT NULL,
    kind chancery.statement_kind NOT NULL,
    key_id text NOT NULL,
    body bytea NOT NULL,
    signature bytea NOT NULL,
    CONSTRAINT statements_check CHECK ((hash = sha256(body))),
    CONSTRAINT statements_check1 CHECK (((number = 1) = (previous IS NULL))),
    CONSTRAINT statements_number_check CHECK ((number >= 1))
);

CREATE TABLE chancery.traces (
    source integer NOT NULL,
    split integer NOT NULL,
    "position" bigint NOT NULL,
    last_position bigint NOT NULL,
    run_id integer NOT NULL,
    traceparent text NOT NULL,
    CONSTRAINT traces_check CHECK ((last_position >= "position")),
    CONSTRAINT traces_traceparent_check CHECK ((traceparent ~ '^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$'::text))
)
PARTITION BY LIST (run_id);

ALTER TABLE ONLY chancery.admissions
    ADD CONSTRAINT admissions_pkey PRIMARY KEY (run_id);

ALTER TABLE ONLY chancery.alerts
    ADD CONSTRAINT alerts_pkey PRIMARY KEY (record, rule, run_id);

ALTER TABLE ONLY chancery.answers
    ADD CONSTRAINT answers_pkey PRIMARY KEY (source, split, "position", run_id, letter);

ALTER TABLE ONLY chancery.arrivals
    ADD CONSTRAINT arrivals_pkey PRIMARY KEY (source, split, "position", run_id);

ALTER TABLE ONLY chancery.batch_roots
    ADD CONSTRAINT batch_roots_pkey PRIMARY KEY (run_id, tree, batch);

ALTER TABLE ONLY chancery.batches
    ADD CONSTRAINT batches_pkey PRIMARY KEY (batch, run_id);

ALTER TABLE ONLY chancery.data_keys
    ADD CONSTRAINT data_keys_pkey PRIMARY KEY (keyring_id);

ALTER TABLE ONLY chancery.deleted_runs
    ADD CONSTRAINT deleted_runs_pkey PRIMARY KEY (run_id);

ALTER TABLE ONLY chancery.deliveries
    ADD CONSTRAINT deliveries_pkey PRIMARY KEY (batch, sink, run_id);

ALTER TABLE ONLY chancery.delivery_moves
    ADD CONSTRAINT delivery_moves_pkey PRIMARY KEY (run_id, sink, batch, attempt);

ALTER TABLE ONLY chancery.digests
    ADD CONSTRAINT digests_pkey PRIMARY KEY (digest, keyring_id);

ALTER TABLE ONLY chancery.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (what, notification, run_id);

ALTER TABLE ONLY chancery.flags
    ADD CONSTRAINT flags_pkey PRIMARY KEY (record, run_id);

ALTER TABLE ONLY chancery.functions
    ADD CONSTRAINT functions_pkey PRIMARY KEY (name);

ALTER TABLE ONLY chancery.generated_chunks
    ADD CONSTRAINT generated_chunks_pkey PRIMARY KEY (run_id, chunk);

ALTER TABLE ONLY chancery.generated_sources
    ADD CONSTRAINT generated_sources_pkey PRIMARY KEY (run_id);

ALTER TABLE ONLY chancery.intakes
    ADD CONSTRAINT intakes_pkey PRIMARY KEY (run_id);

ALTER TABLE ONLY chancery.judgements
    ADD CONSTRAINT judgements_pkey PRIMARY KEY (source, split, "position", run_id);

ALTER TABLE ONLY chancery.kept_digests
    ADD CONSTRAINT kept_digests_pkey PRIMARY KEY (run_id);

ALTER TABLE ONLY chancery.key_material
    ADD CONSTRAINT key_material_pkey PRIMARY KEY (key_id);

ALTER TABLE ONLY chancery.keyrings
    ADD CONSTRAINT keyrings_namespace_name_key UNIQUE (namespace, name);

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

ALTER TABLE ONLY chancery.ledger
    ADD CONSTRAINT ledger_pkey PRIMARY KEY (is_only);

ALTER TABLE ONLY chancery.letter_acts
    ADD CONSTRAINT letter_acts_pkey PRIMARY KEY (run_id, act);

ALTER TABLE ONLY chancery.letter_moves
    ADD CONSTRAINT letter_moves_pkey PRIMARY KEY (run_id, source, split, "position", attempt);

ALTER TABLE ONLY chancery.logins
    ADD CONSTRAINT logins_pkey PRIMARY KEY (name);

ALTER TABLE ONLY chancery.manifests
    ADD CONSTRAINT manifests_pkey PRIMARY KEY (run_id, sink);

ALTER TABLE ONLY chancery.notifications
    ADD CONSTRAINT notifications_pkey PRIMARY KEY (run_id, notification);

ALTER TABLE ONLY chancery.notifications
    ADD CONSTRAINT notifications_run_id_name_key UNIQUE (run_id, name);

ALTER TABLE ONLY chancery.originals
    ADD CONSTRAINT originals_pkey PRIMARY KEY (record, run_id);

ALTER TABLE ONLY chancery.pendings
    ADD CONSTRAINT pendings_pkey PRIMARY KEY (source, split, "position", run_id);

ALTER TABLE ONLY chancery.policies
    ADD CONSTRAINT policies_pkey PRIMARY KEY (hash);

ALTER TABLE ONLY chancery.pushes
    ADD CONSTRAINT pushes_pkey PRIMARY KEY (run_id, key_hash);

ALTER TABLE ONLY chancery.records
    ADD CONSTRAINT records_pkey PRIMARY KEY (record, run_id);

ALTER TABLE ONLY chancery.run_secrets
    ADD CONSTRAINT run_secrets_pkey PRIMARY KEY (run_id, work);

ALTER TABLE ONLY chancery.runs
    ADD CONSTRAINT runs_namespace_name_key UNIQUE (namespace, name);

ALTER TABLE ONLY chancery.runs
    ADD CONSTRAINT runs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY chancery.runs
    ADD CONSTRAINT runs_uid_key UNIQUE (uid);

ALTER TABLE ONLY chancery.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (version);

ALTER TABLE ONLY chancery.sinks
    ADD CONSTRAINT sinks_pkey PRIMARY KEY (run_id, sink);

ALTER TABLE ONLY chancery.sinks
    ADD CONSTRAINT sinks_run_id_name_key UNIQUE (run_id, name);

ALTER TABLE ONLY chancery.sources
    ADD CONSTRAINT sources_pkey PRIMARY KEY (run_id, source);

ALTER TABLE ONLY chancery.sources
    ADD CONSTRAINT sources_run_id_name_key UNIQUE (run_id, name);

ALTER TABLE ONLY chancery.splits
    ADD CONSTRAINT splits_pkey PRIMARY KEY (run_id, source, split);

ALTER TABLE ONLY chancery.statements
    ADD CONSTRAINT statements_hash_key UNIQUE (hash);

ALTER TABLE ONLY chancery.statements
    ADD CONSTRAINT statements_pkey PRIMARY KEY (number);

ALTER TABLE ONLY chancery.statements
    ADD CONSTRAINT statements_previous_key UNIQUE (previous);

ALTER TABLE ONLY chancery.statements
    ADD CONSTRAINT statements_run_uid_kind_key UNIQUE (run_uid, kind);

ALTER TABLE ONLY chancery.traces
    ADD CONSTRAINT traces_pkey PRIMARY KEY (source, split, "position", run_id);

CREATE INDEX arrivals_kept ON ONLY chancery.arrivals USING btree (arrived_at) WHERE (raw IS NOT NULL);

CREATE INDEX batches_pending ON ONLY chancery.batches USING btree (batch) WHERE (state <> 'signed'::chancery.batch_state);

CREATE INDEX deleted_runs_by_keyring ON chancery.deleted_runs USING btree (keyring_id);

CREATE INDEX deliveries_due ON ONLY chancery.deliveries USING btree (sink, not_before, batch) WHERE (state = 'Pending'::chancery.delivery_state);

CREATE INDEX delivery_moves_of_acts ON chancery.delivery_moves USING btree (run_id, act);

CREATE INDEX events_due ON ONLY chancery.events USING btree (notification, not_before, what) WHERE (state = 'Pending'::chancery.delivery_state);

CREATE INDEX intakes_sweep ON chancery.intakes USING btree (sweep_at) WHERE (sweep_at IS NOT NULL);

CREATE INDEX keys_by_use ON chancery.keys USING btree (keyring_id, last_use, number) WHERE (state = 'active'::chancery.key_state);

CREATE UNIQUE INDEX leases_in_order ON chancery.leases USING btree (keyring_id, use_sequence);

CREATE UNIQUE INDEX leases_one_live_per_batch ON chancery.leases USING btree (run_id, batch) WHERE (NOT returned);

CREATE UNIQUE INDEX leases_one_open_per_key ON chancery.leases USING btree (key_id) WHERE (released_at IS NULL);

CREATE INDEX leases_open ON chancery.leases USING btree (keyring_id, use_sequence) WHERE (released_at IS NULL);

CREATE INDEX leases_released ON chancery.leases USING btree (keyring_id, released_at) WHERE (released_at IS NOT NULL);

CREATE UNIQUE INDEX letter_moves_end ON chancery.letter_moves USING btree (run_id, source, split, "position") WHERE (became <> 'Dead'::chancery.letter_end);

CREATE INDEX letter_moves_of_acts ON chancery.letter_moves USING btree (run_id, act);

CREATE UNIQUE INDEX letter_moves_open ON chancery.letter_moves USING btree (run_id, source, split, "position") WHERE (became IS NULL);

CREATE INDEX logins_by_run ON chancery.logins USING btree (run_id);

CREATE INDEX originals_digest ON ONLY chancery.originals USING btree (digest);

CREATE INDEX pendings_due ON ONLY chancery.pendings USING btree (not_before, source, split, "position");

CREATE INDEX runs_by_keyring ON chancery.runs USING btree (keyring_id);

CREATE INDEX splits_open ON chancery.splits USING btree (run_id, split, source) WHERE (done_at IS NULL);

CREATE TRIGGER alerts_never_change BEFORE DELETE OR UPDATE ON chancery.alerts FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

CREATE TRIGGER answers_never_change BEFORE DELETE OR UPDATE ON chancery.answers FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

CREATE TRIGGER arrivals_are_not_lost BEFORE DELETE ON chancery.arrivals FOR EACH ROW EXECUTE FUNCTION chancery.refuse_lost_letter();

CREATE TRIGGER arrivals_are_swept_once BEFORE UPDATE OF raw, swept_at ON chancery.arrivals FOR EACH ROW WHEN (((old.swept_at IS NOT NULL) OR (new.raw IS NOT NULL) OR (new.swept_at IS NULL))) EXECUTE FUNCTION chancery.refuse_change();

CREATE TRIGGER arrivals_never_change BEFORE UPDATE OF source, split, "position", run_id, state, digest, identity, duplicate_run, duplicate_record, stage, rule, reason, arrived_at ON chancery.arrivals FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

CREATE TRIGGER batch_roots_go_with_their_run AFTER DELETE ON chancery.batch_roots REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION chancery.refuse_removal_of_roots();

CREATE TRIGGER batch_roots_never_change BEFORE UPDATE ON chancery.batch_roots FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

CREATE TRIGGER batches_keep_their_bounds BEFORE UPDATE OF batch, run_id, first_record, last_record, payload_bytes, opened_at, closed_at, closed_by ON chancery.batches FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

CREATE TRIGGER deliveries_are_not_lost BEFORE DELETE ON chancery.deliveries FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

CREATE TRIGGER deliveries_count_their_attempts BEFORE UPDATE OF attempts ON chancery.deliveries FOR EACH ROW WHEN ((((new.attempts <> old.attempts) AND (new.attempts <> (old.attempts + 1))) AND (NOT ((new.attempts = 0) AND (new.redrives = (old.redrives + 1)))))) EXECUTE FUNCTION chancery.refuse_change();

CREATE TRIGGER deliveries_end_once BEFORE UPDATE ON chancery.deliveries FOR EACH ROW WHEN (((old.state = 'Delivered'::chancery.delivery_state) OR ((old.state = 'Dead'::chancery.delivery_state) AND (old.discarded OR ((NOT ((new.state = 'Pending'::chancery.delivery_state) AND (new.redrives = (old.redrives + 1)))) AND (NOT ((new.state = 'Dead'::chancery.delivery_state) AND new.discarded))))) OR ((old.state = 'Pending'::chancery.delivery_state) AND (new.redrives <> old.redrives)))) EXECUTE FUNCTION chancery.refuse_change();

CREATE TRIGGER deliveries_keep_their_shape BEFORE UPDATE OF batch, sink, run_id ON chancery.deliveries FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

CREATE TRIGGER delivery_moves_never_change BEFORE UPDATE ON chancery.delivery_moves FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

CREATE TRIGGER events_are_not_lost BEFORE DELETE ON chancery.events FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

CREATE TRIGGER events_count_their_attempts BEFORE UPDATE OF attempts ON chancery.events FOR EACH ROW WHEN (((new.attempts <> old.attempts) AND (new.attempts <> (old.attempts + 1)))) EXECUTE FUNCTION chancery.refuse_change();

CREATE TRIGGER events_end_once BEFORE UPDATE ON chancery.events FOR EACH ROW WHEN ((old.state <> 'Pending'::chancery.delivery_state)) EXECUTE FUNCTION chancery.refuse_change();

CREATE TRIGGER events_keep_their_shape BEFORE UPDATE OF what, notification, run_id, data, happened_at, traceparent ON chancery.events FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

CREATE TRIGGER events_only_get_further BEFORE UPDATE OF told_to, told ON chancery.events FOR EACH ROW WHEN (((old.told_to IS NOT NULL) AND (((new.told_to >= old.told_to) AND (new.told >= old.told)) IS NOT TRUE))) EXECUTE FUNCTION chancery.refuse_change();

CREATE TRIGGER flags_never_change BEFORE DELETE OR UPDATE ON chancery.flags FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

CREATE TRIGGER generated_sources_never_change BEFORE UPDATE ON chancery.generated_sources FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

CREATE TRIGGER intakes_keep_their_shape BEFORE UPDATE OF run_id, idempotency, expression, digest_window, record_limit ON chancery.intakes FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

CREATE TRIGGER judgements_never_change BEFORE DELETE OR UPDATE ON chancery.judgements FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

CREATE TRIGGER keyrings_keep_their_shape BEFORE UPDATE OF uid, namespace, name, algorithm, key_size, provider, envelope, content_type, data_key_fingerprint ON chancery.keyrings FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

CREATE CONSTRAINT TRIGGER leases_are_stored_whole AFTER UPDATE OF stored_to ON chancery.leases DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN ((new.stored_to IS NOT NULL)) EXECUTE FUNCTION chancery.refuse_part_of_a_batch();

CREATE TRIGGER ledger_never_changes BEFORE DELETE OR UPDATE ON chancery.ledger FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

CREATE TRIGGER letter_acts_never_change BEFORE UPDATE OF run_id, act, kind, into_name, selection, actor, login, acted_at ON chancery.letter_acts FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

CREATE TRIGGER letter_acts_only_grow BEFORE UPDATE OF letters ON chancery.letter_acts FOR EACH ROW WHEN ((new.letters < old.letters)) EXECUTE FUNCTION chancery.refuse_change();

CREATE TRIGGER letter_moves_end_once BEFORE UPDATE OF became ON chancery.letter_moves FOR EACH ROW WHEN (((old.became IS NOT NULL) OR (new.became IS NULL))) EXECUTE FUNCTION chancery.refuse_change();

CREATE TRIGGER letter_moves_never_change BEFORE UPDATE OF run_id, source, split, "position", attempt, act, stage, rule, reason, judged_at ON chancery.letter_moves FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

CREATE TRIGGER manifests_end_once BEFORE UPDATE ON chancery.manifests FOR EACH ROW WHEN ((((new.number <> old.number) AND (new.number <> (old.number + 1))) OR ((new.number = old.number) AND ((old.ended_at IS NOT NULL) OR ((old.not_before IS NOT NULL) AND (new.stated <> old.stated)))))) EXECUTE FUNCTION chancery.refuse_change();

CREATE TRIGGER manifests_keep_their_shape BEFORE UPDATE OF run_id, sink ON chancery.manifests FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

CREATE TRIGGER notifications_keep_their_shape BEFORE UPDATE OF run_id, notification, name, description, events, attempt_limit ON chancery.notifications FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

CREATE TRIGGER notifications_only_get_more BEFORE UPDATE OF told, dead ON chancery.notifications FOR EACH ROW WHEN (((new.told < old.told) OR (new.dead < old.dead))) EXECUTE FUNCTION chancery.refuse_change();

CREATE TRIGGER originals_never_change BEFORE DELETE OR UPDATE ON chancery.originals FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

CREATE TRIGGER pendings_count_their_attempts BEFORE UPDATE OF attempts ON chancery.pendings FOR EACH ROW WHEN (((new.attempts <> old.attempts) AND (new.attempts <> (old.attempts + 1)))) EXECUTE FUNCTION chancery.refuse_change();

CREATE TRIGGER pendings_keep_their_shape BEFORE UPDATE OF source, split, "position", run_id, payload, name, arrived_at, letter ON chancery.pendings FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

CREATE TRIGGER policies_never_change BEFORE UPDATE ON chancery.policies FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

CREATE TRIGGER pushes_never_change BEFORE UPDATE ON chancery.pushes FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

CREATE TRIGGER records_never_change BEFORE DELETE OR UPDATE ON chancery.records FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

CREATE TRIGGER runs_are_sealed_once BEFORE UPDATE OF record_count, sealed_at ON chancery.runs FOR EACH ROW WHEN ((old.sealed_at IS NOT NULL)) EXECUTE FUNCTION chancery.refuse_change();

CREATE TRIGGER runs_keep_their_policy BEFORE UPDATE OF policy_name, policy_hash ON chancery.runs FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

CREATE TRIGGER runs_keep_their_shape BEFORE UPDATE OF uid, namespace, name, keyring_id, batch_size ON chancery.runs FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

CREATE TRIGGER signature_blocks_never_change BEFORE DELETE OR UPDATE ON chancery.signature_blocks FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

CREATE TRIGGER sinks_keep_their_shape BEFORE UPDATE OF run_id, sink, name, description, ordered, attempt_limit ON chancery.sinks FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

CREATE TRIGGER sinks_only_get_more BEFORE UPDATE OF delivered, dead, redriven ON chancery.sinks FOR EACH ROW WHEN (((new.delivered < old.delivered) OR (((new.delivered + new.dead) + new.redriven) < ((old.delivered + old.dead) + old.redriven)))) EXECUTE FUNCTION chancery.refuse_change();

CREATE TRIGGER sources_are_listed_once BEFORE UPDATE OF listed_at ON chancery.sources FOR EACH ROW WHEN ((old.listed_at IS NOT NULL)) EXECUTE FUNCTION chancery.refuse_change();

CREATE TRIGGER sources_keep_confirming BEFORE UPDATE OF confirm ON chancery.sources FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

CREATE TRIGGER sources_keep_their_shape BEFORE UPDATE OF run_id, source, name, description ON chancery.sources FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

CREATE TRIGGER splits_are_done_once BEFORE UPDATE OF "position", position_key, done_at, received ON chancery.splits FOR EACH ROW WHEN ((old.done_at IS NOT NULL)) EXECUTE FUNCTION chancery.refuse_change();

CREATE TRIGGER splits_keep_their_shape BEFORE UPDATE OF run_id, source, split, part, start ON chancery.splits FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

CREATE TRIGGER splits_keys_come_with_positions BEFORE UPDATE OF position_key ON chancery.splits FOR EACH ROW WHEN (((old."position" = new."position") AND (old.position_key IS DISTINCT FROM new.position_key))) EXECUTE FUNCTION chancery.refuse_change();

CREATE TRIGGER splits_settle_what_is_left BEFORE UPDATE OF admitted, duplicates, dead, rejected, pending ON chancery.splits FOR EACH ROW WHEN (((old.done_at IS NOT NULL) AND ((new.admitted < old.admitted) OR (new.duplicates < old.duplicates) OR (new.rejected < old.rejected)))) EXECUTE FUNCTION chancery.refuse_change();

CREATE TRIGGER statements_never_change BEFORE DELETE OR UPDATE ON chancery.statements FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

CREATE TRIGGER traces_never_change BEFORE DELETE OR UPDATE ON chancery.traces FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();

ALTER TABLE ONLY chancery.admissions
    ADD CONSTRAINT admissions_run_id_fkey FOREIGN KEY (run_id) REFERENCES chancery.runs(id) ON DELETE CASCADE;

ALTER TABLE ONLY chancery.data_keys
    ADD CONSTRAINT data_keys_keyring_id_fkey FOREIGN KEY (keyring_id) REFERENCES chancery.keyrings(id) ON DELETE CASCADE;

ALTER TABLE ONLY chancery.deleted_runs
    ADD CONSTRAINT deleted_runs_keyring_id_fkey FOREIGN KEY (keyring_id) REFERENCES chancery.keyrings(id);

ALTER TABLE ONLY chancery.delivery_moves
    ADD CONSTRAINT delivery_moves_run_id_sink_fkey FOREIGN KEY (run_id, sink) REFERENCES chancery.sinks(run_id, sink) ON DELETE CASCADE;

ALTER TABLE ONLY chancery.generated_chunks
    ADD CONSTRAINT generated_chunks_run_id_fkey FOREIGN KEY (run_id) REFERENCES chancery.runs(id) ON DELETE CASCADE;

ALTER TABLE ONLY chancery.generated_sources
    ADD CONSTRAINT generated_sources_run_id_fkey FOREIGN KEY (run_id) REFERENCES chancery.runs(id) ON DELETE CASCADE;

ALTER TABLE ONLY chancery.intakes
    ADD CONSTRAINT intakes_run_id_fkey FOREIGN KEY (run_id) REFERENCES chancery.runs(id) ON DELETE CASCADE;

ALTER TABLE ONLY chancery.kept_digests
    ADD CONSTRAINT kept_digests_keyring_id_fkey FOREIGN KEY (keyring_id) REFERENCES chancery.keyrings(id) ON DELETE CASCADE;

ALTER TABLE ONLY chancery.key_material
    ADD CONSTRAINT key_material_key_id_fkey FOREIGN KEY (key_id) REFERENCES chancery.keys(id) ON DELETE CASCADE;

ALTER TABLE ONLY chancery.keys
    ADD CONSTRAINT keys_keyring_id_fkey FOREIGN KEY (keyring_id) REFERENCES chancery.keyrings(id);

ALTER TABLE ONLY chancery.letter_acts
    ADD CONSTRAINT letter_acts_run_id_fkey FOREIGN KEY (run_id) REFERENCES chancery.runs(id) ON DELETE CASCADE;

ALTER TABLE ONLY chancery.letter_moves
    ADD CONSTRAINT letter_moves_run_id_act_fkey FOREIGN KEY (run_id, act) REFERENCES chancery.letter_acts(run_id, act) ON DELETE CASCADE;

ALTER TABLE ONLY chancery.manifests
    ADD CONSTRAINT manifests_run_id_sink_fkey FOREIGN KEY (run_id, sink) REFERENCES chancery.sinks(run_id, sink) ON DELETE CASCADE;

ALTER TABLE ONLY chancery.notifications
    ADD CONSTRAINT notifications_run_id_fkey FOREIGN KEY (run_id) REFERENCES chancery.runs(id) ON DELETE CASCADE;

ALTER TABLE ONLY chancery.pushes
    ADD CONSTRAINT pushes_run_id_fkey FOREIGN KEY (run_id) REFERENCES chancery.runs(id) ON DELETE CASCADE;

ALTER TABLE ONLY chancery.run_secrets
    ADD CONSTRAINT run_secrets_run_id_fkey FOREIGN KEY (run_id) REFERENCES chancery.runs(id) ON DELETE CASCADE;

ALTER TABLE ONLY chancery.runs
    ADD CONSTRAINT runs_keyring_id_fkey FOREIGN KEY (keyring_id) REFERENCES chancery.keyrings(id);

ALTER TABLE ONLY chancery.runs
    ADD CONSTRAINT runs_policy_hash_fkey FOREIGN KEY (policy_hash) REFERENCES chancery.policies(hash);

ALTER TABLE ONLY chancery.sinks
    ADD CONSTRAINT sinks_run_id_fkey FOREIGN KEY (run_id) REFERENCES chancery.runs(id) ON DELETE CASCADE;

ALTER TABLE ONLY chancery.sources
    ADD CONSTRAINT sources_run_id_fkey FOREIGN KEY (run_id) REFERENCES chancery.runs(id) ON DELETE CASCADE;

ALTER TABLE ONLY chancery.splits
    ADD CONSTRAINT splits_run_id_fkey FOREIGN KEY (run_id) REFERENCES chancery.runs(id) ON DELETE CASCADE;

ALTER TABLE ONLY chancery.statements
    ADD CONSTRAINT statements_previous_fkey FOREIGN KEY (previous) REFERENCES chancery.statements(hash);

GRANT USAGE ON SCHEMA chancery TO chancery_signer;
GRANT USAGE ON SCHEMA chancery TO chancery_intake;
GRANT USAGE ON SCHEMA chancery TO chancery_delivery;
GRANT USAGE ON SCHEMA chancery TO chancery_auditor;
GRANT USAGE ON SCHEMA chancery TO chancery_gateway;
GRANT USAGE ON SCHEMA chancery TO chancery_operator;

REVOKE ALL ON FUNCTION chancery.admit(p_source integer, p_split integer, p_token bytea, p_position bigint, p_next bigint, p_key text, p_done boolean, p_payloads bytea[], p_positions bigint[], p_identities bytea[], p_dead_positions bigint[], p_stages text[], p_reasons text[], p_raws bytea[], p_judged chancery.judgement, p_traced bigint[], p_traced_to bigint[], p_traces text[], OUT answer text, OUT admitted bigint, OUT duplicates bigint, OUT dead bigint, OUT rejected bigint, OUT start_at bigint, OUT done boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.admit(p_source integer, p_split integer, p_token bytea, p_position bigint, p_next bigint, p_key text, p_done boolean, p_payloads bytea[], p_positions bigint[], p_identities bytea[], p_dead_positions bigint[], p_stages text[], p_reasons text[], p_raws bytea[], p_judged chancery.judgement, p_traced bigint[], p_traced_to bigint[], p_traces text[], OUT answer text, OUT admitted bigint, OUT duplicates bigint, OUT dead bigint, OUT rejected bigint, OUT start_at bigint, OUT done boolean) TO chancery_intake;

GRANT SELECT ON TABLE chancery.runs TO chancery_auditor;

GRANT UPDATE(lease_duration) ON TABLE chancery.runs TO chancery_operator;

GRANT UPDATE(suspended) ON TABLE chancery.runs TO chancery_operator;

GRANT UPDATE(deleted_at) ON TABLE chancery.runs TO chancery_operator;

GRANT UPDATE(too_many_dead) ON TABLE chancery.runs TO chancery_operator;

REVOKE ALL ON FUNCTION chancery.admit_arrivals(p_run chancery.runs, p_source integer, p_split integer, p_position bigint, p_next bigint, p_key text, p_done boolean, p_payloads bytea[], p_positions bigint[], p_digests bytea[], p_identities bytea[], p_dead_positions bigint[], p_stages text[], p_reasons text[], p_raws bytea[], p_judged chancery.judgement, p_traced bigint[], p_traced_to bigint[], p_traces text[], OUT answer text, OUT admitted bigint, OUT duplicates bigint, OUT dead bigint, OUT rejected bigint, OUT start_at bigint, OUT done boolean, OUT known bigint[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.admit_check(p_position bigint, p_next bigint, p_payloads bytea[], p_positions bigint[], p_identities bytea[], p_dead_positions bigint[], p_stages text[], p_reasons text[], p_raws bytea[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.admit_check_judged(p_policy bytea, p_positions bigint[], p_dead_positions bigint[], p_stages text[], p_judged chancery.judgement) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.admit_check_pending(p_by chancery.idempotency, p_position bigint, p_next bigint, p_positions bigint[], p_dead_positions bigint[], p_judged chancery.judgement) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.admit_digests(p_run integer, p_payloads bytea[], p_identities bytea[], p_originals bytea[], OUT digests bytea[], OUT identities bytea[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.admit_duplicates(p_run integer, p_keyring integer, p_source integer, p_split integer, p_digests bytea[], p_identities bytea[], p_positions bigint[], p_new bigint[], p_last bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.admit_known(p_keyring integer, p_payloads bigint, p_known bytea[], OUT places bigint[], OUT new bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.admit_marks(p_run integer, p_source integer, p_split integer, p_base bigint, p_last bigint, p_end bigint, p_positions bigint[], p_judged chancery.judgement, OUT flagged bigint, OUT alerts bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.admit_numbers(p_run integer, p_keyring integer, p_base bigint, p_room bigint, p_digests bytea[], OUT new bigint[], OUT last bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.admit_payloads(p_run integer, p_keyring integer, p_digests bytea[], p_identities bytea[], p_base bigint, p_room bigint, p_source integer, p_split integer, p_payloads bytea[], p_positions bigint[], p_repeats boolean, OUT admitted bigint, OUT duplicates bigint, OUT bytes bigint, OUT last_position bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.admit_refused(p_run integer, p_source integer, p_split integer, p_end bigint, p_positions bigint[], p_stages text[], p_rules text[], p_reasons text[], p_raws bytea[], p_arrived timestamp with time zone[], OUT dead bigint, OUT rejected bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.admit_traces(p_run integer, p_source integer, p_split integer, p_position bigint, p_end bigint, p_traced bigint[], p_traced_to bigint[], p_traces text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.alerts_after(p_run integer, p_record bigint, p_without bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.alerts_after(p_run integer, p_record bigint, p_without bigint) TO chancery_operator;

REVOKE ALL ON FUNCTION chancery.batch_bounds(p_run integer, p_batch bigint, p_lease bigint, OUT first_record bigint, OUT last_record bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.batch_close_late(p_run integer) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.batch_close_late(p_run integer) TO chancery_operator;

REVOKE ALL ON FUNCTION chancery.batch_is_sound(batch bigint, first_record bigint, last_record bigint, payload_bytes bigint, opened_at timestamp with time zone, closed_at timestamp with time zone, state chancery.batch_state, lease_id bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.batch_return(p_run integer, p_batch bigint, p_lease bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.batch_roots_keep(p_run integer, p_tree chancery.batch_tree, p_first bigint, p_roots bytea[]) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.batch_roots_keep(p_run integer, p_tree chancery.batch_tree, p_first bigint, p_roots bytea[]) TO chancery_operator;

REVOKE ALL ON FUNCTION chancery.batch_store(p_lease bigint, p_token bytea, p_first bigint, p_end bigint, p_signatures bytea, p_last boolean, p_library chancery.signing_library) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.batch_store(p_lease bigint, p_token bytea, p_first bigint, p_end bigint, p_signatures bytea, p_last boolean, p_library chancery.signing_library) TO chancery_signer;

REVOKE ALL ON FUNCTION chancery.batches_close(p_run integer, p_records bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.block_is_sound(first_record bigint, last_record bigint, bytes integer, signature_bytes integer, batch_size bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.bytes_text(p_bytes numeric) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.database_used() FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.database_used() TO chancery_operator;

REVOKE ALL ON FUNCTION chancery.dead_letters_after(p_run integer, p_source integer, p_split integer, p_position bigint, p_most bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.dead_letters_after(p_run integer, p_source integer, p_split integer, p_position bigint, p_most bigint) TO chancery_operator;
GRANT ALL ON FUNCTION chancery.dead_letters_after(p_run integer, p_source integer, p_split integer, p_position bigint, p_most bigint) TO chancery_gateway;

REVOKE ALL ON FUNCTION chancery.dead_letters_sweep(p_run integer, p_most bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.dead_letters_sweep(p_run integer, p_most bigint) TO chancery_operator;

REVOKE ALL ON FUNCTION chancery.deletion_gate() FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.deletion_gate() TO chancery_auditor;

REVOKE ALL ON FUNCTION chancery.deliveries_act(p_run integer, p_run_uid uuid, p_kind text, p_actor text, p_selection text, p_sink text, p_batch bigint, p_reason text, OUT answer text, OUT act integer, OUT letters bigint, OUT manifests bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.deliveries_act(p_run integer, p_run_uid uuid, p_kind text, p_actor text, p_selection text, p_sink text, p_batch bigint, p_reason text, OUT answer text, OUT act integer, OUT letters bigint, OUT manifests bigint) TO chancery_operator;

REVOKE ALL ON FUNCTION chancery.delivery_fail(p_sink integer, p_token bytea, p_batches bigint[], p_errors text[], p_seconds double precision[], OUT put_off bigint, OUT dead bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.delivery_fail(p_sink integer, p_token bytea, p_batches bigint[], p_errors text[], p_seconds double precision[], OUT put_off bigint, OUT dead bigint) TO chancery_delivery;

REVOKE ALL ON FUNCTION chancery.delivery_give_back(p_sink integer, p_token bytea, p_batches bigint[], p_error text, p_seconds double precision) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.delivery_give_back(p_sink integer, p_token bytea, p_batches bigint[], p_error text, p_seconds double precision) TO chancery_delivery;

REVOKE ALL ON FUNCTION chancery.delivery_is_sound(batch bigint, sink integer, state chancery.delivery_state, attempts integer, last_error text, holder text, token_hash bytea, object text, digest bytea, ended_at timestamp with time zone, redrives integer, discarded boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.delivery_of_session() FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.delivery_records(p_sink integer, p_token bytea, p_batch bigint, p_last bigint, p_after bigint, p_bytes bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.delivery_records(p_sink integer, p_token bytea, p_batch bigint, p_last bigint, p_after bigint, p_bytes bigint) TO chancery_delivery;

REVOKE ALL ON FUNCTION chancery.delivery_release(p_run integer, p_holders text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.delivery_release(p_run integer, p_holders text[]) TO chancery_operator;

REVOKE ALL ON FUNCTION chancery.delivery_renew(p_sink integer, p_token bytea, p_batches bigint[], p_seconds double precision) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.delivery_renew(p_sink integer, p_token bytea, p_batches bigint[], p_seconds double precision) TO chancery_delivery;

REVOKE ALL ON FUNCTION chancery.delivery_run(p_namespace text, p_name text, OUT id integer, OUT uid uuid, OUT ledger_uid uuid, OUT namespace text, OUT name text, OUT deleted boolean, OUT algorithm text, OUT envelope text, OUT content_type text) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.delivery_run(p_namespace text, p_name text, OUT id integer, OUT uid uuid, OUT ledger_uid uuid, OUT namespace text, OUT name text, OUT deleted boolean, OUT algorithm text, OUT envelope text, OUT content_type text) TO chancery_delivery;

REVOKE ALL ON FUNCTION chancery.delivery_settle(p_sink integer, p_token bytea, p_batches bigint[], p_objects text[], p_digests bytea[]) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.delivery_settle(p_sink integer, p_token bytea, p_batches bigint[], p_objects text[], p_digests bytea[]) TO chancery_delivery;

REVOKE ALL ON FUNCTION chancery.delivery_sinks() FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.delivery_sinks() TO chancery_delivery;

REVOKE ALL ON FUNCTION chancery.delivery_take(p_sink integer, p_holder text, p_token_hash bytea, p_most integer, p_seconds double precision) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.delivery_take(p_sink integer, p_holder text, p_token_hash bytea, p_most integer, p_seconds double precision) TO chancery_delivery;

REVOKE ALL ON FUNCTION chancery.digests_forget(p_run integer) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.digests_forget(p_run integer) TO chancery_operator;

REVOKE ALL ON FUNCTION chancery.digests_sweep() FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.digests_sweep() TO chancery_operator;

REVOKE ALL ON FUNCTION chancery.event_alerts(p_run integer, p_base bigint, p_last bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.event_completed(p_run integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.event_is_sound(what text, notification integer, state chancery.delivery_state, attempts integer, last_error text, holder text, token_hash bytea, ended_at timestamp with time zone, told_to bigint, told bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.event_refused(p_run integer, p_source integer, p_split integer, p_end bigint, p_positions bigint[], p_stages text[], p_rules text[], p_dead boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.event_started(p_run integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.event_undelivered(p_run integer, p_sink integer, p_batches bigint[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.event_wanted(p_run integer, p_event text) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.event_write(p_run integer, p_event text, p_about text, p_data jsonb, p_traceparent text) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.holders_release(p_run integer, p_holders text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.holders_release(p_run integer, p_holders text[]) TO chancery_operator;

REVOKE ALL ON FUNCTION chancery.identity_digest(p_identity bytea) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.intake_give_back(p_source integer, p_split integer, p_token bytea, p_error text, p_seconds double precision) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.intake_give_back(p_source integer, p_split integer, p_token bytea, p_error text, p_seconds double precision) TO chancery_intake;

REVOKE ALL ON FUNCTION chancery.intake_next(p_holder text, p_token_hash bytea, OUT task text, OUT source integer, OUT name text, OUT description jsonb, OUT split integer, OUT part jsonb, OUT start_at bigint, OUT key text, OUT attempts integer, OUT seconds double precision, OUT room bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.intake_next(p_holder text, p_token_hash bytea, OUT task text, OUT source integer, OUT name text, OUT description jsonb, OUT split integer, OUT part jsonb, OUT start_at bigint, OUT key text, OUT attempts integer, OUT seconds double precision, OUT room bigint) TO chancery_intake;

REVOKE ALL ON FUNCTION chancery.intake_of_session() FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.intake_policy() FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.intake_policy() TO chancery_intake;

REVOKE ALL ON FUNCTION chancery.intake_refusal(p_run chancery.runs) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.intake_release(p_run integer, p_holders text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.intake_release(p_run integer, p_holders text[]) TO chancery_operator;

REVOKE ALL ON FUNCTION chancery.intake_renew(p_source integer, p_split integer, p_token bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.intake_renew(p_source integer, p_split integer, p_token bytea) TO chancery_intake;

REVOKE ALL ON FUNCTION chancery.intake_run(p_namespace text, p_name text, OUT id integer, OUT uid uuid, OUT ledger_uid uuid, OUT namespace text, OUT name text, OUT deleted boolean, OUT expression text, OUT pushed boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.intake_run(p_namespace text, p_name text, OUT id integer, OUT uid uuid, OUT ledger_uid uuid, OUT namespace text, OUT name text, OUT deleted boolean, OUT expression text, OUT pushed boolean) TO chancery_intake;

REVOKE ALL ON FUNCTION chancery.key_add(p_run integer, p_run_uid uuid, p_key uuid, p_number integer, p_public_key bytea, p_wrapped_key bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.key_add(p_run integer, p_run_uid uuid, p_key uuid, p_number integer, p_public_key bytea, p_wrapped_key bytea) TO chancery_signer;

REVOKE ALL ON FUNCTION chancery.key_fits(p_algorithm chancery.algorithm, p_key_size integer, p_public_key bytea, p_wrapped_key bytea) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.key_is_sound(number integer, state chancery.key_state, last_use bigint, joined_use bigint, retired_use bigint, retired_at timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.key_join(p_keyring integer, p_key uuid, p_number integer, p_public_key bytea, p_wrapped_key bytea) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.key_numbers_missing(p_keyring integer, p_key_count integer, p_after integer, p_most integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.key_retire(p_key uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.key_retire(p_key uuid) TO chancery_operator;

REVOKE ALL ON FUNCTION chancery.keyring_collect(p_keyring integer, p_instant timestamp with time zone, p_use_floor bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.keyring_delete(p_namespace text, p_name text) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.keyring_delete(p_namespace text, p_name text) TO chancery_operator;

REVOKE ALL ON FUNCTION chancery.keyring_find_or_create(p_namespace text, p_name text, p_uid uuid, p_data_key_fingerprint text, p_data_key bytea, p_kek_fingerprint text, p_algorithm chancery.algorithm, p_key_size integer, p_key_count integer, p_default_algorithm chancery.algorithm, p_default_key_size integer, p_envelope chancery.envelope, p_content_type text, p_object chancery.object, p_adopt uuid, OUT keyring integer, OUT made boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.keyring_forget(p_keyring integer, p_most bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.keyring_forget(p_keyring integer, p_most bigint) TO chancery_operator;

REVOKE ALL ON FUNCTION chancery.keyring_name_turn(p_namespace text, p_name text) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.keyring_own(p_keyring integer, p_object chancery.object, p_adopt uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.keyring_remove(p_keyring integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.keyring_show(p_namespace text, p_name text) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.keyring_show(p_namespace text, p_name text) TO chancery_operator;
GRANT ALL ON FUNCTION chancery.keyring_show(p_namespace text, p_name text) TO chancery_gateway;

REVOKE ALL ON FUNCTION chancery.keyring_turn(p_keyring integer, OUT instant timestamp with time zone, OUT last_use bigint, OUT use_floor bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.keys_missing(p_run integer, p_run_uid uuid, p_after integer, p_most integer, OUT answer text, OUT numbers integer[]) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.keys_missing(p_run integer, p_run_uid uuid, p_after integer, p_most integer, OUT answer text, OUT numbers integer[]) TO chancery_signer;

REVOKE ALL ON FUNCTION chancery.lease_abandon(p_lease bigint, p_token bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.lease_abandon(p_lease bigint, p_token bytea) TO chancery_signer;

REVOKE ALL ON FUNCTION chancery.lease_acquire(p_run integer, p_run_uid uuid, p_holder text, p_token_hash bytea, p_use_floor bigint, p_batch_floor bigint, OUT answer text, OUT lease_id bigint, OUT key_id uuid, OUT wrapped_key_hash bytea, OUT batch bigint, OUT first_record bigint, OUT last_record bigint, OUT payload_bytes bigint, OUT use_sequence bigint, OUT lease_seconds double precision, OUT expired integer, OUT use_floor bigint, OUT batch_floor bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.lease_acquire(p_run integer, p_run_uid uuid, p_holder text, p_token_hash bytea, p_use_floor bigint, p_batch_floor bigint, OUT answer text, OUT lease_id bigint, OUT key_id uuid, OUT wrapped_key_hash bytea, OUT batch bigint, OUT first_record bigint, OUT last_record bigint, OUT payload_bytes bigint, OUT use_sequence bigint, OUT lease_seconds double precision, OUT expired integer, OUT use_floor bigint, OUT batch_floor bigint) TO chancery_signer;

REVOKE ALL ON FUNCTION chancery.lease_give_back(p_lease bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.lease_is_sound(use_sequence bigint, acquired_at timestamp with time zone, duration interval, holder text, token_hash bytea, signed_at timestamp with time zone, released_at timestamp with time zone, outcome chancery.lease_outcome, returned boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.lease_key(p_lease bigint, p_token bytea, OUT wrapped_key bytea, OUT public_key bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.lease_key(p_lease bigint, p_token bytea, OUT wrapped_key bytea, OUT public_key bytea) TO chancery_signer;

REVOKE ALL ON FUNCTION chancery.lease_renew(p_lease bigint, p_token bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.lease_renew(p_lease bigint, p_token bytea) TO chancery_signer;

REVOKE ALL ON FUNCTION chancery.leases_durable(p_run_uid uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.leases_durable(p_run_uid uuid) TO chancery_signer;

REVOKE ALL ON FUNCTION chancery.ledger_version() FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.ledger_version() TO chancery_signer;
GRANT ALL ON FUNCTION chancery.ledger_version() TO chancery_intake;
GRANT ALL ON FUNCTION chancery.ledger_version() TO chancery_delivery;
GRANT ALL ON FUNCTION chancery.ledger_version() TO chancery_auditor;
GRANT ALL ON FUNCTION chancery.ledger_version() TO chancery_gateway;

REVOKE ALL ON FUNCTION chancery.letter_act(p_run integer, p_act integer, p_kind chancery.letter_act, p_into text, p_actor text, p_selection text, p_letters bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.letter_history(p_run integer, p_run_uid uuid, p_source integer, p_split integer, p_position bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.letter_history(p_run integer, p_run_uid uuid, p_source integer, p_split integer, p_position bigint) TO chancery_operator;
GRANT ALL ON FUNCTION chancery.letter_history(p_run integer, p_run_uid uuid, p_source integer, p_split integer, p_position bigint) TO chancery_gateway;

REVOKE ALL ON FUNCTION chancery.letter_is_whole(p_stage text, p_raw bytea) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.letters_after(p_run integer, p_run_uid uuid, p_source integer, p_split integer, p_position bigint, p_most bigint, p_open boolean, p_raw boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.letters_after(p_run integer, p_run_uid uuid, p_source integer, p_split integer, p_position bigint, p_most bigint, p_open boolean, p_raw boolean) TO chancery_operator;
GRANT ALL ON FUNCTION chancery.letters_after(p_run integer, p_run_uid uuid, p_source integer, p_split integer, p_position bigint, p_most bigint, p_open boolean, p_raw boolean) TO chancery_gateway;

REVOKE ALL ON FUNCTION chancery.letters_end(p_run integer, p_run_uid uuid, p_act integer, p_kind text, p_into text, p_actor text, p_selection text, p_sources integer[], p_splits integer[], p_positions bigint[], OUT answer text, OUT act integer) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.letters_end(p_run integer, p_run_uid uuid, p_act integer, p_kind text, p_into text, p_actor text, p_selection text, p_sources integer[], p_splits integer[], p_positions bigint[], OUT answer text, OUT act integer) TO chancery_operator;
GRANT ALL ON FUNCTION chancery.letters_end(p_run integer, p_run_uid uuid, p_act integer, p_kind text, p_into text, p_actor text, p_selection text, p_sources integer[], p_splits integer[], p_positions bigint[], OUT answer text, OUT act integer) TO chancery_gateway;

REVOKE ALL ON FUNCTION chancery.letters_end_refusal(p_run integer, p_run_uid uuid, p_into text) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.letters_log(p_run integer, p_run_uid uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.letters_log(p_run integer, p_run_uid uuid) TO chancery_operator;
GRANT ALL ON FUNCTION chancery.letters_log(p_run integer, p_run_uid uuid) TO chancery_gateway;

REVOKE ALL ON FUNCTION chancery.letters_redrive(p_run integer, p_run_uid uuid, p_act integer, p_actor text, p_selection text, p_source integer, p_split integer, p_payloads bytea[], p_positions bigint[], p_identities bytea[], p_refused bigint[], p_stages text[], p_reasons text[], p_judged chancery.judgement, OUT answer text, OUT act integer, OUT admitted bigint, OUT duplicates bigint, OUT dead bigint, OUT rejected bigint, OUT pending bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.letters_redrive(p_run integer, p_run_uid uuid, p_act integer, p_actor text, p_selection text, p_source integer, p_split integer, p_payloads bytea[], p_positions bigint[], p_identities bytea[], p_refused bigint[], p_stages text[], p_reasons text[], p_judged chancery.judgement, OUT answer text, OUT act integer, OUT admitted bigint, OUT duplicates bigint, OUT dead bigint, OUT rejected bigint, OUT pending bigint) TO chancery_operator;
GRANT ALL ON FUNCTION chancery.letters_redrive(p_run integer, p_run_uid uuid, p_act integer, p_actor text, p_selection text, p_source integer, p_split integer, p_payloads bytea[], p_positions bigint[], p_identities bytea[], p_refused bigint[], p_stages text[], p_reasons text[], p_judged chancery.judgement, OUT answer text, OUT act integer, OUT admitted bigint, OUT duplicates bigint, OUT dead bigint, OUT rejected bigint, OUT pending bigint) TO chancery_gateway;

REVOKE ALL ON FUNCTION chancery.login_bind(p_run integer, p_login name) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.login_bind(p_run integer, p_login name) TO chancery_operator;

REVOKE ALL ON FUNCTION chancery.login_unbind(p_login name) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.login_unbind(p_login name) TO chancery_operator;

REVOKE ALL ON FUNCTION chancery.manifest_batches(p_sink integer, p_token bytea, p_after bigint, p_most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.manifest_batches(p_sink integer, p_token bytea, p_after bigint, p_most integer) TO chancery_delivery;

REVOKE ALL ON FUNCTION chancery.manifest_fail(p_sink integer, p_token bytea, p_error text, p_seconds double precision) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.manifest_fail(p_sink integer, p_token bytea, p_error text, p_seconds double precision) TO chancery_delivery;

REVOKE ALL ON FUNCTION chancery.manifest_give_back(p_sink integer, p_token bytea, p_error text, p_seconds double precision) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.manifest_give_back(p_sink integer, p_token bytea, p_error text, p_seconds double precision) TO chancery_delivery;

REVOKE ALL ON FUNCTION chancery.manifest_head(p_sink integer, p_token bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.manifest_head(p_sink integer, p_token bytea) TO chancery_delivery;

REVOKE ALL ON FUNCTION chancery.manifest_renew(p_sink integer, p_token bytea, p_seconds double precision) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.manifest_renew(p_sink integer, p_token bytea, p_seconds double precision) TO chancery_delivery;

REVOKE ALL ON FUNCTION chancery.manifest_settle(p_sink integer, p_token bytea, p_object text, p_digest bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.manifest_settle(p_sink integer, p_token bytea, p_object text, p_digest bytea) TO chancery_delivery;

REVOKE ALL ON FUNCTION chancery.manifest_take(p_run integer, p_sink integer, p_holder text, p_token_hash bytea, p_seconds double precision, OUT task text, OUT number integer, OUT attempts integer, OUT seconds double precision) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.manifests_stated(p_run integer) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.manifests_stated(p_run integer) TO chancery_operator;

REVOKE ALL ON FUNCTION chancery.notification_fail(p_notification integer, p_token bytea, p_whats text[], p_errors text[], p_seconds double precision[], OUT put_off bigint, OUT dead bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.notification_fail(p_notification integer, p_token bytea, p_whats text[], p_errors text[], p_seconds double precision[], OUT put_off bigint, OUT dead bigint) TO chancery_delivery;

REVOKE ALL ON FUNCTION chancery.notification_give_back(p_notification integer, p_token bytea, p_whats text[], p_error text, p_seconds double precision, p_patience double precision, OUT given_back bigint, OUT dead bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.notification_give_back(p_notification integer, p_token bytea, p_whats text[], p_error text, p_seconds double precision, p_patience double precision, OUT given_back bigint, OUT dead bigint) TO chancery_delivery;

REVOKE ALL ON FUNCTION chancery.notification_list() FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.notification_list() TO chancery_delivery;

REVOKE ALL ON FUNCTION chancery.notification_reached(p_notification integer, p_token bytea, p_whats text[], p_reached bigint[], p_told bigint[], p_refused text[], p_errors text[], p_pauses double precision[], p_seconds double precision, OUT held bigint, OUT dead bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.notification_reached(p_notification integer, p_token bytea, p_whats text[], p_reached bigint[], p_told bigint[], p_refused text[], p_errors text[], p_pauses double precision[], p_seconds double precision, OUT held bigint, OUT dead bigint) TO chancery_delivery;

REVOKE ALL ON FUNCTION chancery.notification_records(p_notification integer, p_token bytea, p_whats text[], p_most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.notification_records(p_notification integer, p_token bytea, p_whats text[], p_most integer) TO chancery_delivery;

REVOKE ALL ON FUNCTION chancery.notification_settle(p_notification integer, p_token bytea, p_whats text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.notification_settle(p_notification integer, p_token bytea, p_whats text[]) TO chancery_delivery;

REVOKE ALL ON FUNCTION chancery.notification_take(p_notification integer, p_holder text, p_token_hash bytea, p_most integer, p_seconds double precision) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.notification_take(p_notification integer, p_holder text, p_token_hash bytea, p_most integer, p_seconds double precision) TO chancery_delivery;

REVOKE ALL ON FUNCTION chancery.part_bytes(p_table text) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.part_bytes(p_table text) TO chancery_operator;

REVOKE ALL ON FUNCTION chancery.part_detach(p_parent text, p_number integer) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.part_detach(p_parent text, p_number integer) TO chancery_operator;

REVOKE ALL ON FUNCTION chancery.part_drop(p_parent text, p_number integer) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.part_drop(p_parent text, p_number integer) TO chancery_operator;

REVOKE ALL ON FUNCTION chancery.part_refuse(p_parent text, p_number integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.pendings_check(p_positions bigint[], p_enriched bytea[], p_dead_positions bigint[], p_stages text[], p_reasons text[], p_answers text[], p_judged chancery.judgement) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.pendings_put_off(p_token bytea, p_sources integer[], p_splits integer[], p_places bigint[], p_errors text[], p_seconds double precision[]) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.pendings_put_off(p_token bytea, p_sources integer[], p_splits integer[], p_places bigint[], p_errors text[], p_seconds double precision[]) TO chancery_intake;

REVOKE ALL ON FUNCTION chancery.pendings_settle(p_source integer, p_split integer, p_token bytea, p_positions bigint[], p_enriched bytea[], p_dead_positions bigint[], p_stages text[], p_reasons text[], p_answers text[], p_judged chancery.judgement, OUT answer text, OUT admitted bigint, OUT duplicates bigint, OUT dead bigint, OUT rejected bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.pendings_settle(p_source integer, p_split integer, p_token bytea, p_positions bigint[], p_enriched bytea[], p_dead_positions bigint[], p_stages text[], p_reasons text[], p_answers text[], p_judged chancery.judgement, OUT answer text, OUT admitted bigint, OUT duplicates bigint, OUT dead bigint, OUT rejected bigint) TO chancery_intake;

REVOKE ALL ON FUNCTION chancery.pendings_take(p_holder text, p_token_hash bytea, p_most integer, p_seconds double precision) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.pendings_take(p_holder text, p_token_hash bytea, p_most integer, p_seconds double precision) TO chancery_intake;

REVOKE ALL ON FUNCTION chancery.policies_sweep() FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.policies_sweep() TO chancery_operator;

REVOKE ALL ON FUNCTION chancery.policy_asks(p_text text) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.policy_forget(p_hash bytea) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.public_keys(p_keyring integer) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.public_keys(p_keyring integer) TO chancery_operator;
GRANT ALL ON FUNCTION chancery.public_keys(p_keyring integer) TO chancery_gateway;

REVOKE ALL ON FUNCTION chancery.push_duplicates(p_run integer, p_source integer, p_split integer, p_position bigint, p_arrivals bigint, OUT places bigint[], OUT runs text[], OUT records bigint[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.pushes_end(p_run integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.pushes_find(p_run integer, p_run_uid uuid, p_keys bytea[]) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.pushes_find(p_run integer, p_run_uid uuid, p_keys bytea[]) TO chancery_operator;
GRANT ALL ON FUNCTION chancery.pushes_find(p_run integer, p_run_uid uuid, p_keys bytea[]) TO chancery_gateway;

REVOKE ALL ON FUNCTION chancery.pushes_pending(p_run integer) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.pushes_pending(p_run integer) TO chancery_operator;
GRANT ALL ON FUNCTION chancery.pushes_pending(p_run integer) TO chancery_gateway;

REVOKE ALL ON FUNCTION chancery.pushes_refusal(p_run integer, p_run_uid uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.pushes_seal(p_run integer, p_run_uid uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.pushes_seal(p_run integer, p_run_uid uuid) TO chancery_operator;
GRANT ALL ON FUNCTION chancery.pushes_seal(p_run integer, p_run_uid uuid) TO chancery_gateway;

REVOKE ALL ON FUNCTION chancery.pushes_settled(p_run integer, p_run_uid uuid, p_positions bigint[]) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.pushes_settled(p_run integer, p_run_uid uuid, p_positions bigint[]) TO chancery_operator;
GRANT ALL ON FUNCTION chancery.pushes_settled(p_run integer, p_run_uid uuid, p_positions bigint[]) TO chancery_gateway;

REVOKE ALL ON FUNCTION chancery.record_of_digest(p_run integer, p_digest bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.record_of_digest(p_run integer, p_digest bytea) TO chancery_operator;
GRANT ALL ON FUNCTION chancery.record_of_digest(p_run integer, p_digest bytea) TO chancery_gateway;

REVOKE ALL ON FUNCTION chancery.record_payload(p_run integer, p_record bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.record_payload(p_run integer, p_record bigint) TO chancery_operator;
GRANT ALL ON FUNCTION chancery.record_payload(p_run integer, p_record bigint) TO chancery_gateway;

REVOKE ALL ON FUNCTION chancery.records_generate(p_run integer, p_chunk bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.records_generate(p_run integer, p_chunk bigint) TO chancery_operator;

REVOKE ALL ON FUNCTION chancery.records_push(p_run integer, p_run_uid uuid, p_arrivals bigint, p_payloads bytea[], p_places bigint[], p_identities bytea[], p_dead_places bigint[], p_stages text[], p_reasons text[], p_raws bytea[], p_keys bytea[], p_key_digests bytea[], p_key_places bigint[], p_key_arrivals bigint[], p_judged chancery.judgement, p_traced bigint[], p_traced_to bigint[], p_traces text[], OUT answer text, OUT start_at bigint, OUT accounted bigint, OUT first_record bigint, OUT duplicate_places bigint[], OUT duplicate_runs text[], OUT duplicate_records bigint[], OUT room bigint, OUT waiting bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.records_push(p_run integer, p_run_uid uuid, p_arrivals bigint, p_payloads bytea[], p_places bigint[], p_identities bytea[], p_dead_places bigint[], p_stages text[], p_reasons text[], p_raws bytea[], p_keys bytea[], p_key_digests bytea[], p_key_places bigint[], p_key_arrivals bigint[], p_judged chancery.judgement, p_traced bigint[], p_traced_to bigint[], p_traces text[], OUT answer text, OUT start_at bigint, OUT accounted bigint, OUT first_record bigint, OUT duplicate_places bigint[], OUT duplicate_runs text[], OUT duplicate_records bigint[], OUT room bigint, OUT waiting bigint) TO chancery_operator;
GRANT ALL ON FUNCTION chancery.records_push(p_run integer, p_run_uid uuid, p_arrivals bigint, p_payloads bytea[], p_places bigint[], p_identities bytea[], p_dead_places bigint[], p_stages text[], p_reasons text[], p_raws bytea[], p_keys bytea[], p_key_digests bytea[], p_key_places bigint[], p_key_arrivals bigint[], p_judged chancery.judgement, p_traced bigint[], p_traced_to bigint[], p_traces text[], OUT answer text, OUT start_at bigint, OUT accounted bigint, OUT first_record bigint, OUT duplicate_places bigint[], OUT duplicate_runs text[], OUT duplicate_records bigint[], OUT room bigint, OUT waiting bigint) TO chancery_gateway;

REVOKE ALL ON FUNCTION chancery.records_told(p_run integer, p_batch bigint, p_after bigint, p_most bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.refuse_change() FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.refuse_gap() FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.refuse_lost_letter() FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.refuse_part_of_a_batch() FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.refuse_removal_of_roots() FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.replay_list(p_source integer, p_token bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.replay_list(p_source integer, p_token bytea) TO chancery_intake;

REVOKE ALL ON FUNCTION chancery.replay_read(p_source integer, p_split integer, p_token bytea, p_position bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.replay_read(p_source integer, p_split integer, p_token bytea, p_position bigint) TO chancery_intake;

REVOKE ALL ON FUNCTION chancery.replay_rows(p_select text) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.replay_run(p_run integer, p_name text) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.run_admit(p_run integer, p_made_ring boolean, p_limits chancery.limits) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.run_adopt(p_run integer, p_former uuid, p_object chancery.object, p_adopt_keyring uuid, p_claimed boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.run_adopt(p_run integer, p_former uuid, p_object chancery.object, p_adopt_keyring uuid, p_claimed boolean) TO chancery_operator;

REVOKE ALL ON FUNCTION chancery.run_bytes(p_to_make bigint, p_to_sign bigint, p_record_size integer, p_batch_size bigint, p_signature_bytes integer) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.run_bytes(p_to_make bigint, p_to_sign bigint, p_record_size integer, p_batch_size bigint, p_signature_bytes integer) TO chancery_operator;

REVOKE ALL ON FUNCTION chancery.run_complete(p_run integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.run_create(p_namespace text, p_name text, p_keyring text, p_keyring_uid uuid, p_data_key_fingerprint text, p_data_key bytea, p_kek_fingerprint text, p_algorithm chancery.algorithm, p_key_size integer, p_key_count integer, p_default_algorithm chancery.algorithm, p_default_key_size integer, p_envelope chancery.envelope, p_content_type text, p_batch_size bigint, p_lease_duration interval, p_suspended boolean, p_record_count bigint, p_record_size integer, p_chunk_size bigint, p_sources jsonb, p_idempotency chancery.idempotency, p_expression text, p_digest_window interval, p_dead_limit bigint, p_dead_retention interval, p_object chancery.object, p_adopt_keyring uuid, p_limits chancery.limits, p_policy_name text, p_policy text, p_sinks jsonb, p_notifications jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.run_create(p_namespace text, p_name text, p_keyring text, p_keyring_uid uuid, p_data_key_fingerprint text, p_data_key bytea, p_kek_fingerprint text, p_algorithm chancery.algorithm, p_key_size integer, p_key_count integer, p_default_algorithm chancery.algorithm, p_default_key_size integer, p_envelope chancery.envelope, p_content_type text, p_batch_size bigint, p_lease_duration interval, p_suspended boolean, p_record_count bigint, p_record_size integer, p_chunk_size bigint, p_sources jsonb, p_idempotency chancery.idempotency, p_expression text, p_digest_window interval, p_dead_limit bigint, p_dead_retention interval, p_object chancery.object, p_adopt_keyring uuid, p_limits chancery.limits, p_policy_name text, p_policy text, p_sinks jsonb, p_notifications jsonb) TO chancery_operator;

REVOKE ALL ON FUNCTION chancery.run_failed(p_run integer, p_run_uid uuid, p_reason text, p_message text) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.run_failed(p_run integer, p_run_uid uuid, p_reason text, p_message text) TO chancery_operator;

REVOKE ALL ON FUNCTION chancery.run_functions(p_run integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.run_notifications(p_run integer, p_notifications jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.run_of_session() FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.run_policy(p_run integer, p_run_uid uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.run_policy(p_run integer, p_run_uid uuid) TO chancery_operator;
GRANT ALL ON FUNCTION chancery.run_policy(p_run integer, p_run_uid uuid) TO chancery_gateway;

REVOKE ALL ON FUNCTION chancery.run_refusal(p_run chancery.runs) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.run_remove(p_run integer) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.run_remove(p_run integer) TO chancery_operator;

REVOKE ALL ON FUNCTION chancery.run_seal(p_run integer) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.run_seal(p_run integer) TO chancery_operator;

REVOKE ALL ON FUNCTION chancery.run_settle(p_run integer) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.run_settle(p_run integer) TO chancery_operator;

REVOKE ALL ON FUNCTION chancery.run_show(p_namespace text, p_name text) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.run_show(p_namespace text, p_name text) TO chancery_operator;
GRANT ALL ON FUNCTION chancery.run_show(p_namespace text, p_name text) TO chancery_gateway;

REVOKE ALL ON FUNCTION chancery.run_signed(p_run integer, OUT batches bigint, OUT records bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.run_signed(p_run integer, OUT batches bigint, OUT records bigint) TO chancery_operator;

REVOKE ALL ON FUNCTION chancery.run_signing_keys(p_run integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.run_sinks(p_run integer, p_sinks jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.run_sources(p_run integer, p_sources jsonb, p_idempotency chancery.idempotency, p_expression text, p_digest_window interval, p_record_limit bigint, p_dead_limit bigint, p_dead_retention interval) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.run_taken(p_run integer) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.run_taken(p_run integer) TO chancery_operator;

REVOKE ALL ON FUNCTION chancery.run_turn(p_run integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.run_undelivered(p_run integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.run_untold(p_run integer) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.run_untold(p_run integer) TO chancery_operator;

REVOKE ALL ON FUNCTION chancery.runs_standing(p_runs integer[]) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.runs_standing(p_runs integer[]) TO chancery_operator;
GRANT ALL ON FUNCTION chancery.runs_standing(p_runs integer[]) TO chancery_gateway;

REVOKE ALL ON FUNCTION chancery.signature_bytes(p_algorithm chancery.algorithm, p_key_size integer, p_envelope chancery.envelope) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.signature_bytes(p_algorithm chancery.algorithm, p_key_size integer, p_envelope chancery.envelope) TO chancery_operator;

REVOKE ALL ON FUNCTION chancery.signatures_of(p_run integer, p_run_uid uuid, p_records bigint[], p_payload_bytes bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.signatures_of(p_run integer, p_run_uid uuid, p_records bigint[], p_payload_bytes bigint) TO chancery_operator;
GRANT ALL ON FUNCTION chancery.signatures_of(p_run integer, p_run_uid uuid, p_records bigint[], p_payload_bytes bigint) TO chancery_gateway;

REVOKE ALL ON FUNCTION chancery.signer_run(p_namespace text, p_name text, OUT id integer, OUT uid uuid, OUT ledger_uid uuid, OUT namespace text, OUT name text, OUT keyring_uid uuid, OUT algorithm text, OUT key_size integer, OUT envelope text, OUT content_type text, OUT filled boolean, OUT data_key_fingerprint text, OUT deleted boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.signer_run(p_namespace text, p_name text, OUT id integer, OUT uid uuid, OUT ledger_uid uuid, OUT namespace text, OUT name text, OUT keyring_uid uuid, OUT algorithm text, OUT key_size integer, OUT envelope text, OUT content_type text, OUT filled boolean, OUT data_key_fingerprint text, OUT deleted boolean) TO chancery_signer;

REVOKE ALL ON FUNCTION chancery.source_listed(p_source integer, p_token bytea, p_splits integer) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.source_listed(p_source integer, p_token bytea, p_splits integer) TO chancery_intake;

REVOKE ALL ON FUNCTION chancery.sources_open(p_run integer, p_records bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.splits_add(p_source integer, p_token bytea, p_first integer, p_parts text[], p_starts bigint[]) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.splits_add(p_source integer, p_token bytea, p_first integer, p_parts text[], p_starts bigint[]) TO chancery_intake;

REVOKE ALL ON FUNCTION chancery.statement_append(p_number bigint, p_previous bytea, p_run_uid uuid, p_kind chancery.statement_kind, p_key_id text, p_body bytea, p_signature bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION chancery.statement_append(p_number bigint, p_previous bytea, p_run_uid uuid, p_kind chancery.statement_kind, p_key_id text, p_body bytea, p_signature bytea) TO chancery_operator;

REVOKE ALL ON FUNCTION chancery.trace_of(p_run integer, p_source integer, p_split integer, p_positions bigint[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION chancery.trace_query(p_run integer) FROM PUBLIC;

GRANT SELECT ON TABLE chancery.admissions TO chancery_auditor;

GRANT SELECT ON TABLE chancery.alerts TO chancery_auditor;

GRANT SELECT ON TABLE chancery.answers TO chancery_auditor;

GRANT SELECT ON TABLE chancery.arrivals TO chancery_auditor;

GRANT SELECT ON TABLE chancery.batch_roots TO chancery_auditor;

GRANT SELECT ON TABLE chancery.batches TO chancery_auditor;

GRANT SELECT ON TABLE chancery.data_keys TO chancery_operator;

GRANT SELECT(keyring_id) ON TABLE chancery.data_keys TO chancery_auditor;

GRANT UPDATE(wrapped) ON TABLE chancery.data_keys TO chancery_operator;

GRANT SELECT(kek_fingerprint) ON TABLE chancery.data_keys TO chancery_auditor;
GRANT UPDATE(kek_fingerprint) ON TABLE chancery.data_keys TO chancery_operator;

GRANT SELECT(wrapped_at) ON TABLE chancery.data_keys TO chancery_auditor;
GRANT UPDATE(wrapped_at) ON TABLE chancery.data_keys TO chancery_operator;

GRANT SELECT ON TABLE chancery.deleted_runs TO chancery_auditor;

GRANT SELECT ON TABLE chancery.deliveries TO chancery_auditor;

GRANT SELECT ON TABLE chancery.delivery_moves TO chancery_auditor;

GRANT SELECT ON TABLE chancery.digests TO chancery_auditor;

GRANT SELECT ON TABLE chancery.events TO chancery_auditor;

GRANT SELECT ON TABLE chancery.flags TO chancery_auditor;

GRANT SELECT ON TABLE chancery.functions TO chancery_operator;

GRANT SELECT ON TABLE chancery.generated_chunks TO chancery_auditor;

GRANT SELECT ON TABLE chancery.generated_sources TO chancery_auditor;

GRANT SELECT ON TABLE chancery.intakes TO chancery_auditor;

GRANT UPDATE(dead_limit) ON TABLE chancery.intakes TO chancery_operator;

GRANT UPDATE(dead_retention) ON TABLE chancery.intakes TO chancery_operator;

GRANT UPDATE(sweep_at) ON TABLE chancery.intakes TO chancery_operator;

GRANT UPDATE(held) ON TABLE chancery.intakes TO chancery_operator;

GRANT SELECT ON TABLE chancery.judgements TO chancery_auditor;

GRANT SELECT ON TABLE chancery.kept_digests TO chancery_auditor;

GRANT SELECT(key_id) ON TABLE chancery.key_material TO chancery_auditor;

GRANT SELECT(public_key) ON TABLE chancery.key_material TO chancery_auditor;

GRANT SELECT ON TABLE chancery.keyrings TO chancery_auditor;

GRANT SELECT ON TABLE chancery.keys TO chancery_auditor;

GRANT SELECT ON TABLE chancery.leases TO chancery_auditor;

GRANT SELECT ON TABLE chancery.ledger TO chancery_signer;
GRANT SELECT ON TABLE chancery.ledger TO chancery_intake;
GRANT SELECT ON TABLE chancery.ledger TO chancery_delivery;
GRANT SELECT ON TABLE chancery.ledger TO chancery_gateway;
GRANT SELECT ON TABLE chancery.ledger TO chancery_auditor;

GRANT SELECT ON TABLE chancery.letter_acts TO chancery_auditor;

GRANT SELECT ON TABLE chancery.letter_moves TO chancery_auditor;

GRANT SELECT ON TABLE chancery.logins TO chancery_auditor;

GRANT SELECT ON TABLE chancery.manifests TO chancery_auditor;

GRANT SELECT ON TABLE chancery.notifications TO chancery_auditor;

GRANT SELECT ON TABLE chancery.originals TO chancery_auditor;

GRANT SELECT ON TABLE chancery.pendings TO chancery_auditor;

GRANT SELECT ON TABLE chancery.policies TO chancery_auditor;

GRANT SELECT ON TABLE chancery.pushes TO chancery_auditor;

GRANT SELECT ON TABLE chancery.records TO chancery_auditor;

GRANT SELECT ON TABLE chancery.run_secrets TO chancery_auditor;
GRANT INSERT,UPDATE ON TABLE chancery.run_secrets TO chancery_operator;

GRANT SELECT ON TABLE chancery.schema_migrations TO chancery_auditor;

GRANT SELECT ON TABLE chancery.signature_blocks TO chancery_auditor;

GRANT SELECT ON TABLE chancery.signatures TO chancery_auditor;

GRANT SELECT ON TABLE chancery.sinks TO chancery_auditor;

GRANT SELECT ON TABLE chancery.sources TO chancery_auditor;

GRANT SELECT ON TABLE chancery.splits TO chancery_auditor;

GRANT SELECT ON TABLE chancery.statements TO chancery_auditor;

GRANT SELECT ON TABLE chancery.traces TO chancery_auditor;

