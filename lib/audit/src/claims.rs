//! Law 2 of the signatures of a portion, those of one key together: many are verified faster than one by one. No IO.

use chancery_keyring::Library;
use chancery_store::lease;
use uuid::Uuid;

use crate::ranges::Batch;
use crate::report::{Findings, Law};
use crate::ring::Ring;

/// That a signature is one of a payload, by a key.
#[derive(Debug)]
pub(crate) struct Claim<'r> {
    pub(crate) record: i64,
    pub(crate) key: Uuid,
    pub(crate) made_by: Library,
    pub(crate) payload: &'r [u8],
    pub(crate) signature: &'r [u8],
}

/// What is still to be verified of a portion.
#[derive(Debug, Default)]
pub(crate) struct Claims<'r>(Vec<Claim<'r>>);

impl<'r> Claims<'r> {
    pub(crate) fn add(&mut self, claim: Claim<'r>) {
        self.0.push(claim);
    }

    /// Verifies each claim by another library than the one that signed.
    pub(crate) fn check(mut self, run: &str, ring: &Ring, findings: &mut Findings) {
        self.0.sort_by_key(|claim| (claim.key, claim.made_by));
        let is_alike =
            |one: &Claim<'_>, other: &Claim<'_>| (one.key, one.made_by) == (other.key, other.made_by);
        for claims in self.0.chunk_by(is_alike) {
            let Claim { key, made_by, .. } = claims[0];
            let wrong = match ring.get(key) {
                None => format!("key {key} is not in the ring of {run}"),
                Some(Err(reason)) => reason.clone(),
                Some(Ok(public)) => {
                    let pairs: Vec<_> = claims.iter().map(|claim| (claim.payload, claim.signature)).collect();
                    for (claim, is_true) in claims.iter().zip(public.verify_batch(made_by, &pairs)) {
                        if is_true {
                            findings.counts.verified += 1;
                        } else {
                            claim.is_wrong(&format!("it does not verify with key {key}"), findings);
                        }
                    }
                    continue;
                }
            };
            for claim in claims {
                claim.is_wrong(&wrong, findings);
            }
        }
    }
}

impl Claim<'_> {
    fn is_wrong(&self, why: &str, findings: &mut Findings) {
        let record = self.record;
        findings.violated(Law::TrueSignatures, record, || {
            format!("the signature of record {record} is not true: {why}")
        });
    }
}

/// What made the signatures of a batch, as its row says. Of what no batch claims, as for all that was signed before rows
/// said it.
pub(crate) fn made_by(batch: Option<&Batch>) -> Library {
    match batch.map(|batch| batch.row.library) {
        Some(lease::Library::Kernel) => Library::Kernel,
        Some(lease::Library::K256) => Library::K256,
        Some(lease::Library::Secp256k1) => Library::Secp256k1,
        Some(lease::Library::AwsLcRs) | None => Library::AwsLcRs,
    }
}

#[cfg(test)]
mod tests;
