//! What `/proc` tells about processes.

use std::fs;
use std::path::Path;

/// The fields of `/proc/PID/stat` from the state on, unless the process is gone.
fn stat(pid: i32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The command stands in parentheses before them and may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}

fn all() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// Whether a process runs: one that has ended and that nobody has waited for yet does not.
#[must_use]
pub fn is_running(pid: i32) -> bool {
    stat(pid).is_some_and(|fields| !matches!(fields.first().map(String::as_str), Some("Z" | "X") | None))
}

/// The running children of a process.
#[must_use]
pub fn children_of(parent: i32) -> Vec<i32> {
    let parent = parent.to_string();
    let is_child = |pid: &i32| stat(*pid).is_some_and(|fields| fields.get(1) == Some(&parent));
    all().filter(|pid| is_child(pid) && is_running(*pid)).collect()
}

/// The processes whose working directory is in a folder: a PostgreSQL's are those in its data.
#[must_use]
pub fn working_in(folder: &Path) -> Vec<i32> {
    let works_there = |pid: &i32| {
        fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|directory| directory.starts_with(folder))
    };
    all().filter(works_there).collect()
}
