//! No branch and no address depends on a secret: see `tests/secrets.rs`.
//!
//! The private key and the random numbers are marked undefined, and thereby the nonces, and all that is made of them. What may be known
//! is marked where it is: the public key, what leaves, and whether it is right.

use super::super::secrets::{LEAK, PARTS, address, assert_that_nothing_leaks, branch, bytes, hex};
use crate::lanes::{Lanes as _, Portable};
use crate::number::splat;
use crate::order::Order;
use crate::p256::constants::ORDER;
use crate::p256::nonce;
use crate::p256::sign::sign_by;
use crate::rows::window;
use crate::{LANES, P256Key, memcheck};

const INNER: &str = "tests::p256::secrets::under_memcheck";

#[test]
fn no_branch_and_no_address_depends_on_a_secret() {
    assert_that_nothing_leaks(INNER, &hex(&[0x5a; 32]), &["scalar", "nonce", "window"]);
}

#[test]
#[ignore = "run by the test above, under memcheck"]
fn under_memcheck() {
    let (Ok(d), Ok(leak)) = (std::env::var(PARTS), std::env::var(LEAK)) else { return };
    let mut d = bytes(&d);
    memcheck::hide(&mut d);
    let key = P256Key::prepare_by::<Portable>(d.as_slice().try_into().expect("32 bytes"));
    let digests = vec![[0x5a; 32]; LANES];
    match leak.as_str() {
        "scalar" => branch(key.secret.d[2]),
        "nonce" => {
            let drawn = nonce::draw::<Portable>(&key, &[[0x5a; 32]; LANES]).expect("random numbers");
            address(usize::from(drawn[3][7]));
        }
        "window" => {
            let signs = Order::<Portable>::new(&ORDER).signs(&splat(&key.secret.d));
            branch(window(&signs[0], 20).to_lanes()[0]);
        }
        _ => {
            let mut signatures = Vec::new();
            let signed = sign_by::<Portable>(&key, &digests, &mut || true, &mut signatures);
            assert_eq!((signed, signatures.len()), (Ok(LANES), 64 * LANES));
        }
    }
}
