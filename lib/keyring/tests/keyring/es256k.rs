//! ES256K by both libraries that sign it, and by both ways to verify it.

use chancery_keyring::{Algorithm, Envelope, Form, Frame, Library, SigningKey, VerifyingKey, wrap};
use k256::ecdsa::{RecoveryId, Signature};
use k256::elliptic_curve::ff::PrimeField as _;
use k256::elliptic_curve::ops::Reduce as _;
use k256::elliptic_curve::point::{AffineCoordinates as _, DecompressPoint as _};
use k256::elliptic_curve::sec1::ToSec1Point as _;
use k256::{AffinePoint, FieldBytes, ProjectivePoint, PublicKey, Scalar};
use rsa::sha2::{Digest as _, Sha256};
use sha3::{Digest as _, Keccak256};
use uuid::Uuid;

use crate::fixtures::{KEYRING, Ways, data_key, signature_of, verifies};

const ENVELOPES: [Envelope; 2] = [Envelope::Raw, Envelope::Eip191];

/// A key in an envelope, with its secret.
struct Key {
    form: Form,
    secret: Scalar,
    spki: Vec<u8>,
}

impl Key {
    fn new(envelope: Envelope, secret: Scalar) -> Self {
        let public = PublicKey::from_affine((ProjectivePoint::GENERATOR * secret).to_affine());
        Self { secret, ..Self::of_public(envelope, &public.unwrap()) }
    }

    /// One whose secret nobody knows.
    fn of_public(envelope: Envelope, public: &PublicKey) -> Self {
        let form = Form::new(Algorithm::Es256k, envelope, None).unwrap();
        let head =
            b"\x30\x56\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x0a\x03\x42\x00";
        let spki = [head, &*public.to_sec1_point(false).to_bytes()].concat();
        Self { form, secret: Scalar::ZERO, spki }
    }

    fn signing(&self) -> SigningKey {
        let point = &self.spki[23..];
        let pkcs8 = [
            b"\x30\x81\x84\x02\x01\x00\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x0a\x04\x6d\x30\x6b\x02\x01\x01\x04\x20",
            &*self.secret.to_bytes(),
            b"\xa1\x44\x03\x42\x00",
            point,
        ];
        let wrapped = wrap(&data_key(), KEYRING, Uuid::nil(), Algorithm::Es256k, &pkcs8.concat()).unwrap();
        SigningKey::open_in(&self.form, &data_key(), KEYRING, Uuid::nil(), &wrapped).unwrap()
    }

    fn verifying(&self) -> VerifyingKey {
        VerifyingKey::of_form(&self.form, &self.spki).unwrap()
    }

    fn ways(&self) -> Ways {
        Ways::of(self.verifying())
    }

    fn is_recoverable(&self) -> bool {
        self.form.envelope() == Envelope::Eip191
    }

    /// Of what is signed around a payload.
    fn digest(&self, payload: &[u8]) -> FieldBytes {
        let frame = Frame::new(&self.form, &self.spki).unwrap();
        let mut space = Vec::new();
        let input = frame.signing_input(payload, &mut space);
        let digest: [u8; 32] = if self.is_recoverable() {
            Keccak256::digest(input).into()
        } else {
            Sha256::digest(input).into()
        };
        digest.into()
    }

    fn bytes(&self, signature: &Signature, v: u8) -> Vec<u8> {
        let mut bytes = signature.to_bytes().to_vec();
        bytes.extend(self.is_recoverable().then_some(v));
        bytes
    }
}

fn secrets() -> impl Iterator<Item = Scalar> {
    let random = (0..4_u64).map(|n| Scalar::from(n + 0xdead_beef).invert().unwrap());
    random.chain([Scalar::ONE, -Scalar::ONE, Scalar::from(2_u64)])
}

#[test]
fn both_libraries_make_the_same_signatures() {
    for envelope in ENVELOPES {
        for secret in secrets() {
            let key = Key::new(envelope, secret);
            let signing = key.signing();
            assert_eq!(signing.library(1), Library::Secp256k1);
            signing.belongs_to(&key.spki).unwrap();
            let by_k256 = k256::ecdsa::SigningKey::from_bytes(&secret.to_bytes()).unwrap();
            for payload in (0..40_u8).map(|n| vec![n; usize::from(n) * 5]) {
                let (signature, number) = by_k256.sign_prehash_recoverable(&key.digest(&payload));
                let same = key.bytes(&signature, 27 + number.to_byte());
                assert_eq!(signature_of(&signing, &payload), same, "{envelope}");
            }
        }
    }
}

/// A number in the place of r or s.
fn with(signature: &[u8], place: usize, number: &[u8]) -> Vec<u8> {
    let mut other = signature.to_vec();
    other[place..place + 32].copy_from_slice(number);
    other
}

