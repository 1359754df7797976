//! Does to a run what its schedule says.

use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context as _;
use chancery_local_postgres::ThrowAway;
use futures::future::BoxFuture;
use nix::sys::signal::Signal;
use sqlx::{Connection, PgConnection};

use crate::clock;
use crate::fault::Fault;
use crate::of_a_run::{delete, suspend};
use crate::of_sinks::to_deliveries;
use crate::of_sources::to_readers;
use crate::place::{Place, Stage};
use crate::proxy::End;
use crate::schedule::Planned;
use crate::signers::{self, Killed, RunningSigner, send};

/// How long a server may need to start again: longer than any disk is full.
const RECOVERY: Duration = Duration::from_secs(60);

/// What a fault can be done to besides server, disk and connections.
pub trait Keep {
    /// The supervisor or the operator; none where nobody looks after the signers.
    fn pid(&self) -> Option<i32>;

    /// Starts a second one by mistake; `signer` is one of those that run.
    fn second<'k>(&'k mut self, signer: Option<&'k RunningSigner>) -> BoxFuture<'k, anyhow::Result<()>>;

    /// Waits until the run is complete and every program has ended that should.
    fn finished(&mut self) -> BoxFuture<'_, anyhow::Result<()>>;

    /// How often a supervisor or operator was started again.
    fn restarts(&self) -> u32;

    /// What programs have written that write to no file of the run's folder.
    fn log(&self) -> String {
        String::new()
    }
}

/// A fault that has come.
#[derive(Clone, Debug)]
pub struct Injected {
    /// What it was.
    pub fault: Fault,
    /// When it came.
    pub began: Instant,
    /// When it was over; with it, things can begin to get better.
    pub ended: Instant,
    /// The signer that was killed.
    pub killed: Option<Killed>,
}

/// What ends a fault that lasts.
pub type Lift = BoxFuture<'static, anyhow::Result<()>>;

/// Brings a fault about. None if there was nothing for it to hit.
///
/// # Errors
///
/// A fault that cannot be brought about.
pub async fn inject(
    planned: Planned,
    place: &Arc<Place>,
    stage: &Arc<Stage>,
    keeper: &mut dyn Keep,
) -> anyhow::Result<Option<(Injected, Option<Lift>)>> {
    let Planned { fault, pick, when: _ } = planned;
    let began = Instant::now();
    let mut killed = None;
    let signers = signers::running(&stage.errand.journal);
    let victim = signers.get(pick % signers.len().max(1));
    let (proxy, on_stage) = (&stage.proxy, Arc::clone(stage));
    let lift: Option<Lift> = match fault {
        Fault::KillSigner => {
            let Some(victim) = victim else { return Ok(None) };
            killed = Some(Killed { holder: victim.holder.clone(), at: SystemTime::now() });
            send(victim.pid, Signal::SIGKILL);
            None
        }
        Fault::StopSigner => {
            let Some(victim) = victim else { return Ok(None) };
            send(victim.pid, Signal::SIGTERM);
            None
        }
        Fault::PauseSigner(time) => {
            let Some(victim) = victim else { return Ok(None) };
            Some(pause(victim.pid, time))
        }
        Fault::KillKeeper => {
            let Some(pid) = keeper.pid() else { return Ok(None) };
            send(pid, Signal::SIGKILL);
            None
        }
        Fault::PauseKeeper(time) => {
            let Some(pid) = keeper.pid() else { return Ok(None) };
            Some(pause(pid, time))
        }
        Fault::SecondKeeper => {
            keeper.second(victim).await?;
            None
        }
        Fault::TerminateSession => {
            let terminated = terminate(stage, "ORDER BY backend_start LIMIT 1").await?;
            anyhow::ensure!(terminated <= 1, "more than one session was terminated");
            None
        }
        Fault::TerminateSessions => {
            terminate(stage, "").await?;
            None
        }
        Fault::CrashServer(time) => {
            if place.server.server_pid()?.is_none() {
                return Ok(None);
            }
            place.server.stop_immediate()?;
            let place = Arc::clone(place);
            Some(Box::pin(async move {
                tokio::time::sleep(time).await;
                start_again(&place.server).await
            }))
        }
        Fault::Freeze(way, time) => {
            proxy.freeze(way);
            Some(after(time, move || on_stage.proxy.thaw()))
        }
        Fault::Slow(delay, time) => {
            proxy.slow(delay);
            Some(after(time, move || on_stage.proxy.hurry()))
        }
        Fault::CutOne => {
            proxy.end_one(pick, End::Close);
            None
        }
        Fault::CutAll => {
            proxy.end_all(End::Close);
            None
        }
        Fault::ResetAll => {
            proxy.end_all(End::Reset);
            None
        }
        Fault::LoseAnswers(message, count) => {
            proxy.lose_answers(message, count);
            None
        }
        Fault::LoseRequests(message, count) => {
            proxy.lose_requests(message, count);
            None
        }
        Fault::UseUpConnections(time) => {
            let taken = use_up(stage).await;
            Some(Box::pin(async move {
                tokio::time::sleep(time).await;
                drop(taken);
                Ok(())
            }))
        }
        Fault::FillDisk(time) => {
            let disk = stage.disk.as_ref().context("a full disk without a disk")?;
            let ballast = disk.path().join("ballast");
            fill(&ballast)?;
            Some(after(time, move || {
                // Should it stay, the run does not complete, and that is told.
                let _ = std::fs::remove_file(&ballast);
            }))
        }
        Fault::DeleteRun => {
            let Some(lift) = delete(stage, pick).await else { return Ok(None) };
            Some(lift)
        }
        Fault::SuspendRun(time) => {
            let Some(lift) = suspend(stage, pick, time).await else { return Ok(None) };
            Some(lift)
        }
        Fault::SetClock(seconds) => {
            if !clock::set(stage, seconds).await? {
                return Ok(None);
            }
            None
        }
        Fault::CutOften(every, time) => Some(Box::pin(async move {
            let end = Instant::now() + time;
            while Instant::now() < end {
                on_stage.proxy.end_all(End::Close);
                tokio::time::sleep(every).await;
            }
            Ok(())
        })),
        Fault::Trickle(bytes, time) => {
            proxy.trickle(bytes);
            Some(after(time, move || on_stage.proxy.flow()))
        }
        Fault::KillIntake
        | Fault::StopIntake
        | Fault::PauseIntake(_)
        | Fault::KillGateway
        | Fault::StopGateway
        | Fault::PauseGateway(_)
        | Fault::ToSource(_) => {
            let Some(lift) = to_readers(stage, fault, pick) else { return Ok(None) };
            lift
        }
        Fault::KillDelivery
        | Fault::StopDelivery
        | Fault::PauseDelivery(_)
        | Fault::TakeSinkAway(_)
        | Fault::ToSink(_) => {
            let Some(lift) = to_deliveries(stage, fault, pick) else { return Ok(None) };
            lift
        }
    };
    Ok(Some((Injected { fault, began, ended: began, killed }, lift)))
}

