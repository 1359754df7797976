//! While the SigningRun is being deleted.

use chancery_api::Reason;
use chancery_api::condition::ConditionType::{Failed, Sealed, Suspended};

use super::situation::{RUNNING, Situation, ended, running, work_failed};
use super::table::{HOLD, at, check, row};
use crate::run::decide::decision::{Effect, Stage};
use crate::run::facts::WorkKind;
use crate::run::facts::{Background, PodState};

#[test]
fn a_run_whose_part_of_the_ledger_is_kept_goes_at_once() {
    let going = at(Stage::Pending);
    check([
        row(
            "with the Job",
            Situation::seeded().with_job(running(2)).with_pod(RUNNING).deleted(0),
            going.clone().doing([Effect::DeleteJob, Effect::RemoveFinalizer]),
        ),
        row(
            "with the seeding",
            Situation::created().with_background(Background::GENERATING).deleted(0),
            going.clone().doing([Effect::StopGenerating, Effect::RemoveFinalizer]),
        ),
        row(
            "with the making of its records",
            Situation::begun(3).with_job(running(2)).deleted(0),
            going.clone().doing([Effect::StopGenerating, Effect::DeleteJob, Effect::RemoveFinalizer]),
        ),
        row(
            "without the database",
            Situation::seeded().cut_off().deleted(0),
            going.clone().doing([Effect::RemoveFinalizer]),
        ),
        row(
            "without somebody else's Job",
            Situation::seeded().with_job(running(2).somebody_elses()).deleted(0),
            going.clone().doing([Effect::RemoveFinalizer]),
        ),
        row(
            "without a Job that is going already",
            Situation::seeded().with_job(running(2).going()).deleted(0),
            going.clone().doing([Effect::RemoveFinalizer]),
        ),
        row(
            "nothing is done for a run that has no finalizer",
            Situation::fresh().with_job(running(2)).with_background(Background::GENERATING).deleted(0),
            going,
        ),
    ]);
}

#[test]
fn a_run_whose_part_of_the_ledger_goes_with_it_waits_for_that() {
    let going = at(Stage::Pending);
    let removing = going.clone().blocked(Reason::DeletingFromLedger);
    let removed = |situation: Situation| situation.with_policy_delete().deleted(20);
    check([
        row(
            "a run that never came into the ledger goes at once",
            removed(Situation::adopted()),
            going.clone().doing([Effect::RemoveFinalizer]),
        ),
        row(
            "what the ledger holds under the same name is another's, and stays",
            removed(Situation::seeded().stored(|ledger| ledger.conflict = Some("its keyCount is 9".into()))),
            going.clone().doing([Effect::RemoveFinalizer]),
        ),
        row(
            "the database is waited for",
            removed(Situation::seeded().with_job(running(2)).cut_off()),
            going.clone().doing([Effect::DeleteJob]).blocked(Reason::DatabaseUnavailable).again_after(15),
        ),
        row(
            "the database is not waited for when the user says so",
            removed(Situation::seeded().cut_off().object(|object| object.abandon_ledger = true)),
            going.clone().doing([Effect::RemoveFinalizer]),
        ),
        row(
            "signers have a minute to end",
            removed(Situation::seeded().with_job(running(2)).with_pod(RUNNING)),
            going.clone().doing([Effect::DeleteJob, HOLD]).blocked(Reason::SignersStopping).again_after(40),
        ),
        row(
            "signers that do not end are not waited for any longer",
            Situation::seeded().held().with_pod(RUNNING).with_policy_delete().deleted(60),
            removing.clone().doing([Effect::StartDeleting]),
        ),
        row(
            "signers that have ended or are lost are not waited for",
            removed(Situation::seeded().held().with_pod(ended(0, "", 1)).with_pod(PodState::Lost)),
            removing.clone().doing([Effect::StartDeleting]),
        ),
        row(
            "what a signer that has ended still holds is given back before",
            removed(Situation::seeded().held().with_pod(ended(137, "killed", 1)))
                .stored(|ledger| ledger.open_holders = vec!["demo-signer-0/uid-0".into()]),
            removing.clone().doing([
                Effect::ReleaseLeases { holders: vec!["demo-signer-0/uid-0".into()] },
                Effect::StartDeleting,
            ]),
        ),
        row(
            "making records stops first",
            removed(Situation::created().with_background(Background::GENERATING)),
            removing.clone().doing([Effect::StopGenerating, HOLD, Effect::StartDeleting]),
        ),
        row(
            "a deletion that was interrupted is begun again",
            removed(Situation::seeded().stored(|ledger| ledger.deleted = true)),
            removing.clone().doing([Effect::StartDeleting]),
        ),
        row(
            "a deletion that is under way is let alone",
            removed(Situation::seeded().held().with_background(Background::DELETING)),
            removing.clone(),
        ),
        row(
            "seeding that failed does not delay the deletion",
            removed(Situation::created().held().with_background(work_failed(WorkKind::Generating, 0))),
            removing.doing([Effect::StartDeleting]),
        ),
        row(
            "a deletion that failed just now is tried again after a pause",
            removed(Situation::seeded().held().with_background(work_failed(WorkKind::Deleting, 5))),
            going.clone().blocked(Reason::DeletionFailed).again_after(10),
        ),
        row(
            "a deletion that failed a while ago is tried again",
            removed(Situation::seeded().held().with_background(work_failed(WorkKind::Deleting, 15))),
            going.blocked(Reason::DeletionFailed).doing([Effect::StartDeleting]),
        ),
    ]);
}

#[test]
fn what_was_said_of_a_run_stays_while_it_goes() {
    let situation =
        || Situation::seeded().held().with_policy_delete().deleted(20).said(Sealed, Reason::Sealed, 60);
    let removing = |stage| at(stage).blocked(Reason::DeletingFromLedger).doing([Effect::StartDeleting]);
    check([
        row("a run under way", situation(), removing(Stage::Signing)),
        row(
            "a suspended run",
            situation().said(Suspended, Reason::Suspended, 50),
            removing(Stage::Suspended),
        ),
        row("a complete run", situation().completed(50), removing(Stage::Complete)),
        row(
            "a failed run",
            situation().said(Failed, Reason::SignersFailed, 50),
            removing(Stage::Signing).failed(Reason::SignersFailed),
        ),
    ]);
}
