-- Which library made the signatures of a batch: whoever checks them takes another one. Programs of the former version say
-- nothing of it, and are refused.

CREATE TYPE chancery.signing_library AS ENUM ('aws-lc-rs', 'chancery-kernel');

-- Of a batch that is not signed it says nothing. Until now, aws-lc-rs has signed all.
ALTER TABLE chancery.batches ADD COLUMN library chancery.signing_library NOT NULL DEFAULT 'aws-lc-rs';
