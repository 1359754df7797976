//! Runs: creating, finding, watching, deleting.

use std::time::Duration;

use sqlx::postgres::PgConnection;
use uuid::Uuid;

use crate::answer::{LONG, SHORT, answered};
use crate::connect::Ledger;
use crate::error::StoreError;
use crate::input::Input;
use crate::keyring::Keyring;
use crate::notifications::Notifications;
use crate::owner::Owner;
use crate::parts::Part;
use crate::policy::RunPolicy;
use crate::query::{self, Query};
use crate::row::from_row;
use crate::run_secrets::RunSecret;
use crate::sinks::Sinks;

/// How long a deletion may wait for others that still read the run's tables.
const WHOLE_DELETION: Duration = Duration::from_secs(3600);

/// How long one statement of it may take: the server gives up first, unless it is out of reach.
const DELETION_ANSWER: Duration = WHOLE_DELETION.saturating_add(Duration::from_secs(10));

/// A run as it stands in the ledger.
#[derive(Clone, Debug)]
pub struct Run {
    /// The ledger's own number of the run.
    pub id: i32,
    /// The run's identity: one that is made anew under its name has another.
    pub uid: Uuid,
    /// Namespace of the run's name.
    pub namespace: String,
    /// Name, unique in its namespace.
    pub name: String,
    /// Whose it is.
    pub owner: Owner,
    /// When it was made, in seconds since 1970 by the clock of the database.
    pub made_at: i64,
    /// The keyring that it signs with.
    pub keyring: Keyring,
    /// Where its records come from.
    pub input: Input,
    /// What judges its arrivals, if anything does.
    pub policy: Option<RunPolicy>,
    /// Where its signed records go.
    pub sinks: Sinks,
    /// Who is told of what happens to it.
    pub notifications: Notifications,
    /// Records per batch.
    pub batch_size: i64,
    /// Number of records, N; known once the run is sealed.
    pub sealed_records: Option<i64>,
    /// Whether nothing is to be leased for now.
    pub suspended: bool,
    /// Whether the input is complete.
    pub sealed: bool,
    /// Whether every batch is signed and at each sink, or given up there, and every key is in the ring.
    pub complete: bool,
    /// Whether the run is being deleted.
    pub deleted: bool,
}

from_row!(Run {
    id,
    uid,
    namespace,
    name,
    owner: Owner,
    made_at,
    keyring: Keyring,
    input: Input,
    policy: (Option RunPolicy if "policy_name"),
    sinks: Sinks,
    notifications: Notifications,
    batch_size,
    sealed_records,
    suspended,
    sealed,
    complete,
    deleted
});

impl Run {
    pub(crate) async fn find(
        connection: &mut PgConnection,
        namespace: &str,
        name: &str,
    ) -> Result<Self, StoreError> {
        let statement = query::run_find.rows_as().bind(namespace).bind(name);
        answered(query::run_find.name, SHORT, statement.fetch_optional(connection))
            .await?
            .ok_or_else(|| StoreError::NoRun(format!("{namespace}/{name}")))
    }

    /// The same, unless the run is being deleted: then some of its tables may be gone already.
    pub(crate) fn whole(self) -> Result<Self, StoreError> {
        if self.deleted {
            return Err(StoreError::BeingDeleted(format!("{}/{}", self.namespace, self.name)));
        }
        Ok(self)
    }

    /// How many records it has, or will have: none while nobody knows.
    #[must_use]
    pub fn records(&self) -> Option<i64> {
        self.sealed_records.or_else(|| self.input.generated().map(|source| source.record_count))
    }

    /// Whether nothing is left to be made: every key is in the ring, and the input is complete.
    #[must_use]
    pub fn is_stocked(&self) -> bool {
        self.keyring.filled && self.sealed
    }
}

/// How far a run is, by the ledger's own count.
#[derive(Clone, Debug)]
pub struct Progress {
    /// The ledger's own number of the run.
    pub id: i32,
    /// Records of the run once it is sealed; until then, those that will be generated, or those admitted so far from
    /// sources.
    pub record_count: i64,
    /// Keys that the ring is to have.
    pub key_count: i32,
    /// Records admitted.
    pub records_admitted: i64,
    /// Batches closed: once the run is sealed, all it has.
    pub batches_closed: i64,
    /// Keys that are in the ring.
    pub keys_joined: i64,
    /// Batches signed.
    pub batches_signed: i64,
    /// Records signed.
    pub records_signed: i64,
    /// Bytes, about, that the records and signatures which are still to come take in the database.
    pub bytes_to_come: i64,
    /// Batches in a signer's hands.
    pub batches_leased: i64,
    /// Keys in a signer's hands, in any run of the ring.
    pub keys_leased: i64,
    /// How long a lease lasts that is granted from now on, in seconds.
    pub lease_seconds: f64,
    /// Whether nothing is to be leased for now: it was suspended, or has too many dead letters.
    pub suspended: bool,
    /// Whether more of its arrivals are dead than it allows.
    pub too_many_dead: bool,
    /// What became of its arrivals; none for generated records.
    pub arrivals: Option<ArrivalCounts>,
    /// Why nothing is admitted for now, although the run goes on; none while there is room for more.
    pub held: Option<String>,
    /// Whether every key is in the ring.
    pub filled: bool,
    /// Whether the input is complete.
    pub sealed: bool,
    /// Whether every batch is signed, and at each sink or given up there.
    pub complete: bool,
    /// When it was made, in microseconds since 1970 by the clock of the database.
    pub created_micros: i64,
    /// When it was complete, in the same.
    pub completed_micros: Option<i64>,
    /// Whether the run is being deleted.
    pub deleted: bool,
    /// Tells which KEK has wrapped the data key of the ring.
    pub kek_fingerprint: String,
    pub(crate) secret_owner: Option<String>,
    pub(crate) secret_name: Option<String>,
    pub(crate) secret_content: Option<String>,
    pub(crate) secret_made: bool,
    pub(crate) intake_secret_owner: Option<String>,
    pub(crate) intake_secret_name: Option<String>,
    pub(crate) intake_secret_content: Option<String>,
    pub(crate) intake_secret_made: bool,
    pub(crate) delivery_secret_owner: Option<String>,
    pub(crate) delivery_secret_name: Option<String>,
    pub(crate) delivery_secret_content: Option<String>,
    pub(crate) delivery_secret_made: bool,
}

