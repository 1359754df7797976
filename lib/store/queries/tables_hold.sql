-- Keeps the tables of all runs where they are until the transaction ends. Which partitions a table has is no matter
-- of a snapshot: without this, a deletion could take away what a snapshot still shows. As the first statement of a
-- transaction, it makes sure of this: a run that the snapshot does not call deleted has all its tables.
LOCK TABLE ONLY chancery.records, ONLY chancery.batches, ONLY chancery.signature_blocks, ONLY chancery.arrivals,
    ONLY chancery.flags, ONLY chancery.alerts, ONLY chancery.originals, ONLY chancery.judgements, ONLY chancery.pendings,
    ONLY chancery.answers, ONLY chancery.traces, ONLY chancery.deliveries, ONLY chancery.events, ONLY chancery.digests IN ACCESS SHARE MODE
