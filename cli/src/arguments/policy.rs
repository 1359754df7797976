//! The arguments of `chancery policy`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::Timestamp;

use super::Output;

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Say what is wrong with a policy, with line and column; 2 if something is
    Check {
        /// File with the policy, and with the ConfigMaps that it reads; - reads standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// How the result is written
        #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
        output: Output,
    },
    /// Judge records by a policy, and show what becomes of each; no webhook is called, and no database is asked
    Test(PolicyTestArguments),
}

#[derive(Debug, Args)]
pub(crate) struct PolicyTestArguments {
    /// File with the policy, and with the ConfigMaps that it reads; - reads standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// File with the records, one on each line
    #[arg(long, value_name = "FILE")]
    pub(crate) records: PathBuf,
    /// File with what webhooks and queries answer, a line of JSON for each record; without it, a rule that needs one fails
    #[arg(long, value_name = "FILE")]
    pub(crate) answers: Option<PathBuf>,
    /// Name of the source that the records are said to come from
    #[arg(long, default_value = "test", value_name = "NAME")]
    pub(crate) source: String,
    /// Instant at which they are said to arrive, such as 2026-01-31T12:00:00Z [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<Timestamp>,
    /// How the result is written
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) output: Output,
}
