//! Policies on a real API server.

mod ready;
mod run_policies;
