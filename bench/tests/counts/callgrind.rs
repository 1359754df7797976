//! Valgrind's count of instructions, function by function.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Instructions within a function of this name and all that it calls, by the function that they are in,
/// while the given ignored test of this very program runs. None without valgrind.
pub(crate) fn instructions_of(test: &str, within: &str) -> Option<BTreeMap<String, u64>> {
    let folder = tempfile::tempdir().expect("a folder");
    let counted = folder.path().join("counted");
    let run = Command::new("valgrind")
        .args(["--tool=callgrind", "--compress-strings=no", "--compress-pos=no"])
        .arg(format!("--toggle-collect={within}"))
        .arg(format!("--callgrind-out-file={}", counted.display()))
        .arg(std::env::current_exe().expect("a test knows its own path"))
        .args(["--exact", test, "--ignored", "--test-threads=1"])
        .output()
        .ok()?;
    assert!(run.status.success(), "valgrind: {}", String::from_utf8_lossy(&run.stderr));
    Some(read(&counted))
}

/// Reads what a function's own instructions are
/// ([the format](https://valgrind.org/docs/manual/cl-format.html)).
fn read(file: &Path) -> BTreeMap<String, u64> {
    let text = fs::read_to_string(file).expect("what callgrind wrote");
    let (mut of, mut function) = (BTreeMap::new(), "");
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("fn=") {
            function = name;
        } else if line.starts_with("calls=") {
            // The next line is what the call cost in all: its parts are counted where they are.
            lines.next();
        } else if line.starts_with(|first: char| first.is_ascii_digit()) {
            let count: u64 = line.split(' ').nth(1).and_then(|count| count.parse().ok()).expect("a cost");
            *of.entry(function.to_owned()).or_default() += count;
        }
    }
    of
}
