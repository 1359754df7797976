//! The pieces of the canonical form: strings, and the order of names.

use std::cmp::Ordering;

/// Appends a string as RFC 8785 has it, which is as `serde_json` has it: the shortest escapes, and only where JSON needs
/// one.
pub fn write_string(out: &mut Vec<u8>, text: &str) {
    // Nothing can fail: the writer is memory, and a string is no map with odd keys.
    let _ = serde_json::to_writer(out, text);
}

/// The order of names in an object: by UTF-16 code units.
pub fn name_order(one: &str, other: &str) -> Ordering {
    one.encode_utf16().cmp(other.encode_utf16())
}

#[cfg(test)]
mod tests {
    use super::*;

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
