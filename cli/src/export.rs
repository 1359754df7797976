//! `chancery export`: newline-delimited JSON at constant memory.
//!
//! Names and order of the fields are a contract with those who read exports.

mod jwks;
mod signed;

use std::io::{self, BufWriter, StdoutLock, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chancery_keyring::public_key_pem;
use chancery_process::Exit;
use chancery_statement::Envelope;
use chancery_store::StoreError;
use chancery_store::export::{
    ArrivalLine, DeadLetterLine, KeyLine, LeaseLine, Origin, RecordLine, SignatureLine,
};
use chancery_store::statements::StatementRow;
use futures::{Stream, TryStreamExt};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::arguments::{DatabaseArguments, ExportArguments, Exported};
use crate::database::Database;
use crate::error::CliError;

#[derive(Serialize)]
struct Record {
    record: i64,
    batch: i64,
    payload: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<String>,
    #[serde(flatten)]
    origin: Option<Place>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flags: Option<Box<RawValue>>,
}

/// Where a payload came from.
#[derive(Serialize)]
struct Place {
    source: String,
    split: i32,
    position: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Arrival {
    #[serde(flatten)]
    origin: Place,
    state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duplicate_of: Option<DuplicateOf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flags: Option<Box<RawValue>>,
}

#[derive(Serialize)]
struct DuplicateOf {
    run: String,
    record: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DeadLetter {
    #[serde(flatten)]
    origin: Place,
    stage: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    reason: String,
    raw: Option<String>,
    arrived_at: String,
    swept_at: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Signature {
    record: i64,
    batch: i64,
    key: String,
    algorithm: String,
    signature: String,
    signed_at: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Key {
    key: String,
    algorithm: String,
    public_key: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Lease {
    lease: i64,
    key: String,
    batch: i64,
    holder: String,
    use_sequence: i64,
    acquired_at: String,
    expires_at: String,
    released_at: Option<String>,
    outcome: Option<String>,
}

impl From<RecordLine> for Record {
    fn from(line: RecordLine) -> Self {
        let RecordLine { record, batch, payload, digest, identity, origin, flags } = line;
        Self {
            record,
            batch,
            payload: STANDARD.encode(payload),
            digest: digest.map(hexadecimal),
            identity: identity.map(hexadecimal),
            origin: origin.map(Place::from),
            flags: flags.and_then(json),
        }
    }
}

impl From<Origin> for Place {
    fn from(Origin { source, split, position }: Origin) -> Self {
        Self { source, split, position }
    }
}

impl From<ArrivalLine> for Arrival {
    fn from(line: ArrivalLine) -> Self {
        let ArrivalLine {
            origin,
            state,
            digest,
            identity,
            record,
            duplicate_run,
            duplicate_record,
            stage,
            rule,
            reason,
            policy,
            flags,
        } = line;
        let duplicate_of = duplicate_run.zip(duplicate_record);
        Self {
            origin: origin.into(),
            state,
            digest: digest.map(hexadecimal),
            identity: identity.map(hexadecimal),
            record,
            duplicate_of: duplicate_of.map(|(run, record)| DuplicateOf { run, record }),
            stage,
            rule,
            reason,
            policy: policy.map(hexadecimal),
            flags: flags.and_then(json),
        }
    }
}

impl From<DeadLetterLine> for DeadLetter {
    fn from(line: DeadLetterLine) -> Self {
        let DeadLetterLine { origin, stage, rule, reason, raw, arrived_at, swept_at } = line;
        let raw = raw.map(|raw| STANDARD.encode(raw));
        Self { origin: origin.into(), stage, rule, reason, raw, arrived_at, swept_at }
    }
}

/// What the ledger has as JSON goes as it is.
fn json(text: String) -> Option<Box<RawValue>> {
    RawValue::from_string(text).ok()
}

/// As `sha256sum` writes it.
fn hexadecimal(digest: Vec<u8>) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl From<SignatureLine> for Signature {
    fn from(line: SignatureLine) -> Self {
        let SignatureLine { record, batch, key_id, algorithm, signature, signed_at } = line;
        Self {
            record,
            batch,
            key: key_id.to_string(),
            algorithm,
            signature: STANDARD.encode(signature),
            signed_at,
        }
    }
}

impl From<KeyLine> for Key {
    fn from(line: KeyLine) -> Self {
        let KeyLine { id, algorithm, public_key } = line;
        Self { key: id.to_string(), algorithm, public_key: public_key_pem(&public_key) }
    }
}

impl From<LeaseLine> for Lease {
    fn from(line: LeaseLine) -> Self {
        let LeaseLine {
            id,
            key_id,
            batch,
            holder,
            use_sequence,
            acquired_at,
            expires_at,
            released_at,
            outcome,
        } = line;
        Self {
            lease: id,
            key: key_id.to_string(),
            batch,
            holder,
            use_sequence,
            acquired_at,
            expires_at,
            released_at,
            outcome,
        }
    }
}

/// A line of its own type, because neither the row nor the envelope is of this crate.
#[derive(Serialize)]
#[serde(transparent)]
struct Statement(Envelope);

impl From<StatementRow> for Statement {
    fn from(row: StatementRow) -> Self {
        Self(chancery_stating::envelope(&row))
    }
}

pub(crate) async fn export(
    database: &DatabaseArguments,
    arguments: &ExportArguments,
) -> Result<Exit, CliError> {
    let write = async |database: &Database| match write_all(database, arguments).await {
        // Whoever reads, `head` for one, has read enough.
        Err(CliError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Done),
        other => other.map(|()| Exit::Done),
    };
    Database::with(database, write).await
}

async fn write_all(database: &Database, arguments: &ExportArguments) -> Result<(), CliError> {
    if arguments.format.is_some() && arguments.what != Exported::Signed {
        return Err(CliError::OneForm);
    }
    let mut exporter = database.ledger.export(&arguments.run.namespace, &arguments.run.name).await?;
    match arguments.what {
        Exported::Records => write_lines::<Record, _>(exporter.records()).await,
        Exported::Arrivals => write_lines::<Arrival, _>(exporter.arrivals()).await,
        Exported::DeadLetters => write_lines::<DeadLetter, _>(exporter.dead_letters()).await,
        Exported::Signatures => write_lines::<Signature, _>(exporter.signatures()).await,
        Exported::Signed => signed::write(&mut exporter, arguments.format).await,
        Exported::Jwks => jwks::write(&mut exporter).await,
        Exported::Keys => write_lines::<Key, _>(exporter.keys()).await,
        Exported::Leases => write_lines::<Lease, _>(exporter.leases()).await,
        Exported::Statements => write_lines::<Statement, _>(exporter.statements()).await,
    }
}

/// Standard output, for many lines.
fn output() -> BufWriter<StdoutLock<'static>> {
    BufWriter::with_capacity(1 << 16, io::stdout().lock())
}

async fn write_lines<L, R>(rows: impl Stream<Item = Result<R, StoreError>>) -> Result<(), CliError>
where
    L: Serialize + From<R>,
{
    let mut out = output();
    let mut rows = std::pin::pin!(rows);
    while let Some(row) = rows.try_next().await? {
        serde_json::to_writer(&mut out, &L::from(row)).map_err(|error| CliError::Write(error.into()))?;
        out.write_all(b"\n").map_err(CliError::Write)?;
    }
    out.flush().map_err(CliError::Write)
}
