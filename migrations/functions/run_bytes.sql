-- Bytes that records and signatures take in the database, about: so many records that are still to be made, so many that
-- are still to be signed. Rows and indexes have 90 and 100 bytes beside payload and signature; what does not fit into a
-- page is in pieces, which takes a quarter more; a batch has 800 bytes, with its lease and its roots. As a numeric: what a
-- run asks for may be beyond any disk.
CREATE OR REPLACE FUNCTION chancery.run_bytes(
    p_to_make bigint, p_to_sign bigint, p_record_size integer, p_batch_size bigint, p_signature_bytes integer)
RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
    SELECT p_to_make::numeric * (p_record_size + p_record_size / 4 + 90)
         + p_to_sign::numeric * (p_signature_bytes + 100)
         + ceil(p_to_sign::numeric / p_batch_size) * 800
$$;

GRANT EXECUTE ON FUNCTION chancery.run_bytes(bigint, bigint, integer, bigint, integer) TO chancery_operator;
