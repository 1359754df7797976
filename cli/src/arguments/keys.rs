//! The arguments of the commands about keys: `chancery keyring`, `kek` and `lease`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Output;
use crate::run_name::RunName;

#[derive(Debug, Subcommand)]
pub(crate) enum KeyringCommand {
    /// Show the keyrings that have a name
    List {
        /// How the result is written
        #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
        output: Output,
    },
    /// Delete a keyring with its keys and the log of their use; refused while it has runs
    Delete {
        /// Keyring to delete, as NAME or NAMESPACE/NAME
        #[arg(value_name = "KEYRING")]
        keyring: RunName,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum KekCommand {
    /// Show how many keyrings each key-encryption key has wrapped, by fingerprint
    Status {
        #[command(flatten)]
        files: KekArguments,
        /// How the result is written
        #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
        output: Output,
    },
    /// Wrap every keyring anew with the key-encryption key of --kek-file; continues one that was interrupted
    ///
    /// Those that --former-kek-file names open what they have wrapped. Signers that are at work go on, and nothing that is
    /// signed changes. Once no keyring is left, the former files are not needed any more.
    Rotate {
        #[command(flatten)]
        files: KekArguments,
        /// How the result is written
        #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
        output: Output,
    },
}

/// Where the key-encryption keys are.
#[derive(Debug, Args)]
pub(crate) struct KekArguments {
    /// File with the key-encryption key: 32 bytes, raw or in base64
    /// [default: DIR/kek]
    #[arg(long, env = "CHANCERY_KEK_FILE", value_name = "FILE")]
    pub(crate) kek_file: Option<PathBuf>,
    /// File with a former key-encryption key, which keyrings may still be wrapped with; may be given several times
    #[arg(long, env = "CHANCERY_FORMER_KEK_FILES", value_delimiter = ',', value_name = "FILE")]
    pub(crate) former_kek_file: Vec<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LeaseCommand {
    /// Show the open leases of the keyring that a run signs with, of all runs that share it
    List {
        /// Run, as NAME or NAMESPACE/NAME
        #[arg(value_name = "RUN")]
        run: RunName,
        /// How the result is written
        #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
        output: Output,
    },
    /// Give back at once what these signers hold in a run
    ///
    /// Only for signers that have ended, process and all: one that lives would go on with a key that another signer has
    /// by then. Without this command, a lease ends by itself once its duration has passed.
    Release {
        /// Run, as NAME or NAMESPACE/NAME
        #[arg(value_name = "RUN")]
        run: RunName,
        /// Signers that have ended, by their names in `chancery lease list`
        #[arg(value_name = "HOLDER", required = true)]
        holders: Vec<String>,
    },
}
