//! Real servers, real processes, real kills. Each test has folders of its own.

mod binaries;
mod child;
mod faults;
mod privileges;
mod sharing;
mod throw_away;
mod world;
