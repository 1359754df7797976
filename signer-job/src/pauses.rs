//! How long a slot waits while there is nothing for it.

use std::time::{Duration, Instant};

use chancery_process::Backoff;

/// Pauses while there is no key or no batch for this signer.
const LEAST: Duration = Duration::from_millis(20);
const MOST: Duration = Duration::from_millis(500);

/// Where batches come while slots wait for them, the next one is looked for as often: whoever pushed its records may be waiting.
const BRISK: Duration = Duration::from_millis(25);

/// For how long after one came it is.
const LATELY: Duration = Duration::from_secs(1);

/// What a slot waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lack {
    Batch,
    /// A key that is free, or the last ones of the ring.
    Keys,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Pauses {
    growing: Backoff,
    brisk: Backoff,
    waits_for_batch: bool,
    /// When a batch came that was waited for.
    came: Option<Instant>,
}

impl Pauses {
    pub(crate) const fn new() -> Self {
        Self {
            growing: Backoff::new(LEAST, MOST),
            brisk: Backoff::new(BRISK, BRISK),
            waits_for_batch: false,
            came: None,
        }
    }

    /// A batch was leased.
    pub(crate) fn leased(&mut self, now: Instant) {
        if std::mem::take(&mut self.waits_for_batch) {
            self.came = Some(now);
        }
        self.growing.reset();
    }

    /// A key was made.
    pub(crate) fn made_key(&mut self) {
        self.growing.reset();
    }

    /// The next pause.
    pub(crate) fn next(&mut self, lack: Lack, now: Instant) -> Duration {
        let is_brisk = self.came.is_some_and(|came| now.duration_since(came) < LATELY);
        match lack {
            Lack::Batch => {
                self.waits_for_batch = true;
                let growing = self.growing.next_pause();
                if is_brisk { growing.min(self.brisk.next_pause()) } else { growing }
            }
            Lack::Keys => self.growing.next_pause(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The longest of many pauses, from now on.
    fn longest(pauses: &mut Pauses, lack: Lack, now: Instant) -> Duration {
        (0..200).map(|_| pauses.next(lack, now)).max().unwrap_or_default()
    }

    #[test]
    fn pauses_grow_where_batches_do_not_come() {
        let (mut pauses, now) = (Pauses::new(), Instant::now());
        pauses.leased(now);
        assert!(longest(&mut pauses, Lack::Batch, now) > BRISK * 4, "the last batches are in other hands");
        pauses.made_key();
        assert!(longest(&mut pauses, Lack::Keys, now) > BRISK * 4);
    }

    #[test]
    fn a_batch_that_was_waited_for_makes_pauses_short_for_a_while() {
        let (mut pauses, now) = (Pauses::new(), Instant::now());
        longest(&mut pauses, Lack::Batch, now);
        pauses.leased(now);
        let soon = now + LATELY - Duration::from_millis(1);
        assert!(longest(&mut pauses, Lack::Batch, soon) <= BRISK);
        assert!(longest(&mut pauses, Lack::Keys, soon) > BRISK * 4, "keys come no sooner for it");
        assert!(longest(&mut pauses, Lack::Batch, now + LATELY) > BRISK * 4, "none came for a while");
    }
}
