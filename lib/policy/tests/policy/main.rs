//! What becomes of records, by which policies.

mod answers;
mod examples;
mod expressions;
mod failures;
mod functions;
mod hostile;
mod pages;
mod pinned;
mod properties;
mod rules;
mod support;
