//! Rows of a PostgreSQL table that signed records become, as a person asks for it.

#![allow(unreachable_pub, reason = "`KubeSchema` repeats the type, with its visibility, inside a function")]

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::source::SecretKeyRef;

/// A PostgreSQL table that signed records are written to.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.url) || has(self.urlSecretRef)")
        .message("give urlSecretRef, the Secret with the URL of the database, or, for `chancery run`, the URL itself, without a password")
        .field_path(".url"),
)]
pub struct TableSink {
    /// The database: `postgres://USER@HOST/DATABASE`, without a password. For `chancery run`, which
    /// takes the password from the file that PGPASSFILE names, or from `~/.pgpass`; a cluster
    /// wants urlSecretRef.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 1024))]
    #[x_kube(validation = Rule::new("!self.matches('^[A-Za-z]+://[^/?#@]*:[^/?#@]*@') && !self.matches('[?&]password=')")
        .message("must not hold a password; write it into the file that PGPASSFILE names, or the whole URL into a Secret that urlSecretRef names"))]
    pub url: Option<String>,

    /// The key of a Secret of the run's namespace that holds the URL of the database, with the
    /// password: `postgres://USER:PASSWORD@HOST/DATABASE`. `chancery run` has no Secrets, and takes url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "SecretKeyRef")]
    pub url_secret_ref: Option<SecretKeyRef>,

    /// The table, with its schema, such as `public.signed`. It has to be there, and so has a table of manifests with `_manifests` behind
    /// its name. Letters are taken as they are written.
    #[schemars(length(min = 3, max = 117))]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z_][A-Za-z0-9_]{0,62}[.][A-Za-z_][A-Za-z0-9_]{0,52}$')")
        .message("must be a schema and a table of letters, digits and underscores, such as public.signed, the table of at most 53"))]
    pub table: String,
}
