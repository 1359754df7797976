//! Judges what waits for what others say of it: asks about it, and settles it or puts it off. Beside whoever reads, so that a slow or dead
//! webhook holds nothing up that does not need it.

use std::sync::Arc;
use std::time::Duration;

use chancery_sources::asking::{Asked, Asking, Waiting};
use chancery_sources::judge::{Judge, Judged};
use chancery_store::intake::{Pending, PutOff, Refusal, Settled, Settlement, Taken, TakenPendings};
use chancery_store::{IntakeSession, StoreError};

use crate::error::IntakeError;
use crate::intake::Intake;
use crate::worker::{Ended, WAIT, ended};

/// While the database has no room for more, what waits is looked at again after so long.
const HELD: Duration = Duration::from_secs(2);

/// Bytes of answers and payloads after which the next of a split are settled in another call.
const PART: usize = 4 * 1024 * 1024;

/// Who is asked, and who judges then.
#[derive(Clone, Copy)]
struct Bench<'a> {
    asking: &'a Asking,
    judge: &'a Judge,
}

/// Judges until the run is sealed, or nothing is admitted to it any more.
pub(crate) async fn run(intake: Arc<Intake>, mut session: IntakeSession) -> Result<Ended, IntakeError> {
    let (Some(asking), Some(judge)) = (&intake.asking, &intake.judge) else { return Ok(Ended::WorkLeft) };
    let bench = Bench { asking, judge };
    // What was in hand when the connection broke.
    let mut left: Option<TakenPendings> = None;
    loop {
        match one_go(&intake, bench, &mut session, &mut left).await {
            Ok(Some(ended)) => return Ok(ended),
            Ok(None) => {}
            Err(error) if error.is_transient() => {
                tracing::warn!("{error}; connecting again");
                match intake.connect().await? {
                    Some(again) => session = again,
                    None => return Ok(Ended::WorkLeft),
                }
            }
            Err(error) => return Err(error),
        }
    }
}

/// Asks about some arrivals. None when there may be more to do.
async fn one_go(
    intake: &Intake,
    bench: Bench<'_>,
    session: &mut IntakeSession,
    left: &mut Option<TakenPendings>,
) -> Result<Option<Ended>, IntakeError> {
    if let Some(taken) = left {
        // That nobody heard what was said of them is no fault of those who said it.
        session.put_off_pendings(taken, &all_put_off(taken, Duration::ZERO)).await?;
        *left = None;
    }
    if intake.stop.is_asked() {
        return Ok(Some(Ended::WorkLeft));
    }
    // From before the question on, so that nothing that comes after the answer is missed.
    let mut progress = intake.progress.subscribe();
    let taken = session.take_pendings(bench.asking.at_a_time(), bench.asking.longest()).await?;
    let taken = match taken {
        Taken::These(taken) => taken,
        Taken::Nothing(refusal) => return ended(refusal).map(Some),
        Taken::Wait(pause) => {
            tokio::select! {
                () = tokio::time::sleep(pause.min(WAIT)) => {}
                // The sender lives as long as the intake: waiting cannot fail.
                _changed = progress.changed() => {}
                () = intake.stop.asked() => {}
            }
            return Ok(None);
        }
    };
    let waiting: Vec<Waiting> = taken.arrivals.iter().map(of_pending).collect();
    let mut go = bench.asking.go(bench.judge, &waiting);
    while !go.is_done() {
        let asked = tokio::select! {
            asked = go.ask() => Some(asked),
            () = intake.stop.asked() => None,
        };
        let Some(asked) = asked else {
            session.put_off_pendings(&taken, &all_put_off(&taken, Duration::ZERO)).await?;
            return Ok(Some(Ended::WorkLeft));
        };
        if asked.is_empty() {
            continue;
        }
        match settle(bench.judge, session, &taken, asked).await {
            Ok(None) => {}
            Ok(Some(refusal)) => {
                // What has left is nobody's, and is left alone.
                session.put_off_pendings(&taken, &all_put_off(&taken, Duration::ZERO)).await?;
                return ended(refusal).map(Some);
            }
            Err(error) => {
                *left = Some(taken);
                return Err(error.into());
            }
        }
        intake.progress.send_replace(());
    }
    Ok(None)
}

