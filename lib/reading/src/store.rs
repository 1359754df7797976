//! The store of a source, opened with nothing but what the source says: no environment, no machine's own credentials.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{BackoffConfig, ObjectStore, RetryConfig};

use crate::describe::Objects;
use crate::destination::check_host;
use crate::error::FinalError;
use crate::guarded_http::GuardedConnector;
use crate::listing::Patterns;
use crate::location::{Location, shown};

/// With which rights a store is asked.
#[derive(Clone, Default)]
pub enum Credentials {
    /// None: a public bucket, or files.
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
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Anonymous => "Anonymous",
            Self::AccessKey { .. } => "AccessKey",
        })
    }
}

/// How a store is asked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Bytes of one request. A reader holds about twice as many.
    pub chunk: usize,
    /// How long one request may take, repetitions included.
    pub timeout: Duration,
    /// How often a request is repeated before the source counts as not available.
    pub retries: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { chunk: 4 * 1024 * 1024, timeout: Duration::from_secs(90), retries: 3 }
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
    pub(crate) settings: Settings,
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
                let mut builder = AmazonS3Builder::new()
                    .with_bucket_name(bucket)
                    .with_region(region.as_deref().unwrap_or("us-east-1"))
                    .with_http_connector(GuardedConnector)
                    .with_retry(retry(&settings));
                builder = match credentials {
                    Credentials::Anonymous => builder.with_skip_signature(true),
                    Credentials::AccessKey { id, secret, token } => {
                        let builder = builder.with_access_key_id(id).with_secret_access_key(secret);
                        match token {
                            Some(token) => builder.with_token(token),
                            None => builder,
                        }
                    }
                };
                if let Some(given) = endpoint {
                    builder = builder.with_endpoint(checked(url, given)?).with_allow_http(true);
                }
                let built = builder
                    .build()
                    .map_err(|error| FinalError::Other { source_url: url.clone(), why: error.to_string() })?;
                (Arc::new(built), prefix, None)
            }
        };
        Ok(Self { inner, source_url: url.clone(), prefix, patterns, folder, settings })
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
        Ok(Self { inner, source_url: url.clone(), prefix, patterns, folder: None, settings })
    }
}

/// The whole time is bounded by [`Settings::timeout`].
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
