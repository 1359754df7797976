//! What the benchmarks share.

mod figure;

pub use figure::{Figure, Samples, machine, table, write};
