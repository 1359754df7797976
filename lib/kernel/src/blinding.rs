//! Blinding: what the private exponent works on is the message times a random number that nobody outside knows.
//!
//! As AWS-LC does: r^e and 1/r are made once, squared for every use, and made anew after 32 uses. Each lane has an r of
//! its own.

use crypto_bigint::{BoxedUint, Resize as _};
use zeroize::Zeroizing;

use crate::key::PrivateKey;
use crate::lanes::{LANES, Lanes};
use crate::number::{BLOCK, Number, digit_of, read, reduce_once, splat, write, zero};
use crate::private::to_the_public_exponent;
use crate::sign::SignError;
use crate::workspace::{Workspace, wipe};

/// Uses of a random number, each by its square.
const USES: u32 = 32;

/// A key's blinding between two batches.
pub(crate) struct Blinding {
    blind: Zeroizing<Vec<[u64; LANES]>>,
    unblind: Zeroizing<Vec<[u64; LANES]>>,
    uses: u32,
}

/// The blinding of a batch that is signed now: the numbers are in its workspace.
pub(crate) struct Uses(u32);

impl Uses {
    /// Takes the key's blinding. Another thread that signs with the same key meanwhile makes one for itself.
    pub(crate) fn take<V: Lanes, const H: usize, const F: usize>(
        space: &mut Workspace<V, H, F>,
        key: &PrivateKey,
    ) -> Self {
        let kept = key.blinding.lock().ok().and_then(|mut kept| kept.take());
        match kept {
            Some(Blinding { blind, unblind, uses }) => {
                restore(&mut space.blind, &blind);
                restore(&mut space.unblind, &unblind);
                Self(uses)
            }
            None => Self(USES),
        }
    }

    /// Makes the workspace's blinding one that was never used.
    pub(crate) fn renew<V: Lanes, const H: usize, const F: usize>(
        &mut self,
        space: &mut Workspace<V, H, F>,
        key: &PrivateKey,
    ) -> Result<(), SignError> {
        if self.0 >= USES {
            create(space, key)?;
            self.0 = 0;
        } else {
            V::square(&mut space.blind, 1, &space.n);
            V::square(&mut space.unblind, 1, &space.n);
        }
        self.0 += 1;
        Ok(())
    }

    /// Leaves the blinding to the key's next batch.
    pub(crate) fn keep<V: Lanes, const H: usize, const F: usize>(
        self,
        space: &Workspace<V, H, F>,
        key: &PrivateKey,
    ) {
        if let Ok(mut kept) = key.blinding.lock() {
            *kept =
                Some(Blinding { blind: store(&space.blind), unblind: store(&space.unblind), uses: self.0 });
        }
    }
}

/// Draws r for each lane; computes r^e and 1/r, both times R.
fn create<V: Lanes, const H: usize, const F: usize>(
    space: &mut Workspace<V, H, F>,
    key: &PrivateKey,
) -> Result<(), SignError> {
    let n = &space.n;
    let bytes = key.signature_len();
    // The highest bit is left zero, so that every number is below n, whose highest bit is one.
    let mut random = Zeroizing::new(vec![0; (LANES + 1) * bytes]);
    getrandom::fill(&mut random).map_err(|_| SignError::Random)?;
    #[cfg(test)]
    crate::memcheck::hide(&mut random);
    for number in random.chunks_exact_mut(bytes) {
        number[0] &= 0x7f;
    }
    let mut numbers = random.chunks_exact(bytes);
    let mut drawn: Number<V, F> = read(std::array::from_fn(|_| numbers.next().unwrap_or_default()));
    let mut mask: Number<V, F> = read([numbers.next().unwrap_or_default(); LANES]);

    // All in Montgomery's form from here on.
    let mut own: Number<V, F> = zero();
    V::multiply(&mut own, &drawn, &n.r2, n);
    space.blind = own;
    to_the_public_exponent(&mut space.blind, n);

    // One inversion is enough for all lanes: 1/r of a lane is what the other seven are, divided by the product of all.
    // The others are the next, the two after that, and the four after those.
    let mut pairs = zero();
    V::multiply(&mut pairs, &own, &turned(&own, 1), n);
    let mut fours = zero();
    V::multiply(&mut fours, &pairs, &turned(&pairs, 2), n);
    let mut others = zero();
    V::multiply(&mut others, &turned(&own, 1), &turned(&pairs, 2), n);
    let three = others;
    V::multiply(&mut others, &three, &turned(&fours, 4), n);
    let mut masked = zero();
    V::multiply(&mut masked, &others, &own, n);
    let all = masked;
    V::multiply(&mut masked, &all, &mask, n);

    // `masked` is the product of all times the mask, no longer in Montgomery's form: a random number by itself, which
    // says nothing of any r. So it may be inverted in a time that depends on it.
    let mut inverse = Zeroizing::new(Vec::new());
    reduce_once(&mut masked, &n.number);
    reduce_once(&mut masked, &n.number);
    for digit in masked.as_flattened_mut() {
        *digit = digit.reveal();
    }
    let mut product = BoxedUint::zero();
    write(&masked, bytes, |lane, bytes| {
        if lane == 0 {
            product = BoxedUint::from_be_slice_vartime(bytes);
        }
    });
    let precision = u32::try_from(bytes * 8).unwrap_or(u32::MAX);
    let inverted = product.resize_unchecked(precision).invert_odd_mod_vartime(&key.n_uint);
    inverse.extend_from_slice(&Option::<BoxedUint>::from(inverted).ok_or(SignError::Random)?.to_be_bytes());
    let digits: Zeroizing<Vec<u64>> = Zeroizing::new((0..F * BLOCK).map(|n| digit_of(&inverse, n)).collect());
    // Times the mask it is 1/(product·R); twice times R²/R, it is R/product.
    let mut unmasked = zero();
    V::multiply(&mut unmasked, &splat(&digits), &mask, n);
    let once = unmasked;
    V::multiply(&mut unmasked, &once, &n.r2, n);
    let twice = unmasked;
    V::multiply(&mut unmasked, &twice, &n.r2, n);
    V::multiply(&mut space.unblind, &unmasked, &others, n);
    for number in [&mut drawn, &mut mask, &mut own, &mut pairs, &mut fours, &mut others, &mut unmasked] {
        wipe(number);
    }
    Ok(())
}

/// Every lane gets what stands so many lanes after it, around the end.
fn turned<V: Lanes, const B: usize>(number: &Number<V, B>, by: usize) -> Number<V, B> {
    number.map(|block| {
        block.map(|digit| {
            let mut lanes = digit.to_lanes();
            lanes.rotate_left(by);
            V::from_lanes(lanes)
        })
    })
}

fn store<V: Lanes, const B: usize>(number: &Number<V, B>) -> Zeroizing<Vec<[u64; LANES]>> {
    Zeroizing::new(number.as_flattened().iter().map(|digit| digit.to_lanes()).collect())
}

fn restore<V: Lanes, const B: usize>(number: &mut Number<V, B>, stored: &[[u64; LANES]]) {
    for (digit, lanes) in number.as_flattened_mut().iter_mut().zip(stored) {
        *digit = V::from_lanes(*lanes);
    }
}
