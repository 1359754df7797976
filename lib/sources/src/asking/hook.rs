//! One webhook, as it is called.

use std::fmt;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use chancery_api::{WebhookAdds, WebhookSpec};
use chancery_policy::WebhookAnswer;
use chancery_reading::Poster;
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::breaker::{Breaker, Ready};
use super::signature::{self, Key};
use super::{AskError, Waiting, answer};
use crate::access::{Access, WebhookAccess};

/// Bytes that an answer may have, for each record and beside them.
const MOST_EACH: usize = 66_000;
const MOST_BESIDE: usize = 65_536;
const MOST: usize = 16 * 1024 * 1024;

/// A webhook.
pub(super) struct Hook {
    pub(super) name: String,
    url: String,
    key: Option<Key>,
    timeout: Duration,
    pub(super) batch: usize,
    concurrency: usize,
    adds: WebhookAdds,
    poster: Poster,
    room: Semaphore,
    breaker: Breaker,
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hook").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Why a webhook gave no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// It was asked.
    Failed(String),
    /// It was not: it gave no answers before, and is left alone for so long.
    NotAsked(Duration),
}

impl Hook {
    pub(super) fn of(spec: &WebhookSpec, access: &Access) -> Result<Self, AskError> {
        let WebhookSpec { name, url, secret_ref, timeout, batch, concurrency, adds, failure_policy: _ } =
            spec;
        let webhook = || name.clone();
        let WebhookAccess { secret, authorities } =
            access.webhook(name).map_err(|reason| AskError::Access { webhook: webhook(), reason })?;
        let key = match (secret_ref, secret) {
            (None, _) => None,
            (Some(_), Some(secret)) => Some(
                Key::read(&secret).map_err(|reason| AskError::BadSecret { webhook: webhook(), reason })?,
            ),
            (Some(_), None) => {
                return Err(AskError::NoSecret { webhook: webhook(), wanted: access.wanted_of_webhooks() });
            }
        };
        let poster = Poster::believing(authorities.as_deref())
            .map_err(|reason| AskError::Client { webhook: webhook(), reason })?;
        let concurrency = usize::try_from(*concurrency).unwrap_or(1).max(1);
        Ok(Self {
            name: webhook(),
            url: url.clone(),
            key,
            // The schema has seen to it that these can be read.
            timeout: timeout.to_std().unwrap_or(Duration::from_secs(2)),
            batch: usize::try_from(*batch).unwrap_or(1).max(1),
            concurrency,
            adds: *adds,
            poster,
            room: Semaphore::new(concurrency),
            breaker: Breaker::default(),
        })
    }

    /// How many records may be asked about in one go; none before a while has passed.
    pub(super) fn at_a_time(&self, now: Instant) -> Result<usize, Duration> {
        match self.breaker.is_ready(now) {
            Ready::ForAll => Ok(self.batch * self.concurrency),
            Ready::ForOne => Ok(self.batch),
            Ready::In(pause) => Err(pause),
        }
    }

    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Asks about some records, in one call: what it says of each, in their order.
    pub(super) async fn ask(
        &self,
        policy: &str,
        run: Uuid,
        waiting: &[&Waiting],
    ) -> Vec<Result<WebhookAnswer, NoAnswer>> {
        // It is never closed.
        let _room = self.room.acquire().await;
        let none = |why: NoAnswer| vec![Err(why); waiting.len()];
        if let Err(pause) = self.breaker.begin(Instant::now()) {
            return none(NoAnswer::NotAsked(pause));
        }
        let begun = Begun { breaker: &self.breaker, has_ended: false };
        let called = tokio::time::timeout(self.timeout, self.call(policy, run, waiting)).await;
        let called = called.unwrap_or_else(|_| Err(format!("it gave no answer within {:?}", self.timeout)));
        begun.end(called.is_ok());
        match called {
            Ok(answers) => answers.into_iter().map(|answer| answer.map_err(NoAnswer::Failed)).collect(),
            Err(why) => none(NoAnswer::Failed(why)),
        }
    }

    async fn call(
        &self,
        policy: &str,
        run: Uuid,
        waiting: &[&Waiting],
    ) -> Result<Vec<Result<WebhookAnswer, String>>, String> {
        let body = answer::request(&self.name, policy, run, waiting);
        let id = signature::id_of(&body);
        let timestamp = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut headers = vec![("webhook-id", id.clone()), ("webhook-timestamp", timestamp.to_string())];
        headers.extend(self.key.as_ref().map(|key| ("webhook-signature", key.sign(&id, timestamp, &body))));
        let most = (MOST_EACH * waiting.len() + MOST_BESIDE).min(MOST);
        let posted = self.poster.post(&self.url, &headers, Bytes::from(body), most).await;
        let posted = posted.map_err(|error| error.to_string())?;
        if !(200..300).contains(&posted.status) {
            return Err(format!("it answered with status {}", posted.status));
        }
        let ids: Vec<String> = waiting.iter().map(|waiting| answer::id_of(run, waiting)).collect();
        answer::read(&posted.body, self.adds, &ids)
    }
}

/// A call that began. One that is dropped before its end says nothing about the webhook.
struct Begun<'a> {
    breaker: &'a Breaker,
    has_ended: bool,
}

impl Begun<'_> {
    fn end(mut self, succeeded: bool) {
        self.has_ended = true;
        self.breaker.end(succeeded, Instant::now());
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        if !self.has_ended {
            self.breaker.forget();
        }
    }
}
