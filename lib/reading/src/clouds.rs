//! The clients of object stores, each with the credentials it is given and with no others: `object_store` would look for
//! more in files, in the environment, and at the metadata service of the machine.

use std::sync::Arc;

use object_store::aws::AmazonS3Builder;
use object_store::azure::{AzureCredential, MicrosoftAzureBuilder, split_sas};
use object_store::gcp::{GcpCredential, GoogleCloudStorageBuilder};
use object_store::{ClientOptions, ObjectStore, Result, RetryConfig, StaticCredentialProvider};

use crate::credentials::Credentials;
use crate::guarded_http::GuardedConnector;

/// Why there is no client.
pub(crate) enum NoClient {
    /// The credentials are of another kind of store; what would do.
    Credentials(&'static str),
    /// The account of Azure is in the credentials or in the endpoint.
    Account,
    /// They cannot be read. How they cannot is not said: it might tell them.
    Unreadable,
    /// What the client says of anything else.
    Other(object_store::Error),
}

type Client = std::result::Result<Arc<dyn ObjectStore>, NoClient>;

pub(crate) fn s3(
    bucket: &str,
    region: Option<&str>,
    endpoint: Option<String>,
    credentials: &Credentials,
    connector: GuardedConnector,
    retry: RetryConfig,
) -> Client {
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(bucket)
        .with_region(region.unwrap_or("us-east-1"))
        .with_http_connector(connector)
        .with_retry(retry);
    builder = match credentials {
        Credentials::Anonymous => builder.with_skip_signature(true),
        Credentials::AccessKey { id, secret, token } => {
            let builder = builder.with_access_key_id(id).with_secret_access_key(secret);
            match token {
                Some(token) => builder.with_token(token),
                None => builder,
            }
        }
        _ => return Err(NoClient::Credentials("an access key of S3")),
    };
    if let Some(endpoint) = endpoint {
        builder = builder.with_endpoint(endpoint).with_allow_http(true);
    }
    made(builder.build(), &Credentials::Anonymous)
}

pub(crate) fn google(
    bucket: &str,
    endpoint: Option<String>,
    credentials: &Credentials,
    connector: GuardedConnector,
    retry: RetryConfig,
) -> Client {
    let mut builder = GoogleCloudStorageBuilder::new()
        .with_bucket_name(bucket)
        .with_http_connector(connector)
        .with_client_options(ClientOptions::new().with_allow_http(endpoint.is_some()))
        .with_retry(retry);
    builder = match credentials {
        // Given, so that none is looked for.
        Credentials::Anonymous => {
            builder.with_credentials(fixed(GcpCredential { bearer: String::new() })).with_skip_signature(true)
        }
        Credentials::GoogleServiceAccount { key } => builder.with_service_account_key(key),
        _ => return Err(NoClient::Credentials("the JSON key of a service account of Google")),
    };
    if let Some(endpoint) = endpoint {
        builder = builder.with_base_url(&endpoint);
    }
    made(builder.build(), credentials)
}

pub(crate) fn azure(
    container: &str,
    endpoint: Option<String>,
    credentials: &Credentials,
    connector: GuardedConnector,
    retry: RetryConfig,
) -> Client {
    let mut builder = MicrosoftAzureBuilder::new()
        .with_container_name(container)
        .with_http_connector(connector)
        .with_retry(retry);
    builder = match credentials {
        // Given, so that none is looked for; the account is in the endpoint, and named for signatures only.
        Credentials::Anonymous if endpoint.is_some() => builder
            .with_account("public")
            .with_credentials(fixed(AzureCredential::BearerToken(String::new())))
            .with_skip_signature(true),
        Credentials::Anonymous => return Err(NoClient::Account),
        Credentials::AzureKey { account, key } => builder.with_account(account).with_access_key(key),
        Credentials::AzureSas { account, token } => {
            let pairs = split_sas(token.trim()).map_err(|_| NoClient::Unreadable)?;
            builder.with_account(account).with_sas_authorization(pairs)
        }
        _ => return Err(NoClient::Credentials("an account of Azure with its key or a SAS token")),
    };
    if let Some(endpoint) = endpoint {
        builder = builder.with_endpoint(endpoint).with_allow_http(true);
    }
    made(builder.build(), credentials)
}

fn made(built: Result<impl ObjectStore>, credentials: &Credentials) -> Client {
    match (built, credentials) {
        (Ok(client), _) => Ok(Arc::new(client)),
        (Err(error), Credentials::Anonymous) => Err(NoClient::Other(error)),
        (Err(_), _) => Err(NoClient::Unreadable),
    }
}

fn fixed<T>(credential: T) -> Arc<StaticCredentialProvider<T>> {
    Arc::new(StaticCredentialProvider::new(credential))
}
