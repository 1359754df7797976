//! RSA, P-256 and Ed25519 signatures of a batch with one key, eight records in lock-step, by AVX-512 IFMA.
//!
//! ```text
//! PrivateKey::new(parts) ─┐
//! encode_pkcs1_sha256 ────┴─> Kernel::sign ──> signatures, each verified
//!
//! PublicKey::new(n, e) ───┐
//! messages, signatures ───┴─> PublicKey::verify ──> a verdict for each
//!
//! Ed25519Key::new(seed) ──┐
//! messages ───────────────┴─> Kernel::sign_ed25519_while ──> signatures, each checked
//!
//! P256Key::new(d) ────────┐
//! digests ────────────────┴─> Kernel::sign_p256_while ──> signatures, each checked
//! ```
//!
//! One key for all lanes. Of RSA its modulus is the same in every lane, and so is the index into the table of powers; of Ed25519 and P-256 the
//! table of multiples is. Every operation takes the same time for all keys, messages and random numbers of a size.
//! docs/internals/kernel.md, docs/internals/kernel-ed25519.md and docs/internals/kernel-p256.md say how it works and how that is checked.
//!
//! What else needs `unsafe` is here, too: the call by which [`Secp256k1Key`] has libsecp256k1 sign, and [`Keccak256`] and
//! [`Sha512`], by which audits hash eight messages at a time.

// Intrinsics, functions compiled for them, and a library of C need it. Each block has its argument, and no other crate of the
// workspace has one.
#![deny(clippy::undocumented_unsafe_blocks)]

mod blinding;
mod column;
mod ed25519;
mod encode;
#[cfg(test)]
mod fault;
mod hashes;
mod key;
mod key_error;
mod lanes;
#[cfg(test)]
mod memcheck;
mod montgomery;
mod number;
mod order;
mod p256;
mod private;
mod rows;
mod secp256k1;
mod sign;
mod stack;
#[cfg(test)]
mod tests;
mod twice;
mod verify;
mod window;
mod words;
mod workspace;

pub use ed25519::Ed25519Key;
pub use encode::encode_pkcs1_sha256;
pub use hashes::{Keccak256, Sha512};
pub use key::{Parts, PrivateKey};
pub use key_error::KeyError;
pub use lanes::LANES;
pub use p256::P256Key;
pub use secp256k1::{Secp256k1Error, Secp256k1Key, Secp256k1Signature};
pub use sign::{Kernel, SignError};
pub use verify::PublicKey;
