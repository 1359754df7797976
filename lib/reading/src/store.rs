//! The store of a source, opened with nothing but what the source says: no environment, no machine's own credentials.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{BackoffConfig, ObjectStore, RetryConfig};

use crate::clouds::{self, NoClient};
use crate::credentials::Credentials;
use crate::describe::Objects;
use crate::destination::check_host;
use crate::error::FinalError;
use crate::guarded_http::GuardedConnector;
use crate::location::{Location, shown};
use crate::patterns::Patterns;

/// How a store is asked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Bytes of one request. A reader holds about twice as many.
    pub chunk: usize,
    /// After so long, a request is not repeated any more.
    pub timeout: Duration,
    /// How often a request is repeated before the source counts as not available.
    pub retries: usize,
    /// The authorities that vouch for the store by `https://`, certificates in PEM, in the place of those that browsers believe.
    pub authorities: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { chunk: 4 * 1024 * 1024, timeout: Duration::from_secs(90), retries: 3, authorities: None }
    }
}

/// A source's store.
#[derive(Clone)]
pub struct Store {
    pub(crate) inner: Arc<dyn ObjectStore>,
    pub(crate) source_url: String,
    pub(crate) prefix: Path,
    pub(crate) patterns: Patterns,
    /// The folder that no file may lie outside of.
    pub(crate) folder: Option<PathBuf>,
    /// Listings of Azure leave the quotes out that ETags have elsewhere.
    pub(crate) quotes_tags: bool,
    pub(crate) settings: Settings,
}

/// A store that is written to.
#[derive(Clone)]
pub struct Written {
    /// The store.
    pub store: Arc<dyn ObjectStore>,
    /// Where in it what is written begins.
    pub prefix: Path,
    /// The folder that this is, of files.
    pub folder: Option<PathBuf>,
}

impl std::fmt::Debug for Written {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Written").field(&self.prefix).finish()
    }
}

/// Not what is within: clients hold their credentials, and tell them.
impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Store").field(&self.source_url).finish()
    }
}

impl Store {
    /// Opens the store that a source describes. Nothing is asked of it yet.
    ///
    /// # Errors
    ///
    /// What the description itself has wrong.
    pub fn open(
        objects: &Objects,
        credentials: &Credentials,
        settings: Settings,
    ) -> Result<Self, FinalError> {
        let Objects { url, include, exclude, endpoint, region } = objects;
        let patterns = Patterns::new(include, exclude)?;
        let connector = GuardedConnector::believing(settings.authorities.as_deref());
        let connector =
            connector.map_err(|why| FinalError::BadAuthorities { source_url: url.clone(), why })?;
        let checked_endpoint = || endpoint.as_deref().map(|given| checked(url, given)).transpose();
        let no_client = |why| match why {
            NoClient::Credentials(wanted) => FinalError::WrongCredentials { source_url: url.clone(), wanted },
            NoClient::Account => FinalError::NoAccount { source_url: url.clone() },
            NoClient::Unreadable => FinalError::UnreadableCredentials { source_url: url.clone() },
            NoClient::Other(error) => FinalError::Other { source_url: url.clone(), why: error.to_string() },
        };
        let mut quotes_tags = false;
        let (inner, prefix, folder): (Arc<dyn ObjectStore>, _, _) = match Location::parse(url)? {
            Location::File { path } => {
                if let Some(given) = endpoint {
                    let why = "a source of file:// has none".to_owned();
                    return Err(FinalError::BadEndpoint { given: shown(given), why });
                }
                let folder = PathBuf::from(format!("/{path}"));
                (Arc::new(LocalFileSystem::new()), path, Some(folder))
            }
            Location::S3 { bucket, prefix } => {
                let made = clouds::s3(
                    &bucket,
                    region.as_deref(),
                    checked_endpoint()?,
                    credentials,
                    connector,
                    retry(&settings),
                );
                (made.map_err(no_client)?, prefix, None)
            }
            Location::Google { bucket, prefix } => {
                let made =
                    clouds::google(&bucket, checked_endpoint()?, credentials, connector, retry(&settings));
                (made.map_err(no_client)?, prefix, None)
            }
            Location::Azure { container, prefix } => {
                quotes_tags = true;
                let made =
                    clouds::azure(&container, checked_endpoint()?, credentials, connector, retry(&settings));
                (made.map_err(no_client)?, prefix, None)
            }
        };
        Ok(Self { inner, source_url: url.clone(), prefix, patterns, folder, quotes_tags, settings })
    }

    /// The same for whoever writes there.
    #[must_use]
    pub fn to_write(&self) -> Written {
        let Self { inner, source_url: _, prefix, patterns: _, folder, quotes_tags: _, settings: _ } = self;
        Written { store: Arc::clone(inner), prefix: prefix.clone(), folder: folder.clone() }
    }

    /// A store of somebody else, beginning at a prefix.
    ///
    /// # Errors
    ///
    /// A pattern that cannot be read.
    pub fn with(
        inner: Arc<dyn ObjectStore>,
        objects: &Objects,
        prefix: &str,
        settings: Settings,
    ) -> Result<Self, FinalError> {
        let Objects { url, include, exclude, endpoint: _, region: _ } = objects;
        let patterns = Patterns::new(include, exclude)?;
        let prefix = Path::from(prefix);
        let source_url = url.clone();
        Ok(Self { inner, source_url, prefix, patterns, folder: None, quotes_tags: false, settings })
    }
}

/// What is sent by one request has longer, by its size ([`GuardedConnector`]).
fn retry(settings: &Settings) -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: settings.retries,
        retry_timeout: settings.timeout,
    }
}

fn checked(source_url: &str, given: &str) -> Result<String, FinalError> {
    let bad = |why: &str| FinalError::BadEndpoint { given: shown(given), why: why.to_owned() };
    let url = url::Url::parse(given).map_err(|error| bad(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(bad("it is neither http:// nor https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad("it holds a login, which belongs into credentialsSecretRef"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(bad("it has a `?` or a `#`"));
    }
    let host = url.host_str().unwrap_or_default();
    check_host(host).map_err(|forbidden| FinalError::ForbiddenDestination {
        source_url: source_url.to_owned(),
        why: forbidden.to_string(),
    })?;
    // As it was understood, so that nobody after this understands it otherwise.
    Ok(url.as_str().trim_end_matches('/').to_owned())
}
