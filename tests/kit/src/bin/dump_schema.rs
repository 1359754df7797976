//! Prints the ledger's schema as the migrations make it: what `migrations/schema.sql` holds.
//!
//! `pg_dump` writes the same schema in other words from one major version to the next, so nothing is
//! printed where PostgreSQL is not of the version that the committed file was made with.

use std::process::Command;

use anyhow::ensure;
use chancery_kit::{TestLedger, server};
use chancery_local_postgres::find_binaries;

/// The major version whose `pg_dump` made the committed file.
const MAJOR: u32 = 15;

#[tokio::main]
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "this program's purpose is its output")]
async fn main() -> anyhow::Result<()> {
    let binaries = find_binaries()?;
    if binaries.major() != MAJOR {
        eprintln!(
            "schema.sql: skipped, it is dumped with PostgreSQL {MAJOR} and this is {}",
            binaries.major()
        );
        return Ok(());
    }
    let ledger = TestLedger::create(server(), "dump").await?;
    // The one comment is the uid of this ledger.
    let dump = Command::new(binaries.program("pg_dump"))
        .args(["--schema-only", "--no-owner", "--no-comments", "--schema=chancery"])
        .args(["--dbname", &server().conninfo("dump")])
        .output()?;
    ensure!(dump.status.success(), "pg_dump: {}", String::from_utf8_lossy(&dump.stderr));
    drop(ledger);
    println!("-- The ledger as the migrations make it. Written by `make generate`; do not edit.\n");
    let text = String::from_utf8(dump.stdout)?;
    let mut blank = true;
    for line in text.lines() {
        // Versions, session settings and (since the minor releases of 2025) a random token.
        let noise = line.starts_with("--")
            || line.starts_with("SET ")
            || line.starts_with("SELECT pg_catalog.set_config")
            || line.starts_with("\\restrict")
            || line.starts_with("\\unrestrict");
        if noise || (blank && line.is_empty()) {
            continue;
        }
        blank = line.is_empty();
        println!("{line}");
    }
    Ok(())
}
