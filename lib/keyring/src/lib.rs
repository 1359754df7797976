//! Keys of a keyring: how they are made, kept, used and checked. No IO, no clock of its
//! own but the one inside a version 7 UUID, no async.
//!
//! ```text
//! DataKey ──wrap (by a Kek)──> WrappedDataKey ──> the ledger
//!                                   │
//!             Keks + it ──open──> DataKey
//!                                   │
//! generate (with it) ──> GeneratedKey { public_key, wrapped } ──> the ledger
//!                                              │
//!        DataKey + wrapped ──open──> SigningKey ──sign_batch──> Signatures
//!                                                                   │
//!                       public_key ──> VerifyingKey ──verify_batch──> true or false
//! ```
//!
//! Two rules hold here and nowhere else:
//!
//! - A private key exists in the clear only in memory that is overwritten when it is
//!   dropped. No `Debug` output and no error holds a byte of it.
//! - What one library signed, another one verifies. [`SigningKey`] is AWS-LC, for ES256K libsecp256k1, and for batches of RS256, ES256
//!   and EdDSA the kernel where the processor has its instructions; [`VerifyingKey`] is `rsa`, `p256`, `p384`, `ed25519-dalek`, `ml-dsa`
//!   and, for ES256K, whichever of `k256` and libsecp256k1 did not sign, for batches of RS256 whichever of AWS-LC and the kernel did
//!   not, and AWS-LC for batches of ES256 that the kernel signed. A fault in one of them cannot hide itself.
//!
//! What is signed around a payload is the [`Frame`] of a key: the [`Envelope`] of its ring, with the key named.

mod address;
mod algorithm;
mod base64url;
mod batch_outcome;
mod data_key;
mod envelope;
mod es256k;
mod form;
mod frame;
mod generate;
mod jwk;
mod kek;
mod keks;
mod key_spec;
mod library;
mod lockstep;
mod messages;
mod public_key;
mod seal;
mod secret;
mod sign_error;
mod signatures;
mod signing;
mod verifying;
mod wrap;

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use batch_outcome::BatchOutcome;
pub use data_key::{DataKey, DataKeyError, OpenDataKeyError, WrapDataKeyError, WrappedDataKey};
pub use envelope::{Envelope, UnknownEnvelope};
pub use form::{Form, FormError};
pub use frame::Frame;
pub use generate::{GenerateError, GeneratedKey, generate};
pub use jwk::{Jwk, Member};
pub use kek::{Kek, KekError};
pub use keks::{Keks, RewrapError};
pub use key_spec::{KeySpec, KeySpecError, RsaKeySize};
pub use library::Library;
pub use public_key::public_key_pem;
pub use sign_error::SignError;
pub use signatures::Signatures;
pub use signing::SigningKey;
pub use verifying::{PublicKeyError, VerifyingKey};
pub use wrap::{UnwrapError, WrapError, unwrap, wrap};
