//! Instructions per record in the hot loop, [`SigningKey::sign_batch`](chancery_keyring::SigningKey).
//!
//! Only Rust's are counted: the project's own and those of `aws-lc-rs`. AWS-LC and the C library choose
//! their code by what the processor can do, so their counts differ from machine to machine, and no
//! emulator has the instructions that AWS-LC chooses on the newest. The build is that of the tests,
//! which is not optimised: the numbers say whether something has been added to the loop, not how fast
//! it is.

use std::io::Write as _;

use chancery_keyring::{Algorithm, BatchOutcome, Signatures};

use crate::bounds::hold;
use crate::callgrind::instructions_of;
use crate::keys::{key, payloads};

const RECORDS: usize = 100;

#[test]
fn signing_takes_no_more_instructions_than_before() {
    for (algorithm, test) in [
        ("RS256", "instructions::sign_with_rs256"),
        ("ES256", "instructions::sign_with_es256"),
        ("EdDSA", "instructions::sign_with_eddsa"),
    ] {
        let Some(functions) = instructions_of(test, "*SigningKey*sign_batch*") else {
            // Past the capture of tests.
            let _said = writeln!(std::io::stdout(), "skipped: no valgrind, so no instructions are counted");
            return;
        };
        let ours = |function: &str| function.contains("::") || function.starts_with("_R");
        let sum: u64 = functions.iter().filter(|(name, _)| ours(name)).map(|(_, count)| count).sum();
        assert!(sum > 0, "no function of Rust is in what callgrind counted: {:?}", functions.keys());
        hold(&format!("instructions per record signed with {algorithm}"), sum as f64 / RECORDS as f64);
    }
}

fn sign_with(algorithm: Algorithm) {
    let (key, payloads) = (key(algorithm), payloads(RECORDS));
    let mut signatures = Signatures::new(key.signature_len());
    let payloads = payloads.iter().map(Vec::as_slice);
    let outcome = key.sign_batch(RECORDS as u64, payloads, || true, &mut signatures);
    assert_eq!(outcome, Ok(BatchOutcome::Complete));
}

#[test]
#[ignore = "what valgrind counts"]
fn sign_with_rs256() {
    sign_with(Algorithm::Rs256);
}

#[test]
#[ignore = "what valgrind counts"]
fn sign_with_es256() {
    sign_with(Algorithm::Es256);
}

#[test]
#[ignore = "what valgrind counts"]
fn sign_with_eddsa() {
    sign_with(Algorithm::EdDsa);
}