from_row!(Progress {
    id,
    record_count,
    key_count,
    records_admitted,
    batches_closed,
    keys_joined,
    batches_signed,
    records_signed,
    bytes_to_come,
    batches_leased,
    keys_leased,
    lease_seconds,
    suspended,
    too_many_dead,
    arrivals: (Option ArrivalCounts if "received"),
    held,
    filled,
    sealed,
    complete,
    created_micros,
    completed_micros,
    deleted,
    kek_fingerprint,
    secret_owner,
    secret_name,
    secret_content,
    secret_made,
    intake_secret_owner,
    intake_secret_name,
    intake_secret_content,
    intake_secret_made,
    delivery_secret_owner,
    delivery_secret_name,
    delivery_secret_content,
    delivery_secret_made
});

/// What became of the arrivals of a run's sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArrivalCounts {
    /// Offered so far: the sum of the others.
    pub received: i64,
    /// Became records.
    pub admitted: i64,
    /// Repeat a record of the ring.
    pub duplicates: i64,
    /// Could not become records.
    pub dead: i64,
    /// Were rejected by a rule.
    pub rejected: i64,
    /// Wait for what others say of them.
    pub pending: i64,
    /// Records that a rule flagged.
    pub flagged: i64,
    /// Alerts about records.
    pub alerts: i64,
    /// More dead ones suspend the run.
    pub dead_limit: i64,
}

from_row!(ArrivalCounts {
    received,
    admitted,
    duplicates,
    dead,
    rejected,
    pending,
    flagged,
    alerts,
    dead_limit
});

/// What the lease log tells about a run's signing.
#[derive(Clone, Debug)]
pub struct Times {
    /// Seconds from the first lease to the last stored batch.
    pub signing_seconds: Option<f64>,
    /// Leases that ran out.
    pub expired: i64,
    /// Leases that were given back unsigned.
    pub abandoned: i64,
    /// Signers that stored at least one batch.
    pub holders: i64,
}

from_row!(Times { signing_seconds, expired, abandoned, holders });

impl Progress {
    /// Whether every batch that the run will ever have is signed.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        self.sealed && self.batches_signed == self.batches_closed
    }

    /// Whether its signers have nothing left to do: every batch is signed, and every key is in the ring.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.is_signed() && self.filled
    }

    /// Keys that are still to be made.
    #[must_use]
    pub fn missing_keys(&self) -> i64 {
        if self.filled { 0 } else { (i64::from(self.key_count) - self.keys_joined).max(1) }
    }

    /// The Secret of its signers on a cluster; none before one was named.
    #[must_use]
    pub fn secret(&self) -> Option<RunSecret> {
        Some(RunSecret {
            owner: self.secret_owner.clone()?,
            name: self.secret_name.clone()?,
            content: self.secret_content.clone()?,
            made: self.secret_made,
        })
    }

    /// The Secret of its intake on a cluster; none before one was named.
    #[must_use]
    pub fn intake_secret(&self) -> Option<RunSecret> {
        Some(RunSecret {
            owner: self.intake_secret_owner.clone()?,
            name: self.intake_secret_name.clone()?,
            content: self.intake_secret_content.clone()?,
            made: self.intake_secret_made,
        })
    }

    /// The Secret of its delivery on a cluster; none before one was named.
    #[must_use]
    pub fn delivery_secret(&self) -> Option<RunSecret> {
        Some(RunSecret {
            owner: self.delivery_secret_owner.clone()?,
            name: self.delivery_secret_name.clone()?,
            content: self.delivery_secret_content.clone()?,
            made: self.delivery_secret_made,
        })
    }

    /// Batches that are there and not signed.
    #[must_use]
    pub fn unsigned_batches(&self) -> i64 {
        self.batches_closed - self.batches_signed
    }

    /// Whether signers could sign something now, as far as the run itself goes.
    #[must_use]
    pub fn has_work(&self) -> bool {
        self.keys_joined > 0 && !self.suspended && !self.deleted && self.unsigned_batches() > 0
    }
}

