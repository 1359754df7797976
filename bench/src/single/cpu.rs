//! Who spent how much processor time.

use std::fs;
use std::ops::Sub;

use anyhow::Context;
use chancery_kit::children_of;
use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeVal;

/// What `/proc` counts in, on every architecture
/// ([proc_pid_stat(5)](https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html)).
const TICKS_A_SECOND: f64 = 100.0;

/// Processor seconds, in user mode and in the kernel.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cpu {
    /// Of processes that we started and have waited for.
    pub(crate) children: f64,
    /// Of PostgreSQL's sessions, and of autovacuum's workers.
    pub(crate) sessions: f64,
    /// Of PostgreSQL's writers of WAL and of pages.
    pub(crate) writers: f64,
}

impl Cpu {
    pub(crate) fn until_now(postmaster: i32) -> anyhow::Result<Self> {
        let own = Stat::of(postmaster).context("the server runs")?;
        // Sessions that have ended are in what the postmaster waited for.
        let mut cpu = Self { children: seconds(&getrusage(UsageWho::RUSAGE_CHILDREN)?), ..Self::default() };
        cpu.sessions = own.itself + own.waited_for;
        for child in children_of(postmaster) {
            let title = fs::read_to_string(format!("/proc/{child}/cmdline")).unwrap_or_default();
            let writes =
                ["walwriter", "checkpointer", "background writer"].iter().any(|it| title.contains(it));
            let spent = Stat::of(child).map_or(0.0, |stat| stat.itself);
            *if writes { &mut cpu.writers } else { &mut cpu.sessions } += spent;
        }
        Ok(cpu)
    }

    /// PostgreSQL in all.
    pub(crate) fn postgres(&self) -> f64 {
        self.sessions + self.writers
    }
}

impl Sub for Cpu {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            children: self.children - before.children,
            sessions: self.sessions - before.sessions,
            writers: self.writers - before.writers,
        }
    }
}

/// Processor seconds of this process.
pub(crate) fn own() -> anyhow::Result<f64> {
    Ok(seconds(&getrusage(UsageWho::RUSAGE_SELF)?))
}

/// Processor seconds of another process; none once it is gone.
pub(crate) fn of(pid: i32) -> Option<f64> {
    Stat::of(pid).map(|stat| stat.itself)
}

#[expect(clippy::cast_precision_loss, reason = "seconds and microseconds")]
fn seconds(usage: &Usage) -> f64 {
    let of = |time: TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    of(usage.user_time()) + of(usage.system_time())
}

struct Stat {
    itself: f64,
    waited_for: f64,
}

impl Stat {
    /// None once the process is gone.
    fn of(pid: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name stands in parentheses and may hold anything; the times are fields 14 to 17.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let seconds = |field: usize| Some(fields.get(field - 3)?.parse::<f64>().ok()? / TICKS_A_SECOND);
        Some(Self { itself: seconds(14)? + seconds(15)?, waited_for: seconds(16)? + seconds(17)? })
    }
}
