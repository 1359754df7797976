//! Another KEK takes the place of the one there is: interrupted at any point, by several at once, while runs are signed.

use std::path::{Path, PathBuf};

use chancery_keyring::{DataKey, Kek, Keks, WrappedDataKey};
use chancery_kit::{Chancery, Ended, Manifest, TestLedger, TestRun, eventually};
use chancery_process::{create_kek_file, read_kek_file};
use serde_json::Value;

/// Rings whose data key a KEK has wrapped.
async fn rings(ledger: &TestLedger, kek: &Kek, count: usize) -> anyhow::Result<()> {
    for number in 0..count {
        let fresh = chancery_data_keys::fresh(kek)?;
        sqlx::query(
            "WITH ring AS (
                 INSERT INTO chancery.keyrings (uid, namespace, name, algorithm, key_count, data_key_fingerprint, object_uid)
                 VALUES ($1, 'default', $2, 'EdDSA', 1, $3, $1) RETURNING id)
             INSERT INTO chancery.data_keys (keyring_id, wrapped, kek_fingerprint) SELECT id, $4, $5 FROM ring",
        )
        .bind(fresh.keyring_uid)
        .bind(format!("ring-{number}"))
        .bind(fresh.fingerprint)
        .bind(fresh.wrapped)
        .bind(fresh.kek_fingerprint)
        .execute(ledger.ledger.pool())
        .await?;
    }
    Ok(())
}

/// Every data key opens with the KEK that is said to have wrapped it, and is the one that its ring was made with. Returns how
/// many the current one has wrapped.
async fn all_open(ledger: &TestLedger, keks: &Keks) -> anyhow::Result<usize> {
    let rows: Vec<(uuid::Uuid, String, String, Vec<u8>)> = sqlx::query_as(
        "SELECT k.uid, k.data_key_fingerprint, d.kek_fingerprint, d.wrapped
           FROM chancery.data_keys d JOIN chancery.keyrings k ON k.id = d.keyring_id",
    )
    .fetch_all(ledger.ledger.pool())
    .await?;
    let current = keks.current().fingerprint();
    let mut of_current = 0;
    for (keyring, fingerprint, kek_fingerprint, wrapped) in rows {
        of_current += usize::from(kek_fingerprint == current);
        keks.open(&WrappedDataKey { keyring, fingerprint, kek_fingerprint, wrapped })?;
    }
    Ok(of_current)
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

struct Two {
    chancery: Chancery,
    new: PathBuf,
    old: PathBuf,
}

impl Two {
    fn new(ledger: &TestLedger) -> anyhow::Result<Self> {
        let chancery = Chancery::on(&ledger.url)?;
        let (new, old) = (chancery.folder().join("new-kek"), chancery.folder().join("old-kek"));
        create_kek_file(&new)?;
        create_kek_file(&old)?;
        Ok(Self { chancery, new, old })
    }

    fn keks(&self) -> anyhow::Result<Keks> {
        Ok(Keks::new(read_kek_file(&self.new)?, vec![read_kek_file(&self.old)?]))
    }

    fn arguments(&self) -> [String; 6] {
        ["kek", "rotate", "--kek-file", &text(&self.new), "--former-kek-file", &text(&self.old)]
            .map(str::to_owned)
    }

    async fn rotate(&self, more: &[&str]) -> anyhow::Result<Ended> {
        let arguments = self.arguments();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).chain(more.iter().copied()).collect();
        self.chancery.run(&arguments).await
    }
}

/// Slow enough that something can happen meanwhile.
async fn slow_down(ledger: &TestLedger) -> anyhow::Result<()> {
    ledger
        .execute(
            "CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql
                 AS $$ BEGIN PERFORM pg_sleep(0.02); RETURN NEW; END $$;
             CREATE TRIGGER slowly BEFORE UPDATE ON chancery.data_keys FOR EACH ROW EXECUTE FUNCTION slowly()",
        )
        .await
}

