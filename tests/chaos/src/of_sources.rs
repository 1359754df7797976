//! Does to those who read sources what a schedule says.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use nix::sys::signal::Signal;

use crate::fault::{Message, Road};
use crate::inject::{Lift, after, pause};
use crate::place::Stage;
use crate::proxy::End;
use crate::signers::{self, send};

/// Sends a signal to an intake. None if there is none.
pub(crate) fn signal_intake(stage: &Stage, pick: usize, signal: Signal) -> Option<()> {
    let intakes = signers::running_intakes(&stage.errand.journal);
    send(intakes.get(pick % intakes.len().max(1))?.pid, signal);
    Some(())
}

/// Stops an intake for this time. None if there is none.
pub(crate) fn pause_intake(stage: &Stage, pick: usize, time: Duration) -> Option<Lift> {
    let intakes = signers::running_intakes(&stage.errand.journal);
    Some(pause(intakes.get(pick % intakes.len().max(1))?.pid, time))
}

/// Sends a signal to a gateway. None if there is none.
pub(crate) fn signal_gateway(stage: &Stage, pick: usize, signal: Signal) -> Option<()> {
    send(stage.gateways.as_ref()?.pid(pick)?, signal);
    Some(())
}

/// Stops a gateway for this time. None if there is none.
pub(crate) fn pause_gateway(stage: &Stage, pick: usize, time: Duration) -> Option<Lift> {
    Some(pause(stage.gateways.as_ref()?.pid(pick)?, time))
}

/// Something happens on the way to the object store. None if nothing is read from one.
pub(crate) fn on_the_road(stage: &Arc<Stage>, road: Road) -> Option<Option<Lift>> {
    let way = stage.to_source.as_ref()?;
    let on_stage = Arc::clone(stage);
    let later = move |time: Duration, end: fn(&crate::proxy::Proxy)| -> Lift {
        after(time, move || {
            if let Some(way) = &on_stage.to_source {
                end(way);
            }
        })
    };
    Some(match road {
        Road::Freeze(time) => {
            way.freeze(crate::fault::Way::Both);
            Some(later(time, crate::proxy::Proxy::thaw))
        }
        Road::Reset => {
            way.end_all(End::Reset);
            None
        }
        Road::ResetOften(every, time) => Some(reset_often(Arc::clone(stage), every, time)),
        Road::Trickle(bytes, time) => {
            way.trickle(bytes);
            Some(later(time, crate::proxy::Proxy::flow))
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

fn reset_often(stage: Arc<Stage>, every: Duration, time: Duration) -> BoxFuture<'static, anyhow::Result<()>> {
    Box::pin(async move {
        let end = Instant::now() + time;
        while Instant::now() < end {
            if let Some(way) = &stage.to_source {
                way.end_all(End::Reset);
            }
            tokio::time::sleep(every).await;
        }
        Ok(())
    })
}
