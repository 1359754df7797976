//! A Dead Simple Signing Envelope, version 1 (<https://github.com/secure-systems-lab/dsse/blob/master/protocol.md>).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The type of a payload of which nothing is said: an envelope has to have one.
pub(crate) const UNTYPED: &str = "application/octet-stream";

/// What is signed: PAE(type, payload).
pub(crate) fn signing_input(payload_type: &str, payload: &[u8], out: &mut Vec<u8>) {
    let (type_length, length) = (payload_type.len(), payload.len());
    out.extend_from_slice(format!("DSSEv1 {type_length} {payload_type} {length} ").as_bytes());
    out.extend_from_slice(payload);
}

pub(crate) fn finished(payload_type: &str, key_id: &str, payload: &[u8], signature: &[u8]) -> String {
    let (payload, signature) = (STANDARD.encode(payload), STANDARD.encode(signature));
    format!(
        r#"{{"payload":"{payload}","payloadType":"{payload_type}","signatures":[{{"keyid":"{key_id}","sig":"{signature}"}}]}}"#
    )
}

/// An ECDSA signature as programs want it that read these envelopes: in DER (RFC 3279, section 2.2.3), made of r‖s.
pub(crate) fn in_der(signature: &[u8]) -> Vec<u8> {
    const SEQUENCE: u8 = 0x30;
    let (r, s) = signature.split_at(signature.len() / 2);
    let mut numbers = Vec::with_capacity(signature.len() + 6);
    der_integer(r, &mut numbers);
    der_integer(s, &mut numbers);
    // 102 bytes at the most, those of P-384: all of it has a length of one byte.
    let mut der = Vec::with_capacity(numbers.len() + 2);
    der.extend([SEQUENCE, u8::try_from(numbers.len()).unwrap_or(u8::MAX)]);
    der.extend(numbers);
    der
}

/// A number that is not negative, in as few bytes as it has.
fn der_integer(number: &[u8], out: &mut Vec<u8>) {
    const INTEGER: u8 = 0x02;
    let zeros = number.iter().take_while(|byte| **byte == 0).count().min(number.len().saturating_sub(1));
    let number = &number[zeros..];
    // What begins with a one would be negative.
    let sign = usize::from(number.first().is_some_and(|byte| byte & 0x80 != 0));
    out.extend([INTEGER, u8::try_from(number.len() + sign).unwrap_or(u8::MAX)]);
    out.extend(std::iter::repeat_n(0, sign));
    out.extend_from_slice(number);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_in_der_is_that_of_p256() {
        let mut signature = [0; 64];
        signature[63] = 1;
        for (r, first) in [(0_usize, 0x80_u8), (0, 0x7f), (1, 0xff), (5, 1), (31, 0x80), (31, 1)] {
            signature[..32].fill(0);
            signature[r] = first;
            let expected = p256::ecdsa::Signature::from_slice(&signature).unwrap().to_der();
            assert_eq!(in_der(&signature), expected.as_bytes(), "{first:#x} at {r}");
        }
        let longest = in_der(&[0xff; 96]);
        assert_eq!((longest.len(), longest[1]), (104, 102));
    }

    #[test]
    fn the_signing_input_is_that_of_the_protocol() {
        let mut input = Vec::new();
        signing_input("http://example.com/HelloWorld", b"hello world", &mut input);
        assert_eq!(input, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
        input.clear();
        signing_input(UNTYPED, b"", &mut input);
        assert_eq!(input, b"DSSEv1 24 application/octet-stream 0 ");
    }

    #[test]
    fn a_finished_one_is_that_of_the_protocol() {
        assert_eq!(
            finished("http://example.com/HelloWorld", "one", b"hello world", &[1, 2, 3, 4]),
            concat!(
                r#"{"payload":"aGVsbG8gd29ybGQ=","payloadType":"http://example.com/HelloWorld","#,
                r#""signatures":[{"keyid":"one","sig":"AQIDBA=="}]}"#,
            )
        );
    }
}