#[tokio::test]
async fn a_rotation_that_is_killed_leaves_every_data_key_open_and_is_continued() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let two = Two::new(&ledger)?;
    rings(&ledger, &read_kek_file(&two.old)?, 250).await?;
    slow_down(&ledger).await?;
    let mut before = 0;
    for _ in 0..3 {
        let arguments = two.arguments();
        let mut child = two.chancery.start(&arguments.each_ref().map(String::as_str))?;
        let keks = two.keks()?;
        eventually("some are wrapped anew", async || {
            all_open(&ledger, &keks).await.is_ok_and(|done| done > before + 20)
        })
        .await;
        child.kill().await?;
        let done = all_open(&ledger, &keks).await?;
        assert!((before + 20..250).contains(&done), "{done} of 250");
        before = done;
    }
    ledger.execute("DROP TRIGGER slowly ON chancery.data_keys").await?;
    let ended = two.rotate(&["--output", "json"]).await?.expect_code(0)?;
    let json = ended.json()?;
    assert!(json["rewrapped"].as_u64().is_some_and(|rewrapped| rewrapped <= 250 - before as u64), "{json}");
    // The former one is not needed any more.
    let alone = Keks::new(read_kek_file(&two.new)?, Vec::new());
    assert_eq!(all_open(&ledger, &alone).await?, 250);
    let again = two.rotate(&[]).await?.expect_code(0)?;
    assert!(again.stdout.contains("0 keyrings were wrapped anew, none is left"), "{}", again.stdout);
    Ok(())
}

#[tokio::test]
async fn several_rotations_at_once_wrap_each_data_key_anew_once() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let two = Two::new(&ledger)?;
    rings(&ledger, &read_kek_file(&two.old)?, 120).await?;
    let json = ["--output", "json"];
    let (one, other, third) = tokio::try_join!(two.rotate(&json), two.rotate(&json), two.rotate(&json))?;
    let mut rewrapped = 0;
    for ended in [one, other, third] {
        rewrapped += ended.expect_code(0)?.json()?["rewrapped"].as_u64().unwrap_or_default();
    }
    assert_eq!(rewrapped, 120);
    assert_eq!(all_open(&ledger, &Keks::new(read_kek_file(&two.new)?, Vec::new())).await?, 120);
    Ok(())
}

#[tokio::test]
async fn a_ring_of_a_third_kek_is_passed_over_and_told_of_with_what_to_do() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let two = Two::new(&ledger)?;
    let third = Kek::generate();
    rings(&ledger, &read_kek_file(&two.old)?, 3).await?;
    let run = TestRun::new().named("theirs").new_run(&third);
    ledger.ledger.create_run(&run).await?;
    let ended = two.rotate(&[]).await?.expect_code(2)?;
    for words in ["3 keyrings were wrapped anew, 1 are left", "unknown", &third.fingerprint()] {
        assert!(ended.stdout.contains(words), "{words}: {}", ended.stdout);
    }
    for words in ["1 keyrings are still wrapped by other KEKs", &third.fingerprint(), "--former-kek-file"] {
        assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
    }
    let file = two.chancery.write("third-kek", &third.to_base64())?;
    two.rotate(&["--former-kek-file", &text(&file)]).await?.expect_code(0)?;
    assert_eq!(all_open(&ledger, &Keks::new(read_kek_file(&two.new)?, Vec::new())).await?, 4);
    Ok(())
}

#[tokio::test]
async fn a_run_is_signed_through_a_rotation_and_goes_on_with_the_new_kek_alone() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let two = Two::new(&ledger)?;
    let manifest = Manifest::new().with("recordCount", 40_000).with("keyCount", 4).with("batchSize", 50);
    let old = ["--kek-file", &text(&two.old), "--skip-audit"];
    let signing = two.chancery.start_signing(&manifest, &old)?;
    let signed = "SELECT count(*) FROM chancery.signatures";
    eventually("some are signed", async || {
        sqlx::query_scalar::<_, i64>(signed)
            .fetch_one(ledger.ledger.pool())
            .await
            .is_ok_and(|signed| signed > 0)
    })
    .await;
    two.rotate(&[]).await?.expect_code(0)?;
    Ended::of(signing).await?.expect_code(0)?;
    let new = ["--kek-file", &text(&two.new)];
    two.chancery.sign(&manifest, &new).await?.expect_code(0)?;
    // With the former KEK alone nothing opens, and the message says which one is needed.
    let refused = two.chancery.sign(&manifest, &["--kek-file", &text(&two.old)]).await?.expect_code(2)?;
    let fingerprint = read_kek_file(&two.new)?.fingerprint();
    assert!(
        refused.stderr.contains(&fingerprint) && refused.stderr.contains("--former-kek-file"),
        "{refused:?}"
    );
    Ok(())
}

