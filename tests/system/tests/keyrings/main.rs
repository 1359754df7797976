//! Keyrings: what becomes of them and of their keys, by their runs, by their signers and by other hands.

mod commands;
mod kek_rotation;
mod keys_by_signers;
mod lifetime;
mod safeguards;
mod shared;
mod tampered_key;
