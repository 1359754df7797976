//! Keeping what one has while something takes long.

use std::time::Duration;

use chancery_process::Stop;
use chancery_store::intake::Held;
use chancery_store::{IntakeSession, StoreError};
use tokio::time::Instant;

/// Until when something is surely this holder's, and when that is to be prolonged.
pub(crate) struct Keep<'a> {
    held: &'a Held,
    renew_at: Instant,
}

/// What came first.
pub(crate) enum Came<T> {
    This(T),
    /// The intake was asked to stop.
    Stop,
    /// It is somebody else's by now.
    Lost,
}

impl<'a> Keep<'a> {
    /// It was given, or prolonged, not before `since`.
    pub(crate) fn new(held: &'a Held, since: Instant) -> Self {
        Self { held, renew_at: since + third(held) }
    }

    /// It was prolonged now.
    pub(crate) fn renewed(&mut self) {
        self.renew_at = Instant::now() + third(self.held);
    }

    /// Waits for something, and keeps what is held meanwhile.
    pub(crate) async fn during<T>(
        &mut self,
        session: &mut IntakeSession,
        stop: &Stop,
        work: impl Future<Output = T>,
    ) -> Result<Came<T>, StoreError> {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                biased;
                this = &mut work => return Ok(Came::This(this)),
                () = stop.asked() => return Ok(Came::Stop),
                () = tokio::time::sleep_until(self.renew_at) => {
                    if !session.renew(self.held).await? {
                        return Ok(Came::Lost);
                    }
                    self.renewed();
                }
            }
        }
    }
}

fn third(held: &Held) -> Duration {
    held.duration / 3
}
