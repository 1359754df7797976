//! Against other libraries, and what is seen from inside only.

mod edges;
mod faults;
mod keys;
mod ranges;
mod secrets;
mod signatures;
mod words;
