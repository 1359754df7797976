-- Only releases are looked for by time. An index of all leases would be one more way to find those of a ring.
CREATE INDEX leases_released ON chancery.leases (keyring_id, released_at) WHERE released_at IS NOT NULL;
DROP INDEX chancery.leases_by_release;
