//! The command line.

use std::path::PathBuf;

use chancery_api::quantity;
use chancery_keyring::Envelope;
use chancery_process::LogFormat;
use chancery_store::GivenUrl;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use uuid::Uuid;

use crate::run_name::RunName;

mod api;
mod dead_letters;
mod keys;
mod policy;

pub(crate) use api::{ApiArguments, RecordsCommand, ServeArguments};
pub(crate) use dead_letters::{
    DeadLettersCommand, OfDeliveries, RedriveArguments, RedriveOutput, WhichDeadLetters,
};
pub(crate) use keys::{KekArguments, KekCommand, KeyringCommand, LeaseCommand};
pub(crate) use policy::{PolicyCommand, PolicyTestArguments};

const EXAMPLES: &str = "\
Examples:
  chancery run -f examples/signingrun.yaml      sign a run, then audit it
  chancery status                               all runs of the ledger
  chancery verify demo                          audit a run again
  chancery export demo signatures > out.jsonl   take the signatures elsewhere
  chancery delete demo                          remove the run with all its data
  chancery verify --keyring invoices            audit a keyring over all its runs
  chancery verify demo --trusted-key KEY.pub    see whether the ledger is what was stated
  chancery prove demo 17 -o proof.json          prove a record to others

Exit codes:
  0    done
  1    an audit found violations, or a defect
  2    input, or a database, that cannot be used as it is; run again once it can
  75   the database went away under way: run again to go on
  78   it will never work as it is set up
  130  stopped by Ctrl-C or SIGTERM: run again to go on";

/// Sign every record of a run exactly once, on one machine.
///
/// A run is declared in a manifest (the same file that `kubectl apply -f` takes): so many random
/// records, so many fresh keys, a batch size. Signers lease the least recently used key, sign a batch
/// with it, and go on until none is left. No key is ever in two signers' hands.
///
/// Without a database URL, a private PostgreSQL is started from the binaries of this machine. It
/// listens on a Unix socket only, keeps its data in .chancery, and is stopped at the end.
#[derive(Debug, Parser)]
#[command(name = "chancery", version, after_help = EXAMPLES, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) database: DatabaseArguments,
    /// How log lines are written; RUST_LOG sets which
    #[arg(
        long,
        global = true,
        env = "CHANCERY_LOG_FORMAT",
        value_enum,
        default_value_t,
        value_name = "FORMAT"
    )]
    pub(crate) log_format: LogFormat,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Where the ledger is.
#[derive(Debug, Args)]
pub(crate) struct DatabaseArguments {
    /// Existing PostgreSQL (15 or newer) to use instead of a private one:
    /// postgres://USER:PASSWORD@HOST:PORT/DATABASE
    #[arg(long, global = true, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub(crate) database_url: Option<GivenUrl>,
    /// Folder of the private PostgreSQL and of the default KEK and statement key files
    #[arg(long, global = true, env = "CHANCERY_DATA_DIR", default_value = ".chancery", value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Sign a run to its end, then audit it; continues one that was interrupted
    Run(RunArguments),
    /// Show how far runs are
    Status(StatusArguments),
    /// Audit a run or a keyring against the laws, from the ledger alone; 1 if one is broken
    Verify(VerifyArguments),
    /// Write a run's records, signatures, keys, leases or statements as newline-delimited JSON
    Export(ExportArguments),
    /// List what could not become a record, and look at it, take it up again or discard it
    #[command(subcommand)]
    DeadLetters(DeadLettersCommand),
    /// Serve the HTTP API of the ledger on this machine: records in, results out
    Serve(ServeArguments),
    /// Push records to a run through the API, or seal one
    #[command(subcommand)]
    Records(RecordsCommand),
    /// Check a policy, or try it on records, without a ledger and without a cluster
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Prove that a record is in a run as that was stated
    Prove(ProveArguments),
    /// Check a proof, without a ledger; 1 if it proves nothing
    CheckProof(CheckProofArguments),
    /// Remove what is past the time for which it is kept: bytes of dead letters, digests of deleted runs, policies of no run
    Gc(GcArguments),
    /// Remove a run with everything stored for it
    Delete(DeleteArguments),
    /// List or delete keyrings that runs share
    #[command(subcommand)]
    Keyring(KeyringCommand),
    /// Show which key-encryption key has wrapped the keyrings, or put another in its place
    #[command(subcommand)]
    Kek(KekCommand),
    /// List who has a run's keys in hand, or give back what dead signers hold
    #[command(subcommand)]
    Lease(LeaseCommand),
    /// Print the SQL that an administrator runs once in a ledger's database: the roles, and who may make logins
    ///
    /// For instance: chancery roles-sql | psql postgres://ADMINISTRATOR@HOST/LEDGER
    RolesSql,
    /// Print a completion script
    ///
    /// For instance: chancery completions bash > ~/.local/share/bash-completion/completions/chancery
    Completions {
        /// Shell to complete in
        shell: Shell,
    },
}

