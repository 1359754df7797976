//! One signer process: the very program that a pod runs.

use std::env;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use chancery_keyring::DataKey;
use chancery_process::{LogFormat, STANDARD_INPUT};
use chancery_store::Run;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::run::child::{ChildProcess, program};

/// By how much all others on this machine go first.
const NICE: &str = "5";

/// What every signer of a run is started with.
#[derive(Clone, Debug)]
pub(crate) struct SignerCommand {
    program: PathBuf,
    namespace: String,
    run: String,
    run_uid: String,
    database_url: String,
    data_key: Arc<DataKey>,
    log_format: LogFormat,
}

impl SignerCommand {
    /// `database_url` has the login of the run, and never that of the owner.
    pub(crate) fn new(
        run: &Run,
        database_url: String,
        data_key: &Arc<DataKey>,
        log_format: LogFormat,
    ) -> Self {
        Self {
            program: program(env::var_os("CHANCERY_SIGNER"), "chancery-signer"),
            namespace: run.namespace.clone(),
            run: run.name.clone(),
            run_uid: run.uid.to_string(),
            database_url,
            data_key: Arc::clone(data_key),
            log_format,
        }
    }

    /// Starts a signer. The first line of its standard input is the data key: it is in no file, and nobody else can read it there.
    pub(crate) async fn start(&self, holder: String) -> io::Result<ChildProcess> {
        let mut command = Command::new(&self.program);
        command
            .args(["--run", &self.run, "--run-uid", &self.run_uid])
            .args(["--namespace", &self.namespace, "--holder", &holder])
            .args(["--log-format", self.log_format.flag(), "--stop-with-stdin"])
            // By us, and by the same way: each look takes five connections.
            .arg("--sessions-are-checked")
            // A signer takes whole processors. Whoever takes records in, and the database, would wait for them, and it for records.
            .args(["--nice", NICE])
            .args(["--data-key-file", STANDARD_INPUT])
            // Not on the command line, where everybody could read a password.
            .env("DATABASE_URL", &self.database_url)
            .env_remove("CHANCERY_KEK_FILE")
            .env_remove("CHANCERY_FORMER_KEK_FILES");
        // Of no use to a signer.
        for name in chancery_sources::access::VARIABLES {
            command.env_remove(name);
        }
        let mut signer = ChildProcess::start(command, holder)?;
        self.hand_over_data_key(&mut signer).await?;
        Ok(signer)
    }
}

impl SignerCommand {
    async fn hand_over_data_key(&self, signer: &mut ChildProcess) -> io::Result<()> {
        let stdin = signer.stdin()?;
        let written = async {
            stdin.write_all(self.data_key.to_base64().as_bytes()).await?;
            stdin.write_all(b"\n").await?;
            stdin.flush().await
        };
        match written.await {
            // It has ended already, and its end tells why.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }
}
