//! While the keys of the run's ring are made.

use super::situation::{Situation, running, seconds, work_failed};
use super::table::{LET_GO, at, check, hold_job, row};
use crate::run::decide::decision::{Effect, Stage};
use crate::run::facts::Background;
use crate::run::facts::WorkKind;
use chancery_api::Reason;

#[test]
fn the_ring_of_a_run_is_filled_in_the_background() {
    let seeding = at(Stage::Seeding);
    check([
        row(
            "filling starts, and no record is made yet",
            Situation::created(),
            seeding.clone().doing([Effect::StartFilling]),
        ),
        row(
            "filling that is under way continues",
            Situation::created().with_background(Background::FILLING),
            seeding.clone(),
        ),
        row(
            "filling starts while an earlier run is being deleted",
            Situation::created().with_background(Background::DELETING),
            seeding.clone().doing([Effect::StartFilling]),
        ),
        row(
            "a failed deletion of an earlier run does not delay filling",
            Situation::created().with_background(work_failed(WorkKind::Deleting, 0)),
            seeding.clone().doing([Effect::StartFilling]),
        ),
        row(
            "filling that failed just now is retried after a pause",
            Situation::created().with_background(work_failed(WorkKind::Filling, 4)),
            seeding.clone().blocked(Reason::FillingFailed).again_after(6),
        ),
        row(
            "filling that failed a while ago is retried, and still reported as failed",
            Situation::created().with_background(work_failed(WorkKind::Filling, 10)),
            seeding.clone().blocked(Reason::FillingFailed).doing([Effect::StartFilling]),
        ),
        row(
            "a run that was suspended is resumed before its ring is filled",
            Situation::created().held(),
            seeding.clone().doing([LET_GO, Effect::StartFilling]),
        ),
        row(
            "the ledger gets a changed lease duration",
            Situation::created()
                .stored(|ledger| ledger.lease_duration = seconds(7))
                .with_background(Background::FILLING),
            seeding.clone().doing([LET_GO]),
        ),
        row(
            "a Job that is there is stopped until the ring is filled",
            Situation::created().with_job(running(2)),
            seeding.clone().doing([Effect::StartFilling, hold_job(2)]),
        ),
        row(
            "records that are there are not signed before the ring is filled",
            Situation::seeded().stored(|ledger| ledger.filled = false),
            seeding.doing([Effect::StartFilling]),
        ),
    ]);
}

#[test]
fn a_ring_that_another_run_filled_needs_no_filling_and_no_kek() {
    let failed = Situation::filled().with_background(work_failed(WorkKind::Filling, 1));
    let generating = at(Stage::Seeding).doing([Effect::StartGenerating]);
    check([
        row("this run's own filling failed before", failed, generating.clone()),
        row("the operator has another KEK", Situation::filled().with_kek(Ok("another")), generating.clone()),
        row("the operator has no KEK", Situation::filled().with_kek(Err("the file is empty")), generating),
    ]);
}

#[test]
fn keys_are_made_with_the_kek_of_the_ring_only() {
    check([
        row(
            "no key is made without a KEK",
            Situation::created().with_kek(Err("the file is empty")),
            at(Stage::Seeding).failed(Reason::InvalidKek).again_after(15),
        ),
        row(
            "no key is made with another KEK",
            Situation::created().with_kek(Ok("another")),
            at(Stage::Seeding).failed(Reason::WrongKek).again_after(15),
        ),
    ]);
}
