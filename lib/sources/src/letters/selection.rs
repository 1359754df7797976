//! Which dead letters are meant: all that are not left out.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use chancery_api::LeaseDuration;
use chancery_policy::{Facts, Selector, SelectorError};
use chancery_store::letters::Letter;
use jiff::Timestamp;

use crate::judge::now;

/// What a selection says of itself, in bytes.
const WORDS: usize = 4_000;

/// By what letters are selected. What is not given leaves none out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The step that gave them up.
    pub stage: Option<String>,
    /// The rule that failed for them.
    pub rule: Option<String>,
    /// A text in their reason.
    pub reason: Option<String>,
    /// The name of their source.
    pub source: Option<String>,
    /// They arrived so long ago, or longer.
    pub older_than: Option<Duration>,
    /// They arrived less long ago.
    pub newer_than: Option<Duration>,
    /// An expression that is true for them.
    pub selector: Option<String>,
}

/// Why by that nothing is selected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    /// A text that all letters have, which is what an unset variable of a script makes of it.
    #[error(
        "the {0} that dead letters are selected by is empty, and would leave none out; give a text that those have which are meant, or leave the {0} out"
    )]
    Empty(&'static str),
    /// No expression.
    #[error(
        "{0}; wanted is a CEL expression over a dead letter, such as age > duration('24h') && stage == 'Policy'"
    )]
    Selector(SelectorError),
}

/// A selection that is ready to be asked.
#[derive(Debug)]
pub struct Selection {
    wanted: Wanted,
    selector: Option<Selector>,
    words: String,
    /// All letters have their age by one clock.
    now: i64,
    until: Option<Instant>,
}

/// Letters of which a selector cannot say whether they are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unsaid {
    /// How many.
    pub letters: u64,
    /// Why, for the first.
    pub first: String,
}

impl Selection {
    /// By what is wanted.
    ///
    /// # Errors
    ///
    /// [`SelectionError`]: a text is empty, or the selector is no expression over a dead letter.
    pub fn of(wanted: Wanted) -> Result<Self, SelectionError> {
        let Wanted { stage, rule, reason, source, older_than: _, newer_than: _, selector } = &wanted;
        for (what, text) in
            [("stage", stage), ("rule", rule), ("reason", reason), ("source", source), ("selector", selector)]
        {
            if text.as_ref().is_some_and(|text| text.trim().is_empty()) {
                return Err(SelectionError::Empty(what));
            }
        }
        let selector = selector.as_deref().map(Selector::compile).transpose();
        let selector = selector.map_err(SelectionError::Selector)?;
        let words = words(&wanted);
        Ok(Self { wanted, selector, words, now: now(), until: None })
    }

    /// The same, of which no further letters are looked at from then on.
    #[must_use]
    pub fn within(self, until: Instant) -> Self {
        Self { until: Some(until), ..self }
    }

    /// Whether no further letters are looked at.
    pub(super) fn is_over(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() >= until)
    }

    /// What is meant, as it is written down; nothing, if all are.
    #[must_use]
    pub fn words(&self) -> &str {
        &self.words
    }

    /// Whether the bytes of a letter are looked at.
    #[must_use]
    pub const fn reads(&self) -> bool {
        self.selector.is_some()
    }

    /// Whether a letter is meant.
    ///
    /// # Errors
    ///
    /// Why the selector cannot say it.
    pub fn holds(&self, letter: &Letter) -> Result<bool, String> {
        let Wanted { stage, rule, reason, source, older_than, newer_than, selector: _ } = &self.wanted;
        let age = u64::try_from(self.now.saturating_sub(letter.arrived_micros)).unwrap_or(0);
        let age = Duration::from_micros(age);
        let is_meant = stage.as_ref().is_none_or(|stage| *stage == letter.stage)
            && rule.as_ref().is_none_or(|rule| letter.rule.as_ref() == Some(rule))
            && reason.as_ref().is_none_or(|text| letter.reason.contains(text.as_str()))
            && source.as_ref().is_none_or(|source| *source == letter.source)
            && older_than.is_none_or(|least| age >= least)
            && newer_than.is_none_or(|most| age < most);
        let Some(selector) = self.selector.as_ref().filter(|_| is_meant) else { return Ok(is_meant) };
        let at = |micros| Timestamp::from_microsecond(micros).unwrap_or_default();
        selector.holds(&Facts {
            payload: letter.raw.as_deref(),
            source: &letter.source,
            split: letter.split.into(),
            position: letter.position,
            stage: &letter.stage,
            rule: letter.rule.as_deref(),
            reason: &letter.reason,
            at: at(letter.arrived_micros),
            now: at(self.now),
            attempts: letter.attempts,
        })
    }
}

impl Unsaid {
    /// Whether a letter is meant. That it cannot be said is counted.
    pub fn holds(&mut self, selection: &Selection, letter: &Letter) -> bool {
        selection.holds(letter).unwrap_or_else(|why| {
            if self.letters == 0 {
                self.first = why;
            }
            self.letters += 1;
            false
        })
    }
}