impl Ledger {
    /// Finds a run by its name.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoRun`] when there is none.
    pub async fn find_run(&self, namespace: &str, name: &str) -> Result<Run, StoreError> {
        self.lend(async |connection| Run::find(connection, namespace, name).await).await
    }

    /// Every run, in the order of their namespaces and names, in one query.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn list_runs(&self) -> Result<Vec<Run>, StoreError> {
        self.ask(query::run_list, async |query, connection| query.rows_as().fetch_all(connection).await).await
    }

    /// Sets what may change while a run is under way.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn set_mutable(
        &self,
        run: &Run,
        suspended: bool,
        lease_duration: Duration,
    ) -> Result<(), StoreError> {
        self.ask(query::run_set_mutable, async |query, connection| {
            query
                .rows()
                .bind(run.id)
                .bind(suspended)
                .bind(lease_duration.as_secs_f64())
                .execute(connection)
                .await
        })
        .await
        .map(|_| ())
    }

    /// How far each of these runs is, in one query. Runs that are gone are left out.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn progress(&self, runs: &[i32]) -> Result<Vec<Progress>, StoreError> {
        self.ask(query::run_progress, async |query, connection| {
            query.rows_as().bind(runs).fetch_all(connection).await
        })
        .await
    }

    /// What the lease log tells about the run's signing.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn times(&self, run: &Run) -> Result<Times, StoreError> {
        self.ask(query::run_times, async |query, connection| {
            query.rows_as().bind(run.id).fetch_one(connection).await
        })
        .await
    }

    /// Gives back at once what holders that are known to be dead still hold. Returns how many leases
    /// that were. A dead holder's last statement may still be on its way to the server: call again
    /// for a while.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn release_holders(&self, run: &Run, holders: &[String]) -> Result<i64, StoreError> {
        self.ask(query::holders_release, async |query, connection| {
            query.scalars().bind(run.id).bind(holders).fetch_one(connection).await
        })
        .await
    }

    /// Returns the keys of leases that have ended to the ring. Signers do so whenever they ask for a
    /// lease; after a run's last store nobody asks any more.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn settle(&self, run: &Run) -> Result<(), StoreError> {
        self.ask(query::run_settle, async |query, connection| {
            query.rows().bind(run.id).execute(connection).await
        })
        .await
        .map(|_| ())
    }

    /// Holders that have a live lease in the run.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn live_holders(&self, run: &Run) -> Result<Vec<String>, StoreError> {
        self.ask(query::run_live_holders, async |query, connection| {
            query.scalars().bind(run.id).fetch_all(connection).await
        })
        .await
    }

    /// Deletes a run with all that belongs to it. A keyring that has a name is no part of it: it stays, and the
    /// run's leases stay in its log for as long as they are needed there. Takes as long as dropping tables does, whatever the
    /// run's size, and does not stop the signers of other runs. An interrupted deletion is finished
    /// by calling again.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses; what was removed until then stays removed.
    pub async fn delete_run(&self, run: &Run) -> Result<(), StoreError> {
        self.ask(query::run_mark_deleted, async |query, connection| {
            query.rows().bind(run.id).execute(connection).await
        })
        .await?;
        let mut connection = self.drop_parts(query::run_partitions, run.id).await?;
        if run.keyring.name.is_some() {
            let forget = query::digests_forget.rows().bind(run.id);
            answered(query::digests_forget.name, DELETION_ANSWER, forget.execute(&mut connection)).await?;
        }
        let removal = query::run_remove.rows().bind(run.id);
        answered(query::run_remove.name, DELETION_ANSWER, removal.execute(&mut connection)).await?;
        // The run is gone: its logins can do nothing any more, and must not keep it from going.
        self.end_logins(run).await?;
        if run.keyring.name.is_some() { self.forget_leases(&run.keyring).await } else { Ok(()) }
    }

    /// Drops the table of a ring's digests, once the ring is gone.
    pub(crate) async fn drop_digests(&self, ring: &Keyring) -> Result<(), StoreError> {
        self.drop_parts(query::keyring_partitions, ring.id).await.map(|_| ())
    }

    /// Drops the parts that the query finds for a number, and gives back the connection that did it.
    async fn drop_parts(&self, parts: Query, number: i32) -> Result<PgConnection, StoreError> {
        // On a connection of its own, because of the lock: one deletion at a time. Ends with the connection.
        let mut connection = self.url.connect(WHOLE_DELETION).await?;
        let lock = query::deletion_lock.rows();
        answered(query::deletion_lock.name, DELETION_ANSWER, lock.execute(&mut connection)).await?;
        let found = parts.rows_as::<Part>().bind(number);
        let found = answered(parts.name, LONG, found.fetch_all(&mut connection)).await?;
        for part in found {
            part.detach(&mut connection).await?;
            if part.own {
                part.drop_it(&mut connection).await?;
            }
        }
        Ok(connection)
    }
}
