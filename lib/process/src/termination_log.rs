//! Why a program failed, in one line, shown in the status of its pod.

use std::fs;
use std::path::Path;

/// Bytes that are written at most: the kubelet reads 4 KiB, and a status must stay small.
const MOST: usize = 2 << 10;

/// Writes the reason of the end as one line. When it cannot be written the log still has it.
pub fn write_termination_log(file: &Path, reason: &str) {
    if let Err(error) = fs::write(file, line(reason)) {
        tracing::warn!(%error, file = %file.display(), "the termination log cannot be written");
    }
}

fn line(reason: &str) -> String {
    let mut line = reason.replace(['\n', '\r'], " ");
    line.truncate(line.floor_char_boundary(MOST - 1));
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_becomes_one_line_of_two_kibibytes_at_the_most() {
        assert_eq!(line("no\nroom"), "no room\n");
        let long = line(&"\u{e9}".repeat(3_000));
        assert!(long.len() <= MOST && long.ends_with("\u{e9}\n"), "{} bytes", long.len());
        assert_eq!(long.lines().count(), 1);
    }
}
