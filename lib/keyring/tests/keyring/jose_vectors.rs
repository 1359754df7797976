//! The examples of the JOSE standards: other implementations agree with this one.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeyPairComponents, PublicKeyComponents};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chancery_keyring::{Algorithm, Envelope, Form, Frame, Jwk, SigningKey, VerifyingKey, wrap};
use uuid::Uuid;

use crate::fixtures::{KEYRING, data_key, signature_of};

fn bytes(base64url: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(base64url).unwrap()
}

fn imported(algorithm: Algorithm, pkcs8: &[u8]) -> SigningKey {
    let id = Uuid::nil();
    let wrapped = wrap(&data_key(), KEYRING, id, algorithm, pkcs8).unwrap();
    SigningKey::open(&data_key(), KEYRING, id, algorithm, &wrapped).unwrap()
}

/// RFC 7515, appendix A.2.1.
fn rfc_7515_rsa_key() -> RsaKeyPair {
    RsaKeyPair::from_components(&KeyPairComponents {
        public_key: PublicKeyComponents {
            n: bytes(concat!(
                "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddx",
                "HmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMs",
                "D1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSH",
                "SXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdV",
                "MTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8",
                "NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
            )),
            e: bytes("AQAB"),
        },
        d: bytes(concat!(
            "Eq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97I",
            "jlA7_GQ5sLKMgvfTeXZx9SE-7YwVol2NXOoAJe46sui395IW_GO-pWJ1O0",
            "BkTGoVEn2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzjkn",
            "439X0M_V51gfpRLI9JYanrC4D4qAdGcopV_0ZHHzQlBjudU2QvXt4ehNYT",
            "CBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl_x_jTj3ccPDVZFD9pIuhLh",
            "BOneufuBiB4cS98l2SR_RQyGWSeWjnczT0QU91p1DhOVRuOopznQ",
        )),
        p: bytes(concat!(
            "4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH_5IB3jw3bcxGn6QLvnEtfdUdi",
            "YrqBdss1l58BQ3KhooKeQTa9AB0Hw_Py5PJdTJNPY8cQn7ouZ2KKDcmnPG",
            "BY5t7yLc1QlQ5xHdwW1VhvKn-nXqhJTBgIPgtldC-KDV5z-y2XDwGUc",
        )),
        q: bytes(concat!(
            "uQPEfgmVtjL0Uyyx88GZFF1fOunH3-7cepKmtH4pxhtCoHqpWmT8YAmZxa",
            "ewHgHAjLYsp1ZSe7zFYHj7C6ul7TjeLQeZD_YwD66t62wDmpe_HlB-TnBA",
            "-njbglfIsRLtXlnDzQkv5dTltRJ11BKBBypeeF6689rjcJIDEz9RWdc",
        )),
        dP: bytes(concat!(
            "BwKfV3Akq5_MFZDFZCnW-wzl-CCo83WoZvnLQwCTeDv8uzluRSnm71I3Q",
            "CLdhrqE2e9YkxvuxdBfpT_PI7Yz-FOKnu1R6HsJeDCjn12Sk3vmAktV2zb",
            "34MCdy7cpdTh_YVr7tss2u6vneTwrA86rZtu5Mbr1C1XsmvkxHQAdYo0",
        )),
        dQ: bytes(concat!(
            "h_96-mK1R_7glhsum81dZxjTnYynPbZpHziZjeeHcXYsXaaMwkOlODsWa",
            "7I9xXDoRwbKgB719rrmI2oKr6N3Do9U0ajaHF-NKJnwgjMd2w9cjz3_-ky",
            "NlxAr2v4IKhGNpmM5iIgOS1VZnOZ68m6_pbLBSp3nssTdlqvd0tIiTHU",
        )),
        qInv: bytes(concat!(
            "IYd7DHOhrWvxkwPQsRM2tOgrjbcrfvtQJipd-DlcxyVuuM9sQLdgjVk2o",
            "y26F0EmpScGLq2MowX7fhd_QJQ3ydy5cY7YIBi87w93IKLEdfnbJtoOPLU",
            "W0ITrJReOgo1cq9SbsxYawBgfp_gh6A5603k2-ZQwVK0JKSHuLFkuQ3U",
        )),
    })
    .unwrap()
}

