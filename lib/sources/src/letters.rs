//! Dead letters that somebody means, and what is done with them: they are taken up again in their own run, noted for another one,
//! or discarded.

mod selection;
mod taking_up;

use std::fmt::Write as _;

use chancery_store::intake::Refusal;
use chancery_store::letters::{Became, By, Ended, Ending, LetterPlace};
use chancery_store::{Ledger, Run, StoreError};

pub use selection::{Selected, Selection, SelectionError, Unsaid, Wanted, select};
pub use taking_up::{TookUp, take_up};

use crate::judge::JudgeError;

/// Why nothing, or no more, was done.
#[derive(Debug, thiserror::Error)]
pub enum LettersError {
    /// None is meant.
    #[error("no dead letter of the run {run} is selected{}", left_out(*not_whole, unsaid))]
    Nothing {
        /// The run.
        run: String,
        /// Those that are selected, and whose bytes are not there to their end.
        not_whole: u64,
        /// Those of which the selector cannot say it.
        unsaid: Unsaid,
    },
    /// Somebody else was faster.
    #[error(
        "some of the selected dead letters of the run {0} were redriven or discarded meanwhile; ask again for what is left"
    )]
    Lost(String),
    /// The other run is there.
    #[error(
        "there is a run {0} already, for which no dead letters were noted; give another name to the run that reads them"
    )]
    Taken(String),
    /// It may still get more.
    #[error(
        "the run {0} is not sealed yet: its dead letters are redriven in the run itself, without a name of another one"
    )]
    Unsealed(String),
    /// It has no sources, or is gone.
    #[error("the run {0} has no dead letters: its records are generated, or it is gone")]
    Gone(String),
    /// Nothing may be admitted.
    #[error("the dead letters of the run {run} are not redriven in it{}: {}", after(done), because(*refusal))]
    Refused {
        /// The run.
        run: String,
        /// Why.
        refusal: Refusal,
        /// What was done before.
        done: Became,
    },
    /// Others have to be asked, which an intake does.
    #[error(
        "the policy of the run {0} asks webhooks or a database, which is not done while dead letters are taken up in their own run: once the run is sealed, redrive them into another one, which asks"
    )]
    Asks(String),
    /// What judges it is not known.
    #[error(transparent)]
    Judge(#[from] JudgeError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What was discarded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discarded {
    /// The number under which it is written down.
    pub act: i32,
    /// How many.
    pub letters: u64,
    /// Those of which the selector could not say whether they were meant.
    pub unsaid: Unsaid,
}

/// What another run reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    /// How many.
    pub letters: u64,
    /// Whether that was noted before.
    pub before: bool,
    /// Those that are selected, and stay: their bytes are not there to their end.
    pub not_whole: u64,
    /// Those of which the selector could not say whether they were meant.
    pub unsaid: Unsaid,
}

/// Discards the letters that are meant.
///
/// # Errors
///
/// [`LettersError`].
pub async fn discard(
    ledger: &Ledger,
    run: &Run,
    selection: &Selection,
    actor: &str,
) -> Result<Discarded, LettersError> {
    let mut places = Vec::new();
    let Selected { not_whole: _, unsaid } =
        select(ledger, run, selection, |letter| places.push(letter.place())).await?;
    let act = end(ledger, run, Ending::Discard, &places, (selection, actor), 0, &unsaid).await?;
    Ok(Discarded { act, letters: places.len() as u64, unsaid })
}

/// Notes the letters that are meant for a run of the name `into`, which is then made to read them and no others. If letters were noted
/// for it before, it is to go on with those.
///
/// # Errors
///
/// [`LettersError`].
pub async fn note_for(
    ledger: &Ledger,
    run: &Run,
    into: &str,
    selection: &Selection,
    actor: &str,
) -> Result<Noted, LettersError> {
    let log = ledger.letter_log(run).await?;
    let before: i64 = log.iter().filter(|act| act.into.as_deref() == Some(into)).map(|act| act.letters).sum();
    if before > 0 {
        return Ok(Noted {
            letters: before.unsigned_abs(),
            before: true,
            not_whole: 0,
            unsaid: Unsaid::default(),
        });
    }
    let (mut places, mut not_whole) = (Vec::new(), 0);
    let Selected { not_whole: _, unsaid } = select(ledger, run, selection, |letter| {
        if letter.whole {
            places.push(letter.place());
        } else {
            not_whole += 1;
        }
    })
    .await?;
    end(ledger, run, Ending::Into(into), &places, (selection, actor), not_whole, &unsaid).await?;
    Ok(Noted { letters: places.len() as u64, before: false, not_whole, unsaid })
}

async fn end(
    ledger: &Ledger,
    run: &Run,
    ending: Ending<'_>,
    places: &[LetterPlace],
    (selection, actor): (&Selection, &str),
    not_whole: u64,
    unsaid: &Unsaid,
) -> Result<i32, LettersError> {
    let name = name(run);
    if places.is_empty() {
        return Err(LettersError::Nothing { run: name, not_whole, unsaid: unsaid.clone() });
    }
    let by = By { actor, selection: selection.words() };
    match ledger.end_letters(run, ending, by, places).await? {
        Ended::Done(act) => Ok(act),
        Ended::Lost => Err(LettersError::Lost(name)),
        Ended::Taken => {
            let into = if let Ending::Into(into) = ending { into } else { "" };
            Err(LettersError::Taken(format!("{}/{into}", run.namespace)))
        }
        Ended::Unsealed => Err(LettersError::Unsealed(name)),
        Ended::Gone => Err(LettersError::Gone(name)),
    }
}

fn name(run: &Run) -> String {
    format!("{}/{}", run.namespace, run.name)
}

fn because(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Sealed => "it is sealed; name another run that reads them",
        Refusal::Full => "it is full: with what waits to be judged, it has the most records that it may have",
        Refusal::Held => "the database has no room for more for now; ask again once it has",
        Refusal::Suspended => "it is suspended; resume it first",
        Refusal::TooManyDead => "it has too many dead letters",
        Refusal::Gone => "it has no sources, or is gone",
    }
}

fn after(Became { admitted, duplicates, rejected, dead }: &Became) -> String {
    match admitted + duplicates + rejected + dead {
        0 => String::new(),
        done => format!(" any more, after {done} of them"),
    }
}

fn left_out(not_whole: u64, Unsaid { letters, first }: &Unsaid) -> String {
    let mut said = String::new();
    if not_whole > 0 {
        let _written = write!(said, "; the bytes of {not_whole} are not there to their end");
    }
    if *letters > 0 {
        let _written = write!(said, "; the selector fails for {letters}, for the first because: {first}");
    }
    said
}
