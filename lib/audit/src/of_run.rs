//! Laws 1 to 3 of a run, law 7 of one with sources, and law 8 of one with sinks: its batches one after the other, and the records along them on several workers.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use chancery_store::audit::{
    AdmissionRow, ArrivalFault, BatchRow, DeliveryFault, KeyRow, Reader, RecordRow, Snapshot,
};
use chancery_store::{Run, StoreError};
use futures::future::try_join_all;
use futures::{Stream, TryStreamExt};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use crate::ahead::{Ahead, Audited};
use crate::geometry::Geometry;
use crate::ranges::{Range, Ranges};
use crate::records::RangeCheck;
use crate::report::{Findings, Law};
use crate::ring::{self, Ring};
use crate::{
    AuditError, AuditOptions, RANGE_BYTES, RANGE_RECORDS, STRAYS_SHOWN, delivered, input, judged, manifests,
};

/// Bytes that a row takes besides its payload and its signature, about.
const ROW_BYTES: usize = 256;

type Batches<'r> = Pin<Box<dyn Stream<Item = Result<BatchRow, StoreError>> + Send + 'r>>;

/// The way through the run that the workers share: it is walked once.
struct Walk<'r> {
    batches: Batches<'r>,
    ended: bool,
    geometry: Geometry,
    ranges: Ranges,
}

pub(crate) async fn audit(
    snapshot: &Snapshot,
    run: &Run,
    keys: &[KeyRow],
    options: &AuditOptions,
    ahead: &Ahead,
    progress: &(impl Fn(u64) + Send + Sync),
) -> Result<Findings, AuditError> {
    let shown = options.violations_shown;
    let run = Arc::new(run.clone());
    let ring = Arc::new(Ring::new(&run.keyring, keys, run.sealed_records.unwrap_or_default()));
    let mut findings = ring::check_material(keys, &ring, shown);
    let mut reader = snapshot.reader().await?;
    let admissions = reader.admissions(&run).await?;
    findings.merge(input::check(&run, &admissions, shown));

    let records = input::records_of(&run, &admissions);
    let longest_block = reader.longest_block(&run, records).await?;
    let last_batch = {
        let walk = Mutex::new(Walk {
            batches: Box::pin(reader.batches(&run, i64::MIN)),
            ended: false,
            geometry: Geometry::new(&run, records, shown),
            ranges: Ranges::new(records),
        });
        let checked = AtomicU64::new(0);
        let before = (ahead, Audited { run: &run, keys, longest_block });
        let worker = || {
            let checker = Checker::new(&run, &ring, longest_block);
            check_ranges(snapshot, &walk, &before, checker, shown, &checked, progress)
        };
        for found in try_join_all((0..options.workers.max(1)).map(|_| worker())).await? {
            findings.merge(found);
        }
        let (of_batches, last_batch) = walk.into_inner().finish(&admissions);
        findings.merge(of_batches);
        last_batch
    };
    for stray in reader.strays(&run, records, last_batch, STRAYS_SHOWN).await? {
        findings.stray(&stray);
    }
    if run.input.sources().is_some() {
        findings.counts.arrivals = reader.arrivals_received(&run).await?.unsigned_abs();
        for ArrivalFault { number, sentence } in reader.arrival_faults(&run, STRAYS_SHOWN).await? {
            findings.violated(Law::EveryArrival, number, || sentence);
        }
        judged::audit(&mut reader, &run, records, options.policy, &mut findings).await?;
    }
    findings.counts.deliveries = reader.deliveries(&run).await?.unsigned_abs();
    for DeliveryFault { number, sentence } in reader.delivery_faults(&run, STRAYS_SHOWN).await? {
        findings.violated(Law::EveryDelivery, number, || sentence);
    }
    findings.counts.events = reader.events(&run).await?.unsigned_abs();
    for DeliveryFault { number, sentence } in reader.event_faults(&run, STRAYS_SHOWN).await? {
        findings.violated(Law::EveryDelivery, number, || sentence);
    }
    delivered::audit(snapshot, &run, keys, &mut findings).await?;
    manifests::audit(snapshot, &run, &mut findings).await?;
    Ok(findings)
}

