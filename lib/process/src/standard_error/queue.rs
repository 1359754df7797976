//! Lines that wait for a slow reader.
//!
//! `tracing-appender` has such a queue. It cannot say where lines are missing, and when it is full at the end of the
//! program it waits for standard output.

use std::collections::VecDeque;
use std::io::Write;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

#[derive(Debug)]
enum Entry {
    Line(Vec<u8>),
    /// So many lines did not fit here.
    Dropped(u64),
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Entry>,
    /// One was taken out, and is being written.
    writing: bool,
}

/// A bounded queue: what does not fit is dropped and counted.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    most: usize,
}

impl Queue {
    pub(super) fn new(most: usize) -> Self {
        Self { state: Mutex::default(), changed: Condvar::new(), most }
    }

    /// Adds a line, if there is room. Waits for nobody.
    pub(super) fn push(&self, line: &[u8]) {
        let mut state = self.state();
        if state.waiting.len() < self.most {
            state.waiting.push_back(Entry::Line(line.to_vec()));
        } else if let Some(Entry::Dropped(count)) = state.waiting.back_mut() {
            *count += 1;
        } else {
            state.waiting.push_back(Entry::Dropped(1));
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Waits until all is written, or until the time is over.
    pub(super) fn flush(&self, limit: Duration) {
        let under_way = |state: &mut State| state.writing || !state.waiting.is_empty();
        let waited = self.changed.wait_timeout_while(self.state(), limit, under_way);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// Writes lines for ever. `dropped` makes the line that says how many are missing.
    pub(super) fn write_to(&self, writer: &mut impl Write, dropped: impl Fn(u64) -> String) {
        loop {
            let line = match self.take() {
                Entry::Line(line) => line,
                Entry::Dropped(count) => dropped(count).into_bytes(),
            };
            // One that cannot be written is lost: there is no other place to say so.
            let _written = writer.write_all(&line);
            self.state().writing = false;
            self.changed.notify_all();
        }
    }

    fn take(&self) -> Entry {
        let mut state = self.state();
        loop {
            if let Some(entry) = state.waiting.pop_front() {
                state.writing = true;
                return entry;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, BufRead, BufReader, Read};
    use std::sync::Arc;
    use std::thread;

    use super::*;

    const ENOUGH: Duration = Duration::from_secs(60);

    /// Says by how much `missing` grew at this place.
    fn notice(count: u64) -> String {
        format!("missing {count}\n")
    }

    fn written_by_a_thread(most: usize, mut writer: impl Write + Send + 'static) -> Arc<Queue> {
        let queue = Arc::new(Queue::new(most));
        let lines = Arc::clone(&queue);
        thread::spawn(move || lines.write_to(&mut writer, notice));
        queue
    }

    #[test]
    fn lines_that_nobody_reads_are_dropped_and_counted_where_they_are_missing() {
        let (reader, writer) = io::pipe().expect("a pipe");
        let queue = written_by_a_thread(3, writer);
        // The pipe holds 64 KiB: the first line blocks the thread until somebody reads.
        let long = vec![b'.'; 1 << 20];
        queue.push(&[&long[..], b"\n"].concat());
        while !queue.state().writing {
            thread::yield_now();
        }
        for line in ["one\n", "two\n", "three\n", "four\n", "five\n"] {
            queue.push(line.as_bytes());
        }
        queue.flush(Duration::ZERO);
        let mut lines = BufReader::new(reader).lines();
        let mut next = || lines.next().expect("a line").expect("text");
        assert_eq!(next().len(), long.len());
        assert_eq!([next(), next(), next(), next()], ["one", "two", "three", "missing 2"]);
        queue.push(b"six\n");
        assert_eq!(next(), "six");
        queue.flush(ENOUGH);
        assert!(queue.state().waiting.is_empty());
    }

    #[test]
    fn flushing_waits_until_the_last_line_is_written() {
        let (mut reader, writer) = io::pipe().expect("a pipe");
        let queue = written_by_a_thread(10, writer);
        queue.push(b"last\n");
        queue.flush(ENOUGH);
        let mut said = [0; 5];
        reader.read_exact(&mut said).expect("it is there");
        assert_eq!(&said, b"last\n");
    }

    #[test]
    fn a_reader_that_is_gone_stops_nothing() {
        let (reader, writer) = io::pipe().expect("a pipe");
        drop(reader);
        let queue = written_by_a_thread(10, writer);
        for _ in 0..3 {
            queue.push(b"to nobody\n");
            queue.flush(ENOUGH);
        }
        assert!(queue.state().waiting.is_empty(), "each was taken out and given up");
    }
}
