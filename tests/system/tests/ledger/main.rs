//! The ledger itself: what its schema and its functions give and refuse, whoever asks.

mod broken_off_deletion;
mod disk_floor;
mod functions;
mod leases;
mod owners;
mod plans;
mod record_sizes;
mod runs;
mod schema;
mod signature_blocks;
