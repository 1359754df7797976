//! One record, judged: match conditions, schema, validations, scores, webhooks, thresholds, enrichments.

use chancery_api::{ActionSpec, FailurePolicy, Unmatched, WebhookAdds};
use serde_json::Value as Json;

use crate::answers::{Answers, Wants, WebhookAnswer};
use crate::arrival::Arrival;
use crate::budget::Failure;
use crate::enrich::Fields;
use crate::evaluate::Evaluation;
use crate::json;
use crate::policy::{Hook, Policy, Rule, Validation};
use crate::value::Value;
use crate::verdict::{Hit, HitAction, Outcome, SCHEMA, THRESHOLDS, UNMATCHED, Verdict};

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

    /// Whether the policy is for the record.
    fn matches(&mut self) -> bool {
        let policy = self.policy;
        let mut failures = Vec::new();
        for Rule { name, expression } in &policy.conditions {
            let matches = self.evaluation.truth(expression);
            self.tell(name);
            match matches {
                Ok(true) => {}
                Ok(false) => return self.is_unmatched(),
                Err(failure) => failures.push((name, failure)),
            }
        }
        for (name, failure) in &failures {
            self.failed(name, failure, policy.failure_policy);
        }
        match (failures.is_empty(), self.verdict.outcome) {
            (true, _) => true,
            (false, Outcome::Failed) => false,
            // A policy is not for a record of which it cannot be said that it is.
            (false, _) => self.is_unmatched(),
        }
    }

    fn is_unmatched(&mut self) -> bool {
        self.verdict.matched = false;
        if self.policy.unmatched == Unmatched::Reject {
            self.hit(UNMATCHED, HitAction::Reject, "no matchConditions of the policy are for it");
        }
        false
    }

    fn is_as_the_schema_says(&mut self) -> bool {
        let Some(schema) = &self.policy.schema else { return true };
        let broken = match self.record {
            Ok(record) => schema.broken(record, &mut self.evaluation.meter),
            Err(why) => Ok(Some(why.clone())),
        };
        match broken {
            Ok(None) => {}
            Ok(Some(message)) => self.hit(SCHEMA, HitAction::Reject, &message),
            Err(failure) => self.failed(SCHEMA, &failure, FailurePolicy::Fail),
        }
        self.tell(SCHEMA);
        self.verdict.hits.is_empty()
    }

    fn validate(&mut self, validation: &'a Validation) {
        let Validation { rule, message, message_expression, action } = validation;
        match self.evaluation.truth(&rule.expression) {
            Ok(true) => {}
            Ok(false) => {
                let said = message_expression.as_ref().map(|expression| self.evaluation.value(expression));
                match said {
                    Some(Ok(Value::Text(text))) if !text.trim().is_empty() => {
                        self.hit(&rule.name, of_action(*action), &text);
                    }
                    _ => self.hit(&rule.name, of_action(*action), message),
                }
            }
            Err(failure) => self.failed(&rule.name, &failure, self.policy.failure_policy),
        }
        self.tell(&rule.name);
    }

    fn webhook(&mut self, hook: &Hook) {
        let Hook { name, adds, failure_policy } = hook;
        let Some(answer) = self.answers.webhooks.get(name) else {
            self.unasked.push(name.clone());
            return self.failed(name, &Failure::Unanswered("it was not asked".into()), FailurePolicy::Fail);
        };
        let WebhookAnswer { failed, score, action, message, fields } = answer;
        if let Some(why) = failed {
            return self.failed(name, &Failure::says(why.as_str()), *failure_policy);
        }
        match adds {
            WebhookAdds::Score => self.points(name, score.unwrap_or(0), message.as_deref()),
            WebhookAdds::Verdict => {
                if let Some(action) = action {
                    self.hit(name, of_action(*action), message.as_deref().unwrap_or("the webhook says so"));
                }
            }
            WebhookAdds::Fields => self.fields.add_all(fields),
        }
    }

    fn weigh(&mut self) {
        let Some(thresholds) = &self.policy.thresholds else { return };
        let score = self.verdict.score;
        let reached = |threshold: Option<i32>| threshold.filter(|threshold| score >= i64::from(*threshold));
        if let Some(reject) = reached(thresholds.reject) {
            self.hit(THRESHOLDS, HitAction::Reject, &format!("{score} points, and {reject} reject a record"));
        } else if let Some(flag) = reached(thresholds.flag) {
            self.hit(THRESHOLDS, HitAction::Flag, &format!("{score} points, and {flag} flag a record"));
        }
    }

    fn enrich(&mut self) {
        let policy = self.policy;
        for Rule { name, expression } in &policy.enrichments {
            let value = self.evaluation.value(expression);
            let meter = &mut self.evaluation.meter;
            if let Err(failure) = value.and_then(|value| self.fields.add(name, &value, meter)) {
                self.failed(name, &failure, policy.failure_policy);
            }
            self.tell(name);
        }
        if self.verdict.outcome > Outcome::Flagged || self.fields.is_empty() {
            return;
        }
        match self.fields.put_into(self.arrival.payload) {
            Ok(payload) => self.verdict.payload = Some(payload),
            Err(failure) => self.failed("enrichments", &failure, FailurePolicy::Fail),
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

fn of_action(action: ActionSpec) -> HitAction {
    match action {
        ActionSpec::Reject => HitAction::Reject,
        ActionSpec::Flag => HitAction::Flag,
        ActionSpec::Alert => HitAction::Alert,
    }
}
