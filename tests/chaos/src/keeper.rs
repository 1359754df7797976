//! Those who start signers, and start them again.

mod operated;
mod supervisor;
mod unattended;

use std::path::PathBuf;

use chancery_process::Exit;
use tokio::task::JoinSet;

pub use operated::Operated;
pub use supervisor::Supervised;
pub use unattended::Unattended;

/// What every signer of a schedule is started with.
#[derive(Clone, Debug)]
pub struct Errand {
    /// The database, by way of the proxy.
    pub url: String,
    /// The folder with manifest, KEK and logs.
    pub folder: PathBuf,
    /// Where signers tell which key they use.
    pub journal: PathBuf,
    /// Signer processes.
    pub signers: u32,
    /// Signing threads of each.
    pub threads: u32,
}

impl Errand {
    /// The KEK.
    #[must_use]
    pub fn kek_file(&self) -> PathBuf {
        self.folder.join("kek")
    }

    /// The variables that every program is started with.
    #[must_use]
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("DATABASE_URL", self.url.clone()),
            ("CHANCERY_KEK_FILE", self.kek_file().display().to_string()),
            ("CHANCERY_USE_JOURNAL", self.journal.display().to_string()),
            ("CHANCERY_THREADS", self.threads.to_string()),
            ("RUST_LOG", "info".to_owned()),
        ]
    }

    /// A file to which a program's output is added.
    ///
    /// # Errors
    ///
    /// When it can not be opened.
    pub fn log(&self, name: &str) -> std::io::Result<std::fs::File> {
        std::fs::OpenOptions::new().create(true).append(true).open(self.folder.join(name))
    }
}

/// Waits for all of them; the first that fails is what all come to.
async fn all(programs: &mut JoinSet<anyhow::Result<()>>) -> anyhow::Result<()> {
    while let Some(program) = programs.join_next().await {
        program??;
    }
    Ok(())
}

/// Whether a program saw the run complete; else it is to be started again, as after a signal (the fence's among
/// them) and after these codes. Any other is explained by no fault.
fn ended_well(program: &str, code: Option<i32>, again: &[i32]) -> anyhow::Result<bool> {
    match code {
        Some(0) => Ok(true),
        None => Ok(false),
        Some(code) if again.contains(&code) => Ok(false),
        Some(code) => anyhow::bail!("{program} ended with {code}, which no fault explains"),
    }
}

/// As a process tells it.
fn exit_code(exit: Exit) -> i32 {
    i32::from(exit.code())
}
