//! Naming a dead letter, and how far it is.

use std::fmt;
use std::str::FromStr;

use chancery_store::Run;
use chancery_store::letters::{Letter, LetterPlace};

/// `SOURCE/SPLIT/POSITION`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LetterName {
    source: String,
    split: i32,
    position: i64,
}

impl LetterName {
    pub(super) fn of(letter: &Letter) -> Self {
        Self { source: letter.source.clone(), split: letter.split, position: letter.position }
    }

    /// Where it is in a run, if that has such a source.
    pub(super) fn in_run(&self, run: &Run) -> Option<LetterPlace> {
        let number = run.input.sources()?.sources.iter().position(|source| source.name == self.source)?;
        let source = i32::try_from(number + 1).ok()?;
        Some(LetterPlace { source, split: self.split, position: self.position })
    }
}

impl FromStr for LetterName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let none = "a dead letter is named SOURCE/SPLIT/POSITION, as `chancery dead-letters list` shows it";
        let mut parts = text.rsplitn(3, '/');
        let position = parts.next().and_then(|part| part.parse().ok()).filter(|position| *position >= 0);
        let split = parts.next().and_then(|part| part.parse().ok()).filter(|split| *split >= 1);
        match (parts.next(), split, position) {
            (Some(source), Some(split), Some(position)) if !source.is_empty() => {
                Ok(Self { source: source.to_owned(), split, position })
            }
            _ => Err(none),
        }
    }
}

impl fmt::Display for LetterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, split, position } = self;
        write!(f, "{source}/{split}/{position}")
    }
}

/// What a letter is, in a word that programs compare.
pub(super) fn state(letter: &Letter) -> &'static str {
    match (letter.ended.as_deref(), letter.bytes) {
        (Some("Moved"), _) => "redriven",
        (Some(_), _) => "discarded",
        (None, Some(_)) => "kept",
        (None, None) => "swept",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_is_named_by_source_split_and_position() {
        let name: LetterName = "files/2/300".parse().expect("a name");
        assert_eq!(name, LetterName { source: "files".to_owned(), split: 2, position: 300 });
        assert_eq!(name.to_string(), "files/2/300");
        for text in ["", "files", "files/1", "/1/2", "files/0/1", "files/1/-1", "files/1/x", "files/x/1"] {
            assert!(text.parse::<LetterName>().is_err(), "{text}");
        }
    }
}
