//! The programs of `tests/independent_audit`, which one interpreter runs for all tests of a process.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;
use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::sync::OnceCell;

use crate::helm::project;

/// How a program ended, and what it printed.
#[derive(Clone, Debug, Deserialize)]
pub struct Finished {
    /// Its exit code.
    pub code: i32,
    /// What it printed.
    pub stdout: String,
    /// What it printed to its standard error.
    pub stderr: String,
}

/// `serve.py`, which ends when this process does: its input is closed then.
struct Interpreter {
    socket: PathBuf,
    _process: Child,
}

/// Runs a program of `tests/independent_audit` in a process of its own: `audit`, `check_manifest`, `check_proof` or `check_statements`. None,
/// and one line that says so, where its packages are not installed (`scripts/setup.sh --independent-audit`, which
/// `make test` tries).
///
/// # Errors
///
/// When the program could not be run to its end.
pub async fn independent_program(program: &str, arguments: &[&str]) -> anyhow::Result<Option<Finished>> {
    static INTERPRETER: OnceCell<Option<Interpreter>> = OnceCell::const_new();
    let interpreter =
        INTERPRETER.get_or_try_init(async || tokio::task::spawn_blocking(start).await?).await?.as_ref();
    let Some(interpreter) = interpreter else { return Ok(None) };
    let mut request = serde_json::to_vec(&[&[program], arguments].concat())?;
    request.push(b'\n');
    let mut connection = UnixStream::connect(&interpreter.socket).await.context("the interpreter is gone")?;
    connection.write_all(&request).await?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await?;
    let finished = serde_json::from_slice(&answer).context("the independent program was broken off");
    finished.map(Some)
}

fn start() -> anyhow::Result<Option<Interpreter>> {
    let project = project();
    let python = project.join(".tools/independent-audit/bin/python");
    if !python.is_file() {
        // Past the capture of the test harness, which would hide it.
        let _ = writeln!(
            std::io::stdout(),
            "skipped: the independent audit, whose packages are not installed \
             (scripts/setup.sh --independent-audit)"
        );
        return Ok(None);
    }
    let mut process = Command::new(python)
        // Nothing is to be left in the project's folders.
        .arg("-B")
        .arg(project.join("tests/independent_audit/serve.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let output = process.stdout.take().context("its output")?;
    let mut socket = String::new();
    BufReader::new(output).read_line(&mut socket)?;
    anyhow::ensure!(socket.ends_with('\n'), "the interpreter does not start: {:?}", process.wait()?);
    Ok(Some(Interpreter { socket: socket.trim_end().into(), _process: process }))
}