/// How results are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// A table
    #[default]
    Table,
    /// One JSON object, as the last line
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// Manifest of the run; - reads standard input
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) signing: SigningArguments,
    /// How the result is written
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) output: Output,
}

/// How a run is signed on this machine.
#[derive(Debug, Args)]
pub(crate) struct SigningArguments {
    /// Signer processes [default: the manifest's parallelism, at most one a key and batch]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) signers: Option<u32>,
    /// File with the key-encryption key: 32 bytes, raw or in base64
    /// [default: DIR/kek, made when it does not exist]
    #[arg(long, env = "CHANCERY_KEK_FILE", value_name = "FILE")]
    pub(crate) kek_file: Option<PathBuf>,
    /// File with a former key-encryption key, which keyrings may still be wrapped with; may be given several times
    #[arg(long, env = "CHANCERY_FORMER_KEK_FILES", value_delimiter = ',', value_name = "FILE")]
    pub(crate) former_kek_file: Vec<PathBuf>,
    /// File with the key that signs statements about the run: Ed25519, PKCS#8 in PEM
    /// [default: DIR/statement.key, made when it does not exist]
    #[arg(long, env = "CHANCERY_STATEMENT_KEY_FILE", value_name = "FILE")]
    pub(crate) statement_key: Option<PathBuf>,
    /// Do not audit at the end
    #[arg(long)]
    pub(crate) skip_audit: bool,
    /// Take over the run of this name that was made for a SigningRun of a cluster, by the uid of that
    #[arg(long, value_name = "UID")]
    pub(crate) adopt: Option<Uuid>,
    /// Take over the keyring that the run names, which was made for a SigningRun of a cluster, by the uid of that
    #[arg(long, value_name = "UID")]
    pub(crate) adopt_keyring: Option<Uuid>,
    /// Room on the disk of the private PostgreSQL that stays free: below it, no records are made
    /// [default: 1Gi, or a twentieth of the disk if that is less]
    #[arg(long, env = "CHANCERY_DISK_FLOOR", value_parser = quantity::bytes, value_name = "SIZE")]
    pub(crate) disk_floor: Option<i64>,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArguments {
    /// Run to show, as NAME or NAMESPACE/NAME [default: all]
    #[arg(value_name = "RUN")]
    pub(crate) run: Option<RunName>,
    /// How the result is written
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArguments {
    /// Run to audit, as NAME or NAMESPACE/NAME: its own laws, 1 to 3, and 7 if it has sources; and those of its keyring, 4 and 5
    #[arg(value_name = "RUN", required_unless_present = "keyring", conflicts_with = "keyring")]
    pub(crate) run: Option<RunName>,
    /// Keyring to audit over all its runs instead, as NAME or NAMESPACE/NAME: laws 4 and 5
    #[arg(long, value_name = "KEYRING", conflicts_with_all = ["trusted_keys", "statements", "policy"])]
    pub(crate) keyring: Option<RunName>,
    /// Evaluate the run's policy again for every arrival that still has its bytes, and not only for a sample of a thousand
    #[arg(long)]
    pub(crate) policy: bool,
    /// Check the ledger against its statements too: file with a public key that is trusted to sign them, PEM; may be
    /// given several times
    #[arg(long = "trusted-key", value_name = "FILE")]
    pub(crate) trusted_keys: Vec<PathBuf>,
    /// File with statements that were kept outside of the ledger, as `chancery export RUN statements` writes them; may
    /// be given several times
    #[arg(long = "statement", value_name = "FILE", requires = "trusted_keys")]
    pub(crate) statements: Vec<PathBuf>,
    /// How the result is written
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) output: Output,
}

/// What can be exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Exported {
    /// {"record","batch","payload"}: what is to be signed, in base64; from sources also "digest", "source", "split" and
    /// "position"
    Records,
    /// {"source","split","position","state"}: what sources offered, and what became of it: a "record", "duplicateOf", or
    /// "stage" and "reason"
    Arrivals,
    /// {"source","split","position","stage","reason","raw","arrivedAt","sweptAt"}: what could not become a record, in base64
    DeadLetters,
    /// {"record","batch","key","algorithm","signature","signedAt"}: base64; ECDSA as r‖s, EIP191 as r‖s‖v
    Signatures,
    /// {"run","record","batch","digest","payload","key","algorithm","signature","signedAt","envelope","address"}: what other
    /// programs check; "key" as in "jwks", payload and signature in base64, "envelope" finished, "address" of Ethereum keys
    Signed,
    /// {"keys"}: the public keys of the ring as a JWK set (RFC 7517), each named by its thumbprint (RFC 7638)
    Jwks,
    /// {"key","algorithm","publicKey"}: PEM, SubjectPublicKeyInfo
    Keys,
    /// {"lease","key","batch","holder","useSequence","acquiredAt","expiresAt","releasedAt","outcome"}
    Leases,
    /// {"payload","payloadType","signatures"}: what was stated of the run, as DSSE envelopes
    Statements,
}

