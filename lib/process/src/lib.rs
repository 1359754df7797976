//! What every program of Chancery does in the same way: read arguments, log, complain, back off, stop, read the files of
//! KEK, data key and statement key, keep its secrets in memory, say by its exit code what to do next, say how much memory it had and how
//! long it waited for processors, and write numbers for people.

mod arguments;
mod backoff;
mod chain;
mod data_key_file;
mod exit;
mod kek_file;
mod logs;
mod memory;
mod numbers;
mod open_files;
mod private_file;
mod processors;
mod shield;
mod standard_error;
mod statement_key_file;
mod stop;
mod termination_log;

pub use arguments::parse_arguments;
pub use backoff::Backoff;
pub use chain::chain;
pub use data_key_file::{DataKeyFileError, STANDARD_INPUT, read_data_key_file};
pub use exit::Exit;
pub use kek_file::{KekFileError, create_kek_file, read_kek_file, read_kek_files, warn_if_exposed};
pub use logs::{LogFormat, log_layer, start_logs};
pub use memory::peak_memory_kib;
pub use numbers::grouped;
pub use open_files::allow_open_files;
pub use private_file::create as create_private_file;
pub use processors::waited_for_processors;
pub use shield::Shield;
pub use standard_error::{LastLines, flush_lines, queue_lines, say};
pub use statement_key_file::{StatementKeyFileError, create_statement_key_file, read_statement_key_file};
pub use stop::Stop;
pub use termination_log::write_termination_log;
