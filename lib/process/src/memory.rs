//! What a process has had in memory.

use std::fmt::Display;
use std::fs;

/// The most memory that a process has had resident since it began to run its program, in KiB. Takes its number, or
/// `self`. None once it is gone, or where the kernel does not tell.
///
/// `getrusage` says something else: its figure outlives `exec`, so that of a program can be that of
/// whoever started it (proc(5), `VmHWM`; `getrusage(2)`, `ru_maxrss`).
#[must_use]
pub fn peak_memory_kib(process: impl Display) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn what_a_process_has_had_stays_and_is_not_what_its_parent_has() {
        let held = vec![1_u8; 64 << 20];
        std::hint::black_box(&held);
        drop(held);
        assert!(peak_memory_kib("self").is_some_and(|kib| kib > 64 << 10));
        let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("cat");
        let of_child = peak_memory_kib(child.id());
        drop(child.stdin.take());
        child.wait().expect("cat ends");
        assert!(of_child.is_some_and(|kib| kib < 64 << 10), "{of_child:?}");
        assert_eq!(peak_memory_kib(child.id()), None, "it is gone");
    }
}
