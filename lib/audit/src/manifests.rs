//! Law 8, the manifests of sinks: what each was given says what the ledger has. It is made again from what is stored.

use std::io::{self, Write};

use chancery_keyring::Form;
use chancery_signed::{Became, Counts, ManifestOf, ManifestWriter};
use chancery_statement::Envelope;
use chancery_store::audit::{ManifestRow, Snapshot};
use chancery_store::delivery::BatchOfManifest;
use chancery_store::{Run, StoreError};
use futures::TryStreamExt as _;
use sha2::{Digest as _, Sha256};

use crate::AuditError;
use crate::report::{Findings, Law};

pub(crate) async fn audit(snapshot: &Snapshot, run: &Run, findings: &mut Findings) -> Result<(), AuditError> {
    if run.sinks.0.is_empty() {
        return Ok(());
    }
    let mut reader = snapshot.reader().await?;
    for row in reader.manifests(run).await? {
        let digest = digest(snapshot, run, &row).await?;
        if digest.as_deref() != Some(&row.digest[..]) {
            findings.violated(Law::EveryDelivery, 0, || {
                format!("{} has another manifest {} than its batches make", row.sink, row.manifest)
            });
        }
    }
    Ok(())
}

/// None if nothing can have been made of these keys.
async fn digest(snapshot: &Snapshot, run: &Run, row: &ManifestRow) -> Result<Option<Vec<u8>>, AuditError> {
    let ring = &run.keyring;
    let Ok(form) = Form::named(&ring.algorithm, &ring.envelope, ring.content_type.as_deref()) else {
        return Ok(None);
    };
    let written = |error: io::Error| StoreError::Corrupt(error.to_string());
    let (namespace, name) = (&run.namespace, &run.name);
    let of = ManifestOf { namespace, run: name, uid: run.uid, sink: &row.sink, number: row.manifest };
    let ManifestRow { records, batches, delivered, dead, .. } = *row;
    let counts = Counts { records, batches, delivered, dead };
    let mut writer = ManifestWriter::begin(Hashing::default(), of, counts).map_err(written)?;
    let mut reader = snapshot.reader().await?;
    let mut rows = std::pin::pin!(reader.manifest_batches(run, row.number));
    while let Some(one) = rows.try_next().await? {
        let BatchOfManifest { batch, first_record, last_record, object, digest, last_error, .. } = &one;
        let became = match (object, digest) {
            (Some(name), Some(digest)) => Became::There { name, digest },
            _ => Became::Dead(last_error.as_deref().unwrap_or_default()),
        };
        writer.object(*batch, (*first_record, *last_record), became).map_err(written)?;
    }
    let statements = row.key_ids.iter().zip(&row.bodies).zip(&row.signatures);
    let statements: Vec<_> = statements
        .map(|((key_id, body), signature)| Envelope {
            key_id: key_id.clone(),
            body: body.clone(),
            signature: signature.clone(),
        })
        .collect();
    let keys = row.public_keys.iter().map(Vec::as_slice);
    // A key that is none is a matter of law 2.
    let ended = writer.end(form.algorithm(), keys, &statements).ok();
    Ok(ended.map(|Hashing(hash)| hash.finalize().to_vec()))
}

/// What is written is hashed, and no more.
#[derive(Debug, Default)]
struct Hashing(Sha256);

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
