//! Making a run, and taking one over.

use std::time::Duration;

use sqlx::Row;
use uuid::Uuid;

use crate::connect::Ledger;
use crate::data_keys::NewDataKey;
use crate::error::StoreError;
use crate::error::codes::{BEYOND_LIMITS, KEYRING_DIFFERS, KEYRING_OF_ANOTHER, KEYRING_UNKNOWN};
use crate::generated::GeneratedSource;
use crate::input::Sources;
use crate::notifications::Notifications;
use crate::owner::{Limits, Object};
use crate::policy::NewPolicy;
use crate::query;
use crate::run::Run;
use crate::sinks::Sinks;

/// What a run is created with.
#[derive(Clone, Debug, PartialEq)]
pub struct NewRun {
    /// Namespace of the run's name.
    pub namespace: String,
    /// Name, unique in its namespace.
    pub name: String,
    /// The keyring that it signs with.
    pub keyring: KeyringWanted,
    /// The identity and the data key of a ring that is made.
    pub data_key: NewDataKey,
    /// Where its records come from.
    pub input: NewInput,
    /// What judges its arrivals, if anything does.
    pub policy: Option<NewPolicy>,
    /// Where its signed records go.
    pub sinks: Sinks,
    /// Who is told of what happens to it.
    pub notifications: Notifications,
    /// Records per batch; the last batch may hold fewer.
    pub batch_size: i64,
    /// How long a lease lasts before another signer may take the batch over.
    pub lease_duration: Duration,
    /// Whether nothing is to be leased for now.
    pub suspended: bool,
    /// What it is made for.
    pub object: Object,
    /// The object that its keyring was made for, if that is another namespace's and to be taken over.
    pub adopt_keyring: Option<Uuid>,
    /// What it, and its namespace, may have.
    pub limits: Limits,
}

/// Where the records of a new run come from.
#[derive(Clone, Debug, PartialEq)]
pub enum NewInput {
    /// Random bytes.
    Generated {
        /// Number of records.
        record_count: i64,
        /// Bytes per record.
        record_size: i32,
    },
    /// Payloads from outside.
    Sources(Sources),
}

/// The keyring that a run asks for. What is left out is taken from the ring that is there.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyringWanted {
    /// Name of the ring, in the run's namespace; none for a ring of the run's own.
    pub name: Option<String>,
    /// JOSE name of the algorithm.
    pub algorithm: Option<String>,
    /// Modulus bits of RSA keys.
    pub key_size: Option<i32>,
    /// Number of keys, K.
    pub key_count: Option<i32>,
    /// What is signed around a payload.
    pub envelope: Option<String>,
    /// Of what type what is in the envelope is.
    pub content_type: Option<String>,
    /// The algorithm of a ring that is made where none is asked for.
    pub default_algorithm: String,
    /// The key size of a ring that is made where none is asked for; none if its algorithm has none.
    pub default_key_size: Option<i32>,
}

impl Ledger {
    /// Creates a run, and its keyring if need be; or finds the run that has its name, whosever it is. True when it was created now.
    ///
    /// # Errors
    ///
    /// [`StoreError::KeyringDiffers`] when the ring that it names is another one than it asks for,
    /// [`StoreError::KeyringOfAnother`] when that is another namespace's,
    /// [`StoreError::KeyringUnknown`] when there is none and the run does not say how many keys to make,
    /// [`StoreError::BeyondLimits`] for a run that is beyond what it may have; and a database that is away or refuses.
    pub async fn create_run(&self, new: &NewRun) -> Result<(Run, bool), StoreError> {
        let NewRun {
            namespace,
            name,
            keyring,
            data_key: NewDataKey { keyring_uid, fingerprint, kek_fingerprint, wrapped },
            input,
            policy,
            sinks,
            notifications,
            batch_size,
            lease_duration,
            suspended,
            object,
            adopt_keyring,
            limits,
        } = new;
        let Limits { run_bytes, key_bits, namespace_runs, namespace_bytes } = limits;
        let Columns { records, record_size, sources } = Columns::of(input);
        let dead_letter = sources.map(|sources| sources.dead_letter);
        let created = self
            .ask(query::run_create, async |query, connection| {
                query
                    .rows()
                    .bind(namespace)
                    .bind(name)
                    .bind(&keyring.name)
                    .bind(keyring_uid)
                    .bind(fingerprint)
                    .bind(wrapped)
                    .bind(kek_fingerprint)
                    .bind(&keyring.algorithm)
                    .bind(keyring.key_size)
                    .bind(keyring.key_count)
                    .bind(&keyring.default_algorithm)
                    .bind(keyring.default_key_size)
                    .bind(batch_size)
                    .bind(lease_duration.as_secs_f64())
                    .bind(suspended)
                    .bind(records)
                    .bind(record_size)
                    .bind(record_size.map(GeneratedSource::chunk_for))
                    .bind(object.namespace_uid)
                    .bind(object.object_uid)
                    .bind(object.namespace_made_seconds())
                    .bind(adopt_keyring)
                    .bind(run_bytes)
                    .bind(key_bits)
                    .bind(namespace_runs)
                    .bind(namespace_bytes)
                    .bind(sources.map(Sources::as_json))
                    .bind(sources.map(|sources| sources.idempotency.name()))
                    .bind(dead_letter.map(|dead_letter| dead_letter.limit))
                    .bind(dead_letter.map(|dead_letter| dead_letter.retention.as_secs_f64()))
                    .bind(sources.and_then(|sources| sources.idempotency.expression()))
                    .bind(sources.map(|sources| sources.digest_window.as_secs_f64()))
                    .bind(policy.as_ref().map(|policy| &policy.name))
                    .bind(policy.as_ref().map(|policy| &policy.text))
                    .bind(&keyring.envelope)
                    .bind(&keyring.content_type)
                    .bind(sinks.as_json())
                    .bind(notifications.as_json())
                    .fetch_one(connection)
                    .await
            })
            .await
            .map_err(|error| {
                let ring = || format!("{namespace}/{}", keyring.name.as_deref().unwrap_or_default());
                refusal(error, ring)
            })?
            .get("created");
        Ok((self.find_run(namespace, name).await?, created))
    }

