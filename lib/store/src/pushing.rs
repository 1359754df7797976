//! Payloads that programs push to a run.

use std::time::Duration;

use sqlx::postgres::PgRow;
use sqlx::{Connection as _, Row};

use crate::connect::Ledger;
use crate::error::StoreError;
use crate::intake::{DeadArrival, Judgement, Payloads, Refusal, Traces, judgement};
use crate::query;
use crate::run::Run;

/// Arrivals that were pushed, of many requests: all or none of them are taken in. Each has a place, from 0 on.
#[derive(Clone, Debug, Default)]
pub struct Push {
    /// How many.
    pub arrivals: i64,
    /// Payloads, in order, each at most 1 MiB.
    pub payloads: Payloads,
    /// The place of each.
    pub places: Vec<i64>,
    /// What names each, in a run that knows payloads by an expression: its value as canonical JSON. Else nothing.
    pub identities: Payloads,
    /// What does not become a record, in order; its position is its place.
    pub dead: Vec<DeadArrival>,
    /// What the policy of the run said of them, by their places; none in a run that has none.
    pub judgement: Option<Judgement>,
    /// Requests that their clients gave names to.
    pub named: Vec<NamedRequest>,
    /// In which traces they came, by their places.
    pub traces: Traces,
}

/// A request that its client gave a name to, so that it can be sent again without harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamedRequest {
    /// SHA-256 of the name.
    pub key: [u8; 32],
    /// SHA-256 of what was sent.
    pub digest: [u8; 32],
    /// Place of its first arrival.
    pub place: i64,
    /// How many it has.
    pub arrivals: i64,
}

/// What the ledger says to a [`Push`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PushAnswer {
    /// It is taken in, and on disk.
    Taken(Taken),
    /// One of its requests was taken in before: nothing of it was, this time.
    Repeated,
    /// Nothing is pushed to this run: it has other sources.
    NotPushed,
    /// There is not room for all of it: nothing was taken in.
    NoRoom(NoRoom),
    /// Nothing is taken in now.
    Refused(Refusal),
}

/// For how much of a [`Push`] there would be room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoRoom {
    /// For so many records, beside what waits.
    pub room: i64,
    /// So many wait for what others say of them. Each becomes a record, or leaves its room again.
    pub waiting: i64,
    /// The places of payloads that need no room, in order: they repeat a record.
    pub known: Vec<i64>,
}

/// What became of arrivals that were taken in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Position of the first.
    pub position: i64,
    /// How many of them were taken in; what comes after lies beyond the most records that the run may have.
    pub accounted: i64,
    /// Number of the first payload that is a record; those that follow have the numbers after it.
    pub first_record: i64,
    /// Those that repeat a record, in order.
    pub duplicates: Vec<Duplicate>,
}

/// An arrival that repeats a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duplicate {
    /// Its place.
    pub place: i64,
    /// Name of the run whose record that is; empty if that is gone.
    pub run: String,
    /// Number of the record.
    pub record: i64,
}

/// A named request that was taken in before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormerPush {
    /// SHA-256 of its name.
    pub key: Vec<u8>,
    /// SHA-256 of what was sent.
    pub digest: Vec<u8>,
    /// How many arrivals it has.
    pub arrivals: i64,
    /// What became of them.
    pub taken: Taken,
    /// Those that did not become records.
    pub dead: Vec<FormerDead>,
    /// The places of records that a rule flagged, in order, with the rules that hit, as JSON.
    pub flags: Vec<(i64, String)>,
    /// The places of those that waited for what others say of them, and are records now: their numbers.
    pub settled: Vec<(i64, i64)>,
    /// The places of those that wait still.
    pub waiting: Vec<i64>,
}

/// What became of an arrival that was pushed and waited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettledPush {
    /// It is a record.
    Admitted {
        /// Its number.
        record: i64,
        /// The rules that hit, as JSON, if they flag it.
        hits: Option<String>,
    },
    /// It repeats a record.
    Duplicate {
        /// Name of the run whose record that is; empty if that is gone.
        run: String,
        /// Number of the record.
        record: i64,
    },
    /// It is refused.
    Refused {
        /// Which step gave it up; none of what a rule rejected.
        stage: Option<String>,
        /// The rule of the policy.
        rule: Option<String>,
        /// Why.
        reason: String,
    },
}

