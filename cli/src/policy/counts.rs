//! What became of the records of a test, counted.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chancery_policy::{Outcome, Verdict};
use serde_json::{Value, json};

/// Records by outcome, and rules by how often and for how long.
#[derive(Debug, Default)]
pub(super) struct Counts {
    outcomes: BTreeMap<Outcome, u64>,
    alerted: u64,
    unmatched: u64,
    ignored: u64,
    rules: BTreeMap<String, Rule>,
    names: Vec<String>,
}

/// One rule.
#[derive(Clone, Debug, Default)]
pub(super) struct Rule {
    pub(super) hits: u64,
    pub(super) evaluated: u64,
    pub(super) steps: u64,
    pub(super) time: Duration,
}

impl Counts {
    pub(super) fn add(&mut self, verdict: &Verdict) {
        *self.outcomes.entry(verdict.outcome).or_default() += 1;
        self.unmatched += u64::from(!verdict.matched);
        self.ignored += u64::from(verdict.ignored);
        let is_alert = |hit: &chancery_policy::Hit| hit.action == chancery_policy::HitAction::Alert;
        self.alerted += u64::from(verdict.hits.iter().any(is_alert));
        for hit in &verdict.hits {
            self.rule(&hit.rule).hits += 1;
        }
    }

    /// Notes that a rule was evaluated.
    pub(super) fn note(&mut self, rule: &str, steps: u64, since: &mut Instant) {
        let now = Instant::now();
        let rule = self.rule(rule);
        rule.evaluated += 1;
        rule.steps += steps;
        rule.time += now.duration_since(*since);
        // What writing this down takes is no rule's.
        *since = Instant::now();
    }

    /// The rules, in the order in which they were met.
    pub(super) fn rules(&self) -> impl Iterator<Item = (&str, &Rule)> {
        self.names.iter().filter_map(|name| Some((name.as_str(), self.rules.get(name)?)))
    }

    pub(super) fn of(&self, outcome: Outcome) -> u64 {
        self.outcomes.get(&outcome).copied().unwrap_or(0)
    }

    pub(super) fn as_json(&self) -> Value {
        json!({
            "clean": self.of(Outcome::Clean),
            "flagged": self.of(Outcome::Flagged),
            "rejected": self.of(Outcome::Rejected),
            "failed": self.of(Outcome::Failed),
            "alerted": self.alerted,
            "unmatched": self.unmatched,
            "ignored": self.ignored,
        })
    }

    fn rule(&mut self, name: &str) -> &mut Rule {
        if !self.rules.contains_key(name) {
            self.names.push(name.to_owned());
        }
        self.rules.entry(name.to_owned()).or_default()
    }
}

impl Rule {
    /// Its time for one record, in microseconds.
    pub(super) fn micros(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "it is rounded")]
        let evaluated = self.evaluated.max(1) as f64;
        self.time.as_secs_f64() * 1e6 / evaluated
    }
}
