//! The chart's admission policies let the operator make the Jobs and Secrets that it builds, and write what it writes into a
//! run, and nothing else. They are rendered by Helm, and their expressions are evaluated here; a real API server does so in
//! tests/system/tests.

mod built;
mod deliveries;
mod hostile;
mod intakes;
mod policy;
mod runs;
mod secrets;
mod templates;