/// What is no signature of a payload, made from what is one of it, each with what was done to it.
fn false_ones(key: &Key, payload: &[u8], good: &[u8]) -> Vec<(String, Vec<u8>, Vec<u8>)> {
    let order = {
        let mut order = (-Scalar::ONE).to_bytes();
        order[31] += 1;
        order
    };
    let mut more = order;
    more[31] += 1;
    let mut made = Vec::new();
    for (name, place) in [("r", 0), ("s", 32)] {
        for bit in [0, 7, 100, 255] {
            let mut other = good.to_vec();
            other[place + bit / 8] ^= 1 << (bit % 8);
            made.push((format!("bit {bit} of {name}"), other));
        }
        for (what, number) in
            [("0", [0; 32]), ("n", order.into()), ("n + 1", more.into()), ("ff…", [0xff; 32])]
        {
            made.push((format!("{name} = {what}"), with(good, place, &number)));
        }
        let negative = Option::<Scalar>::from(Scalar::from_repr(good[place..place + 32].try_into().unwrap()));
        made.push((format!("n - {name}"), with(good, place, &(-negative.unwrap()).to_bytes())));
    }
    if key.is_recoverable() {
        let v = good[64];
        for other in [55 - v, 0, 1, v - 27, 26, 29, 30, v + 128, 255] {
            made.push((format!("v = {other}"), [&good[..64], &[other]].concat()));
        }
        let (_, mut other) = made.iter().find(|(what, _)| what == "n - s").cloned().unwrap();
        other[64] = 55 - v;
        made.push(("n - s with the other v".to_owned(), other));
    }
    made.push(("r and s swapped".to_owned(), [&good[32..64], &good[..32], &good[64..]].concat()));
    for length in [0, 1, 32, 63, good.len() - 1] {
        made.push((format!("{length} bytes"), good[..length].to_vec()));
    }
    made.push(("a byte more".to_owned(), [good, &[27]].concat()));
    made.push(("a byte before".to_owned(), [&[0], good].concat()));
    let other = Key::new(key.form.envelope(), key.secret + Scalar::ONE);
    made.push(("of another key".to_owned(), signature_of(&other.signing(), payload)));
    made.push(("of another payload".to_owned(), signature_of(&key.signing(), b"another payload")));
    let mut made: Vec<_> = made.into_iter().map(|(what, other)| (what, payload.to_vec(), other)).collect();
    let mut flipped = payload.to_vec();
    flipped[0] ^= 1;
    made.push(("a bit of the payload".to_owned(), flipped, good.to_vec()));
    made.push(("no payload".to_owned(), Vec::new(), good.to_vec()));
    made
}

#[test]
fn nothing_false_passes_at_any_place_of_a_batch_and_nothing_true_is_refused_beside_it() {
    for envelope in ENVELOPES {
        let key = Key::new(envelope, Scalar::from(0x1234_5678_9abc_u64).invert().unwrap());
        let (signing, ways) = (key.signing(), key.ways());
        let keys = [key.verifying(), key.verifying().for_many()];
        let true_one = |n: usize| {
            let payload = format!("payload {n}").into_bytes();
            let signature = signature_of(&signing, &payload);
            ("true".to_owned(), payload, signature)
        };
        let (_, payload, good) = true_one(0);
        let mut all = false_ones(&key, &payload, &good);
        let count = all.len();
        assert!(count > 25, "{count}");
        for (what, payload, signature) in &all {
            assert!(!verifies(&ways, payload, signature), "{envelope}: {what}");
        }
        all.extend((0..count).map(true_one));
        // So few that no table is made, just enough for one, and more; each false one comes to each place.
        for size in [2, 3, 31, 32, 33, all.len()] {
            for first in (0..all.len()).step_by(if size == all.len() { 1 } else { size }) {
                // 1 and count have no common divisor with the number of all, so neighbours are true and false ones.
                let batch: Vec<_> =
                    (0..size).map(|n| &all[(first + n / 2 + n % 2 * count) % all.len()]).collect();
                let pairs: Vec<_> = batch.iter().map(|(_, payload, good)| (&**payload, &**good)).collect();
                // Of what `k256` made, each is verified by itself.
                let makers = if first == 0 { &Library::ALL[..] } else { &[Library::Secp256k1] };
                for (key, made_by) in keys.iter().flat_map(|key| makers.iter().map(move |by| (key, *by))) {
                    for (verdict, (what, ..)) in key.verify_batch(made_by, &pairs).iter().zip(&batch) {
                        assert_eq!(*verdict, what == "true", "{envelope}, made by {made_by}: {what}");
                    }
                }
            }
        }
    }
}

#[test]
fn an_r_that_was_reduced_passes_as_it_is_and_has_no_v() {
    // The least x above n that is one of a point. The key comes out of it, s, and the digest of a payload.
    let above = (2_u8..100).find_map(|more| {
        let mut x = (-Scalar::ONE).to_bytes();
        x[31] += more;
        let point = Option::<AffinePoint>::from(AffinePoint::decompress(&x, 0.into()));
        point.map(|_| Scalar::from(u64::from(more) - 1))
    });
    let signature = Signature::from_scalars(above.unwrap(), Scalar::from(0x5eed_u64)).unwrap();
    let cases = ENVELOPES.into_iter().flat_map(|envelope| [(envelope, false), (envelope, true)]);
    for (envelope, y_is_odd) in cases {
        let any = Key::new(envelope, Scalar::ONE);
        let number = RecoveryId::new(y_is_odd, true);
        let public =
            k256::ecdsa::VerifyingKey::recover_from_prehash(&any.digest(b"payload"), &signature, number);
        let key = Key::of_public(envelope, &public.unwrap().into());
        let ways = key.ways();
        for v in 27..=30 {
            let is_true = verifies(&ways, b"payload", &key.bytes(&signature, v));
            assert_eq!(is_true, envelope == Envelope::Raw, "{envelope}, {v}");
        }
    }
}

#[test]
fn a_signature_whose_point_is_the_neutral_element_is_false() {
    // z + r·d = 0.
    let r = AffinePoint::GENERATOR.x();
    let r = Scalar::reduce(&r);
    for envelope in ENVELOPES {
        let z = Scalar::reduce(&Key::new(envelope, Scalar::ONE).digest(b"payload"));
        let key = Key::new(envelope, -z * r.invert().unwrap());
        let signature = Signature::from_scalars(r, Scalar::from(0x5eed_u64)).unwrap();
        for v in [27, 28] {
            assert!(!verifies(&key.ways(), b"payload", &key.bytes(&signature, v)), "{envelope}");
        }
        assert!(verifies(&key.ways(), b"payload", &signature_of(&key.signing(), b"payload")));
    }
}
