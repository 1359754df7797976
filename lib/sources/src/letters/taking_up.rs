//! Taking dead letters up again, in their own run while that is open: each is judged anew, as it was kept.

use chancery_store::intake::DeadArrival;
use chancery_store::letters::{Became, By, Letter, LetterPlace, TakenUp, TookUp as Answer};
use chancery_store::{Ledger, Run, StoreError};

use super::{LettersError, Selection, Unsaid, name};
use crate::identity::{self, Identify};
use crate::judge::{Judge, Judged, Seen, now};

/// Letters that are read at a time.
const PAGE: i64 = 500;

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TookUp {
    /// The number under which it is written down.
    pub act: i32,
    /// What they became.
    pub became: Became,
    /// Those that are selected, and stay: their bytes are not there to their end.
    pub not_whole: u64,
    /// Those that somebody else took up or discarded meanwhile.
    pub lost: u64,
    /// Those of which the selector could not say whether they were meant.
    pub unsaid: Unsaid,
}

/// Judges the letters that are meant anew, and has their run take them up as what they are now.
///
/// # Errors
///
/// [`LettersError`]. What was done until then is written down, and stays.
pub async fn take_up(
    ledger: &Ledger,
    run: &Run,
    selection: &Selection,
    actor: &str,
) -> Result<TookUp, LettersError> {
    let questions = Questions::of(ledger, run).await?;
    let by = By { actor, selection: selection.words() };
    let (mut took_up, mut act) = (TookUp::default(), None);
    let mut after = LetterPlace::START;
    loop {
        let page = ledger.letters_after(run, after, PAGE, true).await?;
        let Some(last) = page.last() else { break };
        // One that is dead again is not met again.
        after = last.place();
        let mut meant = Vec::new();
        for letter in page {
            if took_up.unsaid.holds(selection, &letter) {
                if letter.whole {
                    meant.push(letter);
                } else {
                    took_up.not_whole += 1;
                }
            }
        }
        for letters in meant.chunk_by(|one, other| (one.number, one.split) == (other.number, other.split)) {
            let taken_up = questions.judge(letters);
            match ledger.redrive_letters(run, act, by, &taken_up).await? {
                Answer::Done(number, became) => {
                    (act, took_up.act) = (Some(number), number);
                    add(&mut took_up.became, became);
                }
                Answer::Lost => took_up.lost += letters.len() as u64,
                Answer::Refused(refusal) => {
                    return Err(LettersError::Refused { run: name(run), refusal, done: took_up.became });
                }
            }
        }
    }
    let TookUp { act: _, became: _, not_whole, lost, unsaid } = &took_up;
    match act {
        Some(_) => Ok(took_up),
        None if *lost > 0 => Err(LettersError::Lost(name(run))),
        None => Err(LettersError::Nothing { run: name(run), not_whole: *not_whole, unsaid: unsaid.clone() }),
    }
}

/// What is asked of each letter.
struct Questions {
    identify: Option<Identify>,
    judge: Option<Judge>,
}

impl Questions {
    async fn of(ledger: &Ledger, run: &Run) -> Result<Self, LettersError> {
        let Some(sources) = run.input.sources() else { return Err(LettersError::Gone(name(run))) };
        let identify = sources.idempotency.expression().map(Identify::by).transpose().map_err(|reason| {
            StoreError::Corrupt(format!("the expression of the run's idempotency {reason}"))
        })?;
        let judge = match run.policy {
            None => None,
            Some(_) => {
                let text = ledger.policy_of(run).await?;
                let judge = Judge::by(&text.ok_or_else(|| LettersError::Gone(name(run)))?)?;
                if judge.asks() {
                    return Err(LettersError::Asks(name(run)));
                }
                Some(judge)
            }
        };
        Ok(Self { identify, judge })
    }

    /// Of letters of one split, in order.
    fn judge(&self, letters: &[Letter]) -> TakenUp {
        let at = now();
        let mut taken_up =
            TakenUp { judgement: self.judge.as_ref().map(Judge::judgement), ..TakenUp::default() };
        if let Some(judgement) = &mut taken_up.judgement {
            judgement.starts_at(0, at);
        }
        for letter in letters {
            (taken_up.source, taken_up.split) = (letter.number, letter.split);
            let payload = letter.raw.as_deref().unwrap_or_default();
            // As it was when it came: of what is pushed, nobody knows the place before it is taken in.
            let position = if letter.pushed { String::new() } else { letter.position.to_string() };
            let seen = Seen { payload, source: &letter.source, position: &position, at };
            let said = match self.judge.as_ref().map(|judge| judge.judge(seen)).unwrap_or_default() {
                Judged::Refused(refused) => {
                    taken_up.refused.push(refused.at(letter.position, Vec::new()));
                    continue;
                }
                Judged::Admitted(said) => said,
            };
            match self.identify.as_ref().map(|identify| identify.of(payload)).transpose() {
                Ok(Some(identity)) => taken_up.identities.push(&identity),
                Ok(None) => {}
                Err(reason) => {
                    let reason = reason.to_string();
                    taken_up.refused.push(DeadArrival::at_stage(
                        letter.position,
                        identity::STAGE,
                        reason,
                        Vec::new(),
                    ));
                    continue;
                }
            }
            let enriched = said.as_ref().and_then(|said| said.payload.as_deref());
            taken_up.payloads.push(enriched.unwrap_or(payload));
            taken_up.positions.push(letter.position);
            if let (Some(judgement), Some(said)) = (&mut taken_up.judgement, said) {
                said.note(judgement, letter.position, taken_up.payloads.len(), payload);
            }
        }
        taken_up
    }
}

fn add(all: &mut Became, Became { admitted, duplicates, rejected, dead }: Became) {
    all.admitted += admitted;
    all.duplicates += duplicates;
    all.rejected += rejected;
    all.dead += dead;
}
