//! Laws 1 to 3, and what law 4 says of signatures, for a range of records. No IO.

use std::collections::HashSet;

use chancery_store::Run;
use chancery_store::audit::{PAYLOAD_BYTES, RecordRow};
use sha2::{Digest, Sha256};

use crate::claims::{Claim, Claims, made_by};
use crate::ranges::{Batch, Part, Range};
use crate::report::{Findings, Law};
use crate::ring::Ring;

/// The check of a range, whose rows come in portions.
#[derive(Debug)]
pub(crate) struct RangeCheck {
    first: i64,
    last: i64,
    /// What is left of the range's parts; the first is the one that the check is at.
    parts: std::vec::IntoIter<Part>,
    part: Option<Part>,
    /// Its place among all.
    at: usize,
    /// Bytes of the payloads of each part that were read.
    bytes: Vec<u64>,
    expected: i64,
    missing: Gap,
    unsigned: Gap,
    findings: Findings,
}

/// Consecutive records of which the same is to be said.
#[derive(Debug)]
struct Gap {
    law_text: &'static str,
    open: Option<(i64, i64)>,
}

/// A payload: its length, and what it is unless it is longer than it may be.
type Payload<'r> = (i32, Option<&'r [u8]>);

impl RangeCheck {
    pub(crate) fn new(range: Range, shown: usize) -> Self {
        let Range { first, last, parts } = range;
        let bytes = vec![0; parts.len()];
        let mut parts = parts.into_iter();
        Self {
            first,
            last,
            part: parts.next(),
            at: 0,
            bytes,
            parts,
            expected: first,
            missing: Gap { law_text: "missing", open: None },
            unsigned: Gap { law_text: "without a signature", open: None },
            findings: Findings::new(shown),
        }
    }

    /// How many records the range has.
    pub(crate) const fn records(&self) -> u64 {
        self.last.abs_diff(self.first) + 1
    }

    /// Bytes of the payloads of each part, as far as they were read.
    pub(crate) fn bytes_of_parts(&self) -> &[u64] {
        &self.bytes
    }

    /// The next rows, in the order of their records; all rows of a record come at once. A record or signature that
    /// stands twice gives several.
    pub(crate) fn rows(&mut self, rows: &[RecordRow], run: &Run, ring: &Ring) {
        let mut claims = Claims::default();
        for rows in rows.chunk_by(|one, other| one.record == other.record) {
            self.record(rows, run, &mut claims);
        }
        claims.check(&run.name, ring, &mut self.findings);
    }

    fn record<'r>(&mut self, rows: &'r [RecordRow], run: &Run, claims: &mut Claims<'r>) {
        let record = rows[0].record;
        self.absent_up_to(record - 1);
        self.expected = record + 1;
        while self.part.as_ref().is_some_and(|part| part.last < record) {
            self.part = self.parts.next();
            self.at += 1;
        }
        let batch = self.part.as_ref().filter(|part| part.first <= record).map(|part| &*part.batch);

        let findings = &mut self.findings;
        let (payloads, signatures) = distinct(rows);
        findings.counts.records += payloads.len() as u64;
        findings.counts.signatures += signatures.len() as u64;
        match payloads.as_slice() {
            [] => self.missing.add(record, findings),
            [(bytes, _)] => {
                check_payload(record, *bytes, batch, findings);
                if let Some(of_part) = self.bytes.get_mut(self.at) {
                    *of_part += u64::from(bytes.unsigned_abs());
                }
            }
            _ => findings.violated(Law::EveryRecordOnce, record, || {
                format!("record {record} stands {} times", payloads.len())
            }),
        }
        for row in rows {
            check_digest(row, findings);
        }
        match signatures.as_slice() {
            [] => self.unsigned.add(record, findings),
            [_] => {}
            _ => findings.violated(Law::EveryRecordOnce, record, || {
                format!("record {record} has {} signatures", signatures.len())
            }),
        }
        for row in signatures {
            // A signature of nothing, or under no lease, is named by the laws 1 and 4.
            if let (Some((_, Some(payload))), Some(key)) = (payloads.first(), row.key_id) {
                let (made_by, signature) = (made_by(batch), row.signature.as_deref().unwrap_or_default());
                claims.add(Claim { record, key, made_by, payload, signature });
            }
            check_origin(run, row, batch, findings);
        }
    }

    fn absent_up_to(&mut self, last: i64) {
        self.missing.add_all(self.expected, last, &mut self.findings);
        self.unsigned.add_all(self.expected, last, &mut self.findings);
    }

    /// The end of the range.
    pub(crate) fn finish(mut self) -> Findings {
        self.absent_up_to(self.last);
        self.missing.close(&mut self.findings);
        self.unsigned.close(&mut self.findings);
        self.findings
    }
}

/// Law 7: what a ring knows a payload by is made of that payload.
fn check_digest(row: &RecordRow, findings: &mut Findings) {
    if let (Some(payload), Some(digest)) = (&row.payload, &row.digest)
        && Sha256::digest(payload)[..] != digest[..]
    {
        let record = row.record;
        findings.violated(Law::EveryArrival, record, || {
            format!("record {record} has a digest that is not the SHA-256 of its payload")
        });
    }
}

/// The payloads and the rows with signatures, each stored row once.
fn distinct(rows: &[RecordRow]) -> (Vec<Payload<'_>>, Vec<&RecordRow>) {
    let (mut seen_records, mut seen_signatures) = (HashSet::new(), HashSet::new());
    // Nearly always there is one row, and nothing to compare.
    let is_new = |seen: &mut HashSet<u64>, place| rows.len() == 1 || seen.insert(place);
    let (mut payloads, mut signatures) = (Vec::with_capacity(1), Vec::with_capacity(1));
    for row in rows {
        if let (Some(place), Some(bytes)) = (row.record_row, row.payload_bytes)
            && is_new(&mut seen_records, place)
        {
            payloads.push((bytes, row.payload.as_deref()));
        }
        if let Some(place) = row.signature_row
            && is_new(&mut seen_signatures, place)
        {
            signatures.push(row);
        }
    }
    (payloads, signatures)
}

/// A payload has a size that it may have, and those of a batch add up to what its row says.
fn check_payload(record: i64, bytes: i32, batch: Option<&Batch>, findings: &mut Findings) {
    if bytes > PAYLOAD_BYTES {
        findings.violated(Law::EveryRecordOnce, record, || {
            format!("record {record} has {bytes} bytes, more than {PAYLOAD_BYTES}")
        });
    }
    if let Some(batch) = batch {
        batch.add_and_compare(1, u64::from(bytes.unsigned_abs()), findings);
    }
}

/// Law 3 and law 4: the signature was stored under the lease that its batch names, while that was held.
fn check_origin(run: &Run, row: &RecordRow, batch: Option<&Batch>, findings: &mut Findings) {
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
    if let Some(batch) = batch.map(|batch| &batch.row)
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
        let records = last.abs_diff(first) + 1;
        findings.violated_times(Law::EveryRecordOnce, records, first, || {
            if records == 1 {
                format!("record {first} is {text}")
            } else {
                format!("the records {first} to {last} are {text}")
            }
        });
    }
}

#[cfg(test)]
mod tests;
