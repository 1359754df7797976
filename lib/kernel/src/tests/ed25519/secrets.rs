//! No branch and no address depends on a secret: see `tests/secrets.rs`.
//!
//! The seed is marked undefined, and thereby the scalar, the prefix, the nonces, and all that is made of them. What may be known is
//! marked where it is: the public key, and what leaves.

use super::super::secrets::{LEAK, PARTS, address, assert_that_nothing_leaks, branch, bytes, hex};

use crate::ed25519::scalar::ORDER;
use crate::ed25519::sign::sign_by;
use crate::lanes::{Lanes as _, Portable};
use crate::number::splat;
use crate::order::Order;
use crate::rows::window;
use crate::{Ed25519Key, LANES, memcheck};

const INNER: &str = "tests::ed25519::secrets::under_memcheck";

#[test]
fn no_branch_and_no_address_depends_on_a_secret() {
    assert_that_nothing_leaks(INNER, &hex(&[0x5a; 32]), &["scalar", "prefix", "window"]);
}

#[test]
#[ignore = "run by the test above, under memcheck"]
fn under_memcheck() {
    let (Ok(seed), Ok(leak)) = (std::env::var(PARTS), std::env::var(LEAK)) else { return };
    let mut seed = bytes(&seed);
    memcheck::hide(&mut seed);
    let key = Ed25519Key::prepare_by::<Portable>(seed.as_slice().try_into().expect("32 bytes"));
    match leak.as_str() {
        "scalar" => branch(key.secret.a[2]),
        "prefix" => address(usize::from(key.secret.prefix[7])),
        "window" => {
            let signs = Order::<Portable>::new(&ORDER).signs(&splat(&key.secret.a));
            branch(window(&signs[0], 20).to_lanes()[0]);
        }
        _ => {
            let mut messages = vec![[0x5a; 40]; LANES];
            memcheck::hide(messages.as_flattened_mut());
            let messages: Vec<&[u8]> = messages.iter().map(<[u8; 40]>::as_slice).collect();
            let mut signatures = Vec::new();
            let signed = sign_by::<Portable>(&key, &messages, &mut || true, &mut signatures);
            assert_eq!((signed, signatures.len()), (Ok(LANES), 64 * LANES));
        }
    }
}
