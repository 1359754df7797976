//! Laws 1 to 3, and what law 4 says of signatures, for a range of records. No IO.

use std::collections::{BTreeMap, HashMap, HashSet};

use chancery_store::Run;
use chancery_store::audit::{BatchRow, RecordRow};

use crate::report::{Findings, Law};
use crate::ring::Ring;

/// Consecutive records with their signatures, and the batches they belong to.
#[derive(Debug)]
pub(crate) struct Range {
    pub(crate) first: i64,
    pub(crate) last: i64,
    /// In the order of their records; a record or signature that stands twice gives several.
    pub(crate) rows: Vec<RecordRow>,
    /// Every batch that has a record in the range.
    pub(crate) batches: Vec<BatchRow>,
}

/// Consecutive records of which the same is to be said.
struct Gap {
    law_text: &'static str,
    open: Option<(i64, i64)>,
}

impl Range {
    pub(crate) fn check(&self, run: &Run, ring: &Ring, shown: usize) -> Findings {
        let mut findings = Findings::new(shown);
        self.check_batches(run, &mut findings);
        self.check_records(run, ring, &mut findings);
        findings
    }

    /// Law 3: each batch that begins in this range stands once, with its records, signed under a lease
    /// of its own.
    fn check_batches(&self, run: &Run, findings: &mut Findings) {
        let mut found: BTreeMap<i64, Vec<&BatchRow>> = BTreeMap::new();
        for row in &self.batches {
            found.entry(row.batch).or_default().push(row);
        }
        let size = run.batch_size;
        let mut batch = (self.first - 1 + size - 1) / size + 1;
        while (batch - 1) * size < self.last {
            let (first, last) = ((batch - 1) * size + 1, (batch * size).min(run.record_count));
            match found.get(&batch).map_or(&[][..], Vec::as_slice) {
                [] => findings.violated(Law::OneKeyABatch, batch, || format!("batch {batch} is missing")),
                [row] => {
                    findings.counts.batches += 1;
                    check_batch(row, first, last, findings);
                }
                rows => findings.violated(Law::OneKeyABatch, batch, || {
                    format!("batch {batch} stands {} times", rows.len())
                }),
            }
            batch += 1;
        }
    }

    fn check_records(&self, run: &Run, ring: &Ring, findings: &mut Findings) {
        let batches: HashMap<i64, &BatchRow> = self.batches.iter().map(|row| (row.batch, row)).collect();
        let mut missing = Gap { law_text: "missing", open: None };
        let mut unsigned = Gap { law_text: "without a signature", open: None };
        let mut expected = self.first;
        for rows in self.rows.chunk_by(|one, other| one.record == other.record) {
            let record = rows[0].record;
            missing.add_all(expected, record - 1, findings);
            unsigned.add_all(expected, record - 1, findings);
            expected = record + 1;

            let (payloads, signatures) = distinct(rows);
            findings.counts.records += payloads.len() as u64;
            findings.counts.signatures += signatures.len() as u64;
            match payloads.as_slice() {
                [] => missing.add(record, findings),
                [payload] => check_size(run, record, payload, findings),
                _ => findings.violated(Law::EveryRecordOnce, record, || {
                    format!("record {record} stands {} times", payloads.len())
                }),
            }
            match signatures.as_slice() {
                [] => unsigned.add(record, findings),
                [_] => {}
                _ => findings.violated(Law::EveryRecordOnce, record, || {
                    format!("record {record} has {} signatures", signatures.len())
                }),
            }
            for row in signatures {
                check_signature(run, ring, row, payloads.first().copied(), findings);
                check_origin(run, row, batches.get(&((record - 1) / run.batch_size + 1)).copied(), findings);
            }
        }
        missing.add_all(expected, self.last, findings);
        unsigned.add_all(expected, self.last, findings);
        missing.close(findings);
        unsigned.close(findings);
    }
}

/// The payloads and the rows with signatures, each stored row once.
fn distinct(rows: &[RecordRow]) -> (Vec<&[u8]>, Vec<&RecordRow>) {
    let (mut seen_records, mut seen_signatures) = (HashSet::new(), HashSet::new());
    let (mut payloads, mut signatures) = (Vec::with_capacity(1), Vec::with_capacity(1));
    for row in rows {
        if let (Some(place), Some(payload)) = (&row.record_row, &row.payload)
            && seen_records.insert(place)
        {
            payloads.push(payload.as_slice());
        }
        if let Some(place) = &row.signature_row
            && seen_signatures.insert(place)
        {
            signatures.push(row);
        }
    }
    (payloads, signatures)
}

