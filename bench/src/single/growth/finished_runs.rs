//! A ledger that is not new.

use chancery_bench::{Bound, Chart, Effort, Figure, Line, Measured, Outcome, Samples, Table};
use chancery_keyring::{Algorithm, Signatures, SigningKey};
use chancery_store::lease::{Acquired, Library, Payloads};
use chancery_store::logins::sessions_for;
use chancery_store::{LedgerUrl, Run, SignerSession};

use super::SIGNERS;
use crate::signers;
use crate::site::Site;
use crate::work::Work;

const STEPS: [u64; 4] = [0, 10, 100, 1_000];

/// "No slowdown", by what pairs of the same differ.
const WANTED: Bound = Bound::AtLeast(0.95);

/// A new run's rate in an empty ledger, and in one that holds finished runs of ten records.
pub(crate) async fn measure(effort: Effort) -> Measured {
    let (empty, used) = (Site::start(&[]).await?, Site::start(&[]).await?);
    let mut table = Table::new(
        "A new run of EdDSA in batches of 100, 2 signers:",
        &["finished runs in the ledger", "signatures/s", "to create and seed it, s"],
    );
    let (mut points, mut finished) = (Vec::new(), 0);
    for step in effort.steps(&STEPS) {
        let step = step / effort.divide;
        while finished < step {
            finish_one(&used, finished).await?;
            finished += 1;
        }
        let (rate, seeding) = new_run(&used, effort).await?;
        table.row([step.into(), rate.into(), seeding.into()]);
        #[expect(clippy::cast_precision_loss, reason = "a thousand")]
        points.push((step.max(1) as f64, rate));
    }
    let mut samples = Samples::default();
    for _ in 0..effort.pairs {
        let alone = new_run(&empty, effort).await?.0;
        samples.add(new_run(&used, effort).await?.0 / alone);
    }
    let figure =
        Figure::new(format!("rate beside {finished} finished runs / in an empty ledger"), samples, WANTED);
    let chart = Chart {
        name: "finished-runs".to_owned(),
        title: "Signing rate of a new run beside finished ones (EdDSA)".to_owned(),
        x: "finished runs in the ledger (none is shown as 1)".to_owned(),
        y: "signatures per second".to_owned(),
        lines: vec![Line { name: "EdDSA".to_owned(), points }],
    };
    Ok(Outcome { figures: vec![figure], tables: vec![table], charts: vec![chart], ..Outcome::default() })
}

async fn new_run(site: &Site, effort: Effort) -> anyhow::Result<(f64, f64)> {
    let (run, seeding) = site.seed("bench", &Work::new("EdDSA", effort.of(200_000, 2_000), 100, 100)).await?;
    let signed = signers::sign(site, &run, SIGNERS).await?;
    site.delete(&run).await?;
    Ok((signed.rate, seeding))
}

/// Creates, signs and settles a small run, as signers do, without starting one.
async fn finish_one(site: &Site, number: u64) -> anyhow::Result<()> {
    let (run, _) = site.seed(&format!("finished-{number}"), &Work::new("EdDSA", 10, 1, 10)).await?;
    let login = site.ledger.make_login(&run, sessions_for(1)).await?;
    let url = site.url.parse::<LedgerUrl>()?.for_login(&login)?.parse()?;
    let (mut session, _) = SignerSession::connect(&url, &run.namespace, &run.name, "bench").await?;
    sign(site, &run, &mut session).await?;
    site.ledger.settle(&run).await?;
    Ok(())
}

async fn sign(site: &Site, run: &Run, session: &mut SignerSession) -> anyhow::Result<()> {
    let data_key = site.data_key(run).await?;
    let (mut payloads, mut signatures) = (Payloads::default(), Signatures::new(64));
    loop {
        let lease = match session.acquire().await?.0 {
            Acquired::Leased(lease) => lease,
            Acquired::Complete => return Ok(()),
            other => anyhow::bail!("a run of one's own, and yet {other:?}"),
        };
        session.fetch(lease.first_record, lease.last_record, &mut payloads).await?;
        let wrapped = session.key(&lease).await?.wrapped;
        let key = SigningKey::open(&data_key, run.keyring.uid, lease.key, Algorithm::EdDsa, &wrapped)?;
        signatures.clear();
        let _complete = key.sign_batch(lease.records(), payloads.iter(), || true, &mut signatures)?;
        session.store(&lease, &signatures.iter().collect::<Vec<_>>(), Library::AwsLcRs).await?;
    }
}
