//! Runs on a real API server: what becomes of them, whoever does what to them.

mod adoption;
mod bad_objects;
mod command_line;
mod complete;
mod database;
mod delete;
mod edited;
mod job_by_hand;
mod kubectl;
mod lost_signers;
mod many_runs;
mod pooler;
mod stand_in;
mod suspend_and_scale;
