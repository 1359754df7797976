-- A signer makes sure that a key which it opened is the one whose public key the ledger holds: else
-- it would sign a batch that nobody can verify.
GRANT SELECT (key_id, public_key) ON chancery.key_material TO chancery_signer;
