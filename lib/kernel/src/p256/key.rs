//! A private key.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::base;
use super::constants::ORDER;
use super::field::Element;
use super::point::Point;
#[cfg(target_arch = "x86_64")]
use crate::lanes::Ifma;
use crate::lanes::{LANES, Lanes};
use crate::number::{BLOCK, Number};
use crate::order::{self, Order};
use crate::sign::Kernel;

/// Bytes of a private key, and of a coordinate.
pub(crate) const SCALAR: usize = order::BYTES;

/// A private key of P-256, ready to sign in the kernel.
///
/// It can be shared between threads. Its `Debug` shows nothing of it. All of it is overwritten when it is dropped.
pub struct P256Key {
    // In a box, because what it would be moved out of is not overwritten.
    pub(crate) secret: Box<Secret>,
    public: [u8; 2 * SCALAR],
}

/// What is made of a private key d.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct Secret {
    /// d·R, modulo the order of the base point.
    pub(crate) d: [u64; BLOCK],
    /// −d·R, by which signatures are checked: a bit that flips in one of the two is seen.
    pub(crate) opposite: [u64; BLOCK],
    /// d, in network order: nonces are made of it, too.
    pub(crate) bytes: [u8; SCALAR],
}

impl P256Key {
    /// Prepares a private key, in network order. Whoever has got the public key from elsewhere should see that it is
    /// [`P256Key::public_key`].
    #[must_use]
    pub fn new(_: Kernel, d: &[u8; SCALAR]) -> Self {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a `Kernel` exists only where the processor has what the function is compiled for.
        let key = unsafe { prepare_by_ifma(d) };
        #[cfg(not(target_arch = "x86_64"))]
        let key = Self::prepare_by::<crate::lanes::Portable>(d);
        crate::stack::wipe();
        key
    }

    /// [`P256Key::new`] by one kind of lanes, all of which compute the same.
    #[inline(always)]
    pub(crate) fn prepare_by<V: Lanes>(d: &[u8; SCALAR]) -> Self {
        let order = Order::new(&ORDER);
        let number: Number<V, 1> = order.reduced(&from_network(&[*d; LANES]));
        let mut secret = Box::new(Secret { d: [0; BLOCK], opposite: [0; BLOCK], bytes: *d });
        let times_r = order.times_r(&number);
        let opposite = order.times_r(&order.opposite(&number));
        for place in 0..BLOCK {
            secret.d[place] = times_r[0][place].to_lanes()[0];
            secret.opposite[place] = opposite[0][place].to_lanes()[0];
        }
        let mut point = Point::neutral();
        V::multiply_p256(&mut point, &order.signs(&number), base::table::<V>());
        V::invert_p256(&mut point.z);
        let mut public = [0; 2 * SCALAR];
        for (number, to) in [point.x, point.y].iter().zip(public.chunks_exact_mut(SCALAR)) {
            let Element(digits) = number.times(&point.z).carried();
            let plain = Element(digits.map(V::reveal)).plain();
            to.copy_from_slice(&to_network(&plain)[0]);
        }
        Self { secret, public }
    }

    /// x and y of the public key, in network order.
    #[must_use]
    pub const fn public_key(&self) -> [u8; 2 * SCALAR] {
        self.public
    }
}

/// Digits of each lane's bytes in network order.
#[inline(always)]
pub(crate) fn from_network<V: Lanes>(bytes: &[[u8; SCALAR]; LANES]) -> Number<V, 1> {
    let mut turned = zeroize::Zeroizing::new(*bytes);
    turned.iter_mut().for_each(|bytes| bytes.reverse());
    order::read(&turned)
}

/// Each lane's bytes in network order, of a number below 2²⁵⁶ that everybody may know.
#[inline(always)]
pub(crate) fn to_network<V: Lanes>(number: &Number<V, 1>) -> [[u8; SCALAR]; LANES] {
    let mut bytes = order::bytes(number);
    bytes.iter_mut().for_each(|bytes| bytes.reverse());
    bytes
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512ifma")]
fn prepare_by_ifma(d: &[u8; SCALAR]) -> P256Key {
    P256Key::prepare_by::<Ifma>(d)
}

impl fmt::Debug for P256Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("P256Key").finish_non_exhaustive()
    }
}
