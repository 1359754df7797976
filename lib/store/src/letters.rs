//! Dead letters, one by one, and what somebody does with them: they are taken up again where they lie, noted for another run, or discarded.

use sqlx::Row;

use crate::connect::Ledger;
use crate::error::StoreError;
use crate::intake::{DeadArrival, Judgement, Payloads, Refusal, judgement};
use crate::query;
use crate::row::from_row;
use crate::run::Run;

/// Where an arrival is: the numbers of its source and split, and its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LetterPlace {
    /// Number of its source.
    pub source: i32,
    /// Split of that.
    pub split: i32,
    /// Position in that.
    pub position: i64,
}

impl LetterPlace {
    /// Before all others.
    pub const START: Self = Self { source: 0, split: 0, position: -1 };

    /// Behind all of its split that come before this position.
    #[must_use]
    pub const fn before(source: i32, split: i32, position: i64) -> Self {
        Self { source, split, position: position - 1 }
    }
}

/// A dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Number of its source.
    pub number: i32,
    /// Name of that.
    pub source: String,
    /// Whether that is pushed: then its position was not known when it was judged.
    pub pushed: bool,
    /// Split of the source.
    pub split: i32,
    /// Position in the split.
    pub position: i64,
    /// Which step gave it up.
    pub stage: String,
    /// The rule that failed for it, if that was a policy's.
    pub rule: Option<String>,
    /// Why.
    pub reason: String,
    /// Its bytes as they were read, the first 1 MiB at most; none once they are removed, or where they were not asked for.
    pub raw: Option<Vec<u8>>,
    /// How many are kept; none once they are removed.
    pub bytes: Option<i64>,
    /// Whether those are all that its source gave.
    pub whole: bool,
    /// When they were removed, RFC 3339, UTC.
    pub swept_at: Option<String>,
    /// When it arrived, RFC 3339, UTC.
    pub arrived_at: String,
    /// The same, in microseconds since 1970.
    pub arrived_micros: i64,
    /// How often something was done with it.
    pub attempts: i64,
    /// Its end, if it has one: `Moved` or `Discarded`.
    pub ended: Option<String>,
    /// The run that reads it, if one does.
    pub into: Option<String>,
}

from_row!(Letter {
    number,
    source,
    pushed,
    split,
    position,
    stage,
    rule,
    reason,
    raw,
    bytes,
    whole: "is_whole",
    swept_at,
    arrived_at,
    arrived_micros,
    attempts,
    ended,
    into: "into_name"
});

impl Letter {
    /// Where it is.
    #[must_use]
    pub const fn place(&self) -> LetterPlace {
        LetterPlace { source: self.number, split: self.split, position: self.position }
    }
}

/// Who does something, and which letters were meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct By<'a> {
    /// As the program knows it that asks.
    pub actor: &'a str,
    /// In the words of whoever asked; empty: all.
    pub selection: &'a str,
}

/// How letters end where they lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending<'a> {
    /// Their bytes are removed.
    Discard,
    /// The run of this name, which is not made yet, reads them.
    Into(&'a str),
}

/// What came of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It is written down, under this number.
    Done(i32),
    /// One of them has an end by now: nothing was done.
    Lost,
    /// There is a run of the other name: nothing was done.
    Taken,
    /// The run is not sealed: nothing was done.
    Unsealed,
    /// The run has no sources, is gone or being deleted.
    Gone,
}

/// Dead letters of one split, judged anew.
#[derive(Clone, Debug, Default)]
pub struct TakenUp {
    /// Number of the source.
    pub source: i32,
    /// Split of it.
    pub split: i32,
    /// What is admitted, in the order of their positions.
    pub payloads: Payloads,
    /// Where each lay.
    pub positions: Vec<i64>,
    /// What names each, in a run that knows payloads by an expression.
    pub identities: Payloads,
    /// What is refused once more, in the order of their positions. Bytes are not looked at: the ledger has them.
    pub refused: Vec<DeadArrival>,
    /// What the policy of the run said of them; none in a run that has none.
    pub judgement: Option<Judgement>,
}

/// What became of letters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Became {
    /// Records.
    pub admitted: i64,
    /// Repeat a record.
    pub duplicates: i64,
    /// Rejected by a rule.
    pub rejected: i64,
    /// Dead again.
    pub dead: i64,
}

from_row!(Became { admitted, duplicates, rejected, dead });

/// What came of taking letters up again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TookUp {
    /// It is done, on disk, and written down under this number.
    Done(i32, Became),
    /// One of them is not as it was by now: nothing was done.
    Lost,
    /// Nothing may be admitted to the run now.
    Refused(Refusal),
}

/// What somebody did with dead letters of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterAct {
    /// Its number.
    pub act: i32,
    /// `Redrive` or `Discard`.
    pub kind: String,
    /// The run that reads them, if that is another.
    pub into: Option<String>,
    /// How many.
    pub letters: i64,
    /// Which were meant; empty: all.
    pub selection: String,
    /// Who.
    pub actor: String,
    /// By which login of the database.
    pub login: String,
    /// When, RFC 3339, UTC.
    pub acted_at: String,
    /// What they became in their own run.
    pub became: Became,
}

from_row!(LetterAct {
    act,
    kind,
    into: "into_name",
    letters,
    selection,
    actor,
    login,
    acted_at,
    became: Became
});

