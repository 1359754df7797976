//! `chancery serve` and `chancery records`.

use std::os::unix::fs::PermissionsExt as _;

use chancery_kit::{Chancery, Ended, Manifest};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::{Site, manifest};

#[tokio::test]
async fn a_file_is_pushed_and_the_run_is_sealed_from_the_command_line() -> anyhow::Result<()> {
    let site = Site::with(&manifest()).await?;
    let lines: String = (0..12_000).map(|line| format!("{{\"line\": {line}}}\n")).collect();
    let file = site.chancery.write("payments.ndjson", &(lines + "{\"line\": 0}\nno json\n"))?;
    let file = file.to_str().unwrap_or_default();
    let add = ["records", "add", file, "--run", "demo"];
    let said = site.chancery.run(&add).await?.expect_code(0)?;
    assert_eq!(said.stdout, "default/demo: 12,000 admitted, 1 duplicates, 1 dead letters, 0 rejected\n");
    let again = site.chancery.run(&[&add[..], &["-o", "json"]].concat()).await?.expect_code(0)?.json()?;
    assert_eq!((&again["admitted"], &again["duplicate"]), (&0.into(), &12_001.into()), "{again}");
    let unknown = site.chancery.run(&["records", "seal", "other"]).await?.expect_code(2)?;
    assert!(
        unknown.stderr.starts_with("error: the API refuses: there is no run default/other"),
        "{unknown:?}"
    );
    let sealed = site.chancery.run(&["records", "seal", "demo"]).await?.expect_code(0)?;
    assert_eq!(sealed.stdout, "the run default/demo is sealed with 12,000 records\n");
    assert_eq!(site.end().await?["signed"], 12_000);
    Ok(())
}

#[tokio::test]
async fn an_api_says_where_it_is_and_ends_as_it_is_asked_to() -> anyhow::Result<()> {
    let site = Site::with(&manifest()).await?;
    let data = site.chancery.folder().join("data");
    let token = std::fs::metadata(data.join("api-token"))?;
    assert_eq!(token.permissions().mode() & 0o777, 0o600);
    // On a socket of its own, with the same token.
    let socket = site.chancery.folder().join("api.sock");
    let listen = format!("unix:{}", socket.display());
    let second = site.chancery.start(&["serve", "--listen", &listen])?;
    chancery_kit::eventually("it listens", async || socket.exists()).await;
    assert_eq!(std::fs::metadata(&socket)?.permissions().mode() & 0o777, 0o600);
    let seal = ["records", "seal", "demo", "--url", &listen];
    assert_eq!(
        site.chancery.run(&seal).await?.expect_code(0)?.stdout,
        "the run default/demo is sealed with 0 records\n"
    );
    let pid = second.id().and_then(|pid| i32::try_from(pid).ok()).unwrap_or_default();
    kill(Pid::from_raw(pid), Signal::SIGTERM)?;
    let ended = Ended::of(second).await?.expect_code(0)?;
    assert!(
        ended.stderr.contains(&format!("the API is at {listen}, for whoever has the token in ")),
        "{ended:?}"
    );
    assert!(!socket.exists());
    site.end().await?;
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_served_or_reached_is_said() -> anyhow::Result<()> {
    let chancery = Chancery::private()?;
    let file = chancery.write("a.ndjson", "1\n")?;
    let add = ["records", "add", file.to_str().unwrap_or_default(), "--run", "demo"];
    let said = chancery.run(&add).await?.expect_code(2)?.stderr;
    assert!(said.contains("no API is served from ") && said.contains("chancery serve"), "{said}");
    let said = chancery.run(&["serve", "--listen", "0.0.0.0:8480"]).await?.expect_code(2)?.stderr;
    assert!(said.contains("can be reached from other machines"), "{said}");
    // What is no socket is somebody's.
    let listen = format!("unix:{}", file.display());
    let said = chancery.run(&["serve", "--listen", &listen]).await?.expect_code(2)?.stderr;
    assert!(said.contains("there is something that is no socket"), "{said}");
    assert_eq!(std::fs::read_to_string(&file)?, "1\n");
    Ok(())
}

#[tokio::test]
async fn a_run_that_takes_nothing_gets_a_sentence_and_leaves_the_ledger_as_it_was() -> anyhow::Result<()> {
    let site = Site::with(&manifest()).await?;
    for name in ["random", "going"] {
        let generated = Manifest::new().named(name).of(10, 1, 10);
        site.chancery.sign(&generated, &[]).await?.expect_code(0)?;
    }
    site.served.api.push("?wait=60", "1\n").await?.expect(200)?;
    site.served.api.seal().await?.expect(200)?;
    let Site { ledger, chancery, served: _served, run } = site;
    Ended::of(run).await?.expect_code(0)?;
    let going = "UPDATE chancery.runs SET deleted_at = clock_timestamp() WHERE name = 'going'";
    sqlx::query(going).execute(ledger.ledger.pool()).await?;
    let before = ledger.fingerprint().await?;
    let file = chancery.write("a.ndjson", "1\n2\n")?;
    let file = file.to_str().unwrap_or_default();
    let sealed = "the run default/demo is sealed: it has all its records; push to another run";
    let others = "the run default/random has other sources; push to one whose source is `http: {}`";
    for (run, adds, words) in [
        ("other", true, "there is no run default/other in this ledger; `chancery status` lists"),
        ("other", false, "there is no run default/other in this ledger; `chancery status` lists"),
        ("going", true, "there is no run default/going in this ledger; `chancery status` lists"),
        ("going", false, "there is no run default/going in this ledger; `chancery status` lists"),
        ("random", true, others),
        ("random", false, others),
        ("demo", true, sealed),
    ] {
        let arguments =
            if adds { vec!["records", "add", file, "--run", run] } else { vec!["records", "seal", run] };
        let said = chancery.run(&arguments).await?.expect_code(2)?.stderr;
        assert!(said.contains("error: the API refuses: ") && said.contains(words), "{words}\n{said}");
        assert_eq!(ledger.fingerprint().await?, before, "{arguments:?}");
    }
    Ok(())
}
