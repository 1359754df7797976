//! One schedule from its first fault to its verdict.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use chancery_kit::cluster::{Cluster, Release};
use tokio::task::JoinHandle;

use crate::inject::{Injected, Keep, inject};
use crate::judge::{Judged, judge};
use crate::keeper::{Operated, Supervised, Unattended};
use crate::place::{Place, Stage};
use crate::pushing::push;
use crate::schedule::{Keeper, Schedule, When};
use crate::watch::Watch;

/// How long a run may take once nothing goes wrong any more. Whoever waits longer waits for ever.
const PATIENCE: Duration = Duration::from_secs(240);

/// A schedule that was played.
#[derive(Debug)]
pub struct Played {
    /// What happened.
    pub injected: Vec<Injected>,
    /// How often a supervisor or operator was started again.
    pub restarts: u32,
    /// Requests of clients that push: how many were answered, and how often one was sent again before.
    pub requests: (u32, u32),
    /// Time from one end of it to the other.
    pub elapsed: Duration,
    /// For each fault that others did not overlap, how long nothing was stored once it was over.
    pub stalls: Vec<(&'static str, Duration)>,
    /// What was found.
    pub judged: Judged,
}

/// Plays a schedule.
///
/// # Errors
///
/// When the harness itself fails; what the run does wrong is in the verdict.
pub async fn play(place: &Arc<Place>, schedule: &Schedule) -> anyhow::Result<(Played, Arc<Stage>)> {
    if schedule.shape.keeper == Keeper::Operator {
        return play_operated(place, schedule).await;
    }
    let stage = Arc::new(place.stage(schedule, "default").await?);
    let mut keeper: Box<dyn Keep> = match schedule.shape.keeper {
        Keeper::Supervisor => {
            let mut supervised = Supervised::start(stage.tasks[0].clone(), &stage.tasks[1..]);
            if let Some(gateways) = &stage.gateways {
                for (task, read) in stage.tasks.iter().zip(&stage.reads) {
                    supervised.also(push(Arc::clone(gateways), task.clone(), read.pushed.clone()));
                }
            }
            Box::new(supervised)
        }
        Keeper::Nobody | Keeper::Operator => {
            stage.seed(&schedule.shape).await?;
            Box::new(Unattended::start(stage.tasks.clone()))
        }
    };
    let played = play_with(place, &stage, schedule, &mut *keeper).await?;
    Ok((played, stage))
}

async fn play_operated(place: &Arc<Place>, schedule: &Schedule) -> anyhow::Result<(Played, Arc<Stage>)> {
    let cluster = Cluster::with_chart().context("the schedule needs an API server, and there is none")?;
    let namespace = cluster.namespace("chaos").await?;
    let stage = Arc::new(place.stage(schedule, &namespace.name).await?);
    let release = Release::install(&namespace, &stage.errand.url).await?;
    let environment = vec![("CHANCERY_USE_JOURNAL".to_owned(), stage.errand.journal.display().to_string())];
    let mut keeper = Operated::start(&release, environment, &schedule.shape, stage.reads.first()).await?;
    let played = play_with(place, &stage, schedule, &mut keeper).await?;
    Ok((played, stage))
}

/// Plays a schedule with those who look after its signers.
async fn play_with(
    place: &Arc<Place>,
    stage: &Arc<Stage>,
    schedule: &Schedule,
    keeper: &mut dyn Keep,
) -> anyhow::Result<Played> {
    let began = Instant::now();
    let watch = Watch::start(stage.direct.clone(), &stage.tasks[0].run);
    let mut faults = Faults::default();
    let finished = carry_out(place, stage, schedule, keeper, &watch, &mut faults).await;
    let injected = faults.all_over().await?;
    let finished = match finished {
        // The last faults are over: from here on it has to get there by itself.
        Ok(false) => tokio::time::timeout(PATIENCE, keeper.finished())
            .await
            .unwrap_or_else(|_| Err(anyhow::anyhow!("it does not complete: nothing for {PATIENCE:?}"))),
        Ok(true) => Ok(()),
        Err(error) => Err(error),
    };
    // What was to be lost on connections that are no more cannot be lost.
    stage.proxy.lose_nothing();
    for way in [&stage.to_source, &stage.to_sink].into_iter().flatten() {
        way.lose_nothing();
    }
    let judged = judge(stage, schedule, &injected, &watch, finished).await?;
    if !judged.violations.is_empty() {
        std::fs::write(stage.errand.folder.join("programs.log"), keeper.log())?;
    }
    let stalls = injected
        .iter()
        .filter(|one| is_alone(one, &injected))
        .filter_map(|one| Some((one.fault.kind(), watch.stall_after(one.ended)?)))
        .collect();
    let requests = stage.gateways.as_ref().map(|gateways| gateways.requests()).unwrap_or_default();
    let (restarts, elapsed) = (keeper.restarts(), began.elapsed());
    Ok(Played { restarts, requests, elapsed, stalls, injected, judged })
}

/// Lets the faults come, each in its time. True if the run was complete before the last.
async fn carry_out(
    place: &Arc<Place>,
    stage: &Arc<Stage>,
    schedule: &Schedule,
    keeper: &mut dyn Keep,
    watch: &Watch,
    faults: &mut Faults,
) -> anyhow::Result<bool> {
    let batches = schedule.shape.batches();
    for planned in &schedule.faults {
        let its_time = async {
            match planned.when {
                When::Signed(share) => watch.until_signed(share_of(batches, share)).await,
                When::Received(share) => {
                    watch.until_received(share_of(schedule.shape.records, share)).await;
                }
                When::Delivered(share) => watch.until_delivered(share_of(batches, share)).await,
                When::After(time) => tokio::time::sleep(time).await,
            }
        };
        tokio::select! {
            finished = keeper.finished() => {
                finished?;
                return Ok(true);
            }
            () = its_time => {}
        }
        faults.add(inject(*planned, place, stage, keeper).await?);
    }
    Ok(false)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "a share of it")]
fn share_of(all: i64, share: f64) -> i64 {
    (all as f64 * share) as i64
}

/// The faults that have come, and what ends those that last.
#[derive(Default)]
struct Faults {
    injected: Vec<Injected>,
    lifts: Vec<(usize, JoinHandle<anyhow::Result<Instant>>)>,
}

impl Faults {
    fn add(&mut self, fault: Option<(Injected, Option<crate::inject::Lift>)>) {
        let Some((injected, lift)) = fault else { return };
        if let Some(lift) = lift {
            let over = async move {
                lift.await?;
                Ok(Instant::now())
            };
            self.lifts.push((self.injected.len(), tokio::spawn(over)));
        }
        self.injected.push(injected);
    }

    /// Waits until all are over.
    async fn all_over(mut self) -> anyhow::Result<Vec<Injected>> {
        for (number, lift) in self.lifts {
            self.injected[number].ended = lift.await??;
        }
        Ok(self.injected)
    }
}

/// Whether no other fault was on while this one was.
pub(crate) fn is_alone(one: &Injected, all: &[Injected]) -> bool {
    let overlaps = |other: &&Injected| {
        !std::ptr::eq(*other, one) && other.began <= one.ended && one.began <= other.ended
    };
    !all.iter().any(|other| overlaps(&other))
}
