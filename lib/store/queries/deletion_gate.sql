-- See the function.
SELECT chancery.deletion_gate()