#[test]
fn rs256_signs_and_verifies_the_example_of_rfc_7515_a_2() {
    let input = concat!(
        "eyJhbGciOiJSUzI1NiJ9.",
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt",
        "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
    )
    .as_bytes();
    let signature = bytes(concat!(
        "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7",
        "AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4",
        "BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K",
        "0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqv",
        "hJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrB",
        "p0igcN_IoypGlUPQGe77Rw",
    ));
    let pair = rfc_7515_rsa_key();

    let signing = imported(Algorithm::Rs256, pair.as_der().unwrap().as_ref());
    assert_eq!(signature_of(&signing, input), signature);

    let spki = pair.public_key().as_der().unwrap();
    let verifying = VerifyingKey::from_spki_der(Algorithm::Rs256, spki.as_ref()).unwrap();
    assert!(verifying.verify(input, &signature));
}

#[test]
fn es256_verifies_the_example_of_rfc_7515_a_3() {
    // SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING { 04 || x || y } }
    let mut spki = b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\
          \x3d\x03\x01\x07\x03\x42\x00\x04"
        .to_vec();
    spki.extend(bytes("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"));
    spki.extend(bytes("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"));
    let input = concat!(
        "eyJhbGciOiJFUzI1NiJ9.",
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt",
        "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
    );
    let signature = bytes(concat!(
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSA",
        "pmWQxfKTUJqPP3-Kg6NU1Q",
    ));

    let verifying = VerifyingKey::from_spki_der(Algorithm::Es256, &spki).unwrap();
    assert!(verifying.verify(input.as_bytes(), &signature));
}

#[test]
fn eddsa_signs_and_verifies_the_example_of_rfc_8037_a_4() {
    let seed = bytes("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A");
    let public = bytes("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
    let input = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    let signature = bytes(concat!(
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5B",
        "hVsPt9g7sVvpAr_MuM0KAg",
    ));
    let pair = Ed25519KeyPair::from_seed_and_public_key(&seed, &public).unwrap();

    for pkcs8 in [pair.to_pkcs8v1().unwrap(), pair.to_pkcs8().unwrap()] {
        let signing = imported(Algorithm::EdDsa, pkcs8.as_ref());
        assert_eq!(signature_of(&signing, input), signature);
    }

    // SEQUENCE { SEQUENCE { id-Ed25519 }, BIT STRING { public } }
    let mut spki = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00".to_vec();
    spki.extend(public);
    let verifying = VerifyingKey::from_spki_der(Algorithm::EdDsa, &spki).unwrap();
    assert!(verifying.verify(input, &signature));
}

#[test]
fn ml_dsa_44_signs_with_the_key_and_verifies_the_example_of_rfc_9964_a_1() {
    let public = include_str!("rfc_9964_ml_dsa_44.pub").trim();
    let jws = include_str!("rfc_9964_ml_dsa_44.jws").trim();
    // SEQUENCE { SEQUENCE { id-ml-dsa-44 }, BIT STRING { public } }
    let mut spki =
        b"\x30\x82\x05\x32\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03\x11\x03\x82\x05\x21\x00".to_vec();
    spki.extend(bytes(public));

    let jwk = Jwk::of(Algorithm::MlDsa44, &spki).unwrap();
    assert_eq!(jwk.id(), "T4xl70S7MT6Zeq6r9V9fPJGVn76wfnXJ21-gyo0Gu6o");
    for member in [("kty", "AKP"), ("alg", "ML-DSA-44"), ("pub", public)] {
        assert!(jwk.members().any(|other| other == member), "{member:?}");
    }

    let form = Form::new(Algorithm::MlDsa44, Envelope::Jws, None).unwrap();
    let parts: Vec<_> = jws.split('.').collect();
    let (payload, signature) = (bytes(parts[1]), bytes(parts[2]));
    let verifying = VerifyingKey::of_form(&form, &spki).unwrap();
    assert!(verifying.verify(&payload, &signature));
    assert_eq!(Frame::new(&form, &spki).unwrap().finished(&payload, &signature).as_deref(), Some(jws));

    // SEQUENCE { 0, SEQUENCE { id-ml-dsa-44 }, OCTET STRING { [0] seed } }: the seed of the example is zeros.
    let mut pkcs8 =
        b"\x30\x34\x02\x01\x00\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03\x11\x04\x22\x80\x20".to_vec();
    pkcs8.extend([0; 32]);
    let signature = signature_of(&imported(Algorithm::MlDsa44, &pkcs8), b"another");
    assert!(VerifyingKey::from_spki_der(Algorithm::MlDsa44, &spki).unwrap().verify(b"another", &signature));
}
