//! What the operator is told when it starts.

use std::net::SocketAddr;
use std::path::PathBuf;

use chancery_api::quantity;
use chancery_process::LogFormat;
use chancery_store::{GivenUrl, StoreError};
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::commands::installation;
pub use crate::commands::{MakeSecrets, Migrate, PrepareUninstall, Wait};
use crate::run::allowed::Allowed;
use crate::run::build::pod::SignerSettings;
use crate::run::context::Programs;
use crate::run::delivery_settings::DeliverySettings;
use crate::run::intake_settings::IntakeSettings;
use crate::run::key_files::KeyFiles;
use crate::run::limits::{Bounds, Limits};
use crate::run::pods_template::PodsTemplate;
use crate::run::room::Capacity;
use crate::run::sinks_allowed::SinksAllowed;
use crate::run::sources_allowed::SourcesAllowed;

/// What to do.
#[derive(Debug)]
pub enum Arguments {
    /// Operate, until asked to stop.
    Operate(Box<Operate>),
    /// Something else, once.
    Command(Command),
}

// By hand: clap's own `Option<Operate>` asks for all of it as soon as there is one argument of it, and a variable that a
// command has too, such as DATABASE_URL, is one.
impl FromArgMatches for Arguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        match matches.subcommand_name() {
            Some(_) => Command::from_arg_matches(matches).map(Self::Command),
            None => Operate::from_arg_matches(matches).map(|operate| Self::Operate(Box::new(operate))),
        }
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl CommandFactory for Arguments {
    fn command() -> clap::Command {
        let program = clap::Command::new("chancery-operator")
            .version(env!("CARGO_PKG_VERSION"))
            .about("Reconciles SigningRuns: seeds the ledger, runs the signers, keeps the status up to date")
            .subcommand_negates_reqs(true)
            .args_conflicts_with_subcommands(true);
        Command::augment_subcommands(Operate::augment_args(program)).subcommand_required(false)
    }

    fn command_for_update() -> clap::Command {
        Self::command()
    }
}

impl Parser for Arguments {}

/// What it can do besides operating.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Wait until a SigningRun is complete; fails when it fails, or when it takes too long
    Wait(Wait),
    /// Make the Secrets that an installation needs and does not have
    MakeSecrets(MakeSecrets),
    /// Make the ledger, or bring it up to date, as its owner
    Migrate(Migrate),
    /// Let go of every SigningRun, so that the operator can be uninstalled
    PrepareUninstall(PrepareUninstall),
}

