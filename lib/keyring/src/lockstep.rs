//! Signing by the kernel: several records at once, on processors that can.

mod ed25519;
mod p256;
mod rs256;

use std::fmt;

use chancery_kernel::{Kernel, SignError};

use self::ed25519::Ed25519;
use self::p256::P256;
use self::rs256::Rs256;
use crate::{Algorithm, BatchOutcome, Frame};

/// A key that the kernel takes, on a processor that has what the kernel needs.
pub(crate) enum Lockstep {
    Rs256(Box<Rs256>),
    P256(P256),
    Ed25519(Ed25519),
}

impl Lockstep {
    /// The key for the kernel, or none where another library signs alone: the processor lacks the instructions, or the key is
    /// of a kind that the kernel is not made for. `pkcs8` was checked by AWS-LC, which made the public key of it.
    pub(crate) fn open(algorithm: Algorithm, pkcs8: &[u8], public_key: &[u8]) -> Option<Self> {
        let kernel = Kernel::available()?;
        match algorithm {
            Algorithm::Rs256 => Rs256::open(kernel, pkcs8).map(Box::new).map(Self::Rs256),
            Algorithm::Es256 => P256::open(kernel, pkcs8, public_key).map(Self::P256),
            Algorithm::EdDsa => Ed25519::open(kernel, pkcs8, public_key).map(Self::Ed25519),
            _ => None,
        }
    }

    /// Records of a batch from which on the kernel signs it sooner.
    pub(crate) const fn least(&self) -> u64 {
        match self {
            Self::Rs256(_) => Rs256::LEAST,
            Self::P256(_) => P256::LEAST,
            Self::Ed25519(_) => Ed25519::LEAST,
        }
    }

    /// Appends the signature of each payload in its envelope, in the same order. `still_ours` is asked before each eight.
    pub(crate) fn sign_while<'a>(
        &self,
        frame: &Frame,
        payloads: impl Iterator<Item = &'a [u8]>,
        still_ours: &mut dyn FnMut() -> bool,
        out: &mut Vec<u8>,
    ) -> Result<BatchOutcome, SignError> {
        match self {
            Self::Rs256(key) => key.sign_while(frame, payloads, still_ours, out),
            Self::P256(key) => key.sign_while(frame, payloads, still_ours, out),
            Self::Ed25519(key) => key.sign_while(frame, payloads, still_ours, out),
        }
    }
}

impl fmt::Debug for Lockstep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lockstep").finish_non_exhaustive()
    }
}
