//! What is done about the delivery of a run of which somebody is told.

use chancery_api::Reason;

use super::sinks::{delivery, run_delivery};
use super::situation::{Situation, running};
use super::table::{HOLD, at, check, hold_job, row, run_job};
use crate::run::decide::decision::{Effect, Stage};
use crate::run::facts::Background;

#[test]
fn whoever_is_told_of_a_run_is_told_from_its_beginning_to_its_end_and_while_it_is_held() {
    let done = at(Stage::Complete);
    check([
        row(
            "before anything is signed",
            Situation::created().with_background(Background::GENERATING).telling(None),
            at(Stage::Seeding).doing([Effect::StartDelivery, run_job(2)]).again_at_once(),
        ),
        row(
            "while it is suspended",
            Situation::seeded().with_job(running(2)).telling(Some(delivery())).suspended(),
            at(Stage::Suspended).doing([run_delivery(false), hold_job(2), HOLD]),
        ),
        row(
            "all is signed: a signer says that it is complete",
            Situation::seeded().with_signed(10).with_job(running(2)).telling(Some(delivery())),
            at(Stage::Signing).doing([run_delivery(false), run_job(2)]),
        ),
        row(
            "complete, and not all was told",
            Situation::signed().telling(Some(delivery())).sinks(|sinks| sinks.untold = true).completed(60),
            done.clone().doing([run_delivery(false)]).again_after(5),
        ),
        row(
            "complete, and all was told",
            Situation::signed().telling(Some(delivery())).completed(60),
            done.doing([Effect::EndDelivery]),
        ),
    ]);
}

#[test]
fn that_a_run_failed_is_written_down_once_for_each_reason() {
    let failed = |told| {
        Situation::seeded()
            .with_job(running(2).failed_by("BackoffLimitExceeded", 1))
            .telling(Some(delivery()))
            .sinks(|sinks| sinks.failure_told = told)
            .decide()
            .effects
    };
    let is_told = |effects: &[Effect]| effects.iter().any(|effect| matches!(effect, Effect::TellFailed(_)));
    assert!(is_told(&failed(None)) && is_told(&failed(Some(Reason::DeadlineExceeded))));
    assert!(!is_told(&failed(Some(Reason::SignersFailed))));
}
