//! The keyring as its users see it.

mod fixtures;
mod jose_vectors;
mod opening;
mod signing;
mod verifying;
mod wrapping;
