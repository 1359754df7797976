-- A signer says below which use sequence it need not look for keys, and may say anything. So each lease keeps what was true
-- when it was granted, and nobody is believed who says more than the newest one of the ring.
ALTER TABLE chancery.leases
    -- No active key of the ring had a last use below this. Of leases from before nothing is said.
    ADD COLUMN use_floor bigint NOT NULL DEFAULT 0;
