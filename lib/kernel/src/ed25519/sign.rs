//! A batch, eight messages at a time ([RFC 8032, section 5.1.6](https://www.rfc-editor.org/rfc/rfc8032#section-5.1.6)).

use zeroize::Zeroizing;

use super::base::{self, BaseTable};
use super::field::{self, Element};
use super::key::Ed25519Key;
use super::point::{Point, invert_each};
use super::scalar::ORDER;
#[cfg(test)]
use crate::fault::{Place, strike};
use crate::hashes::SHA512;
#[cfg(target_arch = "x86_64")]
use crate::lanes::Ifma;
use crate::lanes::{LANES, Lanes};
use crate::number::{Number, splat, zero};
use crate::order::{self, Order};
use crate::sign::{Kernel, SignError, all_or_nothing};

/// Bytes of a signature.
pub(crate) const SIGNATURE: usize = field::BYTES + order::BYTES;

/// Eights that are divided by one inversion.
const EIGHTS: usize = 8;

impl Kernel {
    /// Signs messages with Ed25519 and appends the signatures, 64 bytes each, in the same order, for as long as the key may be used:
    /// `still_ours` is asked before each eight messages, and nothing more is begun once it says no. Returns how many are signed.
    ///
    /// The bytes are those of any other library. The time depends on how many messages there are, by eights, and on their
    /// lengths. Every signature is checked before the first byte of it is appended.
    ///
    /// # Errors
    ///
    /// [`SignError::Fault`]; none of this call's signatures are appended then.
    pub fn sign_ed25519_while(
        self,
        key: &Ed25519Key,
        messages: &[&[u8]],
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

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512ifma")]
fn sign_by_ifma(
    key: &Ed25519Key,
    messages: &[&[u8]],
    still_ours: &mut dyn FnMut() -> bool,
    signatures: &mut Vec<u8>,
) -> Result<usize, SignError> {
    sign_by::<Ifma>(key, messages, still_ours, signatures)
}

/// [`Kernel::sign_ed25519_while`] by one kind of lanes. What is appended on an error is for the caller to take away.
#[inline(always)]
pub(crate) fn sign_by<V: Lanes>(
    key: &Ed25519Key,
    messages: &[&[u8]],
    still_ours: &mut dyn FnMut() -> bool,
    signatures: &mut Vec<u8>,
) -> Result<usize, SignError> {
    signatures.reserve(messages.len() * SIGNATURE);
    let mut signer = Signer::<V>::new(key);
    let mut nonces = [zero(); EIGHTS];
    let mut points = [Point::neutral(); EIGHTS];
    let mut signed = 0;
    for messages in messages.chunks(EIGHTS * LANES) {
        let mut begun = 0;
        for ((eight, nonce), point) in messages.chunks(LANES).zip(&mut nonces).zip(&mut points) {
            if !still_ours() {
                break;
            }
            signer.begin(&lanes_of(eight), nonce, point);
            begun += 1;
        }
        invert_each::<V, EIGHTS>(&mut points[..begun]);
        for ((eight, nonce), point) in messages.chunks(LANES).zip(&nonces).zip(&points[..begun]) {
            let lanes = signer.finish(&lanes_of(eight), nonce, point)?;
            signatures.extend_from_slice(lanes[..eight.len()].as_flattened());
            signed += eight.len();
        }
        if begun < messages.len().div_ceil(LANES) {
            break;
        }
    }
    // A bit that flipped in the table is in the points and in their checks.
    if signer.table.is_intact() { Ok(signed) } else { Err(SignError::Fault) }
}

/// A message for each lane. Lanes that have none get the first one once more.
fn lanes_of<'a>(messages: &[&'a [u8]]) -> [&'a [u8]; LANES] {
    std::array::from_fn(|lane| *messages.get(lane).unwrap_or(&messages[0]))
}

/// A key's numbers in every lane.
struct Signer<'a, V> {
    key: &'a Ed25519Key,
    a: Number<V, 1>,
    opposite: Number<V, 1>,
    order: Order<V>,
    table: &'static BaseTable,
    input: Zeroizing<Vec<u8>>,
}

impl<'a, V: Lanes> Signer<'a, V> {
    #[inline(always)]
    fn new(key: &'a Ed25519Key) -> Self {
        Self {
            key,
            a: splat(&key.secret.a),
            opposite: splat(&key.secret.opposite),
            order: Order::new(&ORDER),
            table: base::table::<V>(),
            input: Zeroizing::new(Vec::new()),
        }
    }

