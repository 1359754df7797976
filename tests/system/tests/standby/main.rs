//! A standby becomes the primary in the midst of a run.

mod asynchronous;
mod synchronous;
