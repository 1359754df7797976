//! The chart's admission policy lets the operator make the Jobs that it builds, and no others. The policy is
//! rendered by Helm, and its expressions are evaluated here; a real API server does so in tests/system/tests.

mod built;
mod deliveries;
mod hostile;
mod intakes;
mod policy;
mod secrets;
mod templates;
