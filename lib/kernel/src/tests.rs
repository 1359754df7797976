//! Against other libraries, and what is seen from inside only.

mod edges;
mod faults;
mod keys;
mod ranges;
mod secrets;
mod signatures;
#[cfg(target_arch = "x86_64")]
mod timing;
mod verify;
mod words;
mod wycheproof;
