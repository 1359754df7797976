//! What the benchmarks share.

mod figure;
pub mod peers;

pub use figure::{Figure, Samples, machine, table, write};
