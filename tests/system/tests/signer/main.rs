//! The signer: its process, when it begins, what it signs with, and what it waits for.

mod libraries;
mod next_lease;
mod process;
mod signing_begins;
mod slow_log;
