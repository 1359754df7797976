//! Asks others about payloads before they are judged: the webhooks of a policy, in batches, and databases by its lookups.
//!
//! Who is asked, and when again, is said here; what becomes of that is for the ledger to keep.

mod answer;
mod breaker;
mod hook;
mod lookup;
mod retry;
mod round;

use std::time::Duration;

use chancery_api::{PolicySecret, SigningPolicySpec};
use chancery_policy::Pinned;
use chancery_reading::BadSecret;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use uuid::Uuid;

use crate::access::{Access, AccessError};
use crate::judge::{Judge, Judged};
use hook::Hook;
use lookup::Lookup;
pub use retry::Retry;
pub use round::Go;

/// Arrivals that are asked about in one go, at the most, where a lookup may have to be asked: a key of each, or a few, are answered within
/// the time of a go, even if each takes a second.
const MOST_AT_A_TIME: usize = 400;

/// KiB that all answers together may have that are on their way at the same time.
const ROOM_KIB: usize = 32 * 1024;

/// Asks whom one policy asks, for one run. Any number of tasks may share it: what it bounds, it bounds for all of them together.
#[derive(Debug)]
pub struct Asking {
    run: Uuid,
    policy: String,
    hooks: Vec<Hook>,
    lookups: Vec<Lookup>,
    retry: Retry,
    /// KiB of answers for which there is room yet.
    room: Semaphore,
}

/// Why nobody can be asked.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The policy cannot be read.
    #[error(
        "the policy of the run cannot be read by this program: {0}; use one at least as new as the one that made the run"
    )]
    Policy(String),
    /// No key to sign with.
    #[error("the webhook {webhook} is signed, and its key is not here; {wanted}")]
    NoSecret {
        /// The webhook.
        webhook: String,
        /// Where it belongs.
        wanted: &'static str,
    },
    /// What is there is no key.
    #[error("the webhook {webhook}: {reason}")]
    BadSecret {
        /// The webhook.
        webhook: String,
        /// Why.
        reason: BadSecret,
    },
    /// Its key cannot be read.
    #[error("the webhook {webhook}: {reason}")]
    Access {
        /// The webhook.
        webhook: String,
        /// Why.
        reason: AccessError,
    },
    /// No URL to ask at.
    #[error("the lookup {lookup} is a query, and the URL of its database is not here; {wanted}")]
    NoUrl {
        /// The lookup.
        lookup: String,
        /// Where it belongs.
        wanted: &'static str,
    },
    /// It cannot be asked.
    #[error("the lookup {lookup}: {reason}")]
    Lookup {
        /// The lookup.
        lookup: String,
        /// Why.
        reason: AccessError,
    },
    /// It cannot be called.
    #[error("the webhook {webhook} cannot be called: {reason}")]
    Client {
        /// The webhook.
        webhook: String,
        /// Why.
        reason: String,
    },
}

/// A Secret that a policy names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretOfPolicy {
    /// The folder that it becomes, where [`Access::Folder`] looks for it.
    pub folder: String,
    /// Its name.
    pub name: String,
    /// The one key that is needed; none when all are.
    pub key: Option<String>,
    /// The file that the key becomes.
    pub file: Option<String>,
}

/// The Secrets that the version of a policy names; none of one that cannot be read.
#[must_use]
pub fn secrets_of(text: &str) -> Vec<SecretOfPolicy> {
    let pinned = Pinned::from_text(text).ok();
    let named = pinned.iter().flat_map(|pinned| pinned.spec().secrets());
    let of = |PolicySecret { field: _, folder, name, key }: PolicySecret<'_>| SecretOfPolicy {
        folder,
        name: name.to_owned(),
        key: key.map(|(key, _)| key.to_owned()),
        file: key.map(|(_, file)| file.to_owned()),
    };
    named.map(of).collect()
}

/// An arrival that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The name of its source.
    pub source: String,
    /// Whether that is pushed: then nothing is judged by the position.
    pub pushed: bool,
    /// Split of the source.
    pub split: i32,
    /// Position in the split.
    pub position: i64,
    /// Its bytes.
    pub payload: Vec<u8>,
    /// Attempts that failed so far.
    pub attempts: u32,
    /// By which instant it is judged, in microseconds since 1970.
    pub judged_at: i64,
}

/// What came of asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It is judged.
    Judged {
        /// What becomes of it.
        judged: Judged,
        /// What others said, as JSON.
        answers: String,
    },
    /// Somebody gave no answer, and is asked again later.
    Again {
        /// Why not.
        error: String,
        /// How much later.
        pause: Duration,
    },
}

impl Asking {
    /// Whom the version of a policy asks, with what is needed for that; none if it asks nobody.
    ///
    /// # Errors
    ///
    /// [`AskError`].
    pub fn of(run: Uuid, text: &str, access: &Access) -> Result<Option<Self>, AskError> {
        let pinned = Pinned::from_text(text).map_err(|error| AskError::Policy(error.to_string()))?;
        let SigningPolicySpec { webhooks, lookups, retry_strategy, .. } = pinned.spec();
        let hooks = webhooks.iter().map(|spec| Hook::of(spec, access)).collect::<Result<Vec<_>, _>>()?;
        let queries = lookups.iter().filter_map(|spec| Some((&spec.name, spec.query.as_ref()?)));
        let lookups =
            queries.map(|(name, query)| Lookup::of(name, query, access)).collect::<Result<Vec<_>, _>>()?;
        if hooks.is_empty() && lookups.is_empty() {
            return Ok(None);
        }
        let policy = pinned.hash().iter().map(|byte| format!("{byte:02x}")).collect();
        let retry = Retry::of(retry_strategy.as_ref().unwrap_or(&Default::default()));
        Ok(Some(Self { run, policy, hooks, lookups, retry, room: Semaphore::new(ROOM_KIB) }))
    }

    /// Makes sure that lookups can be asked as the policy has it, as far as their databases are there.
    ///
    /// # Errors
    ///
    /// What is wrong with the first that cannot.
    pub async fn look(&self) -> Result<(), AskError> {
        for lookup in &self.lookups {
            lookup.look().await?;
        }
        Ok(())
    }

    /// How many arrivals are asked about in one go: what the slowest can take at a time.
    #[must_use]
    pub fn at_a_time(&self) -> i32 {
        let of_each = self.hooks.iter().map(|hook| hook.at_a_time(self.hooks.len()));
        let of_lookups = (!self.lookups.is_empty()).then_some(MOST_AT_A_TIME);
        let least = of_each.chain(of_lookups).min().unwrap_or(MOST_AT_A_TIME);
        i32::try_from(least.clamp(1, 10_000)).unwrap_or(i32::MAX)
    }

    /// For how long arrivals have to be in hand: for one go, and to settle then what came of it.
    #[must_use]
    pub fn longest(&self) -> Duration {
        let longest = self.hooks.iter().map(Hook::timeout).max().unwrap_or_default();
        longest * 3 + Duration::from_secs(if self.lookups.is_empty() { 30 } else { 300 })
    }

    /// For how long one go may take: for a call, and as many again before it.
    fn time(&self) -> Duration {
        self.longest() * 2 / 3
    }

    /// Begins to ask about arrivals, and to judge those for which everybody answered.
    #[must_use]
    pub fn go<'a>(&'a self, judge: &'a Judge, waiting: &'a [Waiting]) -> Go<'a> {
        Go::begin(self, judge, waiting, Instant::now() + self.time())
    }
}
