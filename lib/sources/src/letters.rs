//! Dead letters that somebody means, and what is done with them: they are taken up again in their own run, noted for another one,
//! or discarded.

mod ending;
mod selection;
mod taking_up;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chancery_store::intake::Refusal;
use chancery_store::letters::{Became, Ending, LetterAct};
use chancery_store::{Ledger, Run, StoreError};

pub use selection::{Selection, SelectionError, Unsaid, Wanted};
pub use taking_up::{TookUp, take_up};

use self::ending::{AllEnded, end_all};
use crate::judge::JudgeError;

/// Why nothing, or no more, was done.
#[derive(Debug, thiserror::Error)]
pub enum LettersError {
    /// None is meant.
    #[error("no dead letter of the run {run} is selected{}", left_out(*not_whole, noted, unsaid))]
    Nothing {
        /// The run.
        run: String,
        /// Those that are selected, and whose bytes are not there to their end.
        not_whole: u64,
        /// How many are noted for which other runs, whatever is selected.
        noted: BTreeMap<String, u64>,
        /// Those of which the selector cannot say it.
        unsaid: Unsaid,
    },
    /// Somebody else was faster.
    #[error(
        "some of the selected dead letters of the run {0} were redriven or discarded meanwhile; ask again for what is left"
    )]
    Lost(String),
    /// It would take longer than it may.
    #[error(
        "the time that a request has was over after {done} of the selected dead letters of the run {run}; ask again for the others, or select fewer"
    )]
    Late {
        /// The run.
        run: String,
        /// How many were done before.
        done: u64,
    },
    /// The other run is there.
    #[error(
        "there is a run {0} already, for which no dead letters were noted; give another name to the run that reads them"
    )]
    Taken(String),
    /// The other run was given others.
    #[error(
        "the dead letters of the run {run} that {into} reads were selected by `{given}`, which is act {act}, and it reads no others; give another name to the run that reads those of `{wanted}`, or select nothing to go on with {into}"
    )]
    Given {
        /// The run.
        run: String,
        /// The other one.
        into: String,
        /// What was done then.
        act: i32,
        /// By what they were selected then.
        given: String,
        /// By what they are selected now.
        wanted: String,
    },
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
/// [`LettersError`]. What was done until then is written down, and stays.
pub async fn discard(
    ledger: &Ledger,
    run: &Run,
    selection: &Selection,
    actor: &str,
) -> Result<Discarded, LettersError> {
    let AllEnded { act, letters, not_whole, unsaid } =
        end_all(ledger, run, Ending::Discard, selection, actor).await?;
    match act {
        Some(act) => Ok(Discarded { act, letters, unsaid }),
        None => Err(nothing(ledger, run, not_whole, unsaid).await),
    }
}

/// Notes the letters that are meant for a run of the name `into`, which is then made to read them and no others. If letters were noted
/// for it before, it is to go on with those.
///
/// # Errors
///
/// [`LettersError`]. What was done until then is written down, and stays: asked the same again, it goes on.
pub async fn note_for(
    ledger: &Ledger,
    run: &Run,
    into: &str,
    selection: &Selection,
    actor: &str,
) -> Result<Noted, LettersError> {
    let acts = noted(ledger, run, into, selection).await?;
    let before: u64 = acts.iter().map(|act| act.letters.unsigned_abs()).sum();
    // Without a selection, it goes on with what it was given, whatever that was.
    if acts.first().is_some_and(|act| act.selection != selection.words()) {
        return Ok(Noted { letters: before, before: true, not_whole: 0, unsaid: Unsaid::default() });
    }
    let AllEnded { act, letters, not_whole, unsaid } =
        end_all(ledger, run, Ending::Into(into), selection, actor).await?;
    if act.is_none() && before == 0 {
        return Err(nothing(ledger, run, not_whole, unsaid).await);
    }
    Ok(Noted { letters: before + letters, before: act.is_none(), not_whole, unsaid })
}

/// Looks whether a run of the name `into`, which is there, reads the letters that are meant. Where nothing selects any, it goes on with
/// what it has.
///
/// # Errors
///
/// [`LettersError`].
pub async fn goes_on(
    ledger: &Ledger,
    run: &Run,
    into: &str,
    selection: &Selection,
) -> Result<(), LettersError> {
    let acts = noted(ledger, run, into, selection).await?;
    if acts.is_empty() && !selection.words().is_empty() {
        return Err(LettersError::Taken(format!("{}/{into}", run.namespace)));
    }
    Ok(())
}

/// What was noted for a run of the name `into`: nothing, or by the same selection, if there is one now.
async fn noted(
    ledger: &Ledger,
    run: &Run,
    into: &str,
    selection: &Selection,
) -> Result<Vec<LetterAct>, LettersError> {
    let mut acts = ledger.letter_log(run).await?;
    acts.retain(|act| act.into.as_deref() == Some(into));
    let wanted = selection.words();
    match acts.first() {
        Some(first) if !wanted.is_empty() && first.selection != wanted => Err(LettersError::Given {
            run: name(run),
            into: into.to_owned(),
            act: first.act,
            given: if first.selection.is_empty() { "all".to_owned() } else { first.selection.clone() },
            wanted: wanted.to_owned(),
        }),
        _ => Ok(acts),
    }
}

/// That none is meant: some may have been given to another run, which is perhaps not made yet.
async fn nothing(ledger: &Ledger, run: &Run, not_whole: u64, unsaid: Unsaid) -> LettersError {
    let acts = match ledger.letter_log(run).await {
        Ok(acts) => acts,
        Err(error) => return error.into(),
    };
    let mut noted = BTreeMap::new();
    for LetterAct { into, letters, .. } in acts {
        if let Some(into) = into {
            *noted.entry(into).or_default() += letters.unsigned_abs();
        }
    }
    LettersError::Nothing { run: name(run), not_whole, noted, unsaid }
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

fn after(done: &Became) -> String {
    match done.all() {
        0 => String::new(),
        done => format!(" any more, after {done} of them"),
    }
}

fn left_out(not_whole: u64, noted: &BTreeMap<String, u64>, Unsaid { letters, first }: &Unsaid) -> String {
    let mut said = String::new();
    if not_whole > 0 {
        let _written = write!(said, "; the bytes of {not_whole} are not there to their end");
    }
    for (into, letters) in noted {
        let _written =
            write!(said, "; {letters} are noted for the run {into}, which reads them once it is made");
    }
    if *letters > 0 {
        let _written = write!(said, "; the selector fails for {letters}, for the first because: {first}");
    }
    said
}
