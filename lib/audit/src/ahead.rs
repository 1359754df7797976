//! What was checked of a run while it was still being signed: its first batches, each signed, which is final.
//!
//! An audit looks at each such range again, and takes it for checked if the very same rows are there: the batches with all that
//! their rows say, and of payloads and signatures the place of each row and the transaction that wrote it. A row that is
//! written again has another transaction, or another place. So what takes long, reading payloads and verifying signatures, is not
//! done twice; whatever differs is checked as if it had not been before.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;

use chancery_store::audit::{KeyRow, Reader};
use chancery_store::{Keyring, Ledger, Run, StoreError};
use futures::TryStreamExt;
use sha2::{Digest as _, Sha256};

use crate::AuditError;
use crate::input::records_of;
use crate::of_run::{Checker, check_range};
use crate::ranges::{Range, Ranges};
use crate::report::{Counts, Findings};
use crate::ring::Ring;

/// Ranges that are checked at one snapshot at the most: nobody's old rows are kept for long.
const RANGES_AT_ONCE: usize = 16;

/// What was checked of one run. It begins with nothing.
#[derive(Debug)]
pub struct Ahead {
    /// By first and last record.
    kept: BTreeMap<(i64, i64), Kept>,
    next_batch: i64,
    next_record: i64,
}

/// A range in which nothing is wrong.
#[derive(Debug)]
struct Kept {
    identity: [u8; 32],
    counts: Counts,
    /// Bytes of the payloads of each part.
    bytes: Vec<u64>,
}

impl Default for Ahead {
    fn default() -> Self {
        Self { kept: BTreeMap::new(), next_batch: 1, next_record: 1 }
    }
}

impl Ahead {
    /// How many records are checked.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.kept.values().map(|kept| kept.counts.records).sum()
    }

    /// What was found in a range that is still what it was, if it was checked.
    pub(crate) async fn found(
        &self,
        reader: &mut Reader,
        of: &Audited<'_>,
        range: &Range,
        shown: usize,
    ) -> Result<Option<Findings>, StoreError> {
        let Some(kept) = self.kept.get(&(range.first, range.last)) else { return Ok(None) };
        if kept.bytes.len() != range.parts.len() || of.identity(reader, range).await? != kept.identity {
            return Ok(None);
        }
        let mut findings = Findings::new(shown);
        findings.counts = kept.counts.clone();
        for (part, bytes) in range.parts.iter().zip(&kept.bytes) {
            part.batch.add_and_compare(part.last.abs_diff(part.first) + 1, *bytes, &mut findings);
        }
        Ok(Some(findings))
    }
}

/// A run at one instant, with what its records are checked against.
pub(crate) struct Audited<'a> {
    pub(crate) run: &'a Run,
    pub(crate) keys: &'a [KeyRow],
    /// Records of the run's longest block of signatures.
    pub(crate) longest_block: i64,
}

impl Audited<'_> {
    /// What a range is made of, without its payloads and signatures.
    async fn identity(&self, reader: &mut Reader, range: &Range) -> Result<[u8; 32], StoreError> {
        let Self { run, keys, longest_block } = self;
        let mut identity = Sha256::new();
        let mut add = |text: &str| {
            identity.update(text.len().to_be_bytes());
            identity.update(text);
        };
        let Keyring { algorithm, key_size, provider, envelope, content_type, .. } = &run.keyring;
        add(&format!(
            "{} {} {algorithm} {key_size:?} {provider} {envelope} {content_type:?}",
            run.id, run.uid
        ));
        for part in &range.parts {
            add(&format!("{} {} {:?}", part.first, part.last, part.batch.row));
        }
        for row in reader.written(run, range.first, range.last, *longest_block).await? {
            add(&format!("{row:?}"));
            for key in keys.iter().filter(|key| row.key_id == Some(key.id)) {
                add(&format!("{:?}", key.public_key));
            }
        }
        Ok(identity.finalize().into())
    }
}

/// Checks what is signed of a run and was not checked yet, from the first batch to the first that is not signed, as far as it fills
/// ranges. True when there may be more at once.
///
/// Holds a snapshot for as long as some thousand records take, and opens four connections.
///
/// # Errors
///
/// [`AuditError`]. What is wrong with a range is none: it is left to the audit, which tells.
pub async fn audit_ahead(
    ledger: &Ledger,
    namespace: &str,
    name: &str,
    ahead: &mut Ahead,
) -> Result<bool, AuditError> {
    let mut snapshot = ledger.snapshot().await?;
    let run = Arc::new(snapshot.run(namespace, name).await?);
    let (mut walker, mut reader) = (snapshot.reader().await?, snapshot.reader().await?);
    let keys = walker.keys(&run.keyring).await?;
    let records = records_of(&run, &walker.admissions(&run).await?);
    let ring = Arc::new(Ring::new(&run.keyring, &keys, records));
    let longest_block = walker.longest_block(&run, records).await?;
    let of = Audited { run: &run, keys: &keys, longest_block };
    let mut ranges = Ranges::from(records, ahead.next_record);
    let mut batches = pin!(walker.batches(&run, ahead.next_batch));
    let mut checked = 0;
    loop {
        let range = loop {
            if let Some(range) = ranges.take() {
                break range;
            }
            match batches.try_next().await? {
                Some(row) if row.state == "signed" => ranges.batch(row),
                // The last range of a run ends with it.
                None if run.sealed => match ranges.end() {
                    Some(range) => break range,
                    None => return Ok(false),
                },
                _ => return Ok(false),
            }
        };
        let (first, last) = (range.first, range.last);
        let batch = range.parts.last().map(|part| (part.batch.row.batch, part.batch.row.last_record));
        let identity = of.identity(&mut reader, &range).await?;
        let mut checker = Checker::new(&run, &ring, longest_block);
        let mut checks = Vec::new();
        check_range(&mut reader, range, 0, &mut checker, |check| checks.push(check)).await?;
        checks.extend(checker.end().await?);
        for check in checks {
            let bytes = check.bytes_of_parts().to_vec();
            let found = check.finish();
            if found.are_clean() {
                ahead.kept.insert((first, last), Kept { identity, counts: found.counts, bytes });
            }
        }
        checked += 1;
        // A batch that is cut is cut alike only from its first record on.
        if let Some((number, _)) = batch.filter(|(_, end)| *end == last) {
            (ahead.next_batch, ahead.next_record) = (number.saturating_add(1), last.saturating_add(1));
            if checked >= RANGES_AT_ONCE {
                return Ok(true);
            }
        }
    }
}
