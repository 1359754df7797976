//! A standby becomes the primary that does not have all that was committed: what is lost, and what shows it,
//! as `docs/operating/standbys.md` says.

use chancery_keyring::SigningKey;
use chancery_kit::{Chancery, Manifest, Pair, Replication, SeededRun, TestLedger, TestRun, program};
use chancery_store::lease::{Acquired, Lease, Library, Payloads};
use chancery_store::{LedgerUrl, SignerSession, StoreError};

/// The commands of `docs/operating/standbys.md` that show which signatures are gone.
fn documented_comparison() -> anyhow::Result<String> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/operating/standbys.md");
    let page = std::fs::read_to_string(page)?;
    let line = page.lines().find(|line| line.starts_with("comm -23 "));
    Ok(line.ok_or_else(|| anyhow::anyhow!("the page has no such line"))?.to_owned())
}

#[tokio::test]
async fn what_an_asynchronous_standby_has_lost_is_shown_by_an_earlier_export() -> anyhow::Result<()> {
    let Some(pair) = Pair::start(Replication::Asynchronous).await? else { return Ok(()) };
    let url = pair.url("ledger");
    url.parse::<LedgerUrl>()?.create_database().await?;
    let chancery = Chancery::on(&url)?;
    let (kept, demo) = (Manifest::new().named("kept"), Manifest::new());
    chancery.sign(&kept, &[]).await?.expect_code(0)?;
    chancery.sign(&demo.clone().with("suspend", true), &[]).await?.expect_code(0)?;
    pair.catch_up_and_stop_standby().await?;

    // Signed, committed, audited and exported, and never replicated.
    chancery.sign(&demo, &[]).await?.expect_code(0)?;
    let export = async |run: &str| chancery.run(&["export", run, "signatures"]).await?.expect_code(0);
    for run in ["kept", "demo"] {
        chancery.write(&format!("{run}.jsonl"), &export(run).await?.stdout)?;
    }
    pair.fail_over().await?;

    // Until it is signed anew, the run is merely one that is not finished. Once it is, no law is broken.
    let unfinished = chancery.run(&["verify", "demo"]).await?.expect_code(1)?;
    assert!(unfinished.stdout.contains("BROKEN  law 1"), "{}", unfinished.stdout);
    // The run is still suspended there: that it was resumed is lost too.
    chancery.sign(&demo, &[]).await?.expect_code(0)?;
    for run in ["kept", "demo"] {
        chancery.run(&["verify", run]).await?.expect_code(0)?;
    }

    let chancery_program = program("chancery");
    let folder = chancery_program.parent().and_then(|folder| folder.to_str()).unwrap_or_default();
    for (run, lost) in [("kept", 0), ("demo", 200)] {
        let line =
            documented_comparison()?.replace("demo", run).replace("earlier.jsonl", &format!("{run}.jsonl"));
        let output = tokio::process::Command::new("bash")
            .args(["-c", &format!("set -euo pipefail; PATH={folder}:$PATH; export LC_ALL=C; {line}")])
            .env("DATABASE_URL", &url)
            .current_dir(chancery.folder())
            .output()
            .await?;
        assert!(output.status.success(), "{output:?}");
        assert_eq!(String::from_utf8(output.stdout)?.lines().count(), lost, "{run}: {line}");
    }
    Ok(())
}

async fn leased(session: &mut SignerSession) -> anyhow::Result<Lease> {
    match session.acquire().await? {
        (Acquired::Leased(lease), _) => Ok(lease),
        (other, _) => anyhow::bail!("nothing was leased: {other:?}"),
    }
}

/// True signatures of a lease's batch with its key.
async fn signed(
    run: &SeededRun<'_>,
    session: &mut SignerSession,
    lease: &Lease,
) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut payloads = Payloads::default();
    session.fetch(lease.first_record, lease.last_record, &mut payloads).await?;
    let data_key = run.data_key()?;
    let algorithm = run.run.keyring.algorithm.parse()?;
    let wrapped = session.key(lease).await?.wrapped;
    let key = SigningKey::open(&data_key, run.run.keyring.uid, lease.key, algorithm, &wrapped)?;
    let sign = |payload: &[u8]| {
        let mut signature = Vec::new();
        key.sign(payload, &mut signature).map(|()| signature)
    };
    Ok(payloads.iter().map(sign).collect::<Result<_, _>>()?)
}

#[tokio::test]
async fn the_holder_of_a_lost_lease_stores_nothing_under_an_id_that_is_given_out_again() -> anyhow::Result<()>
{
    let Some(pair) = Pair::start(Replication::Asynchronous).await? else { return Ok(()) };
    let ledger = TestLedger::at(&pair.url("ledger")).await?;
    let run = TestRun::new().keys(2).records(20).batch_size(10).seeded(&ledger).await?;
    // Before the first lease: the standby knows of no id that was given out.
    pair.catch_up_and_stop_standby().await?;

    let mut one = run.session("one").await?;
    let first = leased(&mut one).await?;
    let second = leased(&mut one).await?;
    let signatures = signed(&run, &mut one, &first).await?;
    one.store(&first, &signatures.iter().map(Vec::as_slice).collect::<Vec<_>>(), Library::AwsLcRs).await?;
    assert!(one.abandon(&second).await?);
    let held = leased(&mut one).await?;
    let late = signed(&run, &mut one, &held).await?;
    pair.fail_over().await?;

    // On the new primary none of that has happened, and what does happen differs.
    let mut two = run.session("two").await?;
    let other = leased(&mut two).await?;
    let given_back = leased(&mut two).await?;
    assert!(two.abandon(&given_back).await?);
    let again = leased(&mut two).await?;
    assert_eq!((again.id, again.batch), (held.id, held.batch), "id and batch are given out once more");
    assert_ne!(again.key, held.key, "with another key");

    // The signer of the lost lease connects again. Its lease is not the one that has the id now.
    let mut one = run.session("one").await?;
    assert_eq!(one.renew(&held).await?, None);
    assert!(!one.abandon(&held).await?);
    let stored =
        one.store(&held, &late.iter().map(Vec::as_slice).collect::<Vec<_>>(), Library::AwsLcRs).await;
    assert!(matches!(stored, Err(StoreError::LeaseLost(_))), "{stored:?}");
    assert!(two.renew(&again).await?.is_some(), "it is not touched");
    for lease in [other, again] {
        assert!(two.abandon(&lease).await?);
    }
    run.finish().await
}
