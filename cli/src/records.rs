//! `chancery records`: pushes a file to a run, or seals one, through the API: that of `chancery serve`, or of a cluster.

mod api;
mod file;
mod place;

use chancery_process::{Exit, grouped};
use http::Method;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::arguments::{ApiArguments, DatabaseArguments, Output, RecordsCommand};
use crate::error::CliError;
use crate::output;
use crate::records::api::{Api, Sending};
use crate::records::file::Parts;
use crate::run_name::{GivenRun, RunName};

pub(crate) async fn records(
    database: &DatabaseArguments,
    command: &RecordsCommand,
) -> Result<Exit, CliError> {
    match command {
        RecordsCommand::Add { file, run, content_type, api, output } => {
            let (api, run) = (connect(database, api)?, &named(run, api)?);
            let mut parts = Parts::open(file, content_type.as_deref())?;
            let mut counts = Counts::default();
            while let Some(body) = parts.next()? {
                // Sent again because no answer came, it is known by this.
                let key = Uuid::new_v4().to_string();
                let headers = [("content-type", parts.content_type()), ("idempotency-key", &key)];
                let sending =
                    Sending { method: Method::POST, path: path(run, "records"), headers: &headers, body };
                counts.add(&api.send(sending).await?);
            }
            print(*output, &counts, || counts.line(run))
        }
        RecordsCommand::Seal { run, api, output } => {
            let (api, run) = (connect(database, api)?, &named(run, api)?);
            let sending = Sending {
                method: Method::POST,
                path: path(run, "seal"),
                headers: &[],
                body: Vec::new().into(),
            };
            let sealed: Sealed = api.send(sending).await?;
            print(*output, &sealed, || {
                sealed.records.map_or_else(
                    || format!("the run {run} takes in nothing more; it is sealed once nothing waits to be judged any more\n"),
                    |records| format!("the run {run} is sealed with {} records\n", grouped(records.unsigned_abs())),
                )
            })
        }
    }
}

fn connect(database: &DatabaseArguments, arguments: &ApiArguments) -> Result<Api, CliError> {
    let ApiArguments { url, token_file, ca_file, namespace: _ } = arguments;
    Api::of(&database.data_dir, url.as_deref(), token_file.as_deref(), ca_file.as_deref())
}

fn named(run: &GivenRun, arguments: &ApiArguments) -> Result<RunName, CliError> {
    run.in_namespace(&arguments.namespace).map_err(CliError::RunName)
}

fn path(run: &RunName, rest: &str) -> String {
    format!("/v1/namespaces/{}/runs/{}/{rest}", run.namespace, run.name)
}

fn print(output: Output, result: &impl Serialize, line: impl FnOnce() -> String) -> Result<Exit, CliError> {
    match output {
        Output::Table => output::write(line().as_bytes())?,
        Output::Json => output::line(&serde_json::to_string(result).unwrap_or_default())?,
    }
    Ok(Exit::Done)
}

/// What the API says of a request.
#[derive(Deserialize)]
struct Pushed {
    records: Vec<State>,
}

#[derive(Deserialize)]
#[serde(tag = "state", rename_all = "camelCase")]
enum State {
    Admitted,
    /// Such as the API answers with to a request that waits for signatures.
    Pending,
    Waiting,
    Duplicate,
    Dead,
    Rejected,
}

#[derive(Deserialize, Serialize)]
struct Sealed {
    /// None while something waits to be judged: then it will be.
    #[serde(skip_serializing_if = "Option::is_none")]
    records: Option<i64>,
}

/// What became of the records of a file.
#[derive(Default, Serialize)]
struct Counts {
    admitted: u64,
    duplicate: u64,
    dead: u64,
    rejected: u64,
    /// Others are asked about these first.
    #[serde(skip_serializing_if = "is_none")]
    waiting: u64,
}

const fn is_none(number: &u64) -> bool {
    *number == 0
}

impl Counts {
    fn add(&mut self, pushed: &Pushed) {
        for state in &pushed.records {
            *match state {
                State::Admitted | State::Pending => &mut self.admitted,
                State::Waiting => &mut self.waiting,
                State::Duplicate => &mut self.duplicate,
                State::Dead => &mut self.dead,
                State::Rejected => &mut self.rejected,
            } += 1;
        }
    }

    fn line(&self, run: &RunName) -> String {
        let Self { admitted, duplicate, dead, rejected, waiting } = self;
        let waiting = match waiting {
            0 => String::new(),
            waiting => format!(", {} wait to be judged", grouped(*waiting)),
        };
        format!(
            "{run}: {} admitted, {} duplicates, {} dead letters, {} rejected{waiting}\n",
            grouped(*admitted),
            grouped(*duplicate),
            grouped(*dead),
            grouped(*rejected)
        )
    }
}
