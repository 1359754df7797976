//! While records are made, and beside that the first of them are signed.

use super::situation::{Situation, running, stuck, work_failed};
use super::table::{LET_GO, at, check, row, run_job};
use crate::run::decide::decision::{Effect, Stage};
use crate::run::facts::{Background, WorkKind};
use chancery_api::Reason;

#[test]
fn records_are_made_from_the_beginning_on() {
    let seeding = at(Stage::Seeding);
    check([
        row("making starts", Situation::filled(), seeding.clone().doing([Effect::StartGenerating])),
        row("no signer starts before there is a batch", Situation::begun(0), seeding.clone()),
        row(
            "signers that are there wait for it",
            Situation::begun(0).with_job(running(2)),
            seeding.clone().doing([run_job(2)]),
        ),
        row(
            "making that failed just now is retried after a pause",
            Situation::filled().with_background(work_failed(WorkKind::Generating, 4)),
            seeding.clone().blocked(Reason::SourceFailed).again_after(6),
        ),
        row(
            "making that failed a while ago is retried, and still reported as failed",
            Situation::filled().with_background(work_failed(WorkKind::Generating, 10)),
            seeding.blocked(Reason::SourceFailed).doing([Effect::StartGenerating]),
        ),
    ]);
}

#[test]
fn signing_begins_beside_the_making() {
    let signing = at(Stage::Signing);
    let idle = |situation: Situation| situation.with_background(Background::IDLE);
    check([
        row(
            "the Job is made for the first batch, with as many signers as all batches will need",
            Situation::begun(1),
            signing.clone().doing([run_job(2)]),
        ),
        row(
            "a new operator continues the making before it looks after the Job",
            idle(Situation::begun(1)),
            signing.clone().doing([Effect::StartGenerating, run_job(2)]),
        ),
        row(
            "a run that was suspended is resumed first",
            idle(Situation::begun(1)).held(),
            signing.clone().doing([LET_GO, Effect::StartGenerating, run_job(2)]),
        ),
        row(
            "signers that wait for the next batch stay",
            Situation::begun(3).stored(|ledger| ledger.counts.batches_signed = 3).with_job(running(2)),
            signing.clone().doing([run_job(2)]),
        ),
        row(
            "no signer starts only to wait for the next batch",
            Situation::begun(3).stored(|ledger| ledger.counts.batches_signed = 3),
            signing.clone(),
        ),
        row(
            "the last signers start once the run is sealed, if only to find it complete",
            Situation::seeded().stored(|ledger| ledger.counts.batches_signed = 10),
            signing.doing([run_job(1)]),
        ),
    ]);
}

#[test]
fn no_record_is_made_while_the_database_has_no_room() {
    let short = |stage| at(stage).blocked(Reason::DatabaseNearlyFull).again_after(15);
    check([
        row("a run that has not begun waits", Situation::filled().short_of_room(), short(Stage::Seeding)),
        row(
            "a run that has begun is stopped, and what is there is signed",
            Situation::begun(3).with_job(running(2)).short_of_room(),
            short(Stage::Signing).doing([Effect::StopGenerating, run_job(2)]),
        ),
        row(
            "a run that was stopped waits",
            Situation::begun(0).with_background(Background::IDLE).short_of_room(),
            short(Stage::Seeding),
        ),
        row(
            "a run that is sealed needs no more room for records",
            Situation::seeded().with_job(running(2)).short_of_room(),
            at(Stage::Signing).doing([run_job(2)]),
        ),
        row(
            "what stops the signers is reported first",
            Situation::begun(3).with_job(running(2)).with_pod(stuck()).short_of_room(),
            at(Stage::Signing)
                .blocked(Reason::SignersNotStarting)
                .doing([Effect::StopGenerating, run_job(2)])
                .again_after(15),
        ),
    ]);
}

#[test]
fn making_that_failed_is_retried_while_the_signers_continue() {
    let failed = |seconds| Situation::begun(3).with_background(work_failed(WorkKind::Generating, seconds));
    let signing = at(Stage::Signing).blocked(Reason::SourceFailed);
    check([
        row(
            "after a pause",
            failed(4).with_job(running(2)),
            signing.clone().doing([run_job(2)]).again_after(6),
        ),
        row(
            "once the pause is over",
            failed(10).with_job(running(2)),
            signing.doing([Effect::StartGenerating, run_job(2)]),
        ),
        row(
            "signers that do not start are reported first",
            failed(4).with_job(running(2)).with_pod(stuck()),
            at(Stage::Signing).blocked(Reason::SignersNotStarting).doing([run_job(2)]).again_after(6),
        ),
    ]);
}
