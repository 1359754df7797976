//! A run whose every field is known to be good.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::algorithm::Algorithm;
use crate::manifest::Problem;
use crate::names::DEFAULT_NAMESPACE;
use crate::signer_template::SignerTemplate;
use crate::signing_run::{DeletionPolicy, SigningRun, SigningRunSpec};

/// A run that passed every check, with its defaults filled in.
///
/// Only [`validate`](crate::validate) makes one, so whoever is given one need not check
/// anything again.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ValidatedRun {
    /// Namespace of the run; `default` if the manifest names none.
    pub namespace: String,
    /// Name of the run, unique within its namespace: a DNS label of at most 52 characters.
    pub name: String,
    /// Number of records, 1 to 1,000,000,000.
    pub record_count: u64,
    /// Size of each record in bytes, 1 to 65,536.
    pub record_size: u32,
    /// Number of keys, 1 to 10,000.
    pub key_count: u32,
    /// Number of records in each batch but the last, 1 to 100,000.
    pub batch_size: u32,
    /// Number of signers at a time, 1 to 1,000.
    pub parallelism: u32,
    /// Signature algorithm.
    pub algorithm: Algorithm,
    /// Size of each key in bits, 2048 unless given, for the RSA algorithms; else none.
    pub key_size: Option<u32>,
    /// Time for which a lease is granted, 5 s to 1 h.
    pub lease_duration: Duration,
    /// Whether no signer is to work now.
    pub suspend: bool,
    /// How long the run may be under way before it fails, if there is a limit.
    pub active_deadline: Option<Duration>,
    /// How long the run is kept once it is finished, if it is not kept for good.
    pub ttl_after_finished: Option<Duration>,
    /// Number of signer pods that may fail before the run counts as failed, 0 to 1,000.
    pub backoff_limit: u32,
    /// How the signer pods are to be made.
    pub signer_template: SignerTemplate,
    /// What becomes of the run's part of the ledger when the run is deleted.
    pub deletion_policy: DeletionPolicy,
}

impl ValidatedRun {
    /// Takes over the fields of a run that the schema and its rules have passed.
    ///
    /// # Errors
    ///
    /// A value does not fit its type, which the schema's bounds rule out.
    pub(crate) fn from_checked(run: &SigningRun) -> Result<Self, Problem> {
        // No `..`: a field that is added to the spec must be thought of here.
        let SigningRunSpec {
            record_count,
            record_size,
            key_count,
            batch_size,
            parallelism,
            algorithm,
            key_size,
            lease_duration,
            suspend,
            active_deadline_seconds,
            ttl_seconds_after_finished,
            backoff_limit,
            signer_template,
            deletion_policy,
        } = &run.spec;
        let metadata = &run.metadata;
        let key_size = match key_size {
            Some(bits) => Some(fitting("spec.keySize", *bits)?),
            None if algorithm.is_rsa() => Some(2048),
            None => None,
        };
        Ok(Self {
            namespace: metadata.namespace.clone().unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned()),
            name: metadata.name.clone().unwrap_or_default(),
            record_count: fitting("spec.recordCount", *record_count)?,
            record_size: fitting("spec.recordSize", *record_size)?,
            key_count: fitting("spec.keyCount", *key_count)?,
            batch_size: fitting("spec.batchSize", *batch_size)?,
            parallelism: fitting("spec.parallelism", *parallelism)?,
            algorithm: *algorithm,
            key_size,
            lease_duration: lease_duration
                .to_std()
                .map_err(|error| Problem::new("spec.leaseDuration", error.to_string()))?,
            suspend: *suspend,
            active_deadline: seconds("spec.activeDeadlineSeconds", *active_deadline_seconds)?,
            ttl_after_finished: seconds("spec.ttlSecondsAfterFinished", *ttl_seconds_after_finished)?,
            backoff_limit: fitting("spec.backoffLimit", *backoff_limit)?,
            signer_template: signer_template.clone().unwrap_or_default(),
            deletion_policy: *deletion_policy,
        })
    }

    /// Number of batches: batches are numbered from 1 to this.
    pub fn batches(&self) -> u64 {
        self.record_count.div_ceil(u64::from(self.batch_size))
    }

    /// The numbers of the records in a batch. Every batch holds `batch_size` records but
    /// the last, which may hold fewer. A batch that the run does not have holds none.
    pub fn batch_records(&self, batch: u64) -> RangeInclusive<u64> {
        if batch == 0 || batch > self.batches() {
            return RangeInclusive::new(1, 0);
        }
        let size = u64::from(self.batch_size);
        let first = (batch - 1) * size + 1;
        first..=(batch * size).min(self.record_count)
    }

    /// The number of the batch that holds a record, if the run has that record.
    pub fn batch_of(&self, record: u64) -> Option<u64> {
        (1..=self.record_count).contains(&record).then(|| (record - 1) / u64::from(self.batch_size) + 1)
    }
}