    /// The hash of a head and a message in each lane.
    #[inline(always)]
    fn hash<const HEAD: usize>(
        &mut self,
        heads: &[[u8; HEAD]; LANES],
        messages: &[&[u8]; LANES],
    ) -> Number<V, 1> {
        let bytes = LANES * HEAD + messages.iter().map(|message| message.len()).sum::<usize>();
        if self.input.capacity() < bytes {
            // What is too short is overwritten; if it grew, it would not be.
            self.input = Zeroizing::new(Vec::with_capacity(bytes));
        }
        self.input.clear();
        for (head, message) in heads.iter().zip(messages) {
            self.input.extend_from_slice(head);
            self.input.extend_from_slice(message);
        }
        let mut rest = self.input.as_slice();
        let inputs = messages.map(|message| {
            let (input, others) = rest.split_at(HEAD + message.len());
            rest = others;
            input
        });
        let mut hashes = [[0; SHA512]; LANES];
        V::sha512(&inputs, &mut hashes);
        self.order.of_hash(&order::read(&hashes))
    }

    /// Makes nonces and their points.
    #[inline(always)]
    fn begin(&mut self, messages: &[&[u8]; LANES], nonce: &mut Number<V, 1>, point: &mut Point<V>) {
        let hash = self.hash(&[self.key.secret.prefix; LANES], messages);
        *nonce = self.order.plain(&hash);
        V::multiply_base(point, &self.order.signs(nonce), self.table);
        #[cfg(test)]
        {
            strike(Place::Nonce, nonce);
            strike(Place::Point, std::array::from_mut(&mut point.x.0));
        }
    }

    /// The signatures, of nonces whose points have the inverse of z in its place.
    #[inline(always)]
    fn finish(
        &mut self,
        messages: &[&[u8]; LANES],
        nonce: &Number<V, 1>,
        point: &Point<V>,
    ) -> Result<[[u8; SIGNATURE]; LANES], SignError> {
        let (x, y) = point.divided(&point.z);
        // Both are what leaves: everybody may know them.
        let [x, y] = [x, y].map(|number| Element(number.0.map(V::reveal)));
        let points = Point::encoded(&x, &y);
        let k = self.challenge(&points, messages);
        #[cfg(test)]
        let k = {
            let mut k = k;
            strike(Place::Challenge, &mut k);
            k
        };
        let s = self.order.multiply_and_add(&k, &self.a, nonce);
        #[cfg(test)]
        let s = {
            let mut s = s;
            strike(Place::Response, &mut s);
            s
        };
        let responses = order::bytes(&s.map(|block| block.map(V::reveal)));
        let mut signatures = [[0; SIGNATURE]; LANES];
        for (signature, (point, response)) in signatures.iter_mut().zip(points.iter().zip(&responses)) {
            signature[..field::BYTES].copy_from_slice(point);
            signature[field::BYTES..].copy_from_slice(response);
        }
        if self.is_right(&signatures, &x, messages) { Ok(signatures) } else { Err(SignError::Fault) }
    }

    /// The hash that a response is made of, times R.
    #[inline(always)]
    fn challenge(&mut self, points: &[[u8; field::BYTES]; LANES], messages: &[&[u8]; LANES]) -> Number<V, 1> {
        let mut heads = [[0; 2 * field::BYTES]; LANES];
        for (head, point) in heads.iter_mut().zip(points) {
            head[..field::BYTES].copy_from_slice(point);
            head[field::BYTES..].copy_from_slice(&self.key.public);
        }
        self.hash(&heads, messages)
    }

    /// Whether signatures are what they have to be, by what would leave: the point is that of s − k·a.
    ///
    /// A nonce is made of the message. So one wrong signature beside a right one of the same message gives the key away: by both
    /// hashes k and both responses s, a is (s − s′)/(k − k′).
    #[inline(always)]
    fn is_right(
        &mut self,
        signatures: &[[u8; SIGNATURE]; LANES],
        x: &Element<V>,
        messages: &[&[u8]; LANES],
    ) -> bool {
        let half = |from: usize| {
            signatures.each_ref().map(|signature| {
                let mut half = [0; field::BYTES];
                half.copy_from_slice(&signature[from..from + field::BYTES]);
                half
            })
        };
        let points = half(0);
        let k = self.challenge(&points, messages);
        let s = order::read(&half(field::BYTES));
        let nonce = self.order.multiply_and_add(&k, &self.opposite, &s);
        let mut point = Point::neutral();
        V::multiply_base(&mut point, &self.order.signs(&nonce), self.table);
        point.is(x, &points)
    }
}
