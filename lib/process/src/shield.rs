//! Keeps what is in memory there: the KEK, private keys, passwords.

use std::fs;

use nix::libc;
use nix::sys::mman::{MlockAllFlags, mlockall};
use nix::sys::prctl::set_dumpable;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};

/// The bit of `CAP_IPC_LOCK` (capabilities(7)).
const CAP_IPC_LOCK: u32 = 14;

/// What was done for the memory of this process, as the first thing in it.
#[must_use = "what failed is told once there are logs"]
#[derive(Debug)]
pub struct Shield {
    failed: Vec<String>,
    locked: bool,
}

impl Shield {
    /// - Nobody but root may look into the process or attach a debugger to it, its own user included, and it leaves no
    ///   core dump (`PR_SET_DUMPABLE`, `RLIMIT_CORE`).
    /// - Its memory is not swapped out (mlockall(2)), where it may lock as much as it likes. Where it may not, nothing is
    ///   locked: a limit on all of its memory would be met by some later allocation, which then fails.
    ///
    /// A program that is started by this one begins anew.
    pub fn raise() -> Self {
        let mut failed = Vec::new();
        let mut done = |what: &str, outcome: nix::Result<()>| {
            let is_done = outcome.is_ok();
            failed.extend(outcome.err().map(|error| format!("{what}: {error}")));
            is_done
        };
        done("the process stays open to debuggers of its user", set_dumpable(false));
        done("core dumps stay on", setrlimit(Resource::RLIMIT_CORE, 0, 0));
        let locked = may_lock() && done("memory may be swapped out", mlockall(all_that_is_used()));
        Self { failed, locked }
    }

    /// Logs what could not be done.
    pub fn report(&self) {
        for failed in &self.failed {
            tracing::warn!("the memory of this process is less protected than it should be: {failed}");
        }
        tracing::debug!(locked = self.locked, "memory is kept from swap if it is locked");
    }
}

/// What there is and what will be, but pages that are never touched.
fn all_that_is_used() -> MlockAllFlags {
    // This library has no name for the last one.
    MlockAllFlags::from_bits_retain(libc::MCL_CURRENT | libc::MCL_FUTURE | libc::MCL_ONFAULT)
}

fn may_lock() -> bool {
    let unlimited = getrlimit(Resource::RLIMIT_MEMLOCK).is_ok_and(|(soft, _)| soft == RLIM_INFINITY);
    unlimited || has_capability(CAP_IPC_LOCK)
}

fn has_capability(bit: u32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let effective = effective.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    effective.is_some_and(|mask| mask >> bit & 1 == 1)
}
