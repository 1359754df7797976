//! Reading the payloads of a lease's batch.

use std::sync::Arc;

use futures::TryStreamExt;
use sqlx::{AssertSqlSafe, Row};

use super::{Lease, PART_BYTES, Payloads, SignerSession};
use crate::answer::{SHORT, answered};
use crate::error::StoreError;
use crate::query::{self, Query};

impl Lease {
    /// How far a part that begins at the record `first` may reach: as many records as fit into `bytes` if all are of
    /// the batch's average size, and at least one. None when the whole batch fits.
    ///
    /// Reading the batch in such parts looks at each record at most three times, however the sizes are distributed:
    /// of the parts that end because their bytes are used up, two neighbours hold more than a part's bytes.
    pub(super) fn last_of_part(&self, first: i64, bytes: i64) -> Option<i64> {
        if self.payload_bytes <= bytes {
            return None;
        }
        let records = self.last_record - self.first_record + 1;
        let fit = bytes.saturating_mul(records) / self.payload_bytes;
        Some(first.saturating_add(fit.max(1) - 1).min(self.last_record))
    }
}

impl SignerSession {
    /// Reads the payloads of the records `first..=last` into `payloads`, and makes sure on the way
    /// that every lease acquired on this connection is on disk.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupt`] when a record is missing, unless the run has just been deleted
    /// ([`StoreError::NoRun`]) or the ledger is another one by now ([`StoreError::OtherLedger`]).
    pub async fn fetch(&mut self, first: i64, last: i64, payloads: &mut Payloads) -> Result<(), StoreError> {
        payloads.clear();
        let reading = async {
            let mut rows = sqlx::query(AssertSqlSafe(Arc::clone(&self.fetch)))
                .bind(first)
                .bind(last)
                .bind(self.run.uid)
                .fetch(&mut self.connection);
            // To the very end of the stream: the server says that it committed only after the last row.
            while let Some(row) = rows.try_next().await? {
                payloads.push(row.try_get(0)?);
            }
            Ok(())
        };
        let read = answered(query::records_fetch.name, SHORT, reading).await;
        let wanted = last - first + 1;
        let read = match read {
            Ok(()) if i64::try_from(payloads.len()).is_ok_and(|found| found == wanted) => Ok(()),
            Ok(()) => Err(StoreError::Corrupt(format!(
                "of the records {first} to {last}, {} are there instead of {wanted}",
                payloads.len()
            ))),
            Err(error) => Err(error),
        };
        self.unless_gone(read).await
    }

    /// Reads payloads of the lease's batch into `payloads`, as [`SignerSession::fetch`] does: from the record
    /// `first` on, at least one, and at most `bytes` (no more than [`PART_BYTES`]) unless the first record alone is
    /// larger. Returns how many records these are.
    ///
    /// # Errors
    ///
    /// Those of [`SignerSession::fetch`].
    pub async fn fetch_part(
        &mut self,
        lease: &Lease,
        first: i64,
        bytes: usize,
        payloads: &mut Payloads,
    ) -> Result<i64, StoreError> {
        let bytes = i64::try_from(bytes.min(PART_BYTES)).unwrap_or(i64::MAX);
        let Some(last) = lease.last_of_part(first, bytes) else {
            self.fetch(first, lease.last_record, payloads).await?;
            return Ok(lease.last_record - first + 1);
        };
        payloads.clear();
        let mut next = first;
        let reading = async {
            let mut rows = sqlx::query(AssertSqlSafe(Arc::clone(&self.fetch_part)))
                .bind(first)
                .bind(last)
                .bind(bytes)
                .bind(self.run.uid)
                .fetch(&mut self.connection);
            let mut has_gap = false;
            // To the very end, as in `fetch`.
            while let Some(row) = rows.try_next().await? {
                has_gap |= row.try_get::<i64, _>(1)? != next;
                if !has_gap {
                    payloads.push(row.try_get(0)?);
                    next += 1;
                }
            }
            Ok(has_gap)
        };
        let read = answered(query::records_fetch_part.name, SHORT, reading).await;
        let read = match read {
            // The next part finds out whether the record is missing before which this one ended.
            Ok(has_gap) if has_gap || next == first => {
                Err(StoreError::Corrupt(format!("record {next} is missing in batch {}", lease.batch)))
            }
            other => other,
        };
        self.unless_gone(read).await?;
        Ok(next - first)
    }
}

/// A query for one run, whose own partition takes the place of all records; see `records_fetch`. The name is
/// made of letters and the run's number.
pub(super) fn of_partition(query: Query, run: i32) -> Arc<str> {
    query.sql.replace("chancery.records r", &format!("chancery.records_{run} r")).into()
}
