//! What PostgreSQL's `postmaster.pid` says, and whether it is still true.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::error::{Error, io_error};

/// The state of a data directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// No server; the file is gone, or names a process that is gone.
    Stopped,
    /// A server that may still be on its way up.
    Running {
        /// Its process.
        pid: u32,
        /// It takes connections.
        ready: bool,
    },
}

/// The file itself.
pub(crate) fn path(data: &Path) -> PathBuf {
    data.join("postmaster.pid")
}

fn pid_in_file(data: &Path) -> Option<u32> {
    let text = fs::read_to_string(path(data)).ok()?;
    text.lines().next()?.trim().parse().ok()
}

/// Reads the file and checks its word against the process table.
pub(crate) fn state(data: &Path) -> Result<State, Error> {
    let path = path(data);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(State::Stopped),
        Err(error) => return Err(io_error("read", &path)(error)),
    };
    // Line 1 is the process, line 8 the state (`src/include/utils/pidfile.h`).
    let mut lines = text.lines().map(str::trim);
    let pid = lines.next().and_then(|line| line.parse::<u32>().ok());
    let ready = lines.nth(6) == Some("ready");
    Ok(match pid {
        Some(pid) if process(pid, data) == Process::Ours => State::Running { pid, ready },
        _ => State::Stopped,
    })
}

/// Whether PostgreSQL would take the file for that of a running server although it is not.
///
/// The number can be that of something else altogether, as happens after a reboot or in a
/// container, where process ids come back soon; or of a dead server that its parent has not
/// waited for, as under an init process that does not care.
pub(crate) fn is_mistaken(data: &Path) -> bool {
    pid_in_file(data).is_some_and(|pid| match process(pid, data) {
        Process::Ours => false,
        Process::Another => true,
        Process::Gone => Path::new(&format!("/proc/{pid}")).exists(),
    })
}

/// A `sed` script that makes the file name a process that cannot be, its number being above
/// the largest that Linux gives out (2²²).
///
/// The file is not simply removed: PostgreSQL finds in it whether orphans of the dead
/// server still work on the data, and then refuses to start beside them.
pub(crate) const DISOWN: &str = "1s/.*/8388608/";

/// Whether this process is the server of this data directory.
pub(crate) fn is_server(pid: u32, data: &Path) -> bool {
    process(pid, data) == Process::Ours
}

#[derive(Debug, PartialEq, Eq)]
enum Process {
    Gone,
    Ours,
    Another,
}

/// Judges by the command line, which every user may read of every process, unlike the
/// program or the working directory.
fn process(pid: u32, data: &Path) -> Process {
    let line = match fs::read(format!("/proc/{pid}/cmdline")) {
        // A process that has ended but was not waited for has an empty one.
        Ok(line) if !line.is_empty() => line,
        _ => return Process::Gone,
    };
    let words: Vec<&[u8]> = line.split(|&byte| byte == 0).collect();
    let program = Path::new(std::ffi::OsStr::from_bytes(words[0])).file_name();
    if program.is_none_or(|name| name != "postgres" && name != "postmaster") {
        return Process::Another;
    }
    let named = words
        .windows(2)
        .find(|pair| pair[0] == b"-D")
        .map(|pair| Path::new(std::ffi::OsStr::from_bytes(pair[1])));
    // Compared by what they are, not by how they are spelled: the folder may have been
    // moved or be mounted twice. A server of unknown data is taken for ours, since a second
    // one on the same data would destroy them.
    match named.map(fs::metadata) {
        Some(Ok(named)) => match fs::metadata(data) {
            Ok(ours) if (named.dev(), named.ino()) != (ours.dev(), ours.ino()) => Process::Another,
            _ => Process::Ours,
        },
        _ => Process::Ours,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_pid(pid: u32) -> tempfile::TempDir {
        let data = tempfile::tempdir().unwrap();
        let text = format!("{pid}\n/d\n1\n5432\n/s\n\n  1 2\nready   \n");
        fs::write(path(data.path()), text).unwrap();
        data
    }

    #[test]
    fn a_file_that_names_another_program_is_mistaken() {
        let data = with_pid(std::process::id());
        assert_eq!(state(data.path()).unwrap(), State::Stopped);
        assert!(is_mistaken(data.path()));
    }

    #[test]
    fn a_file_that_names_no_process_is_left_to_postgresql() {
        let data = with_pid(8_388_608);
        assert_eq!(state(data.path()).unwrap(), State::Stopped);
        assert!(!is_mistaken(data.path()));
    }

    #[test]
    fn a_file_that_names_a_process_nobody_waited_for_is_mistaken() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let data = with_pid(child.id());
        let line = format!("/proc/{}/cmdline", child.id());
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
        while !fs::read(&line).unwrap().is_empty() {
            assert!(std::time::Instant::now() < deadline);
            std::thread::yield_now();
        }
        assert_eq!(state(data.path()).unwrap(), State::Stopped);
        assert!(is_mistaken(data.path()));
        child.wait().unwrap();
        assert!(!is_mistaken(data.path()));
    }

    #[test]
    fn no_file_or_half_a_file_is_a_stopped_server() {
        let data = tempfile::tempdir().unwrap();
        assert_eq!(state(data.path()).unwrap(), State::Stopped);
        fs::write(path(data.path()), "").unwrap();
        assert_eq!(state(data.path()).unwrap(), State::Stopped);
    }
}
