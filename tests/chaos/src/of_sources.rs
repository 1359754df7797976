//! Does to those who read sources what a schedule says.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use nix::sys::signal::Signal;

use crate::fault::{Fault, Message, Road};
use crate::inject::{Lift, after, pause};
use crate::place::Stage;
use crate::proxy::{End, Proxy};
use crate::signers::{self, send};

/// A way to a source or a sink, if the schedule has one.
type WayOf = fn(&Stage) -> Option<&Proxy>;

/// Something happens to an intake, to a gateway, or on the way to an object store. None if there is nothing for it to hit.
pub(crate) fn to_readers(stage: &Arc<Stage>, fault: Fault, pick: usize) -> Option<Option<Lift>> {
    let (signal, pid) = match fault {
        Fault::ToSource(road) => return on_the_road(stage, |stage| stage.to_source.as_ref(), road),
        Fault::PauseIntake(time) => return Some(Some(pause(intake(stage, pick)?, time))),
        Fault::PauseGateway(time) => return Some(Some(pause(gateway(stage, pick)?, time))),
        Fault::KillGateway => (Signal::SIGKILL, gateway(stage, pick)?),
        Fault::StopGateway => (Signal::SIGTERM, gateway(stage, pick)?),
        Fault::StopIntake => (Signal::SIGTERM, intake(stage, pick)?),
        _ => (Signal::SIGKILL, intake(stage, pick)?),
    };
    send(pid, signal);
    Some(None)
}

fn intake(stage: &Stage, pick: usize) -> Option<i32> {
    let intakes = signers::running_intakes(&stage.errand.journal);
    Some(intakes.get(pick % intakes.len().max(1))?.pid)
}

fn gateway(stage: &Stage, pick: usize) -> Option<i32> {
    stage.gateways.as_ref()?.pid(pick)
}

/// Something happens on the way to an object store. None if there is no such way.
pub(crate) fn on_the_road(stage: &Arc<Stage>, way_of: WayOf, road: Road) -> Option<Option<Lift>> {
    let way = way_of(stage)?;
    let on_stage = Arc::clone(stage);
    let later = move |time: Duration, end: fn(&Proxy)| -> Lift {
        after(time, move || {
            if let Some(way) = way_of(&on_stage) {
                end(way);
            }
        })
    };
    Some(match road {
        Road::Freeze(time) => {
            way.freeze(crate::fault::Way::Both);
            Some(later(time, Proxy::thaw))
        }
        Road::Reset => {
            way.end_all(End::Reset);
            None
        }
        Road::ResetOften(every, time) => Some(reset_often(Arc::clone(stage), way_of, every, time)),
        Road::Trickle(bytes, time) => {
            way.trickle(bytes);
            Some(later(time, Proxy::flow))
        }
        Road::LoseRequests(count) => {
            way.lose_requests(Message::Any, count);
            None
        }
        Road::LoseAnswers(count) => {
            way.lose_answers(Message::Any, count);
            None
        }
    })
}

fn reset_often(
    stage: Arc<Stage>,
    way_of: WayOf,
    every: Duration,
    time: Duration,
) -> BoxFuture<'static, anyhow::Result<()>> {
    Box::pin(async move {
        let end = Instant::now() + time;
        while Instant::now() < end {
            if let Some(way) = way_of(&stage) {
                way.end_all(End::Reset);
            }
            tokio::time::sleep(every).await;
        }
        Ok(())
    })
}
