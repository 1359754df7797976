//! Statements are made, once, whatever the run is like.

use chancery_kit::Manifest;

use crate::World;

/// Both statements about a run that was the first of its ledger, and that the ledger holds what they say.
async fn is_stated(manifest: &Manifest) -> anyhow::Result<()> {
    let world = World::new().await?;
    let summary = world.sign(manifest).await?;
    assert_eq!(summary["audit"], "passed");
    let statements = &summary["statements"];
    assert_eq!(statements["sealed"]["number"], 1, "{summary}");
    assert_eq!(statements["signed"]["number"], 2, "{summary}");
    let kept = world.keep("demo").await?;
    assert_ne!(world.independent(&kept).await?, Some(false));
    world.assert_holds("demo", &[&kept]).await
}

#[tokio::test]
async fn a_run_of_every_algorithm_is_stated_when_it_is_sealed_and_when_it_is_signed() -> anyhow::Result<()> {
    for algorithm in ["RS256", "PS256", "ES256", "EdDSA"] {
        is_stated(&Manifest::new().of(45, 3, 10).with("algorithm", algorithm)).await?;
    }
    Ok(())
}

#[tokio::test]
async fn records_without_a_byte_and_batches_of_one_are_stated() -> anyhow::Result<()> {
    is_stated(&Manifest::new().of(7, 2, 1).with("recordSize", 0)).await
}

#[tokio::test]
async fn large_records_are_stated() -> anyhow::Result<()> {
    is_stated(&Manifest::new().of(70, 2, 50).with("recordSize", 1_048_576)).await
}

#[tokio::test]
async fn a_batch_that_is_larger_than_what_is_hashed_at_a_time_is_stated() -> anyhow::Result<()> {
    is_stated(&Manifest::new().of(45_000, 2, 41_000)).await
}

#[tokio::test]
async fn runs_of_one_ring_are_stated_one_after_the_other_in_one_chain() -> anyhow::Result<()> {
    let world = World::new().await?;
    let manifest = Manifest::new().with("keyringRef", "{name: shared}");
    let one = world.sign(&manifest.clone().named("one")).await?;
    let two = world.sign(&manifest.named("two")).await?;
    assert_eq!(one["statements"]["signed"]["number"], 2);
    assert_eq!(two["statements"]["signed"]["number"], 4);
    let (first, second) = (world.keep("one").await?, world.keep("two").await?);
    for run in ["one", "two"] {
        world.assert_holds(run, &[&first, &second]).await?;
    }
    // The ring's log goes on in other runs, and forgets nothing that a statement about a run in the ledger speaks of.
    world.chancery.run(&["delete", "one"]).await?.expect_code(0)?;
    world.assert_holds("two", &[&second]).await
}

#[tokio::test]
async fn a_suspended_run_is_stated_once_it_goes_on_and_its_keys_are_made() -> anyhow::Result<()> {
    let world = World::new().await?;
    let held = Manifest::new().with("suspend", true);
    let summary = world.sign(&held).await?;
    assert!(summary["statements"]["sealed"].is_null(), "it has no public keys yet: {summary}");
    assert!(summary["statements"]["signed"].is_null(), "{summary}");
    let summary = world.sign(&Manifest::new()).await?;
    let kept = world.keep("demo").await?;
    assert_eq!(summary["statements"]["sealed"]["number"], 1, "{summary}");
    assert_eq!(summary["statements"]["signed"]["number"], 2, "{summary}");
    world.assert_holds("demo", &[&kept]).await
}

#[tokio::test]
async fn the_table_of_a_run_shows_its_last_statement() -> anyhow::Result<()> {
    let world = World::new().await?;
    let ended = world.chancery.sign(&Manifest::new(), &[]).await?.expect_code(0)?;
    assert!(ended.stderr.contains("made the statement key"), "{}", ended.stderr);
    let kept = std::fs::read_to_string(world.keep("demo").await?)?;
    let last: serde_json::Value = serde_json::from_str(kept.lines().last().unwrap_or_default())?;
    let body = base64::Engine::decode(
        &base64::engine::general_purpose::STANDARD,
        last["payload"].as_str().unwrap_or_default(),
    )?;
    let hash = chancery_statement::Digest::of(&body).to_string();
    assert!(ended.stdout.contains(&format!("\nstatement 2, SHA-256 {hash}\n")), "{}", ended.stdout);
    Ok(())
}

#[tokio::test]
async fn a_key_that_is_named_signs_and_one_that_is_missing_or_none_is_refused_before_anything_is_made()
-> anyhow::Result<()> {
    let world = World::new().await?;
    let missing = world.chancery.folder().join("missing").display().to_string();
    let ended =
        world.chancery.sign(&Manifest::new(), &["--statement-key", &missing]).await?.expect_code(2)?;
    assert!(ended.stderr.contains("missing") && ended.stderr.contains("openssl genpkey"), "{}", ended.stderr);
    let bad = world.chancery.write("bad", "no key")?.display().to_string();
    world.chancery.sign(&Manifest::new(), &["--statement-key", &bad]).await?.expect_code(2)?;
    let ended = world.chancery.run(&["verify", "demo"]).await?;
    assert!(ended.stderr.contains("no run"), "nothing was made: {}", ended.stderr);

    let (key, pem) = chancery_statement::StatementKey::generate()?;
    let own = world.chancery.write("own.key", &pem)?.display().to_string();
    world.chancery.sign(&Manifest::new(), &["--statement-key", &own]).await?.expect_code(0)?;
    let public = world.chancery.write("own.pub", &key.public().to_pem())?.display().to_string();
    let trusting = ["verify", "demo", "--trusted-key", &public];
    world.chancery.run(&trusting).await?.expect_code(0)?;
    Ok(())
}

#[tokio::test]
async fn a_key_that_took_over_is_trusted_beside_the_one_before() -> anyhow::Result<()> {
    let world = World::with(&Manifest::new().named("before")).await?;
    let old = std::fs::read_to_string(world.trusted())?;
    let data = world.chancery.folder().join("data");
    std::fs::rename(data.join("statement.key"), data.join("statement.key.old"))?;
    world.sign(&Manifest::new().named("after")).await?;
    let new = std::fs::read_to_string(world.trusted())?;
    assert_ne!(old, new);
    world.assert_broken("before", &[], &["statement 1: it is signed with the key"]).await?;
    let told = world.verify("after", &[]).await?.expect_code(0)?.stdout;
    assert!(
        told.contains("about another run, so no matter for this one: statement 1: it is signed"),
        "{told}"
    );
    std::fs::write(world.trusted(), old + &new)?;
    world.assert_holds("after", &[]).await?;
    world.assert_holds("before", &[]).await
}
