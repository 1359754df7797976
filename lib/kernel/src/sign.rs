//! A batch, eight messages at a time.

use crate::blinding::Uses;
use crate::key::{PrivateKey, Size};
#[cfg(target_arch = "x86_64")]
use crate::lanes::Ifma;
use crate::lanes::{LANES, Lanes};
use crate::number::{Number, is_below, is_equal, read_eight, reduce_once, write};
use crate::private::{private, public};
use crate::workspace::Workspace;

/// The right to use the kernel: it exists only where the processor has the instructions.
#[derive(Clone, Copy, Debug)]
pub struct Kernel(());

impl Kernel {
    /// The kernel, if this processor has AVX-512 F and IFMA and the operating system keeps their registers.
    #[must_use]
    pub fn available() -> Option<Self> {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512ifma") {
            return Some(Self(()));
        }
        None
    }

    /// Raises every message to the key's private exponent and appends the results to `signatures`, in the same order.
    ///
    /// `messages` are encoded messages ([`encode_pkcs1_sha256`](crate::encode_pkcs1_sha256), for example), one straight
    /// after the other, each of [`PrivateKey::signature_len`] bytes. The time depends on how many there are, by
    /// eights, and on the key's size. Every result is verified with the public key before the first byte of it is
    /// appended.
    ///
    /// # Errors
    ///
    /// [`SignError`]; `signatures` is as it was then.
    pub fn sign(self, key: &PrivateKey, messages: &[u8], signatures: &mut Vec<u8>) -> Result<(), SignError> {
        self.sign_while(key, messages, &mut || true, signatures).map(|_all| ())
    }

    /// [`Kernel::sign`] for as long as the key may be used: `still_ours` is asked before each eight messages, and nothing more is
    /// signed once it says no. Returns how many are signed. What a call costs besides its messages, it costs once: memory that is
    /// overwritten in the end, and the stack.
    ///
    /// # Errors
    ///
    /// Those of [`Kernel::sign`]; none of this call's signatures are appended then.
    pub fn sign_while(
        self,
        key: &PrivateKey,
        messages: &[u8],
        still_ours: &mut dyn FnMut() -> bool,
        signatures: &mut Vec<u8>,
    ) -> Result<usize, SignError> {
        all_or_nothing(signatures, |signatures| {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: a `Kernel` exists only where the processor has what the function is compiled for.
            let signed = unsafe { sign_by_ifma(key, messages, still_ours, signatures) };
            #[cfg(not(target_arch = "x86_64"))]
            let signed = sign_by::<crate::lanes::Portable>(key, messages, still_ours, signatures);
            signed
        })
    }
}

/// What `sign` appends, and nothing of it if it fails. What it left on the stack is overwritten.
pub(crate) fn all_or_nothing(
    signatures: &mut Vec<u8>,
    sign: impl FnOnce(&mut Vec<u8>) -> Result<usize, SignError>,
) -> Result<usize, SignError> {
    let before = signatures.len();
    let signed = sign(signatures);
    crate::stack::wipe();
    if signed.is_err() {
        signatures.truncate(before);
    }
    signed
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512ifma")]
fn sign_by_ifma(
    key: &PrivateKey,
    messages: &[u8],
    still_ours: &mut dyn FnMut() -> bool,
    signatures: &mut Vec<u8>,
) -> Result<usize, SignError> {
    sign_by::<Ifma>(key, messages, still_ours, signatures)
}

/// [`Kernel::sign_while`] by one kind of lanes. What is appended on an error is for the caller to take away.
#[inline(always)]
pub(crate) fn sign_by<V: Lanes>(
    key: &PrivateKey,
    messages: &[u8],
    still_ours: &mut dyn FnMut() -> bool,
    signatures: &mut Vec<u8>,
) -> Result<usize, SignError> {
    match key.size {
        Size::Rsa2048 => sign_sized::<V, 4, 8>(key, messages, still_ours, signatures),
        Size::Rsa3072 => sign_sized::<V, 6, 12>(key, messages, still_ours, signatures),
        Size::Rsa4096 => sign_sized::<V, 8, 16>(key, messages, still_ours, signatures),
    }
}

#[inline(always)]
fn sign_sized<V: Lanes, const H: usize, const F: usize>(
    key: &PrivateKey,
    messages: &[u8],
    still_ours: &mut dyn FnMut() -> bool,
    signatures: &mut Vec<u8>,
) -> Result<usize, SignError> {
    let len = key.signature_len();
    if !messages.len().is_multiple_of(len) {
        return Err(SignError::MessageLength);
    }
    signatures.reserve(messages.len());
    let mut space = Workspace::<V, H, F>::new(key);
    let mut uses = Uses::take(&mut space, key);
    let mut signed = 0;
    for eight in messages.chunks(LANES * len) {
        if !still_ours() {
            break;
        }
        uses.renew(&mut space, key)?;
        sign_eight(&mut space, key, eight, signatures)?;
        signed += eight.len() / len;
    }
    uses.keep(&space, key);
    Ok(signed)
}

/// Signs up to eight messages.
#[inline(always)]
fn sign_eight<V: Lanes, const H: usize, const F: usize>(
    space: &mut Workspace<V, H, F>,
    key: &PrivateKey,
    messages: &[u8],
    signatures: &mut Vec<u8>,
) -> Result<(), SignError> {
    let len = key.signature_len();
    let used = messages.len() / len;
    let message: Number<V, F> = read_eight(messages, len);
    if is_below(&message, &space.n.number).contains(&false) {
        return Err(SignError::MessageRange);
    }

    V::multiply(&mut space.full, &message, &space.blind, &space.n);
    private(space, key);
    let blinded = space.full;
    V::multiply(&mut space.full, &blinded, &space.unblind, &space.n);
    reduce_once(&mut space.full, &space.n.number);
    reduce_once(&mut space.full, &space.n.number);

    // A fault in one of the two primes' halves gives the other prime away: gcd(s^e − m, n).
    // https://doi.org/10.1007/3-540-69053-0_4 (Boneh, DeMillo, Lipton)
    if is_equal(&public(&space.full, &space.n), &message).contains(&false) {
        return Err(SignError::Fault);
    }
    write(&space.full, len, |lane, signature| {
        if lane < used {
            signatures.extend_from_slice(signature);
        }
    });
    Ok(())
}

/// Why a batch is not signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The messages are not of the key's length each.
    #[error("the messages are not of the length of the key's modulus each")]
    MessageLength,
    /// A message is the modulus or more.
    #[error("a message is not below the key's modulus")]
    MessageRange,
    /// A signature did not verify, and none of the batch was given out: the key's parts do not belong together, or
    /// the machine computes wrongly.
    #[error("a signature did not verify with the key's own public key: it is held back")]
    Fault,
    /// The operating system gave no random numbers.
    #[error("no random numbers for the blinding or for nonces")]
    Random,
}
