-- $1 name
--
-- A function of this name, as DROP FUNCTION wants it. One whose parameters have changed is another function to the
-- server, and the former one would stay beside it.
SELECT p.oid::regprocedure::text
  FROM pg_proc p
 WHERE p.pronamespace = 'chancery'::regnamespace AND p.proname = $1
