//! What can go wrong with the ledger, told apart by what to do about it.

mod class;
pub(crate) mod codes;

use uuid::Uuid;

pub(crate) use class::said;
use class::{Class, class_of, hint};

/// An error of the ledger. Its message is one or two sentences for the person at the keyboard, the cause among them: no
/// variant has a `source`, which would be said a second time.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The URL cannot be read. The URL itself may hold a password, so it is not repeated.
    #[error("the database URL cannot be read: {0}; wanted is postgres://USER:PASSWORD@HOST:PORT/DATABASE")]
    BadUrl(String),
    /// The URL asks for a connection that anybody could listen to or answer, and does not say so.
    #[error(
        "the database URL is not safe: {0}; use sslmode=verify-full, with sslrootcert=FILE for a CA of your own, or, where you trust the whole network, sslmode=disable"
    )]
    UnsafeTransport(String),
    /// The server asked for the password in a way in which any server would get to know it.
    #[error(
        "the database was not given the password: {0}, and its certificate is not verified; use sslmode=verify-full, or have the server ask by scram-sha-256 (pg_hba.conf and password_encryption)"
    )]
    UnsafeLogin(String),
    /// The server is away, restarting, full of connections, or the connection broke.
    #[error("the database does not answer: {}", said(.0))]
    Unreachable(sqlx::Error),
    /// An answer took longer than it may; the connection is given up.
    #[error("the database did not answer within {0:?}")]
    TimedOut(std::time::Duration),
    /// The server cancelled a statement, or ended it because of others that were under way.
    #[error(
        "the database answers, but it gave up {what}: {}; if that is a timeout, it is overloaded, or something holds a lock for long",
        said(reason)
    )]
    GaveUp {
        /// The query's file name.
        what: &'static str,
        /// What the database said.
        reason: sqlx::Error,
    },
    /// The server has come to a limit, which somebody has to raise, or to act on.
    #[error(
        "the database has reached a limit: {}{}; the run continues once that is dealt with on the server",
        said(.0), hint(.0)
    )]
    AtLimit(sqlx::Error),
    /// The server's disk is full.
    #[error("the database has no room left: {}; the run continues once there is room", said(.0))]
    DiskFull(sqlx::Error),
    /// User or password are not accepted.
    #[error("the database refuses the login: {}; check user and password of the database URL", said(.0))]
    LoginRefused(sqlx::Error),
    /// The database named in the URL does not exist.
    #[error("the database does not exist: {}; create it, or name another in the database URL", said(.0))]
    NoDatabase(sqlx::Error),
    /// The server is a standby, or its default is read-only.
    #[error(
        "the database is read-only (a standby, or default_transaction_read_only): the ledger needs the primary"
    )]
    ReadOnly,
    /// A pooler lends the same server session to several clients in turn.
    #[error(
        "the database is behind a connection pooler that shares sessions between clients (transaction or statement pooling): {0}; connect to PostgreSQL directly, or through a pool in session mode (PgBouncer: pool_mode = session for this database)"
    )]
    SharedSession(String),
    /// A pooler lends a server session to one client after another, with what the one before left in it.
    #[error(
        "the connection pooler in front of the database hands a session on with what its last client left in it (settings, role, prepared statements): {0}; give Chancery a pool in session mode that resets its sessions (PgBouncer: pool_mode = session and server_reset_query = DISCARD ALL, its defaults), or connect to PostgreSQL directly"
    )]
    SessionNotReset(String),
    /// A pooler refuses what is sent as a connection begins.
    #[error(
        "the connection pooler in front of the database refuses a parameter: {}; take it out of the database URL and the environment (PGOPTIONS), or connect to PostgreSQL directly; a pooler has to be in session mode, never in transaction mode", said(.0)
    )]
    PoolerRefuses(sqlx::Error),
    /// The role may not do what is needed.
    #[error(
        "the database role lacks a right: {}; docs/operating/postgresql.md lists what owner and signer need",
        said(.0)
    )]
    LacksRights(sqlx::Error),
    /// The login may not have logins of runs made, or the function that makes them is not there.
    #[error(
        "logins for the signers of runs cannot be made: {0}; have an administrator of the server run `chancery roles-sql | psql ADMIN_URL` in the ledger's database, and there `GRANT chancery_operator, chancery_auditor TO` the login of the database URL unless it owns the database (docs/operating/postgresql.md)"
    )]
    NoLoginMaker(String),
    /// What is to be an operator's login could do whatever the ledger's owner can.
    #[error(
        "the login {0} of the operator's URL is the ledger's owner, a member of it, or a superuser: give the operator a login of its own"
    )]
    OwnerAsOperator(String),
    /// What is to be a gateway's login could do more than push and show records.
    #[error(
        "the login {0} of the gateway's URL may do more than a gateway: it is the ledger's owner, a superuser, or a member of another role of the ledger; give the gateway a login of its own"
    )]
    TooMuchForGateway(String),
    /// The server is older than Chancery supports.
    #[error("the database is PostgreSQL {found}, at least {wanted} is needed")]
    TooOld {
        /// The server's version, as it gives it.
        found: String,
        /// The oldest major version that is supported.
        wanted: i32,
    },
    /// The ledger was migrated by a newer program.
    #[error(
        "the ledger is at version {ledger}, this program knows up to {program}: use a program at least as new as the one that migrated it"
    )]
    NewerLedger {
        /// Newest migration in the ledger.
        ledger: i64,
        /// Newest migration in this program.
        program: i64,
    },
    /// The ledger has not been brought to this program's version yet.
    #[error(
        "the ledger is at version {ledger}, this program needs {program}: let the owner migrate it (`chancery-operator migrate`, or any command of `chancery` that reads the ledger)"
    )]
    OlderLedger {
        /// Newest migration in the ledger; 0 when there is no ledger.
        ledger: i64,
        /// Newest migration in this program.
        program: i64,
    },
    /// The functions of the ledger are not those of this program, whose login may not put them in place.
    #[error(
        "the ledger's functions are of another version of Chancery than this program: {first}{}; this login may not put them in place: let the ledger's owner do so, with a program of the same version (`chancery-operator migrate`, or any command of `chancery` that reads the ledger)",
        match others { 1 => String::new(), more => format!(" and {} more", more - 1) }
    )]
    NotMigrated {
        /// The first of them.
        first: &'static str,
        /// How many there are.
        others: usize,
    },
    /// The ledger has not the functions that this program calls.
    #[error(
        "the ledger's functions are of another version of Chancery than this program: {what}: {}; a program of another version has opened the ledger since; what is signed stays signed; go on with programs of one version, and let the owner's (any `chancery run` or the operator) come first",
        said(reason)
    )]
    OtherFunctions {
        /// The query's file name.
        what: &'static str,
        /// What the database said.
        reason: sqlx::Error,
    },
    /// The ledger is of a time before its functions were files of their own. Nothing reads it any more.
    #[error(
        "the ledger was made by an earlier version of Chancery, which this one cannot read: export what you need from it with the program that made it, then use another database, or remove it (DROP SCHEMA chancery CASCADE; for the private PostgreSQL, `make clean-data`) and run again"
    )]
    FormerLedger,
    /// The private keys of its keyrings are wrapped by the KEK itself, which is in no ledger.
    #[error(
        "the ledger has keyrings of an earlier version of Chancery, whose keys are wrapped by the KEK itself: finish and export their runs with the program that made them, and delete runs and keyrings with it (`chancery delete`, `chancery keyring delete`); or use another database; nothing was changed"
    )]
    KeyringsWithoutDataKey,
    /// A migration did not apply, or one that was applied has changed since.
    #[error("the ledger cannot be migrated: {0}")]
    Migration(String),
    /// The database holds another ledger than the one that was found there at first.
    #[error(
        "the database does not hold the ledger {was} any more, {}: it was made anew, or the URL leads elsewhere now; nothing was changed there; start again once the right database is back",
        match is { Some(is) => format!("but the ledger {is}"), None => "nor any other".to_owned() }
    )]
    OtherLedger {
        /// The uid of the ledger that was found first.
        was: Uuid,
        /// The uid of the ledger that is there now, if there is one.
        is: Option<Uuid>,
    },
    /// No run has this name.
    #[error(
        "there is no run {0} in this ledger; `chancery status` lists those there are, and the login of a run sees that run alone"
    )]
    NoRun(String),
    /// A deletion of the run has begun, and may have been broken off: what is left of it is no whole run.
    #[error(
        "the run {0} is being deleted, and its records with it; if nobody deletes it any more, `chancery delete {0}` finishes that"
    )]
    BeingDeleted(String),
    /// No keyring has this name.
    #[error("there is no keyring {0} in this ledger; `chancery keyring list` lists those there are")]
    NoKeyring(String),
    /// A run names a keyring that does not exist, and does not say how many keys to make.
    #[error(
        "there is no keyring {0}, and the run does not say how many keys to make: give it spec.keyCount, or name a keyring that exists (`chancery keyring list`)"
    )]
    KeyringUnknown(String),
    /// A run asks for another keyring than the one of that name.
    #[error(
        "the keyring {keyring} is another one than the run asks for: it has {found}; leave spec.keyCount, spec.algorithm, spec.keySize, spec.envelope and spec.contentType out, or name another keyring"
    )]
    KeyringDiffers {
        /// The ring, as `NAMESPACE/NAME`.
        keyring: String,
        /// What it has: `algorithm RS256, keySize 2048, keyCount 10, envelope Raw`.
        found: String,
    },
    /// A run asks for a keyring that was made for another namespace of this name, or for another cluster's.
    #[error(
        "the keyring {keyring} is not this namespace's: it was made at {since} for a namespace of this name that is gone, for another cluster, or for none; name another keyring, or take this one over with the uid of the object that it was made for, which its SigningRuns had in status.keyring.madeBy and `chancery keyring list` shows (annotation chancery.dev/adopt-keyring, or `chancery run --adopt-keyring`)"
    )]
    KeyringOfAnother {
        /// The ring, as `NAMESPACE/NAME`.
        keyring: String,
        /// When it was made.
        since: String,
    },
    /// A run asks for more than it, or its namespace, may have. What was asked for, what is allowed, and who can change that.
    #[error("{0}")]
    BeyondLimits(String),
    /// A keyring that runs sign with is not deleted.
    #[error(
        "runs sign with the keyring {keyring} ({runs} in this ledger): delete them first (`chancery status` lists runs)"
    )]
    KeyringInUse {
        /// The ring, as `NAMESPACE/NAME`.
        keyring: String,
        /// How many runs it has.
        runs: i64,
    },
    /// The lease is no longer the caller's. Nothing was stored.
    #[error("lease {0} is lost: another signer has taken its batch over")]
    LeaseLost(i64),
    /// The ledger holds something that its own rules exclude.
    #[error("the ledger contradicts itself: {0}")]
    Corrupt(String),
    /// The database refused a statement for any other reason.
    #[error("the database refused {what}: {}", said(reason))]
    Query {
        /// The query's file name.
        what: &'static str,
        /// What the database said.
        reason: sqlx::Error,
    },
}

