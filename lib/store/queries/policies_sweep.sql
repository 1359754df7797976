SELECT chancery.policies_sweep()
