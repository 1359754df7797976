//! Signatures of NIST's Cryptographic Algorithm Validation Program, true ones and others
//! (<https://csrc.nist.gov/projects/cryptographic-algorithm-validation-program/digital-signatures>).

use std::collections::BTreeMap;

use chancery_keyring::{Algorithm, VerifyingKey};
use rsa::pkcs8::EncodePublicKey as _;
use rsa::{BigUint, RsaPublicKey};

use crate::fixtures::{Ways, verifies};

/// The fields of a test. What stands once before several tests, such as the modulus, is a field of each.
type Fields = BTreeMap<&'static str, &'static str>;

/// The tests of a section of a file of responses.
fn tests(file: &'static str, section: &str) -> Vec<Fields> {
    let (mut tests, mut fields, mut is_in_it) = (Vec::new(), Fields::new(), false);
    for line in file.lines() {
        if line.starts_with('[') {
            is_in_it = line == section;
        } else if let Some((name, value)) = line.split_once(" = ") {
            fields.insert(name, value);
            if is_in_it && name == "Result" {
                tests.push(fields.clone());
            }
        }
    }
    tests
}

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let byte = |place: usize| u8::from_str_radix(&hexadecimal[place..place + 2], 16).expect("two digits");
    (0..hexadecimal.len()).step_by(2).map(byte).collect()
}

/// Every library gives the verdict of each test, of which some are of true signatures and some of others.
fn check(algorithm: Algorithm, tests: &[Fields], of: impl Fn(&Fields) -> (Vec<u8>, Vec<u8>)) {
    let (mut passed, mut failed) = (0, 0);
    for test in tests {
        let (spki_der, signature) = of(test);
        let is_true = test["Result"].starts_with('P');
        // What was made of a key by altering it need not be one.
        let verdict = VerifyingKey::from_spki_der(algorithm, &spki_der)
            .is_ok_and(|key| verifies(&Ways::of(key), &bytes(test["Msg"]), &signature));
        assert_eq!(verdict, is_true, "{algorithm}: {test:?}");
        *(if is_true { &mut passed } else { &mut failed }) += 1;
    }
    assert!(passed > 0 && failed > 0, "{algorithm}: {passed} pass, {failed} fail");
}

#[test]
fn signatures_of_rs256_have_the_verdicts_of_nist() {
    for section in ["[mod = 2048]", "[mod = 3072]", "[mod = 4096]"] {
        check(Algorithm::Rs256, &tests(include_str!("nist_rsa.rsp"), section), |test| {
            let [n, e] = ["n", "e"].map(|name| BigUint::from_bytes_be(&bytes(test[name])));
            let key = RsaPublicKey::new(n, e).expect("a public key");
            (key.to_public_key_der().expect("its DER").into_vec(), bytes(test["S"]))
        });
    }
}

#[test]
fn signatures_of_ecdsa_have_the_verdicts_of_nist() {
    // SEQUENCE { SEQUENCE { id-ecPublicKey, the curve }, BIT STRING { 04 || x || y } }
    let p256 = b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\
          \x3d\x03\x01\x07\x03\x42\x00\x04";
    let p384 = b"\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\
          \x22\x03\x62\x00\x04";
    for (algorithm, section, prefix) in
        [(Algorithm::Es256, "[P-256,SHA-256]", &p256[..]), (Algorithm::Es384, "[P-384,SHA-384]", &p384[..])]
    {
        check(algorithm, &tests(include_str!("nist_ecdsa.rsp"), section), |test| {
            let [x, y, r, s] = ["Qx", "Qy", "R", "S"].map(|name| bytes(test[name]));
            ([prefix, &x, &y].concat(), [r, s].concat())
        });
    }
}
