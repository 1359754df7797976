//! Ed25519 ([RFC 8032](https://www.rfc-editor.org/rfc/rfc8032)) of a batch with one key, eight messages in lock-step.

pub(crate) mod base;
pub(crate) mod field;
mod key;
pub(crate) mod point;
pub(crate) mod scalar;
pub(crate) mod sign;

pub use key::Ed25519Key;
