//! While signers make the keys of the run's ring.

use chancery_api::Reason;

use super::situation::{Situation, running, seconds, work_failed};
use super::table::{LET_GO, at, check, row, run_job};
use crate::run::decide::decision::{Effect, Stage};
use crate::run::facts::{Background, WorkKind};

/// Records are being made; nothing else is there.
fn begun() -> Situation {
    Situation::created().with_background(Background::GENERATING)
}

#[test]
fn signers_start_for_the_keys_of_a_run_that_has_no_batch_yet() {
    let seeding = at(Stage::Seeding);
    let starts = seeding.clone().doing([Effect::StartGenerating, run_job(2)]);
    check([
        row("as soon as the run is in the ledger", Situation::created(), starts.clone()),
        row("beside the records", begun(), seeding.clone().doing([run_job(2)])),
        row("and go on", begun().with_job(running(2)), seeding.clone().doing([run_job(2)])),
        row(
            "while an earlier run is being deleted",
            Situation::created().with_background(Background::DELETING),
            starts.clone(),
        ),
        row(
            "whatever became of the deletion of an earlier run",
            Situation::created().with_background(work_failed(WorkKind::Deleting, 0)),
            starts,
        ),
        row(
            "once a run that was suspended is resumed",
            Situation::created().held(),
            seeding.clone().doing([LET_GO, Effect::StartGenerating, run_job(2)]),
        ),
        row(
            "with a changed lease duration",
            begun().stored(|ledger| ledger.lease_duration = seconds(7)),
            seeding.clone().doing([LET_GO, run_job(2)]),
        ),
        row(
            "not for a run that has no room for records yet",
            Situation::created().short_of_room(),
            seeding.clone().blocked(Reason::DatabaseNearlyFull).again_after(15),
        ),
        row(
            "not for a ring that has its keys",
            Situation::filled().with_background(Background::GENERATING),
            seeding.clone(),
        ),
        row(
            "those that have made the last key wait for the first batch",
            Situation::filled().with_background(Background::GENERATING).with_job(running(2)),
            seeding.doing([run_job(2)]),
        ),
    ]);
}

#[test]
fn a_run_is_signed_from_its_first_key_and_first_batch_on() {
    let with_keys = |keys| {
        move |situation: Situation| {
            situation.stored(|ledger| (ledger.filled, ledger.counts.keys_made) = (false, keys))
        }
    };
    let (none, one, two, three) = (with_keys(0), with_keys(1), with_keys(2), with_keys(3));
    let all_signed = || Situation::seeded().stored(|ledger| ledger.counts.batches_signed = 10);
    check([
        row("a key is missing", none(Situation::begun(3)), at(Stage::Seeding).doing([run_job(2)])),
        row("a batch is missing", one(begun()), at(Stage::Seeding).doing([run_job(2)])),
        row("both are there", one(Situation::begun(1)), at(Stage::Signing).doing([run_job(2)])),
        row(
            "every record is there, and most keys are not",
            one(Situation::seeded()),
            at(Stage::Signing).doing([run_job(2)]),
        ),
        row(
            "keys are made when every batch is signed, by as many signers as there are keys for",
            two(all_signed()),
            at(Stage::Signing).doing([run_job(2)]),
        ),
        row("the last key has one signer", three(all_signed()), at(Stage::Signing).doing([run_job(1)])),
    ]);
}

#[test]
fn the_kek_is_needed_for_the_secret_of_signers_and_for_no_key() {
    let without_secret = || begun().stored(|ledger| ledger.secret = None);
    let seeding = at(Stage::Seeding);
    check([
        row(
            "no KEK, and no Secret",
            without_secret().with_kek(Err("the file is empty")),
            seeding.clone().failed(Reason::InvalidKek).again_after(15),
        ),
        row(
            "another KEK, and no Secret",
            without_secret().with_kek(Ok("another")),
            seeding.clone().failed(Reason::WrongKek).again_after(15),
        ),
        row(
            "another KEK, and a Secret that was made of what was right",
            begun().with_kek(Ok("another")),
            seeding.doing([run_job(2)]),
        ),
    ]);
}
