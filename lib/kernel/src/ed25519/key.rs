//! A private key.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::base;
use super::field::{self, Element};
use super::point::Point;
use super::scalar::ORDER;
use crate::hashes::SHA512;
#[cfg(target_arch = "x86_64")]
use crate::lanes::Ifma;
use crate::lanes::{LANES, Lanes};
use crate::number::{BLOCK, Number};
use crate::order::{self, Order};
use crate::sign::Kernel;

/// Bytes of a seed, which RFC 8032 calls the private key.
const SEED: usize = 32;

/// A private key of Ed25519, ready to sign in the kernel.
///
/// It can be shared between threads. Its `Debug` shows nothing of it. All of it is overwritten when it is dropped.
pub struct Ed25519Key {
    // In a box, because what it would be moved out of is not overwritten.
    pub(crate) secret: Box<Secret>,
    pub(crate) public: [u8; field::BYTES],
}

/// What is made of a seed ([RFC 8032, section 5.1.5](https://www.rfc-editor.org/rfc/rfc8032#section-5.1.5)).
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct Secret {
    /// The scalar, modulo the order of the base point.
    pub(crate) a: [u64; BLOCK],
    /// Its opposite, by which signatures are checked: a bit that flips in one of the two is seen.
    pub(crate) opposite: [u64; BLOCK],
    /// What nonces are made of.
    pub(crate) prefix: [u8; SEED],
}

impl Ed25519Key {
    /// Prepares a key of its seed. Whoever has got the public key from elsewhere should see that it is
    /// [`Ed25519Key::public_key`]: to sign with another one gives the private key away.
    #[must_use]
    pub fn new(_: Kernel, seed: &[u8; SEED]) -> Self {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a `Kernel` exists only where the processor has what the function is compiled for.
        let key = unsafe { prepare_by_ifma(seed) };
        #[cfg(not(target_arch = "x86_64"))]
        let key = Self::prepare_by::<crate::lanes::Portable>(seed);
        crate::stack::wipe();
        key
    }

    /// [`Ed25519Key::new`] by one kind of lanes, all of which compute the same.
    #[inline(always)]
    pub(crate) fn prepare_by<V: Lanes>(seed: &[u8; SEED]) -> Self {
        let mut hashes = [[0; SHA512]; LANES];
        V::sha512(&[seed; LANES].map(<[u8; SEED]>::as_slice), &mut hashes);
        let mut secret = Box::new(Secret { a: [0; BLOCK], opposite: [0; BLOCK], prefix: [0; SEED] });
        secret.prefix.copy_from_slice(&hashes[0][SEED..]);
        let mut numbers = hashes.map(|hash| *hash.first_chunk::<SEED>().unwrap_or(&[0; SEED]));
        for number in &mut numbers {
            number[0] &= 0xf8;
            number[SEED - 1] = number[SEED - 1] & 0x7f | 0x40;
        }
        let order = Order::new(&ORDER);
        let a: Number<V, 1> = order.reduced(&order::read(&numbers));
        let opposite = order.opposite(&a);
        for place in 0..BLOCK {
            secret.a[place] = a[0][place].to_lanes()[0];
            secret.opposite[place] = opposite[0][place].to_lanes()[0];
        }
        let mut point = Point::neutral();
        V::multiply_base(&mut point, &order.signs(&a), base::table::<V>());
        V::invert(&mut point.z);
        let (x, y) = point.divided(&point.z);
        let [x, y] = [x, y].map(|number| Element(number.0.map(V::reveal)));
        Self { secret, public: Point::encoded(&x, &y)[0] }
    }

    /// The public key, as RFC 8032 encodes it.
    #[must_use]
    pub const fn public_key(&self) -> [u8; field::BYTES] {
        self.public
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512ifma")]
fn prepare_by_ifma(seed: &[u8; SEED]) -> Ed25519Key {
    Ed25519Key::prepare_by::<Ifma>(seed)
}

impl fmt::Debug for Ed25519Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ed25519Key").finish_non_exhaustive()
    }
}
