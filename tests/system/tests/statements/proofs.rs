//! Proofs of single records, checked without the ledger, by `chancery check-proof` and by a program that shares no code
//! with it.

use std::path::{Path, PathBuf};

use chancery_keyring::Envelope;
use chancery_kit::{Ended, Manifest, independent_program};
use serde_json::Value;

use crate::{World, verdict};

/// Proves a record; returns the file.
async fn prove(world: &World, run: &str, record: i64) -> anyhow::Result<PathBuf> {
    let file = world.chancery.folder().join(format!("{run}-{record}.json"));
    let path = file.display().to_string();
    world.chancery.run(&["prove", run, &record.to_string(), "-o", &path]).await?.expect_code(0)?;
    Ok(file)
}

/// Checks a proof in an empty folder with no database.
async fn check(world: &World, proof: &Path) -> anyhow::Result<Ended> {
    let empty = tempfile::tempdir()?;
    let (proof, trusted) = (proof.display().to_string(), world.trusted());
    let mut command = world.chancery.command(&["check-proof", &proof, "--trusted-key", &trusted]);
    command.env_remove("DATABASE_URL").env("CHANCERY_DATA_DIR", empty.path().join("none"));
    Ended::of(command.spawn()?).await
}

/// What the independent program says; none where its packages are not installed.
async fn independent_check(world: &World, proof: &Path) -> anyhow::Result<Option<bool>> {
    let (proof, trusted) = (proof.display().to_string(), world.trusted());
    verdict(independent_program("check_proof", &[&proof, "--trusted-key", &trusted]).await?)
}

#[tokio::test]
async fn records_of_every_algorithm_are_proven_to_who_has_only_the_public_key() -> anyhow::Result<()> {
    for algorithm in ["RS256", "PS256", "ES256", "EdDSA"] {
        let world = World::with(&Manifest::new().of(45, 3, 10).with("algorithm", algorithm)).await?;
        for record in [1, 10, 17, 45] {
            let proof = prove(&world, "demo", record).await?;
            let Ended { stdout, .. } = check(&world, &proof).await?.expect_code(0)?;
            assert!(
                stdout.starts_with(&format!("holds  record {record} of the run default/demo")),
                "{stdout}"
            );
            assert_ne!(independent_check(&world, &proof).await?, Some(false), "{algorithm} {record}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn records_in_every_envelope_are_proven() -> anyhow::Result<()> {
    for envelope in Envelope::ALL {
        let manifest = Manifest::new().of(15, 2, 10).with("algorithm", "ES256K").with("envelope", envelope);
        let typed = envelope.has_content_type().then_some("application/json");
        let manifest = typed.into_iter().fold(manifest, |manifest, text| manifest.with("contentType", text));
        let world = World::with(&manifest).await?;
        let proof = prove(&world, "demo", 12).await?;
        check(&world, &proof).await?.expect_code(0)?;
        assert_ne!(independent_check(&world, &proof).await?, Some(false), "{envelope}");
    }
    Ok(())
}

#[tokio::test]
async fn a_record_without_a_byte_is_proven() -> anyhow::Result<()> {
    let world = World::with(&Manifest::new().of(3, 1, 2).with("recordSize", 0)).await?;
    let proof = prove(&world, "demo", 3).await?;
    check(&world, &proof).await?.expect_code(0)?;
    assert_ne!(independent_check(&world, &proof).await?, Some(false));
    Ok(())
}

#[tokio::test]
async fn a_proof_in_which_anything_was_altered_proves_nothing_to_either_program() -> anyhow::Result<()> {
    let world = World::with(&Manifest::new().of(45, 3, 10)).await?;
    let proof = prove(&world, "demo", 17).await?;
    let whole: Value = serde_json::from_str(&std::fs::read_to_string(&proof)?)?;
    let alterations: [(&str, Value); 11] = [
        ("/record", 18.into()),
        ("/payload", "cGF5IE1hbGxvcnk=".into()),
        ("/batch/batch", 3.into()),
        ("/batch/firstRecord", 10.into()),
        ("/batch/lease", 99.into()),
        ("/batch/holder", "somebody".into()),
        ("/batch/signedAt", 1.into()),
        ("/pathInPayloads/0", "00".repeat(32).into()),
        ("/pathInSignatures/1", "00".repeat(32).into()),
        ("/pathInRun", Value::Array(Vec::new())),
        ("/statement/signatures/0/sig", "AAAA".into()),
    ];
    for (place, value) in alterations {
        let mut altered = whole.clone();
        *altered.pointer_mut(place).expect(place) = value;
        let file = world.chancery.write("altered.json", &altered.to_string())?;
        let Ended { stdout, .. } = check(&world, &file).await?.expect_code(1)?;
        assert!(stdout.starts_with("it proves nothing: "), "{place}: {stdout}");
        assert_ne!(independent_check(&world, &file).await?, Some(true), "{place}");
    }
    Ok(())
}

#[tokio::test]
async fn a_proof_under_a_key_that_is_not_trusted_proves_nothing() -> anyhow::Result<()> {
    let world = World::with(&Manifest::new()).await?;
    let proof = prove(&world, "demo", 17).await?;
    let (other, _) = chancery_statement::StatementKey::generate()?;
    std::fs::write(world.trusted(), other.public().to_pem())?;
    let Ended { stdout, .. } = check(&world, &proof).await?.expect_code(1)?;
    assert!(stdout.contains("not trusted"), "{stdout}");
    assert_ne!(independent_check(&world, &proof).await?, Some(true));
    Ok(())
}

#[tokio::test]
async fn what_is_not_stated_or_not_there_or_differs_is_not_proven() -> anyhow::Result<()> {
    let world = World::new().await?;
    world.sign(&Manifest::new().with("suspend", true)).await?;
    let ended = world.chancery.run(&["prove", "demo", "1"]).await?.expect_code(2)?;
    assert!(ended.stderr.contains("no statement about its signatures yet"), "{}", ended.stderr);
    world.sign(&Manifest::new()).await?;
    let ended = world.chancery.run(&["prove", "demo", "201"]).await?.expect_code(2)?;
    assert!(ended.stderr.contains("has no record 201"), "{}", ended.stderr);
    world.rewrite("UPDATE chancery.records SET payload = 'pay Mallory' WHERE record = 17").await?;
    let ended = world.chancery.run(&["prove", "demo", "18"]).await?.expect_code(1)?;
    assert!(ended.stderr.contains("does not hold what was stated"), "{}", ended.stderr);
    Ok(())
}

#[tokio::test]
async fn a_proof_is_small_whatever_the_size_of_the_run() -> anyhow::Result<()> {
    let world = World::with(&Manifest::new().of(20_000, 2, 100)).await?;
    let proof: Value = serde_json::from_str(&std::fs::read_to_string(prove(&world, "demo", 12_345).await?)?)?;
    // 100 records a batch and 200 batches: 7 and 8 nodes.
    let length = |field: &str| proof[field].as_array().map_or(0, Vec::len);
    assert_eq!((length("pathInPayloads"), length("pathInSignatures")), (7, 7), "{proof}");
    assert!((7..=8).contains(&length("pathInRun")), "{proof}");
    Ok(())
}
