//! With which rights a source is read: the credentials of its store, the URL of its database; and the keys of webhooks and URLs of lookups. They come from files or from the
//! environment of this process, never from the ledger.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use chancery_api::TABLE_URL;
use chancery_reading::{Credentials, Database, ReadError, Table, TableSource};

use crate::pass_file::{self, PassFileError};

mod asking;
mod service;
pub use asking::WebhookAccess;
pub use service::ServiceAccess;

/// The variables, and the keys of Secrets, with the credentials of stores.
pub const VARIABLES: [&str; 10] =
    [ID, SECRET, TOKEN, GOOGLE_KEY, GOOGLE_KEY_FILE, AZURE_ACCOUNT, AZURE_KEY, AZURE_SAS, WEBHOOK, LOOKUP];

const ID: &str = "AWS_ACCESS_KEY_ID";
const SECRET: &str = "AWS_SECRET_ACCESS_KEY";
const TOKEN: &str = "AWS_SESSION_TOKEN";
const GOOGLE_KEY: &str = "GOOGLE_SERVICE_ACCOUNT_KEY";
/// In the environment only: it names a file.
const GOOGLE_KEY_FILE: &str = "GOOGLE_APPLICATION_CREDENTIALS";
const AZURE_ACCOUNT: &str = "AZURE_STORAGE_ACCOUNT";
const AZURE_KEY: &str = "AZURE_STORAGE_KEY";
const AZURE_SAS: &str = "AZURE_STORAGE_SAS_TOKEN";

/// In the environment only: the key by which requests to webhooks are signed.
const WEBHOOK: &str = "CHANCERY_WEBHOOK_SECRET";
/// In the environment only: the URL of the database that lookups ask.
const LOOKUP: &str = "CHANCERY_LOOKUP_URL";

/// In a folder of a source: the authorities that vouch for its store.
const AUTHORITIES: &str = "ca.crt";

/// With what a store is asked.
#[derive(Clone, Debug, Default)]
pub struct StoreAccess {
    /// With which rights.
    pub credentials: Credentials,
    /// The authorities that vouch for it, PEM, in the place of the public ones.
    pub authorities: Option<String>,
}

/// Where the rights come from.
#[derive(Clone, Debug)]
pub enum Access {
    /// The environment of this process, for all sources; tables by the URL of the manifest, and a file of passwords.
    Environment,
    /// A folder of folders, each with the name of a source, with a file for each key of its Secret. Sources without one have
    /// no rights. Nothing that only this machine offers is read: others asked for it.
    Folder(PathBuf),
}

/// Why there are none.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// A file that cannot be read.
    #[error("the credentials in {file} cannot be read: {reason}; wanted are the files {wanted}")]
    File {
        /// Which.
        file: String,
        /// Why not.
        reason: io::Error,
        /// What belongs there.
        wanted: &'static str,
    },
    /// One part without the other.
    #[error("{missing} is not set, and {given} is; set both, or neither")]
    Half {
        /// What there is.
        given: &'static str,
        /// What there is not.
        missing: &'static str,
    },
    /// A table without a URL.
    #[error(
        "table.url is missing; give postgres://USER@HOST/DATABASE: without a cluster, table.urlSecretRef names nothing"
    )]
    NoUrl,
    /// A password in a manifest.
    #[error("table.url holds a password; write it into the file that PGPASSFILE names, or into ~/.pgpass")]
    PasswordInUrl,
    /// A table that is read by this machine's own user.
    #[error("the URL of the table leads to a Unix socket, which would let in whoever reads it; name a host")]
    BySocket,
    /// The file of passwords.
    #[error(transparent)]
    PassFile(#[from] PassFileError),
    /// What the description or the URL has wrong.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl Access {
    /// With what the store of a source of objects is asked, by its URL.
    ///
    /// # Errors
    ///
    /// Some of them are there, and others, which belong to them, are not.
    pub fn store(&self, source: &str, url: &str) -> Result<StoreAccess, AccessError> {
        let wanted = match url.split_once("://").map(|(scheme, _)| scheme) {
            Some("s3") => "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
            Some("gs") => "GOOGLE_SERVICE_ACCOUNT_KEY",
            Some("az") => "AZURE_STORAGE_ACCOUNT and either AZURE_STORAGE_KEY or AZURE_STORAGE_SAS_TOKEN",
            _ => return Ok(StoreAccess::default()),
        };
        let folder = match self {
            Self::Environment => {
                let authorities = if url.starts_with("s3://") { authorities_of_s3()? } else { None };
                return Ok(StoreAccess { credentials: of_store(url, from_environment)?, authorities });
            }
            Self::Folder(folder) => folder.join(source),
        };
        if !folder.exists() {
            return Ok(StoreAccess::default());
        }
        let authorities = from_file(&folder, AUTHORITIES, wanted)?;
        match of_store(url, |name| from_file(&folder, name, wanted))? {
            // A public bucket may have a private authority.
            Credentials::Anonymous if authorities.is_none() => Err(AccessError::File {
                file: folder.display().to_string(),
                reason: io::ErrorKind::NotFound.into(),
                wanted,
            }),
            credentials => Ok(StoreAccess { credentials, authorities }),
        }
    }

    /// Opens the table of a source, of which the manifest may say the URL. Nothing is asked of it yet.
    ///
    /// # Errors
    ///
    /// [`AccessError`].
    pub fn table(&self, source: &str, url: Option<&str>, table: &Table) -> Result<TableSource, AccessError> {
        TableSource::at(self.database(source, url)?, table).map_err(|error| AccessError::Read(error.into()))
    }

    /// Opens the database of the table of a source or of a sink, of which the manifest may say the URL. Nothing is asked of it yet.
    ///
    /// # Errors
    ///
    /// [`AccessError`].
    pub fn database(&self, name: &str, url: Option<&str>) -> Result<Database, AccessError> {
        let opened = |url: &str| Database::open(url).map_err(|error| AccessError::Read(error.into()));
        match self {
            Self::Environment => {
                let opened = opened(url.ok_or(AccessError::NoUrl)?)?;
                if opened.login().has_password {
                    return Err(AccessError::PasswordInUrl);
                }
                Ok(match pass_file::password(opened.login())? {
                    Some(password) => opened.with_password(&password),
                    None => opened,
                })
            }
            Self::Folder(folder) => {
                let file = folder.join(name).join(TABLE_URL);
                let url = fs::read_to_string(&file).map_err(|reason| AccessError::File {
                    file: file.display().to_string(),
                    reason,
                    wanted: TABLE_URL,
                })?;
                let opened = opened(&url)?;
                if opened.is_by_socket() { Err(AccessError::BySocket) } else { Ok(opened) }
            }
        }
    }
}

