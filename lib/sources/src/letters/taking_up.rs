//! Taking dead letters up again, in their own run while that is open: each is judged anew, as it was kept.

use chancery_reading::event_identity;
use chancery_store::intake::Refusal;
use chancery_store::letters::{Became, By, Letter, LetterPlace, TakenUp, TookUp as Answer};
use chancery_store::{Ledger, Run, StoreError};

use super::{LettersError, Selection, Unsaid, name, nothing};
use crate::identity::Identify;
use crate::judge::{Judge, now};
use crate::questions::{self, Considered, Offer};

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
    let mut taking_up = TakingUp {
        ledger,
        run,
        selection,
        by: By { actor, selection: selection.words() },
        questions: Questions::of(ledger, run).await?,
        act: None,
        took_up: TookUp::default(),
    };
    let mut after = LetterPlace::START;
    loop {
        let page = ledger.letters_after(run, after, PAGE, true, true).await?;
        let Some(last) = page.last() else { break };
        // One that is dead again is not met again.
        after = last.place();
        if selection.is_over() {
            let done = taking_up.took_up.became.all().unsigned_abs();
            return Err(LettersError::Late { run: name(run), done });
        }
        taking_up.page(page).await?;
    }
    let TakingUp { act, took_up, .. } = taking_up;
    match act {
        Some(_) => Ok(took_up),
        None if took_up.lost > 0 => Err(LettersError::Lost(name(run))),
        None => Err(nothing(ledger, run, took_up.not_whole, took_up.unsaid).await),
    }
}

/// What is under way for one run.
struct TakingUp<'a> {
    ledger: &'a Ledger,
    run: &'a Run,
    selection: &'a Selection,
    by: By<'a>,
    questions: Questions,
    act: Option<i32>,
    took_up: TookUp,
}

impl TakingUp<'_> {
    /// Takes up those of a page that are meant, a split after the other.
    async fn page(&mut self, page: Vec<Letter>) -> Result<(), LettersError> {
        let mut meant = Vec::new();
        for letter in page {
            if self.took_up.unsaid.holds(self.selection, &letter) {
                if letter.whole {
                    meant.push(letter);
                } else {
                    self.took_up.not_whole += 1;
                }
            }
        }
        for letters in meant.chunk_by(|one, other| (one.number, one.split) == (other.number, other.split)) {
            self.split(letters).await?;
        }
        Ok(())
    }

    /// Takes letters of one split up. Where some are not as they were by now, the others are read again, once, and taken up without those.
    async fn split(&mut self, letters: &[Letter]) -> Result<(), LettersError> {
        let left = self.as_they_fit(letters).await?;
        let again = self.again(left).await?;
        let lost = self.as_they_fit(&again).await?;
        self.took_up.lost += (left.len() - again.len() + lost.len()) as u64;
        Ok(())
    }

    /// Takes them up, and fewer at a time where the run has no room for so many. Gives back those from where one was lost.
    async fn as_they_fit<'l>(&mut self, letters: &'l [Letter]) -> Result<&'l [Letter], LettersError> {
        let (mut left, mut most) = (letters, letters.len());
        while !left.is_empty() {
            let (now, behind) = left.split_at(most.min(left.len()));
            let taken_up = self.questions.judge(now);
            match self.ledger.redrive_letters(self.run, self.act, self.by, &taken_up).await? {
                Answer::Done(number, became) => {
                    (self.act, self.took_up.act) = (Some(number), number);
                    add(&mut self.took_up.became, became);
                    left = behind;
                }
                Answer::Lost => break,
                Answer::Refused(Refusal::Full) if now.len() > 1 => most = now.len() / 2,
                Answer::Refused(refusal) => {
                    let done = self.took_up.became;
                    return Err(LettersError::Refused { run: name(self.run), refusal, done });
                }
            }
        }
        Ok(left)
    }

    /// Those of them that are still there, and meant, as they are now.
    async fn again(&self, letters: &[Letter]) -> Result<Vec<Letter>, StoreError> {
        let mut there = Vec::new();
        let Some((first, last)) = letters.first().zip(letters.last()) else { return Ok(there) };
        let mut after = LetterPlace::before(first.number, first.split, first.position);
        while after < last.place() {
            let page = self.ledger.letters_after(self.run, after, PAGE, true, true).await?;
            let Some(end) = page.last() else { break };
            after = end.place();
            there.extend(page.into_iter().filter(|letter| {
                letter.whole
                    && letters.binary_search_by_key(&letter.place(), Letter::place).is_ok()
                    && self.selection.holds(letter).unwrap_or(false)
            }));
        }
        Ok(there)
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
                Some(Judge::by(&text.ok_or_else(|| LettersError::Gone(name(run)))?)?)
            }
        };
        Ok(Self { identify, judge })
    }

    /// Of letters of one split, in order. Those that others have to be asked about wait for that, as they would have when they came.
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
            let asked = questions::Questions {
                identify: self.identify.as_ref(),
                judge: self.judge.as_ref(),
                source: &letter.source,
            };
            // As it was named when it came: nothing else in an event has to be what an expression can be asked of.
            let event = event_identity(payload).ok();
            if asked.waits(payload, &position, at) {
                match asked.name(payload, event.as_ref()) {
                    Ok(named) => {
                        if let Some(judgement) = &mut taken_up.judgement {
                            judgement.waits(letter.position, payload, named.as_deref());
                        }
                    }
                    Err(refused) => taken_up.refused.push(refused.at(letter.position, Vec::new())),
                }
                continue;
            }
            let Offer { identity, said } = match asked.consider(payload, &position, at, event.as_ref()) {
                Considered::Refused(refused) => {
                    taken_up.refused.push(refused.at(letter.position, Vec::new()));
                    continue;
                }
                Considered::Offered(offer) => offer,
            };
            if let Some(identity) = identity {
                taken_up.identities.push(&identity);
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

fn add(all: &mut Became, Became { admitted, duplicates, rejected, dead, pending }: Became) {
    all.admitted += admitted;
    all.duplicates += duplicates;
    all.rejected += rejected;
    all.dead += dead;
    all.pending += pending;
}

#[cfg(test)]
mod tests {
    use chancery_api::EVENT_IDENTITY;

    use super::*;

    fn letter(raw: &str) -> Letter {
        Letter {
            number: 1,
            source: "events".to_owned(),
            pushed: false,
            split: 1,
            position: 7,
            stage: "Policy".to_owned(),
            rule: Some("usd".to_owned()),
            reason: "no such key".to_owned(),
            raw: Some(raw.as_bytes().to_vec()),
            bytes: None,
            whole: true,
            swept_at: None,
            arrived_at: String::new(),
            arrived_micros: 0,
            attempts: 0,
            ended: None,
            into: None,
        }
    }

    #[test]
    fn an_event_has_the_name_that_it_had_when_it_came() {
        let identify = Identify::by(EVENT_IDENTITY).expect("an expression");
        let questions = Questions { identify: Some(identify), judge: None };
        let event = r#"{"specversion":"1.0","type":"t","source":"/a","id":"1","data":1e999}"#;
        let taken_up = questions.judge(&[letter(event)]);
        assert_eq!((taken_up.positions, taken_up.identities.len()), (vec![7], 1), "{:?}", taken_up.refused);
        let taken_up = questions.judge(&[letter("no event")]);
        assert_eq!((taken_up.positions.len(), taken_up.refused.len()), (0, 1));
    }
}
