//! What a process has had of the processors, and what it has not.

use std::fs;
use std::time::Duration;

/// For how long threads of this process that live were ready to go on, and others had the processors, all of these times together. None where the
/// kernel does not tell (`sched-stats` of the kernel's documentation: the second number of `schedstat`).
#[must_use]
pub fn waited_for_processors() -> Option<Duration> {
    let waited = |thread: fs::DirEntry| {
        let stat = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        stat.split(' ').nth(1)?.parse().ok().map(Duration::from_nanos)
    };
    let threads = fs::read_dir("/proc/self/task").ok()?;
    // One that has ended meanwhile waits no more.
    let waited: Vec<Duration> = threads.flatten().filter_map(waited).collect();
    (!waited.is_empty()).then(|| waited.iter().sum())
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    #[test]
    fn threads_that_are_more_than_the_processors_wait_for_them() {
        let threads = 2 * thread::available_parallelism().expect("processors").get();
        let (begin, look) = (Barrier::new(threads), Barrier::new(threads));
        let waited = thread::scope(|scope| {
            let work = || {
                begin.wait();
                let work = (0..20_000_000_u64).fold(0, |sum, number| sum ^ std::hint::black_box(number));
                let waited = waited_for_processors();
                // All live until the last one has looked.
                look.wait();
                (work, waited)
            };
            let all: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            all.into_iter().map(|one| one.join().expect("a thread").1).max()
        });
        assert!(waited.flatten().is_some_and(|waited| waited > Duration::ZERO), "{waited:?}");
    }
}
