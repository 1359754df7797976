//! A circuit breaker: who gave no answer several times in a row is left alone for a while, and is then tried with one call.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Calls that fail in a row before it opens.
const FAILURES: u32 = 5;

/// For how long it is open at first; each time that a try fails, for twice as long, up to the longest.
const OPEN: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);

/// Whether somebody is called.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    state: Mutex<State>,
}

/// What the end of a call changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nothing that anybody has to know.
    Stays,
    /// It was closed, and opens, for so long.
    Opens(Duration),
    /// It was open, and closes.
    Closes,
}

#[derive(Debug, Default)]
struct State {
    /// Calls that failed since one succeeded.
    failed: u32,
    /// Until when nobody is called; none while it is closed.
    open_until: Option<Instant>,
    /// For how long that was.
    open_for: Duration,
    /// Somebody is being called to see whether it can be closed.
    is_tried: bool,
}

impl Breaker {
    /// Whether a call may begin now; else, how long to wait before asking again.
    pub(super) fn begin(&self, now: Instant) -> Result<(), Duration> {
        let mut state = self.state();
        let Some(until) = state.open_until else { return Ok(()) };
        if now < until {
            return Err(until - now);
        }
        if state.is_tried {
            return Err(state.open_for.min(OPEN));
        }
        state.is_tried = true;
        Ok(())
    }

    /// How a call ended that had begun.
    pub(super) fn end(&self, succeeded: bool, now: Instant) -> Turn {
        let mut state = self.state();
        let was_open = state.open_until.is_some();
        if succeeded {
            *state = State::default();
            return if was_open { Turn::Closes } else { Turn::Stays };
        }
        state.failed = state.failed.saturating_add(1);
        let was_tried = std::mem::take(&mut state.is_tried);
        if was_tried || (!was_open && state.failed >= FAILURES) {
            state.open_for = if was_tried { (state.open_for * 2).min(LONGEST) } else { OPEN };
            state.open_until = Some(now + state.open_for);
        }
        if !was_open && state.open_until.is_some() { Turn::Opens(state.open_for) } else { Turn::Stays }
    }

    /// A call that had begun was broken off, and nobody knows how it would have ended.
    pub(super) fn forget(&self) {
        self.state().is_tried = false;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(breaker: &Breaker, times: u32, now: Instant) {
        for _ in 0..times {
            breaker.begin(now).expect("it may be called");
            breaker.end(false, now);
        }
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_lets_one_try_pass_when_its_time_is_over() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        failed(&breaker, FAILURES, now);
        assert_eq!(breaker.begin(now), Err(OPEN));
        let later = now + OPEN;
        assert_eq!(breaker.begin(later), Ok(()), "the try");
        assert!(breaker.begin(later).is_err(), "one at a time");
        breaker.end(false, later);
        assert_eq!(breaker.begin(later), Err(2 * OPEN));
        let last = later + 2 * OPEN;
        assert_eq!(breaker.begin(last), Ok(()));
        breaker.end(true, last);
        failed(&breaker, FAILURES - 1, last);
        assert_eq!(breaker.begin(last), Ok(()), "it counts from the last success");
    }

    #[test]
    fn it_says_when_it_opens_and_when_it_closes_and_nothing_in_between() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        let turns: Vec<Turn> = (0..FAILURES).map(|_| breaker.end(false, now)).collect();
        let (last, before) = turns.split_last().expect("some");
        assert!(before.iter().all(|turn| *turn == Turn::Stays), "{turns:?}");
        assert_eq!(*last, Turn::Opens(OPEN));
        breaker.begin(now + OPEN).expect("the try");
        assert_eq!(breaker.end(false, now + OPEN), Turn::Stays);
        breaker.begin(now + 3 * OPEN).expect("the next try");
        assert_eq!(breaker.end(true, now + 3 * OPEN), Turn::Closes);
        assert_eq!(breaker.end(true, now + 3 * OPEN), Turn::Stays);
    }

    #[test]
    fn a_success_in_between_begins_the_count_anew() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        for _ in 0..3 {
            failed(&breaker, FAILURES - 1, now);
            breaker.end(true, now);
        }
        assert_eq!(breaker.begin(now), Ok(()));
    }

    #[test]
    fn a_try_that_was_broken_off_leaves_room_for_the_next() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        failed(&breaker, FAILURES, now);
        let later = now + OPEN;
        assert_eq!(breaker.begin(later), Ok(()));
        breaker.forget();
        assert_eq!(breaker.begin(later), Ok(()));
    }

    #[test]
    fn it_is_open_for_no_longer_than_the_longest() {
        let breaker = Breaker::default();
        let mut now = Instant::now();
        failed(&breaker, FAILURES, now);
        for _ in 0..10 {
            now += LONGEST;
            breaker.begin(now).expect("a try");
            breaker.end(false, now);
        }
        assert_eq!(breaker.begin(now), Err(LONGEST));
    }
}
