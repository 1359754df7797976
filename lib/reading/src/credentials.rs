//! With which rights a store is asked.

/// What a store is shown. Its `Debug` holds no secret.
#[derive(Clone, Default)]
pub enum Credentials {
    /// Nothing: a public bucket, or files.
    #[default]
    Anonymous,
    /// An access key of S3.
    AccessKey {
        /// Its id.
        id: String,
        /// Its secret.
        secret: String,
        /// The token of a session, of keys that are for a time only.
        token: Option<String>,
    },
    /// A service account of Google.
    GoogleServiceAccount {
        /// Its key, as Google gives it: JSON.
        key: String,
    },
    /// An account of Azure, by its key.
    AzureKey {
        /// The account.
        account: String,
        /// One of its keys, in base64.
        key: String,
    },
    /// An account of Azure, by a shared access signature.
    AzureSas {
        /// The account.
        account: String,
        /// The token, as a query of a URL.
        token: String,
    },
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Anonymous => "Anonymous",
            Self::AccessKey { .. } => "AccessKey",
            Self::GoogleServiceAccount { .. } => "GoogleServiceAccount",
            Self::AzureKey { .. } => "AzureKey",
            Self::AzureSas { .. } => "AzureSas",
        })
    }
}
