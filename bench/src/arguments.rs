//! What every benchmark can be told.

use std::path::PathBuf;

use clap::Parser;

/// Measure, and write one JSON file a measurement; or write the documentation from those files.
#[derive(Clone, Debug, Parser)]
pub struct Arguments {
    /// Only the measurement of this name; may be given again. See --list
    #[arg(long, value_name = "NAME")]
    pub only: Vec<String>,
    /// Show the names of all measurements, and end
    #[arg(long)]
    pub list: bool,
    /// How often the two sides of a ratio are measured, one after the other
    #[arg(long, default_value_t = 3)]
    pub pairs: usize,
    /// Divide the amount of work by this
    #[arg(long, default_value_t = 1)]
    pub divide: u64,
    /// One pair, a thirtieth of the work, fewer steps: under three minutes
    #[arg(long, conflicts_with_all = ["pairs", "divide"])]
    pub quick: bool,
    /// Folder of the results [default: bench/results, or bench/results/quick for less than the whole work]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Measure nothing: write the tables of docs/internals/performance*.md and the charts from the results
    #[arg(long)]
    pub write_docs: bool,
}

/// How much work a measurement may make.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// How often the two sides of a ratio are measured.
    pub pairs: usize,
    /// What the amount of work is divided by.
    pub divide: u64,
    /// Whether steps in the middle are to be left out.
    pub quick: bool,
}

impl Effort {
    /// So many, or the part of it that is to be done; at least `least`.
    #[must_use]
    pub fn of(&self, whole: u64, least: u64) -> u64 {
        (whole / self.divide).max(least)
    }

    /// The steps of something that grows; when in a hurry, the first and the last.
    pub fn steps<T: Copy>(&self, steps: &[T]) -> Vec<T> {
        match steps {
            [first, .., last] if self.quick => vec![*first, *last],
            all => all.to_vec(),
        }
    }
}

impl Arguments {
    pub(crate) fn effort(&self) -> Effort {
        let (pairs, divide) = if self.quick { (1, 30) } else { (self.pairs.max(1), self.divide.max(1)) };
        Effort { pairs, divide, quick: self.quick }
    }

    /// Less than the whole work must not replace results of the whole.
    pub(crate) fn out(&self) -> PathBuf {
        let whole = self.effort().divide == 1;
        let default = || PathBuf::from(if whole { "bench/results" } else { "bench/results/quick" });
        self.out.clone().unwrap_or_else(default)
    }
}