/// A server cannot recover while its disk is full: it is started until it does.
async fn start_again(server: &ThrowAway) -> anyhow::Result<()> {
    let began = Instant::now();
    loop {
        match server.start_again() {
            Ok(()) => return Ok(()),
            Err(error) if began.elapsed() > RECOVERY => return Err(error.into()),
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}

pub(crate) fn pause(pid: i32, time: Duration) -> Lift {
    send(pid, Signal::SIGSTOP);
    after(time, move || {
        // The fence may have ended it meanwhile.
        send(pid, Signal::SIGCONT);
    })
}

pub(crate) fn after(time: Duration, end: impl FnOnce() + Send + 'static) -> Lift {
    Box::pin(async move {
        tokio::time::sleep(time).await;
        end();
        Ok(())
    })
}

/// Terminates sessions of the programs; those of this harness are no target.
async fn terminate(stage: &Stage, which: &'static str) -> anyhow::Result<usize> {
    let sql = format!(
        "SELECT pg_terminate_backend(pid) FROM (
           SELECT pid FROM pg_stat_activity
            WHERE datname = current_database() AND backend_type = 'client backend'
              AND application_name <> '' {which}) sessions"
    );
    let Ok(mut connection) = PgConnection::connect(&stage.direct).await else {
        // The server is down, and with it all sessions.
        return Ok(0);
    };
    let terminated = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(&mut connection).await;
    Ok(terminated.map_or(0, |rows| rows.len()))
}

/// Connects until the server refuses.
async fn use_up(stage: &Stage) -> Vec<PgConnection> {
    let mut taken = Vec::new();
    while let Ok(connection) = PgConnection::connect(&stage.direct).await {
        taken.push(connection);
    }
    taken
}

/// Writes until nothing fits any more.
fn fill(ballast: &std::path::Path) -> anyhow::Result<()> {
    let mut file = std::fs::File::create(ballast)?;
    for size in [1 << 20, 4 << 10] {
        let piece = vec![0; size];
        loop {
            match file.write_all(&piece) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::StorageFull => break,
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}
