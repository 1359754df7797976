//! Support for the whole-system tests: a real PostgreSQL, a database a test, real signer processes.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use chancery_kit::{TestLedger, TestRun};
//!
//! let ledger = TestLedger::new().await?;
//! let run = TestRun::new().records(1_000).keys(10).batch_size(100).seeded(&ledger).await?;
//! let mut signer = run.start_signer("one")?;
//! assert_eq!(signer.exit_code().await?, Some(0));
//! run.assert_audit_holds().await?;
//! # Ok(()) }
//! ```
//!
//! A test waits for what it waits for ([`eventually`]), never for a time to pass.

mod account;
mod api_document;
mod azure_server;
pub mod bucket;
mod chancery;
mod chart_readme;
pub mod cluster;
mod delivery;
mod filling;
pub mod helm;
mod http_relay;
mod independent_audit;
mod independent_programs;
mod intake;
mod judged_push;
pub mod leases;
mod ledger;
mod manifest;
mod pgbouncer;
mod processes;
mod programs;
mod quorum;
mod run;
mod run_in_ledger;
mod s3_server;
mod server;
mod signer;
mod sink_tables;
mod slow_link;
mod small_disk;
mod standby;
mod step_relay;
mod stock;
pub mod tls_server;
mod wait;
mod webhook_server;

pub use account::Offered;
pub use api_document::ApiDocument;
pub use azure_server::AzureServer;
pub use chancery::{Chancery, Ended};
pub use chart_readme::chart_readme;
pub use delivery::DeliveryProcess;
pub use filling::{fill, key_spec};
pub use http_relay::{HttpRelay, Mishap, Refusal};
pub use independent_audit::{
    IndependentReport, IndependentViolation, independent_audit, independent_keyring_audit,
};
pub use independent_programs::{Finished, independent_program};
pub use intake::IntakeProcess;
pub use judged_push::push_judged;
pub use ledger::{TestLedger, fingerprint};
pub use manifest::Manifest;
pub use pgbouncer::PgBouncer;
pub use processes::{children_of, is_running, working_in};
pub use programs::program;
pub use quorum::Quorum;
pub use run::TestRun;
pub use run_in_ledger::SeededRun;
pub use s3_server::S3Server;
pub use server::{quiet_server, server, server_with, talkative_server, throw_away};
pub use signer::SignerProcess;
pub use sink_tables::sink_tables;
pub use slow_link::SlowLink;
pub use small_disk::SmallDisk;
pub use standby::{Pair, Replication};
pub use step_relay::{Point, StepRelay};
pub use stock::{data_key_of, make_records, stock, write_data_key};
pub use tls_server::TlsServer;
pub use wait::eventually;
pub use webhook_server::{Called, Conduct, WebhookServer};