fn check_batch(row: &BatchRow, first: i64, last: i64, findings: &mut Findings) {
    let BatchRow { batch, first_record, last_record, state, lease_id, lease_fits } = row;
    if (*first_record, *last_record) != (first, last) {
        findings.violated(Law::OneKeyABatch, *batch, || {
            format!(
                "batch {batch} holds the records {first_record} to {last_record} instead of {first} to {last}"
            )
        });
    }
    // That an unsigned one lacks signatures is a matter of law 1.
    let lease = || lease_id.map_or_else(|| "no lease".to_owned(), |id| format!("lease {id}"));
    let wrong = match state.as_str() {
        "signed" if !lease_fits => {
            format!("marked signed under {}, which is no signed lease of this batch", lease())
        }
        "leased" if !lease_fits => {
            format!("marked leased under {}, which is no open lease of this batch", lease())
        }
        "unsigned" if lease_id.is_some() => format!("marked unsigned, yet names {}", lease()),
        "signed" | "leased" | "unsigned" => return,
        other => format!("in the unknown state {other}"),
    };
    findings.violated(Law::OneKeyABatch, *batch, || format!("batch {batch} is {wrong}"));
}

fn check_size(run: &Run, record: i64, payload: &[u8], findings: &mut Findings) {
    if i32::try_from(payload.len()) != Ok(run.record_size) {
        findings.violated(Law::EveryRecordOnce, record, || {
            format!("record {record} has {} bytes instead of {}", payload.len(), run.record_size)
        });
    }
}

/// Law 2.
fn check_signature(run: &Run, ring: &Ring, row: &RecordRow, payload: Option<&[u8]>, findings: &mut Findings) {
    let record = row.record;
    // A signature of nothing, or under no lease, is named by the laws 1 and 4.
    let (Some(payload), Some(key)) = (payload, row.key_id) else { return };
    let signature = row.signature.as_deref().unwrap_or_default();
    let wrong = match ring.get(key) {
        None => format!("key {key} is not in the ring of {}", run.name),
        Some(entry) => match &entry.public {
            Err(reason) => reason.clone(),
            Ok(public) if public.verify(payload, signature) => {
                findings.counts.verified += 1;
                return;
            }
            Ok(_) => format!("it does not verify with key {key}"),
        },
    };
    findings.violated(Law::TrueSignatures, record, || {
        format!("the signature of record {record} is not true: {wrong}")
    });
}

/// Law 3 and law 4: the signature was stored under the lease that its batch names, while that was held.
fn check_origin(run: &Run, row: &RecordRow, batch: Option<&BatchRow>, findings: &mut Findings) {
    let record = row.record;
    let lease = row.lease_id.unwrap_or_default();
    let lost = match (&row.key_id, row.lease_run, row.lease_outcome.as_deref()) {
        (None, _, _) => Some("which is not in the log".to_owned()),
        (_, Some(other), _) if other != run.id => Some("which is one of another run".to_owned()),
        (_, _, Some("signed")) => None,
        (_, _, Some(outcome)) => Some(format!("which ended {outcome}")),
        (_, _, None) => Some("which is still open".to_owned()),
    };
    if let Some(lost) = lost {
        findings.violated(Law::NoSharedKey, record, || {
            format!("the signature of record {record} was stored under lease {lease}, {lost}")
        });
    }
    if let Some(batch) = batch
        && batch.lease_id != row.lease_id
    {
        findings.violated(Law::OneKeyABatch, record, || {
            let named = batch.lease_id.map_or_else(|| "none".to_owned(), |id| id.to_string());
            format!(
                "record {record} of batch {} was signed under lease {lease}, its batch under lease {named}",
                batch.batch
            )
        });
    }
}

impl Gap {
    fn add(&mut self, record: i64, findings: &mut Findings) {
        self.add_all(record, record, findings);
    }

    fn add_all(&mut self, first: i64, last: i64, findings: &mut Findings) {
        if first > last {
            return;
        }
        match &mut self.open {
            Some((_, end)) if *end + 1 == first => *end = last,
            _ => {
                self.close(findings);
                self.open = Some((first, last));
            }
        }
    }

    fn close(&mut self, findings: &mut Findings) {
        let Some((first, last)) = self.open.take() else { return };
        let text = self.law_text;
        let records = (last - first + 1).unsigned_abs();
        findings.violated_times(Law::EveryRecordOnce, records, first, || {
            if records == 1 {
                format!("record {first} is {text}")
            } else {
                format!("the records {first} to {last} are {text}")
            }
        });
    }
}
