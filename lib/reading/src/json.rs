//! JSON: whether a text is one value, and the pieces of the canonical form (RFC 8785).

use std::cmp::Ordering;

use serde::de::IgnoredAny;

use crate::arrival::Reason;

/// Whether the bytes are one JSON value in UTF-8, with white space around it or not. The grammar only is looked at (RFC
/// 8259): names may be there twice, numbers may have any size, and depth is not bounded, since nothing is built and
/// nothing recurses.
///
/// # Errors
///
/// [`Reason::NotUtf8`], [`Reason::NotJson`].
pub(crate) fn is_one_value(bytes: &[u8]) -> Result<(), Reason> {
    let text = std::str::from_utf8(bytes).map_err(|error| Reason::NotUtf8 { at: error.valid_up_to() })?;
    serde_json::from_str::<IgnoredAny>(text).map(drop).map_err(|error| Reason::NotJson(error.to_string()))
}

/// Appends a string as RFC 8785 has it, which is as `serde_json` has it: the shortest escapes, and only where JSON needs
/// one.
pub(crate) fn write_string(out: &mut Vec<u8>, text: &str) {
    // Nothing can fail: the writer is memory, and a string is no map with odd keys.
    let _ = serde_json::to_writer(out, text);
}

/// The order of names in an object: by UTF-16 code units.
pub(crate) fn name_order(one: &str, other: &str) -> Ordering {
    one.encode_utf16().cmp(other.encode_utf16())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_is_one_value() {
        for good in ["{}", " [1, 2]\r", "1e999", "{\"a\":1,\"a\":2}", "\"\\ud800\"", "null", "-0"] {
            assert_eq!(is_one_value(good.as_bytes()), Ok(()), "{good}");
        }
        for bad in ["", " ", "{} {}", "{\"a\"}", "NaN", "01", "[1,]", "'a'", "\"\n\"", "\u{feff}{}"] {
            assert!(matches!(is_one_value(bad.as_bytes()), Err(Reason::NotJson(_))), "{bad}");
        }
        assert_eq!(is_one_value(b"\"\xff\""), Err(Reason::NotUtf8 { at: 1 }));
    }

    #[test]
    fn a_million_brackets_are_no_danger() {
        let deep = [vec![b'['; 500_000], vec![b']'; 500_000]].concat();
        assert_eq!(is_one_value(&deep), Ok(()));
    }

    /// Section 3.2.3 of RFC 8785, and its strings.
    #[test]
    fn names_and_strings_are_as_the_rfc_has_them() {
        let mut names = ["\u{20ac}", "\r", "\u{fb33}", "1", "\u{1f600}", "\u{80}", "\u{f6}"];
        names.sort_by(|one, other| name_order(one, other));
        assert_eq!(names, ["\r", "1", "\u{80}", "\u{f6}", "\u{20ac}", "\u{1f600}", "\u{fb33}"]);
        let mut out = Vec::new();
        write_string(&mut out, "\u{20ac}$\u{f}\nA'B\"\\\\\"/\u{8}\t\u{c}\r\u{7f}");
        assert_eq!(
            String::from_utf8_lossy(&out),
            "\"\u{20ac}$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\\b\\t\\f\\r\u{7f}\""
        );
    }
}
