//! Manifests, arguments and KEK files that cannot be used: exit code 2, a message that says what was
//! given and what is wanted, and a ledger that is as it was.

use std::os::unix::fs::PermissionsExt as _;

use chancery_kit::{Chancery, Ended, Manifest, TestLedger, fingerprint};

/// Fails unless the command refused its input, saying all of `words`.
fn assert_refused(what: &str, ended: Ended, words: &[&str]) -> anyhow::Result<()> {
    let Ended { stdout, stderr, .. } =
        ended.expect_code(2).map_err(|error| error.context(what.to_owned()))?;
    assert_eq!(stdout, "", "{what}");
    assert!(stderr.contains("error: ") && !stderr.contains("panicked"), "{what}: {stderr}");
    for word in words {
        assert!(stderr.contains(word), "{what}: {word:?} is not in: {stderr}");
    }
    Ok(())
}

/// A database with nothing in it, and what is to be refused before anything is put there.
async fn refused_before_any_ledger(cases: &[(&str, String, &[&str])]) -> anyhow::Result<()> {
    let url = TestLedger::empty_database().await?;
    let chancery = Chancery::on(&url)?;
    for (what, manifest, words) in cases {
        let file = chancery.write("manifest.yaml", manifest)?;
        let ended = chancery.run(&["run", "-f", &file.to_string_lossy()]).await?;
        assert_refused(what, ended, words)?;
    }
    assert_eq!(fingerprint(&url).await?, "", "no ledger was made");
    assert!(!chancery.folder().join("data").exists(), "no KEK was made");
    Ok(())
}

#[tokio::test]
async fn a_manifest_that_can_not_be_read_is_named() -> anyhow::Result<()> {
    let url = TestLedger::empty_database().await?;
    let chancery = Chancery::on(&url)?;
    let missing = chancery.folder().join("missing.yaml");
    let ended = chancery.run(&["run", "-f", &missing.to_string_lossy()]).await?;
    assert_refused("missing", ended, &["missing.yaml", "cannot be read", "No such file", "-f"])?;
    let ended = chancery.run(&["run", "-f", &chancery.folder().to_string_lossy()]).await?;
    assert_refused("a folder", ended, &["cannot be read", "directory", "-f"])?;
    let binary = chancery.folder().join("binary.yaml");
    std::fs::write(&binary, [0xff, 0xfe, 0x00, 0x80])?;
    let ended = chancery.run(&["run", "-f", &binary.to_string_lossy()]).await?;
    assert_refused("no text", ended, &["binary.yaml", "UTF-8"])?;
    assert_eq!(fingerprint(&url).await?, "");
    Ok(())
}

#[tokio::test]
async fn what_is_no_signing_run_is_refused() -> anyhow::Result<()> {
    let good = Manifest::new().to_string();
    refused_before_any_ledger(&[
        ("no YAML", "spec: [1, 2".to_owned(), &["not valid YAML"]),
        ("empty", String::new(), &["the manifest is empty", "SigningRun"]),
        ("two documents", format!("{good}---\n{good}"), &["2 YAML documents", "exactly one"]),
        ("a list", "- 1\n- 2\n".to_owned(), &["a mapping is wanted", "kind: SigningRun"]),
        ("another kind", "apiVersion: v1\nkind: Pod\n".to_owned(), &["Pod", "kind: SigningRun"]),
        ("no name", good.replace("  name: demo\n", "  labels: {}\n"), &["metadata.name"]),
    ])
    .await
}

