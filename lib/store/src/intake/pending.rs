//! Arrivals that wait for what others say of them.

use std::time::Duration;

use sqlx::Row;

use super::{DeadArrival, IntakeSession, Judgement, Refusal, judgement};
use crate::answer::{SHORT, answered};
use crate::error::StoreError;
use crate::lease::Token;
use crate::query;

/// An arrival that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Number of its source in the run.
    pub source: i32,
    /// The name of that.
    pub name: String,
    /// Whether it is pushed: then its position was not known when it came, and nothing is judged by it.
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

/// Arrivals that are this holder's for a while.
#[derive(Debug)]
pub struct TakenPendings {
    /// In the order of their places; at least one.
    pub arrivals: Vec<Pending>,
    token: Token,
}

/// What there is to judge.
#[derive(Debug)]
pub enum Taken {
    /// These.
    These(TakenPendings),
    /// Nothing is due: ask again after that long at the latest.
    Wait(Duration),
    /// Nothing is judged for this run now.
    Nothing(Refusal),
}

/// Arrivals of one split that are settled together.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// Number of the source.
    pub source: i32,
    /// The split.
    pub split: i32,
    /// Where those are that are admitted, in order.
    pub positions: Vec<i64>,
    /// What the policy made of each, where it made something of it.
    pub enriched: Vec<Option<Vec<u8>>>,
    /// What is refused, in order. Its bytes are those that the ledger has.
    pub dead: Vec<DeadArrival>,
    /// What others said of what is admitted, in order.
    pub answers: Vec<String>,
    /// The same of what is refused.
    pub dead_answers: Vec<String>,
    /// What the policy said of them.
    pub judgement: Judgement,
}

/// What became of a [`Settlement`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It is settled.
    Done {
        /// Became records.
        records: u64,
        /// Repeat a record of the ring.
        duplicates: u64,
        /// Are dead.
        dead: u64,
        /// Were rejected.
        rejected: u64,
    },
    /// The database has no room for more for now.
    Held,
    /// Somebody else has one of them by now, or has settled it.
    Moved,
    /// Nothing is admitted to the run now.
    Refused(Refusal),
}

/// An arrival that goes on waiting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutOff {
    /// Number of the source.
    pub source: i32,
    /// The split.
    pub split: i32,
    /// The position.
    pub position: i64,
    /// Why an attempt failed; none if that was no attempt.
    pub error: Option<String>,
    /// For how long at least.
    pub pause: Duration,
}

impl IntakeSession {
    /// Takes arrivals that wait and are due, at most so many. They are this holder's for that long.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn take_pendings(&mut self, most: i32, duration: Duration) -> Result<Taken, StoreError> {
        let token = Token::random();
        let statement = query::pendings_take
            .rows()
            .bind(&self.holder)
            .bind(token.hash())
            .bind(most)
            .bind(duration.as_secs_f64());
        let rows =
            answered(query::pendings_take.name, SHORT, statement.fetch_all(&mut self.connection)).await?;
        let mut arrivals = Vec::with_capacity(rows.len());
        for row in &rows {
            let task: &str = row.get("task");
            match task {
                "judge" => arrivals.push(Pending {
                    source: row.get("source"),
                    name: row.get("name"),
                    pushed: row.get("pushed"),
                    split: row.get("split"),
                    position: row.get("place"),
                    payload: row.get("payload"),
                    attempts: row.get::<i32, _>("attempts").unsigned_abs(),
                    judged_at: row.get::<Option<i64>, _>("judged_at").ok_or_else(no_instant)?,
                }),
                "wait" => {
                    let seconds = row.get("seconds");
                    return Ok(Taken::Wait(Duration::try_from_secs_f64(seconds).unwrap_or_default()));
                }
                other => {
                    let refusal = Refusal::of(other);
                    return refusal
                        .map(Taken::Nothing)
                        .ok_or_else(|| StoreError::Corrupt(format!("pendings_take answered {other:?}")));
                }
            }
        }
        if arrivals.is_empty() {
            return Err(StoreError::Corrupt("pendings_take answered nothing".to_owned()));
        }
        Ok(Taken::These(TakenPendings { arrivals, token }))
    }

    /// Settles some of them.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn settle_pendings(
        &mut self,
        taken: &TakenPendings,
        settlement: &Settlement,
    ) -> Result<Settled, StoreError> {
        let Settlement { source, split, positions, enriched, dead, answers, dead_answers, judgement } =
            settlement;
        let statement = query::pendings_settle
            .rows()
            .bind(source)
            .bind(split)
            .bind(taken.token.as_bytes())
            .bind(positions)
            .bind(enriched.iter().map(Option::as_deref).collect::<Vec<_>>())
            .bind(dead.iter().map(|dead| dead.position).collect::<Vec<_>>())
            .bind(dead.iter().map(|dead| dead.stage.as_deref()).collect::<Vec<_>>())
            .bind(dead.iter().map(|dead| dead.reason.as_str()).collect::<Vec<_>>())
            .bind(answers.iter().chain(dead_answers).map(String::as_str).collect::<Vec<_>>());
        let statement = judgement::bind(statement, Some(judgement), positions.len(), dead);
        let row =
            answered(query::pendings_settle.name, SHORT, statement.fetch_one(&mut self.connection)).await?;
        let answer: &str = row.get("answer");
        if let Some(refusal) = Refusal::of(answer).filter(|refusal| *refusal != Refusal::Held) {
            return Ok(Settled::Refused(refusal));
        }
        let counted = |column| row.get::<Option<i64>, _>(column).unwrap_or(0).unsigned_abs();
        match answer {
            "held" => Ok(Settled::Held),
            "moved" => Ok(Settled::Moved),
            "settled" => Ok(Settled::Done {
                records: counted("admitted"),
                duplicates: counted("duplicates"),
                dead: counted("dead"),
                rejected: counted("rejected"),
            }),
            other => Err(StoreError::Corrupt(format!("pendings_settle answered {other:?}"))),
        }
    }

    /// Puts some of them off. Those that somebody else has by now are left alone.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn put_off_pendings(
        &mut self,
        taken: &TakenPendings,
        put_off: &[PutOff],
    ) -> Result<(), StoreError> {
        let statement = query::pendings_put_off
            .scalars::<i64>()
            .bind(taken.token.as_bytes())
            .bind(put_off.iter().map(|one| one.source).collect::<Vec<_>>())
            .bind(put_off.iter().map(|one| one.split).collect::<Vec<_>>())
            .bind(put_off.iter().map(|one| one.position).collect::<Vec<_>>())
            .bind(put_off.iter().map(|one| one.error.as_deref()).collect::<Vec<_>>())
            .bind(put_off.iter().map(|one| one.pause.as_secs_f64()).collect::<Vec<_>>());
        answered(query::pendings_put_off.name, SHORT, statement.fetch_one(&mut self.connection)).await?;
        Ok(())
    }
}

fn no_instant() -> StoreError {
    StoreError::Corrupt("an arrival waits, and nothing says by which instant it is judged".to_owned())
}
