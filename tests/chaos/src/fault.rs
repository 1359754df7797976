//! What goes wrong.

use std::fmt;
use std::time::Duration;

/// Which direction of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the programs to the server.
    Up,
    /// From the server to the programs.
    Down,
    /// Both.
    Both,
}

/// What a lost message was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// Any request.
    Any,
    /// A request of at least [`STORE_BYTES`]: one that stores a batch.
    Store,
}

/// What a request has that carries the signatures of a batch, and no other does.
pub const STORE_BYTES: usize = 1_500;

/// One fault. What it hits is chosen among what is there at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// SIGKILL to a signer.
    KillSigner,
    /// SIGSTOP to a signer, and SIGCONT after this time.
    PauseSigner(Duration),
    /// SIGTERM to a signer.
    StopSigner,
    /// SIGKILL to the supervisor or the operator; it is started again.
    KillKeeper,
    /// SIGSTOP to the supervisor or the operator, and SIGCONT after this time.
    PauseKeeper(Duration),
    /// A second supervisor or operator, or a signer with the name of another.
    SecondKeeper,
    /// `pg_terminate_backend` for one session of the programs.
    TerminateSession,
    /// `pg_terminate_backend` for all of them.
    TerminateSessions,
    /// PostgreSQL stopped in immediate mode, and started after this time.
    CrashServer(Duration),
    /// Connections stand still for this time.
    Freeze(Way, Duration),
    /// Whatever is sent is this much later (first), for this time (second).
    Slow(Duration, Duration),
    /// One connection is closed.
    CutOne,
    /// All connections are closed.
    CutAll,
    /// All connections are reset.
    ResetAll,
    /// So many requests are carried out, and instead of the answer comes a reset.
    LoseAnswers(Message, u32),
    /// So many requests are lost, with a reset.
    LoseRequests(Message, u32),
    /// All connections that the server allows are taken, for this time.
    UseUpConnections(Duration),
    /// The disk of the ledger is full, for this time.
    FillDisk(Duration),
    /// A run is deleted, with signers at work on it; its keyring and the other runs of that stay.
    DeleteRun,
    /// A run is suspended, and continues after this time.
    SuspendRun(Duration),
    /// The clock of the server is set by so many seconds.
    SetClock(i32),
    /// All connections are closed every so often (first), for this time (second).
    CutOften(Duration, Duration),
    /// Connections carry so many bytes per second, for this time.
    Trickle(u32, Duration),
    /// SIGKILL to an intake.
    KillIntake,
    /// SIGSTOP to an intake, and SIGCONT after this time.
    PauseIntake(Duration),
    /// SIGTERM to an intake.
    StopIntake,
    /// SIGKILL to a gateway.
    KillGateway,
    /// SIGSTOP to a gateway, and SIGCONT after this time.
    PauseGateway(Duration),
    /// SIGTERM to a gateway.
    StopGateway,
    /// What happens on the way to the object store that is read.
    ToSource(Road),
    /// SIGKILL to a delivery.
    KillDelivery,
    /// SIGSTOP to a delivery, and SIGCONT after this time.
    PauseDelivery(Duration),
    /// SIGTERM to a delivery.
    StopDelivery,
    /// The folder to which batches are brought is not there, for this time.
    TakeSinkAway(Duration),
    /// What happens on the way to the object store to which batches are brought.
    ToSink(Road),
}

/// What happens to the connections of an object store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Road {
    /// They stand still for this time.
    Freeze(Duration),
    /// All are reset.
    Reset,
    /// All are reset every so often (first), for this time (second).
    ResetOften(Duration, Duration),
    /// They carry so many bytes per second, for this time.
    Trickle(u32, Duration),
    /// So many requests are lost, with a reset.
    LoseRequests(u32),
    /// So many requests are carried out, and instead of the answer comes a reset.
    LoseAnswers(u32),
}