/// An arrival of a request that was taken in before, which did not become a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormerDead {
    /// Its place.
    pub place: i64,
    /// Which step gave it up; none of what a rule rejected.
    pub stage: Option<String>,
    /// The rule of the policy that rejected it, or that failed for it.
    pub rule: Option<String>,
    /// Why.
    pub reason: String,
}

/// What came of asking that a run is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealAnswer {
    /// It is, or was before.
    Sealed,
    /// Nothing more is taken in. It will be, once nothing waits for what others say of it.
    Closed,
    /// It has other sources, which seal it.
    NotPushed,
    /// It is gone, or being deleted.
    Gone,
}

/// A connection does not keep what it took to send a call that is longer than this.
const LONG_CALL: usize = 1 << 20;

impl Ledger {
    /// Takes in what was pushed, and waits until it is on disk.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses: then nobody knows whether it was taken in.
    pub async fn push(&self, run: &Run, push: &Push) -> Result<PushAnswer, StoreError> {
        let Push { arrivals, payloads, places, identities, dead, judgement, named, traces } = push;
        let row = self
            .ask(query::records_push, async |query, connection| {
                let statement = query
                    .rows()
                    .bind(run.id)
                    .bind(run.uid)
                    .bind(arrivals)
                    .bind(payloads.each())
                    .bind(places)
                    .bind(identities.each())
                    .bind(dead.iter().map(|dead| dead.position).collect::<Vec<_>>())
                    .bind(dead.iter().map(|dead| dead.stage.as_deref()).collect::<Vec<_>>())
                    .bind(dead.iter().map(|dead| dead.reason.as_str()).collect::<Vec<_>>())
                    .bind(dead.iter().map(|dead| &dead.raw[..]).collect::<Vec<_>>())
                    .bind(named.iter().map(|request| &request.key[..]).collect::<Vec<_>>())
                    .bind(named.iter().map(|request| &request.digest[..]).collect::<Vec<_>>())
                    .bind(named.iter().map(|request| request.place).collect::<Vec<_>>())
                    .bind(named.iter().map(|request| request.arrivals).collect::<Vec<_>>());
                judgement::bind(statement, judgement.as_ref(), payloads.len(), dead)
                    .bind(&traces.first)
                    .bind(&traces.last)
                    .bind(&traces.traceparents)
                    .fetch_one(&mut *connection)
                    .await
                    .inspect(|_| {
                        if payloads.bytes() > LONG_CALL {
                            connection.shrink_buffers();
                        }
                    })
            })
            .await?;
        let answer: &str = row.get("answer");
        if let Some(refusal) = Refusal::of(answer) {
            return Ok(PushAnswer::Refused(refusal));
        }
        match answer {
            "admitted" | "full" => Ok(PushAnswer::Taken(taken(&row))),
            "no_room" => Ok(PushAnswer::NoRoom(NoRoom {
                room: row.get("room"),
                waiting: row.get("waiting"),
                known: row.get::<Option<Vec<i64>>, _>("duplicate_places").unwrap_or_default(),
            })),
            "repeated" => Ok(PushAnswer::Repeated),
            "not_pushed" => Ok(PushAnswer::NotPushed),
            other => Err(StoreError::Corrupt(format!("records_push answered {other:?}"))),
        }
    }