#[tokio::test]
async fn every_bound_crossed_by_one_is_refused() -> anyhow::Result<()> {
    let bounds: [(&str, &str, &str); 13] = [
        ("recordCount", "0", "1"),
        ("recordCount", "1000000001", "1000000000"),
        ("recordSize", "-1", "0"),
        ("recordSize", "1048577", "1048576"),
        ("keyCount", "0", "1"),
        ("keyCount", "10001", "10000"),
        ("batchSize", "0", "1"),
        ("batchSize", "100001", "100000"),
        ("parallelism", "-1", "0"),
        ("parallelism", "1001", "1000"),
        ("leaseDuration", "4s", "5"),
        ("keySize", "1024", "2048"),
        ("keySize", "2049", "2048"),
    ];
    let url = TestLedger::empty_database().await?;
    let chancery = Chancery::on(&url)?;
    for (field, value, limit) in bounds {
        let manifest = Manifest::new().with("algorithm", "RS256").with(field, value);
        let what = format!("{field}: {value}");
        let ended = chancery.sign(&manifest, &[]).await?;
        assert_refused(&what, ended, &[&format!("spec.{field}"), value, limit])?;
    }
    assert_eq!(fingerprint(&url).await?, "");
    Ok(())
}

#[tokio::test]
async fn fields_that_are_unknown_of_another_type_or_at_odds_are_refused() -> anyhow::Result<()> {
    let with = |field, value: &str| Manifest::new().with(field, value).to_string();
    refused_before_any_ledger(&[
        (
            "a key size with EdDSA",
            with("keySize", "2048"),
            &["spec.keySize", "2048", "RS256", "leave it out"],
        ),
        ("an unknown field", with("batchsize", "5"), &["spec.batchsize", "batchSize"]),
        ("a word for a number", with("recordCount", "many"), &["spec.recordCount", "many", "integer"]),
        ("a fraction", with("keyCount", "1.5"), &["spec.keyCount", "1.5", "integer"]),
        ("a number for a word", with("algorithm", "256"), &["spec.algorithm", "256"]),
        ("another algorithm", with("algorithm", "HS256"), &["spec.algorithm", "HS256", "RS256"]),
        ("a word for a switch", with("suspend", "maybe"), &["spec.suspend", "maybe"]),
        ("a time without a unit", with("leaseDuration", "30"), &["spec.leaseDuration", "30"]),
    ])
    .await
}

#[tokio::test]
async fn all_that_is_wrong_is_said_at_once() -> anyhow::Result<()> {
    let manifest = Manifest::new().with("recordCount", 0).with("batchSize", 0).to_string();
    refused_before_any_ledger(&[("two", manifest, &["spec.recordCount", "spec.batchSize"])]).await
}

#[tokio::test]
async fn a_field_that_can_not_change_is_refused_on_an_existing_run() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let chancery = Chancery::on(&ledger.url)?;
    let manifest = Manifest::new().of(40, 2, 10).with("algorithm", "RS256");
    chancery.sign(&manifest, &[]).await?.expect_code(0)?;
    let before = ledger.fingerprint().await?;
    for (field, old, new) in [
        ("recordCount", "40", "41"),
        ("recordSize", "64", "65"),
        ("keyCount", "2", "3"),
        ("batchSize", "10", "11"),
        ("algorithm", "RS256", "PS256"),
        ("keySize", "2048", "3072"),
    ] {
        let ended = chancery.sign(&manifest.clone().with(field, new), &[]).await?;
        assert_refused(field, ended, &[&format!("spec.{field}"), old, new, "another name"])?;
    }
    assert_eq!(ledger.fingerprint().await?, before);

    // What may change, may; and what is the default may be said.
    let same = manifest.with("keySize", 2048).with("parallelism", 1).with("leaseDuration", "10s");
    chancery.sign(&same, &[]).await?.expect_code(0)?;
    Ok(())
}

#[tokio::test]
async fn arguments_that_can_not_be_used_are_refused() -> anyhow::Result<()> {
    let url = TestLedger::empty_database().await?;
    let chancery = Chancery::on(&url)?;
    for (arguments, words) in [
        (&["run", "-f", "x", "--signers", "0"][..], &["--signers", "0", "1..=1000"][..]),
        (&["run", "-f", "x", "--signers", "1001"], &["--signers", "1001"]),
        (&["run"], &["--file"]),
        (&["sing"], &["sing"]),
        (&["export", "demo", "secrets"], &["secrets", "records", "signatures", "keys", "leases"]),
        (&["verify", "a/b/c"], &["NAMESPACE/NAME"]),
    ] {
        assert_refused(&arguments.join(" "), chancery.run(arguments).await?, words)?;
    }
    assert_eq!(fingerprint(&url).await?, "");
    Ok(())
}

