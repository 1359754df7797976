//! What is kept of a verdict: that by which it can be compared when it is judged again.

use serde::{Deserialize, Serialize};

use crate::{Hit, HitAction, Outcome, THRESHOLDS, Verdict};

/// Bytes that a message may have: it may repeat a record.
const MOST_MESSAGE: usize = 1_000;

/// Bytes that a payload may have.
const MOST_PAYLOAD: usize = 1_048_576;

/// The rule by which a record is a dead letter that would be too long once it is enriched.
pub const ENRICHMENTS: &str = "enrichments";

/// What is kept of a verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// The payload is admitted.
    Admitted {
        /// What is signed in its place, if it is enriched.
        payload: Option<Vec<u8>>,
        /// What is said of it, if a rule flagged it or raised an alert.
        mark: Option<Mark>,
        /// Expressions that failed, and were passed over.
        ignored: u32,
    },
    /// A rule keeps it out.
    Rejected {
        /// The first that does.
        rule: String,
        /// Its message.
        message: String,
    },
    /// It could not be judged.
    Failed {
        /// The first rule that could not be evaluated.
        rule: String,
        /// Why.
        message: String,
    },
}

/// What is said of a record that is admitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Whether it is flagged, or only an alert was raised.
    pub flagged: bool,
    /// The sum of its points.
    pub score: i64,
    /// The rules that said something, in the policy's order.
    pub hits: Vec<Hit>,
}

impl Mark {
    /// As JSON.
    #[must_use]
    pub fn text(&self) -> String {
        // Plain texts and numbers.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The rules that raised an alert, with their messages.
    pub fn alerts(&self) -> impl Iterator<Item = (&str, &str)> {
        let alerts = self.hits.iter().filter(|hit| hit.action == HitAction::Alert);
        alerts.map(|hit| (hit.rule.as_str(), hit.message.as_str()))
    }
}

impl Kept {
    /// What is kept of this verdict.
    #[must_use]
    pub fn of(verdict: Verdict) -> Self {
        let Verdict { outcome, hits, score, payload, ignored, matched: _ } = verdict;
        let hits: Vec<Hit> = hits
            .into_iter()
            .map(|Hit { rule, action, message }| Hit { rule, action, message: shown(&message) })
            .collect();
        let first = |action: HitAction| {
            let hit = hits.iter().find(|hit| hit.action == action);
            hit.map_or_else(
                || (THRESHOLDS.to_owned(), String::new()),
                |hit| (hit.rule.clone(), hit.message.clone()),
            )
        };
        match outcome {
            Outcome::Rejected => {
                let (rule, message) = first(HitAction::Reject);
                Self::Rejected { rule, message }
            }
            Outcome::Failed => {
                let (rule, message) = first(HitAction::Failed);
                Self::Failed { rule, message }
            }
            Outcome::Clean | Outcome::Flagged => {
                if let Some(length) = payload.as_ref().map(Vec::len).filter(|length| *length > MOST_PAYLOAD) {
                    let message =
                        format!("enriched, it has {length} bytes, and a payload has at most {MOST_PAYLOAD}");
                    return Self::Failed { rule: ENRICHMENTS.to_owned(), message };
                }
                let flagged = outcome == Outcome::Flagged;
                let is_marked = flagged || hits.iter().any(|hit| hit.action == HitAction::Alert);
                Self::Admitted { payload, mark: is_marked.then_some(Mark { flagged, score, hits }), ignored }
            }
        }
    }
}

/// A message may hold what a database takes for the end of a text.
fn shown(message: &str) -> String {
    message[..message.floor_char_boundary(MOST_MESSAGE)].replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hit(rule: &str, action: HitAction, message: &str) -> Hit {
        Hit { rule: rule.to_owned(), action, message: message.to_owned() }
    }

    fn verdict(outcome: Outcome, hits: Vec<Hit>) -> Verdict {
        Verdict { outcome, hits, score: 7, payload: None, ignored: 0, matched: true }
    }

    #[test]
    fn a_refusal_names_the_first_rule_that_refuses() {
        let hits = vec![
            hit("large", HitAction::Flag, "so much"),
            hit("positive", HitAction::Reject, "a\0b"),
            hit("known", HitAction::Reject, "who"),
        ];
        let rejected = Kept::of(verdict(Outcome::Rejected, hits));
        let message = "a\u{fffd}b".to_owned();
        assert_eq!(rejected, Kept::Rejected { rule: "positive".to_owned(), message });
        let failed = Kept::of(verdict(Outcome::Failed, vec![hit("odd", HitAction::Failed, "no such key")]));
        assert_eq!(failed, Kept::Failed { rule: "odd".to_owned(), message: "no such key".to_owned() });
    }

    #[test]
    fn what_is_flagged_or_alerted_of_is_marked_and_nothing_else() {
        let of = |outcome, action| match Kept::of(verdict(outcome, vec![hit("a", action, "why")])) {
            Kept::Admitted { mark, .. } => mark,
            other => panic!("{other:?}"),
        };
        assert_eq!(of(Outcome::Clean, HitAction::Score), None);
        let alert = of(Outcome::Clean, HitAction::Alert).expect("a mark");
        assert!(!alert.flagged && alert.alerts().eq([("a", "why")]));
        let flag = of(Outcome::Flagged, HitAction::Flag).expect("a mark");
        assert!(flag.flagged && flag.alerts().next().is_none());
        assert_eq!(
            flag.text(),
            r#"{"flagged":true,"score":7,"hits":[{"rule":"a","action":"Flag","message":"why"}]}"#
        );
    }

    #[test]
    fn what_would_be_too_long_is_a_dead_letter() {
        let long =
            Verdict { payload: Some(vec![b' '; MOST_PAYLOAD + 1]), ..verdict(Outcome::Clean, Vec::new()) };
        assert!(matches!(Kept::of(long), Kept::Failed { rule, .. } if rule == ENRICHMENTS));
    }
}
