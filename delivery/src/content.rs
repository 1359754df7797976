//! The content of a batch: a line for each of its records.

use std::collections::VecDeque;
use std::sync::Arc;

use chancery_signed::{Lines, Record};
use chancery_store::DeliverySession;
use chancery_store::delivery::{Delivery, SignedRecord, TakenDeliveries};
use sha2::{Digest as _, Sha256};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::{Instant, timeout_at};

use crate::error::DeliveryError;

/// Bytes of payload that are read at a time.
const PORTION: i64 = 1 << 20;

/// Bytes that a batch may have as lines. It is in memory at once, for an object is written at once or not at all.
const MOST_BYTES: usize = 256 << 20;

/// Bytes beyond which a batch is large: of those, a delivery has one for each sink at a time.
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
    /// Another large one has not come to the sink yet.
    Later,
    /// More than can be written at once.
    TooLarge,
    /// It cannot be written down.
    Unwritable(String),
}

/// Reads batches that were taken, one after the other. Of small ones several are read at a time.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    /// Records of this batch, and of those behind it, that were read and not written down yet.
    ahead: VecDeque<SignedRecord>,
    /// Bytes of the batch before: this one will have about as many.
    bytes: usize,
}

impl Reader {
    /// Bytes that the next batch will have, about.
    pub(crate) const fn expected(&self) -> usize {
        self.bytes
    }

    /// Writes down the one at this place. A large one waits for others of its sink until `until`.
    pub(crate) async fn read(
        &mut self,
        session: &mut DeliverySession,
        lines: &Lines,
        (one_at_a_time, until): (&Arc<Mutex<()>>, Instant),
        taken: &TakenDeliveries,
        place: usize,
    ) -> Result<Content, DeliveryError> {
        let Some(delivery) = taken.batches.get(place) else { return Ok(Content::Lost) };
        let Some(key) = lines.key(&delivery.public_key) else {
            return Ok(Content::Unwritable(
                "its key is none of the ring's algorithm; see chancery verify".to_owned(),
            ));
        };
        // What is left of one that could not be written down.
        let behind = self.ahead.partition_point(|one| one.record < delivery.first_record);
        self.ahead.drain(..behind);
        // They are not always taken in their order.
        if self.ahead.front().is_some_and(|one| one.record > delivery.first_record) {
            self.ahead.clear();
        }
        let (mut content, mut large) = (Vec::with_capacity(self.bytes), None);
        let mut last = delivery.first_record - 1;
        while last < delivery.last_record {
            if self.ahead.is_empty() {
                let batches = delivery.batch..=last_in_a_row(&taken.batches[place..]);
                self.ahead = session.records(taken, batches, last, PORTION).await?.into();
            }
            let more = self.ahead.partition_point(|one| one.record <= delivery.last_record);
            if more == 0 {
                return Ok(Content::Lost);
            }
            for one in self.ahead.drain(..more) {
                let SignedRecord { record, digest, payload, signature, marks, traceparent } = one;
                let (batch, signed_at) = (delivery.batch, &delivery.signed_at);
                let (marks, traceparent) = (marks.as_deref(), traceparent.as_deref());
                let (digest, payload, signature) = (&digest, &payload, &signature);
                let of = Record { record, batch, digest, payload, signature, signed_at, marks, traceparent };
                // Memory takes what it is given; marks are what the ledger has of them.
                if let Err(error) = lines.write(of, &key, &mut content) {
                    return Ok(Content::Unwritable(format!(
                        "record {record} cannot be written down: {error}"
                    )));
                }
                last = record;
            }
            if content.len() > MOST_BYTES {
                return Ok(Content::TooLarge);
            }
            if content.len() > LARGE && large.is_none() {
                let lock = Arc::clone(one_at_a_time).lock_owned();
                let Ok(held) = timeout_at(until, lock).await else { return Ok(Content::Later) };
                large = Some(held);
            }
        }
        self.bytes = content.len().min(LARGE);
        let digest = Sha256::digest(&content).into();
        Ok(Content::Whole { lines: content, digest, large })
    }
}

/// The last one of those that come one after the other, from the first on.
fn last_in_a_row(batches: &[Delivery]) -> i64 {
    let mut numbers = batches.iter().map(|one| one.batch);
    let first = numbers.next().unwrap_or_default();
    numbers
        .zip(first + 1..)
        .take_while(|(number, next)| number == next)
        .last()
        .map_or(first, |(number, _)| number)
}

/// Why a batch that is too large is refused.
pub(crate) fn too_large() -> String {
    format!(
        "the batch has more than {} MiB as lines, which is the most of one object; make a run with a smaller batchSize",
        MOST_BYTES >> 20
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_come_one_after_the_other_are_read_together() {
        let of = |numbers: &[i64]| {
            let one = |batch: &i64| Delivery {
                batch: *batch,
                first_record: 1,
                last_record: 1,
                attempts: 0,
                public_key: Vec::new(),
                signed_at: String::new(),
            };
            last_in_a_row(&numbers.iter().map(one).collect::<Vec<_>>())
        };
        assert_eq!((of(&[7]), of(&[7, 8, 9]), of(&[7, 8, 10, 11]), of(&[7, 9])), (7, 9, 8, 7));
    }
}
