//! The arguments of the commands about the HTTP API: `chancery serve` and `records`.

use std::path::PathBuf;

use chancery_api::names::DEFAULT_NAMESPACE;
use chancery_gateway::Listen;
use clap::{Args, Subcommand};

use super::Output;
use crate::run_name::GivenRun;

#[derive(Debug, Args)]
pub(crate) struct ServeArguments {
    // No documentation of Rust: there, what is in brackets is a link.
    #[arg(
        help = "Where to listen: 127.0.0.1:PORT, [::1]:PORT or unix:/PATH; with port 0, the system chooses one",
        long,
        env = "CHANCERY_LISTEN",
        default_value = "127.0.0.1:8480",
        value_name = "ADDRESS"
    )]
    pub(crate) listen: Listen,
    /// File with the token that requests have to show [default: DIR/api-token, made when it does not exist]
    #[arg(long, env = "CHANCERY_TOKEN_FILE", value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RecordsCommand {
    /// Push the records of a file to a run; each line of NDJSON is one
    Add {
        /// File with the records; - reads standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Run to push to, as NAME or NAMESPACE/NAME
        #[arg(long, value_name = "RUN")]
        run: GivenRun,
        /// Media type of the file [default: by the end of its name: NDJSON for .ndjson, .jsonl and none, also .json and .csv;
        /// any other is one record]
        #[arg(long, value_name = "TYPE")]
        content_type: Option<String>,
        #[command(flatten)]
        api: ApiArguments,
        /// How the result is written
        #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
        output: Output,
    },
    /// Say that a run has all its records: once they are signed, it is complete
    Seal {
        /// Run to seal, as NAME or NAMESPACE/NAME
        #[arg(value_name = "RUN")]
        run: GivenRun,
        #[command(flatten)]
        api: ApiArguments,
        /// How the result is written
        #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
        output: Output,
    },
}

/// Where the API is.
#[derive(Debug, Args)]
pub(crate) struct ApiArguments {
    /// Where the API is: http://HOST:PORT or unix:/PATH on this machine, or https://HOST:PORT for the gateway of a cluster
    /// [default: what chancery serve says in DIR/api-address]
    #[arg(long, env = "CHANCERY_URL", value_name = "URL")]
    pub(crate) url: Option<String>,
    /// File with the token that is shown, which is read again for each request; has to be given for a cluster
    /// [default: DIR/api-token]
    #[arg(long, env = "CHANCERY_TOKEN_FILE", value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// File with the authorities that may vouch for the gateway of a cluster, PEM [default: those that browsers trust]
    #[arg(long, env = "CHANCERY_CA_FILE", value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Namespace of a run that is named without one
    #[arg(long, env = "CHANCERY_NAMESPACE", default_value = DEFAULT_NAMESPACE, value_name = "NAMESPACE")]
    pub(crate) namespace: String,
}