impl Fault {
    /// Its kind, by which faults are counted.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::KillSigner => "signer killed (SIGKILL)",
            Self::PauseSigner(_) => "signer paused (SIGSTOP, SIGCONT)",
            Self::StopSigner => "signer asked to stop (SIGTERM)",
            Self::KillKeeper => "supervisor or operator killed (SIGKILL)",
            Self::PauseKeeper(_) => "supervisor or operator paused",
            Self::SecondKeeper => "second supervisor, operator, or signer of one name",
            Self::TerminateSession => "session terminated (pg_terminate_backend)",
            Self::TerminateSessions => "all sessions terminated (pg_terminate_backend)",
            Self::CrashServer(_) => "PostgreSQL stopped in immediate mode",
            Self::Freeze(Way::Up, _) => "connections frozen towards the server",
            Self::Freeze(Way::Down, _) => "connections frozen from the server",
            Self::Freeze(Way::Both, _) => "connections frozen in both directions",
            Self::Slow(..) => "connections slowed",
            Self::CutOne => "a connection closed",
            Self::CutAll => "all connections closed",
            Self::ResetAll => "all connections reset",
            Self::LoseAnswers(Message::Any, _) => "answers lost",
            Self::LoseAnswers(Message::Store, _) => "answers to COMMITs of batches lost",
            Self::LoseRequests(Message::Any, _) => "requests lost",
            Self::LoseRequests(Message::Store, _) => "requests to store a batch lost",
            Self::UseUpConnections(_) => "connection limit used up",
            Self::FillDisk(_) => "disk full",
            Self::DeleteRun => "run of a shared keyring deleted",
            Self::SuspendRun(_) => "run of a shared keyring suspended",
            Self::SetClock(..0) => "clock of the server set back",
            Self::SetClock(_) => "clock of the server set forward",
            Self::CutOften(..) => "all connections closed again and again",
            Self::Trickle(..) => "connections that carry little",
            Self::KillIntake => "intake killed (SIGKILL)",
            Self::PauseIntake(_) => "intake paused (SIGSTOP, SIGCONT)",
            Self::StopIntake => "intake asked to stop (SIGTERM)",
            Self::KillGateway => "gateway killed (SIGKILL)",
            Self::PauseGateway(_) => "gateway paused (SIGSTOP, SIGCONT)",
            Self::StopGateway => "gateway asked to stop (SIGTERM)",
            Self::ToSource(Road::Freeze(_)) => "connections to the source frozen",
            Self::ToSource(Road::Reset) => "connections to the source reset",
            Self::ToSource(Road::ResetOften(..)) => "connections to the source reset again and again",
            Self::ToSource(Road::Trickle(..)) => "connections to the source that carry little",
            Self::ToSource(Road::LoseRequests(_)) => "requests to the source lost",
            Self::ToSource(Road::LoseAnswers(_)) => "answers of the source lost",
            Self::KillDelivery => "delivery killed (SIGKILL)",
            Self::PauseDelivery(_) => "delivery paused (SIGSTOP, SIGCONT)",
            Self::StopDelivery => "delivery asked to stop (SIGTERM)",
            Self::TakeSinkAway(_) => "folder of the sink taken away",
            Self::ToSink(Road::Freeze(_)) => "connections to the sink frozen",
            Self::ToSink(Road::Reset) => "connections to the sink reset",
            Self::ToSink(Road::ResetOften(..)) => "connections to the sink reset again and again",
            Self::ToSink(Road::Trickle(..)) => "connections to the sink that carry little",
            Self::ToSink(Road::LoseRequests(_)) => "requests to the sink lost",
            Self::ToSink(Road::LoseAnswers(_)) => "answers of the sink lost",
        }
    }

    /// How long it lasts; nothing for what happens in an instant.
    #[must_use]
    pub const fn lasts(&self) -> Duration {
        match self {
            Self::PauseSigner(time)
            | Self::PauseKeeper(time)
            | Self::CrashServer(time)
            | Self::Freeze(_, time)
            | Self::Slow(_, time)
            | Self::UseUpConnections(time)
            | Self::FillDisk(time)
            | Self::SuspendRun(time)
            | Self::CutOften(_, time)
            | Self::Trickle(_, time)
            | Self::PauseIntake(time)
            | Self::PauseGateway(time)
            | Self::PauseDelivery(time)
            | Self::TakeSinkAway(time)
            | Self::ToSource(Road::Freeze(time) | Road::ResetOften(_, time) | Road::Trickle(_, time))
            | Self::ToSink(Road::Freeze(time) | Road::ResetOften(_, time) | Road::Trickle(_, time)) => *time,
            Self::KillSigner
            | Self::StopSigner
            | Self::KillKeeper
            | Self::SecondKeeper
            | Self::TerminateSession
            | Self::TerminateSessions
            | Self::CutOne
            | Self::CutAll
            | Self::ResetAll
            | Self::LoseAnswers(..)
            | Self::LoseRequests(..)
            | Self::DeleteRun
            | Self::SetClock(_)
            | Self::KillIntake
            | Self::StopIntake
            | Self::KillGateway
            | Self::StopGateway
            | Self::KillDelivery
            | Self::StopDelivery
            | Self::ToSource(Road::Reset | Road::LoseRequests(_) | Road::LoseAnswers(_))
            | Self::ToSink(Road::Reset | Road::LoseRequests(_) | Road::LoseAnswers(_)) => Duration::ZERO,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())?;
        match self.lasts() {
            Duration::ZERO => Ok(()),
            time => write!(f, " for {:.1} s", time.as_secs_f64()),
        }
    }
}
