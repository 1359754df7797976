//! Running a check, and what it came to.

use std::fmt;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use stateright::{Checker, Expectation, HasDiscoveries, Model};

use crate::action::Action;
use crate::model::LeaseModel;

/// What a check came to.
#[derive(Debug)]
pub struct Report {
    /// Different states seen.
    pub states: usize,
    /// States computed, those seen before included.
    pub generated: usize,
    /// Steps from the start to the farthest state.
    pub depth: usize,
    /// How long it took.
    pub took: Duration,
    /// Properties that do not hold, each with the steps that lead to its violation. No steps: something
    /// that ought to be possible is not.
    pub violations: Vec<(&'static str, Vec<Action>)>,
}

impl Report {
    /// The steps that lead to the violation of a property, if it is violated.
    #[must_use]
    pub fn counterexample(&self, property: &str) -> Option<&[Action]> {
        self.violations.iter().find(|(name, _)| *name == property).map(|(_, steps)| steps.as_slice())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { states, generated, depth, took, violations } = self;
        let seconds = took.as_secs_f64();
        write!(f, "{states} states, {generated} steps tried, depth {depth}, {seconds:.1} s")?;
        for (property, steps) in violations {
            write!(f, "\n  VIOLATED: {property}")?;
            for (number, step) in steps.iter().enumerate() {
                write!(f, "\n    {:>2}. {step:?}", number + 1)?;
            }
        }
        Ok(())
    }
}

/// Visits every state.
#[must_use]
pub fn check(model: LeaseModel, threads: NonZeroUsize) -> Report {
    run(model, threads, HasDiscoveries::All)
}

/// Visits states, the nearest first, until a property is violated.
#[must_use]
pub fn find_counterexample(model: LeaseModel) -> Report {
    run(model, NonZeroUsize::MIN, HasDiscoveries::AnyFailures)
}

/// Visits states, the nearest first, until this property is violated, whatever else is violated before.
#[must_use]
pub fn find_counterexample_of(model: LeaseModel, property: &'static str) -> Report {
    run(model, NonZeroUsize::MIN, HasDiscoveries::AnyOf([property].into()))
}

fn run(model: LeaseModel, threads: NonZeroUsize, until: HasDiscoveries) -> Report {
    let began = Instant::now();
    let exhaustive = matches!(until, HasDiscoveries::All);
    let checker = model.checker().threads(threads.get()).finish_when(until).spawn_bfs().join();
    let mut violations = Vec::new();
    for property in checker.model().properties() {
        let discovery = checker.discovery(property.name);
        match (property.expectation, discovery) {
            (Expectation::Sometimes, None) if exhaustive => violations.push((property.name, Vec::new())),
            (Expectation::Always | Expectation::Eventually, Some(path)) => {
                violations.push((property.name, path.into_actions()));
            }
            _ => {}
        }
    }
    Report {
        states: checker.unique_state_count(),
        generated: checker.state_count(),
        depth: checker.max_depth(),
        took: began.elapsed(),
        violations,
    }
}
