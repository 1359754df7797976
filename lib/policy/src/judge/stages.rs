//! The stages through which a record goes.

use chancery_api::{ActionSpec, FailurePolicy, Unmatched, WebhookAdds};

use super::Judging;
use crate::answers::WebhookAnswer;
use crate::budget::Failure;
use crate::policy::{Hook, Rule, Validation};
use crate::value::Value;
use crate::verdict::{HitAction, Outcome, SCHEMA, THRESHOLDS, UNMATCHED};

impl<'a> Judging<'a, '_> {
    /// Whether the policy is for the record.
    pub(super) fn matches(&mut self) -> bool {
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

    pub(super) fn is_unmatched(&mut self) -> bool {
        self.verdict.matched = false;
        if self.policy.unmatched == Unmatched::Reject {
            self.hit(UNMATCHED, HitAction::Reject, "no matchConditions of the policy are for it");
        }
        false
    }

    pub(super) fn is_as_the_schema_says(&mut self) -> bool {
        let Some(schema) = &self.policy.schema else { return true };
        let broken = match self.record {
            Ok(record) => schema.broken(record, self.arrival.payload.len(), &mut self.evaluation.meter),
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

    pub(super) fn validate(&mut self, validation: &'a Validation) {
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

    pub(super) fn webhook(&mut self, hook: &Hook) {
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

    pub(super) fn weigh(&mut self) {
        let Some(thresholds) = &self.policy.thresholds else { return };
        let score = self.verdict.score;
        let reached = |threshold: Option<i32>| threshold.filter(|threshold| score >= i64::from(*threshold));
        if let Some(reject) = reached(thresholds.reject) {
            self.hit(THRESHOLDS, HitAction::Reject, &format!("{score} points, and {reject} reject a record"));
        } else if let Some(flag) = reached(thresholds.flag) {
            self.hit(THRESHOLDS, HitAction::Flag, &format!("{score} points, and {flag} flag a record"));
        }
    }

    pub(super) fn enrich(&mut self) {
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
}

fn of_action(action: ActionSpec) -> HitAction {
    match action {
        ActionSpec::Reject => HitAction::Reject,
        ActionSpec::Flag => HitAction::Flag,
        ActionSpec::Alert => HitAction::Alert,
    }
}
