//! Check digits and digests.

use sha2::{Digest as _, Sha256};

use super::made;
use crate::budget::{Failure, Meter};
use crate::evaluate::Evaluated;
use crate::value::Value;

/// Whether it is a card number: 12 to 19 digits, of which the last one checks the others (ISO/IEC 7812, annex B). Groups may
/// be set apart by spaces or hyphens.
pub(super) fn luhn<'a>(text: &str, meter: &mut Meter) -> Evaluated<'a> {
    meter.read(text.len())?;
    let mut sum = 0;
    let mut digits = 0_u32;
    for character in text.bytes().rev() {
        let digit = match character {
            b'0'..=b'9' => u32::from(character - b'0'),
            b' ' | b'-' => continue,
            _ => return Ok(Value::Bool(false)),
        };
        sum += match (digits % 2 == 1, digit * 2) {
            (false, _) => digit,
            (true, doubled) => doubled / 10 + doubled % 10,
        };
        digits += 1;
        if digits > 19 {
            return Ok(Value::Bool(false));
        }
    }
    Ok(Value::Bool(digits >= 12 && sum % 10 == 0))
}

/// Whether it is an account number whose check digits are right (ISO 13616): modulo 97 it leaves 1 (ISO/IEC 7064).
pub(super) fn iban<'a>(text: &str, meter: &mut Meter) -> Evaluated<'a> {
    meter.read(text.len())?;
    // The longest has 34 characters, in groups of four.
    if text.len() > 50 {
        return Ok(Value::Bool(false));
    }
    let compact: Vec<u8> =
        text.bytes().filter(|byte| *byte != b' ').map(|byte| byte.to_ascii_uppercase()).collect();
    let is_formed = (15..=34).contains(&compact.len())
        && compact[..2].iter().all(u8::is_ascii_uppercase)
        && compact[2..4].iter().all(u8::is_ascii_digit)
        && compact[4..].iter().all(u8::is_ascii_alphanumeric);
    if !is_formed {
        return Ok(Value::Bool(false));
    }
    let rearranged = compact[4..].iter().chain(&compact[..4]);
    let rest = rearranged.fold(0_u32, |rest, byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        letter => (rest * 100 + u32::from(letter - b'A') + 10) % 97,
    });
    Ok(Value::Bool(rest == 1))
}

/// The SHA-256 of a string or of bytes, in hexadecimal digits; nothing of anything else.
pub(super) fn sha256<'a>(value: &Value<'a>, meter: &mut Meter) -> Result<Option<Value<'a>>, Failure> {
    let bytes: &[u8] = match value {
        Value::Text(text) => text.as_bytes(),
        Value::Bytes(bytes) => bytes,
        _ => return Ok(None),
    };
    meter.steps(8 + bytes.len() as u64 / 4)?;
    let mut digits = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        for half in [byte >> 4, byte & 15] {
            digits.extend(char::from_digit(u32::from(half), 16));
        }
    }
    made(digits, meter).map(Some)
}
