//! Cuts texts of others, such as the last message of a signer, to what an API server takes.

/// The text, with an ellipsis in place of what would make it longer than `bytes` as JSON.
pub(crate) fn cut(text: String, bytes: usize) -> String {
    const ELLIPSIS: &str = "…";
    let written = |letter: char| match letter {
        '"' | '\\' => 2,
        // As \u0000, or shorter.
        control if control < ' ' => 6,
        other => other.len_utf8(),
    };
    if text.chars().map(written).sum::<usize>() <= bytes {
        return text;
    }
    let mut room = bytes - ELLIPSIS.len();
    let fits = |letter: &char| {
        let left = room.checked_sub(written(*letter));
        room = left.unwrap_or_default();
        left.is_some()
    };
    text.chars().take_while(fits).chain(ELLIPSIS.chars()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_short_text_stays_as_it_is() {
        assert_eq!(cut("all is well".to_owned(), 11), "all is well");
    }

    #[test]
    fn a_long_text_ends_in_an_ellipsis() {
        assert_eq!(cut("all is well".to_owned(), 10), "all is …");
    }

    proptest! {
        #[test]
        fn no_text_is_longer_as_json_than_it_may_be(text in any::<String>(), bytes in 3_usize..200) {
            let cut = cut(text.clone(), bytes);
            let json = serde_json::to_string(&cut).expect("text is JSON");
            prop_assert!(json.len() <= bytes + r#""""#.len());
            prop_assert!(cut == text || cut.ends_with('…'));
        }
    }
}
