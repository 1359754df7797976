//! Values in canonical form (RFC 8785), which has doubles only: what a double does not hold is a string, so that nothing
//! is lost.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use NoCanonicalForm::{NotCanonical, NotJson};

use crate::pieces::{name_order, write_string};

/// Why a text has no canonical form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoCanonicalForm {
    /// Not one JSON value.
    #[error("it is not one JSON value: {0}")]
    NotJson(String),
    /// JSON that RFC 8785 has no form for.
    #[error("it has no canonical form: {0}")]
    NotCanonical(String),
}

/// How deep arrays and objects may lie in each other.
const MAX_DEPTH: usize = 128;

/// Appends a double as RFC 8785 has it. What JSON has no number for, and the negative zero, which RFC 8785 would make
/// positive, are the strings `NaN`, `Infinity`, `-Infinity` and `-0`.
pub fn write_double(out: &mut Vec<u8>, value: f64) {
    if value.is_nan() {
        out.extend_from_slice(b"\"NaN\"");
    } else if value.is_infinite() {
        out.extend_from_slice(if value > 0.0 { b"\"Infinity\"" } else { b"\"-Infinity\"" });
    } else if value == 0.0 && value.is_sign_negative() {
        out.extend_from_slice(b"\"-0\"");
    } else {
        out.extend_from_slice(ryu_js::Buffer::new().format_finite(value).as_bytes());
    }
}

/// A finite double as RFC 8785 has it; the strings of rows for all else, and for the negative zero.
#[must_use]
pub fn canonical_double(value: f64) -> String {
    let mut out = Vec::new();
    write_double(&mut out, value);
    // It writes ASCII only.
    String::from_utf8(out).unwrap_or_default()
}

/// The canonical form of a JSON value, as rows have it that hold one. A number that is not what a double prints as is a
/// string with the text as it was given.
///
/// # Errors
///
/// [`NotJson`]; [`NotCanonical`]: a name that is there twice, half a surrogate pair, too deep.
pub fn canonical_json(text: &str) -> Result<Vec<u8>, NoCanonicalForm> {
    let mut out = Vec::with_capacity(text.len());
    write_json(&mut out, text)?;
    Ok(out)
}

/// Appends a JSON value. A number that is not what a double prints as is a string with the text as it was given.
///
/// # Errors
///
/// [`NotJson`], [`NotCanonical`]; then what was appended is of no use.
pub fn write_json(out: &mut Vec<u8>, text: &str) -> Result<(), NoCanonicalForm> {
    let value: &RawValue = serde_json::from_str(text).map_err(|error| NotJson(error.to_string()))?;
    write_value(out, value.get().trim_ascii(), 0)
}

fn write_value(out: &mut Vec<u8>, text: &str, depth: usize) -> Result<(), NoCanonicalForm> {
    let not = |why: String| NotCanonical(why);
    let parsed = |error: serde_json::Error| not(error.to_string());
    if depth > MAX_DEPTH {
        return Err(not(format!("arrays and objects lie more than {MAX_DEPTH} deep in each other")));
    }
    match text.as_bytes().first() {
        Some(b'"') => write_string(out, &serde_json::from_str::<String>(text).map_err(parsed)?),
        Some(b'[') => {
            let values: Vec<&RawValue> = serde_json::from_str(text).map_err(parsed)?;
            out.push(b'[');
            for (number, value) in values.into_iter().enumerate() {
                if number > 0 {
                    out.push(b',');
                }
                write_value(out, value.get(), depth + 1)?;
            }
            out.push(b']');
        }
        Some(b'{') => {
            let Members(mut members) = serde_json::from_str(text).map_err(parsed)?;
            members.sort_by(|(one, _), (other, _)| name_order(one, other));
            if let Some(twice) = members.windows(2).find(|pair| pair[0].0 == pair[1].0) {
                return Err(not(format!("it names `{}` twice", twice[0].0.escape_debug())));
            }
            out.push(b'{');
            for (number, (name, value)) in members.into_iter().enumerate() {
                if number > 0 {
                    out.push(b',');
                }
                write_string(out, &name);
                out.push(b':');
                write_value(out, value.get(), depth + 1)?;
            }
            out.push(b'}');
        }
        Some(b'-' | b'0'..=b'9') => write_number(out, text),
        _ => out.extend_from_slice(text.as_bytes()),
    }
    Ok(())
}