fn seconds(path: &str, value: Option<i64>) -> Result<Option<Duration>, Problem> {
    value.map(|seconds| fitting(path, seconds).map(Duration::from_secs)).transpose()
}

fn fitting<From, To: TryFrom<From>>(path: &str, value: From) -> Result<To, Problem>
where
    From: Copy + std::fmt::Display,
{
    To::try_from(value).map_err(|_| Problem::new(path, format!("{value} is out of range")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(record_count: i64, batch_size: i32) -> ValidatedRun {
        let spec = SigningRunSpec::new(record_count, 1, batch_size);
        crate::validate(&SigningRun::new("demo", spec)).unwrap()
    }

    #[test]
    fn a_last_batch_may_be_short() {
        let run = run(1_050, 100);
        assert_eq!(run.batches(), 11);
        assert_eq!(run.batch_records(1), 1..=100);
        assert_eq!(run.batch_records(11), 1_001..=1_050);
    }

    #[test]
    fn a_batch_may_be_larger_than_the_run() {
        let run = run(7, 100);
        assert_eq!(run.batches(), 1);
        assert_eq!(run.batch_records(1), 1..=7);
    }

    #[test]
    fn what_the_run_does_not_have_is_in_no_batch() {
        let run = run(10, 3);
        assert!(run.batch_records(0).is_empty());
        assert!(run.batch_records(5).is_empty());
        assert!(run.batch_records(u64::MAX).is_empty());
        assert_eq!(run.batch_of(0), None);
        assert_eq!(run.batch_of(11), None);
    }

    #[test]
    fn the_largest_run_has_its_last_record_in_its_last_batch() {
        let run = run(1_000_000_000, 1);
        assert_eq!(run.batches(), 1_000_000_000);
        assert_eq!(run.batch_of(1_000_000_000), Some(1_000_000_000));
    }

    #[test]
    fn the_key_size_is_2048_for_rsa_and_none_for_the_rest() {
        for algorithm in Algorithm::ALL {
            let mut spec = SigningRunSpec::new(1, 1, 1);
            spec.algorithm = algorithm;
            let run = crate::validate(&SigningRun::new("demo", spec)).unwrap();
            assert_eq!(run.key_size, algorithm.is_rsa().then_some(2048), "{algorithm}");
        }
    }

    proptest! {
        #[test]
        fn batches_partition_the_records_and_only_the_last_may_be_short(
            record_count in 1_i64..5_000, batch_size in 1_i32..600,
        ) {
            let run = run(record_count, batch_size);
            let mut next = 1;
            for batch in 1..=run.batches() {
                let records = run.batch_records(batch);
                prop_assert_eq!(*records.start(), next);
                let size = records.end() - records.start() + 1;
                if batch < run.batches() {
                    prop_assert_eq!(size, u64::from(run.batch_size));
                } else {
                    prop_assert!((1..=u64::from(run.batch_size)).contains(&size));
                }
                for record in records.clone() {
                    prop_assert_eq!(run.batch_of(record), Some(batch));
                }
                next = records.end() + 1;
            }
            prop_assert_eq!(next, run.record_count + 1);
        }

        #[test]
        fn a_record_is_in_the_batch_it_is_said_to_be_in(
            record_count in 1_i64..=1_000_000_000, batch_size in 1_i32..=100_000, at in 0.0..1.0_f64,
        ) {
            let run = run(record_count, batch_size);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
            let record = ((run.record_count as f64 * at) as u64 + 1).min(run.record_count);
            let batch = run.batch_of(record).unwrap();
            prop_assert!(run.batch_records(batch).contains(&record));
        }
    }
}
