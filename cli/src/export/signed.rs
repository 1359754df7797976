//! Records as programs read them that check signatures: each with its signature and its finished envelope.

use std::collections::HashMap;
use std::io::Write as _;

use chancery_keyring::Form;
use chancery_signed::{Lines, Record};
use chancery_store::export::{Exporter, KeyLine, SignedLine};
use futures::TryStreamExt as _;
use uuid::Uuid;

use super::output;
use crate::arguments::SignedFormat;
use crate::error::CliError;

pub(super) async fn write(exporter: &mut Exporter, format: Option<SignedFormat>) -> Result<(), CliError> {
    let run = exporter.run();
    let form = form_of(exporter)?;
    let alone = format.and_then(SignedFormat::envelope);
    if let Some(wanted) = alone.filter(|wanted| *wanted != form.envelope()) {
        let run = format!("{}/{}", run.namespace, run.name);
        return Err(CliError::OtherEnvelope { run, envelope: form.envelope(), wanted });
    }
    let lines = Lines::of_run(&run.namespace, &run.name, form);
    let rows: Vec<KeyLine> = exporter.keys().try_collect().await?;
    let of_row = |row: KeyLine| Ok((row.id, lines.key(&row.public_key).ok_or_else(|| unusable(row.id))?));
    let keys = rows.into_iter().map(of_row).collect::<Result<HashMap<_, _>, CliError>>()?;
    let mut out = output();
    let mut rows = std::pin::pin!(exporter.signed());
    while let Some(row) = rows.try_next().await? {
        let SignedLine { record, batch, digest, payload, key_id, signature, signed_at, marks, traceparent } =
            &row;
        let key = keys.get(key_id).ok_or_else(|| unusable(*key_id))?;
        let (record, batch, marks) = (*record, *batch, marks.as_deref());
        let traceparent = traceparent.as_deref();
        let record = Record { record, batch, digest, payload, signature, signed_at, marks, traceparent };
        let written = if alone.is_some() {
            let finished = key.finished(payload, signature).ok_or_else(|| unusable(*key_id))?;
            writeln!(out, "{finished}")
        } else {
            lines.write(record, key, &mut out)
        };
        written.map_err(CliError::Write)?;
    }
    out.flush().map_err(CliError::Write)
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
