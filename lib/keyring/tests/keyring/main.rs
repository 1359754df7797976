//! The keyring as its users see it.

mod data_keys;
mod fixtures;
mod jose_vectors;
mod opening;
mod signing;
mod verifying;
mod wrapping;
