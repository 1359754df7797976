//! Law 8, what was delivered: its digest is that of the batch. What a sink was given is made again from what is stored.

use std::collections::HashMap;
use std::pin::Pin;

use chancery_keyring::Form;
use chancery_signed::{Lines, Record};
use chancery_store::audit::{DeliveredRow, KeyRow, Snapshot};
use chancery_store::export::SignedLine;
use chancery_store::{Run, StoreError};
use futures::stream::Peekable;
use futures::{Stream, StreamExt as _, TryStreamExt as _};
use sha2::{Digest as _, Sha256};

use crate::AuditError;
use crate::report::{Findings, Law};

pub(crate) async fn audit(
    snapshot: &Snapshot,
    run: &Run,
    keys: &[KeyRow],
    findings: &mut Findings,
) -> Result<(), AuditError> {
    if run.sinks.0.is_empty() {
        return Ok(());
    }
    let (mut of_deliveries, mut of_records) = (snapshot.reader().await?, snapshot.reader().await?);
    let delivered = of_deliveries.delivered(run).peekable();
    let mut delivered = Delivered { rows: std::pin::pin!(delivered), findings };
    if delivered.is_over().await {
        return Ok(());
    }
    let ring = &run.keyring;
    let form = Form::named(&ring.algorithm, &ring.envelope, ring.content_type.as_deref());
    // That a key, or the form of all, is none, is a matter of law 2: nothing can have been made with it.
    let lines = form.ok().map(|form| Lines::of_run(&run.namespace, &run.name, form));
    let key_of = |key: &KeyRow| Some((key.id, lines.as_ref()?.key(key.public_key.as_deref()?)?));
    let keys: HashMap<_, _> = keys.iter().filter_map(key_of).collect();
    let mut signed = std::pin::pin!(of_records.signed(run));
    let (mut content, mut line) = (None::<(i64, Sha256)>, Vec::new());
    while let Some(row) = signed.try_next().await? {
        let SignedLine { record, batch, digest, payload, key_id, signature, signed_at, marks, traceparent } =
            &row;
        let (marks, traceparent) = (marks.as_deref(), traceparent.as_deref());
        if let Some((done, hash)) = content.take_if(|(at, _)| at != batch) {
            delivered.is_to_be(done, &hash.finalize()).await?;
        }
        let (_, hash) = content.get_or_insert_with(|| (*batch, Sha256::new()));
        line.clear();
        if let (Some(lines), Some(key)) = (&lines, keys.get(key_id)) {
            let (record, batch) = (*record, *batch);
            let record = Record { record, batch, digest, payload, signature, signed_at, marks, traceparent };
            lines.write(record, key, &mut line).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        }
        hash.update(&line);
    }
    if let Some((done, hash)) = content {
        delivered.is_to_be(done, &hash.finalize()).await?;
    }
    // Of what is not signed, nothing can have been delivered.
    Ok(delivered.is_to_be(i64::MAX, &[]).await?)
}

/// What sinks have, in the order of batches.
struct Delivered<'a, S: Stream<Item = Result<DeliveredRow, StoreError>>> {
    rows: Pin<&'a mut Peekable<S>>,
    findings: &'a mut Findings,
}

impl<S: Stream<Item = Result<DeliveredRow, StoreError>>> Delivered<'_, S> {
    async fn is_over(&mut self) -> bool {
        self.rows.as_mut().peek().await.is_none()
    }

    /// What was delivered of this batch has this digest. What comes before it is of batches that have no signatures.
    async fn is_to_be(&mut self, batch: i64, digest: &[u8]) -> Result<(), StoreError> {
        let is_due =
            |row: &Result<DeliveredRow, StoreError>| row.as_ref().map_or(true, |row| row.batch <= batch);
        while let Some(row) = self.rows.as_mut().next_if(is_due).await {
            let DeliveredRow { batch: number, sink, digest: said } = row?;
            if number != batch || said != digest {
                self.findings.violated(Law::EveryDelivery, number, || {
                    format!("batch {number} was delivered to {sink} as something else than it is")
                });
            }
        }
        Ok(())
    }
}
