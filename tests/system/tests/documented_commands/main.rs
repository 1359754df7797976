//! The commands of the pages work as they stand there, as far as can be tried without a container engine and a registry.

mod on_a_cluster;
mod pages;
mod parsed;
mod shell;
mod verbatim;
