//! Prints `docs/reference/signingrun.md`, the page that lists each field of `SigningRun`.

use std::io::Write;

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(chancery_api::signing_run_page().as_bytes())
}