fn words(wanted: &Wanted) -> String {
    let Wanted { stage, rule, reason, source, older_than, newer_than, selector } = wanted;
    let mut words = String::new();
    let mut say = |what: &str, value: &str| {
        let between = if words.is_empty() { "" } else { ", " };
        let _written = write!(words, "{between}{what} {value}");
    };
    for (what, value) in
        [("stage", stage), ("rule", rule), ("reason", reason), ("source", source), ("selector", selector)]
    {
        value.iter().for_each(|value| say(what, value));
    }
    for (what, value) in [("older than", older_than), ("newer than", newer_than)] {
        value.iter().for_each(|value| say(what, LeaseDuration::from(*value).as_str()));
    }
    if words.len() > WORDS {
        words.truncate(words.floor_char_boundary(WORDS));
        words.push('…');
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(reason: &str, hours: i64) -> Letter {
        Letter {
            number: 1,
            source: "files".to_owned(),
            pushed: false,
            split: 1,
            position: 7,
            stage: "Policy".to_owned(),
            rule: Some("usd".to_owned()),
            reason: reason.to_owned(),
            raw: Some(br#"{"amount": 7}"#.to_vec()),
            bytes: Some(13),
            whole: true,
            swept_at: None,
            arrived_at: String::new(),
            arrived_micros: now() - hours * 3_600_000_000,
            attempts: 0,
            ended: None,
            into: None,
        }
    }

    #[test]
    fn a_letter_is_meant_if_nothing_leaves_it_out() {
        let hours = |hours: u64| Some(Duration::from_secs(hours * 3_600));
        let some = |text: &str| Some(text.to_owned());
        let letter = letter("no such key: currency", 5);
        for (wanted, is_meant) in [
            (Wanted::default(), true),
            (Wanted { stage: some("Policy"), rule: some("usd"), ..Wanted::default() }, true),
            (Wanted { stage: some("Parse"), ..Wanted::default() }, false),
            (Wanted { rule: some("eur"), ..Wanted::default() }, false),
            (Wanted { reason: some("currency"), ..Wanted::default() }, true),
            (Wanted { reason: some("amount"), ..Wanted::default() }, false),
            (Wanted { source: some("other"), ..Wanted::default() }, false),
            (Wanted { older_than: hours(4), newer_than: hours(6), ..Wanted::default() }, true),
            (Wanted { older_than: hours(6), ..Wanted::default() }, false),
            (Wanted { newer_than: hours(5), ..Wanted::default() }, false),
            (
                Wanted { selector: some("record.amount == 7 && age > duration('4h')"), ..Wanted::default() },
                true,
            ),
            (Wanted { selector: some("record.amount == 8"), ..Wanted::default() }, false),
        ] {
            let selection = Selection::of(wanted.clone()).expect("a selection");
            assert_eq!(selection.holds(&letter), Ok(is_meant), "{wanted:?}");
        }
    }

    #[test]
    fn a_text_that_all_letters_have_selects_nothing() {
        let some = |text: &str| Some(text.to_owned());
        for (wanted, what) in [
            (Wanted { stage: some(""), ..Wanted::default() }, "stage"),
            (Wanted { rule: some(""), ..Wanted::default() }, "rule"),
            (Wanted { rule: some("usd"), reason: some(" "), ..Wanted::default() }, "reason"),
            (Wanted { source: some(""), ..Wanted::default() }, "source"),
            (Wanted { selector: some(""), ..Wanted::default() }, "selector"),
        ] {
            let refused = Selection::of(wanted).expect_err(what);
            assert_eq!(refused, SelectionError::Empty(what));
            assert!(refused.to_string().contains(&format!("leave the {what} out")), "{refused}");
        }
    }

    #[test]
    fn what_is_meant_is_written_down_and_what_cannot_be_said_is_counted() {
        let wanted = Wanted {
            stage: Some("Parse".to_owned()),
            older_than: Some(Duration::from_secs(60)),
            selector: Some("record.none == 1".to_owned()),
            ..Wanted::default()
        };
        let selection = Selection::of(wanted).expect("a selection");
        assert_eq!(selection.words(), "stage Parse, selector record.none == 1, older than 1m");
        let long = Wanted { reason: Some("é".repeat(WORDS)), ..Wanted::default() };
        let long = Selection::of(long).expect("a selection");
        assert!(long.words().ends_with("é…") && long.words().len() <= 4_096, "what is cut off is marked");
        let wanted = Wanted { selector: Some("record.none == 1".to_owned()), ..Wanted::default() };
        let (selection, mut unsaid) = (Selection::of(wanted).expect("a selection"), Unsaid::default());
        assert!(!unsaid.holds(&selection, &letter("a", 1)) && !unsaid.holds(&selection, &letter("b", 1)));
        assert_eq!((unsaid.letters, unsaid.first.contains("none")), (2, true), "{unsaid:?}");
    }
}
