//! What the tests share: folders, questions to a server, and waiting with a deadline.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use chancery_local_postgres::{ServerOptions, find_binaries};
use tempfile::TempDir;

/// A folder that every user may pass through.
pub(crate) fn open_folder() -> TempDir {
    folder(0o755)
}

/// A folder that only its owner may pass through.
pub(crate) fn closed_folder() -> TempDir {
    folder(0o700)
}

fn folder(mode: u32) -> TempDir {
    tempfile::Builder::new().permissions(fs::Permissions::from_mode(mode)).tempdir().unwrap()
}

/// Small enough for several servers at once on a small machine.
pub(crate) fn options(data_dir: &Path) -> ServerOptions {
    ServerOptions {
        max_connections: 20,
        settings: vec![("shared_buffers".to_owned(), "16MB".to_owned())],
        ..ServerOptions::new(data_dir)
    }
}

fn psql(address: &str, statement: &str) -> Output {
    Command::new(find_binaries().unwrap().program("psql"))
        .args(["-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement])
        .arg(address)
        .output()
        .unwrap()
}

/// The answer to one SQL statement.
pub(crate) fn ask(address: &str, statement: &str) -> String {
    let output = psql(address, statement);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Waits for a condition; an hour-glass, not a sleep.
pub(crate) fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A process that has ended but was not waited for counts as gone.
pub(crate) fn is_alive(pid: u32) -> bool {
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty())
}

/// Every process whose command line or working directory is in this folder.
pub(crate) fn processes_in(folder: &Path) -> Vec<String> {
    let folder = folder.canonicalize().unwrap();
    fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter(|entry| {
            let at_work = fs::read_link(entry.path().join("cwd")).unwrap_or_default();
            let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let named = String::from_utf8_lossy(&line).contains(&*folder.to_string_lossy());
            at_work.starts_with(&folder) || named
        })
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

/// The effective capabilities of a process, as the kernel's bit mask.
pub(crate) fn capabilities(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    u64::from_str_radix(mask.unwrap().trim(), 16).unwrap()
}

pub(crate) fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Says that a test has nothing to show for this user.
#[allow(clippy::print_stderr)]
pub(crate) fn skip(why: &str) {
    eprintln!("skipped: {why}");
}
