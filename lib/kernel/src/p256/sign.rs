//! A batch, eight digests at a time ([FIPS 186-5, section 6.4.1](https://doi.org/10.6028/NIST.FIPS.186-5)).

use super::base::{self, BaseTable};
use super::constants::ORDER;
use super::field::Element;
use super::key::{P256Key, SCALAR, from_network, to_network};
use super::nonce;
use super::point::{Point, invert_each};
#[cfg(test)]
use crate::fault::{Place, strike};
use crate::hashes::SHA512;
#[cfg(target_arch = "x86_64")]
use crate::lanes::Ifma;
use crate::lanes::{LANES, Lanes};
use crate::number::{Number, is_equal, splat, zero};
use crate::order::{self, Order};
use crate::sign::{Kernel, SignError, all_or_nothing};

/// Bytes of a digest: SHA-256.
pub(crate) const DIGEST: usize = 32;

/// Bytes of a signature: r and s.
pub(crate) const SIGNATURE: usize = 2 * SCALAR;

/// Eights that are divided by one inversion.
const EIGHTS: usize = 8;

impl Kernel {
    /// Signs SHA-256 digests by ECDSA and appends the signatures, r and s of 32 bytes each in network order
    /// ([RFC 7518, section 3.4](https://www.rfc-editor.org/rfc/rfc7518#section-3.4)), in the same order, for as long as the key may be
    /// used: `still_ours` is asked before each eight digests, and nothing more is begun once it says no. Returns how many are signed.
    ///
    /// The time depends on how many digests there are, by eights. Every signature is checked before the first byte of it is
    /// appended.
    ///
    /// # Errors
    ///
    /// [`SignError::Fault`] and [`SignError::Random`]; none of this call's signatures are appended then.
    pub fn sign_p256_while(
        self,
        key: &P256Key,
        digests: &[[u8; DIGEST]],
        still_ours: &mut dyn FnMut() -> bool,
        signatures: &mut Vec<u8>,
    ) -> Result<usize, SignError> {
        all_or_nothing(signatures, |signatures| {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: a `Kernel` exists only where the processor has what the function is compiled for.
            let signed = unsafe { sign_by_ifma(key, digests, still_ours, signatures) };
            #[cfg(not(target_arch = "x86_64"))]
            let signed = sign_by::<crate::lanes::Portable>(key, digests, still_ours, signatures);
            signed
        })
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512ifma")]
fn sign_by_ifma(
    key: &P256Key,
    digests: &[[u8; DIGEST]],
    still_ours: &mut dyn FnMut() -> bool,
    signatures: &mut Vec<u8>,
) -> Result<usize, SignError> {
    sign_by::<Ifma>(key, digests, still_ours, signatures)
}

/// [`Kernel::sign_p256_while`] by one kind of lanes. What is appended on an error is for the caller to take away.
#[inline(always)]
pub(crate) fn sign_by<V: Lanes>(
    key: &P256Key,
    digests: &[[u8; DIGEST]],
    still_ours: &mut dyn FnMut() -> bool,
    signatures: &mut Vec<u8>,
) -> Result<usize, SignError> {
    sign_by_table::<V>(key, digests, still_ours, signatures, base::table::<V>())
}

/// [`sign_by`] with a table that may be another one than that of this process.
#[inline(always)]
pub(crate) fn sign_by_table<V: Lanes>(
    key: &P256Key,
    digests: &[[u8; DIGEST]],
    still_ours: &mut dyn FnMut() -> bool,
    signatures: &mut Vec<u8>,
    table: &BaseTable,
) -> Result<usize, SignError> {
    signatures.reserve(digests.len() * SIGNATURE);
    let signer = Signer::<V>::new(key, table);
    let mut signed = 0;
    for digests in digests.chunks(EIGHTS * LANES) {
        let mut begun = [Eight::nothing(); EIGHTS];
        let mut eights = 0;
        for (digests, eight) in digests.chunks(LANES).zip(&mut begun) {
            if !still_ours() {
                break;
            }
            *eight = signer.begin(&*nonce::draw::<V>(key, &lanes_of(digests))?);
            eights += 1;
        }
        signer.finish(&mut begun[..eights], digests)?;
        for (digests, eight) in digests.chunks(LANES).zip(&begun[..eights]) {
            signatures.extend_from_slice(eight.signatures[..digests.len()].as_flattened());
            signed += digests.len();
        }
        if eights < digests.len().div_ceil(LANES) {
            break;
        }
    }
    // A bit that flipped in the table is in the points and in their checks.
    if signer.table.is_intact() { Ok(signed) } else { Err(SignError::Fault) }
}

/// A digest for each lane. Lanes that have none get the first one once more.
fn lanes_of(digests: &[[u8; DIGEST]]) -> [[u8; DIGEST]; LANES] {
    std::array::from_fn(|lane| *digests.get(lane).unwrap_or(&digests[0]))
}

/// Eight signatures that are made.
#[derive(Clone, Copy)]
pub(crate) struct Eight<V> {
    nonce: Number<V, 1>,
    point: Point<V>,
    pub(crate) signatures: [[u8; SIGNATURE]; LANES],
}

impl<V: Lanes> Eight<V> {
    #[inline(always)]
    fn nothing() -> Self {
        Self { nonce: zero(), point: Point::neutral(), signatures: [[0; SIGNATURE]; LANES] }
    }
}

/// A key's numbers in every lane.
pub(crate) struct Signer<'t, V> {
    d: Number<V, 1>,
    opposite: Number<V, 1>,
    order: Order<V>,
    table: &'t BaseTable,
}

impl<'t, V: Lanes> Signer<'t, V> {
    #[inline(always)]
    pub(crate) fn new(key: &P256Key, table: &'t BaseTable) -> Self {
        Self {
            d: splat(&key.secret.d),
            opposite: splat(&key.secret.opposite),
            order: Order::new(&ORDER),
            table,
        }
    }

