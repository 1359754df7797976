//! `chancery run`: alone, interrupted, and where there are many runs.

mod interrupted;
mod many;
mod whole;
