//! Allocations per record. What is counted is asked of Rust's allocator; AWS-LC has the C library's.

use std::path::Path;

use allocation_counter::measure;
use chancery_keyring::{Algorithm, BatchOutcome, Signatures, SigningKey};
use chancery_kit::{SeededRun, TestLedger, TestRun};
use chancery_process::read_data_key_file;
use chancery_store::SignerSession;
use chancery_store::lease::{Acquired, Library, Payloads};

use crate::bounds::hold;
use crate::keys::{key, payloads};

/// What grows with the batch, and not what a batch costs whatever its size.
fn a_record(of: impl Fn(usize) -> u64) -> f64 {
    const RECORDS: usize = 1_000;
    (of(2 * RECORDS) as f64 - of(RECORDS) as f64) / RECORDS as f64
}

#[test]
fn signing_takes_no_more_allocations_than_before() {
    for algorithm in [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa] {
        let key = key(algorithm);
        let allocations = a_record(|records| {
            let payloads = payloads(records);
            let mut signatures = Signatures::new(key.signature_len());
            let outcome = measure(|| {
                let payloads = payloads.iter().map(Vec::as_slice);
                let outcome = key.sign_batch(records as u64, payloads, || true, &mut signatures);
                assert_eq!(outcome, Ok(BatchOutcome::Complete));
            });
            outcome.count_total
        });
        hold(&format!("allocations per record signed with {algorithm}"), allocations);
    }
}

#[test]
fn a_record_takes_no_more_allocations_than_before_from_the_ledger_and_back() {
    // One thread: only its allocations are counted.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let ledger = runtime.block_on(TestLedger::new()).expect("a ledger");
    let allocations = a_record(|batch| {
        let (mut session, run) = runtime.block_on(first_batch_signed(&ledger, batch)).expect("a run");
        let data_key_file = run.data_key_file.clone();
        let (mut payloads, mut signatures) = (Payloads::default(), Signatures::new(64));
        measure(|| {
            runtime
                .block_on(sign_batch(&mut session, &run, &data_key_file, &mut payloads, &mut signatures))
                .expect("a batch is signed");
        })
        .count_total
    });
    hold("allocations per record fetched, signed with EdDSA and stored", allocations);
}

/// A run of two batches, and a session that has signed the first: its statements are prepared.
async fn first_batch_signed(
    ledger: &TestLedger,
    batch: usize,
) -> anyhow::Result<(SignerSession, SeededRun<'_>)> {
    let size = i64::try_from(batch)?;
    let run = TestRun::new().named(&format!("of-{batch}")).records(2 * size).batch_size(size).keys(1);
    let run = run.seeded(ledger).await?;
    let mut session = run.session("one").await?;
    let (mut payloads, mut signatures) = (Payloads::default(), Signatures::new(64));
    sign_batch(&mut session, &run, &run.data_key_file, &mut payloads, &mut signatures).await?;
    Ok((session, run))
}

async fn sign_batch(
    session: &mut SignerSession,
    run: &SeededRun<'_>,
    data_key_file: &Path,
    payloads: &mut Payloads,
    signatures: &mut Signatures,
) -> anyhow::Result<()> {
    let (Acquired::Leased(lease), _) = session.acquire().await? else { anyhow::bail!("nothing to lease") };
    let data_key = read_data_key_file(data_key_file)?;
    let wrapped = session.key(&lease).await?.wrapped;
    let key = SigningKey::open(&data_key, run.run.keyring.uid, lease.key, Algorithm::EdDsa, &wrapped)?;
    session.fetch(lease.first_record, lease.last_record, payloads).await?;
    anyhow::ensure!(
        key.sign_batch(lease.records(), payloads.iter(), || true, signatures)? == BatchOutcome::Complete
    );
    let signatures: Vec<&[u8]> = signatures.iter().collect();
    session.store(&lease, &signatures, Library::AwsLcRs).await?;
    Ok(())
}