/// What was done with one dead letter, and what was said of it before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterMove {
    /// 1 for the first time, and so on.
    pub attempt: i32,
    /// Number of the act.
    pub act: i32,
    /// `Redrive` or `Discard`.
    pub kind: String,
    /// `Admitted`, `Duplicate`, `Rejected`, `Dead`, `Moved` or `Discarded`.
    pub became: String,
    /// The run that reads it, if that is another.
    pub into: Option<String>,
    /// Which step had given it up.
    pub stage: String,
    /// The rule that had failed for it.
    pub rule: Option<String>,
    /// Why.
    pub reason: String,
    /// Who.
    pub actor: String,
    /// By which login of the database.
    pub login: String,
    /// When, RFC 3339, UTC.
    pub acted_at: String,
}

from_row!(LetterMove {
    attempt,
    act,
    kind,
    became,
    into: "into_name",
    stage,
    rule,
    reason,
    actor,
    login,
    acted_at
});

impl Ledger {
    /// Dead letters of a run behind a place, so many at the most, and no more than have 2 MiB together, but one at least. `open`: only
    /// those without an end. Without `raw`, their bytes are left where they are, and are no reason for fewer.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn letters_after(
        &self,
        run: &Run,
        LetterPlace { source, split, position }: LetterPlace,
        most: i64,
        open: bool,
        raw: bool,
    ) -> Result<Vec<Letter>, StoreError> {
        self.ask(query::letters_after, async |query, connection| {
            let rows = query.rows_as().bind(run.id).bind(run.uid).bind(source).bind(split).bind(position);
            rows.bind(most).bind(open).bind(raw).fetch_all(connection).await
        })
        .await
    }

    /// Ends letters where they lie, all or none, and writes it down: under a new number, or under that of what is gone on with.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn end_letters(
        &self,
        run: &Run,
        act: Option<i32>,
        ending: Ending<'_>,
        By { actor, selection }: By<'_>,
        places: &[LetterPlace],
    ) -> Result<Ended, StoreError> {
        let (kind, into) = match ending {
            Ending::Discard => ("Discard", None),
            Ending::Into(name) => ("Redrive", Some(name)),
        };
        let row = self
            .ask(query::letters_end, async |query, connection| {
                let statement = query.rows().bind(run.id).bind(run.uid).bind(act.unwrap_or(0)).bind(kind);
                let statement = statement
                    .bind(into)
                    .bind(actor)
                    .bind(selection)
                    .bind(places.iter().map(|place| place.source).collect::<Vec<_>>())
                    .bind(places.iter().map(|place| place.split).collect::<Vec<_>>())
                    .bind(places.iter().map(|place| place.position).collect::<Vec<_>>());
                statement.fetch_one(connection).await
            })
            .await?;
        match row.get("answer") {
            "done" => Ok(Ended::Done(row.get("act"))),
            "lost" => Ok(Ended::Lost),
            "taken" => Ok(Ended::Taken),
            "unsealed" => Ok(Ended::Unsealed),
            "deleted" | "unknown" => Ok(Ended::Gone),
            other => Err(StoreError::Corrupt(format!("letters_end answered {other:?}"))),
        }
    }

    /// Takes letters up again, all or none, and writes it down: under a new number, or under that of what is gone on with.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn redrive_letters(
        &self,
        run: &Run,
        act: Option<i32>,
        By { actor, selection }: By<'_>,
        taken_up: &TakenUp,
    ) -> Result<TookUp, StoreError> {
        let TakenUp { source, split, payloads, positions, identities, refused, judgement } = taken_up;
        let row = self
            .ask(query::letters_redrive, async |query, connection| {
                let statement = query
                    .rows()
                    .bind(run.id)
                    .bind(run.uid)
                    .bind(act.unwrap_or(0))
                    .bind(actor)
                    .bind(selection)
                    .bind(source)
                    .bind(split)
                    .bind(payloads.each())
                    .bind(positions)
                    .bind(identities.each())
                    .bind(refused.iter().map(|dead| dead.position).collect::<Vec<_>>())
                    .bind(refused.iter().map(|dead| dead.stage.as_deref()).collect::<Vec<_>>())
                    .bind(refused.iter().map(|dead| dead.reason.as_str()).collect::<Vec<_>>());
                judgement::bind(statement, judgement.as_ref(), payloads.len(), refused)
                    .fetch_one(connection)
                    .await
            })
            .await?;
        let answer: &str = row.get("answer");
        if let Some(refusal) = Refusal::of(answer) {
            return Ok(TookUp::Refused(refusal));
        }
        match answer {
            "taken" => {
                let became = sqlx::FromRow::from_row(&row)
                    .map_err(|error| StoreError::of(query::letters_redrive.name, error))?;
                Ok(TookUp::Done(row.get("act"), became))
            }
            "lost" => Ok(TookUp::Lost),
            "full" => Ok(TookUp::Refused(Refusal::Full)),
            other => Err(StoreError::Corrupt(format!("letters_redrive answered {other:?}"))),
        }
    }

    /// What was done with dead letters of a run, in order.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn letter_log(&self, run: &Run) -> Result<Vec<LetterAct>, StoreError> {
        self.ask(query::letters_log, async |query, connection| {
            query.rows_as().bind(run.id).bind(run.uid).fetch_all(connection).await
        })
        .await
    }

    /// What was done with the letter of a place, in order.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn letter_history(
        &self,
        run: &Run,
        LetterPlace { source, split, position }: LetterPlace,
    ) -> Result<Vec<LetterMove>, StoreError> {
        self.ask(query::letter_history, async |query, connection| {
            let rows = query.rows_as().bind(run.id).bind(run.uid).bind(source).bind(split).bind(position);
            rows.fetch_all(connection).await
        })
        .await
    }
}
