//! JSON: whether a text is one value.

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
}
