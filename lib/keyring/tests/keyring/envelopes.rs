//! What is signed in each envelope, by each algorithm.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chancery_keyring::{
    Algorithm, BatchOutcome, Envelope, Form, Frame, Jwk, Library, Signatures, SigningKey, VerifyingKey, wrap,
};
use uuid::Uuid;

use crate::fixtures::{KEYRING, Ways, data_key, key_of, signature_of, verifies};

/// Every form that there can be, with a content type where it can have one.
fn forms() -> impl Iterator<Item = Form> {
    Algorithm::ALL.into_iter().flat_map(|algorithm| {
        Envelope::ALL.into_iter().filter_map(move |envelope| {
            let content_type = envelope.has_content_type().then(|| "application/json".to_owned());
            Form::new(algorithm, envelope, content_type).ok()
        })
    })
}

fn signing_key(form: &Form) -> SigningKey {
    let key = key_of(form.algorithm());
    SigningKey::open_in(form, &data_key(), KEYRING, key.id, &key.wrapped).unwrap()
}

fn verifying_key(form: &Form) -> VerifyingKey {
    VerifyingKey::of_form(form, &key_of(form.algorithm()).public_key).unwrap()
}

#[test]
fn what_is_signed_in_an_envelope_verifies_in_it_and_in_no_other() {
    let payload = br#"{"amount": 5}"#;
    for form in forms() {
        let key = signing_key(&form);
        let signature = signature_of(&key, payload);
        assert_eq!(signature.len(), key.signature_len(), "{form:?}");
        for other in forms().filter(|other| other.algorithm() == form.algorithm()) {
            let verdict = verifying_key(&other).verify(payload, &signature);
            assert_eq!(verdict, other == form, "{form:?}, verified as {other:?}");
        }
        assert!(!verifying_key(&form).verify(b"another payload", &signature), "{form:?}");
    }
}

#[test]
fn another_content_type_is_another_signature() {
    for envelope in Envelope::ALL.into_iter().filter(|envelope| envelope.has_content_type()) {
        let of_type =
            |text: Option<&str>| Form::new(Algorithm::EdDsa, envelope, text.map(str::to_owned)).unwrap();
        let signature = signature_of(&signing_key(&of_type(Some("text/plain"))), b"payload");
        for (text, verdict) in [(Some("text/plain"), true), (Some("text/html"), false), (None, false)] {
            assert_eq!(verifying_key(&of_type(text)).verify(b"payload", &signature), verdict, "{envelope}");
        }
    }
}

#[test]
fn what_is_signed_is_the_signing_input() {
    for form in forms().filter(|form| form.envelope() != Envelope::Eip191) {
        let (payload, mut space) = (vec![0xfe; 300], b"from before".to_vec());
        let frame = Frame::new(&form, &key_of(form.algorithm()).public_key).unwrap();
        let input = frame.signing_input(&payload, &mut space).to_vec();
        let signature = signature_of(&signing_key(&form), &payload);
        assert!(verifying_key(&Form::raw(form.algorithm())).verify(&input, &signature), "{form:?}");
    }
}

#[test]
fn a_batch_is_signed_and_verified_as_its_records_are() {
    let payloads: Vec<Vec<u8>> = (0..37_u8).map(|n| vec![n; usize::from(n) * 7]).collect();
    for form in forms() {
        let key = signing_key(&form);
        let mut signatures = Signatures::new(key.signature_len());
        let outcome = key.sign_batch(37, payloads.iter().map(Vec::as_slice), || true, &mut signatures);
        assert_eq!(outcome, Ok(BatchOutcome::Complete), "{form:?}");
        let (made_by, public) = (key.library(37), verifying_key(&form));
        let mut pairs: Vec<_> = payloads.iter().map(Vec::as_slice).zip(&signatures).collect();
        assert!(pairs.iter().all(|(payload, signature)| public.verify(payload, signature)), "{form:?}");
        // One of them is of another payload.
        pairs[20].0 = b"another";
        for public in [public.clone(), public.for_many()] {
            let verdicts = public.verify_batch(made_by, &pairs);
            let wrong: Vec<_> = (0..37).filter(|place| !verdicts[*place]).collect();
            assert_eq!(wrong, [20], "{form:?}");
        }
    }
}

