//! Fresh keys, which leave this module wrapped.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P256K1_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, ML_DSA_44_SIGNING, ML_DSA_65_SIGNING,
    ML_DSA_87_SIGNING, PqdsaKeyPair, PqdsaSigningAlgorithm, RsaKeyPair,
};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::wrap::wrap;
use crate::{Algorithm, DataKey, KeySpec, RsaKeySize, WrapError};

/// A key as the ledger keeps it. Nothing in it is secret to whoever has not the data key of its ring.
#[derive(Clone, Debug)]
pub struct GeneratedKey {
    /// A version 7 UUID: ids made later sort later.
    pub id: Uuid,
    /// The public key as a DER `SubjectPublicKeyInfo`
    /// ([RFC 5280](https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.7)): 294, 422 or 550
    /// bytes for RSA of 2048, 3072 or 4096 bits, 91 for ES256, 120 for ES384, 88 for ES256K, 44 for EdDSA, 1,334, 1,974 or 2,614
    /// for ML-DSA-44, -65 or -87.
    pub public_key: Vec<u8>,
    /// The private key, as [`wrap`] wraps it: about 1,250, 1,820 or 2,400 bytes for RSA of
    /// 2048, 3072 or 4096 bits, 167 for ES256, 214 for ES384, 164 for ES256K, 77 for EdDSA, 83 for ML-DSA, of which it is the seed.
    pub wrapped: Vec<u8>,
}

/// Makes a key of its own and wraps it under the data key of `keyring`.
///
/// An RSA key takes a search for primes, and so an uncertain time: on one core of the
/// reference machine about 0.09, 0.27 or 0.96 s in the mean for 2048, 3072 or 4096 bits,
/// anything from a third of that to more than twice as much. Run it on a thread on which
/// nothing else waits. The other keys take a millisecond at the most.
///
/// # Errors
///
/// [`GenerateError`] when AWS-LC cannot make or encrypt the key.
pub fn generate(spec: KeySpec, keyring: Uuid, data_key: &DataKey) -> Result<GeneratedKey, GenerateError> {
    let algorithm = spec.algorithm();
    let (pkcs8, public_key) = match (algorithm, spec.rsa_key_size()) {
        (Algorithm::Rs256 | Algorithm::Ps256, size) => rsa_key(size.unwrap_or(RsaKeySize::Bits2048)),
        (Algorithm::Es256, _) => ec_key(&ECDSA_P256_SHA256_FIXED_SIGNING),
        (Algorithm::Es384, _) => ec_key(&ECDSA_P384_SHA384_FIXED_SIGNING),
        (Algorithm::Es256k, _) => ec_key(&ECDSA_P256K1_SHA256_FIXED_SIGNING),
        (Algorithm::EdDsa, _) => ed25519_key(),
        (Algorithm::MlDsa44, _) => ml_dsa_key(&ML_DSA_44_SIGNING),
        (Algorithm::MlDsa65, _) => ml_dsa_key(&ML_DSA_65_SIGNING),
        (Algorithm::MlDsa87, _) => ml_dsa_key(&ML_DSA_87_SIGNING),
    }
    .map_err(|Unspecified| GenerateError::Failed { algorithm })?;

    let id = Uuid::now_v7();
    let wrapped = wrap(data_key, keyring, id, algorithm, &pkcs8)?;
    Ok(GeneratedKey { id, public_key, wrapped })
}

/// The private key in PKCS#8 and the public one in SubjectPublicKeyInfo, both in DER.
type Documents = (Zeroizing<Vec<u8>>, Vec<u8>);

fn rsa_key(size: RsaKeySize) -> Result<Documents, Unspecified> {
    let pair = RsaKeyPair::generate(match size {
        RsaKeySize::Bits2048 => KeySize::Rsa2048,
        RsaKeySize::Bits3072 => KeySize::Rsa3072,
        RsaKeySize::Bits4096 => KeySize::Rsa4096,
    })?;
    // Its own buffer is overwritten when it is dropped, like those of the three below.
    let private: Pkcs8V1Der<'_> = pair.as_der()?;
    documents(private.as_ref(), pair.public_key())
}

fn ec_key(algorithm: &'static EcdsaSigningAlgorithm) -> Result<Documents, Unspecified> {
    let pair = EcdsaKeyPair::generate(algorithm)?;
    documents(pair.to_pkcs8v1()?.as_ref(), pair.public_key())
}

fn ed25519_key() -> Result<Documents, Unspecified> {
    let pair = Ed25519KeyPair::generate()?;
    // Version 1, without the public key, is what every other program reads too.
    documents(pair.to_pkcs8v1()?.as_ref(), pair.public_key())
}

fn ml_dsa_key(algorithm: &'static PqdsaSigningAlgorithm) -> Result<Documents, Unspecified> {
    let pair = PqdsaKeyPair::generate(algorithm)?;
    documents(pair.to_pkcs8v1()?.as_ref(), pair.public_key())
}

fn documents(
    private: &[u8],
    public: &impl AsDer<PublicKeyX509Der<'static>>,
) -> Result<Documents, Unspecified> {
    Ok((Zeroizing::new(private.to_vec()), public.as_der()?.as_ref().to_vec()))
}

/// Why there is no new key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GenerateError {
    /// AWS-LC gives no reason. A lack of memory or of random bytes is all that is known.
    #[error("no {algorithm} key could be made: AWS-LC failed")]
    Failed {
        /// The algorithm that the key was for.
        algorithm: Algorithm,
    },
    /// The key was made but could not be encrypted.
    #[error(transparent)]
    Wrap(#[from] WrapError),
}
