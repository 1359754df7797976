//! Those who start signers, and start them again.

mod helpers;
mod operated;
mod supervisor;
mod unattended;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use chancery_process::Exit;
use sqlx::{Connection, PgConnection};
use tokio::task::JoinSet;

pub use operated::Operated;
pub use supervisor::Supervised;
pub use unattended::Unattended;

/// What every signer of a schedule is started with.
#[derive(Clone, Debug)]
pub struct Errand {
    /// The database, by way of the proxy.
    pub url: String,
    /// The database past the proxy.
    pub direct: String,
    /// The folder with manifests, KEK and logs.
    pub folder: PathBuf,
    /// Where signers tell which key they use.
    pub journal: PathBuf,
    /// Signing threads of each.
    pub threads: u32,
}

/// A run that is to be signed.
#[derive(Clone, Debug)]
pub struct Task {
    /// What its signers are started with.
    pub errand: Errand,
    /// Its name.
    pub run: String,
    /// Signer processes.
    pub signers: u32,
    deleted: Arc<AtomicBool>,
    /// The URL with the login of its signers, once it has one.
    signers_url: Arc<OnceLock<String>>,
    /// The URL with the login of its intakes, once it has one; never, if its records are generated.
    intakes_url: Arc<OnceLock<String>>,
    /// The URL with the login of its deliveries, once it has one; never, if it has no sink.
    deliveries_url: Arc<OnceLock<String>>,
}

impl Task {
    /// A run that so many signers are to sign.
    #[must_use]
    pub fn new(errand: Errand, run: String, signers: u32) -> Self {
        Self {
            errand,
            run,
            signers,
            deleted: Arc::default(),
            signers_url: Arc::default(),
            intakes_url: Arc::default(),
            deliveries_url: Arc::default(),
        }
    }

    /// Gives it the URL with the login of its signers; the first one counts.
    pub fn signs_by(&self, url: String) {
        self.signers_url.get_or_init(|| url);
    }

    /// Gives it the URL with the login of its intakes; the first one counts.
    pub fn reads_by(&self, url: String) {
        self.intakes_url.get_or_init(|| url);
    }

    /// That URL; none if nothing is read for it.
    pub(crate) fn intakes_url(&self) -> Option<String> {
        self.intakes_url.get().cloned()
    }

    /// Gives it the URL with the login of its deliveries; the first one counts.
    pub fn delivers_by(&self, url: String) {
        self.deliveries_url.get_or_init(|| url);
    }

    /// That URL; none if it has no sink.
    pub(crate) fn deliveries_url(&self) -> Option<String> {
        self.deliveries_url.get().cloned()
    }

    /// The variables that a signer of it is started with.
    pub(crate) fn environment_of_signers(&self) -> Vec<(&'static str, String)> {
        let mut environment = self.errand.environment();
        environment.retain(|(name, _)| !["DATABASE_URL", "CHANCERY_KEK_FILE"].contains(name));
        environment.push(("CHANCERY_DATA_KEY_FILE", self.data_key_file().display().to_string()));
        environment.extend(self.signers_url.get().map(|url| ("DATABASE_URL", url.clone())));
        environment
    }

    /// The file with the data key of its keyring.
    #[must_use]
    pub fn data_key_file(&self) -> PathBuf {
        self.errand.folder.join(format!("{}.data-key", self.run))
    }

    /// From now on nothing is started for it any more, and every end of a program is explained.
    pub fn give_up(&self) {
        self.deleted.store(true, Ordering::Relaxed);
    }

    /// Whether it was, or is being, deleted.
    #[must_use]
    pub fn is_given_up(&self) -> bool {
        self.deleted.load(Ordering::Relaxed)
    }

    /// Its manifest.
    #[must_use]
    pub fn manifest(&self) -> PathBuf {
        self.errand.folder.join(format!("{}.yaml", self.run))
    }

    /// Whether the ledger has it as complete.
    async fn is_complete(&self) -> anyhow::Result<bool> {
        let mut connection = PgConnection::connect(&self.errand.direct).await?;
        let complete = "SELECT completed_at IS NOT NULL FROM chancery.runs WHERE name = $1";
        let complete = sqlx::query_scalar(complete).bind(&self.run).fetch_optional(&mut connection).await?;
        Ok(complete.unwrap_or(false))
    }
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
    /// When it cannot be opened.
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
