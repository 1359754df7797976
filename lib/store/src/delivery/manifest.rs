//! Manifests: what says of a sink which batches it has.

use std::time::Duration;

use super::DeliverySession;
use crate::answer::{SHORT, answered};
use crate::connect::Ledger;
use crate::error::StoreError;
use crate::lease::Token;
use crate::query;
use crate::row::from_row;
use crate::run::Run;

/// A manifest that is this holder's for a while.
#[derive(Debug)]
pub struct TakenManifest {
    /// Number of the sink in its run.
    pub sink: i32,
    /// Its own: 1 for the first one.
    pub number: i32,
    /// How often the sink refused it.
    pub attempts: i32,
    pub(super) token: Token,
}

/// What is said in a manifest beside its objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestHead {
    /// Records of the run.
    pub records: i64,
    /// Its batches.
    pub batches: i64,
    /// Batches that the sink has.
    pub delivered: i64,
    /// Batches that were given up.
    pub dead: i64,
    /// The keys that signed, as the ledger keeps them, in the order of their numbers.
    pub public_keys: Vec<Vec<u8>>,
    /// Of each statement about the run that is to be in it, the id of the key.
    pub key_ids: Vec<String>,
    /// What was signed.
    pub bodies: Vec<Vec<u8>>,
    /// The signature.
    pub signatures: Vec<Vec<u8>>,
}

from_row!(ManifestHead { records, batches, delivered, dead, public_keys, key_ids, bodies, signatures });

/// What became of a batch at a sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchOfManifest {
    /// Its number.
    pub batch: i64,
    /// The number of its first record.
    pub first_record: i64,
    /// The number of its last record.
    pub last_record: i64,
    /// `Delivered`, or `Dead`.
    pub state: String,
    /// What the sink knows it by.
    pub object: Option<String>,
    /// SHA-256 of what it was given.
    pub digest: Option<Vec<u8>>,
    /// What it said last, of one that it does not have.
    pub last_error: Option<String>,
}

from_row!(BatchOfManifest { batch, first_record, last_record, state, object, digest, last_error });

/// How far the manifest of a sink is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestOfSink {
    /// The name of the sink.
    pub sink: String,
    /// 1 for the first one.
    pub number: i32,
    /// Whether it has the statements about the run.
    pub stated: bool,
    /// How often the sink refused it.
    pub attempts: i32,
    /// What it said last.
    pub last_error: Option<String>,
    /// What the sink knows it by; none while it waits, and of one that was given up.
    pub object: Option<String>,
    /// Its SHA-256.
    pub digest: Option<Vec<u8>>,
    /// When it was brought there or given up, RFC 3339, UTC.
    pub ended_at: Option<String>,
}

from_row!(ManifestOfSink { sink, number, stated, attempts, last_error, object, digest, ended_at });

impl DeliverySession {
    /// What is said in the manifest beside its objects; none when it is somebody else's by now.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn manifest_head(&mut self, taken: &TakenManifest) -> Result<Option<ManifestHead>, StoreError> {
        let statement = query::manifest_head.rows_as().bind(taken.sink).bind(taken.token.as_bytes());
        answered(query::manifest_head.name, SHORT, statement.fetch_optional(&mut self.connection)).await
    }

    /// What became of the batches behind this one, so many at the most. None when the run has no more, or the manifest is somebody else's
    /// by now.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn manifest_batches(
        &mut self,
        taken: &TakenManifest,
        after: i64,
        most: i32,
    ) -> Result<Vec<BatchOfManifest>, StoreError> {
        let statement = query::manifest_batches.rows_as();
        let statement = statement.bind(taken.sink).bind(taken.token.as_bytes()).bind(after).bind(most);
        answered(query::manifest_batches.name, SHORT, statement.fetch_all(&mut self.connection)).await
    }

    /// Prolongs it: it is this holder's for so long from now. False when it is somebody else's by now.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn renew_manifest(
        &mut self,
        taken: &TakenManifest,
        hold: Duration,
    ) -> Result<bool, StoreError> {
        let statement = query::manifest_renew.scalars();
        let statement = statement.bind(taken.sink).bind(taken.token.as_bytes()).bind(hold.as_secs_f64());
        answered(query::manifest_renew.name, SHORT, statement.fetch_one(&mut self.connection)).await
    }

    /// Says that the sink has it. False when it is somebody else's by now.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn settle_manifest(
        &mut self,
        taken: &TakenManifest,
        object: &str,
        digest: &[u8; 32],
    ) -> Result<bool, StoreError> {
        let statement = query::manifest_settle.scalars();
        let statement =
            statement.bind(taken.sink).bind(taken.token.as_bytes()).bind(object).bind(&digest[..]);
        answered(query::manifest_settle.name, SHORT, statement.fetch_one(&mut self.connection)).await
    }

    /// Says that the sink refused it: that counts. Whether it is given up; none when it is somebody else's by now.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn fail_manifest(
        &mut self,
        taken: &TakenManifest,
        error: &str,
        pause: Duration,
    ) -> Result<Option<bool>, StoreError> {
        let statement = query::manifest_fail.scalars();
        let statement =
            statement.bind(taken.sink).bind(taken.token.as_bytes()).bind(error).bind(pause.as_secs_f64());
        answered(query::manifest_fail.name, SHORT, statement.fetch_one(&mut self.connection)).await
    }

    /// Gives it back: no attempt counts. With an error, since the sink cannot be reached: it is left alone for that long. False when it is
    /// somebody else's by now.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn give_back_manifest(
        &mut self,
        taken: &TakenManifest,
        unavailable: Option<(&str, Duration)>,
    ) -> Result<bool, StoreError> {
        let statement = query::manifest_give_back
            .scalars()
            .bind(taken.sink)
            .bind(taken.token.as_bytes())
            .bind(unavailable.map(|(error, _)| error))
            .bind(unavailable.map(|(_, pause)| pause.as_secs_f64()));
        answered(query::manifest_give_back.name, SHORT, statement.fetch_one(&mut self.connection)).await
    }
}

impl Ledger {
    /// Says that statements are made about a run: its manifests have them, and wait for them. Returns how many do so from now on.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn state_manifests(&self, run: &Run) -> Result<i64, StoreError> {
        self.ask(query::manifests_stated, async |query, connection| {
            query.scalars().bind(run.id).fetch_one(connection).await
        })
        .await
    }

    /// How far the manifests of a run are, in the order of its sinks.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn manifests(&self, run: &Run) -> Result<Vec<ManifestOfSink>, StoreError> {
        self.ask(query::manifests_list, async |query, connection| {
            query.rows_as().bind(run.id).fetch_all(connection).await
        })
        .await
    }
}
