//! The database's share.

pub(crate) mod settings;
pub(crate) mod share;