#[tokio::test]
async fn the_status_of_keks_counts_rings_and_changes_nothing() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let two = Two::new(&ledger)?;
    rings(&ledger, &read_kek_file(&two.old)?, 2).await?;
    let before = ledger.fingerprint().await?;
    let both = ["--kek-file", &text(&two.new), "--former-kek-file", &text(&two.old)];
    let status = two
        .chancery
        .run(&[&["kek", "status", "--output", "json"], &both[..]].concat())
        .await?
        .expect_code(0)?;
    let keks = two.keks()?.fingerprints();
    let line = |fingerprint: &str, standing: &str, keyrings: i64| serde_json::json!({"fingerprint": fingerprint, "standing": standing, "keyrings": keyrings});
    let wanted = Value::from(vec![line(&keks[0], "current", 0), line(&keks[1], "former", 2)]);
    assert_eq!(status.json()?["keks"], wanted);
    let alone = two.chancery.run(&["kek", "status", "--kek-file", &text(&two.new)]).await?.expect_code(0)?;
    assert!(alone.stdout.contains("unknown"), "{}", alone.stdout);
    assert_eq!(ledger.fingerprint().await?, before);
    Ok(())
}

/// Somebody with the owner's login puts the data key of one ring in the place of another's.
#[tokio::test]
async fn a_data_key_that_was_moved_to_another_ring_opens_nothing_there() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let one = TestRun::new().named("one").seeded(&ledger).await?;
    let two = TestRun::new().named("two").seeded_beside(&one).await?;
    sqlx::query(
        "UPDATE chancery.data_keys d SET wrapped = o.wrapped FROM chancery.data_keys o
          WHERE d.keyring_id = $1 AND o.keyring_id = $2",
    )
    .bind(two.run.keyring.id)
    .bind(one.run.keyring.id)
    .execute(ledger.ledger.pool())
    .await?;
    let kek = Keks::new(read_kek_file(&one.kek_file)?, Vec::new());
    let error = chancery_data_keys::open(&ledger.ledger, &two.run.keyring, &kek)
        .await
        .map(|_: DataKey| ())
        .unwrap_err();
    assert!(error.to_string().contains("it was altered, or is another keyring's"), "{error}");
    // Nor is it made to look right by a rotation.
    let keks = Keks::new(Kek::generate(), vec![read_kek_file(&one.kek_file)?]);
    let done = chancery_data_keys::rotate(&ledger.ledger, &keks, |_| {}).await?;
    assert_eq!((done.rewrapped, done.left(&keks.current().fingerprint())), (1, 1));
    assert!(done.refused[0].contains("it was altered"), "{:?}", done.refused);
    Ok(())
}

#[tokio::test]
async fn a_ledger_whose_rings_have_no_data_key_is_refused_with_a_sentence_and_left_as_it_is()
-> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    TestRun::new().seeded(&ledger).await?;
    // As it was before the migration, as far as that looks.
    ledger.execute("DELETE FROM chancery.schema_migrations WHERE version >= 5").await?;
    let before = ledger.fingerprint().await?;
    let ended =
        Chancery::on(&ledger.url)?.sign(&Manifest::new().named("other"), &[]).await?.expect_code(2)?;
    for words in
        ["keyrings of an earlier version of Chancery", "wrapped by the KEK itself", "chancery keyring delete"]
    {
        assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
    }
    assert_eq!(ledger.fingerprint().await?, before);
    Ok(())
}
