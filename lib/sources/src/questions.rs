//! What is asked of each payload before it is offered to the ledger, whoever took it in: what judges it, and what names it.

use chancery_policy::Answers;
use chancery_reading::Identity;

use crate::identity::{self, Identify};
use crate::judge::{Judge, Judged, Refused, Said, Seen};

/// What is asked of the payloads of a source.
#[derive(Clone, Copy, Debug)]
pub struct Questions<'a> {
    /// What names them, if the run does not know payloads by their content.
    pub identify: Option<&'a Identify>,
    /// What judges them, if anything does.
    pub judge: Option<&'a Judge>,
    /// The source that offers them.
    pub source: &'a str,
}

/// What becomes of a payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Considered {
    /// It is offered to the ledger, which may still find that it repeats a record.
    Offered(Offer),
    /// It does not become a record.
    Refused(Refused),
}

/// What is known of a payload that is offered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// What names it, in a run that does not know payloads by their content.
    pub identity: Option<Vec<u8>>,
    /// What a policy said of it, if anything.
    pub said: Option<Box<Said>>,
}

impl Questions<'_> {
    /// Judges a payload and names it. `position` is where it is in its source, or empty where nobody knows that yet, `at` the instant by
    /// which it is judged, and `event` what an event says of itself.
    #[must_use]
    pub fn consider(&self, payload: &[u8], position: &str, at: i64, event: Option<&Identity>) -> Considered {
        let seen = Seen { payload, source: self.source, position, at };
        let said = match self.judge.map(|judge| judge.judge(seen)).unwrap_or_default() {
            Judged::Refused(refused) => return Considered::Refused(refused),
            Judged::Admitted(said) => said,
        };
        match self.name(payload, event) {
            Ok(identity) => Considered::Offered(Offer { identity, said }),
            Err(refused) => Considered::Refused(refused),
        }
    }

    /// Whether others have to be asked about a payload before it can be judged.
    #[must_use]
    pub fn waits(&self, payload: &[u8], position: &str, at: i64) -> bool {
        let seen = Seen { payload, source: self.source, position, at };
        self.judge.is_some_and(|judge| judge.asks() && !judge.wants(seen, &Answers::default()).is_empty())
    }

    /// What names a payload, by what came and not by what was made of it; nothing in a run that knows payloads by their content.
    ///
    /// # Errors
    ///
    /// It has no name.
    pub fn name(&self, payload: &[u8], event: Option<&Identity>) -> Result<Option<Vec<u8>>, Refused> {
        let named = self.identify.map(|identify| identify.of_event(payload, event)).transpose();
        named.map_err(|reason| Refused::at_stage(identity::STAGE, reason.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_named_by_what_came_and_one_without_a_name_is_refused() {
        let identify = Identify::by("record.id").expect("an expression");
        let questions = Questions { identify: Some(&identify), judge: None, source: "files" };
        let named = questions.consider(br#"{"id": 7}"#, "", 0, None);
        assert_eq!(named, Considered::Offered(Offer { identity: Some(b"7".to_vec()), said: None }));
        let Considered::Refused(refused) = questions.consider(b"{}", "", 0, None) else {
            panic!("it has a name")
        };
        assert_eq!((refused.stage.as_deref(), refused.rule), (Some(identity::STAGE), None));
    }

    #[test]
    fn of_a_run_that_asks_nothing_everything_is_offered() {
        let questions = Questions { identify: None, judge: None, source: "files" };
        assert_eq!(questions.consider(b"no JSON", "", 0, None), Considered::Offered(Offer::default()));
    }
}
