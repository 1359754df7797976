//! The manifest of a sink, once it has all of the run that it takes.

use chancery_signed::{Became, Counts, ManifestOf, ManifestWriter};
use chancery_sinks::Manifest;
use chancery_statement::Envelope;
use chancery_store::DeliverySession;
use chancery_store::delivery::{BatchOfManifest, ManifestHead, TakenManifest};
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use crate::delivery::Delivering;
use crate::error::DeliveryError;

/// Batches that are read at a time.
const AT_ONCE: i32 = 5_000;

/// Bytes that a manifest may have. It is in memory at once, for an object is written at once or not at all. A batch takes some 200 bytes.
const MOST_BYTES: usize = 256 << 20;

/// What there is of a manifest.
pub(crate) enum Made {
    /// All of it.
    Whole(Manifest),
    /// It is somebody else's by now, or another one is due.
    Lost,
    /// More than can be written at once.
    TooLarge,
}

/// Makes it of what the ledger has.
pub(crate) async fn make(
    session: &mut DeliverySession,
    delivering: &Delivering,
    taken: &TakenManifest,
    sink: &str,
) -> Result<Made, DeliveryError> {
    let form = |error: std::io::Error| DeliveryError::Form(error.to_string());
    let Some(head) = session.manifest_head(taken).await? else { return Ok(Made::Lost) };
    let ManifestHead { records, batches, delivered, dead, public_keys, key_ids, bodies, signatures } = head;
    let run = session.run().clone();
    let number = taken.number;
    let of = ManifestOf { namespace: &run.namespace, run: &run.name, uid: run.uid, sink, number };
    let counts = Counts { records, batches, delivered, dead };
    let mut writer = ManifestWriter::begin(Vec::new(), of, counts).map_err(form)?;
    let mut last = 0;
    let mut renew_at = Instant::now() + delivering.hold / 3;
    while last < batches {
        if Instant::now() >= renew_at {
            if !session.renew_manifest(taken, delivering.hold).await? {
                return Ok(Made::Lost);
            }
            renew_at = Instant::now() + delivering.hold / 3;
        }
        let portion = session.manifest_batches(taken, last, AT_ONCE).await?;
        if portion.is_empty() {
            return Ok(Made::Lost);
        }
        for BatchOfManifest { batch, first_record, last_record, object, digest, last_error, .. } in &portion {
            let became = match (object, digest) {
                (Some(name), Some(digest)) => Became::There { name, digest },
                _ => Became::Dead(last_error.as_deref().unwrap_or_default()),
            };
            writer.object(*batch, (*first_record, *last_record), became).map_err(form)?;
            last = *batch;
        }
        if writer.written().len() > MOST_BYTES {
            return Ok(Made::TooLarge);
        }
    }
    let statements = key_ids.into_iter().zip(bodies).zip(signatures);
    let statements: Vec<_> =
        statements.map(|((key_id, body), signature)| Envelope { body, key_id, signature }).collect();
    let algorithm = delivering.lines.form().algorithm();
    let content = writer.end(algorithm, public_keys.iter().map(Vec::as_slice), &statements).map_err(form)?;
    let digest = Sha256::digest(&content).into();
    Ok(Made::Whole(Manifest { number, content: content.into(), digest }))
}

/// Why a manifest that is too large is refused.
pub(crate) fn too_large() -> String {
    format!(
        "the manifest has more than {} MiB, which is the most of one object; make a run with a larger batchSize",
        MOST_BYTES >> 20
    )
}
