-- How the statements of a signer's session are planned: each once, and by an index (migrations/functions/README.md says
-- why). For the session, since a function that sets them for itself does so, and takes them back, at each call.
SELECT set_config('plan_cache_mode', 'force_generic_plan', false),
       set_config('enable_seqscan', 'off', false),
       set_config('enable_bitmapscan', 'off', false),
       set_config('enable_hashjoin', 'off', false),
       set_config('enable_mergejoin', 'off', false),
       set_config('enable_sort', 'off', false)
