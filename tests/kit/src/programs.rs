//! The programs under test.

use std::env;
use std::path::PathBuf;

/// The program of this build, beside the test's own folder.
///
/// # Panics
///
/// When it has not been built.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    let test = env::current_exe().expect("a test knows its own path");
    let folder = test.ancestors().find(|folder| folder.join(name).is_file());
    folder
        .map(|folder| folder.join(name))
        .unwrap_or_else(|| panic!("{name} is not built: cargo build --workspace --bins (`make test` does)"))
}
