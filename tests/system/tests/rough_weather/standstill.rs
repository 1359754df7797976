//! A run that stands still says why, and a person can help it.

use chancery_kit::{Chancery, Manifest, TestLedger, TestRun};

use crate::leased;

#[tokio::test]
async fn a_run_whose_keys_the_dead_hold_says_so_and_goes_on_when_their_leases_end() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().keys(1).seeded(&ledger).await?;
    let mut vanished = run.session("vanished").await?;
    leased(&mut vanished).await?;
    // Two thirds of its time are over.
    ledger.execute("UPDATE chancery.leases SET expires_at = clock_timestamp() + duration / 3").await?;
    let chancery = Chancery::on(&ledger.url)?;
    let kek = run.kek_file.to_str().unwrap_or_default();
    let ended =
        chancery.sign(&Manifest::new().with("keyCount", 1), &["--kek-file", kek]).await?.expect_code(0)?;
    for words in ["nothing was signed for", "(vanished)", "`chancery lease release demo HOLDER`"] {
        assert!(ended.stderr.contains(words), "{words:?} is not in: {}", ended.stderr);
    }
    Ok(())
}

#[tokio::test]
async fn what_the_dead_hold_is_listed_and_given_back_at_once() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().keys(1).seeded(&ledger).await?;
    let mut vanished = run.session("host/1-a/0.0").await?;
    leased(&mut vanished).await?;
    let chancery = Chancery::on(&ledger.url)?;

    let listed = chancery.run(&["lease", "list", "demo", "-o", "json"]).await?.expect_code(0)?.json()?;
    let lease = &listed["leases"][0];
    assert_eq!(
        (&lease["holder"], &lease["run"]),
        (&"host/1-a/0.0".into(), &"default/demo".into()),
        "{listed}"
    );
    assert_eq!(lease["renewedInTime"], true, "{listed}");
    assert!(lease["secondsLeft"].as_f64().is_some_and(|left| (1.0..=30.0).contains(&left)), "{listed}");
    let table = chancery.run(&["lease", "list", "demo"]).await?.expect_code(0)?.stdout;
    assert!(table.contains("HOLDER") && table.contains("host/1-a/0.0"), "{table}");

    let wrong = chancery.run(&["lease", "release", "demo", "host/1-a/0.1"]).await?.expect_code(2)?;
    assert!(wrong.stderr.contains("no lease is open of host/1-a/0.1"), "{}", wrong.stderr);
    let released = chancery.run(&["lease", "release", "demo", "host/1-a/0.0"]).await?.expect_code(0)?;
    assert!(released.stdout.contains("gave back 1 lease"), "{}", released.stdout);
    let listed = chancery.run(&["lease", "list", "demo"]).await?.expect_code(0)?;
    assert!(listed.stdout.contains("no key of default/demo is in anybody's hands"), "{}", listed.stdout);
    run.finish().await
}
