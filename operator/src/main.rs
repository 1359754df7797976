//! The operator's program: it reads its arguments and runs the library.

use std::process::ExitCode;
use std::time::Duration;

use chancery_operator::arguments::{Arguments, Command};
use chancery_operator::{make_secrets, migrate, operate, prepare_uninstall, wait};
use chancery_process::{Exit, LogFormat, Shield, Stop, chain, parse_arguments};
use chancery_telemetry::Telemetry;

/// How long reconciles that are under way may take once the operator is asked to stop.
const GRACE: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    let shield = Shield::raise();
    let arguments: Arguments = parse_arguments();
    let format = match &arguments {
        Arguments::Operate(how) => how.log_format,
        Arguments::Command(_) => LogFormat::default(),
    };
    // Dropped last, so that the spans of everything else are sent.
    let _telemetry = Telemetry::start(format, "chancery-operator");
    shield.report();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "the operator cannot start its threads");
            return Exit::Failed.into();
        }
    };
    let outcome = runtime.block_on(run(arguments));
    // The next leader starts background work again.
    runtime.shutdown_timeout(Duration::from_secs(1));
    match outcome {
        Ok(()) => Exit::Done.into(),
        Err(error) => {
            tracing::error!("{}", chain(error.as_ref()));
            Exit::Failed.into()
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    match arguments {
        Arguments::Command(Command::Wait(run)) => wait(&run).await,
        Arguments::Command(Command::MakeSecrets(which)) => make_secrets(&which).await,
        Arguments::Command(Command::Migrate(which)) => migrate(which).await,
        Arguments::Command(Command::PrepareUninstall(what)) => prepare_uninstall(&what).await,
        Arguments::Operate(how) => {
            let stop = Stop::on_signals(GRACE)?;
            let last = stop.clone();
            let overdue = async move {
                last.asked().await;
                tokio::time::sleep(GRACE).await;
            };
            tokio::select! {
                outcome = operate(*how, stop) => outcome,
                () = overdue => anyhow::bail!("a reconcile did not end within {GRACE:?}; the next leader repeats it"),
            }
        }
    }
}
