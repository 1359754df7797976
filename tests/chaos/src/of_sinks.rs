//! Does to those who bring signed batches to sinks what a schedule says.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use nix::sys::signal::Signal;

use crate::fault::Fault;
use crate::inject::{Lift, pause};
use crate::of_sources::on_the_road;
use crate::place::Stage;
use crate::signers::{self, send};

/// Something happens to a delivery, or on its way. None if there is nothing for it to hit.
pub(crate) fn to_deliveries(stage: &Arc<Stage>, fault: Fault, pick: usize) -> Option<Option<Lift>> {
    let (signal, pid) = match fault {
        Fault::ToSink(road) => return on_the_road(stage, |stage| stage.to_sink.as_ref(), road),
        Fault::TakeSinkAway(time) => return take_away(stage, time).map(Some),
        Fault::PauseDelivery(time) => return Some(Some(pause(delivery(stage, pick)?, time))),
        Fault::StopDelivery => (Signal::SIGTERM, delivery(stage, pick)?),
        _ => (Signal::SIGKILL, delivery(stage, pick)?),
    };
    send(pid, signal);
    Some(None)
}

fn delivery(stage: &Stage, pick: usize) -> Option<i32> {
    let deliveries = signers::running_deliveries(&stage.errand.journal);
    Some(deliveries.get(pick % deliveries.len().max(1))?.pid)
}

/// The folder of the first run is not there for this time, as one that is not mounted.
fn take_away(stage: &Stage, time: Duration) -> Option<Lift> {
    let folder = stage.brings.first()?.folder()?.to_owned();
    let elsewhere = folder.with_extension("away");
    std::fs::rename(&folder, &elsewhere).ok()?;
    Some(Box::pin(async move {
        tokio::time::sleep(time).await;
        std::fs::rename(&elsewhere, &folder).with_context(|| {
            format!("the sink's folder cannot come back: has somebody made another at {}?", folder.display())
        })
    }))
}