impl StoreError {
    /// Sorts out an error of the query `what`.
    pub(crate) fn of(what: &'static str, error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(refusal) => match class_of(refusal.as_ref()) {
                Class::Unreachable => Self::Unreachable(error),
                Class::GaveUp => Self::GaveUp { what, reason: error },
                Class::AtLimit => Self::AtLimit(error),
                Class::DiskFull => Self::DiskFull(error),
                Class::LoginRefused => Self::LoginRefused(error),
                Class::NoDatabase => Self::NoDatabase(error),
                Class::ReadOnly => Self::ReadOnly,
                Class::LacksRights => Self::LacksRights(error),
                Class::SharedSession => Self::SharedSession(refusal.message().to_owned()),
                Class::SessionNotReset => Self::SessionNotReset(refusal.message().to_owned()),
                Class::PoolerRefuses => Self::PoolerRefuses(error),
                Class::UnsafeLogin => Self::UnsafeLogin(refusal.message().to_owned()),
                Class::OtherFunctions => Self::OtherFunctions { what, reason: error },
                Class::Other => Self::Query { what, reason: error },
            },
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unreachable(error),
            sqlx::Error::Configuration(_) => Self::of_preparation(error),
            _ => Self::Query { what, reason: error },
        }
    }

    /// What a pool says of a connection that could not be made ready: mostly an error of our own, on its way through
    /// the pool.
    fn of_preparation(error: sqlx::Error) -> Self {
        let sqlx::Error::Configuration(reason) = error else { return Self::Unreachable(error) };
        match reason.downcast::<Self>() {
            Ok(own) => *own,
            Err(other) => Self::BadUrl(other.to_string()),
        }
    }

    /// What the database said as it refused the statement with this SQLSTATE.
    pub(crate) fn refused_with(&self, code: &str) -> Option<&str> {
        match self {
            Self::Query { reason: sqlx::Error::Database(refusal), .. }
            | Self::OtherFunctions { reason: sqlx::Error::Database(refusal), .. } => {
                (refusal.code().as_deref() == Some(code)).then(|| refusal.message())
            }
            _ => None,
        }
    }

    /// Whether the database refused the statement with this SQLSTATE.
    pub(crate) fn is_refusal(&self, code: &str) -> bool {
        self.refused_with(code).is_some()
    }

    /// Whether the same call may succeed later with nobody changing anything: the database is
    /// away, or gave up this one statement. One that is out of room, or at a limit, is not waited for: somebody has
    /// to make room.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::TimedOut(_) | Self::GaveUp { .. } | Self::ReadOnly => true,
            Self::AtLimit(_)
            | Self::DiskFull(_)
            | Self::BadUrl(_)
            | Self::UnsafeTransport(_)
            | Self::UnsafeLogin(_)
            | Self::LoginRefused(_)
            | Self::NoDatabase(_)
            | Self::LacksRights(_)
            | Self::NoLoginMaker(_)
            | Self::OwnerAsOperator(_)
            | Self::TooMuchForGateway(_)
            | Self::SharedSession(_)
            | Self::SessionNotReset(_)
            | Self::PoolerRefuses(_)
            | Self::TooOld { .. }
            | Self::NewerLedger { .. }
            | Self::OlderLedger { .. }
            | Self::NotMigrated { .. }
            | Self::OtherFunctions { .. }
            | Self::Migration(_)
            | Self::FormerLedger
            | Self::KeyringsWithoutDataKey
            | Self::OtherLedger { .. }
            | Self::NoRun(_)
            | Self::BeingDeleted(_)
            | Self::NoKeyring(_)
            | Self::KeyringUnknown(_)
            | Self::KeyringDiffers { .. }
            | Self::KeyringOfAnother { .. }
            | Self::BeyondLimits(_)
            | Self::KeyringInUse { .. }
            | Self::LeaseLost(_)
            | Self::Corrupt(_)
            | Self::Query { .. } => false,
        }
    }
}