#[derive(Debug, Args)]
pub(crate) struct ProveArguments {
    /// Run of the record, as NAME or NAMESPACE/NAME
    #[arg(value_name = "RUN")]
    pub(crate) run: RunName,
    /// Number of the record
    #[arg(value_name = "RECORD", value_parser = clap::value_parser!(i64).range(1..))]
    pub(crate) record: i64,
    /// File to write the proof to [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct CheckProofArguments {
    /// Proof to check; - reads standard input
    #[arg(value_name = "PROOF")]
    pub(crate) proof: PathBuf,
    /// File with a public key that is trusted to sign statements, PEM; may be given several times
    #[arg(long = "trusted-key", value_name = "FILE", required = true)]
    pub(crate) trusted_keys: Vec<PathBuf>,
    /// How the result is written
    #[arg(short = 'o', long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArguments {
    /// Run to export, as NAME or NAMESPACE/NAME
    #[arg(value_name = "RUN")]
    pub(crate) run: RunName,
    /// What to write, one JSON object a line
    #[arg(value_enum, value_name = "WHAT")]
    pub(crate) what: Exported,
    /// How what is `signed` is written
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) format: Option<SignedFormat>,
}

/// How signed records are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SignedFormat {
    /// A JSON object a line, the same that sinks get; the default
    Ndjson,
    /// The finished envelope alone, a line each, of a run in the envelope JWS
    Jws,
    /// The same of JWSDetached, without its payload
    JwsDetached,
    /// The same of COSESign1, in base64
    CoseSign1,
    /// The same of DSSE, a JSON object
    Dsse,
    /// The same of EIP191, in hexadecimal
    Eip191,
}

impl SignedFormat {
    /// The envelope that is written alone.
    pub(crate) const fn envelope(self) -> Option<Envelope> {
        match self {
            Self::Ndjson => None,
            Self::Jws => Some(Envelope::Jws),
            Self::JwsDetached => Some(Envelope::JwsDetached),
            Self::CoseSign1 => Some(Envelope::CoseSign1),
            Self::Dsse => Some(Envelope::Dsse),
            Self::Eip191 => Some(Envelope::Eip191),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct GcArguments {
    /// Say what would be removed, and remove nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// How the result is written
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct DeleteArguments {
    /// Run to remove, as NAME or NAMESPACE/NAME
    #[arg(value_name = "RUN")]
    pub(crate) run: RunName,
    /// Remove it even while signers work on it
    #[arg(long)]
    pub(crate) force: bool,
}
