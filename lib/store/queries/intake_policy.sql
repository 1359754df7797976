-- What judges what this login admits to its run: its SHA-256, and its text.
SELECT hash, text FROM chancery.intake_policy()
