//! What is done about a run to which programs push.

use chancery_api::{Reason, SigningRun, SigningRunSpec, ValidatedRun};

use super::situation::{RUNNING, Situation, running};
use super::table::{HOLD, at, check, hold_job, row, run_job};
use super::when_reading::{intake, run_intake};
use crate::run::decide::decision::{Effect, Stage};

fn with_pushes() -> ValidatedRun {
    let spec = serde_json::json!({
        "sources": [{"name": "push", "http": {}}], "keyCount": 4, "batchSize": 100, "audit": "Never",
        "deadLetter": {"limit": 10, "retention": "1h"},
    });
    let spec: SigningRunSpec = serde_json::from_value(spec).expect("a spec");
    chancery_api::validate(&SigningRun::new("demo", spec)).expect("a good run")
}

impl Situation {
    /// In the ledger, without key and record.
    fn receiving() -> Self {
        Self { run: with_pushes(), ..Self::reading(None) }.sources(|sources| sources.secret = None)
    }

    /// With every key, so many batches, and of these so many signed.
    fn received(batches: i64, signed: i64) -> Self {
        Self::receiving().with_batches(batches, signed)
    }

    /// The same, of a run whose policy asks others, with its intake.
    fn asking(batches: i64, signed: i64) -> Self {
        Self { run: with_pushes(), ..Self::reading(Some(intake())) }
            .sources(|sources| sources.asks = true)
            .with_batches(batches, signed)
    }

    fn with_batches(self, batches: i64, signed: i64) -> Self {
        self.stored(|ledger| {
            (ledger.filled, ledger.counts.keys_made) = (true, 4);
            (ledger.counts.batches, ledger.counts.batches_signed) = (batches, signed);
            (ledger.counts.records_admitted, ledger.counts.records) = (batches * 100, batches * 100);
        })
    }
}

#[test]
fn no_intake_is_made_and_signers_are_there_before_the_first_record() {
    check([
        row("without a key", Situation::receiving(), at(Stage::Seeding).doing([run_job(2)])),
        row(
            "with every key, of a ring that others have filled",
            Situation::received(0, 0),
            at(Stage::Receiving).doing([run_job(2)]),
        ),
        row(
            "with signers that wait",
            Situation::received(0, 0).with_job(running(2)).with_pod(RUNNING),
            at(Stage::Receiving).doing([run_job(2)]),
        ),
    ]);
}

#[test]
fn a_policy_that_asks_others_has_an_intake_until_the_run_is_sealed() {
    let with_intake = || Situation::asking(3, 3).with_job(running(2)).with_pod(RUNNING);
    check([
        row(
            "without one yet",
            Situation::received(0, 0).sources(|sources| sources.asks = true),
            at(Stage::Receiving).doing([Effect::StartIntake, run_job(2)]).again_at_once(),
        ),
        row(
            "with one",
            with_intake(),
            at(Stage::Receiving).doing([run_intake(false), run_job(2)]).again_after(5),
        ),
        row(
            "suspended",
            with_intake().suspended(),
            at(Stage::Suspended).doing([hold_job(2), run_intake(true), HOLD]),
        ),
        row(
            "sealed",
            with_intake().stored(|ledger| ledger.sealed = true),
            at(Stage::Signing).doing([Effect::EndIntake, run_job(2)]),
        ),
    ]);
}

#[test]
fn signers_stay_between_two_records_and_the_run_tells_that_it_waits() {
    check([
        row(
            "with a batch to sign",
            Situation::received(3, 2).with_job(running(2)).with_pod(RUNNING),
            at(Stage::Signing).doing([run_job(2)]),
        ),
        row(
            "with all signed",
            Situation::received(3, 3).with_job(running(2)).with_pod(RUNNING),
            at(Stage::Receiving).doing([run_job(2)]),
        ),
        row(
            "sealed, with one left: as few as it takes, but those that run",
            Situation::received(3, 2).stored(|ledger| ledger.sealed = true).with_job(running(2)),
            at(Stage::Signing).doing([run_job(2)]),
        ),
        row(
            "complete",
            Situation::received(3, 3)
                .stored(|ledger| (ledger.sealed, ledger.complete) = (true, true))
                .with_job(running(2)),
            at(Stage::Complete).doing([Effect::Settle, Effect::StopGenerating]),
        ),
    ]);
}

#[test]
fn a_run_that_takes_nothing_in_tells_why() {
    let received = || Situation::received(3, 3).with_job(running(2));
    check([
        row(
            "beyond a limit",
            received().sources(|sources| sources.held = Some("the run takes 2 GiB".to_owned())),
            at(Stage::Signing).doing([run_job(2)]).blocked(Reason::IntakeHeld).again_after(5),
        ),
        row(
            "without room",
            received().short_of_room(),
            at(Stage::Signing).doing([run_job(2)]).blocked(Reason::DatabaseNearlyFull).again_after(15),
        ),
        row("suspended", received().suspended(), at(Stage::Suspended).doing([hold_job(2), HOLD])),
        row(
            "with more dead letters than it may have",
            received().held().sources(|sources| sources.too_many_dead = true),
            at(Stage::Suspended).doing([hold_job(2)]).blocked(Reason::TooManyDeadLetters),
        ),
        row(
            "without a gateway any more, it goes on signing",
            received().refused(Reason::SourceNotAllowed),
            at(Stage::Signing).doing([run_job(2)]).failed(Reason::SourceNotAllowed).again_after(15),
        ),
    ]);
}
