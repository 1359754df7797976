//! The content of a batch: a line for each of its records.

use std::sync::Arc;

use chancery_signed::Record;
use chancery_store::DeliverySession;
use chancery_store::delivery::{Delivery, SignedRecord, TakenDeliveries};
use sha2::{Digest as _, Sha256};
use tokio::sync::OwnedMutexGuard;

use crate::delivery::Delivering;
use crate::error::DeliveryError;

/// Bytes of payload that are read at a time.
const PORTION: i64 = 4 << 20;

/// Bytes that a batch may have as lines. It is in memory at once, for an object is written at once or not at all.
const MOST_BYTES: usize = 256 << 20;

/// Bytes beyond which a batch is large: of those, a delivery has one at a time.
const LARGE: usize = 16 << 20;

/// What there is of a batch.
pub(crate) enum Content {
    /// All of it.
    Whole {
        lines: Vec<u8>,
        /// SHA-256 of the lines.
        digest: [u8; 32],
        /// Held for as long as it is in memory.
        large: Option<OwnedMutexGuard<()>>,
    },
    /// It is somebody else's by now.
    Lost,
    /// More than can be written at once.
    TooLarge,
    /// It cannot be written down.
    Unwritable(String),
}

pub(crate) async fn read(
    session: &mut DeliverySession,
    delivering: &Delivering,
    taken: &TakenDeliveries,
    delivery: &Delivery,
) -> Result<Content, DeliveryError> {
    let Delivering { lines, large: one_at_a_time, .. } = delivering;
    let Some(key) = lines.key(&delivery.public_key) else {
        return Ok(Content::Unwritable(
            "its key is none of the ring's algorithm; see chancery verify".to_owned(),
        ));
    };
    let (mut content, mut large) = (Vec::new(), None);
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
            if let Err(error) = lines.write(of, &key, &mut content) {
                return Ok(Content::Unwritable(format!("record {record} cannot be written down: {error}")));
            }
            last = *record;
        }
        if content.len() > MOST_BYTES {
            return Ok(Content::TooLarge);
        }
        if content.len() > LARGE && large.is_none() {
            large = Some(Arc::clone(one_at_a_time).lock_owned().await);
        }
    }
    let digest = Sha256::digest(&content).into();
    Ok(Content::Whole { lines: content, digest, large })
}

/// Why a batch that is too large is refused.
pub(crate) fn too_large() -> String {
    format!(
        "the batch has more than {} MiB as lines, which is the most of one object; make a run with a smaller batchSize",
        MOST_BYTES >> 20
    )
}
