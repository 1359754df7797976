//! Commands of `chancery`, and what they write.

mod adoption;
mod encodings;
mod export;
mod log_lines;
mod on_runs;
mod policy;
mod unread_output;
