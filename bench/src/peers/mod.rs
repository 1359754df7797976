//! Chancery against what people would use instead.
//!
//! Each peer does the same work under the same rules on the same PostgreSQL server: batches of so many
//! records, one key a batch, the least recently used key first, no key twice at once, one signature a
//! record. The queues for Node.js and Python are programs in `bench/peers`; [`plain`] is the one in Rust.
//!
//! - [`work`]: what is to be signed, and the database that each trial gets a copy of.
//! - [`peer`]: the peers, and the settings among which the best is looked for.
//! - [`trial`]: one peer, one setting, from an untouched copy to the end; then [`check`].
//! - [`chancery`]: the same for Chancery.
//! - [`limits`]: what the database, and a library that signs, reach alone.
//! - [`server`]: the PostgreSQL that they share.

pub mod chancery;
pub mod check;
mod keys;
pub mod limits;
pub mod peer;
pub mod plain;
pub mod report;
pub mod rounds;
pub mod server;
pub mod trial;
pub mod work;
mod workers;
