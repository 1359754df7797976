SELECT chancery.digests_sweep()
