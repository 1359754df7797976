//! What goes wrong with the API server, said in full once, and less and less often while it stays so.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chancery_process::chain;
use tokio::time::Instant;

/// When the same is said again: after this time, then after twice as long, and so on.
const LEAST_PAUSE: Duration = Duration::from_secs(60);

/// At least as often.
const MOST_PAUSE: Duration = Duration::from_secs(3600);

/// What has not come up for so long is over, and news when it comes again.
const OVER: Duration = Duration::from_secs(120);

/// See the module. Shared by all who talk to the API server, so that what keeps many of them waiting is said by one.
#[derive(Debug, Default)]
pub struct Complaints {
    /// Where the API server is.
    server: String,
    said: Mutex<HashMap<String, Said>>,
}

/// What was said, and when it may be said again.
#[derive(Clone, Copy, Debug)]
struct Said {
    times: u64,
    last: Instant,
    again: Instant,
    pause: Duration,
}

impl Complaints {
    /// About the API server at this URL.
    #[must_use]
    pub fn about(server: String) -> Self {
        Self { server, said: Mutex::default() }
    }

    /// Says what went wrong with its whole cause, unless that was said lately.
    pub(crate) fn complain(&self, what: &str, error: &(dyn Error + 'static)) {
        let (error, server) = (chain(error), self.server.as_str());
        match self.times(&error, Instant::now()) {
            Some(1) => tracing::warn!(api_server = server, error, "{what}"),
            Some(times) => tracing::warn!(api_server = server, error, times, "{what}; it is still so"),
            None => tracing::debug!(api_server = server, error, "{what}"),
        }
    }

    /// How often it came up, if that is to be said.
    fn times(&self, error: &str, now: Instant) -> Option<u64> {
        let mut all = self.lock();
        all.retain(|_, said| now.duration_since(said.last) < OVER);
        let said = all.entry(error.to_owned()).or_insert(Said {
            times: 0,
            last: now,
            again: now,
            pause: LEAST_PAUSE,
        });
        said.times += 1;
        said.last = now;
        if now < said.again {
            return None;
        }
        said.again = now + said.pause;
        said.pause = (said.pause * 2).min(MOST_PAUSE);
        Some(said.times)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Said>> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_said_at_once_and_then_less_and_less_often() {
        let (complaints, began) = (Complaints::default(), Instant::now());
        let said: Vec<u64> = (0..=480)
            .step_by(2)
            .filter(|second| {
                complaints.times("no route to host", began + Duration::from_secs(*second)).is_some()
            })
            .collect();
        assert_eq!(said, [0, 60, 180, 420]);
        assert_eq!(
            complaints.times("forbidden", began + Duration::from_secs(480)),
            Some(1),
            "that is another"
        );
    }

    #[test]
    fn what_was_over_is_news() {
        let (complaints, began) = (Complaints::default(), Instant::now());
        assert_eq!(complaints.times("no route to host", began), Some(1));
        assert_eq!(complaints.times("no route to host", began + Duration::from_secs(10)), None);
        assert_eq!(complaints.times("no route to host", began + Duration::from_secs(130)), Some(1));
    }
}
