//! One webhook, as it is called.

use std::fmt;
use std::time::{Duration, Instant};

use bytes::Bytes;
use chancery_api::{WebhookAdds, WebhookSpec};
use chancery_policy::WebhookAnswer;
use chancery_reading::{Poster, WebhookKeys, webhook_headers};
use tokio::sync::Semaphore;

use super::breaker::{Breaker, Turn};
use super::{AskError, Asking, ROOM_KIB, Waiting, answer};
use crate::access::{Access, WebhookAccess};

/// Bytes that an answer may have, for each record, with fields and without, and beside them.
const MOST_FIELDS: usize = 66_000;
const MOST_EACH: usize = 8_000;
const MOST_BESIDE: usize = 65_536;
const MOST: usize = 16 * 1024 * 1024;

/// A webhook.
pub(super) struct Hook {
    pub(super) name: String,
    url: String,
    keys: Option<WebhookKeys>,
    timeout: Duration,
    pub(super) batch: usize,
    concurrency: usize,
    adds: WebhookAdds,
    /// Records of which it says nothing are judged as if it were not there.
    pub(super) is_ignored: bool,
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
    /// It was not, since it gave no answers before.
    LeftAlone(String),
}

impl Hook {
    pub(super) fn of(spec: &WebhookSpec, access: &Access) -> Result<Self, AskError> {
        let WebhookSpec { name, url, secret_ref, timeout, batch, concurrency, adds, failure_policy: _ } =
            spec;
        let webhook = || name.clone();
        let WebhookAccess { secret, authorities } =
            access.webhook(name).map_err(|reason| AskError::Access { webhook: webhook(), reason })?;
        let keys = match (secret_ref, secret) {
            (None, _) => None,
            (Some(_), Some(secret)) => Some(
                WebhookKeys::read(&secret)
                    .map_err(|reason| AskError::BadSecret { webhook: webhook(), reason })?,
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
            keys,
            // The schema has seen to it that these can be read.
            timeout: timeout.to_std().unwrap_or(Duration::from_secs(2)),
            batch: usize::try_from(*batch).unwrap_or(1).max(1),
            concurrency,
            adds: *adds,
            is_ignored: spec.may_be_ignored(),
            poster,
            room: Semaphore::new(concurrency),
            breaker: Breaker::default(),
        })
    }

    /// How many records may be asked about in one go, if so many webhooks share the room for answers: no more than in calls for which there
    /// is room at the same time, so that none waits for long.
    pub(super) fn at_a_time(&self, hooks: usize) -> usize {
        let calls = ROOM_KIB * 1024 / self.most(self.batch) / hooks.max(1);
        self.batch * self.concurrency.min(calls).max(1)
    }

    /// Bytes that an answer about so many records may have.
    fn most(&self, records: usize) -> usize {
        let each = if self.adds == WebhookAdds::Fields { MOST_FIELDS } else { MOST_EACH };
        (each * records + MOST_BESIDE).min(MOST)
    }

    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Asks about some records, in one call: what it says of each, in their order.
    pub(super) async fn ask(
        &self,
        asking: &Asking,
        waiting: &[&Waiting],
    ) -> Vec<Result<WebhookAnswer, NoAnswer>> {
        // Neither is ever closed.
        let _room = self.room.acquire().await;
        let most = self.most(waiting.len());
        let _room_of_answer = asking.room.acquire_many(u32::try_from(most / 1024).unwrap_or(1)).await;
        let none = |why: NoAnswer| vec![Err(why); waiting.len()];
        if let Err(pause) = self.breaker.begin(Instant::now()) {
            let why = format!("it gave no answer several times in a row, and is left alone for {pause:.1?}");
            return none(NoAnswer::LeftAlone(why));
        }
        let begun = Begun { breaker: &self.breaker, has_ended: false };
        let called = tokio::time::timeout(self.timeout, self.call(asking, waiting, most)).await;
        let called = called.unwrap_or_else(|_| Err(format!("it gave no answer within {:?}", self.timeout)));
        let turn = begun.end(called.is_ok());
        self.tell(turn, called.as_ref().err());
        match called {
            Ok(answers) => answers.into_iter().map(|answer| answer.map_err(NoAnswer::Failed)).collect(),
            Err(why) => none(NoAnswer::Failed(why)),
        }
    }

    fn tell(&self, turn: Turn, why: Option<&String>) {
        let webhook = &self.name;
        let why = why.map_or("", String::as_str);
        match turn {
            Turn::Stays => {}
            Turn::Opens(pause) => {
                tracing::warn!(
                    webhook,
                    "the webhook gives no answers and is left alone for {pause:?}: {why}"
                );
            }
            Turn::Closes => tracing::warn!(webhook, "the webhook answers again"),
        }
    }

    async fn call(
        &self,
        asking: &Asking,
        waiting: &[&Waiting],
        most: usize,
    ) -> Result<Vec<Result<WebhookAnswer, String>>, String> {
        let Asking { run, policy, .. } = asking;
        let body = answer::request(&self.name, policy, *run, waiting);
        let headers = webhook_headers(&answer::message_id(&body), self.keys.as_ref(), &body);
        let posted = self.poster.post(&self.url, &headers, Bytes::from(body), most).await;
        let posted = posted.map_err(|error| error.to_string())?;
        if !(200..300).contains(&posted.status) {
            return Err(format!("it answered with status {}", posted.status));
        }
        let ids: Vec<String> = waiting.iter().map(|waiting| answer::id_of(*run, waiting)).collect();
        answer::read(&posted.body, self.adds, &ids)
    }
}

/// A call that began. One that is dropped before its end says nothing about the webhook.
struct Begun<'a> {
    breaker: &'a Breaker,
    has_ended: bool,
}

impl Begun<'_> {
    fn end(mut self, succeeded: bool) -> Turn {
        self.has_ended = true;
        self.breaker.end(succeeded, Instant::now())
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        if !self.has_ended {
            self.breaker.forget();
        }
    }
}
