//! A `COSE_Sign1` (RFC 9052, section 4.2), tagged, with its payload in it and all of its header protected.

use super::{Header, cbor};
use crate::Algorithm;

/// Labels of a header (RFC 9052, section 3.1).
const ALG: i64 = 1;
const CONTENT_TYPE: i64 = 3;
const KID: i64 = 4;

/// The tag of a `COSE_Sign1` (RFC 9052, section 2).
const TAG: u64 = 18;

/// The identifiers of RFC 9053, RFC 8812, RFC 8230 and, for ML-DSA, RFC 9964.
const fn identifier(algorithm: Algorithm) -> i64 {
    match algorithm {
        Algorithm::Es256 => -7,
        Algorithm::EdDsa => -8,
        Algorithm::Es384 => -35,
        Algorithm::Ps256 => -37,
        Algorithm::Es256k => -47,
        Algorithm::MlDsa44 => -48,
        Algorithm::MlDsa65 => -49,
        Algorithm::MlDsa87 => -50,
        Algorithm::Rs256 => -257,
    }
}

/// The protected header: a map, encoded.
pub(crate) fn protected(header: &Header<'_>) -> Vec<u8> {
    let Header { algorithm, key_id, content_type } = header;
    let mut out = Vec::new();
    cbor::map(if content_type.is_some() { 3 } else { 2 }, &mut out);
    cbor::integer(ALG, &mut out);
    cbor::integer(identifier(*algorithm), &mut out);
    if let Some(content_type) = content_type {
        cbor::integer(CONTENT_TYPE, &mut out);
        cbor::text(content_type, &mut out);
    }
    cbor::integer(KID, &mut out);
    cbor::bytes(key_id.as_bytes(), &mut out);
    out
}

/// What is signed: a `Sig_structure` (RFC 9052, section 4.4) without external data.
pub(crate) fn signing_input(protected: &[u8], payload: &[u8], out: &mut Vec<u8>) {
    cbor::array(4, out);
    cbor::text("Signature1", out);
    cbor::bytes(protected, out);
    cbor::bytes(b"", out);
    cbor::bytes(payload, out);
}

pub(crate) fn finished(protected: &[u8], payload: &[u8], signature: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(protected.len() + payload.len() + signature.len() + 24);
    cbor::tag(TAG, &mut out);
    cbor::array(4, &mut out);
    cbor::bytes(protected, &mut out);
    cbor::map(0, &mut out);
    cbor::bytes(payload, &mut out);
    cbor::bytes(signature, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

    use super::*;
    use crate::VerifyingKey;

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    #[test]
    fn the_signing_input_is_that_of_rfc_9052() {
        // Appendix C.2.1, with the key of appendix C.7.1.
        let mut spki = STANDARD.decode("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE").unwrap();
        spki.extend(bytes("bac5b11cad8f99f9c72b05cf4b9e26d244dc189f745228255a219a86d6a09eff"));
        spki.extend(bytes("20138bf82dc1b6d562be0fa54ab7804a3a64b6d72ccfed6b6fb6ed28bbfc117e"));
        let signature = bytes(concat!(
            "8eb33e4ca31d1c465ab05aac34cc6b23d58fef5c083106c4d25a91aef0b0117e",
            "2af9a291aa32e14ab834dc56ed2a223444547e01f11d3b0916e5a4c345cacb36",
        ));
        let (header, payload) = ([0xa1, 0x01, 0x26], b"This is the content.");
        let mut input = Vec::new();
        signing_input(&header, payload, &mut input);
        assert_eq!(input[..12], *b"\x84\x6aSignature1");
        let key = VerifyingKey::from_spki_der(Algorithm::Es256, &spki).unwrap();
        assert!(key.verify(&input, &signature));

        // The example has its kid in the part of the header that is not protected.
        let whole = finished(&header, payload, &signature);
        assert_eq!(whole[..6], [0xd2, 0x84, 0x43, 0xa1, 0x01, 0x26]);
        assert_eq!(whole[6..8], [0xa0, 0x54]);
        assert_eq!(whole[8..28], *payload);
        assert_eq!((&whole[28..30], &whole[30..]), (&[0x58, 0x40][..], &signature[..]));
    }

    #[test]
    fn the_message_of_ml_dsa_is_that_of_rfc_9964() {
        // Appendix A.2. Its key is named by the thumbprint of a COSE key, and not of a JWK.
        let whole = bytes(include_str!("../../tests/keyring/rfc_9964_ml_dsa_44.cose").trim());
        let (header, payload, signature) = (&whole[4..43], &whole[46..75], &whole[78..]);
        // SEQUENCE { SEQUENCE { id-ml-dsa-44 }, BIT STRING { public } }
        let mut spki = bytes("30820532300b06096086480165030403110382052100");
        let public = include_str!("../../tests/keyring/rfc_9964_ml_dsa_44.pub").trim();
        spki.extend(URL_SAFE_NO_PAD.decode(public).unwrap());
        let mut input = Vec::new();
        signing_input(header, payload, &mut input);
        let key = VerifyingKey::from_spki_der(Algorithm::MlDsa44, &spki).unwrap();
        assert!(key.verify(&input, signature));
        assert_eq!(finished(header, payload, signature), whole);
        let ours = Header { algorithm: Algorithm::MlDsa44, key_id: "ab", content_type: None };
        assert_eq!(protected(&ours)[..5], header[..5]);
    }

    #[test]
    fn the_header_says_algorithm_type_and_key_in_the_order_of_their_labels() {
        let header = Header { algorithm: Algorithm::Rs256, key_id: "ab", content_type: None };
        assert_eq!(protected(&header), [0xa2, 0x01, 0x39, 0x01, 0x00, 0x04, 0x42, b'a', b'b']);
        let typed = Header { content_type: Some("a/b"), ..header };
        let expected = [0xa3, 0x01, 0x39, 0x01, 0x00, 0x03, 0x63, b'a', b'/', b'b', 0x04, 0x42, b'a', b'b'];
        assert_eq!(protected(&typed), expected);
    }

    #[test]
    fn no_two_algorithms_have_one_identifier() {
        let all: std::collections::HashSet<_> = Algorithm::ALL.map(identifier).into();
        assert_eq!(all.len(), Algorithm::ALL.len());
    }
}
