-- Whether whoever judges by a policy has to ask others: it has a webhook, or a lookup that is a query.
CREATE OR REPLACE FUNCTION chancery.policy_asks(p_text text) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
    SELECT json_array_length(coalesce(p_text::json #> '{spec,webhooks}', '[]')) > 0
        OR EXISTS (SELECT FROM json_array_elements(coalesce(p_text::json #> '{spec,lookups}', '[]')) l WHERE l -> 'query' IS NOT NULL)
$$;
