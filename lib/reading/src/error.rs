//! What can go wrong with a source as a whole, told apart by whether waiting helps.

use crate::table_error::TableError;

/// Why a source cannot be read. What is wrong with one arrival is no error: that is a dead letter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Waiting may help: try again from the same position.
    #[error(transparent)]
    Transient(#[from] TransientError),
    /// Somebody has to change something first.
    #[error(transparent)]
    Final(#[from] FinalError),
}

/// The source is away.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransientError {
    /// No answer, a broken one, or one that says to try again later.
    #[error("the source {source_url} is not available: {why}; reading continues once it answers")]
    Unavailable {
        /// The url of the source.
        source_url: String,
        /// What happened.
        why: String,
    },
}

/// The source cannot be read as it is described.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FinalError {
    /// Not a URL.
    #[error(
        "objects.url is `{given}`, which is no URL: {why}; wanted is file:///FOLDER, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX"
    )]
    BadUrl {
        /// As given.
        given: String,
        /// Why not.
        why: String,
    },
    /// A URL of something else.
    #[error(
        "objects.url is `{given}`, whose scheme is unknown; wanted is file:///FOLDER, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX"
    )]
    UnknownScheme {
        /// As given.
        given: String,
    },
    /// An endpoint that is no URL of HTTP, or belongs to a `file://`.
    #[error("objects.endpoint is `{given}`: {why}; wanted is http://HOST:PORT or https://HOST")]
    BadEndpoint {
        /// As given.
        given: String,
        /// Why not.
        why: String,
    },
    /// An endpoint that nobody may be sent to.
    #[error("the source {source_url} is refused: {why}; give the endpoint of an object store")]
    ForbiddenDestination {
        /// The url of the source.
        source_url: String,
        /// Which destination.
        why: String,
    },
    /// Not a pattern.
    #[error("the pattern `{given}` of objects.{field} cannot be read: {why}; wanted is one like *.ndjson.gz")]
    BadPattern {
        /// `include` or `exclude`.
        field: &'static str,
        /// As given.
        given: String,
        /// Why not.
        why: String,
    },
    /// Credentials of another kind of store.
    #[error(
        "the source {source_url} cannot be opened with these credentials; put {wanted} into what credentialsSecretRef names, or, without a cluster, into the environment of chancery run"
    )]
    WrongCredentials {
        /// The url of the source.
        source_url: String,
        /// What would do.
        wanted: &'static str,
    },
    /// Credentials that are not what they have to be. What they are is not said: it would be secret.
    #[error(
        "the credentials of the source {source_url} cannot be read; correct what credentialsSecretRef names, or, without a cluster, the environment of chancery run"
    )]
    UnreadableCredentials {
        /// The url of the source.
        source_url: String,
    },
    /// Authorities that nobody can read.
    #[error(
        "the authorities that are to vouch for the source {source_url} cannot be read: {why}; put their certificates in PEM into the key ca.crt of what credentialsSecretRef names, or into the file that AWS_CA_BUNDLE names"
    )]
    BadAuthorities {
        /// The url of the source.
        source_url: String,
        /// Why not.
        why: String,
    },
    /// A certificate that no authority vouches for.
    #[error(
        "the certificate of the source {source_url} is not believed ({why}); correct objects.endpoint, or put the certificate of its authority in PEM into the key ca.crt of what credentialsSecretRef names, or into the file that AWS_CA_BUNDLE names"
    )]
    Untrusted {
        /// The url of the source.
        source_url: String,
        /// What is wrong with it.
        why: String,
    },
    /// A container of nobody knows whom.
    #[error(
        "the source {source_url} does not say whose container it is; give objects.endpoint, such as https://ACCOUNT.blob.core.windows.net, or credentials"
    )]
    NoAccount {
        /// The url of the source.
        source_url: String,
    },
    /// A format that cannot be.
    #[error("format.{field} is `{given}`; wanted is {wanted}")]
    BadFormat {
        /// The field.
        field: &'static str,
        /// As given.
        given: String,
        /// What would do.
        wanted: &'static str,
    },
    /// No bucket, no folder.
    #[error(
        "the source {source_url} does not exist ({why}); create it, or correct objects.url, objects.endpoint or objects.region"
    )]
    NotThere {
        /// The url of the source.
        source_url: String,
        /// What the store said.
        why: String,
    },
    /// The store knows the login and says no.
    #[error("the source {source_url} refuses access ({why}); allow the credentials to list and to read it")]
    Refused {
        /// The url of the source.
        source_url: String,
        /// What the store said.
        why: String,
    },
    /// The store does not know the login.
    #[error(
        "the source {source_url} does not accept the credentials ({why}); correct what credentialsSecretRef names, or, without a cluster, the environment of chancery run"
    )]
    BadCredentials {
        /// The url of the source.
        source_url: String,
        /// What the store said.
        why: String,
    },
    /// Objects are there, or none are, and none is wanted.
    #[error(
        "no object of {source_url} matches: {seen} are there; correct objects.url, include or exclude, or put objects there"
    )]
    NothingMatches {
        /// The url of the source.
        source_url: String,
        /// Objects that were looked at.
        seen: u64,
    },
    /// Too many for the memory of one process.
    #[error(
        "more than {limit} objects of {source_url} match; divide the source by a longer prefix or by include"
    )]
    TooManyObjects {
        /// The url of the source.
        source_url: String,
        /// The most.
        limit: usize,
    },
    /// An object that could change without anybody seeing it.
    #[error(
        "the object {key} of {source_url} has neither ETag nor version; use a store that gives one of them"
    )]
    NoVersion {
        /// The url of the source.
        source_url: String,
        /// The object.
        key: String,
    },
    /// A link that leads out of the folder.
    #[error(
        "the file {key} of {source_url} lies outside of the folder, through a link; remove the link, or exclude it"
    )]
    OutsideFolder {
        /// The url of the source.
        source_url: String,
        /// The file.
        key: String,
    },
    /// A table.
    #[error(transparent)]
    Table(#[from] TableError),
    /// Anything else that a store says.
    #[error(
        "the source {source_url} cannot be read: {why}; read it by another client of such stores with the same endpoint and credentials, and correct what fails there"
    )]
    Other {
        /// The url of the source.
        source_url: String,
        /// What the store said.
        why: String,
    },
}

impl From<TableError> for ReadError {
    fn from(error: TableError) -> Self {
        FinalError::from(error).into()
    }
}
