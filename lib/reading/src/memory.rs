//! Memory that readers have beyond their own: what is large is held by one reader of the process at a time, so that the memory
//! of a process does not grow with the number of its readers.

use std::sync::{Arc, LazyLock};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

const MIB: u64 = 1024 * 1024;

/// What all readers of a process have together beyond their own, in MiB, as long as none needs more.
const SHARED: u32 = 8;

/// Memory that is held until this is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    _permits: Option<OwnedSemaphorePermit>,
}

/// Waits for so many bytes. Whoever needs more than all readers share waits until no other has any, and then has what it needs.
pub(crate) async fn hold(bytes: u64) -> Held {
    static MEMORY: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(SHARED as usize)));
    hold_of(&MEMORY, bytes).await
}

async fn hold_of(memory: &Arc<Semaphore>, bytes: u64) -> Held {
    match u32::try_from(bytes / MIB).unwrap_or(SHARED).min(SHARED) {
        0 => Held { _permits: None },
        // It is never closed.
        mib => Held { _permits: Arc::clone(memory).acquire_many_owned(mib).await.ok() },
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn what_is_small_is_shared_and_what_is_large_is_held_by_one() {
        let memory = Arc::new(Semaphore::new(SHARED as usize));
        let try_hold = |bytes: u64| hold_of(&memory, bytes).now_or_never();
        let (three, five) = (try_hold(3 * MIB), try_hold(5 * MIB + 1));
        assert!(three.is_some() && five.is_some() && try_hold(MIB - 1).is_some());
        assert!(try_hold(MIB).is_none(), "it is all held");
        drop(three);
        assert!(try_hold(3 * MIB).is_some());
        assert!(try_hold(u64::MAX).is_none(), "somebody has some of it");
        drop(five);
        let large = try_hold(u64::MAX);
        assert!(large.is_some() && try_hold(MIB).is_none());
    }
}
