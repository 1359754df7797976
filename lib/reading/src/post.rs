//! Requests to services that a tenant names. Where they may lead to is what an object store may: `guarded_http` sees to it.

use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, Uri};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;

use crate::destination::check_host;
use crate::guarded_http::{GuardedClient, GuardedConnector};
use crate::resolve::forbidden_in;

/// How long the beginning of a body may take of which the head was enough.
const BODY: Duration = Duration::from_secs(2);

/// Sends requests, over connections that stay open.
pub struct Poster {
    client: GuardedClient<Full<Bytes>>,
}

impl std::fmt::Debug for Poster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Poster").finish_non_exhaustive()
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: Bytes,
}

/// A request.
#[derive(Clone, Debug)]
pub struct Post<'a> {
    /// Its method.
    pub method: Method,
    /// Where to.
    pub url: &'a str,
    /// What its body is.
    pub content_type: &'static str,
    /// More headers.
    pub headers: &'a [(&'static str, String)],
    /// Its body.
    pub body: Bytes,
}

/// An answer of which the head counts, and of the body only how it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// How its body begins.
    pub beginning: Bytes,
}

/// Why there is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PostError {
    /// It leads to where nobody may be sent.
    #[error("{0}")]
    Forbidden(String),
    /// What was to be sent is no request.
    #[error("{0}")]
    NoRequest(String),
    /// Nobody answers, or not to the end.
    #[error("{0}")]
    Away(String),
    /// The body is too long.
    #[error("the answer has more than {0} bytes")]
    TooLong(usize),
}

/// Looks at what can be seen of where a request is to go, without asking anybody for it.
///
/// # Errors
///
/// [`PostError::NoRequest`] or [`PostError::Forbidden`].
pub fn check_url(url: &str) -> Result<(), PostError> {
    uri_of(url).map(|_| ())
}

fn uri_of(url: &str) -> Result<Uri, PostError> {
    let uri: Uri = url.parse().map_err(|_| PostError::NoRequest("the URL cannot be read".to_owned()))?;
    let host = uri.host().unwrap_or_default();
    if host.is_empty() {
        return Err(PostError::NoRequest("the URL names no host".to_owned()));
    }
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    if uri.port().is_none() && !authority.trim_end_matches(':').ends_with(host) {
        return Err(PostError::NoRequest("the port of the URL is no port".to_owned()));
    }
    // An address in place of a name never comes to the resolver.
    check_host(host).map_err(|forbidden| PostError::Forbidden(forbidden.to_string()))?;
    Ok(uri)
}

impl Poster {
    /// One that believes these authorities, PEM, and no others; without any, those that browsers do.
    ///
    /// # Errors
    ///
    /// What is wrong with them, in a sentence.
    pub fn believing(authorities: Option<&str>) -> Result<Self, String> {
        let client = GuardedConnector::believing(authorities)?.client();
        Ok(Self { client: client.map_err(|error| error.to_string())? })
    }

    /// Sends JSON, with more headers, and reads the answer up to so many bytes. No redirect is followed. How long it may take is for the
    /// caller to say.
    ///
    /// # Errors
    ///
    /// [`PostError`].
    pub async fn post(
        &self,
        url: &str,
        headers: &[(&'static str, String)],
        body: Bytes,
        most: usize,
    ) -> Result<Posted, PostError> {
        let post = Post { method: Method::POST, url, content_type: "application/json", headers, body };
        let answer = self.answer(post).await?;
        let status = answer.status().as_u16();
        let read = Limited::new(answer.into_body(), most).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() {
                PostError::TooLong(most)
            } else {
                PostError::Away(format!("the answer was broken off: {error}"))
            }
        })?;
        Ok(Posted { status, body: read.to_bytes() })
    }

    /// Sends a request, and reads at least the head of the answer, and its body up to so many bytes. No redirect is followed. A body that is
    /// longer, late or broken off does no harm: the head has said what became of the request. How long it may take is for the caller to say.
    ///
    /// # Errors
    ///
    /// [`PostError`].
    pub async fn send(&self, post: Post<'_>, most: usize) -> Result<Answered, PostError> {
        let (head, mut body) = self.answer(post).await?.into_parts();
        let mut beginning = Vec::new();
        let read = async {
            while beginning.len() < most
                && let Some(Ok(frame)) = body.frame().await
            {
                beginning.extend_from_slice(frame.data_ref().map_or(&[], |data| data));
            }
        };
        let _whole = tokio::time::timeout(BODY, read).await;
        beginning.truncate(most);
        Ok(Answered { status: head.status.as_u16(), headers: head.headers, beginning: beginning.into() })
    }

    async fn answer(&self, post: Post<'_>) -> Result<Response<Incoming>, PostError> {
        let Post { method, url, content_type, headers, body } = post;
        let mut request = Request::builder().method(method).uri(uri_of(url)?);
        request = request.header(http::header::CONTENT_TYPE, content_type);
        for (name, value) in headers {
            let value = HeaderValue::from_str(value);
            let value = value.map_err(|_| PostError::NoRequest(format!("{name} cannot be sent")))?;
            request = request.header(HeaderName::from_static(name), value);
        }
        let request = request.body(Full::new(body));
        let request = request.map_err(|error| PostError::NoRequest(error.to_string()))?;
        self.client.request(request).await.map_err(|error| failed(&error))
    }
}

/// The innermost cause says most: the outer ones say that something failed.
fn failed(error: &hyper_util::client::legacy::Error) -> PostError {
    let mut cause: &(dyn std::error::Error + 'static) = error;
    loop {
        if let Some(forbidden) = forbidden_in(cause) {
            return PostError::Forbidden(forbidden.to_string());
        }
        match cause.source() {
            Some(inner) => cause = inner,
            None if error.is_connect() => return PostError::Away(format!("no connection: {cause}")),
            None => return PostError::Away(cause.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn posted_to(url: &str) -> Result<Posted, PostError> {
        let poster = Poster::believing(None).expect("a client");
        poster.post(url, &[("x-test", "1".to_owned())], Bytes::from_static(b"{}"), 10).await
    }

    #[tokio::test]
    async fn nobody_is_sent_to_where_machines_keep_their_credentials() {
        for url in ["http://169.254.169.254/score", "https://metadata.google.internal/score"] {
            assert!(matches!(posted_to(url).await, Err(PostError::Forbidden(_))), "{url}");
        }
    }

    #[test]
    fn where_a_request_cannot_go_is_seen_before_it_is_sent() {
        for url in
            ["https://", "https:///path", "https://host:port/", "https://a b/", "https://hook.example/ö x"]
        {
            assert!(matches!(check_url(url), Err(PostError::NoRequest(_))), "{url}");
        }
        for url in ["https://169.254.169.254/", "https://[fd00:ec2::254]/", "https://metadata/"] {
            assert!(matches!(check_url(url), Err(PostError::Forbidden(_))), "{url}");
        }
        for url in ["https://hook.example", "http://127.0.0.1:8080/signed?a=b", "http://[::1]:80/"] {
            assert_eq!(check_url(url), Ok(()), "{url}");
        }
    }

    #[tokio::test]
    async fn who_does_not_answer_is_away() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let said = posted_to(&format!("http://127.0.0.1:{port}/score")).await;
        assert!(matches!(said, Err(PostError::Away(_))), "{said:?}");
    }
}
