//! What the page of the API tells people to type does what the page says.

use std::path::Path;
use std::process::Stdio;

use anyhow::Context as _;
use chancery_kit::{Ended, TestLedger, eventually, program};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

const PAGE: &str = include_str!("../../../../docs/operating/http-api.md");

/// The block of code that has these words.
fn block(words: &str) -> anyhow::Result<&'static str> {
    let blocks = PAGE.split("\n```\n").skip(1).step_by(2);
    let mut found = blocks.filter(|block| block.contains(words));
    let block = found.next().with_context(|| format!("no block has {words}"))?;
    anyhow::ensure!(found.next().is_none(), "two blocks have {words}");
    Ok(block)
}

/// A shell in a folder of its own, in which the project's programs are found.
struct Shell {
    folder: TempDir,
    ledger: TestLedger,
}

impl Shell {
    async fn new() -> anyhow::Result<Self> {
        Ok(Self { folder: tempfile::tempdir()?, ledger: TestLedger::new().await? })
    }

    fn start(&self, script: &str) -> anyhow::Result<Child> {
        let programs =
            program("chancery").parent().map(Path::to_owned).context("a program is in a folder")?;
        let path = std::env::var("PATH").unwrap_or_default();
        let child = Command::new("bash")
            .args(["-euo", "pipefail", "-c", script])
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", format!("{}:{path}", programs.display()))
            .env("DATABASE_URL", &self.ledger.url)
            // The port of the page is somebody else's here.
            .env("CHANCERY_LISTEN", "127.0.0.1:0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        child.with_context(|| script.to_owned())
    }

    async fn run(&self, script: &str) -> anyhow::Result<String> {
        let ended = Ended::of(self.start(script)?).await?.expect_code(0);
        Ok(ended.with_context(|| script.to_owned())?.stdout)
    }

    /// A command that the page runs beside the others.
    fn beside(&self, line: &str) -> anyhow::Result<Child> {
        let (command, _) = line.split_once(" &").with_context(|| format!("it is waited for: {line}"))?;
        self.start(&format!("exec {command}"))
    }
}

/// The lines of a block, those that go on behind a backslash as one.
fn lines(block: &str) -> Vec<String> {
    block.replace("\\\n", " ").lines().map(str::to_owned).collect()
}

/// The line of a block that begins so.
fn line(block: &str, begins: &str) -> anyhow::Result<String> {
    lines(block).into_iter().find(|line| line.starts_with(begins)).with_context(|| format!("no {begins}"))
}

/// The data of the last event of a stream, and its name.
fn last_event(stream: &str) -> anyhow::Result<(&str, Value)> {
    let field = |name: &str| stream.lines().rev().find_map(|line| line.strip_prefix(name));
    let data = field("data: ").context("no data")?;
    // On the page, it is shortened by nothing.
    Ok((field("event: ").context("no event")?, serde_json::from_str(data)?))
}

fn members(value: &Value) -> Vec<&String> {
    value.as_object().map(|members| members.keys().collect()).unwrap_or_default()
}

#[tokio::test]
async fn what_the_page_tells_to_type_does_what_it_says() -> anyhow::Result<()> {
    let shell = Shell::new().await?;
    let records = "{\"id\": 1}\n{\"id\": 2}\nno json\n{\"id\": 1}\n";
    std::fs::write(shell.folder.path().join("payments.ndjson"), records)?;
    let first = block("chancery records seal payments")?;
    let manifest = first.split_inclusive("\nEOF\n").next().context("no manifest")?;
    shell.run(manifest).await?;
    let run = shell.beside(&line(first, "chancery run")?)?;
    let ledger = &shell.ledger.ledger;
    eventually("there is the run", async || ledger.find_run("default", "payments").await.is_ok()).await;
    let serve = shell.beside(&line(first, "chancery serve")?)?;
    let address = shell.folder.path().join(".chancery/api-address");
    eventually("the API is served", async || address.exists()).await;
    let added = shell.run(&line(first, "chancery records add")?).await?;
    assert_eq!(added, "default/payments: 2 admitted, 1 duplicates, 1 dead letters, 0 rejected\n");

    let push = block("--data-binary @payments.ndjson")?;
    let (variables, push) = push.split_once("curl ").context("no curl")?;
    let (variables, push) = (variables.to_owned(), format!("curl {push}"));
    let answer: Value = serde_json::from_str(&shell.run(&format!("{variables}{push}")).await?)?;
    let states: Vec<&Value> =
        answer["records"].as_array().into_iter().flatten().map(|record| &record["state"]).collect();
    assert_eq!(states, ["duplicate", "duplicate", "dead", "duplicate"], "{answer}");
    assert_eq!(answer["records"][0]["signed"]["algorithm"], "EdDSA", "{answer}");
    for member in members(&answer) {
        assert!(PAGE.contains(&format!("\"{member}\": ")), "{member}");
    }
    let header = block("idempotency-key")?.trim_matches(|letter: char| "curl… ".contains(letter));
    for repeated in [false, true] {
        let named = shell.run(&format!("{variables}{} {header}", push.trim_end())).await?;
        assert_eq!(serde_json::from_str::<Value>(&named)?["repeated"], repeated, "{named}");
    }

    let watching = shell.start(&format!("{variables}{}", block("--no-buffer")?))?;
    let sealed = shell.run(&line(first, "chancery records seal")?).await?;
    assert_eq!(sealed, "the run default/payments is sealed with 2 records\n");
    let told = Ended::of(watching).await?.expect_code(0)?.stdout;
    let (name, data) = last_event(&told)?;
    assert_eq!((name, &data["signed"]), ("complete", &json!(2)), "{told}");
    let (_, shown) = last_event(block("event: progress")?)?;
    assert_eq!(members(&shown), members(&data), "the page shows what there is");
    Ended::of(run).await?.expect_code(0)?;

    let letters = lines(block("/dead-letters/redrive")?);
    let [here, elsewhere, old] = &letters[..] else { anyhow::bail!("other commands: {letters:?}") };
    let refused = async |command: &str| {
        let refused: Value = serde_json::from_str(&shell.run(&format!("{variables}{command}")).await?)?;
        anyhow::Ok((refused["status"].clone(), refused["detail"].to_string()))
    };
    let (status, detail) = refused(here).await?;
    assert!(status == 409 && detail.contains("sealed"), "{detail}");
    let (status, detail) = refused(old).await?;
    assert!(
        status == 409 && detail.contains("no dead letter of the run default/payments is selected"),
        "{detail}"
    );
    let redrive = shell.run(&format!("{variables}{elsewhere}")).await?;
    assert_eq!(serde_json::from_str::<Value>(&redrive)?, json!({"run": "default/payments-2"}));
    let watch = block("--no-buffer")?.replace("$RUN", "$RUN-2");
    let told = shell.run(&format!("{variables}{watch}")).await?;
    let (name, data) = last_event(&told)?;
    assert!(name == "complete" && data["signed"].as_i64() >= Some(1), "{told}");
    kill(Pid::from_raw(i32::try_from(serve.id().unwrap_or_default())?), Signal::SIGTERM)?;
    Ended::of(serve).await?.expect_code(0)?;
    Ok(())
}
