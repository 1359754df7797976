//! The operator on a real API server: its rights, its installation, and others beside it.

mod admission;
mod bad_kek;
mod bad_templates;
mod chart;
mod operator_killed;
mod real_controllers;
mod rights;
mod tenant;
mod two_operators;
mod uninstall;
