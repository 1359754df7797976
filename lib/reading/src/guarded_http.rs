//! The HTTP client of the object stores, and of whatever else a tenant names. It looks at every address before it connects, after names were resolved; it
//! follows no redirect and uses no proxy, so there is no other way to a destination that is refused.

use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::BoxFuture;
use http_body::Body;
use http_body_util::BodyExt;
use hyper_rustls::{ConfigBuilderExt, HttpsConnector};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector as TcpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse,
    HttpResponseBody, HttpService,
};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tower::Service;

use crate::destination::check_host;
use crate::resolve::{forbidden_in, resolve};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long the head of an answer may take.
const ANSWER: Duration = Duration::from_secs(30);

/// Makes the client of a store.
#[derive(Clone, Debug)]
pub(crate) struct GuardedConnector {
    /// Authorities that are believed in the place of the public ones.
    authorities: Option<Arc<RootCertStore>>,
}

impl GuardedConnector {
    /// One that believes these authorities, PEM, and no others; without any, those that browsers do.
    ///
    /// # Errors
    ///
    /// What is wrong with them.
    pub(crate) fn believing(authorities: Option<&str>) -> Result<Self, String> {
        let Some(pem) = authorities else { return Ok(Self { authorities: None }) };
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            let certificate = certificate.map_err(|error| error.to_string())?;
            roots.add(certificate).map_err(|error| error.to_string())?;
        }
        if roots.is_empty() {
            return Err("there is no certificate in it".to_owned());
        }
        Ok(Self { authorities: Some(Arc::new(roots)) })
    }

    /// The client.
    pub(crate) fn client<B>(&self) -> Result<GuardedClient<B>, rustls::Error>
    where
        B: Body + Send,
        B::Data: Send,
    {
        let mut tcp = TcpConnector::new_with_resolver(GuardedResolver);
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(CONNECT));
        tcp.set_nodelay(true);
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let tls = rustls::ClientConfig::builder_with_provider(provider.into())
            .with_safe_default_protocol_versions()?;
        let tls = match &self.authorities {
            Some(authorities) => tls.with_root_certificates(Arc::clone(authorities)),
            None => tls.with_webpki_roots(),
        };
        let tls = tls.with_no_client_auth();
        let tls = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        Ok(Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .build(tls))
    }
}

/// A client with a body of requests of its own.
pub(crate) type GuardedClient<B> = Client<HttpsConnector<TcpConnector<GuardedResolver>>, B>;

impl HttpConnector for GuardedConnector {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        let client = self.client();
        let client =
            client.map_err(|error| object_store::Error::Generic { store: "S3", source: Box::new(error) })?;
        Ok(HttpClient::new(Guarded { client }))
    }
}

#[derive(Debug)]
struct Guarded {
    client: GuardedClient<HttpRequestBody>,
}

#[async_trait]
impl HttpService for Guarded {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        // An address in place of a name never comes to the resolver.
        check_host(request.uri().host().unwrap_or_default())
            .map_err(|forbidden| HttpError::new(HttpErrorKind::Unknown, forbidden))?;
        // A store answers what is put there once it has all of it.
        let sent =
            Duration::from_secs(u64::try_from(request.body().content_length() >> 20).unwrap_or(u64::MAX));
        let answer = tokio::time::timeout(ANSWER.saturating_add(sent), self.client.request(request))
            .await
            .map_err(|late| HttpError::new(HttpErrorKind::Timeout, late))?
            .map_err(kind_of)?;
        let (parts, body) = answer.into_parts();
        let body = body.map_err(|error| HttpError::new(HttpErrorKind::Interrupted, error));
        Ok(HttpResponse::from_parts(parts, HttpResponseBody::new(body)))
    }
}

fn kind_of(error: hyper_util::client::legacy::Error) -> HttpError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(one) = cause {
        if let Some(forbidden) = forbidden_in(one) {
            return HttpError::new(HttpErrorKind::Unknown, forbidden);
        }
        cause = one.source();
    }
    let kind = if error.is_connect() { HttpErrorKind::Connect } else { HttpErrorKind::Request };
    HttpError::new(kind, error)
}

/// The system's resolver, of whose answers none may be forbidden.
#[derive(Clone, Debug)]
pub(crate) struct GuardedResolver;

impl Service<Name> for GuardedResolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = std::io::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        Box::pin(async move { resolve(name.as_str(), 0).await.map(Vec::into_iter) })
    }
}