    /// Gives a run to another object, which shows by `former`, the uid of the object that the run was made for, that it may
    /// see it. False when the run has become somebody else's meanwhile. The ring that a run has to itself goes with
    /// it; that of another namespace has to be named by `adopt_keyring`, the uid of the object that it was made for. Logins
    /// of the run end here: whoever had it before may have kept one.
    ///
    /// # Errors
    ///
    /// [`StoreError::KeyringOfAnother`] when it is not; and a database that is away or refuses.
    pub async fn adopt_run(
        &self,
        run: &Run,
        former: Uuid,
        object: &Object,
        adopt_keyring: Option<Uuid>,
    ) -> Result<bool, StoreError> {
        let adopted = self.give(run, former, object, adopt_keyring, false).await?;
        if adopted {
            self.end_logins(run).await?;
        }
        Ok(adopted)
    }

    /// Notes whose a run is that was made before that was kept. False when it has become somebody's meanwhile.
    ///
    /// # Errors
    ///
    /// As for [`Ledger::adopt_run`].
    pub async fn claim_run(
        &self,
        run: &Run,
        object: &Object,
        adopt_keyring: Option<Uuid>,
    ) -> Result<bool, StoreError> {
        self.give(run, run.owner.object_uid, object, adopt_keyring, true).await
    }

    async fn give(
        &self,
        run: &Run,
        former: Uuid,
        object: &Object,
        adopt_keyring: Option<Uuid>,
        claimed: bool,
    ) -> Result<bool, StoreError> {
        self.ask(query::run_adopt, async |query, connection| {
            query
                .scalars()
                .bind(run.id)
                .bind(former)
                .bind(object.namespace_uid)
                .bind(object.object_uid)
                .bind(object.namespace_made_seconds())
                .bind(adopt_keyring)
                .bind(claimed)
                .fetch_one(connection)
                .await
        })
        .await
        .map_err(|error| refusal(error, || run.keyring.full_name()))
    }

    /// Bytes that the database takes on its disk, as far as the server lets the owner know.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn bytes_used(&self) -> Result<i64, StoreError> {
        self.ask(query::database_used, async |query, connection| query.scalars().fetch_one(connection).await)
            .await
    }
}

/// What `run_create` is told of the input.
struct Columns<'a> {
    records: Option<i64>,
    record_size: Option<i32>,
    sources: Option<&'a Sources>,
}

impl<'a> Columns<'a> {
    const fn of(input: &'a NewInput) -> Self {
        match input {
            NewInput::Generated { record_count, record_size } => {
                Self { records: Some(*record_count), record_size: Some(*record_size), sources: None }
            }
            NewInput::Sources(sources) => {
                Self { records: sources.record_limit, record_size: None, sources: Some(sources) }
            }
        }
    }
}

/// What the ledger means by a refusal of its own.
fn refusal(error: StoreError, keyring: impl FnOnce() -> String) -> StoreError {
    if let Some(found) = error.refused_with(KEYRING_DIFFERS) {
        StoreError::KeyringDiffers { keyring: keyring(), found: found.to_owned() }
    } else if let Some(since) = error.refused_with(KEYRING_OF_ANOTHER) {
        StoreError::KeyringOfAnother { keyring: keyring(), since: since.to_owned() }
    } else if let Some(sentence) = error.refused_with(BEYOND_LIMITS) {
        StoreError::BeyondLimits(sentence.to_owned())
    } else if error.is_refusal(KEYRING_UNKNOWN) {
        StoreError::KeyringUnknown(keyring())
    } else {
        error
    }
}
