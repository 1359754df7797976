-- What signs ES256K now: the crate secp256k1. Batches of before say k256. A program of the former version does not know the name.

ALTER TYPE chancery.signing_library ADD VALUE IF NOT EXISTS 'secp256k1';
