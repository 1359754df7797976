//! ECDSA on P-256 ([FIPS 186-5](https://doi.org/10.6028/NIST.FIPS.186-5), [SP 800-186](https://doi.org/10.6028/NIST.SP.800-186)) of a
//! batch with one key, eight messages in lock-step.

pub(crate) mod base;
pub(crate) mod constants;
pub(crate) mod field;
mod key;
pub(crate) mod nonce;
pub(crate) mod point;
pub(crate) mod sign;

pub use key::P256Key;
