//! What manifests are accepted and refused, and with which words.

mod bounds;
mod changes;
mod committed_files;
mod documents;
mod fields;
mod notifications;
mod policies;
mod properties;
mod rules;
mod sinks;
mod sources;
mod support;
