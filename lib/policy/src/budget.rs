//! What expressions may take.

use std::fmt;

/// Steps that the expressions of a policy may take together for one record. An expression that would take more fails,
/// whatever `failurePolicy` says: else a record that is made for it would pass unjudged. It is no time, so that the same
/// record fails on every machine, or on none.
pub const RECORD_STEPS: u64 = 10_000_000;

/// The longest text, in bytes, that an expression makes.
pub const MOST_TEXT: usize = 1024 * 1024;

/// The greatest cost that one expression may have by estimate, for a record of 1 MiB.
pub const EXPRESSION_COST: f64 = 100e6;

/// The greatest cost that all expressions of a policy may have together.
pub const POLICY_COST: f64 = 1e9;

/// Why an expression has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It fails for this record.
    Says(Box<str>),
    /// It needs an answer that is not there yet.
    Unanswered(Box<str>),
    /// It would take more than the budget.
    OverBudget,
}

impl Failure {
    pub(crate) fn says(why: impl Into<String>) -> Self {
        Self::Says(why.into().into_boxed_str())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Says(why) | Self::Unanswered(why) => f.write_str(why),
            Self::OverBudget => write!(f, "the record takes more than {RECORD_STEPS} steps of the policy"),
        }
    }
}

/// What is left of a budget.
#[derive(Debug)]
pub(crate) struct Meter {
    left: u64,
}

impl Meter {
    pub(crate) fn full() -> Self {
        Self { left: RECORD_STEPS }
    }

    /// Steps that were taken.
    pub(crate) fn taken(&self) -> u64 {
        RECORD_STEPS - self.left
    }

    /// Takes so many steps.
    #[inline]
    pub(crate) fn steps(&mut self, steps: u64) -> Result<(), Failure> {
        match self.left.checked_sub(steps) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => {
                self.left = 0;
                Err(Failure::OverBudget)
            }
        }
    }

    /// Looks at so many bytes.
    #[inline]
    pub(crate) fn read(&mut self, bytes: usize) -> Result<(), Failure> {
        self.steps(bytes as u64 / 16)
    }

    /// Makes a text of so many bytes: these stay in memory, so they count for more.
    pub(crate) fn make(&mut self, bytes: usize) -> Result<(), Failure> {
        if bytes > MOST_TEXT {
            return Err(Failure::says(format!(
                "a text of {bytes} bytes would be made, and 1 MiB is the most"
            )));
        }
        self.steps(bytes as u64 / 4)
    }

    /// Makes a list or a map of so many elements.
    pub(crate) fn hold(&mut self, elements: usize) -> Result<(), Failure> {
        self.steps(elements as u64 * 4)
    }
}
