//! Before the run is in the ledger, or when the ledger cannot be asked.

use chancery_api::Phase;
use chancery_api::Reason;
use chancery_api::condition::ConditionType::{Failed, KeyringReady, Sealed, Suspended};

use super::situation::{Situation, running};
use super::table::{at, check, hold_job, row};
use crate::run::decide::decide_invalid;
use crate::run::decide::decision::{Effect, Stage};

#[test]
fn a_run_is_adopted_and_created_before_anything_else() {
    check([
        row(
            "a run that was just applied gets the finalizer first",
            Situation::fresh(),
            at(Stage::Pending).doing([Effect::TakeCharge]),
        ),
        row(
            "a run of a former version has the finalizer, and does not say who operates it",
            Situation::adopted().of_no_installation(),
            at(Stage::Pending).doing([Effect::TakeCharge]),
        ),
        row(
            "a suspended run whose finalizer somebody took away gets it back and stays suspended",
            Situation::fresh().said(Suspended, Reason::Suspended, 60),
            at(Stage::Suspended).doing([Effect::TakeCharge]),
        ),
        row(
            "a failed run whose finalizer somebody took away stays failed",
            Situation::fresh().said(Sealed, Reason::Sealed, 60).said(Failed, Reason::SignersFailed, 60),
            at(Stage::Signing).doing([Effect::TakeCharge]).failed(Reason::SignersFailed),
        ),
        row(
            "an adopted run is created in the ledger, and looked at again at once",
            Situation::adopted(),
            at(Stage::Pending).doing([Effect::CreateRun]).again_at_once(),
        ),
        row(
            "a run cannot be created without a KEK, and the file of the KEK is looked at again",
            Situation::adopted().with_kek(Err("the file is empty")),
            at(Stage::Pending).failed(Reason::InvalidKek).again_after(15),
        ),
        row(
            "a run that is applied suspended is not created until it is resumed",
            Situation::adopted().suspended(),
            at(Stage::Suspended),
        ),
        row(
            "a suspended run that the ledger has lost has its signers stopped",
            Situation::adopted().suspended().with_job(running(2)),
            at(Stage::Suspended).doing([hold_job(2)]),
        ),
        row(
            "a run that was never in the ledger is created, whatever its status says besides",
            Situation::adopted().said_to_be(Sealed, false, Reason::NotSealed, 60).with_job(running(2)),
            at(Stage::Pending).doing([Effect::CreateRun]).again_at_once(),
        ),
        row(
            "a run on which work had begun is not created again: a signature may be stored already",
            Situation::adopted().started(60),
            at(Stage::Pending).failed(Reason::LedgerLost).again_after(60),
        ),
        row(
            "a run whose keyring was ready is not created again",
            Situation::adopted().said(KeyringReady, Reason::KeyringReady, 60),
            at(Stage::Seeding).failed(Reason::LedgerLost).again_after(60),
        ),
        row(
            "a run of which a record was counted is not created again",
            Situation::adopted().said_counts(0, 100),
            at(Stage::Signing).failed(Reason::LedgerLost).again_after(60),
        ),
        row(
            "a run that was seeded when the ledger lost it is not made anew, and its signers are stopped",
            Situation::adopted().said(Sealed, Reason::Sealed, 60).with_job(running(2)),
            at(Stage::Signing).doing([hold_job(2)]).failed(Reason::LedgerLost).again_after(60),
        ),
        row(
            "a complete run that the ledger has lost stays complete",
            Situation::adopted().said(Sealed, Reason::Sealed, 60).completed(60),
            at(Stage::Complete),
        ),
    ]);
}

#[test]
fn a_name_that_is_taken_in_the_ledger_is_left_alone() {
    check([
        row(
            "a run that is being deleted from the ledger keeps its name until it is gone",
            Situation::created().stored(|ledger| ledger.deleted = true),
            at(Stage::Pending).blocked(Reason::NameBeingDeleted).again_after(15),
        ),
        row(
            "another run of the same name is neither seeded nor signed",
            Situation::created().stored(|ledger| ledger.conflict = Some("its keyCount is 9, not 4".into())),
            at(Stage::Pending).failed(Reason::NameTaken).again_after(60),
        ),
        row(
            "another run of the same name that is complete does not make this one complete",
            Situation::signed().stored(|ledger| ledger.conflict = Some("its keyCount is 9, not 4".into())),
            at(Stage::Pending).failed(Reason::NameTaken).again_after(60),
        ),
    ]);
}

