//! The pages of `docs/reference` list what the programs have: all of it, and nothing else.

mod commands;
mod environment;
mod exit_codes;
mod help;
mod page;
