//! Records as programs read them that check signatures: each with its signature and its finished envelope.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chancery_keyring::{Form, Frame, Jwk};
use chancery_store::export::{Exporter, KeyLine, SignedLine};
use futures::TryStreamExt as _;
use serde::Serialize;
use uuid::Uuid;

use super::{hexadecimal, write_as};
use crate::error::CliError;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Signed<'r> {
    run: &'r str,
    record: i64,
    batch: i64,
    digest: String,
    payload: String,
    key: &'r str,
    algorithm: &'static str,
    signature: String,
    signed_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    envelope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<&'r str>,
}

/// A key of the ring, and its envelope.
struct Key {
    id: String,
    address: Option<String>,
    frame: Frame,
}

pub(super) async fn write(exporter: &mut Exporter) -> Result<(), CliError> {
    let run = exporter.run();
    let name = format!("{}/{}", run.namespace, run.name);
    let form = form_of(exporter)?;
    let rows: Vec<KeyLine> = exporter.keys().try_collect().await?;
    let of_row =
        |row: KeyLine| Ok((row.id, Key::of(&form, &row.public_key).ok_or_else(|| unusable(row.id))?));
    let keys = rows.into_iter().map(of_row).collect::<Result<HashMap<_, _>, CliError>>()?;
    write_as(exporter.signed(), |line: SignedLine| signed(&name, &form, &keys, line)).await
}

/// What the ring of the run signs.
pub(super) fn form_of(exporter: &Exporter) -> Result<Form, CliError> {
    let ring = &exporter.run().keyring;
    Form::named(&ring.algorithm, &ring.envelope, ring.content_type.as_deref())
        .map_err(|error| CliError::NotExported(error.to_string()))
}

pub(super) fn unusable(key: Uuid) -> CliError {
    CliError::NotExported(format!("its key {key} is none of its algorithm"))
}

impl Key {
    fn of(form: &Form, public_key: &[u8]) -> Option<Self> {
        let jwk = Jwk::of(form.algorithm(), public_key)?;
        let frame = Frame::new(form, public_key)?;
        Some(Self { id: jwk.id().to_owned(), address: jwk.address().map(str::to_owned), frame })
    }
}

fn signed<'r>(
    run: &'r str,
    form: &Form,
    keys: &'r HashMap<Uuid, Key>,
    line: SignedLine,
) -> Result<Signed<'r>, CliError> {
    let SignedLine { record, batch, digest, payload, key_id, signature, signed_at } = line;
    let Key { id, address, frame } = keys.get(&key_id).ok_or_else(|| unusable(key_id))?;
    Ok(Signed {
        run,
        record,
        batch,
        digest: hexadecimal(digest),
        envelope: frame.finished(&payload, &signature),
        payload: STANDARD.encode(payload),
        key: id,
        algorithm: form.algorithm().name(),
        signature: STANDARD.encode(signature),
        signed_at,
        address: address.as_deref(),
    })
}
