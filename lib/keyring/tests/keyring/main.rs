//! The keyring as its users see it.

mod data_keys;
mod ed25519;
mod envelopes;
mod es256;
mod es256k;
mod fixtures;
mod jose_vectors;
mod lockstep;
mod nist;
mod opening;
mod signing;
mod verifying;
mod wrapping;
mod wycheproof;
