//! Prints the page that lists each field of a kind: `docs/reference/signingrun.md`, or with the argument `signingpolicy`
//! `docs/reference/signingpolicy.md`.

use std::io::Write;

fn main() -> std::io::Result<()> {
    let is_policy = std::env::args().nth(1).is_some_and(|kind| kind == "signingpolicy");
    let page = if is_policy { chancery_api::signing_policy_page() } else { chancery_api::signing_run_page() };
    std::io::stdout().write_all(page.as_bytes())
}
