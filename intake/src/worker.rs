//! One reader: does what the ledger gives it to do, one thing after the other.

use std::sync::Arc;
use std::time::Duration;

use chancery_store::IntakeSession;
use chancery_store::intake::{Held, Refusal, Task};

use crate::error::IntakeError;
use crate::intake::Intake;
use crate::{list, read};

/// The longest time before a reader that waits for others asks again.
pub(crate) const WAIT: Duration = Duration::from_secs(2);

/// A source that does not answer is left alone for a second at first, then for twice as long each time, up to this.
const MOST_PAUSE: Duration = Duration::from_secs(60);

/// How an intake ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The run has all its records.
    Sealed,
    /// Something is left to be read, by somebody, later.
    WorkLeft,
}

/// How a task ended.
pub(crate) enum After {
    /// It is done, or somebody else's by now.
    Done,
    /// The intake was asked to stop.
    Stopped,
    /// Nothing is admitted to the run now.
    Refused(Refusal),
    /// The source does not answer.
    Away(String),
}

pub(crate) async fn run(intake: Arc<Intake>, mut session: IntakeSession) -> Result<Ended, IntakeError> {
    // What was in hand when the connection broke.
    let mut left: Option<Held> = None;
    loop {
        match one_task(&intake, &mut session, &mut left).await {
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

/// Does one thing. None when there may be more to do.
async fn one_task(
    intake: &Intake,
    session: &mut IntakeSession,
    left: &mut Option<Held>,
) -> Result<Option<Ended>, IntakeError> {
    if let Some(held) = left {
        session.give_back(held, None).await?;
        *left = None;
    }
    if intake.stop.is_asked() {
        return Ok(Some(Ended::WorkLeft));
    }
    // From before the question on, so that nothing that comes after the answer is missed.
    let mut progress = intake.progress.subscribe();
    let (held, done) = match session.next().await? {
        Task::Wait(pause) => {
            tokio::select! {
                () = tokio::time::sleep(pause.min(WAIT)) => {}
                // The sender lives as long as the intake: waiting cannot fail.
                _changed = progress.changed() => {}
                () = intake.stop.asked() => {}
            }
            return Ok(None);
        }
        Task::Nothing(refusal) => return ended(refusal).map(Some),
        Task::List(held) => {
            let done = list::list(intake, session, &held).await;
            (held, done)
        }
        Task::Read(reading) => {
            let done = read::read(intake, session, &reading).await;
            (reading.held, done)
        }
    };
    let after = match done {
        Ok(after) => after,
        Err(error) if error.is_transient() => {
            *left = Some(held);
            return Err(error);
        }
        Err(error) => {
            // So that the ledger can say what was wrong; what happens to this is told by the error before it.
            let _told = session.give_back(&held, Some((&error.to_string(), Duration::ZERO))).await;
            return Err(error);
        }
    };
    match after {
        After::Done => {
            intake.progress.send_replace(());
            Ok(None)
        }
        After::Stopped => {
            session.give_back(&held, None).await?;
            Ok(Some(Ended::WorkLeft))
        }
        // The next question says whether there is something else to do, or for how long to wait.
        After::Refused(Refusal::Full | Refusal::Held) => {
            session.give_back(&held, None).await?;
            Ok(None)
        }
        After::Refused(refusal) => {
            session.give_back(&held, None).await?;
            ended(refusal).map(Some)
        }
        After::Away(reason) => {
            let pause = pause_after(held.attempts);
            tracing::warn!(source = held.name, seconds = pause.as_secs(), "{reason}");
            session.give_back(&held, Some((&reason, pause))).await?;
            Ok(None)
        }
    }
}

pub(crate) fn ended(refusal: Refusal) -> Result<Ended, IntakeError> {
    match refusal {
        Refusal::Sealed => Ok(Ended::Sealed),
        Refusal::Full | Refusal::Held | Refusal::Suspended | Refusal::TooManyDead => Ok(Ended::WorkLeft),
        Refusal::Gone => Err(IntakeError::Gone),
    }
}

fn pause_after(attempts: u32) -> Duration {
    Duration::from_secs(1).saturating_mul(1 << attempts.min(10)).min(MOST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_does_not_answer_is_left_alone_for_longer_and_longer() {
        let pauses: Vec<u64> = (0..8).map(|attempts| pause_after(attempts).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(pause_after(u32::MAX), MOST_PAUSE);
    }
}
