-- Keeps the roots of consecutive batches of a run, of which p_first is the first: of batches that are closed, or signed, in their
-- order and without a gap. What is kept already stays. Returns the first of these batches of which another root is kept, null
-- if there is none: whoever keeps the same at the same time has computed the same.
--
-- Nothing that is stated rests on what is kept here (docs/internals/statements.md).
--
-- The run's row is held, so that no root is kept of a run that is being removed, nor its table taken away meanwhile.
CREATE OR REPLACE FUNCTION chancery.batch_roots_keep(
    p_run integer, p_tree chancery.batch_tree, p_first bigint, p_roots bytea[])
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
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
$$;

GRANT EXECUTE ON FUNCTION chancery.batch_roots_keep(integer, chancery.batch_tree, bigint, bytea[]) TO chancery_operator;
