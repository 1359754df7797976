//! `chancery kek`: which key-encryption key has wrapped the keyrings, and how another takes its place.

use chancery_data_keys::{Rotation, RotationError, rotate};
use chancery_keyring::Keks;
use chancery_process::{Exit, grouped};
use chancery_store::WrappedBy;
use serde::Serialize;

use crate::arguments::{DatabaseArguments, KekArguments, KekCommand, Output};
use crate::database::Database;
use crate::error::CliError;
use crate::kek_source::KekSource;
use crate::output::{self, line};

/// Data keys that are wrapped anew between two lines of the log.
const LINE: u64 = 1_000;

/// One KEK as `-o json` shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KekLine {
    fingerprint: String,
    standing: &'static str,
    keyrings: i64,
}

pub(crate) async fn kek(database: &DatabaseArguments, command: &KekCommand) -> Result<Exit, CliError> {
    match command {
        KekCommand::Status { files, output } => {
            let keks = find(files, database)?;
            Database::with(database, async |database| {
                let keyrings = database.ledger.data_keys_by_kek().await?;
                print(&keks, &keyrings, None, *output)?;
                Ok(Exit::Done)
            })
            .await
        }
        KekCommand::Rotate { files, output } => {
            let keks = find(files, database)?;
            Database::with(database, async |database| rewrap(database, &keks, *output).await).await
        }
    }
}

fn find(files: &KekArguments, database: &DatabaseArguments) -> Result<Keks, CliError> {
    let KekArguments { kek_file, former_kek_file } = files;
    Ok(KekSource::find(kek_file.as_deref(), former_kek_file, &database.data_dir)?.get_existing()?.keks)
}

async fn rewrap(database: &Database, keks: &Keks, output: Output) -> Result<Exit, CliError> {
    let progress = |done| {
        if done % LINE == 0 {
            tracing::info!(done, "keyrings are wrapped anew");
        }
    };
    let done = rotate(&database.ledger, keks, progress).await.map_err(|error| match error {
        RotationError::Store(error) => CliError::from(error),
        RotationError::Wrap(error) => error.into(),
    })?;
    let Rotation { rewrapped, refused, keyrings } = &done;
    print(keks, keyrings, Some(*rewrapped), output)?;
    match done.left(&keks.current().fingerprint()) {
        0 => Ok(Exit::Done),
        left => Err(CliError::KeyringsLeft { left, why: refused.join("; ") }),
    }
}

fn print(keks: &Keks, found: &[WrappedBy], rewrapped: Option<u64>, output: Output) -> Result<(), CliError> {
    let lines = lines(&keks.fingerprints(), found);
    if output == Output::Json {
        let mut value = serde_json::json!({ "keks": lines });
        if let Some(rewrapped) = rewrapped {
            value["rewrapped"] = rewrapped.into();
        }
        return line(&value.to_string());
    }
    let left: i64 = lines.iter().filter(|line| line.standing != CURRENT).map(|line| line.keyrings).sum();
    let rows = lines.into_iter().map(|KekLine { fingerprint, standing, keyrings }| {
        [fingerprint, standing.to_owned(), grouped(keyrings.unsigned_abs())]
    });
    line(&output::table(["KEK", "STANDING", "KEYRINGS"], rows, 2..3))?;
    match rewrapped {
        Some(rewrapped) if left == 0 => line(&format!(
            "{} keyrings were wrapped anew, none is left: the former KEKs are not needed any more",
            grouped(rewrapped)
        )),
        Some(rewrapped) => line(&format!(
            "{} keyrings were wrapped anew, {} are left",
            grouped(rewrapped),
            grouped(left.unsigned_abs())
        )),
        None => Ok(()),
    }
}

const CURRENT: &str = "current";

/// A line for each KEK at hand, and for each other that has wrapped anything.
fn lines(at_hand: &[String], found: &[WrappedBy]) -> Vec<KekLine> {
    let wrapped_by = |kek: &String| found.iter().find(|wrapped| wrapped.kek_fingerprint == *kek);
    let known = at_hand.iter().enumerate().map(|(place, kek)| KekLine {
        fingerprint: kek.clone(),
        standing: if place == 0 { CURRENT } else { "former" },
        keyrings: wrapped_by(kek).map_or(0, |wrapped| wrapped.keyrings),
    });
    let others = found.iter().filter(|wrapped| !at_hand.contains(&wrapped.kek_fingerprint));
    let unknown = others.map(|wrapped| KekLine {
        fingerprint: wrapped.kek_fingerprint.clone(),
        standing: "unknown",
        keyrings: wrapped.keyrings,
    });
    known.chain(unknown).collect()
}
