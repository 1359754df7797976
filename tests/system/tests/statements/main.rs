//! Statements about runs: made by `chancery run`, found wrong when the ledger is rewritten by whoever owns it, and proofs
//! of single records that need no ledger.

mod attacks;
mod interrupted;
mod ledger;
mod made;
mod page;
mod proofs;
mod stolen_operator;

use std::path::{Path, PathBuf};

use chancery_kit::{Chancery, Ended, Finished, Manifest, TestLedger, independent_program};
use serde_json::Value;
use sqlx::AssertSqlSafe;

/// A command line with a ledger of its own, and what is kept of it elsewhere.
struct World {
    ledger: TestLedger,
    chancery: Chancery,
}

impl World {
    async fn new() -> anyhow::Result<Self> {
        let ledger = TestLedger::new().await?;
        let chancery = Chancery::on(&ledger.url)?;
        Ok(Self { ledger, chancery })
    }

    /// A world with a signed run.
    async fn with(manifest: &Manifest) -> anyhow::Result<Self> {
        let world = Self::new().await?;
        world.sign(manifest).await?;
        Ok(world)
    }

    /// Signs a run, one batch after the other; returns its summary.
    async fn sign(&self, manifest: &Manifest) -> anyhow::Result<Value> {
        let more = ["--signers", "1", "--output", "json"];
        self.chancery.sign(manifest, &more).await?.expect_code(0)?.json()
    }

    /// The public key that is trusted.
    fn trusted(&self) -> String {
        self.chancery.folder().join("data/statement.pub").display().to_string()
    }

    /// Keeps the statements about a run outside of the ledger.
    async fn keep(&self, run: &str) -> anyhow::Result<PathBuf> {
        let Ended { stdout, .. } = self.chancery.run(&["export", run, "statements"]).await?.expect_code(0)?;
        self.chancery.write(&format!("{run}.statements"), &stdout)
    }

    /// `verify` with the trusted key, and with statements that were kept.
    async fn verify(&self, run: &str, kept: &[&PathBuf]) -> anyhow::Result<Ended> {
        let trusted = self.trusted();
        let kept: Vec<String> = kept.iter().map(|path| path.display().to_string()).collect();
        let mut arguments = vec!["verify", run, "--trusted-key", &trusted];
        for path in &kept {
            arguments.extend(["--statement", path]);
        }
        self.chancery.run(&arguments).await
    }

    /// What the program that shares no code with the project says of statements that were kept; none where its packages are
    /// not installed.
    async fn independent(&self, kept: &Path) -> anyhow::Result<Option<bool>> {
        let (kept, trusted) = (kept.display().to_string(), self.trusted());
        let arguments = [&kept, "--database-url", &self.ledger.url, "--trusted-key", &trusted];
        verdict(independent_program("check_statements", &arguments).await?)
    }

    /// What is stated holds, also beside what was kept.
    async fn assert_holds(&self, run: &str, kept: &[&PathBuf]) -> anyhow::Result<()> {
        let Ended { stdout, .. } = self.verify(run, kept).await?.expect_code(0)?;
        assert!(stdout.contains("what was stated") && !stdout.contains("BROKEN"), "{stdout}");
        Ok(())
    }

    /// What is stated does not hold, and each of these is said.
    async fn assert_broken(&self, run: &str, kept: &[&PathBuf], says: &[&str]) -> anyhow::Result<()> {
        let Ended { stdout, .. } = self.verify(run, kept).await?.expect_code(1)?;
        assert!(stdout.contains("BROKEN  what was stated"), "{stdout}");
        for words in says {
            assert!(stdout.contains(words), "{words:?} is not in:\n{stdout}");
        }
        Ok(())
    }

    /// Statements of whoever owns the tables, with triggers off.
    async fn rewrite(&self, sql: &str) -> anyhow::Result<()> {
        let tables = [
            "records",
            "batches",
            "signature_blocks",
            "leases",
            "runs",
            "generated_sources",
            "batch_roots",
            "statements",
        ];
        let each = |what: &str| -> String {
            tables.iter().map(|table| format!("ALTER TABLE chancery.{table} {what} TRIGGER USER;")).collect()
        };
        let (off, on) = (each("DISABLE"), each("ENABLE"));
        self.ledger.execute(AssertSqlSafe(format!("{off} {sql}; {on}"))).await
    }
}

/// Whether an independent program found that all is well.
fn verdict(finished: Option<Finished>) -> anyhow::Result<Option<bool>> {
    let Some(Finished { code, stdout: _, stderr }) = finished else { return Ok(None) };
    anyhow::ensure!(matches!(code, 0 | 1), "it ended with {code}: {stderr}");
    Ok(Some(code == 0))
}