#[tokio::test]
async fn a_run_that_is_not_there_is_named() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let chancery = Chancery::on(&ledger.url)?;
    for command in [&["status", "nothing"][..], &["verify", "nothing"], &["delete", "nothing"]] {
        let words = ["default/nothing", "chancery status"];
        assert_refused(command[0], chancery.run(command).await?, &words)?;
    }
    let ended = chancery.run(&["export", "nothing", "keys"]).await?;
    assert_refused("export", ended, &["default/nothing"])
}

#[tokio::test]
async fn without_a_ledger_there_is_nothing_to_show() -> anyhow::Result<()> {
    let private = Chancery::private()?;
    assert_refused("a folder", private.run(&["status"]).await?, &["there is no ledger in", "--data-dir"])?;
    assert!(!private.folder().join("data").exists(), "no server was made");
    let url = TestLedger::empty_database().await?;
    let ended = Chancery::on(&url)?.run(&["status"]).await?;
    assert_refused("a database", ended, &["the ledger is at version 0", "migrate"])?;
    assert_eq!(fingerprint(&url).await?, "");
    Ok(())
}

#[tokio::test]
async fn a_kek_file_that_can_not_be_used_is_named_and_not_shown() -> anyhow::Result<()> {
    let url = TestLedger::empty_database().await?;
    let chancery = Chancery::on(&url)?;
    let short = chancery.write("short-kek", "hunter2")?;
    let no_base64 = chancery.write("odd-kek", &"!".repeat(44))?;
    let missing = chancery.folder().join("missing-kek");
    for (file, words) in [
        (&missing, &["missing-kek", "cannot be read", "--kek-file"][..]),
        (&short, &["short-kek", "holds no KEK", "32"]),
        (&no_base64, &["odd-kek", "holds no KEK", "base64"]),
    ] {
        let ended = chancery.sign(&Manifest::new(), &["--kek-file", &file.to_string_lossy()]).await?;
        assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
        assert_refused(words[0], ended, words)?;
    }
    assert_eq!(fingerprint(&url).await?, "");
    Ok(())
}

#[tokio::test]
async fn a_kek_file_that_others_may_read_is_used_with_a_warning() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let chancery = Chancery::on(&ledger.url)?;
    let kek = chancery.folder().join("kek");
    chancery_process::create_kek_file(&kek)?;
    let sign = async || chancery.sign(&Manifest::new(), &["--kek-file", &kek.to_string_lossy()]).await;
    let private = sign().await?.expect_code(0)?;
    assert!(!private.stderr.contains("may be read by others"), "{}", private.stderr);
    std::fs::set_permissions(&kek, std::fs::Permissions::from_mode(0o640))?;
    let shared = sign().await?.expect_code(0)?;
    assert!(
        shared.stderr.contains("may be read by others") && shared.stderr.contains("640"),
        "{}",
        shared.stderr
    );
    Ok(())
}

#[tokio::test]
async fn another_kek_than_that_of_the_run_is_refused() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let chancery = Chancery::on(&ledger.url)?;
    chancery.sign(&Manifest::new(), &[]).await?.expect_code(0)?;
    let before = ledger.fingerprint().await?;

    let other = chancery.folder().join("other-kek");
    chancery_process::create_kek_file(&other)?;
    let ended = chancery.sign(&Manifest::new(), &["--kek-file", &other.to_string_lossy()]).await?;
    assert_refused("another", ended, &["default/demo", "fingerprint", "other-kek"])?;

    // From another folder, where there is none yet, none is made: it could not open the keys.
    let elsewhere = Chancery::on(&ledger.url)?;
    let ended = elsewhere.sign(&Manifest::new(), &[]).await?;
    assert_refused("none", ended, &["the KEK file", "cannot be read", "--kek-file"])?;
    assert!(!elsewhere.folder().join("data/kek").exists());
    assert_eq!(ledger.fingerprint().await?, before);
    Ok(())
}
