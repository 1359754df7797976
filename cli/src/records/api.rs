//! The API, as a client of it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;
use chancery_gateway::Token;
use chancery_process::Backoff;
use http::header::{AUTHORIZATION, HOST};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::CliError;
use crate::records::place::{Place, Stream, Unreachable};
use crate::serve::{address_file_of, token_file_of};

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(120);

/// For how long a request is sent again that was not answered, or that is to be sent again.
const PATIENCE: Duration = Duration::from_secs(60);

/// Pauses before it is.
const LEAST_PAUSE: Duration = Duration::from_millis(200);
const MOST_PAUSE: Duration = Duration::from_secs(5);

/// Where the API is, and what it wants to be shown.
pub(crate) struct Api {
    place: Place,
    /// Whoever renews a token writes it there.
    token_file: PathBuf,
}

/// A request.
pub(crate) struct Sending<'a> {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) body: Bytes,
}

/// Why there is no answer that can be used.
enum Failure {
    /// Sent again, it may be answered.
    Again(String),
    Final(String),
    Untrusted(String),
}

#[derive(Deserialize)]
struct Problem {
    detail: String,
}

impl Api {
    /// The one that is given, or else the one that is served from this data folder.
    pub(crate) fn of(
        data_dir: &Path,
        url: Option<&str>,
        token_file: Option<&Path>,
        ca_file: Option<&Path>,
    ) -> Result<Self, CliError> {
        let url = match url {
            Some(url) => url.to_owned(),
            None => std::fs::read_to_string(address_file_of(data_dir))
                .map_err(|_| CliError::NoApi { path: data_dir.to_owned() })?
                .trim()
                .to_owned(),
        };
        let place = Place::of(&url, ca_file)?;
        let token_file = match token_file {
            Some(file) => file.to_owned(),
            None if place.is_here() => token_file_of(data_dir),
            // The token of this machine is no other machine's business.
            None => return Err(CliError::NoTokenFile { url }),
        };
        Ok(Self { place, token_file })
    }

    /// Sends a request until it is answered, for a while.
    pub(crate) async fn send<T: DeserializeOwned>(&self, sending: Sending<'_>) -> Result<T, CliError> {
        let began = Instant::now();
        let mut pause = Backoff::new(LEAST_PAUSE, MOST_PAUSE);
        loop {
            let token = Token::read(&self.token_file)?;
            match self.send_once(&token, &sending).await {
                Ok(answer) => return Ok(answer),
                Err(Failure::Again(why)) if began.elapsed() < PATIENCE => {
                    tracing::warn!("{why}; sending it again");
                    tokio::time::sleep(pause.next_pause()).await;
                }
                Err(Failure::Again(why)) => return Err(CliError::ApiAway(why)),
                Err(Failure::Final(why)) => return Err(CliError::ApiRefuses(why)),
                Err(Failure::Untrusted(why)) => return Err(CliError::ApiUntrusted(why)),
            }
        }
    }

    async fn send_once<T: DeserializeOwned>(&self, token: &str, sending: &Sending<'_>) -> Result<T, Failure> {
        let answer = tokio::time::timeout(ANSWER, self.answer(token, sending)).await;
        let (status, body) =
            answer.map_err(|_| Failure::Again("the API does not answer".to_owned())).flatten()?;
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|error| {
                Failure::Final(format!(
                    "the answer of the API cannot be read: {error}; use a `chancery` of its version"
                ))
            });
        }
        let said = serde_json::from_slice::<Problem>(&body)
            .map_or_else(|_| status.to_string(), |problem| problem.detail);
        let again = status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::SERVICE_UNAVAILABLE;
        Err(if again { Failure::Again(said) } else { Failure::Final(said) })
    }

    async fn answer(&self, token: &str, sending: &Sending<'_>) -> Result<(StatusCode, Bytes), Failure> {
        let stream = self.place.connect().await.map_err(|unreachable| match unreachable {
            Unreachable::ForNow(error) => Failure::Again(format!("the API cannot be reached: {error}")),
            Unreachable::Untrusted(error) => Failure::Untrusted(error.to_string()),
        })?;
        over(stream, self.place.authority(), token, sending).await
    }
}

async fn over(
    stream: Box<dyn Stream>,
    host: &str,
    token: &str,
    sending: &Sending<'_>,
) -> Result<(StatusCode, Bytes), Failure> {
    let broke = |error: hyper::Error| Failure::Again(format!("the connection to the API broke: {error}"));
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await.map_err(broke)?;
    let connection = tokio::spawn(connection);
    let mut request = Request::builder()
        .method(&sending.method)
        .uri(&sending.path)
        .header(HOST, host)
        .header(AUTHORIZATION, format!("Bearer {token}"));
    for (name, value) in sending.headers {
        request = request.header(*name, *value);
    }
    let request = request
        .body(Full::new(sending.body.clone()))
        .map_err(|error| Failure::Final(format!("the request cannot be made: {error}")))?;
    let response = sender.send_request(request).await.map_err(broke)?;
    let status = response.status();
    let body = response.into_body().collect().await.map_err(broke)?.to_bytes();
    connection.abort();
    Ok((status, body))
}
