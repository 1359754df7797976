//! Leader election by a Lease, as `client-go` does it
//! (<https://pkg.go.dev/k8s.io/client-go/tools/leaderelection>): whether another's lease has expired is
//! measured from when this process saw it renewed, on its own monotonic clock, so that clocks need
//! not agree; and a write succeeds only on the Lease as it was seen.
//!
//! It does not fence: for a moment two processes may both lead. Everything that a leader does is safe if
//! two of them do it.

use std::sync::Arc;
use std::time::Duration;

use chancery_process::Stop;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta, OwnerReference};
use k8s_openapi::jiff::Timestamp;
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::host::complaints::Complaints;

/// How long a leader that does not renew is still taken for the leader.
pub(crate) const DURATION: Duration = Duration::from_secs(12);

/// How often a leader renews.
const RENEWAL: Duration = Duration::from_secs(5);

/// How long a leader that cannot renew continues: it stops well before another starts.
const DEADLINE: Duration = Duration::from_secs(9);

/// How soon it retries a renewal: one request that fails or is lost must not cost it the lead.
const RETRY: Duration = Duration::from_secs(1);

/// How often the others check whether they may lead.
const CHECK_INTERVAL: Duration = Duration::from_secs(2);

/// Timeout of one request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);

/// One candidate.
pub struct Candidate {
    api: Api<Lease>,
    name: String,
    identity: String,
    /// The pod of this process: a Lease goes with the pod of whoever holds it.
    pod: Option<OwnerReference>,
    complaints: Arc<Complaints>,
    /// Instant of the last answer of the API server.
    answered: watch::Sender<Option<Instant>>,
}

/// Proof that a candidate leads.
pub struct Lead {
    /// The Lease as it was written last.
    lease: Lease,
    /// An instant before that write: others cannot have seen it earlier.
    renewed: Instant,
}

/// A Lease of another, and since when it has not changed.
struct Seen {
    version: Option<String>,
    since: Instant,
}

impl Candidate {
    /// A candidate of this identity for the Lease `name`.
    pub fn new(client: Client, namespace: &str, name: &str, identity: String) -> Self {
        let answered = watch::Sender::new(None);
        Self {
            api: Api::namespaced(client, namespace),
            name: name.to_owned(),
            identity,
            pod: None,
            complaints: Arc::default(),
            answered,
        }
    }

    /// The same, in a pod of this name and uid.
    #[must_use]
    pub fn in_pod(mut self, name: &str, uid: Option<&str>) -> Self {
        self.pod = uid.map(|uid| OwnerReference {
            api_version: "v1".to_owned(),
            kind: "Pod".to_owned(),
            name: name.to_owned(),
            uid: uid.to_owned(),
            ..OwnerReference::default()
        });
        self
    }

    /// The same, which says what goes wrong with others who talk to the API server.
    #[must_use]
    pub fn complaining(self, complaints: Arc<Complaints>) -> Self {
        Self { complaints, ..self }
    }

    /// Whether the API server has answered within the last 12 s.
    pub fn api_answers(&self) -> bool {
        self.answered.borrow().is_some_and(|at| at.elapsed() < DURATION)
    }

    /// Waits until this candidate leads. None if it is asked to stop before.
    pub async fn win(&self, stop: &Stop) -> Option<Lead> {
        let mut seen: Option<Seen> = None;
        loop {
            let asked = Instant::now();
            match self.try_acquire(&mut seen).await {
                Ok(Some(lease)) => return Some(Lead { lease, renewed: asked }),
                Ok(None) => {}
                Err(error) => {
                    self.complaints.complain("the Lease cannot be acquired; the operator retries", &error);
                }
            }
            tokio::select! {
                () = tokio::time::sleep(CHECK_INTERVAL) => {}
                () = stop.asked() => return None,
            }
        }
    }

    /// Renews the Lease for as long as that works; returns once this candidate no longer leads. One request
    /// renews, as long as nothing else writes to the Lease.
    pub async fn hold(&self, Lead { mut lease, mut renewed }: Lead) {
        let mut next = renewed + RENEWAL;
        loop {
            sleep_until(next).await;
            let asked = Instant::now();
            // However many requests it takes.
            let renewal = timeout_at(renewed + DEADLINE, self.renew(lease.clone()));
            match renewal.await.unwrap_or(Err(ElectionError::TimedOut)) {
                Ok(Some(written)) => {
                    lease = written;
                    renewed = asked;
                    next = asked + RENEWAL;
                }
                Ok(None) => {
                    tracing::warn!("the Lease was taken by another operator; this one stops leading");
                    return;
                }
                Err(error) => {
                    self.complaints.complain(
                        "the Lease cannot be renewed; the operator retries until its time is over",
                        &error,
                    );
                    if renewed.elapsed() + RETRY >= DEADLINE {
                        return;
                    }
                    next = Instant::now() + RETRY;
                }
            }
        }
    }

