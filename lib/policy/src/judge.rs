//! One record, judged: match conditions, schema, validations, scores, webhooks, thresholds, enrichments.

mod stages;

use chancery_api::FailurePolicy;
use serde_json::Value as Json;

use crate::answers::{Answers, Wants};
use crate::arrival::Arrival;
use crate::budget::Failure;
use crate::enrich::Fields;
use crate::evaluate::Evaluation;
use crate::json;
use crate::policy::Policy;
use crate::verdict::{Hit, HitAction, Outcome, Verdict};

/// The longest message of a hit, in bytes.
const MOST_MESSAGE: usize = 1_024;

impl Policy {
    /// Judges a payload.
    #[must_use]
    pub fn judge(&self, arrival: &Arrival<'_>, answers: &Answers) -> Verdict {
        self.judge_telling(arrival, answers, &mut |_, _| {})
    }

    /// Judges a payload, and says after each rule its name and the steps that were taken for it.
    #[must_use]
    pub fn judge_telling(
        &self,
        arrival: &Arrival<'_>,
        answers: &Answers,
        tell: &mut dyn FnMut(&str, u64),
    ) -> Verdict {
        let record = json::read(arrival.payload);
        let mut judging = Judging::begin(self, arrival, &record, answers, tell);
        judging.all();
        judging.verdict
    }

    /// What has to be asked before the payload can be judged, beside what was answered already.
    #[must_use]
    pub fn wants(&self, arrival: &Arrival<'_>, answers: &Answers) -> Wants {
        let record = json::read(arrival.payload);
        let mut tell = |_: &str, _| {};
        let mut judging = Judging::begin(self, arrival, &record, answers, &mut tell);
        judging.all();
        let keys = std::mem::take(&mut judging.evaluation.unanswered);
        let named =
            keys.into_iter().filter_map(|(table, key)| Some((self.tables.get(table)?.name.clone(), key)));
        Wants { webhooks: judging.unasked, keys: named.collect() }
    }
}

struct Judging<'a, 't> {
    policy: &'a Policy,
    arrival: &'a Arrival<'a>,
    record: &'a Result<Json, String>,
    answers: &'a Answers,
    evaluation: Evaluation<'a>,
    verdict: Verdict,
    fields: Fields,
    unasked: Vec<String>,
    tell: &'t mut dyn FnMut(&str, u64),
    told: u64,
}

impl<'a, 't> Judging<'a, 't> {
    fn begin(
        policy: &'a Policy,
        arrival: &'a Arrival<'a>,
        record: &'a Result<Json, String>,
        answers: &'a Answers,
        tell: &'t mut dyn FnMut(&str, u64),
    ) -> Self {
        let evaluation = Evaluation::new(
            record.as_ref().map_err(String::as_str),
            (arrival.source, arrival.position, arrival.at),
            (&policy.tables, &policy.variables),
            answers,
        );
        let verdict = Verdict {
            outcome: Outcome::Clean,
            hits: Vec::new(),
            score: 0,
            payload: None,
            ignored: 0,
            matched: true,
        };
        let (fields, unasked) = (Fields::default(), Vec::new());
        Self { policy, arrival, record, answers, evaluation, verdict, fields, unasked, tell, told: 0 }
    }

    fn all(&mut self) {
        let policy = self.policy;
        if !self.matches() || !self.is_as_the_schema_says() {
            return;
        }
        for validation in &policy.validations {
            self.validate(validation);
        }
        for score in &policy.scores {
            match self.evaluation.truth(&score.rule.expression) {
                Ok(true) => self.points(&score.rule.name, score.points, None),
                Ok(false) => {}
                Err(failure) => self.failed(&score.rule.name, &failure, policy.failure_policy),
            }
            self.tell(&score.rule.name);
        }
        // What is decided already needs nobody else.
        if self.verdict.outcome <= Outcome::Flagged {
            for hook in &policy.webhooks {
                self.webhook(hook);
            }
        }
        if self.verdict.outcome <= Outcome::Flagged {
            self.weigh();
        }
        if self.verdict.outcome <= Outcome::Flagged {
            self.enrich();
        }
    }

    fn points(&mut self, rule: &str, points: i64, message: Option<&str>) {
        self.verdict.score = self.verdict.score.saturating_add(points);
        match message {
            Some(message) => self.hit(rule, HitAction::Score, &format!("{points:+} points: {message}")),
            None => self.hit(rule, HitAction::Score, &format!("{points:+} points")),
        }
    }

    fn failed(&mut self, rule: &str, failure: &Failure, policy: FailurePolicy) {
        let is_ignored = policy == FailurePolicy::Ignore && matches!(failure, Failure::Says(_));
        if is_ignored {
            self.verdict.ignored += 1;
        }
        let action = if is_ignored { HitAction::Ignored } else { HitAction::Failed };
        self.hit(rule, action, &failure.to_string());
    }

    fn hit(&mut self, rule: &str, action: HitAction, message: &str) {
        let message = message[..message.floor_char_boundary(MOST_MESSAGE)].to_owned();
        self.verdict.hits.push(Hit { rule: rule.to_owned(), action, message });
        self.verdict.outcome = self.verdict.outcome.max(action.outcome());
    }

    fn tell(&mut self, rule: &str) {
        let taken = self.evaluation.meter.taken();
        (self.tell)(rule, taken - self.told);
        self.told = taken;
    }
}
