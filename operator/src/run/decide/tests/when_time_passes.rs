//! Deadlines, and runs that have been finished for long enough.

use chancery_api::Reason;
use chancery_api::condition::ConditionType::{Failed, Sealed, Suspended};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;

use super::situation::{RUNNING, Situation, running, seconds};
use super::table::{HOLD, at, check, hold_job, row, run_job};
use crate::run::decide::decision::{Effect, Stage};
use crate::run::facts::{Background, JobEnd};

impl Situation {
    fn with_deadline(self, limit: u64) -> Self {
        self.spec(|run| run.active_deadline = Some(seconds(limit)))
    }

    fn kept_for(self, ttl: u64) -> Self {
        self.spec(|run| run.ttl_after_finished = Some(seconds(ttl)))
    }
}

#[test]
fn a_run_that_is_under_way_for_too_long_fails_and_is_held() {
    let failed = |stage| at(stage).failed(Reason::DeadlineExceeded);
    let signing = || Situation::seeded().said(Sealed, Reason::Sealed, 50).with_job(running(2));
    check([
        row(
            "a run that has not started has all its time before it",
            Situation::created().with_deadline(100),
            at(Stage::Seeding).doing([Effect::StartGenerating, run_job(2)]).again_after(100),
        ),
        row(
            "a run that is signed has the rest of its time",
            signing().started(60).with_deadline(100),
            at(Stage::Signing).doing([run_job(2)]).again_after(40),
        ),
        row(
            "signing is over at the deadline",
            signing().started(100).with_deadline(100),
            failed(Stage::Signing).doing([hold_job(2), HOLD]),
        ),
        row(
            "seeding is over at the deadline",
            Situation::created().started(100).with_deadline(100).with_background(Background::GENERATING),
            failed(Stage::Pending).doing([Effect::StopGenerating, HOLD]),
        ),
        row(
            "a run that failed so stays so",
            signing().with_job(running(2).stopped()).held().started(500).with_deadline(100),
            failed(Stage::Signing).doing([hold_job(2)]),
        ),
        row(
            "a greater value lets it go on",
            signing().said(Failed, Reason::DeadlineExceeded, 10).started(60).with_deadline(500),
            at(Stage::Signing).doing([run_job(2)]).again_after(440),
        ),
        row(
            "time counts from when the run was resumed",
            signing().started(500).said_to_be(Suspended, false, Reason::NotSuspended, 30).with_deadline(100),
            at(Stage::Signing).doing([run_job(2)]).again_after(70),
        ),
        row(
            "a run that is resumed just now has all its time before it",
            signing().started(500).said(Suspended, Reason::Suspended, 400).with_deadline(100),
            at(Stage::Signing).doing([run_job(2)]).again_after(100),
        ),
        row(
            "a suspended run has no deadline",
            Situation::seeded()
                .suspended()
                .held()
                .started(500)
                .said(Suspended, Reason::Suspended, 450)
                .with_deadline(100),
            at(Stage::Suspended),
        ),
        row(
            "a run that missed its deadline has failed, even if it is suspended after that",
            signing().held().suspended().started(500).with_deadline(100),
            failed(Stage::Signing).doing([hold_job(2)]),
        ),
        row(
            "a run that is complete in the ledger made it in time",
            Situation::signed().started(500).with_deadline(100),
            at(Stage::Complete).doing([Effect::Settle, Effect::StopGenerating]),
        ),
    ]);
}

#[test]
fn a_run_that_has_been_finished_for_long_enough_is_deleted() {
    let failed_by = |seconds_ago| {
        Situation::seeded().with_job(running(2).failed_by("BackoffLimitExceeded", seconds_ago)).said(
            Failed,
            Reason::SignersFailed,
            50,
        )
    };
    check([
        row("a complete run is kept", Situation::signed().completed(1_000), at(Stage::Complete)),
        row(
            "a complete run is kept for a while",
            Situation::signed().completed(10).kept_for(60),
            at(Stage::Complete).again_after(50),
        ),
        row(
            "a complete run is deleted after that while, whether or not the database answers",
            Situation::signed().completed(60).kept_for(60).cut_off(),
            at(Stage::Complete).doing([Effect::DeleteObject]),
        ),
        row(
            "that a run is complete is said before it is deleted",
            Situation::signed().kept_for(0),
            at(Stage::Complete).doing([Effect::Settle, Effect::StopGenerating]),
        ),
        row(
            "a run whose signers failed is kept for a while",
            failed_by(50).kept_for(60),
            at(Stage::Signing).failed(Reason::SignersFailed).again_after(10),
        ),
        row(
            "a run whose signers failed is deleted after that while",
            failed_by(60).said(Failed, Reason::SignersFailed, 70).kept_for(50),
            at(Stage::Signing).failed(Reason::SignersFailed).doing([Effect::DeleteObject]),
        ),
        row(
            "a run that failed for another reason before is kept from its last failure on",
            failed_by(5).kept_for(40),
            at(Stage::Signing).failed(Reason::SignersFailed).again_after(35),
        ),
        row(
            "that a run failed is said before it is deleted",
            Situation::seeded().with_job(running(2).failed_by("BackoffLimitExceeded", 99)).kept_for(0),
            at(Stage::Signing).failed(Reason::SignersFailed),
        ),
        row(
            "a run that missed its deadline is deleted after that while",
            Situation::seeded().held().started(300).with_deadline(100).kept_for(200).said(
                Failed,
                Reason::DeadlineExceeded,
                200,
            ),
            at(Stage::Pending).failed(Reason::DeadlineExceeded).doing([Effect::DeleteObject]),
        ),
        row(
            "a run that may yet go on by itself is kept",
            Situation::created()
                .stored(|ledger| ledger.secret = None)
                .with_kek(Ok("another"))
                .said(Failed, Reason::WrongKek, 900)
                .kept_for(1),
            at(Stage::Seeding).failed(Reason::WrongKek).doing([Effect::StartGenerating]).again_after(15),
        ),
    ]);
}

#[test]
fn times_at_the_end_of_time_are_no_harm() {
    let end = Timestamp::MAX;
    let deadline = Situation::seeded()
        .with_deadline(31_536_000)
        .object(|object| object.previous.start_time = Some(Time(end)));
    assert!(deadline.decide().failure.is_none());
    let expiry = Situation::signed()
        .completed(1)
        .kept_for(31_536_000)
        .object(|object| object.previous.completion_time = Some(Time(end)));
    assert!(expiry.decide().effects.is_empty());
    let mut job = running(2);
    job.end = Some(JobEnd::Complete { at: end });
    assert!(Situation::seeded().with_job(job).decide().effects.is_empty());
    let background = Background::failed(crate::run::facts::WorkKind::Generating, "", end);
    assert!(Situation::filled().with_background(background).decide().effects.is_empty());
    let deleted = Situation::created().deleted(0).with_policy_delete().with_pod(RUNNING);
    assert!(deleted.object(|object| object.deleted_at = Some(end)).decide().obstacle.is_some());
}
