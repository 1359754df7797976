-- Whether whoever judges by a policy has to ask others: it has a webhook, or a lookup that is a query. A string of it may hold U+0000, as
-- which the server reads none; here no string counts.
CREATE OR REPLACE FUNCTION chancery.policy_asks(p_text text) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
    SELECT json_array_length(coalesce(t.json #> '{spec,webhooks}', '[]')) > 0
        OR EXISTS (SELECT FROM json_array_elements(coalesce(t.json #> '{spec,lookups}', '[]')) l WHERE l -> 'query' IS NOT NULL)
      FROM (SELECT replace(p_text, '\u0000', '\u0001')::json AS json) t
$$;
