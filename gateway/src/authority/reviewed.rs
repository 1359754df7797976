//! Tokens and rights that somebody else is asked about, such as an API server. What was answered is believed for some seconds.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use super::access::Access;
use super::cache::{Cache, Key};
use crate::metrics::{Metrics, Review};
use crate::problem::Problem;

/// Tokens that are remembered at the same time, and as many rights. Each takes some hundred bytes.
const REMEMBERED: usize = 10_000;

/// Questions that are asked at the same time: whoever shows ever other tokens must not drown who is asked.
const AT_ONCE: usize = 16;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whose a token is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Name, such as `system:serviceaccount:team-a:payments`.
    pub username: String,
    /// Its uid.
    pub uid: Option<String>,
    /// The groups that it is in.
    pub groups: Vec<String>,
    /// What else is said of it.
    pub extra: BTreeMap<String, Vec<String>>,
}

/// Nobody could be asked.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ReviewError(pub String);

/// Who is asked.
#[async_trait::async_trait]
pub trait Reviewer: Send + Sync {
    /// Whose a token is; none if it is nobody's, has run out, or is meant for somebody else.
    ///
    /// # Errors
    ///
    /// [`ReviewError`], when that is not known.
    async fn account_of(&self, token: &str) -> Result<Option<Account>, ReviewError>;

    /// Whether an account may have this access.
    ///
    /// # Errors
    ///
    /// [`ReviewError`], when that is not known.
    async fn may(&self, account: &Account, access: &Access) -> Result<bool, ReviewError>;
}

/// See the module. Clones remember together.
#[derive(Clone)]
pub struct Reviewed(Arc<Shared>);

struct Shared {
    reviewer: Box<dyn Reviewer>,
    accounts: Cache<Option<Arc<Account>>>,
    rights: Cache<bool>,
    room: Semaphore,
    metrics: Metrics,
}

impl fmt::Debug for Reviewed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reviewed")
    }
}

impl Reviewed {
    /// Asks this one, and believes what it said for so long: a token that is revoked may be used for as long.
    #[must_use]
    pub fn by(reviewer: impl Reviewer + 'static, believed: Duration, metrics: Metrics) -> Self {
        Self(Arc::new(Shared {
            reviewer: Box::new(reviewer),
            accounts: Cache::new(believed, REMEMBERED),
            rights: Cache::new(believed, REMEMBERED),
            room: Semaphore::new(AT_ONCE),
            metrics,
        }))
    }

    pub(crate) async fn admit(&self, authorization: &[u8], access: Option<&Access>) -> Result<(), Problem> {
        let token = token_of(authorization).ok_or_else(Problem::unauthorized)?;
        let key = hash(&[token.as_bytes()]);
        let account = self.account(key, token).await.map_err(|error| away(&error))?;
        let account = account.ok_or_else(Problem::unauthorized)?;
        let Some(access) = access else { return Ok(()) };
        if self.may(key, &account, access).await.map_err(|error| away(&error))? {
            Ok(())
        } else {
            Err(Problem::forbidden(&account.username, access))
        }
    }

    /// The name of the account whose token this is.
    pub(crate) async fn who(&self, authorization: &[u8]) -> Result<String, Problem> {
        let token = token_of(authorization).ok_or_else(Problem::unauthorized)?;
        let account = self.account(hash(&[token.as_bytes()]), token).await.map_err(|error| away(&error))?;
        Ok(account.ok_or_else(Problem::unauthorized)?.username.clone())
    }

    async fn account(&self, key: Key, token: &str) -> Result<Option<Arc<Account>>, ReviewError> {
        let shared = &self.0;
        shared
            .accounts
            .get_or_find(key, async {
                let found = self.ask(Review::Token, shared.reviewer.account_of(token)).await?;
                shared.metrics.reviewed(Review::Token, found.is_some());
                Ok(found.map(Arc::new))
            })
            .await
    }

    async fn may(&self, token: Key, account: &Account, access: &Access) -> Result<bool, ReviewError> {
        let shared = &self.0;
        let Access { verb, resource, subresource, namespace, name } = access;
        let parts = [verb.name(), resource, subresource, namespace, name].map(str::as_bytes);
        let key = hash(&[&token[..], parts[0], parts[1], parts[2], parts[3], parts[4]]);
        shared
            .rights
            .get_or_find(key, async {
                let allowed = self.ask(Review::Access, shared.reviewer.may(account, access)).await?;
                shared.metrics.reviewed(Review::Access, allowed);
                Ok(allowed)
            })
            .await
    }

    async fn ask<T>(
        &self,
        review: Review,
        question: impl Future<Output = Result<T, ReviewError>>,
    ) -> Result<T, ReviewError> {
        let asked = async {
            // The semaphore is never closed.
            let _place = self.0.room.acquire().await;
            question.await
        };
        let late = || ReviewError(format!("no answer within {} s", PATIENCE.as_secs()));
        let answer = tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(|_| Err(late()));
        if answer.is_err() {
            self.0.metrics.review_failed(review);
        }
        answer
    }
}

/// The token in a header `Authorization`.
fn token_of(authorization: &[u8]) -> Option<&str> {
    let (scheme, token) = authorization.split_at_checked("Bearer ".len())?;
    let token = std::str::from_utf8(token.trim_ascii()).ok()?;
    (scheme.eq_ignore_ascii_case(b"Bearer ") && !token.is_empty()).then_some(token)
}

/// Of parts that are told apart by their lengths.
fn hash(parts: &[&[u8]]) -> Key {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

fn away(error: &ReviewError) -> Problem {
    tracing::warn!(%error, "whoever knows tokens and rights cannot be asked");
    Problem::authority_away()
}

#[cfg(test)]
mod tests;
