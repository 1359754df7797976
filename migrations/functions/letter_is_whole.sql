-- Whether the bytes of a dead letter are there as its source gave them. What was given up before it was looked into was not kept to its
-- end, or not at all.
CREATE OR REPLACE FUNCTION chancery.letter_is_whole(p_stage text, p_raw bytea) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN p_stage = 'Policy' THEN p_raw IS NOT NULL
                ELSE (p_stage IN ('Parse', 'Identity') AND octet_length(p_raw) < 1048576) IS TRUE END
$$;
