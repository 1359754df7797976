//! What every program of Chancery does in the same way: log, back off, stop, read the KEK file,
//! say by its exit code what to do next, say how much memory it had, and write numbers for people.

mod backoff;
mod exit;
mod kek_file;
mod logs;
mod memory;
mod numbers;
mod stop;

pub use backoff::Backoff;
pub use exit::Exit;
pub use kek_file::{KekFileError, create_kek_file, read_kek_file, warn_if_exposed};
pub use logs::{LogFormat, log_layer, start_logs};
pub use memory::peak_memory_kib;
pub use numbers::grouped;
pub use stop::Stop;
