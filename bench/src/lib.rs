//! What the benchmarks share: one frame that measures by name, and what it writes.
//!
//! A measurement has a name. Its result is one JSON file of that name, with every sample and what it was
//! measured on; from the files come Markdown tables and charts, so that one measurement can be made
//! anew and the others stay.

mod arguments;
mod chart;
mod conditions;
pub mod crypto_mb;
mod docs;
mod figure;
mod frame;
pub mod peers;
mod result;
mod table;

pub use arguments::{Arguments, Effort};
pub use chart::{Chart, Line};
pub use figure::{Bound, Figure, Samples};
pub use frame::{Measurement, run};
pub use result::{Measured, Outcome};
pub use table::{Cell, Table};
