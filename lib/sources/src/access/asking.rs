//! With what the webhooks of a policy are called, and its lookups asked.

use chancery_api::{TABLE_URL, WEBHOOK_SECRET, lookup_folder, notification_folder, webhook_folder};

use super::{AUTHORITIES, Access, AccessError, LOOKUP, WEBHOOK, from_environment, from_file};

/// With what a webhook is called.
#[derive(Clone, Debug, Default)]
pub struct WebhookAccess {
    /// The key by which requests are signed, as it was given.
    pub secret: Option<String>,
    /// The authorities that vouch for it, PEM, in the place of the public ones.
    pub authorities: Option<String>,
}

impl Access {
    /// With what a webhook of the policy is called, by its name.
    ///
    /// # Errors
    ///
    /// It is there, and cannot be read.
    pub fn webhook(&self, name: &str) -> Result<WebhookAccess, AccessError> {
        self.signing(&webhook_folder(name))
    }

    /// With what a notification of the run is told, by its name.
    ///
    /// # Errors
    ///
    /// It is there, and cannot be read.
    pub fn notification(&self, name: &str) -> Result<WebhookAccess, AccessError> {
        self.signing(&notification_folder(name))
    }

    fn signing(&self, folder_name: &str) -> Result<WebhookAccess, AccessError> {
        match self {
            Self::Environment => Ok(WebhookAccess { secret: from_environment(WEBHOOK)?, authorities: None }),
            Self::Folder(folder) => {
                let folder = folder.join(folder_name);
                let read = |file| from_file(&folder, file, WEBHOOK_SECRET);
                Ok(WebhookAccess { secret: read(WEBHOOK_SECRET)?, authorities: read(AUTHORITIES)? })
            }
        }
    }

    /// The URL of the database that a lookup of the policy asks, by the name of the lookup; none if it is not there.
    ///
    /// # Errors
    ///
    /// It is there, and cannot be read.
    pub fn lookup(&self, name: &str) -> Result<Option<String>, AccessError> {
        match self {
            Self::Environment => from_environment(LOOKUP),
            Self::Folder(folder) => from_file(&folder.join(lookup_folder(name)), TABLE_URL, TABLE_URL),
        }
    }

    /// Where the URLs of lookups belong, as a sentence goes on.
    #[must_use]
    pub fn wanted_of_lookups(&self) -> &'static str {
        match self {
            Self::Environment => "set CHANCERY_LOOKUP_URL",
            Self::Folder(_) => "put it into the Secret, under the key, that urlSecretRef names",
        }
    }

    /// Whether others asked for what is read: then no socket of this machine is.
    #[must_use]
    pub const fn is_for_others(&self) -> bool {
        matches!(self, Self::Folder(_))
    }

    /// Where the keys of webhooks belong, as a sentence goes on.
    #[must_use]
    pub fn wanted_of_webhooks(&self) -> &'static str {
        match self {
            Self::Environment => "set CHANCERY_WEBHOOK_SECRET, or leave secretRef out",
            Self::Folder(_) => {
                "put it into the key `secret` of the Secret that secretRef names, or leave secretRef out"
            }
        }
    }
}
