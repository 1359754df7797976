//! No branch and no address depends on a secret: memcheck, with all secrets marked undefined, has nothing to say.
//!
//! The portable twin runs the same code as the kernel, with 64-bit integers for vectors; memcheck knows no AVX-512. It
//! follows every bit that is made of an undefined one, and reports each branch and each address that depends on one.

use std::process::Command;

use aws_lc_rs::rsa::KeySize;
use rsa::BigUint;

use super::keys::{Key, OwnedParts};
use crate::lanes::{Portable, memcheck};
use crate::{LANES, Parts, PrivateKey, sign::sign_by};

/// The key for the process under memcheck, which must not make one itself: that may branch.
const PARTS: &str = "CHANCERY_KERNEL_TEST_PARTS";

/// What the process does beside the right thing, to see that memcheck would speak up.
const LEAK: &str = "CHANCERY_KERNEL_TEST_LEAK";

const INNER: &str = "tests::secrets::under_memcheck";

#[test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn nothing_depends_on_a_secret() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        eprintln!("skipped: valgrind is not installed");
        return;
    }
    let key = Key::generate(KeySize::Rsa2048);
    let clean = watch(&key, false);
    assert!(clean.status.success(), "memcheck:\n{}", String::from_utf8_lossy(&clean.stderr));
    let leaking = watch(&key, true);
    assert_eq!(leaking.status.code(), Some(99), "memcheck:\n{}", String::from_utf8_lossy(&leaking.stderr));
}

fn watch(key: &Key, leak: bool) -> std::process::Output {
    let OwnedParts { n, e, p, q, dp, dq, qinv } = OwnedParts::of(&key.rsa);
    let parts =
        [n, e, p, q, dp, dq, qinv].map(|part| BigUint::from_bytes_be(&part).to_str_radix(16)).join(",");
    let mut valgrind = Command::new("valgrind");
    valgrind
        .args(["--quiet", "--error-exitcode=99", "--"])
        .arg(std::env::current_exe().expect("this program has a path"))
        .args(["--exact", INNER, "--ignored", "--nocapture", "--test-threads=1"])
        .env(PARTS, parts);
    if leak {
        valgrind.env(LEAK, "1");
    }
    valgrind.output().expect("valgrind runs")
}

#[test]
#[ignore = "run by the test above, under memcheck"]
fn under_memcheck() {
    let Ok(parts) = std::env::var(PARTS) else { return };
    let leak = std::env::var_os(LEAK).is_some();
    let mut parts: Vec<Vec<u8>> = parts
        .split(',')
        .map(|part| BigUint::parse_bytes(part.as_bytes(), 16).expect("a number").to_bytes_be())
        .collect();
    let modulus = parts[0].len();
    for part in &mut parts[2..] {
        part.splice(0..0, vec![0; modulus / 2 - part.len()]);
    }
    for secret in &parts[2..] {
        memcheck::hide(secret);
    }
    let [n, e, p, q, dp, dq, qinv] = parts.as_slice() else { panic!("seven parts") };
    let key = PrivateKey::new(&Parts { n, e, p, q, dp, dq, qinv }).expect("the kernel takes the key");

    let mut messages = vec![0; LANES * modulus];
    for message in messages.chunks_exact_mut(modulus) {
        message[1..].fill(0x5a);
    }
    memcheck::hide(&messages);
    let mut signatures = Vec::new();
    sign_by::<Portable>(&key, &messages, &mut signatures).expect("the twin signs");
    assert_eq!(signatures.len(), messages.len());
    // This branch depends on the exponent: it has to be seen.
    if leak && key.p.windows[0] == 3 {
        signatures.clear();
    }
}
