//! What the leaves of the trees are.
//!
//! A leaf's data are fields, each after its length as four bytes, big-endian. The first field is the name of the kind
//! of leaf. A number is a field of eight bytes, big-endian. So no two leaves of any kind have the same data.

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::Digest;
use crate::merkle::LEAF;

/// The leaf of a record's payload in its batch's tree of payloads.
#[must_use]
pub fn payload(record: i64, payload: &[u8]) -> Digest {
    Leaf::new("chancery/payload/v1").number(record).bytes(payload).hash()
}

/// The leaf of a signed record in its batch's tree of signatures.
#[must_use]
pub fn signature(record: i64, signature: &[u8], lease: i64) -> Digest {
    Leaf::new("chancery/signature/v1").number(record).bytes(signature).number(lease).hash()
}

/// A batch's place in its run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Number of the batch, 1..=M.
    pub batch: i64,
    /// Its first record.
    pub first_record: i64,
    /// Its last record.
    pub last_record: i64,
}

/// The leaf of a batch in the run's tree of payloads; `root` is that of the batch's own tree.
#[must_use]
pub fn batch_of_payloads(span: &Span, root: &Digest) -> Digest {
    Leaf::new("chancery/batch-of-payloads/v1").span(span).bytes(&root.0).hash()
}

/// The lease under which a batch was signed, and the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedUnder {
    /// Id of the lease.
    pub lease: i64,
    /// Its position in the order of all leases of the ring.
    pub use_sequence: i64,
    /// Id of the key.
    pub key: Uuid,
    /// SHA-256 of the key's `SubjectPublicKeyInfo` in DER.
    pub public_key: Digest,
    /// Who signed.
    pub holder: String,
    /// When the key was chosen, in microseconds since 1970.
    pub acquired_at: i64,
    /// When the signatures were stored, in microseconds since 1970.
    pub signed_at: i64,
}

/// The leaf of a batch in the run's tree of signatures: `payloads` is the batch's leaf in the tree of payloads, `root` the
/// root of the batch's own tree of signatures.
#[must_use]
pub fn batch_of_signatures(span: &Span, payloads: &Digest, under: &SignedUnder, root: &Digest) -> Digest {
    let SignedUnder { lease, use_sequence, key, public_key, holder, acquired_at, signed_at } = under;
    Leaf::new("chancery/batch-of-signatures/v1")
        .span(span)
        .bytes(&payloads.0)
        .number(*lease)
        .number(*use_sequence)
        .bytes(key.as_bytes())
        .bytes(&public_key.0)
        .bytes(holder.as_bytes())
        .number(*acquired_at)
        .number(*signed_at)
        .bytes(&root.0)
        .hash()
}

/// The leaf of a key in the tree of the ring's public keys.
#[must_use]
pub fn key(number: i64, key: Uuid, spki_der: &[u8]) -> Digest {
    Leaf::new("chancery/key/v1").number(number).bytes(key.as_bytes()).bytes(spki_der).hash()
}

/// What never changes of a line of a ring's lease log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Its position in the order of all leases of the ring.
    pub use_sequence: i64,
    /// Id of the lease.
    pub lease: i64,
    /// The ledger's number of the run.
    pub run: i64,
    /// The batch.
    pub batch: i64,
    /// Id of the key.
    pub key: Uuid,
    /// Who got it.
    pub holder: String,
    /// When the key was chosen, in microseconds since 1970.
    pub acquired_at: i64,
}

/// The leaf of a lease in the tree of the ring's lease log.
#[must_use]
pub fn lease(line: &Lease) -> Digest {
    let Lease { use_sequence, lease, run, batch, key, holder, acquired_at } = line;
    Leaf::new("chancery/lease/v1")
        .number(*use_sequence)
        .number(*lease)
        .number(*run)
        .number(*batch)
        .bytes(key.as_bytes())
        .bytes(holder.as_bytes())
        .number(*acquired_at)
        .hash()
}

/// A leaf that is being hashed.
struct Leaf(Sha256);

