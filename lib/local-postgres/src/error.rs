//! What can go wrong, said so that a person knows what to do next.

use std::io;
use std::path::{Path, PathBuf};

use crate::binaries::MINIMUM_MAJOR;

/// Why a private PostgreSQL could not be found, made, started or stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No PostgreSQL server programs on this machine.
    #[error(
        "no PostgreSQL server programs found (looked in {looked}); \
         install them with `apt-get install postgresql`, or set PG_BINDIR to the folder \
         that holds `postgres`, `initdb` and `pg_ctl`"
    )]
    BinariesMissing {
        /// The places looked at, for a person.
        looked: String,
    },

    /// Server programs, but of a PostgreSQL that is too old.
    #[error(
        "PostgreSQL {found} in {} is too old, {MINIMUM_MAJOR} or newer is wanted; \
         install a newer `postgresql` package, or set PG_BINDIR to the folder of a newer one",
        bin_dir.display()
    )]
    BinariesTooOld {
        /// The version found.
        found: String,
        /// Where it is.
        bin_dir: PathBuf,
    },

    /// The data were written by a version whose programs are not installed.
    #[error(
        "the data in {} were written by PostgreSQL {wanted}, but its programs were not found; \
         install `postgresql-{wanted}`, or remove that folder to begin with an empty database",
        data_dir.display()
    )]
    ClusterVersion {
        /// The data directory.
        data_dir: PathBuf,
        /// The major version that wrote it.
        wanted: u32,
    },

    /// The data directory holds something, but no PostgreSQL cluster.
    #[error(
        "{} is not empty and holds no PostgreSQL cluster; \
         name another folder for the data, or empty this one",
        .0.display()
    )]
    NotACluster(PathBuf),

    /// The data belong to another user.
    #[error(
        "the data in {} belong to user id {owner}, and this is user id {me}; \
         run as that user or as root, or remove the folder to begin with an empty database",
        data_dir.display()
    )]
    NotOwner {
        /// The data directory.
        data_dir: PathBuf,
        /// Its owner.
        owner: u32,
        /// The effective user of this process.
        me: u32,
    },

    /// Root, and no unprivileged account to run the server as.
    #[error(
        "PostgreSQL refuses to run as root, and this machine has neither a user `postgres` \
         nor `nobody`; create one, or start this as an ordinary user"
    )]
    NoAccount,

    /// The unprivileged account cannot reach the data.
    #[error(
        "PostgreSQL refuses to run as root, and the user `{account}` cannot reach {}: \
         {reason}; let that user pass through the folders above it, or start this as an \
         ordinary user",
        dir.display()
    )]
    Unreachable {
        /// The account that was tried.
        account: String,
        /// The directory it cannot reach.
        dir: PathBuf,
        /// What the attempt said.
        reason: String,
    },

    /// No directory fit for a Unix socket could be made.
    #[error(
        "no folder for the server's socket: {} is too long for a Unix socket (107 bytes) or \
         has a comma in it, and no private folder could be made in the temporary folder; set TMPDIR to a short \
         path that can be written to",
        .0.display()
    )]
    SocketPath(PathBuf),

    /// A path that cannot be written in a setting or an address.
    #[error("the path {} is not valid UTF-8 or has a control character; use another", .0.display())]
    OddPath(PathBuf),

    /// A setting that PostgreSQL's configuration file cannot hold.
    #[error("`{0}` is not the name of a PostgreSQL setting; use letters, digits, `_` and `.`")]
    Setting(String),

    /// A program could not be run at all.
    #[error("cannot run `{}`: {reason}; {hint}", program.display())]
    Run {
        /// The program.
        program: PathBuf,
        /// What to do.
        hint: &'static str,
        /// The system's answer.
        reason: io::Error,
    },

    /// `initdb` failed.
    #[error("cannot create a PostgreSQL cluster in {}; initdb said: {said}", data_dir.display())]
    Init {
        /// The data directory.
        data_dir: PathBuf,
        /// The last lines of its output.
        said: String,
    },

    /// A copy of a cluster failed.
    #[error("cannot copy the PostgreSQL cluster {}; cp said: {said}", template.display())]
    Template {
        /// What was to be copied.
        template: PathBuf,
        /// The last lines of its output.
        said: String,
    },

    /// `pg_basebackup` failed.
    #[error("cannot make a standby in {}; pg_basebackup said: {said}", data_dir.display())]
    Copy {
        /// The data directory.
        data_dir: PathBuf,
        /// The last lines of its output.
        said: String,
    },

    /// The server did not come up.
    #[error(
        "PostgreSQL did not start with the data in {}; its log ({}) says: {said}",
        data_dir.display(), log.display()
    )]
    Start {
        /// The data directory.
        data_dir: PathBuf,
        /// The server's log.
        log: PathBuf,
        /// The last lines of that log.
        said: String,
    },

    /// The server did not go down.
    #[error(
        "PostgreSQL with the data in {} did not stop: {said}; end the process {pid} yourself",
        data_dir.display()
    )]
    Stop {
        /// The data directory.
        data_dir: PathBuf,
        /// The server's process.
        pid: u32,
        /// What `pg_ctl` said.
        said: String,
    },

    /// A file or folder could not be used.
    #[error("cannot {what} {}: {reason}", path.display())]
    Io {
        /// What was tried, such as "create the folder".
        what: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        reason: io::Error,
    },
}

/// Names what was tried on which path: `fs::read(p).map_err(io_error("read", p))?`.
pub(crate) fn io_error(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_path_buf();
    move |reason| Error::Io { what, path, reason }
}

/// The last few lines of a text, in one line, for an error message.
pub(crate) fn last_lines(text: &[u8]) -> String {
    const LINES: usize = 6;
    let text = String::from_utf8_lossy(text);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    match lines.len() {
        0 => "(nothing)".to_owned(),
        n => lines[n.saturating_sub(LINES)..].join(" | "),
    }
}