/// One worker: takes ranges until there are none, and reads one while the one before is checked.
async fn check_ranges(
    snapshot: &Snapshot,
    walk: &Mutex<Walk<'_>>,
    (ahead, of): &(&Ahead, Audited<'_>),
    mut checker: Checker<'_>,
    shown: usize,
    checked: &AtomicU64,
    progress: &(impl Fn(u64) + Send + Sync),
) -> Result<Findings, AuditError> {
    let mut reader = snapshot.reader().await?;
    let mut findings = Findings::new(shown);
    let mut found = |records: u64, more: Findings| {
        findings.merge(more);
        progress(checked.fetch_add(records, Ordering::Relaxed) + records);
    };
    loop {
        let next = walk.lock().await.next_range().await?;
        let Some(range) = next else { break };
        if let Some(before) = ahead.found(&mut reader, of, &range, shown).await? {
            found(range.last.abs_diff(range.first) + 1, before);
            continue;
        }
        let is_checked = |check: RangeCheck| found(check.records(), check.finish());
        check_range(&mut reader, range, shown, &mut checker, is_checked).await?;
    }
    if let Some(check) = checker.end().await? {
        found(check.records(), check.finish());
    }
    Ok(findings)
}

/// Checks a range in portions of as many bytes as a worker may hold, however large its records turn out to be. The last one
/// is left to the checker.
pub(crate) async fn check_range(
    reader: &mut Reader,
    range: Range,
    shown: usize,
    checker: &mut Checker<'_>,
    mut is_checked: impl FnMut(RangeCheck),
) -> Result<(), AuditError> {
    let (first, last) = (range.first, range.last);
    let mut begun = Some(RangeCheck::new(range, shown));
    let mut rows = std::pin::pin!(reader.records(checker.run, first, last, checker.longest_block));
    let mut portion: Vec<RecordRow> = Vec::new();
    let mut bytes = 0;
    loop {
        let row = rows.try_next().await?;
        let is_full =
            bytes >= RANGE_BYTES.unsigned_abs() || portion.len() as u64 >= RANGE_RECORDS.unsigned_abs();
        let is_next = |row: &RecordRow| portion.last().is_some_and(|before| before.record != row.record);
        if row.as_ref().is_none_or(|row| is_full && is_next(row)) {
            let before = checker.end().await?;
            // Without a range that begins, the one before is this one.
            let check = match (begun.take(), before) {
                (Some(begun), before) => {
                    before.into_iter().for_each(&mut is_checked);
                    Some(begun)
                }
                (None, before) => before,
            };
            if let Some(check) = check {
                checker.begin(check, std::mem::take(&mut portion));
            }
            bytes = 0;
        }
        let Some(row) = row else { return Ok(()) };
        let length = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, Bytes::len);
        bytes += (length(&row.payload) + length(&row.signature) + ROW_BYTES) as u64;
        portion.push(row);
    }
}

/// Checks one portion at a time, on another thread than the one that reads.
pub(crate) struct Checker<'a> {
    run: &'a Arc<Run>,
    ring: &'a Arc<Ring>,
    /// Records of the run's longest block of signatures.
    longest_block: i64,
    under_way: Option<JoinHandle<RangeCheck>>,
}

impl<'a> Checker<'a> {
    pub(crate) const fn new(run: &'a Arc<Run>, ring: &'a Arc<Ring>, longest_block: i64) -> Self {
        Self { run, ring, longest_block, under_way: None }
    }

    /// Goes on with a range. What was under way has to have ended.
    fn begin(&mut self, mut check: RangeCheck, portion: Vec<RecordRow>) {
        let (run, ring) = (Arc::clone(self.run), Arc::clone(self.ring));
        self.under_way = Some(tokio::task::spawn_blocking(move || {
            check.rows(&portion, &run, &ring);
            check
        }));
    }

    /// What was under way, when it has ended.
    pub(crate) async fn end(&mut self) -> Result<Option<RangeCheck>, AuditError> {
        match self.under_way.take() {
            Some(under_way) => Ok(Some(under_way.await?)),
            None => Ok(None),
        }
    }
}

impl Walk<'_> {
    async fn next_range(&mut self) -> Result<Option<Range>, StoreError> {
        loop {
            if let Some(range) = self.ranges.take() {
                return Ok(Some(range));
            }
            if self.ended {
                return Ok(None);
            }
            match self.batches.try_next().await? {
                Some(row) if self.geometry.batch(&row) => self.ranges.batch(row),
                Some(_) => {}
                None => {
                    self.ended = true;
                    self.ranges.finish();
                }
            }
        }
    }

    fn finish(self, admissions: &[AdmissionRow]) -> (Findings, i64) {
        self.geometry.finish(admissions)
    }
}