#[test]
fn a_database_that_is_away_changes_nothing_but_what_is_said() {
    let away = |stage| at(stage).blocked(Reason::DatabaseUnavailable);
    check([
        row("a new run waits for the database", Situation::adopted().cut_off(), away(Stage::Pending)),
        row(
            "a run that was being seeded waits for the database",
            Situation::adopted().object(|object| object.previous.phase = Some(Phase::Seeding)).cut_off(),
            away(Stage::Seeding),
        ),
        row(
            "the signers of a seeded run are left to wait for the database",
            Situation::adopted().said(Sealed, Reason::Sealed, 60).with_job(running(2)).cut_off(),
            away(Stage::Signing),
        ),
        row(
            "a run that failed stays failed",
            Situation::adopted()
                .said(Sealed, Reason::Sealed, 60)
                .said(Failed, Reason::SignersFailed, 60)
                .cut_off(),
            away(Stage::Signing).failed(Reason::SignersFailed),
        ),
        row(
            "a spec that was corrected is no longer said to be wrong",
            Situation::adopted().said(Failed, Reason::InvalidSpec, 60).cut_off(),
            away(Stage::Pending),
        ),
        row(
            "a suspended run has its signers stopped all the same",
            Situation::adopted().said(Sealed, Reason::Sealed, 60).suspended().with_job(running(2)).cut_off(),
            away(Stage::Suspended).doing([hold_job(2)]),
        ),
        row(
            "a run that was resumed meanwhile is no longer said to be suspended",
            Situation::adopted()
                .said(Sealed, Reason::Sealed, 60)
                .said(Suspended, Reason::Suspended, 60)
                .cut_off(),
            away(Stage::Signing),
        ),
        row(
            "a complete run stays complete",
            Situation::adopted().completed(60).cut_off(),
            at(Stage::Complete),
        ),
    ]);
}

#[test]
fn a_complete_run_is_given_back_its_keys_once_and_then_left_alone() {
    check([
        row(
            "the last keys of a run that was signed to the end are returned",
            Situation::signed().with_job(running(2)),
            at(Stage::Complete).doing([Effect::Settle, Effect::StopGenerating]),
        ),
        row(
            "a suspended run of which the last batch came in is complete",
            Situation::signed().suspended().held(),
            at(Stage::Complete).doing([Effect::Settle, Effect::StopGenerating]),
        ),
        row("a complete run needs nothing", Situation::signed().completed(60), at(Stage::Complete)),
        row(
            "a complete run stays complete when its part of the ledger is gone",
            Situation::adopted().completed(60),
            at(Stage::Complete),
        ),
        row(
            "a complete run that stays in the ledger needs no operator to be deleted",
            Situation::signed().completed(60).object(|object| object.has_finalizer = true),
            at(Stage::Complete).doing([Effect::RemoveFinalizer]),
        ),
        row(
            "one that is to go with its part of the ledger needs one",
            Situation::signed().completed(60).with_policy_delete(),
            at(Stage::Complete),
        ),
        row(
            "also if that is said of it later",
            Situation::signed()
                .completed(60)
                .with_policy_delete()
                .object(|object| object.has_finalizer = false),
            at(Stage::Complete).doing([Effect::TakeCharge]),
        ),
    ]);
}

#[test]
fn a_run_is_not_said_to_be_complete_before_its_keys_are_back() {
    let decision = Situation::signed().decide();
    let obstacle = crate::run::decide::decision::Cause::new(Reason::DatabaseUnavailable, "gone");
    let not_carried_out = decision.not_carried_out(obstacle.clone());
    assert_eq!((not_carried_out.stage, not_carried_out.obstacle), (Stage::Signing, Some(obstacle)));
}

#[test]
fn a_spec_that_cannot_be_used_is_said_to_be_wrong_and_nothing_is_done() {
    let situations = [
        (Situation::fresh(), Stage::Pending),
        (Situation::seeded().said(Sealed, Reason::Sealed, 60).with_job(running(2)), Stage::Signing),
        (Situation::seeded().said(Suspended, Reason::Suspended, 60), Stage::Suspended),
        (Situation::signed().completed(60), Stage::Complete),
    ];
    for (situation, stage) in situations {
        let decision = decide_invalid(&situation.observed, "spec.keyCount is 0".to_owned());
        let failure = decision.failure.as_ref().map(|failure| failure.message.as_str());
        assert_eq!(failure, Some("spec.keyCount is 0"));
        assert_eq!(at(stage).failed(Reason::InvalidSpec), decision.into());
    }
}
