//! One key an algorithm, made once for all tests: RSA keys are dear.

use std::sync::LazyLock;

use chancery_keyring::{
    Algorithm, DataKey, GeneratedKey, KeySpec, Library, SigningKey, UnwrapError, VerifyingKey, generate,
};
use uuid::Uuid;

pub(crate) const KEYRING: Uuid = Uuid::from_u128(0x1111_2222_3333_4444_5555_6666_7777_8888);

pub(crate) fn data_key() -> DataKey {
    DataKey::from_bytes([7; 32])
}

pub(crate) fn key_of(algorithm: Algorithm) -> &'static GeneratedKey {
    static KEYS: LazyLock<[GeneratedKey; Algorithm::ALL.len()]> =
        LazyLock::new(|| Algorithm::ALL.map(fresh_key));
    let place = Algorithm::ALL.iter().position(|other| *other == algorithm);
    &KEYS[place.unwrap()]
}

pub(crate) fn fresh_key(algorithm: Algorithm) -> GeneratedKey {
    generate(KeySpec::new(algorithm, None).unwrap(), KEYRING, &data_key()).unwrap()
}

pub(crate) fn open(algorithm: Algorithm, key: &GeneratedKey) -> Result<SigningKey, UnwrapError> {
    SigningKey::open(&data_key(), KEYRING, key.id, algorithm, &key.wrapped)
}

pub(crate) fn signing_key(algorithm: Algorithm) -> SigningKey {
    open(algorithm, key_of(algorithm)).unwrap()
}

pub(crate) fn verifying_key(algorithm: Algorithm) -> VerifyingKey {
    VerifyingKey::from_spki_der(algorithm, &key_of(algorithm).public_key).unwrap()
}

pub(crate) fn signature_of(key: &SigningKey, payload: &[u8]) -> Vec<u8> {
    let mut signature = Vec::new();
    key.sign(payload, &mut signature).unwrap();
    signature
}

/// A public key in all ways to verify with it.
pub(crate) struct Ways {
    alone: VerifyingKey,
    /// As it is, and with multiples that are kept.
    batches: [VerifyingKey; 2],
}

impl Ways {
    pub(crate) fn of(key: VerifyingKey) -> Self {
        Self { alone: key.clone(), batches: [key.clone(), key.for_many()] }
    }
}

/// Whether a signature verifies, about which all libraries have to agree.
pub(crate) fn verifies(key: &Ways, payload: &[u8], signature: &[u8]) -> bool {
    let verdict = key.alone.verify(payload, signature);
    for batches in &key.batches {
        for made_by in signers(key.alone.algorithm()) {
            let verdicts = batches.verify_batch(*made_by, &[(payload, signature)]);
            assert_eq!(verdicts, [verdict], "made by {made_by}");
        }
    }
    verdict
}

/// What signs or has signed with an algorithm.
const fn signers(algorithm: Algorithm) -> &'static [Library] {
    match algorithm {
        Algorithm::Rs256 | Algorithm::Es256 | Algorithm::EdDsa => &[Library::AwsLcRs, Library::Kernel],
        Algorithm::Es256k => &[Library::K256, Library::Secp256k1],
        _ => &[Library::AwsLcRs],
    }
}