    /// What became of requests that were taken in before, by the SHA-256 of their names.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn former_pushes(&self, run: &Run, keys: &[&[u8]]) -> Result<Vec<FormerPush>, StoreError> {
        let rows = self
            .ask(query::pushes_find, async |query, connection| {
                query.rows().bind(run.id).bind(run.uid).bind(keys).fetch_all(connection).await
            })
            .await?;
        Ok(rows.iter().map(former).collect())
    }

    /// What became of arrivals that were pushed and waited, by their positions. Those that wait still are left out.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn settled_pushes(
        &self,
        run: &Run,
        positions: &[i64],
    ) -> Result<Vec<(i64, SettledPush)>, StoreError> {
        let rows = self
            .ask(query::pushes_settled, async |query, connection| {
                query.rows().bind(run.id).bind(run.uid).bind(positions).fetch_all(connection).await
            })
            .await?;
        rows.iter().map(|row| Ok((row.get("at_position"), settled(row)?))).collect()
    }

    /// Seals a run to which programs push: nothing more is taken in.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn seal_pushes(&self, run: &Run) -> Result<SealAnswer, StoreError> {
        let answer: String = self
            .ask(query::pushes_seal, async |query, connection| {
                query.scalars().bind(run.id).bind(run.uid).fetch_one(connection).await
            })
            .await?;
        match answer.as_str() {
            "sealed" => Ok(SealAnswer::Sealed),
            "closed" => Ok(SealAnswer::Closed),
            "not_pushed" => Ok(SealAnswer::NotPushed),
            "deleted" | "unknown" => Ok(SealAnswer::Gone),
            other => Err(StoreError::Corrupt(format!("pushes_seal answered {other:?}"))),
        }
    }

    /// Closes the batch that waits for more records, if the run's batching period has passed since its first. Returns when to
    /// look again; none once no batch will wait any more.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn close_late_batch(&self, run: &Run) -> Result<Option<Duration>, StoreError> {
        let seconds: Option<f64> = self
            .ask(query::batch_close_late, async |query, connection| {
                query.scalars().bind(run.id).fetch_one(connection).await
            })
            .await?;
        Ok(seconds.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default()))
    }

    /// Records of a run that are admitted and not signed, and arrivals that may become records.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn unsigned_records(&self, run: &Run) -> Result<i64, StoreError> {
        let unsigned: Option<i64> = self
            .ask(query::pushes_pending, async |query, connection| {
                query.scalars().bind(run.id).fetch_optional(connection).await
            })
            .await?;
        Ok(unsigned.unwrap_or(0))
    }
}

fn taken(row: &PgRow) -> Taken {
    let numbers = |column| row.get::<Option<Vec<i64>>, _>(column).unwrap_or_default();
    let runs = row.get::<Option<Vec<String>>, _>("duplicate_runs").unwrap_or_default();
    let duplicates = numbers("duplicate_places").into_iter().zip(runs).zip(numbers("duplicate_records"));
    Taken {
        position: row.get("start_at"),
        accounted: row.get("accounted"),
        first_record: row.get("first_record"),
        duplicates: duplicates.map(|((place, run), record)| Duplicate { place, run, record }).collect(),
    }
}

fn settled(row: &PgRow) -> Result<SettledPush, StoreError> {
    Ok(match row.get("state") {
        "Admitted" => SettledPush::Admitted { record: row.get("record"), hits: row.get("hits") },
        "Duplicate" => SettledPush::Duplicate { run: row.get("of_run"), record: row.get("of_record") },
        "Dead" | "Rejected" => {
            SettledPush::Refused { stage: row.get("stage"), rule: row.get("rule"), reason: row.get("reason") }
        }
        other => return Err(StoreError::Corrupt(format!("pushes_settled answered {other:?}"))),
    })
}

fn former(row: &PgRow) -> FormerPush {
    let texts = |column| row.get::<Option<Vec<String>>, _>(column).unwrap_or_default();
    let some = |column| row.get::<Option<Vec<Option<String>>>, _>(column).unwrap_or_default();
    let places = |column| row.get::<Option<Vec<i64>>, _>(column).unwrap_or_default().into_iter();
    let dead =
        places("dead_places").zip(some("dead_stages")).zip(some("dead_rules")).zip(texts("dead_reasons"));
    FormerPush {
        key: row.get("key_hash"),
        digest: row.get("digest"),
        arrivals: row.get("arrivals"),
        taken: taken(row),
        dead: dead
            .map(|(((place, stage), rule), reason)| FormerDead { place, stage, rule, reason })
            .collect(),
        flags: places("flag_places").zip(texts("flag_hits")).collect(),
        settled: places("settled_places").zip(places("settled_records")).collect(),
        waiting: places("waiting_places").collect(),
    }
}
