//! No branch and no address depends on a secret: memcheck, with all secrets marked undefined, has nothing to say.
//!
//! The portable twin runs the same code as the kernel, with 64-bit integers for vectors; memcheck knows no AVX-512. It
//! follows every bit that is made of an undefined one, and reports each branch and each address that depends on one.
//! Secrets are the primes, the private exponents, the messages, and what the blinding draws.

use std::hint::black_box;
use std::process::{Command, Output};

use aws_lc_rs::rsa::KeySize;

use super::keys::{Key, OwnedParts};
use crate::lanes::Portable;
use crate::sign::sign_by;
use crate::{LANES, Parts, PrivateKey, memcheck};

/// The key for the process under memcheck, which must not make one itself: that may branch.
pub(super) const PARTS: &str = "CHANCERY_KERNEL_TEST_PARTS";

/// What that process does wrong, to see that memcheck speaks up.
pub(super) const LEAK: &str = "CHANCERY_KERNEL_TEST_LEAK";

const INNER: &str = "tests::secrets::under_memcheck";

/// What memcheck makes the process end with when it has something to say.
const LEAKED: i32 = 99;

#[test]
fn no_branch_and_no_address_depends_on_a_secret() {
    let OwnedParts { n, e, p, q, dp, dq, qinv } = OwnedParts::of(&Key::generate(KeySize::Rsa2048).rsa);
    let parts = [n, e, p, q, dp, dq, qinv].map(|part| hex(&part)).join(",");
    assert_that_nothing_leaks(INNER, &parts, &["branch", "address", "inverse"]);
}

/// That memcheck has nothing to say of a test that is given a key, and speaks up if it is told to leak.
pub(super) fn assert_that_nothing_leaks(inner: &str, key: &str, leaks: &[&str]) {
    if Command::new("valgrind").arg("--version").output().is_err() {
        return super::skipped(
            "whether a branch or an address depends on a secret, as valgrind is not installed",
        );
    }
    let clean = watch(inner, key, "nothing");
    assert!(clean.status.success(), "{}", said(&clean));
    assert!(said(&clean).contains("1 passed"), "{}", said(&clean));
    for leak in leaks {
        let leaking = watch(inner, key, leak);
        assert_eq!(leaking.status.code(), Some(LEAKED), "{leak}: {}", said(&leaking));
        assert!(said(&leaking).contains("1 passed"), "{leak}: {}", said(&leaking));
    }
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|said| String::from_utf8_lossy(said)).concat()
}

fn watch(inner: &str, key: &str, leak: &str) -> Output {
    Command::new("valgrind")
        .args(["--quiet", &format!("--error-exitcode={LEAKED}"), "--"])
        .arg(std::env::current_exe().expect("this program has a path"))
        .args(["--exact", inner, "--ignored", "--nocapture", "--test-threads=1"])
        .env(PARTS, key)
        .env(LEAK, leak)
        .output()
        .expect("valgrind runs")
}

#[test]
#[ignore = "run by the test above, under memcheck"]
fn under_memcheck() {
    let (Ok(parts), Ok(leak)) = (std::env::var(PARTS), std::env::var(LEAK)) else { return };
    let mut parts: Vec<Vec<u8>> = parts.split(',').map(bytes).collect();
    for secret in &mut parts[2..] {
        memcheck::hide(secret);
    }
    let [n, e, p, q, dp, dq, qinv] = parts.as_slice() else { panic!("seven parts") };
    let key = PrivateKey::new(&Parts { n, e, p, q, dp, dq, qinv }).expect("the kernel takes the key");
    match leak.as_str() {
        "branch" => branch(u64::from(key.p.windows[0])),
        "address" => address(usize::from(key.p.windows[0])),
        "inverse" => branch(key.q.modulus.inverse[4]),
        _ => sign(&key, n.len()),
    }
}

fn sign(key: &PrivateKey, len: usize) {
    let mut messages = vec![0x5a; LANES * len];
    memcheck::hide(&mut messages);
    for message in messages.chunks_exact_mut(len) {
        message[0] = 0;
    }
    let mut signatures = Vec::new();
    sign_by::<Portable>(key, &messages, &mut || true, &mut signatures).expect("the twin signs");
    assert_eq!(signatures.len(), messages.len());
}

/// A branch that no compiler can make a choice without one of.
#[inline(never)]
#[expect(clippy::print_stderr, reason = "an effect that a compiler keeps")]
pub(super) fn branch(secret: u64) {
    if secret.is_multiple_of(3) {
        black_box(());
        eprintln!("it is");
    }
}

#[inline(never)]
pub(super) fn address(secret: usize) {
    black_box(black_box(&[0_u8; 16])[secret & 15]);
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn bytes(hex: &str) -> Vec<u8> {
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("two digits");
    (0..hex.len()).step_by(2).map(byte).collect()
}
