//! Standard error, for log lines and for what a person is to read.
//!
//! Nothing that is written here fails: a log that cannot be written (its disk is full, its reader is gone) is no reason
//! to stop signing. And once [`queue_lines`] was called, nothing waits for a reader either: a signer that waited
//! for one would hold its lease meanwhile. The macros of the standard library do neither, and clippy keeps them out.

mod queue;

use std::io::{self, Write};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use crate::logs::LogFormat;
use queue::Queue;

/// Lines that wait for their turn, at the most: some hundred KiB.
const MOST_LINES: usize = 1_024;

/// How long the last lines of a program may take. One whose reader stands still ends without them.
const LAST_LINES: Duration = Duration::from_secs(1);

static QUEUE: OnceLock<Arc<Queue>> = OnceLock::new();

/// Waits, when it is dropped, until the last lines are written, a second at the most.
#[derive(Debug)]
#[must_use = "the last lines are waited for when it is dropped"]
pub struct LastLines(());

impl Drop for LastLines {
    fn drop(&mut self) {
        flush_lines();
    }
}

/// From now on a thread of its own writes to standard error. While its reader is too slow, lines are dropped, and
/// where they are missing a line of this format says how many. To be called once.
pub fn queue_lines(format: LogFormat) -> LastLines {
    let queue = Arc::new(Queue::new(MOST_LINES));
    let lines = Arc::clone(&queue);
    let writer = thread::Builder::new().name("log".to_owned());
    // Where no thread is to be had, each line is written at once.
    if writer.spawn(move || lines.write_to(&mut Direct, |count| format.dropped(count))).is_ok() {
        let _once = QUEUE.set(queue);
    }
    LastLines(())
}

/// Waits until what was said is written, a second at the most: for a process that ends without returning from `main`.
pub fn flush_lines() {
    if let Some(queue) = QUEUE.get() {
        queue.flush(LAST_LINES);
    }
}

/// Writes a line.
pub fn say(line: &str) {
    write(format!("{line}\n").as_bytes());
}

fn write(lines: &[u8]) {
    match QUEUE.get() {
        Some(queue) => queue.push(lines),
        None => {
            let _unread = Direct.write_all(lines);
        }
    }
}

/// For what wants something to write to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StandardError;

impl Write for StandardError {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        write(buffer);
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The file descriptor itself, which may fail.
struct Direct;

impl Write for Direct {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        io::stderr().write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