type Given = Result<Option<String>, AccessError>;

/// The credentials for the store of a URL, of what is given by name.
fn of_store(url: &str, given: impl Fn(&'static str) -> Given) -> Result<Credentials, AccessError> {
    let half = |given, missing| Err(AccessError::Half { given, missing });
    if url.starts_with("gs://") {
        return Ok(match given(GOOGLE_KEY)? {
            Some(key) => Credentials::GoogleServiceAccount { key },
            None => given(GOOGLE_KEY_FILE)?
                .map_or(Credentials::Anonymous, |key| Credentials::GoogleServiceAccount { key }),
        });
    }
    if url.starts_with("az://") {
        return match (given(AZURE_ACCOUNT)?, given(AZURE_KEY)?, given(AZURE_SAS)?) {
            (Some(account), Some(key), _) => Ok(Credentials::AzureKey { account, key }),
            (Some(account), None, Some(token)) => Ok(Credentials::AzureSas { account, token }),
            // Whose container it is may be said by an endpoint just as well.
            (_, None, None) => Ok(Credentials::Anonymous),
            (None, Some(_), _) => half(AZURE_KEY, AZURE_ACCOUNT),
            (None, None, Some(_)) => half(AZURE_SAS, AZURE_ACCOUNT),
        };
    }
    match (given(ID)?, given(SECRET)?, given(TOKEN)?) {
        (Some(id), Some(secret), token) => Ok(Credentials::AccessKey { id, secret, token }),
        (None, None, _) => Ok(Credentials::Anonymous),
        (Some(_), None, _) => half(ID, SECRET),
        (None, Some(_), _) => half(SECRET, ID),
    }
}

/// A variable that is set to nothing is not set.
fn from_environment(name: &'static str) -> Given {
    let value = match name {
        ID => env::var("AWS_ACCESS_KEY_ID"),
        SECRET => env::var("AWS_SECRET_ACCESS_KEY"),
        TOKEN => env::var("AWS_SESSION_TOKEN"),
        GOOGLE_KEY => env::var("GOOGLE_SERVICE_ACCOUNT_KEY"),
        AZURE_ACCOUNT => env::var("AZURE_STORAGE_ACCOUNT"),
        AZURE_KEY => env::var("AZURE_STORAGE_KEY"),
        AZURE_SAS => env::var("AZURE_STORAGE_SAS_TOKEN"),
        WEBHOOK => env::var("CHANCERY_WEBHOOK_SECRET"),
        LOOKUP => env::var("CHANCERY_LOOKUP_URL"),
        _ => env::var("GOOGLE_APPLICATION_CREDENTIALS"),
    };
    let Some(value) = value.ok().filter(|value| !value.is_empty()) else { return Ok(None) };
    if name != GOOGLE_KEY_FILE {
        return Ok(Some(value));
    }
    let wanted = "of GOOGLE_APPLICATION_CREDENTIALS, with the JSON key of a service account";
    fs::read_to_string(&value).map(Some).map_err(|reason| AccessError::File { file: value, reason, wanted })
}

/// As the command line of Amazon takes them.
fn authorities_of_s3() -> Given {
    let Some(file) = env::var("AWS_CA_BUNDLE").ok().filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    let wanted = "of AWS_CA_BUNDLE, with certificates in PEM";
    fs::read_to_string(&file).map(Some).map_err(|reason| AccessError::File { file, reason, wanted })
}

fn from_file(folder: &Path, name: &'static str, wanted: &'static str) -> Given {
    let file = folder.join(name);
    match fs::read_to_string(&file) {
        Ok(text) => Ok(Some(text.trim_end().to_owned()).filter(|text| !text.is_empty())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(reason) => Err(AccessError::File { file: file.display().to_string(), reason, wanted }),
    }
}

#[cfg(test)]
mod tests;