    /// Releases the Lease, so that another candidate need not wait until it expires.
    pub async fn resign(&self) {
        let resigned = async {
            let Some(mut lease) = self.get().await? else { return Ok(()) };
            if self.is_ours(&lease) {
                let spec = lease.spec.get_or_insert_default();
                spec.holder_identity = Some(String::new());
                spec.lease_duration_seconds = Some(1);
                self.replace(&lease).await?;
            }
            Ok::<_, ElectionError>(())
        };
        if let Err(error) = resigned.await {
            self.complaints.complain("the Lease could not be released; it expires by itself", &error);
        }
    }

    async fn try_acquire(&self, seen: &mut Option<Seen>) -> Result<Option<Lease>, ElectionError> {
        let Some(mut lease) = self.get().await? else {
            return self.create().await;
        };
        let version = lease.metadata.resource_version.clone();
        if seen.as_ref().is_none_or(|seen| seen.version != version) {
            *seen = Some(Seen { version, since: Instant::now() });
        }
        let spec = lease.spec.get_or_insert_default();
        let holder = spec.holder_identity.clone().unwrap_or_default();
        let lasts = Duration::from_secs(spec.lease_duration_seconds.map_or(0, i32::unsigned_abs).into());
        let ran_out = seen.as_ref().is_some_and(|seen| seen.since.elapsed() >= lasts);
        // It may take its own Lease again at once.
        if !holder.is_empty() && holder != self.identity && !ran_out {
            return Ok(None);
        }
        let transitions = spec.lease_transitions.unwrap_or_default() + 1;
        *spec = self.spec(transitions);
        lease.metadata.owner_references = self.owners();
        // The API server refuses this if another candidate was faster.
        self.replace(&lease).await
    }

    async fn renew(&self, mut lease: Lease) -> Result<Option<Lease>, ElectionError> {
        lease.spec.get_or_insert_default().renew_time = Some(MicroTime(Timestamp::now()));
        if let Some(written) = self.replace(&lease).await? {
            return Ok(Some(written));
        }
        // Something else wrote to it, or our own write arrived and its answer was lost.
        let Some(mut lease) = self.get().await? else {
            return self.create().await;
        };
        if !self.is_ours(&lease) {
            return Ok(None);
        }
        lease.spec.get_or_insert_default().renew_time = Some(MicroTime(Timestamp::now()));
        self.replace(&lease).await
    }

    fn is_ours(&self, lease: &Lease) -> bool {
        lease.spec.as_ref().and_then(|spec| spec.holder_identity.as_ref()) == Some(&self.identity)
    }

    fn spec(&self, transitions: i32) -> LeaseSpec {
        let now = MicroTime(Timestamp::now());
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(DURATION.as_secs()).ok(),
            acquire_time: Some(now.clone()),
            renew_time: Some(now),
            lease_transitions: Some(transitions),
            ..LeaseSpec::default()
        }
    }

    fn owners(&self) -> Option<Vec<OwnerReference>> {
        self.pod.clone().map(|pod| vec![pod])
    }

    async fn get(&self) -> Result<Option<Lease>, ElectionError> {
        self.within(self.api.get_opt(&self.name)).await
    }

    async fn create(&self) -> Result<Option<Lease>, ElectionError> {
        let lease = Lease {
            metadata: ObjectMeta {
                name: Some(self.name.clone()),
                owner_references: self.owners(),
                ..ObjectMeta::default()
            },
            spec: Some(self.spec(0)),
        };
        won(self.within(self.api.create(&PostParams::default(), &lease)).await)
    }

    async fn replace(&self, lease: &Lease) -> Result<Option<Lease>, ElectionError> {
        won(self.within(self.api.replace(&self.name, &PostParams::default(), lease)).await)
    }

    async fn within<T>(
        &self,
        request: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, ElectionError> {
        let outcome =
            tokio::time::timeout(REQUEST_TIMEOUT, request).await.map_err(|_| ElectionError::TimedOut)?;
        // A refusal is an answer too.
        if matches!(outcome, Ok(_) | Err(kube::Error::Api(_))) {
            self.answered.send_replace(Some(Instant::now()));
        }
        outcome.map_err(ElectionError::Refused)
    }
}

/// Why the Lease could not be read or written.
#[derive(Debug, thiserror::Error)]
enum ElectionError {
    #[error(transparent)]
    Refused(kube::Error),
    #[error("the API server did not answer in time")]
    TimedOut,
}

/// A conflict is no error: another candidate was faster. Nor is a Lease that is gone: it is read again.
fn won(outcome: Result<Lease, ElectionError>) -> Result<Option<Lease>, ElectionError> {
    match outcome {
        Ok(lease) => Ok(Some(lease)),
        Err(ElectionError::Refused(kube::Error::Api(status))) if matches!(status.code, 404 | 409) => Ok(None),
        Err(error) => Err(error),
    }
}
