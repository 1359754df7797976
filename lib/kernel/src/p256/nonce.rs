//! What nonces are made of: the key, fresh random numbers, and the message's digest.
//!
//! With good random numbers a nonce is as good as they are; with bad ones it is one that depends on key and message alone, like those of
//! [RFC 6979](https://www.rfc-editor.org/rfc/rfc6979) ([section 3.6](https://www.rfc-editor.org/rfc/rfc6979#section-3.6) speaks of both together).
//! 512 bits modulo the order leave no bias ([FIPS 186-5, A.3.1](https://doi.org/10.6028/NIST.FIPS.186-5), wants 320).

use zeroize::Zeroizing;

use super::key::{P256Key, SCALAR};
use super::sign::DIGEST;
use crate::hashes::SHA512;
use crate::lanes::{LANES, Lanes};
use crate::sign::SignError;

/// Bytes of a lane's random number.
const RANDOM: usize = 32;

/// Numbers of 512 bits, for nonces of these digests.
#[inline(always)]
pub(crate) fn draw<V: Lanes>(
    key: &P256Key,
    digests: &[[u8; DIGEST]; LANES],
) -> Result<Zeroizing<[[u8; SHA512]; LANES]>, SignError> {
    let mut random = Zeroizing::new([[0; RANDOM]; LANES]);
    getrandom::fill(random.as_flattened_mut()).map_err(|_| SignError::Random)?;
    #[cfg(test)]
    crate::memcheck::hide(random.as_flattened_mut());
    let mut inputs = Zeroizing::new([[0; SCALAR + RANDOM + DIGEST]; LANES]);
    for ((input, random), digest) in inputs.iter_mut().zip(random.iter()).zip(digests) {
        input[..SCALAR].copy_from_slice(&key.secret.bytes);
        input[SCALAR..SCALAR + RANDOM].copy_from_slice(random);
        input[SCALAR + RANDOM..].copy_from_slice(digest);
    }
    let mut hashes = Zeroizing::new([[0; SHA512]; LANES]);
    V::sha512(&inputs.each_ref().map(<[u8; SCALAR + RANDOM + DIGEST]>::as_slice), &mut hashes);
    Ok(hashes)
}