/// Settles what is judged, split by split, and puts the rest off. Says why, if nothing is admitted any more.
async fn settle(
    judge: &Judge,
    session: &mut IntakeSession,
    taken: &TakenPendings,
    asked: Vec<(usize, Asked)>,
) -> Result<Option<Refusal>, StoreError> {
    let mut put_off = Vec::new();
    let mut settlements: Vec<Settlement> = Vec::new();
    // Of the last of these.
    let mut bytes = 0;
    for (number, asked) in asked {
        let Some(pending) = taken.arrivals.get(number) else { continue };
        match asked {
            Asked::Again { error, pause } => {
                tracing::debug!(source = pending.name, position = pending.position, "{error}; asking again");
                put_off.push(put_off_of(pending, Some(error), pause));
            }
            Asked::Judged { judged, answers } => {
                // They come in the order of their places.
                let has_room = |settlement: &&mut Settlement| {
                    (settlement.source, settlement.split) == (pending.source, pending.split) && bytes < PART
                };
                if settlements.last_mut().filter(has_room).is_none() {
                    settlements.push(nothing_of(judge, pending));
                    bytes = 0;
                }
                bytes += answers.len() + pending.payload.len();
                if let Some(settlement) = settlements.last_mut() {
                    add(settlement, pending, judged, answers);
                }
            }
        }
    }
    let mut refused = None;
    for settlement in &settlements {
        match session.settle_pendings(taken, settlement).await? {
            Settled::Done { records, duplicates, dead, rejected } => {
                let Settlement { source, split, .. } = settlement;
                tracing::debug!(source, split, records, duplicates, dead, rejected, "settled");
            }
            // Whoever has them settles them.
            Settled::Moved => {}
            Settled::Held => put_off.extend(again(taken, settlement, HELD)),
            Settled::Refused(refusal) => {
                put_off.extend(again(taken, settlement, Duration::ZERO));
                refused = Some(refusal);
            }
        }
    }
    if !put_off.is_empty() {
        session.put_off_pendings(taken, &put_off).await?;
    }
    Ok(refused)
}

fn nothing_of(judge: &Judge, pending: &Pending) -> Settlement {
    Settlement {
        source: pending.source,
        split: pending.split,
        positions: Vec::new(),
        enriched: Vec::new(),
        dead: Vec::new(),
        answers: Vec::new(),
        dead_answers: Vec::new(),
        judgement: judge.judgement(),
    }
}

fn add(settlement: &mut Settlement, pending: &Pending, judged: Judged, answers: String) {
    let said = match judged {
        Judged::Refused(refused) => {
            settlement.dead.push(refused.at(pending.position, Vec::new()));
            settlement.dead_answers.push(answers);
            return;
        }
        Judged::Admitted(said) => said.unwrap_or_default(),
    };
    settlement.positions.push(pending.position);
    settlement.answers.push(answers);
    if let Some(mark) = said.mark {
        settlement.judgement.marked(pending.position, mark);
    }
    settlement.judgement.ignored += i64::from(said.ignored);
    settlement.enriched.push(said.payload);
}

fn of_pending(pending: &Pending) -> Waiting {
    let Pending { source: _, name, pushed, split, position, payload, attempts, judged_at } = pending;
    Waiting {
        source: name.clone(),
        pushed: *pushed,
        split: *split,
        position: *position,
        payload: payload.clone(),
        attempts: *attempts,
        judged_at: *judged_at,
    }
}

fn put_off_of(pending: &Pending, error: Option<String>, pause: Duration) -> PutOff {
    PutOff { source: pending.source, split: pending.split, position: pending.position, error, pause }
}

fn all_put_off(taken: &TakenPendings, pause: Duration) -> Vec<PutOff> {
    taken.arrivals.iter().map(|pending| put_off_of(pending, None, pause)).collect()
}

/// All of a settlement that did not come about.
fn again(taken: &TakenPendings, settlement: &Settlement, pause: Duration) -> Vec<PutOff> {
    let is_of = |pending: &&Pending| {
        (pending.source, pending.split) == (settlement.source, settlement.split)
            && (settlement.positions.contains(&pending.position)
                || settlement.dead.iter().any(|dead| dead.position == pending.position))
    };
    taken.arrivals.iter().filter(is_of).map(|pending| put_off_of(pending, None, pause)).collect()
}
