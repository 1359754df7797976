//! When a delivery ends: once each of its tasks has found nothing left at the same time. One that ended before would be missed, should something
//! of its sink be taken up again while others go on.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

/// How many of a delivery's tasks have nothing left.
#[derive(Debug)]
pub(crate) struct Rest {
    tasks: usize,
    resting: AtomicUsize,
    all: Notify,
}

/// Whether a task is counted among those that have nothing left.
#[derive(Debug, Default)]
pub(crate) struct Resting(bool);

impl Rest {
    pub(crate) fn of(tasks: usize) -> Self {
        Self { tasks, resting: AtomicUsize::new(0), all: Notify::new() }
    }

    /// A task has found nothing left. True once all have; false when it has to look again.
    pub(crate) async fn nothing_left(&self, resting: &mut Resting, pause: Duration) -> bool {
        let all = self.all.notified();
        self.is_over(resting);
        if self.resting.load(Ordering::SeqCst) == self.tasks {
            return true;
        }
        tokio::select! {
            () = all => true,
            () = tokio::time::sleep(pause) => self.resting.load(Ordering::SeqCst) == self.tasks,
        }
    }

    /// A task looks no more: others do not wait for it.
    pub(crate) fn is_over(&self, resting: &mut Resting) {
        if !resting.0 {
            resting.0 = true;
            if self.resting.fetch_add(1, Ordering::SeqCst) + 1 == self.tasks {
                self.all.notify_waiters();
            }
        }
    }

    /// It has something to do.
    pub(crate) fn something_left(&self, resting: &mut Resting) {
        if resting.0 {
            resting.0 = false;
            self.resting.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEVER: Duration = Duration::from_secs(3_600);

    #[tokio::test]
    async fn all_end_at_once_and_nobody_before_the_last() {
        let rest = Rest::of(2);
        let (mut one, mut other) = (Resting::default(), Resting::default());
        assert!(!rest.nothing_left(&mut one, Duration::ZERO).await, "the other has not looked yet");
        rest.something_left(&mut one);
        assert!(!rest.nothing_left(&mut other, Duration::ZERO).await, "the first has something again");
        let (first, second) =
            tokio::join!(rest.nothing_left(&mut one, NEVER), rest.nothing_left(&mut other, NEVER));
        assert!(first && second);
    }

    #[tokio::test]
    async fn one_that_is_over_keeps_nobody() {
        let rest = Rest::of(2);
        let (mut one, mut other) = (Resting::default(), Resting::default());
        let (all, ()) = tokio::join!(rest.nothing_left(&mut one, NEVER), async { rest.is_over(&mut other) });
        assert!(all);
        rest.something_left(&mut one);
        assert!(rest.nothing_left(&mut one, NEVER).await, "nor later");
    }
}
