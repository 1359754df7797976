//! JSON in canonical form (RFC 8785), so that the same value is always the same bytes.

mod pieces;
mod value;

pub use pieces::{name_order, write_string};
pub use value::{NoCanonicalForm, canonical_double, canonical_json, write_double, write_json};
