//! What the programs that run in a cluster show of themselves.
//!
//! - [`Telemetry`]: logs to standard error, and traces by OTLP where an endpoint is named.
//! - [`TraceParent`]: carries a trace from one process into another (W3C Trace Context).
//! - [`serve_probes`], [`serve_metrics`]: `/healthz` and `/readyz`, and `/metrics`, by HTTP.

mod connections;
mod otlp;
mod server;
mod start;
mod trace_parent;

pub use server::{serve_metrics, serve_probes};
pub use start::Telemetry;
pub use trace_parent::{BadTraceParent, TraceParent};