/// How to operate.
#[derive(Debug, Args)]
pub struct Operate {
    /// URL of the ledger's database, by a login of role chancery_operator, or by its owner's, who migrates it too; PGSSLMODE and PGSSLROOTCERT apply
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub database_url: GivenUrl,
    /// URL of the same database for audits, by a login of role chancery_auditor; without it, audits use the
    /// operator's login and take that role on
    #[arg(long, env = "CHANCERY_AUDIT_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub audit_database_url: Option<GivenUrl>,
    /// File with the key-encryption key, 32 bytes, raw or in base64; read again whenever it is used
    #[arg(long, env = "CHANCERY_KEK_FILE", value_name = "FILE")]
    pub kek_file: PathBuf,
    /// File with a former key-encryption key, which keyrings may still be wrapped with; may be given several times
    #[arg(long, env = "CHANCERY_FORMER_KEK_FILES", value_delimiter = ',', value_name = "FILE")]
    pub former_kek_file: Vec<PathBuf>,
    /// File with the key that signs statements about runs: Ed25519, PKCS#8 in PEM; read again whenever it is used. Without
    /// it, none are made
    #[arg(long, env = "CHANCERY_STATEMENT_KEY_FILE", value_name = "FILE")]
    pub statement_key: Option<PathBuf>,
    /// Namespaces whose runs are reconciled; all of them if none is given
    #[arg(
        long = "namespace",
        env = "CHANCERY_WATCH_NAMESPACES",
        value_delimiter = ',',
        value_name = "NAMESPACE"
    )]
    pub namespaces: Vec<String>,
    /// Namespace of this pod, where the leader's Lease is
    #[arg(long, env = "POD_NAMESPACE", value_name = "NAMESPACE")]
    pub pod_namespace: String,
    /// Name of this pod, shown in the leader's Lease
    #[arg(long, env = "POD_NAME", default_value = "chancery-operator", value_name = "NAME")]
    pub pod_name: String,
    /// Uid of this pod, by which the leader's Lease goes with it
    #[arg(long, env = "POD_UID", value_name = "UID")]
    pub pod_uid: Option<String>,
    /// Name of the leader's Lease
    #[arg(long, env = "CHANCERY_LEASE_NAME", default_value = "chancery-operator", value_name = "NAME")]
    pub lease_name: String,
    /// Where /metrics is served
    #[arg(long, env = "CHANCERY_LISTEN", default_value = "0.0.0.0:8080", value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// Where /healthz and /readyz are served: a port of their own, so that nothing keeps a kubelet waiting
    #[arg(long, env = "CHANCERY_LISTEN_FOR_PROBES", default_value = "0.0.0.0:8081", value_name = "ADDRESS")]
    pub listen_for_probes: SocketAddr,
    /// Image of the signer pods
    #[arg(long, env = "CHANCERY_SIGNER_IMAGE", value_name = "IMAGE")]
    signer_image: String,
    /// When the image is pulled: Always, IfNotPresent or Never
    #[arg(
        long,
        env = "CHANCERY_SIGNER_IMAGE_PULL_POLICY",
        default_value = "IfNotPresent",
        value_parser = ["Always", "IfNotPresent", "Never"]
    )]
    signer_image_pull_policy: String,
    /// URL by which signers reach the ledger's database, if it is another than the operator's; the login of their run takes
    /// the place of the one in it
    #[arg(long, env = "CHANCERY_SIGNER_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    signer_database_url: Option<GivenUrl>,
    /// PGSSLMODE of the signers
    #[arg(long, env = "CHANCERY_SIGNER_PGSSLMODE", value_name = "MODE")]
    signer_pg_sslmode: Option<String>,
    /// File with the CA that signers check the database's certificate by, which they are given in their Secret
    #[arg(long, env = "CHANCERY_SIGNER_CA_FILE", value_name = "FILE")]
    signer_ca_file: Option<PathBuf>,
    /// ServiceAccount of signer pods, in the run's namespace; they are given no API token
    #[arg(long, env = "CHANCERY_SIGNER_SERVICE_ACCOUNT", value_name = "NAME")]
    signer_service_account: Option<String>,
    /// What spec.signerTemplate may ask for, as JSON: lists named as in signer.allowed of the chart's values
    #[arg(long, env = "CHANCERY_SIGNER_ALLOWED", default_value = "{}", value_name = "JSON")]
    signer_allowed: Allowed,
    /// Image of the intake pods, which read the sources of a run
    #[arg(long, env = "CHANCERY_INTAKE_IMAGE", value_name = "IMAGE")]
    intake_image: String,
    /// ServiceAccount of intake pods, in the run's namespace; they are given no API token
    #[arg(long, env = "CHANCERY_INTAKE_SERVICE_ACCOUNT", value_name = "NAME")]
    intake_service_account: Option<String>,
    /// Splits that an intake reads at the same time, in some 20 MiB of memory each
    #[arg(long, env = "CHANCERY_INTAKE_READERS", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    intake_readers: u16,
    /// How intake pods are made, as JSON: fields named as in intake.template of the chart's values
    #[arg(long, env = "CHANCERY_INTAKE_TEMPLATE", default_value = "{}", value_name = "JSON")]
    intake_template: PodsTemplate,
    /// What the sources of a run may name, as JSON: lists named as in intake.allowed of the chart's values
    #[arg(long, env = "CHANCERY_INTAKE_ALLOWED", default_value = "{}", value_name = "JSON")]
    intake_allowed: SourcesAllowed,
    /// Image of the delivery pods, which bring signed batches to the sinks of a run
    #[arg(long, env = "CHANCERY_DELIVERY_IMAGE", value_name = "IMAGE")]
    delivery_image: String,
    /// ServiceAccount of delivery pods, in the run's namespace; they are given no API token
    #[arg(long, env = "CHANCERY_DELIVERY_SERVICE_ACCOUNT", value_name = "NAME")]
    delivery_service_account: Option<String>,
    /// Senders to each sink. Each has a batch on its way, with its content in memory; to a folder or a store up to eight, as long as these
    /// have no more than 2 MiB
    #[arg(long, env = "CHANCERY_DELIVERY_SENDERS", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    delivery_senders: u16,
    /// How delivery pods are made, as JSON: fields named as in delivery.template of the chart's values
    #[arg(long, env = "CHANCERY_DELIVERY_TEMPLATE", default_value = "{}", value_name = "JSON")]
    delivery_template: PodsTemplate,
    /// What the sinks of a run may name, as JSON: lists named as in delivery.allowed of the chart's values
    #[arg(long, env = "CHANCERY_DELIVERY_ALLOWED", default_value = "{}", value_name = "JSON")]
    delivery_allowed: SinksAllowed,
    /// URL of the gateway, to which programs push the records of runs with the source http; without it, such runs are refused
    #[arg(long, env = "CHANCERY_GATEWAY_URL", value_name = "URL")]
    gateway_url: Option<String>,
    /// What a run, and a namespace, may have, as JSON: named as in limits of the chart's values; 0 is no limit
    #[arg(long, env = "CHANCERY_LIMITS", default_value = "{}", value_name = "JSON")]
    limits: Limits,
    /// Size of the disk of the ledger's database, such as 100Gi; without it, nothing waits for room
    #[arg(long, env = "CHANCERY_DATABASE_CAPACITY", value_parser = quantity::bytes, value_name = "SIZE")]
    database_capacity: Option<i64>,
    /// What of that size stays free: below it, no records are made; a tenth unless given
    #[arg(
        long,
        env = "CHANCERY_DATABASE_FLOOR",
        requires = "database_capacity",
        value_parser = quantity::bytes,
        value_name = "SIZE"
    )]
    database_floor: Option<i64>,
    /// How log lines are written; RUST_LOG sets which
    #[arg(long, env = "CHANCERY_LOG_FORMAT", value_enum, default_value_t)]
    pub log_format: LogFormat,
}

