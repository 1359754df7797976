-- Bytes that records and signatures take in the database, about: so many records that are still to be made, so many that
-- are still to be signed. A record's row and index have 90 bytes beside its payload; what does not fit into a page is in
-- pieces, which takes three tenths more, and of signatures, of which whole batches are stored as one, a sixteenth; a batch has
-- 1,100 bytes, with its lease, its roots, and the block of its signatures. As a numeric: what a run asks for may be beyond
-- any disk.
CREATE OR REPLACE FUNCTION chancery.run_bytes(
    p_to_make bigint, p_to_sign bigint, p_record_size integer, p_batch_size bigint, p_signature_bytes integer)
RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
    SELECT p_to_make::numeric * (p_record_size + p_record_size * 3 / 10 + 90)
         + p_to_sign::numeric * (p_signature_bytes + p_signature_bytes / 16)
         + ceil(p_to_sign::numeric / p_batch_size) * 1100
$$;

GRANT EXECUTE ON FUNCTION chancery.run_bytes(bigint, bigint, integer, bigint, integer) TO chancery_operator;
