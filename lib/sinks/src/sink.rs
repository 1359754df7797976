//! What every sink is: something that takes a batch, as often as it is brought, and has it once.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chancery_reading::{BadSecret, FinalError};
use uuid::Uuid;

use crate::layout::BadLayout;

/// A sink of one run. One kind of sink is one file behind this.
#[async_trait]
pub trait Sink: fmt::Debug + Send + Sync {
    /// Brings a batch there. Once this returns, it is there, whole, whoever brought it, and when: what it returns is what the sink knows the
    /// batch by, the same each time. A batch may be brought by several at the same time, and by each as often as it likes.
    ///
    /// # Errors
    ///
    /// [`PutError`].
    async fn put(&self, batch: &Batch) -> Result<String, PutError>;

    /// How many batches one sender has on their way at the same time, where it is no matter in which order they come: as many as leave a disk, or a
    /// store that is far away, no time to be idle.
    fn at_a_time(&self) -> usize {
        1
    }

    /// Brings a manifest there, in the same way.
    ///
    /// # Errors
    ///
    /// [`PutError`].
    async fn put_manifest(&self, manifest: &Manifest) -> Result<String, PutError>;
}

/// A manifest on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// 1 for the first one.
    pub number: i32,
    /// All of it.
    pub content: Bytes,
    /// SHA-256 of it.
    pub digest: [u8; 32],
}

/// A batch on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Its number.
    pub number: i64,
    /// A line of JSON for each record, as `chancery-signed` writes it.
    pub lines: Bytes,
    /// SHA-256 of the lines.
    pub digest: [u8; 32],
}

/// For whom a sink is.
#[derive(Clone, Copy, Debug)]
pub struct Of<'a> {
    /// The run's identity: one that is made anew under its name has another.
    pub uid: Uuid,
    /// The namespace of the run.
    pub namespace: &'a str,
    /// The name of the run.
    pub run: &'a str,
    /// The name of the sink.
    pub sink: &'a str,
}

/// Why a batch is not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PutError {
    /// The sink does not take this batch: an answer about it.
    #[error("{0}")]
    Refused(String),
    /// The sink cannot be reached, does not know the login, or has no room. Nothing is known of the batch.
    #[error("{why}")]
    Unavailable {
        /// What is wrong, in a sentence.
        why: String,
        /// For how long it wants to be left alone, if it says so.
        pause: Option<Duration>,
    },
}

impl PutError {
    /// That the sink is away, without its saying for how long.
    #[must_use]
    pub fn away(why: impl fmt::Display) -> Self {
        Self::Unavailable { why: why.to_string(), pause: None }
    }
}

/// Why a sink cannot be as it is described.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSink {
    /// Its url, its endpoint or its credentials.
    #[error(transparent)]
    Store(#[from] FinalError),
    /// Its layout.
    #[error("objects.layout is `{given}`: {why}")]
    Layout {
        /// As given.
        given: String,
        /// Why not.
        why: BadLayout,
    },
    /// What its requests are signed with.
    #[error(transparent)]
    Secret(#[from] BadSecret),
    /// What vouches for it.
    #[error("ca.crt: {0}")]
    Authorities(String),
    /// What it shows.
    #[error(
        "token: it is not of letters, digits and signs alone; give the bearer token as the service gave it"
    )]
    Token,
    /// The name of a table.
    #[error(
        "table.table is `{0}`; give a schema and a table, such as public.signed, the table of at most 53 characters"
    )]
    Table(String),
}
