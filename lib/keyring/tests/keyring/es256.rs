//! Signatures of ES256 whose numbers are at an edge: AWS-LC, which checks what the kernel signed, and `p256` judge them alike.

use chancery_keyring::{Algorithm, BatchOutcome, Library, Signatures, VerifyingKey};
use p256::ecdsa::Signature;
use p256::elliptic_curve::ff::PrimeField as _;
use p256::elliptic_curve::ops::Reduce as _;
use p256::elliptic_curve::point::{AffineCoordinates as _, DecompressPoint as _};
use p256::elliptic_curve::sec1::ToSec1Point as _;
use p256::{AffinePoint, FieldBytes, ProjectivePoint, Scalar};
use rsa::sha2::{Digest as _, Sha256};

use crate::fixtures::{Ways, signature_of, signing_key, verifies, verifying_key};

const PAYLOAD: &[u8] = b"record 17 of the run";

fn key_of(point: ProjectivePoint) -> Ways {
    let head = b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00";
    let spki = [head, point.to_affine().to_sec1_point(false).as_bytes()].concat();
    Ways::of(VerifyingKey::from_spki_der(Algorithm::Es256, &spki).unwrap())
}

fn digest() -> Scalar {
    Scalar::reduce(&FieldBytes::from(<[u8; 32]>::from(Sha256::digest(PAYLOAD))))
}

/// A number in the place of r or s.
fn with(signature: &[u8], place: usize, number: &[u8]) -> Vec<u8> {
    let mut other = signature.to_vec();
    other[place..place + 32].copy_from_slice(number);
    other
}

/// The order, and what is more by this.
fn order_and(more: u8) -> [u8; 32] {
    let mut number: [u8; 32] = (-Scalar::ONE).to_bytes().into();
    number[31] += 1 + more;
    number
}

/// Signatures of one payload: of the kernel where it can, and one by AWS-LC.
fn signatures() -> Vec<Vec<u8>> {
    let key = signing_key(Algorithm::Es256);
    let mut of_batch = Signatures::new(key.signature_len());
    let outcome = key.sign_batch(9, [PAYLOAD; 9].into_iter(), || true, &mut of_batch);
    assert_eq!(outcome, Ok(BatchOutcome::Complete));
    let mut all: Vec<Vec<u8>> = of_batch.iter().map(<[u8]>::to_vec).collect();
    all.push(signature_of(&key, PAYLOAD));
    all
}

#[test]
fn both_s_pass() {
    let key = Ways::of(verifying_key(Algorithm::Es256));
    for good in signatures() {
        assert!(verifies(&key, PAYLOAD, &good));
        let s = Option::<Scalar>::from(Scalar::from_repr(good[32..].try_into().unwrap())).unwrap();
        assert!(verifies(&key, PAYLOAD, &with(&good, 32, &(-s).to_bytes())));
    }
}

#[test]
fn numbers_that_are_zero_or_not_reduced_do_not_pass() {
    let key = Ways::of(verifying_key(Algorithm::Es256));
    for good in signatures() {
        for place in [0, 32] {
            for number in [[0; 32], order_and(0), order_and(1), [0xff; 32]] {
                assert!(!verifies(&key, PAYLOAD, &with(&good, place, &number)), "{place}: {number:x?}");
            }
        }
        let r = Option::<Scalar>::from(Scalar::from_repr(good[..32].try_into().unwrap())).unwrap();
        assert!(!verifies(&key, PAYLOAD, &with(&good, 0, &(-r).to_bytes())), "n - r");
        assert!(!verifies(&key, PAYLOAD, &[&good[32..], &good[..32]].concat()), "swapped");
    }
}

#[test]
fn a_number_that_would_be_right_if_it_were_reduced_does_not_pass() {
    // So small that with the order added it has 32 bytes, too.
    let s = Scalar::from(5_u64);
    let r = Scalar::reduce(&AffinePoint::GENERATOR.x());
    // s·R = z·G + r·Q, with R = G.
    let key = key_of(ProjectivePoint::GENERATOR * ((s - digest()) * r.invert().unwrap()));
    let signature = Signature::from_scalars(r, s).unwrap().to_bytes();
    assert!(verifies(&key, PAYLOAD, &signature));
    assert!(!verifies(&key, PAYLOAD, &with(&signature, 32, &order_and(5))));
}

#[test]
fn an_r_that_was_reduced_passes_as_it_is() {
    // The least x above the order that is one of a point.
    let (x, point) = (1_u8..100)
        .find_map(|more| {
            let x = order_and(more);
            let point = Option::<AffinePoint>::from(AffinePoint::decompress(&x.into(), 0.into()));
            point.map(|point| (x, point))
        })
        .unwrap();
    let (r, s) = (Scalar::reduce(&FieldBytes::from(x)), Scalar::from(0x5eed_u64));
    // s·R = z·G + r·Q.
    let key = key_of(
        (ProjectivePoint::from(point) * s - ProjectivePoint::GENERATOR * digest()) * r.invert().unwrap(),
    );
    let signature = Signature::from_scalars(r, s).unwrap().to_bytes();
    assert!(verifies(&key, PAYLOAD, &signature));
    assert!(!verifies(&key, PAYLOAD, &with(&signature, 0, &x)), "not as the x itself");
}

#[test]
fn a_signature_whose_point_is_the_neutral_element_is_false() {
    // z + r·d = 0.
    let r = Scalar::reduce(&AffinePoint::GENERATOR.x());
    let key = key_of(ProjectivePoint::GENERATOR * (-digest() * r.invert().unwrap()));
    for s in [Scalar::ONE, Scalar::from(0x5eed_u64)] {
        assert!(!verifies(&key, PAYLOAD, &Signature::from_scalars(r, s).unwrap().to_bytes()));
    }
}

#[test]
fn der_is_no_signature() {
    let key = Ways::of(verifying_key(Algorithm::Es256));
    for good in signatures() {
        let der = Signature::from_slice(&good).unwrap().to_der();
        assert!(!verifies(&key, PAYLOAD, der.as_bytes()));
    }
}

#[test]
fn a_false_one_is_found_at_any_place_of_a_batch_and_nothing_true_beside_it_is_refused() {
    let (signing, public) = (signing_key(Algorithm::Es256), verifying_key(Algorithm::Es256));
    let payloads: Vec<Vec<u8>> = (0..20_u8).map(|n| vec![n; 5]).collect();
    let mut signatures = Signatures::new(64);
    let outcome = signing.sign_batch(20, payloads.iter().map(Vec::as_slice), || true, &mut signatures);
    assert_eq!(outcome, Ok(BatchOutcome::Complete));
    for false_one in 0..20 {
        let mut altered: Vec<Vec<u8>> = signatures.iter().map(<[u8]>::to_vec).collect();
        altered[false_one][7] ^= 4;
        let pairs: Vec<_> = payloads.iter().zip(&altered).map(|(payload, of)| (&**payload, &**of)).collect();
        for made_by in Library::ALL {
            let verdicts = public.verify_batch(made_by, &pairs);
            let wrong: Vec<_> = (0..20).filter(|place| !verdicts[*place]).collect();
            assert_eq!(wrong, [false_one], "made by {made_by}");
        }
    }
}