fn write_number(out: &mut Vec<u8>, text: &str) {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && says_the_same(text, value) => write_double(out, value),
        _ => write_string(out, text),
    }
}

/// Whether the shortest text of a double is the number that was given.
fn says_the_same(text: &str, value: f64) -> bool {
    decimal(text) == decimal(ryu_js::Buffer::new().format_finite(value))
}

/// The digits of a number of JSON without zeros at either end, and the power of ten of the last one. The sign is left
/// out.
fn decimal(text: &str) -> Option<(String, i64)> {
    let text = text.trim_start_matches('-');
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    let kept = digits.trim_end_matches('0');
    if kept.is_empty() {
        return Some((String::new(), 0));
    }
    let moved = i64::try_from(digits.len() - kept.len()).ok()? - i64::try_from(fraction.len()).ok()?;
    let exponent: i64 = exponent.parse().ok()?;
    Some((kept.to_owned(), exponent.checked_add(moved)?))
}

/// The members of an object, in the order they were given, those that are there twice too.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn canonical(text: &str) -> Result<String, NoCanonicalForm> {
        canonical_json(text).map(|out| String::from_utf8(out).expect("UTF-8"))
    }

    /// Appendix B of RFC 8785.
    #[test]
    fn doubles_are_as_the_rfc_has_them() {
        for (bits, wanted) in [
            (0x0000_0000_0000_0000_u64, "0"),
            (0x8000_0000_0000_0000, "\"-0\""),
            (0x0000_0000_0000_0001, "5e-324"),
            (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
            (0x4340_0000_0000_0000, "9007199254740992"),
            (0x4430_0000_0000_0000, "295147905179352830000"),
            (0x44b5_2d02_c7e1_4af6, "1e+23"),
            (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"),
            (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
            (0x41b3_de43_5555_5555, "333333333.3333333"),
            (0x7fff_ffff_ffff_ffff, "\"NaN\""),
            (0xfff0_0000_0000_0000, "\"-Infinity\""),
        ] {
            let mut out = Vec::new();
            write_double(&mut out, f64::from_bits(bits));
            assert_eq!(String::from_utf8_lossy(&out), wanted);
        }
    }

    #[test]
    fn values_are_as_the_rfc_has_them() {
        for (given, wanted) in [
            (" { \"b\" : [ 1.0 , true, null ] ,\n\"a\":{}}", r#"{"a":{},"b":[1,true,null]}"#),
            (r#"["\u20ac\/\u0001","\ud83d\ude00"]"#, "[\"\u{20ac}/\\u0001\",\"\u{1f600}\"]"),
            ("[0.10, 1e2, 1E-7, 4.50]", "[0.1,100,1e-7,4.5]"),
            (
                "[9007199254740993, 1e999, 0.1000000000000000001, -0, 0.0]",
                r#"["9007199254740993","1e999","0.1000000000000000001","-0",0]"#,
            ),
        ] {
            assert_eq!(canonical(given).as_deref(), Ok(wanted), "{given}");
        }
    }

    #[test]
    fn what_has_no_canonical_form_says_why() {
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        for (given, wanted) in
            [(r#"{"a":1,"\u0061":2}"#, "names `a` twice"), (r#""\ud800""#, "hex escape"), (&deep, "128 deep")]
        {
            let said = canonical(given).expect_err(given).to_string();
            assert!(said.starts_with("it has no canonical form: ") && said.contains(wanted), "{said}");
        }
        assert!(matches!(canonical("{"), Err(NotJson(_))));
    }

    proptest! {
        #[test]
        fn a_canonical_value_is_its_own_form(value in any::<f64>(), text in ".*") {
            let mut out = Vec::new();
            write_double(&mut out, value);
            let number = String::from_utf8(out).expect("UTF-8");
            let given = format!("{{{}:[{number}]}}", serde_json::to_string(&text).expect("JSON"));
            prop_assert_eq!(canonical(&given), Ok(given));
        }
    }
}
