//! The database's share.

pub(crate) mod former;
pub(crate) mod settings;
pub(crate) mod share;