#[test]
fn an_envelope_names_its_key_as_the_jwk_set_does() {
    for form in forms() {
        let public = &key_of(form.algorithm()).public_key;
        let jwk = Jwk::of(form.algorithm(), public).unwrap();
        let finished = Frame::new(&form, public).unwrap().finished(b"payload", b"signature");
        match form.envelope() {
            Envelope::Raw => assert_eq!(finished, None),
            Envelope::Jws | Envelope::JwsDetached => {
                let text = finished.unwrap();
                let header = URL_SAFE_NO_PAD.decode(text.split('.').next().unwrap()).unwrap();
                let header = String::from_utf8(header).unwrap();
                let said = [("alg", form.algorithm().name()), ("kid", jwk.id()), ("typ", "application/json")];
                for (name, value) in said {
                    assert!(header.contains(&format!(r#""{name}":"{value}""#)), "{header}");
                }
                // A reader that does not know b64 would else verify other bytes.
                let refused_by_others = header.contains(r#""b64":false,"crit":["b64"]"#);
                assert_eq!(refused_by_others, form.envelope() == Envelope::JwsDetached, "{header}");
            }
            Envelope::CoseSign1 => {
                let bytes = STANDARD.decode(finished.unwrap()).unwrap();
                assert!(bytes.windows(jwk.id().len()).any(|part| part == jwk.id().as_bytes()));
            }
            Envelope::Dsse => assert!(finished.unwrap().contains(&format!(r#""keyid":"{}""#, jwk.id()))),
            Envelope::Eip191 => assert_eq!(finished.unwrap(), "0x7369676e6174757265"),
        }
    }
}

#[test]
fn the_signature_of_the_protocol_of_dsse_verifies() {
    // Of its implementation notes: an ECDSA key on P-256, and the signature of "hello world".
    let mut spki = STANDARD.decode("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE").unwrap();
    let point = "Z805D3eqNZywjCI19lInBJOp7YMrCrzAH3CVTAOQ0jgMeCvVTiaRJaRPRDOv8UMs6U4SvKc6pnrIDOoSYI3fdA==";
    spki.extend(STANDARD.decode(point).unwrap());
    let signature = STANDARD
        .decode("A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA==")
        .unwrap();
    let typed = Some("http://example.com/HelloWorld".to_owned());
    let form = Form::new(Algorithm::Es256, Envelope::Dsse, typed).unwrap();
    assert!(VerifyingKey::of_form(&form, &spki).unwrap().verify(b"hello world", &signature));
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// The key, message and signature of the documentation of `eth_account`.
const PRIVATE: &str = "b25c7db31feed9122727bf0939dc769a96564b2de4c4726d035b36ecf1e5b364";
const PUBLIC: &str = "7a99d2ad47bbfc8b52ffc050169a1192340853dad406c98134ef9b13e8593993\
                      bed53eba853054599da69a98ef3d39ee7dcca96d8be2b6057208247b6a195831";
const MESSAGE: &str = "I♥SF";
const SIGNATURE: &str = "e6ca9bba58c88611fad66a6ce8f996908195593807c4b38bd528d2cff09d4eb3\
                         3e5bfbbf4d3e39b1a2fd816a7680c19ebebaf3a141b239934ad43cb33fcec8ce1c";

fn of_eth_account() -> (Form, Vec<u8>, Vec<u8>) {
    let form = Form::new(Algorithm::Es256k, Envelope::Eip191, None).unwrap();
    let spki = bytes(&format!("3056301006072a8648ce3d020106052b8104000a03420004{PUBLIC}"));
    let pkcs8 = bytes(&format!(
        "308184020100301006072a8648ce3d020106052b8104000a046d306b0201010420{PRIVATE}a14403420004{PUBLIC}"
    ));
    (form, spki, pkcs8)
}

#[test]
fn a_message_has_the_signature_and_the_address_that_eth_account_gives_it() {
    let (form, spki, pkcs8) = of_eth_account();
    let id = Uuid::nil();
    let wrapped = wrap(&data_key(), KEYRING, id, form.algorithm(), &pkcs8).unwrap();
    let key = SigningKey::open_in(&form, &data_key(), KEYRING, id, &wrapped).unwrap();
    key.belongs_to(&spki).unwrap();
    assert_eq!(key.library(1), Library::Secp256k1);

    let signature = signature_of(&key, MESSAGE.as_bytes());
    assert_eq!(signature, bytes(SIGNATURE));
    assert!(verifies(
        &Ways::of(VerifyingKey::of_form(&form, &spki).unwrap()),
        MESSAGE.as_bytes(),
        &signature
    ));
    let finished = Frame::new(&form, &spki).unwrap().finished(MESSAGE.as_bytes(), &signature);
    assert_eq!(finished.unwrap(), format!("0x{SIGNATURE}"));
    let jwk = Jwk::of(form.algorithm(), &spki).unwrap();
    assert_eq!(jwk.address(), Some("0x5ce9454909639D2D17A3F753ce7d93fa0b9aB12E"));
}

#[test]
fn a_message_with_another_v_or_the_higher_s_is_refused() {
    let (form, spki, _) = of_eth_account();
    let key = Ways::of(VerifyingKey::of_form(&form, &spki).unwrap());
    let good = bytes(SIGNATURE);
    for v in (0..=255).filter(|v| *v != 28) {
        let other = [&good[..64], &[v]].concat();
        assert!(!verifies(&key, MESSAGE.as_bytes(), &other), "{v}");
    }
    // n - s, with the other v: most programs recover the same key from it.
    let order = bytes("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");
    let mut higher = good.clone();
    let mut borrow = false;
    for place in (0..32).rev() {
        let (less, first) = order[place].overflowing_sub(good[32 + place]);
        let (less, second) = less.overflowing_sub(u8::from(borrow));
        (higher[32 + place], borrow) = (less, first || second);
    }
    higher[64] = 27;
    assert!(!verifies(&key, MESSAGE.as_bytes(), &higher));
    assert!(verifies(&key, MESSAGE.as_bytes(), &good));
}
