//! The signer, intake and delivery processes of the runs of a schedule, whoever started them.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A signer, intake or delivery that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningSigner {
    /// Its process.
    pub pid: i32,
    /// Its name in the ledger.
    pub holder: String,
}

/// A signer that was killed.
#[derive(Clone, Debug)]
pub struct Killed {
    /// Its name in the lease log.
    pub holder: String,
    /// Just before the signal was sent.
    pub at: SystemTime,
}

/// All signers that tell the journal in this folder what they do, in the order of their names.
#[must_use]
pub fn running(journal: &Path) -> Vec<RunningSigner> {
    of_program("chancery-signer", journal)
}

/// All intakes that were started with the journal in this folder, which they do not use, in the order of their names.
#[must_use]
pub fn running_intakes(journal: &Path) -> Vec<RunningSigner> {
    of_program("chancery-intake", journal)
}

/// All deliveries that were started with the journal in this folder, which they do not use, in the order of their names.
#[must_use]
pub fn running_deliveries(journal: &Path) -> Vec<RunningSigner> {
    of_program("chancery-delivery", journal)
}

fn of_program(program: &str, journal: &Path) -> Vec<RunningSigner> {
    let wanted = format!("CHANCERY_USE_JOURNAL={}", journal.display());
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let mut signers: Vec<RunningSigner> = pids.filter_map(|pid| process(pid, program, &wanted)).collect();
    signers.sort_by(|one, other| one.holder.cmp(&other.holder));
    signers
}

/// The process, if it is of this program and has this in its environment.
fn process(pid: i32, program: &str, wanted: &str) -> Option<RunningSigner> {
    let words = |file: &str| Some(words_of(&fs::read(format!("/proc/{pid}/{file}")).ok()?));
    let command = words("cmdline")?;
    if !command.first()?.ends_with(program) {
        return None;
    }
    let environment = words("environ")?;
    if !environment.iter().any(|variable| variable == wanted) {
        return None;
    }
    let named = command.iter().position(|word| word == "--holder").and_then(|at| command.get(at + 1));
    let in_a_pod = || environment.iter().find_map(|variable| variable.strip_prefix("CHANCERY_HOLDER="));
    let holder = named.map(String::as_str).or_else(in_a_pod)?.to_owned();
    Some(RunningSigner { pid, holder })
}

fn words_of(bytes: &[u8]) -> Vec<String> {
    bytes.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

/// Sends a signal to a process, which may have ended meanwhile.
pub fn send(pid: i32, signal: Signal) -> bool {
    kill(Pid::from_raw(pid), signal).is_ok()
}