    /// Nonces, of numbers of 512 bits with the lowest byte first, and their points.
    #[inline(always)]
    pub(crate) fn begin(&self, drawn: &[[u8; SHA512]; LANES]) -> Eight<V> {
        let mut eight = Eight::nothing();
        eight.nonce = self.order.plain(&self.order.of_hash(&order::read(drawn)));
        V::multiply_p256(&mut eight.point, &self.order.signs(&eight.nonce), self.table);
        #[cfg(test)]
        {
            strike(Place::Nonce, &mut eight.nonce);
            strike(Place::Point, std::array::from_mut(&mut eight.point.x.0));
        }
        eight
    }

    /// The signatures of so many digests, all of which are right.
    #[inline(always)]
    pub(crate) fn finish(&self, eights: &mut [Eight<V>], digests: &[[u8; DIGEST]]) -> Result<(), SignError> {
        let mut points = [Point::neutral(); EIGHTS];
        let mut inverses = [zero(); EIGHTS];
        for ((eight, point), inverse) in eights.iter().zip(&mut points).zip(&mut inverses) {
            (*point, *inverse) = (eight.point, eight.nonce);
        }
        let (points, inverses) = (&mut points[..eights.len()], &mut inverses[..eights.len()]);
        invert_each::<V, EIGHTS>(points);
        self.order.invert_each::<EIGHTS>(inverses);
        let all =
            eights.iter_mut().zip(points.iter_mut()).zip(inverses.iter_mut()).zip(digests.chunks(LANES));
        for (((eight, point), inverse), digests) in all {
            let Element(x) = point.x.times(&point.z).carried();
            // It is what leaves, or that less the order: everybody may know.
            point.x = Element(x.map(V::reveal));
            let r = self.order.below_order(&point.x.plain());
            let e = from_network(&lanes_of(digests));
            #[cfg(test)]
            let (r, e) = {
                let (mut r, mut e) = (r, e);
                strike(Place::Remainder, &mut r);
                strike(Place::Challenge, &mut e);
                (r, e)
            };
            let s = self.order.sum_times(&e, &r, &self.d, inverse);
            #[cfg(test)]
            let s = {
                let mut s = s;
                strike(Place::Response, &mut s);
                s
            };
            let s = s.map(|block| block.map(V::reveal));
            *inverse = s;
            #[cfg(test)]
            let (r, s) = {
                let (mut r, mut s) = (r, s);
                strike(Place::LeavingR, &mut r);
                strike(Place::LeavingS, &mut s);
                (r, s)
            };
            let halves = [to_network(&r), to_network(&s)];
            for (lane, signature) in eight.signatures.iter_mut().enumerate() {
                signature[..SCALAR].copy_from_slice(&halves[0][lane]);
                signature[SCALAR..].copy_from_slice(&halves[1][lane]);
            }
        }
        self.order.invert_each::<EIGHTS>(inverses);
        let mut all = eights.iter().zip(points.iter()).zip(inverses.iter()).zip(digests.chunks(LANES));
        if all.all(|(((eight, point), inverse), digests)| {
            self.is_right(&eight.signatures, &lanes_of(digests), &point.x, inverse)
        }) {
            Ok(())
        } else {
            Err(SignError::Fault)
        }
    }

    /// Whether signatures are what they have to be, by what would leave: with 1/s, (e + r·d)/s is the nonce of a point with this x, and r is that
    /// modulo the order.
    ///
    /// A signature that is made of another nonce than its point tells of the nonce, and many that do give the key away.
    #[inline(always)]
    fn is_right(
        &self,
        signatures: &[[u8; SIGNATURE]; LANES],
        digests: &[[u8; DIGEST]; LANES],
        x: &Element<V>,
        inverse: &Number<V, 1>,
    ) -> bool {
        let [r, s] = [0, SCALAR].map(|from| {
            from_network::<V>(&signatures.map(|signature| {
                let mut half = [0; SCALAR];
                half.copy_from_slice(&signature[from..from + SCALAR]);
                half
            }))
        });
        let e = from_network(digests);
        let nonce = self.order.difference_times(&e, &r, &self.opposite, inverse);
        let mut point = Point::neutral();
        V::multiply_p256(&mut point, &self.order.signs(&nonce), self.table);
        let by_x = point.x.sum().minus(&x.times(&point.z)).carried();
        let is_right = [
            by_x.is_zero(),
            point.z.is_zero().map(|is_neutral| !is_neutral),
            self.order.is_inverse(&s, inverse),
            is_equal(&r, &self.order.below_order(&x.plain())),
            is_equal(&r, &zero()).map(|is_zero| !is_zero),
        ];
        is_right == [[true; LANES]; 5]
    }
}
