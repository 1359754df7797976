//! Nobody reads what the programs write: its disk is full, its reader is gone. A log that
//! cannot be written stops nothing; a result that cannot be written is an error, unless its reader has read enough.

use std::fs::File;
use std::io;
use std::process::Stdio;

use chancery_kit::{Chancery, Ended, Manifest, TestLedger, TestRun, program};
use tokio::process::Command;

/// The two ways in which nothing can be written, with their names.
fn unwritable() -> io::Result<[(&'static str, Stdio); 2]> {
    let (reader, closed) = io::pipe()?;
    drop(reader);
    let full = File::options().write(true).open("/dev/full")?;
    Ok([("a full disk", full.into()), ("a closed pipe", closed.into())])
}

#[tokio::test]
async fn a_run_completes_though_its_log_cannot_be_written() -> anyhow::Result<()> {
    for (what, stderr) in unwritable()? {
        let chancery = Chancery::on(&TestLedger::empty_database().await?)?;
        let file = chancery.write("manifest.yaml", &Manifest::new().to_string())?;
        let file = file.to_string_lossy();
        let mut command = chancery.command(&["run", "-o", "json", "--file", &file]);
        // With it, signers log, and the supervisor passes that on.
        let signing = command.env("RUST_LOG", "info").stderr(stderr).spawn()?;
        let ended = Ended::of(signing).await?;
        assert_eq!(ended.code, Some(0), "{what}: {ended:?}");
        assert_eq!(ended.json()?["audit"], "passed", "{what}");
    }
    Ok(())
}

#[tokio::test]
async fn a_command_that_cannot_complain_ends_with_its_own_exit_code() -> anyhow::Result<()> {
    let chancery = Chancery::on("postgres://somebody@127.0.0.1:1/ledger")?;
    for command in
        [&["status"][..], &["verify", "demo"], &["no-such-command"], &["run", "-f", "nothing.yaml"]]
    {
        for (what, stderr) in unwritable()? {
            let ended = Ended::of(chancery.command(command).stderr(stderr).spawn()?).await?;
            assert_eq!(ended.code, Some(2), "{command:?}, {what}: {ended:?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_result_that_its_disk_has_no_room_for_is_an_error_and_one_that_nobody_reads_is_not()
-> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    TestRun::new().keyring("invoices").seeded(&ledger).await?.finish().await?;
    let chancery = Chancery::on(&ledger.url)?;
    let file = chancery.write("manifest.yaml", &Manifest::new().named("another").to_string())?;
    let file = file.to_string_lossy();
    for command in [
        &["status"][..],
        &["verify", "demo"],
        &["verify", "demo", "-o", "json"],
        &["verify", "--keyring", "invoices"],
        &["export", "demo", "records"],
        &["export", "demo", "signatures"],
        &["export", "demo", "keys"],
        &["export", "demo", "leases"],
        &["keyring", "list"],
        &["completions", "bash"],
        &["--help"],
        &["--version"],
        &["run", "--file", &file],
    ] {
        let [(_, full), (_, closed)] = unwritable()?;
        let ended = Ended::of(chancery.command(command).stdout(full).spawn()?).await?;
        assert_eq!(ended.code, Some(2), "{command:?}: {ended:?}");
        let said = ended.stderr.matches("error: standard output cannot be written: No space left").count();
        assert_eq!(said, 1, "{command:?}: {ended:?}");

        let ended = Ended::of(chancery.command(command).stdout(closed).spawn()?).await?;
        assert_eq!(ended.code, Some(0), "{command:?}: {ended:?}");
        assert!(!ended.stderr.contains("error"), "{command:?}: {ended:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_signer_signs_and_ends_with_its_own_exit_code_though_its_log_cannot_be_written()
-> anyhow::Result<()> {
    for (what, stderr) in unwritable()? {
        let ledger = TestLedger::new().await?;
        let run = TestRun::new().seeded(&ledger).await?;
        let url = run.url()?;
        let signer = |name: &str| {
            let mut command = Command::new(program("chancery-signer"));
            command
                .args(["--run", name, "--holder", "one", "--data-key-file"])
                .arg(&run.data_key_file)
                .env("DATABASE_URL", &url)
                .env("RUST_LOG", "trace")
                .stdin(Stdio::null())
                .kill_on_drop(true);
            command
        };
        let ended = signer("demo").stderr(stderr).status().await?;
        assert_eq!(ended.code(), Some(0), "{what}");
        run.assert_audit_holds().await?;
        for (what, stderr) in unwritable()? {
            let ended = signer("nobody").stderr(stderr).status().await?;
            assert_eq!(ended.code(), Some(78), "{what}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn an_operator_ends_with_its_own_exit_code_though_its_log_cannot_be_written() -> anyhow::Result<()> {
    let none = tempfile::tempdir()?.path().join("kubeconfig");
    let kek = none.display().to_string();
    let wait = ["wait", "--run", "demo", "--namespace", "default"];
    let operate = ["--database-url", "postgres://somebody@127.0.0.1:1/ledger", "--kek-file", &kek];
    let signers = [
        "--signer-database-url",
        "postgres://signer@127.0.0.1:1/ledger",
        "--signer-image",
        "signer",
        "--delivery-image",
        "delivery",
        "--intake-image",
        "intake",
    ];
    let operate = [&operate[..], &signers, &["--pod-namespace", "chancery", "--pod-name", "one"]];
    for arguments in [&wait[..], &operate.concat()] {
        for (what, stderr) in unwritable()? {
            let mut operator = Command::new(program("chancery-operator"));
            // No cluster can be found.
            operator
                .args(arguments)
                .env("KUBECONFIG", &none)
                .env_remove("KUBERNETES_SERVICE_HOST")
                .kill_on_drop(true);
            let ended = operator.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr).status().await?;
            assert_eq!(ended.code(), Some(1), "{arguments:?}, {what}");
        }
    }
    Ok(())
}
