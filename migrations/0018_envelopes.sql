-- What other programs read: envelopes around what is signed, and the algorithms of Ethereum, of P-384 and of FIPS 204. A ring has one
-- envelope, as it has one algorithm, and what that says of its content. A program of the former version knows none of the names.

SET LOCAL statement_timeout = 0;

ALTER TYPE chancery.algorithm ADD VALUE IF NOT EXISTS 'ES384' AFTER 'ES256';
ALTER TYPE chancery.algorithm ADD VALUE IF NOT EXISTS 'ES256K' AFTER 'ES384';
ALTER TYPE chancery.algorithm ADD VALUE IF NOT EXISTS 'ML-DSA-44' AFTER 'EdDSA';
ALTER TYPE chancery.algorithm ADD VALUE IF NOT EXISTS 'ML-DSA-65' AFTER 'ML-DSA-44';
ALTER TYPE chancery.algorithm ADD VALUE IF NOT EXISTS 'ML-DSA-87' AFTER 'ML-DSA-65';

ALTER TYPE chancery.envelope ADD VALUE IF NOT EXISTS 'JWS';
ALTER TYPE chancery.envelope ADD VALUE IF NOT EXISTS 'JWSDetached';
ALTER TYPE chancery.envelope ADD VALUE IF NOT EXISTS 'COSESign1';
ALTER TYPE chancery.envelope ADD VALUE IF NOT EXISTS 'DSSE';
ALTER TYPE chancery.envelope ADD VALUE IF NOT EXISTS 'EIP191';

ALTER TYPE chancery.signing_library ADD VALUE IF NOT EXISTS 'k256';

-- As text, because nothing of this transaction may use a value that it adds.
ALTER TABLE chancery.keyrings
    -- Of what type what is in the envelope is, where the envelope says so; null where it says nothing.
    ADD COLUMN content_type text CHECK (octet_length(content_type) BETWEEN 1 AND 255),
    -- What JSON needs no escape for; of COSE a media type (RFC 9052, section 3.1). No signer opens a ring with another.
    ADD CHECK (content_type ~ '^[A-Za-z0-9][-A-Za-z0-9!#$%&^_.+/;=:?~]*$'),
    ADD CHECK (envelope::text <> 'COSESign1' OR content_type ~ '^[^/;]+/[^/;]+(;|$)'),
    ADD CHECK (content_type IS NULL OR envelope::text NOT IN ('Raw', 'EIP191')),
    ADD CHECK (envelope::text <> 'EIP191' OR algorithm::text = 'ES256K');

DROP TRIGGER keyrings_keep_their_shape ON chancery.keyrings;
CREATE TRIGGER keyrings_keep_their_shape
    BEFORE UPDATE OF uid, namespace, name, algorithm, key_size, provider, envelope, content_type, data_key_fingerprint
    ON chancery.keyrings FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();
