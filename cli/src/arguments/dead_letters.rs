//! The arguments of `chancery dead-letters`.

use std::time::Duration;

use chancery_api::LeaseDuration;
use clap::{Args, Subcommand, ValueEnum};

use super::{Output, SigningArguments};
use crate::dead_letters::delivery_name::AnyLetter;
use crate::run_name::RunName;

#[derive(Debug, Subcommand)]
pub(crate) enum DeadLettersCommand {
    /// Show the dead letters of a run: where each came from, which step gave it up, why, and what was done with it; or, with --deliveries,
    /// batches that a sink refused
    List {
        /// Run, as NAME or NAMESPACE/NAME
        #[arg(value_name = "RUN")]
        run: RunName,
        #[command(flatten)]
        which: WhichDeadLetters,
        /// How the result is written
        #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
        output: Output,
    },
    /// Show one dead letter whole, with its bytes and what was done with it: as text, or in base64 if they are none
    Show {
        /// Run, as NAME or NAMESPACE/NAME
        #[arg(value_name = "RUN")]
        run: RunName,
        /// Dead letter, as SOURCE/SPLIT/POSITION, or of a delivery as SINK/BATCH
        #[arg(value_name = "LETTER")]
        letter: AnyLetter,
        /// How the result is written
        #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
        output: Output,
    },
    /// Judge dead letters anew, as they were kept: in their own run while that is open, else in another run, which is made as that run was.
    /// With --deliveries, batches that a sink refused are brought to it again
    Redrive(Box<RedriveArguments>),
    /// Remove the bytes of dead letters, which nothing reads again from then on; their counts stay. With --deliveries, batches that a sink
    /// refused are given up for good
    Discard {
        /// Run, as NAME or NAMESPACE/NAME
        #[arg(value_name = "RUN")]
        run: RunName,
        #[command(flatten)]
        which: WhichDeadLetters,
        /// All of them
        #[arg(long, conflicts_with_all = ["stage", "rule", "reason", "source", "older_than", "newer_than", "selector", "sink", "batch"])]
        all: bool,
        /// How the result is written
        #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
        output: Output,
    },
    /// Show who redrove or discarded dead letters of a run, when, and what they became
    Log {
        /// Run, as NAME or NAMESPACE/NAME
        #[arg(value_name = "RUN")]
        run: RunName,
        /// Of deliveries: batches that a sink refused
        #[arg(long)]
        deliveries: bool,
        /// How the result is written
        #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
        output: Output,
    },
}

#[derive(Debug, Args)]
pub(crate) struct RedriveArguments {
    /// Run, as NAME or NAMESPACE/NAME
    #[arg(value_name = "RUN")]
    pub(crate) run: RunName,
    /// Name of another run that reads them, in the namespace of the first; asked again, it goes on with what it was given
    /// [default: the run itself, while it is open]
    #[arg(long, value_name = "NAME", conflicts_with = "deliveries")]
    pub(crate) into: Option<String>,
    #[command(flatten)]
    pub(crate) which: WhichDeadLetters,
    #[command(flatten)]
    pub(crate) signing: SigningArguments,
    /// How the result is written; yaml signs nothing, and writes the manifest of the run that reads them: for
    /// `kubectl apply -f -` where a SigningRun has made the run, for `chancery run -f -` elsewhere
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) output: RedriveOutput,
}

/// Which dead letters of a run are meant: all that are not left out.
#[derive(Debug, Args)]
pub(crate) struct WhichDeadLetters {
    /// Only those that this step gave up, such as Parse, Frame or Policy
    #[arg(long, value_name = "STAGE")]
    pub(crate) stage: Option<String>,
    /// Only those for which this rule of the run's policy failed
    #[arg(long, value_name = "RULE")]
    pub(crate) rule: Option<String>,
    /// Only those with this text in their reason
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Only those of this source
    #[arg(long, value_name = "SOURCE")]
    pub(crate) source: Option<String>,
    /// Only those that arrived so long ago, or longer, such as 24h
    #[arg(long, value_parser = duration, value_name = "DURATION")]
    pub(crate) older_than: Option<Duration>,
    /// Only those that arrived less long ago, such as 24h
    #[arg(long, value_parser = duration, value_name = "DURATION")]
    pub(crate) newer_than: Option<Duration>,
    /// Only those for which this CEL expression is true: over `record`, the payload as JSON, and `source`, `split`, `position`, `stage`,
    /// `rule`, `reason`, `arrivedAt`, `age`, `bytes` and `attempts`
    #[arg(long, value_name = "EXPRESSION")]
    pub(crate) selector: Option<String>,
    #[command(flatten)]
    pub(crate) of_deliveries: OfDeliveries,
}

/// Which dead letters of deliveries are meant, if those are.
#[derive(Debug, Args)]
pub(crate) struct OfDeliveries {
    /// Those of deliveries: batches that a sink refused as often as it may
    #[arg(long, conflicts_with_all = ["stage", "rule", "source", "older_than", "newer_than", "selector"])]
    pub(crate) deliveries: bool,
    /// Of those of deliveries, only those to this sink
    #[arg(long, requires = "deliveries", value_name = "SINK")]
    pub(crate) sink: Option<String>,
    /// Of those of deliveries, only those of this batch
    #[arg(long, requires = "deliveries", value_name = "NUMBER")]
    pub(crate) batch: Option<i64>,
}

/// How the result of a redrive is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum RedriveOutput {
    /// A table
    #[default]
    Table,
    /// One JSON object, as the last line
    Json,
    /// The manifest
    Yaml,
}

fn duration(text: &str) -> Result<Duration, String> {
    LeaseDuration::new(text).to_std().map_err(|reason| reason.to_string())
}
