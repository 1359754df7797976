//! The content of a batch: a line for each of its records.

use chancery_signed::{Lines, Record};
use chancery_store::DeliverySession;
use chancery_store::delivery::{Delivery, SignedRecord, TakenDeliveries};
use sha2::{Digest as _, Sha256};

use crate::error::DeliveryError;

/// Bytes of payload that are read at a time.
const PORTION: i64 = 4 << 20;

/// Bytes that a batch may have as lines. It is in memory at once, for an object is written at once or not at all.
const MOST_BYTES: usize = 256 << 20;

/// What there is of a batch.
pub(crate) enum Content {
    /// All of it, with its SHA-256.
    Whole(Vec<u8>, [u8; 32]),
    /// It is somebody else's by now.
    Lost,
    /// More than can be written at once.
    TooLarge,
}

pub(crate) async fn read(
    session: &mut DeliverySession,
    lines: &Lines,
    taken: &TakenDeliveries,
    delivery: &Delivery,
) -> Result<Content, DeliveryError> {
    let no_key = || DeliveryError::Form(format!("batch {} has no key of its algorithm", delivery.batch));
    let key = lines.key(&delivery.public_key).ok_or_else(no_key)?;
    let mut content = Vec::new();
    let mut last = delivery.first_record - 1;
    while last < delivery.last_record {
        let records = session.records(taken, delivery, last, PORTION).await?;
        if records.is_empty() {
            return Ok(Content::Lost);
        }
        for SignedRecord { record, digest, payload, signature, marks } in &records {
            let (batch, signed_at, marks) = (delivery.batch, &delivery.signed_at, marks.as_deref());
            let of = Record { record: *record, batch, digest, payload, signature, signed_at, marks };
            // Memory takes what it is given; marks are what the ledger has of them.
            lines.write(of, &key, &mut content).map_err(|error| DeliveryError::Form(error.to_string()))?;
            last = *record;
        }
        if content.len() > MOST_BYTES {
            return Ok(Content::TooLarge);
        }
    }
    let digest = Sha256::digest(&content).into();
    Ok(Content::Whole(content, digest))
}

/// Why a batch that is too large is refused.
pub(crate) fn too_large() -> String {
    format!(
        "the batch has more than {} MiB as lines, which is the most of one object; make a run with a smaller batchSize",
        MOST_BYTES >> 20
    )
}
