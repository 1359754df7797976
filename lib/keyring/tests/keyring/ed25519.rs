//! Signatures of EdDSA on which libraries disagree (<https://eprint.iacr.org/2020/1244>): those with points of small order
//! in them, and those whose numbers are not reduced. All ways to verify are as strict as `verify_strict`.

use chancery_keyring::{Algorithm, VerifyingKey};
use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT as B, EIGHT_TORSION};
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;
use rsa::sha2::{Digest as _, Sha512};

use crate::fixtures::{Ways, verifies};

fn key(point: &EdwardsPoint) -> Option<Ways> {
    let mut spki = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00".to_vec();
    spki.extend(point.compress().as_bytes());
    VerifyingKey::from_spki_der(Algorithm::EdDsa, &spki).ok().map(Ways::of)
}

/// What is signed with the secret `a`, whose point and whose `R` may have something of small order added to them.
fn signature(a: &Scalar, r: &Scalar, key: &EdwardsPoint, of_r: &EdwardsPoint, payload: &[u8]) -> [u8; 64] {
    let point = (B * r + of_r).compress();
    let hash = Sha512::new().chain_update(point.as_bytes()).chain_update(key.compress().as_bytes());
    let k = Scalar::from_bytes_mod_order_wide(&hash.chain_update(payload).finalize().into());
    let s = r + k * a;
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(point.as_bytes());
    signature[32..].copy_from_slice(s.as_bytes());
    signature
}

#[test]
fn points_of_small_order_verify_where_the_equation_holds_without_a_cofactor() {
    let (mut holds, mut fails) = (0, 0);
    for (payload, a) in (0..24_u8).map(|n| ([n; 3], Scalar::from(1_000_003_u64 * (u64::from(n) + 1)))) {
        for (of_key, of_r) in
            EIGHT_TORSION.iter().flat_map(|one| EIGHT_TORSION.iter().map(move |two| (one, two)))
        {
            let point = B * a + of_key;
            let public = key(&point).expect("it is of no small order");
            let signature = signature(&a, &Scalar::from(77_u64), &point, of_r, &payload);
            if verifies(&public, &payload, &signature) {
                holds += 1;
            } else {
                fails += 1;
            }
        }
    }
    // Those with nothing of small order hold, and of the others about an eighth.
    assert!(holds >= 24 && fails > holds, "{holds} hold, {fails} fail");
}

#[test]
fn a_key_of_small_order_is_refused_and_an_r_of_small_order_never_verifies() {
    let a = Scalar::from(12_345_u64);
    let point = B * a;
    let public = key(&point).expect("it is of no small order");
    for of_r in EIGHT_TORSION {
        assert!(key(&of_r).is_none());
        let signature = signature(&a, &Scalar::ZERO, &point, &of_r, b"payload");
        assert!(!verifies(&public, b"payload", &signature));
    }
}

#[test]
fn an_s_that_is_not_reduced_does_not_verify() {
    let (a, r) = (Scalar::from(12_345_u64), Scalar::from(67_890_u64));
    let point = B * a;
    let public = key(&point).expect("it is of no small order");
    let mut signature = signature(&a, &r, &point, &EIGHT_TORSION[0], b"payload");
    assert!(verifies(&public, b"payload", &signature));
    // The order of B, lowest byte first.
    let order = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut carry = 0;
    for (byte, more) in signature[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + more + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    assert!(!verifies(&public, b"payload", &signature));
}

#[test]
fn an_r_that_is_encoded_in_another_way_does_not_verify() {
    // y = 1 + p stands for the point with y = 1, which is of small order, and x = 0 has no sign.
    let public = key(&(B * Scalar::from(5_u64))).expect("it is of no small order");
    let mut one_and_p = [0xff; 32];
    (one_and_p[0], one_and_p[31]) = (0xee, 0x7f);
    let mut minus_zero = [0; 32];
    (minus_zero[0], minus_zero[31]) = (1, 0x80);
    for r in [one_and_p, minus_zero] {
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&r);
        assert!(!verifies(&public, b"payload", &signature));
    }
}
