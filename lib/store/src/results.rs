//! What became of records, one by one or some at a time, for whoever offered them.

use uuid::Uuid;

use crate::connect::Ledger;
use crate::error::StoreError;
use crate::keyring::Keyring;
use crate::query;
use crate::row::from_row;
use crate::run::Run;

/// A record that is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedRecord {
    /// Its number.
    pub record: i64,
    /// SHA-256 of its payload.
    pub digest: Vec<u8>,
    /// The key.
    pub key_id: Uuid,
    /// The signature.
    pub signature: Vec<u8>,
    /// When it was stored, RFC 3339, UTC.
    pub signed_at: String,
    /// The rules that flagged it, as JSON, if any did.
    pub flags: Option<String>,
    /// The payload, if it was asked for and the envelope has it in it.
    pub payload: Option<Vec<u8>>,
}

from_row!(SignedRecord { record, digest, key_id, signature, signed_at, flags, payload });

/// An arrival that could not become a record, and where it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenUp {
    /// Number of its source.
    pub number: i32,
    /// Name of its source.
    pub source: String,
    /// Split of that.
    pub split: i32,
    /// Position in that.
    pub position: i64,
    /// Which step gave it up.
    pub stage: String,
    /// The rule that failed for it, if that was a policy's.
    pub rule: Option<String>,
    /// Why.
    pub reason: String,
    /// When, RFC 3339, UTC.
    pub arrived_at: String,
}

from_row!(GivenUp { number, source, split, position, stage, rule, reason, arrived_at });

/// A key, as everybody may know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// Its id.
    pub id: Uuid,
    /// SubjectPublicKeyInfo, DER.
    pub public_key: Vec<u8>,
}

from_row!(PublicKey { id, public_key });

impl Ledger {
    /// Finds a run by its name, as whoever shows its results may know it: whose it is, and where its sources are, is not
    /// told.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoRun`] when there is none.
    pub async fn show_run(&self, namespace: &str, name: &str) -> Result<Run, StoreError> {
        self.ask(query::run_show, async |query, connection| {
            query.rows_as().bind(namespace).bind(name).fetch_optional(connection).await
        })
        .await?
        .ok_or_else(|| StoreError::NoRun(format!("{namespace}/{name}")))
    }

    /// Finds a keyring by its name, as whoever shows its public keys may know it.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoKeyring`] when there is none.
    pub async fn show_keyring(&self, namespace: &str, name: &str) -> Result<Keyring, StoreError> {
        self.ask(query::keyring_show, async |query, connection| {
            query.rows_as().bind(namespace).bind(name).fetch_optional(connection).await
        })
        .await?
        .ok_or_else(|| StoreError::NoKeyring(format!("{namespace}/{name}")))
    }

    /// Those of these records that are signed, in the order in which they are named.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn signatures_of(&self, run: &Run, records: &[i64]) -> Result<Vec<SignedRecord>, StoreError> {
        self.signed_of(run, records, 0).await
    }

    /// The same, with payloads where an envelope has them in it. Those end with the record with which they have so many bytes.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn signed_of(
        &self,
        run: &Run,
        records: &[i64],
        payload_bytes: i64,
    ) -> Result<Vec<SignedRecord>, StoreError> {
        self.ask(query::signatures_of, async |query, connection| {
            query
                .rows_as()
                .bind(run.id)
                .bind(run.uid)
                .bind(records)
                .bind(payload_bytes)
                .fetch_all(connection)
                .await
        })
        .await
    }

    /// The payload of a record, if there is that record, and the rules that flagged it, as JSON, if any did.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn payload_of(
        &self,
        run: &Run,
        record: i64,
    ) -> Result<Option<(Vec<u8>, Option<String>)>, StoreError> {
        self.ask(query::record_payload, async |query, connection| {
            query.rows_as().bind(run.id).bind(record).fetch_optional(connection).await
        })
        .await
    }

    /// The record of a run whose payload has this SHA-256, if the run knows payloads by that, and has it.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn record_of_digest(&self, run: &Run, digest: &[u8]) -> Result<Option<i64>, StoreError> {
        self.ask(query::record_of_digest, async |query, connection| {
            query.scalars().bind(run.id).bind(digest).fetch_optional(connection).await
        })
        .await
    }

    /// Arrivals that could not become records, so many at the most, behind one that is named by the numbers of its source and
    /// its split and its position.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn given_up_after(
        &self,
        run: &Run,
        (source, split, position): (i32, i32, i64),
        most: i64,
    ) -> Result<Vec<GivenUp>, StoreError> {
        self.ask(query::dead_letters_after, async |query, connection| {
            let rows = query.rows_as().bind(run.id).bind(source).bind(split).bind(position).bind(most);
            rows.fetch_all(connection).await
        })
        .await
    }

    /// The public keys of a keyring, in the order of their numbers.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn public_keys(&self, keyring: &Keyring) -> Result<Vec<PublicKey>, StoreError> {
        self.ask(query::public_keys, async |query, connection| {
            query.rows_as().bind(keyring.id).fetch_all(connection).await
        })
        .await
    }
}
