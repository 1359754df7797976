//! What is asked of the ledger about dead letters.

use sqlx::Row;

use super::{By, Ended, Ending, Letter, LetterAct, LetterMove, LetterPlace, TakenUp, TookUp};
use crate::connect::Ledger;
use crate::error::StoreError;
use crate::intake::{Refusal, judgement};
use crate::query;
use crate::run::Run;

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
