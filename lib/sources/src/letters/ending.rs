//! Dead letters that end where they lie: they are discarded, or noted for another run.

use chancery_store::letters::{By, Ended, Ending, Letter, LetterPlace};
use chancery_store::{Ledger, Run};

use super::{LettersError, Selection, Unsaid, name};

/// Letters that are read at a time.
const PAGE: i64 = 1_000;

/// So many end at a time, and less than a page more: whatever is admitted to the run meanwhile waits for it.
const BITE: usize = 9_000;

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct AllEnded {
    /// The number under which it is written down; none, if none is meant.
    pub(super) act: Option<i32>,
    /// How many.
    pub(super) letters: u64,
    /// Those that are meant, and stay: their bytes are not there to their end.
    pub(super) not_whole: u64,
    /// Those of which the selector could not say whether they were meant.
    pub(super) unsaid: Unsaid,
}

/// Ends all that are meant.
pub(super) async fn end_all(
    ledger: &Ledger,
    run: &Run,
    ending: Ending<'_>,
    selection: &Selection,
    actor: &str,
) -> Result<AllEnded, LettersError> {
    let by = By { actor, selection: selection.words() };
    let (mut all, mut places, mut after) = (AllEnded::default(), Vec::new(), LetterPlace::START);
    loop {
        let page = ledger.letters_after(run, after, PAGE, true, selection.reads()).await?;
        // What is not looked at any more is as if it were not there.
        let is_over = !page.is_empty() && selection.is_over();
        let last = page.last().filter(|_| !is_over).map(Letter::place);
        let looked_at: &[Letter] = if is_over { &[] } else { &page };
        for letter in looked_at.iter().filter(|letter| all.unsaid.holds(selection, letter)) {
            if letter.whole || ending == Ending::Discard {
                places.push(letter.place());
            } else {
                all.not_whole += 1;
            }
        }
        if places.len() >= BITE || (last.is_none() && !places.is_empty()) {
            all.act = Some(end(ledger, run, ending, (all.act, by), &places).await?);
            all.letters += places.len() as u64;
            places.clear();
        }
        match last {
            Some(last) => after = last,
            None if is_over => return Err(LettersError::Late { run: name(run), done: all.letters }),
            None => return Ok(all),
        }
    }
}

async fn end(
    ledger: &Ledger,
    run: &Run,
    ending: Ending<'_>,
    (act, by): (Option<i32>, By<'_>),
    places: &[LetterPlace],
) -> Result<i32, LettersError> {
    match ledger.end_letters(run, act, ending, by, places).await? {
        Ended::Done(act) => Ok(act),
        Ended::Lost => Err(LettersError::Lost(name(run))),
        Ended::Taken => {
            let into = if let Ending::Into(into) = ending { into } else { "" };
            Err(LettersError::Taken(format!("{}/{into}", run.namespace)))
        }
        Ended::Unsealed => Err(LettersError::Unsealed(name(run))),
        Ended::Gone => Err(LettersError::Gone(name(run))),
    }
}
