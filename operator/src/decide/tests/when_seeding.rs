//! While keys and records are made.

use super::situation::{Situation, running, seconds, work_failed};
use super::table::{LET_GO, at, check, hold_job, row};
use crate::background::Kind;
use crate::decide::{Effect, Stage};
use crate::facts::Background;

#[test]
fn a_run_in_the_ledger_is_seeded_in_the_background() {
    let seeding = at(Stage::Seeding);
    check([
        row("seeding is begun", Situation::created(), seeding.clone().doing([Effect::StartSeeding])),
        row(
            "seeding that is under way is let alone",
            Situation::created().with_background(Background::Seeding),
            seeding.clone(),
        ),
        row(
            "seeding is begun over a deletion of an earlier run",
            Situation::created().with_background(Background::Deleting),
            seeding.clone().doing([Effect::StartSeeding]),
        ),
        row(
            "a deletion of an earlier run that failed does not delay seeding",
            Situation::created().with_background(work_failed(Kind::Deleting, 0)),
            seeding.clone().doing([Effect::StartSeeding]),
        ),
        row(
            "seeding that failed just now is tried again after a pause",
            Situation::created().with_background(work_failed(Kind::Seeding, 4)),
            seeding.clone().hindered("SeedingFailed").again_after(6),
        ),
        row(
            "seeding that failed a while ago is tried again, and still said to have failed",
            Situation::created().with_background(work_failed(Kind::Seeding, 10)),
            seeding.clone().hindered("SeedingFailed").doing([Effect::StartSeeding]),
        ),
        row(
            "a run that was suspended is let go before it is seeded",
            Situation::created().held(),
            seeding.clone().doing([LET_GO, Effect::StartSeeding]),
        ),
        row(
            "another lease duration is told to the ledger",
            Situation::created()
                .stored(|ledger| ledger.lease_duration = seconds(7))
                .with_background(Background::Seeding),
            seeding.clone().doing([LET_GO]),
        ),
        row(
            "signers of a run that the ledger has lost wait until it is seeded anew",
            Situation::created().with_job(running(2)),
            seeding.doing([Effect::StartSeeding, hold_job(2)]),
        ),
    ]);
}

#[test]
fn keys_are_made_with_the_kek_of_the_run_only() {
    check([
        row(
            "without a KEK nothing is seeded",
            Situation::created().with_kek(Err("the file is empty")),
            at(Stage::Seeding).failed("InvalidKek").again_after(15),
        ),
        row(
            "with another KEK nothing is seeded",
            Situation::created().with_kek(Ok("another")),
            at(Stage::Seeding).failed("WrongKek").again_after(15),
        ),
    ]);
}
