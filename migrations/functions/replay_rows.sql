-- What a source that is another run reads of it, in order.
CREATE OR REPLACE FUNCTION chancery.replay_rows(p_select text) RETURNS text[]
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE p_select WHEN 'All' THEN ARRAY['Records', 'DeadLetters']
                         WHEN 'DeadLetters' THEN ARRAY['DeadLetters']
                         WHEN 'Rejected' THEN ARRAY['Rejected'] END
$$;