impl Operate {
    /// As it stands in the runs that this installation operates.
    pub(crate) fn installation(&self) -> String {
        installation(&self.pod_namespace, &self.lease_name)
    }

    /// The files with keys.
    pub(crate) fn key_files(&self) -> KeyFiles {
        KeyFiles {
            kek: self.kek_file.clone(),
            former_keks: self.former_kek_file.clone(),
            statement_key: self.statement_key.clone(),
        }
    }

    /// Up to where runs may go.
    pub(crate) fn bounds(&self) -> Bounds {
        let capacity = self.database_capacity.map(|bytes| Capacity::new(bytes, self.database_floor));
        Bounds { limits: self.limits, capacity }
    }

    /// How the programs are made that work for runs.
    ///
    /// # Errors
    ///
    /// [`StoreError`] for a URL of their database that cannot be read.
    pub(crate) fn programs(&self) -> Result<Programs, StoreError> {
        let signer = self.signer_settings()?;
        Ok(Programs { signer, intake: self.intake_settings(), delivery: self.delivery_settings() })
    }

    fn delivery_settings(&self) -> DeliverySettings {
        DeliverySettings {
            image: self.delivery_image.clone(),
            service_account: self.delivery_service_account.clone(),
            senders: self.delivery_senders,
            template: self.delivery_template.clone(),
            allowed: self.delivery_allowed.clone(),
        }
    }

    fn intake_settings(&self) -> IntakeSettings {
        IntakeSettings {
            image: self.intake_image.clone(),
            service_account: self.intake_service_account.clone(),
            readers: self.intake_readers,
            template: self.intake_template.clone(),
            allowed: self.intake_allowed.clone(),
            gateway_url: self.gateway_url.clone().filter(|url| !url.is_empty()),
        }
    }

    fn signer_settings(&self) -> Result<SignerSettings, StoreError> {
        Ok(SignerSettings {
            image: self.signer_image.clone(),
            image_pull_policy: self.signer_image_pull_policy.clone(),
            database_url: self.signer_database_url.as_ref().unwrap_or(&self.database_url).read()?,
            service_account: self.signer_service_account.clone(),
            ssl_mode: self.signer_pg_sslmode.clone(),
            ca_file: self.signer_ca_file.clone(),
            otlp_endpoint: std::env::var("OTEL_EXPORTER_OTLP_ENDPOINT").ok().filter(|text| !text.is_empty()),
            log_format: self.log_format,
            log_level: std::env::var("RUST_LOG").ok().filter(|text| !text.is_empty()),
            allowed: self.signer_allowed.clone(),
        })
    }
}