impl Leaf {
    fn new(kind: &str) -> Self {
        Self(Sha256::new().chain_update([LEAF])).bytes(kind.as_bytes())
    }

    fn bytes(self, bytes: &[u8]) -> Self {
        // No field is longer than 1 MiB: a payload.
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        Self(self.0.chain_update(length.to_be_bytes()).chain_update(bytes))
    }

    fn number(self, number: i64) -> Self {
        self.bytes(&number.to_be_bytes())
    }

    fn span(self, span: &Span) -> Self {
        let Span { batch, first_record, last_record } = *span;
        self.number(batch).number(first_record).number(last_record)
    }

    fn hash(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::leaf_hash;

    /// The data of a leaf, spelled out.
    fn data(fields: &[&[u8]]) -> Vec<u8> {
        let mut data = Vec::new();
        for field in fields {
            data.extend_from_slice(&[0, 0, 0, u8::try_from(field.len()).expect("a short field")]);
            data.extend_from_slice(field);
        }
        data
    }

    const SPAN: Span = Span { batch: 2, first_record: 11, last_record: 20 };
    const KEY: Uuid = Uuid::from_bytes(*b"0123456789abcdef");

    fn number(number: u8) -> [u8; 8] {
        [0, 0, 0, 0, 0, 0, 0, number]
    }

    #[test]
    fn a_payloads_leaf_is_its_kind_its_number_and_the_payload_also_if_that_is_empty() {
        for bytes in [b"".as_slice(), b"payload"] {
            let wanted = data(&[b"chancery/payload/v1", &number(7), bytes]);
            assert_eq!(payload(7, bytes), leaf_hash(&wanted));
        }
    }

    #[test]
    fn a_signatures_leaf_binds_record_signature_and_lease() {
        let wanted = data(&[b"chancery/signature/v1", &number(7), b"signature", &number(5)]);
        assert_eq!(signature(7, b"signature", 5), leaf_hash(&wanted));
    }

    #[test]
    fn a_batchs_leaves_bind_its_bounds_its_payloads_its_root_and_the_lease_with_its_key_and_holder() {
        let (root, public_key, payloads) = (Digest::of(b"root"), Digest::of(b"key"), Digest::of(b"payloads"));
        let wanted = data(&[b"chancery/batch-of-payloads/v1", &number(2), &number(11), &number(20), &root.0]);
        assert_eq!(batch_of_payloads(&SPAN, &root), leaf_hash(&wanted));
        let under = SignedUnder {
            lease: 3,
            use_sequence: 4,
            key: KEY,
            public_key,
            holder: "pod/uid".to_owned(),
            acquired_at: 5,
            signed_at: -1,
        };
        let wanted = data(&[
            b"chancery/batch-of-signatures/v1",
            &number(2),
            &number(11),
            &number(20),
            &payloads.0,
            &number(3),
            &number(4),
            KEY.as_bytes(),
            &public_key.0,
            b"pod/uid",
            &number(5),
            &[0xff; 8],
            &root.0,
        ]);
        assert_eq!(batch_of_signatures(&SPAN, &payloads, &under, &root), leaf_hash(&wanted));
    }

    #[test]
    fn the_leaves_of_keys_and_leases_bind_all_that_never_changes_of_them() {
        let wanted = data(&[b"chancery/key/v1", &number(1), KEY.as_bytes(), b"der"]);
        assert_eq!(key(1, KEY, b"der"), leaf_hash(&wanted));
        let line = Lease {
            use_sequence: 1,
            lease: 2,
            run: 3,
            batch: 4,
            key: KEY,
            holder: "pod".to_owned(),
            acquired_at: 5,
        };
        let wanted = data(&[
            b"chancery/lease/v1",
            &number(1),
            &number(2),
            &number(3),
            &number(4),
            KEY.as_bytes(),
            b"pod",
            &number(5),
        ]);
        assert_eq!(lease(&line), leaf_hash(&wanted));
    }
}
