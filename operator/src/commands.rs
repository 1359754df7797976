//! What the operator's commands are told, beside operating.

use chancery_store::GivenUrl;
use clap::Args;

/// Which run to wait for.
#[derive(Debug, Args)]
pub struct Wait {
    /// Namespace of the run
    #[arg(long, env = "POD_NAMESPACE", default_value = "default")]
    pub namespace: String,
    /// Name of the run
    #[arg(long, value_name = "NAME")]
    pub run: String,
    /// How long to wait, such as 120s or 5m
    #[arg(long, default_value = "120s", value_name = "DURATION")]
    pub timeout: String,
}

/// Which Secrets to make, unless they are there.
#[derive(Debug, Args)]
pub struct MakeSecrets {
    /// Namespace of the Secrets
    #[arg(long, env = "POD_NAMESPACE", default_value = "default")]
    pub namespace: String,
    /// Name of the release, with which they are labelled
    #[arg(long, value_name = "NAME")]
    pub release: String,
    /// Secret with a key-encryption key: kek
    #[arg(long, value_name = "SECRET")]
    pub kek: Option<String>,
    /// Secret with a key that signs statements: statement.key
    #[arg(long, value_name = "SECRET")]
    pub statement_key: Option<String>,
    /// Secret with the passwords of a PostgreSQL for trying out, and the URLs that hold them
    #[arg(long, value_name = "SECRET", requires = "postgresql_host")]
    pub postgresql: Option<String>,
    /// Host of that PostgreSQL
    #[arg(long, value_name = "HOST")]
    pub postgresql_host: Option<String>,
}

/// Which ledger to migrate.
#[derive(Debug, Args)]
pub struct Migrate {
    /// URL of the ledger's database, as its owner; PGSSLMODE and PGSSLROOTCERT apply
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub database_url: GivenUrl,
    /// URL of the same database as the operator will use it: its login is made, with its password, if the owner may make
    /// roles, and joins the role chancery_operator
    #[arg(long, env = "CHANCERY_OPERATOR_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub operator_database_url: Option<GivenUrl>,
    /// URL of the same database as the gateway will use it: its login is made likewise, and joins the role chancery_gateway
    #[arg(long, env = "CHANCERY_GATEWAY_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub gateway_database_url: Option<GivenUrl>,
}

/// Which operator is to be uninstalled.
#[derive(Debug, Args)]
pub struct PrepareUninstall {
    /// Namespaces whose runs are let go of; all of them if none is given
    #[arg(
        long = "namespace",
        env = "CHANCERY_WATCH_NAMESPACES",
        value_delimiter = ',',
        value_name = "NAMESPACE"
    )]
    pub namespaces: Vec<String>,
    /// Namespace of the operator, where the leader's Lease is
    #[arg(long, env = "POD_NAMESPACE", value_name = "NAMESPACE")]
    pub pod_namespace: String,
    /// Name of the leader's Lease
    #[arg(long, env = "CHANCERY_LEASE_NAME", default_value = "chancery-operator", value_name = "NAME")]
    pub lease_name: String,
}

impl PrepareUninstall {
    /// As it stands in the runs that the installation operates.
    pub(crate) fn installation(&self) -> String {
        installation(&self.pod_namespace, &self.lease_name)
    }
}

/// What is written into the runs that an installation operates: whoever may hold one Lease is one installation.
pub(crate) fn installation(namespace: &str, lease: &str) -> String {
    format!("{namespace}/{lease}")
}
