-- Notes that somebody did something with p_letters dead letters of a run: a new act, or more of the one that p_act names, which has
-- to be the same. Returns its number. In the run's turn.
CREATE OR REPLACE FUNCTION chancery.letter_act(
    p_run integer, p_act integer, p_kind chancery.letter_act, p_into text, p_actor text, p_selection text, p_letters bigint)
RETURNS integer
LANGUAGE plpgsql AS $$
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
