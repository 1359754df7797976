//! The terminal that bars are drawn on.

use std::io;

use console::Term;
use indicatif::TermLike;

/// Standard error, where drawing never fails: whoever closed the terminal sees no bars, and the run goes on. The
/// library would panic.
#[derive(Debug)]
pub(crate) struct Screen(Term);

impl Screen {
    pub(crate) fn new() -> Self {
        Self(Term::buffered_stderr())
    }
}

/// What was drawn, or not.
fn seen_or_not(drawn: io::Result<()>) -> io::Result<()> {
    drawn.or(Ok(()))
}

impl TermLike for Screen {
    fn width(&self) -> u16 {
        TermLike::width(&self.0)
    }

    fn height(&self) -> u16 {
        TermLike::height(&self.0)
    }

    fn move_cursor_up(&self, lines: usize) -> io::Result<()> {
        seen_or_not(self.0.move_cursor_up(lines))
    }

    fn move_cursor_down(&self, lines: usize) -> io::Result<()> {
        seen_or_not(self.0.move_cursor_down(lines))
    }

    fn move_cursor_right(&self, columns: usize) -> io::Result<()> {
        seen_or_not(self.0.move_cursor_right(columns))
    }

    fn move_cursor_left(&self, columns: usize) -> io::Result<()> {
        seen_or_not(self.0.move_cursor_left(columns))
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        seen_or_not(self.0.write_line(text))
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        seen_or_not(self.0.write_str(text))
    }

    fn clear_line(&self) -> io::Result<()> {
        seen_or_not(self.0.clear_line())
    }

    fn flush(&self) -> io::Result<()> {
        seen_or_not(self.0.flush())
    }
}
