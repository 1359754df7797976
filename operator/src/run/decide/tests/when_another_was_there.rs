//! While the ledger holds, under the name of a SigningRun, what was made for another object.

use chancery_api::Reason;
use chancery_api::condition::ConditionType::Sealed;
use uuid::Uuid;

use super::situation::{FORMER, Situation, running};
use super::table::{at, check, hold_job, row, run_job};
use crate::run::decide::decision::{Effect, Stage};
use crate::run::facts::Belongs;

fn unclaimed(situation: Situation) -> Situation {
    situation.stored(|ledger| ledger.belongs = Belongs::Unclaimed)
}

#[test]
fn what_was_made_for_another_is_left_alone_until_its_uid_is_named() {
    let refused = at(Stage::Pending).failed(Reason::NotAdopted).again_after(60);
    let adopted = at(Stage::Pending).doing([Effect::AdoptRun { former: FORMER }]).again_at_once();
    check([
        row(
            "a complete run does not make this one complete",
            Situation::signed().anothers(),
            refused.clone(),
        ),
        row("a run is neither seeded nor signed", Situation::created().anothers(), refused.clone()),
        row("a run is not resumed", Situation::seeded().held().anothers(), refused.clone()),
        row(
            "another uid than that of the former object is no proof",
            Situation::signed().anothers().adopting(Uuid::nil()),
            refused.clone(),
        ),
        row(
            "in what it differs is not told",
            Situation::signed()
                .anothers()
                .stored(|ledger| ledger.conflict = Some("its keyCount is 9".into())),
            refused.clone(),
        ),
        row(
            "signers of a run that somebody else has taken over are stopped",
            Situation::seeded().anothers().with_job(running(2)),
            refused.doing([hold_job(2)]),
        ),
        row("the uid of the former object is", Situation::signed().anothers().adopting(FORMER), adopted),
        row(
            "a run that differs from the spec is not taken over",
            Situation::signed()
                .anothers()
                .adopting(FORMER)
                .stored(|ledger| ledger.conflict = Some("its keyCount is 9".into())),
            at(Stage::Pending).failed(Reason::NameTaken).again_after(60),
        ),
        row(
            "what was taken over is gone on with",
            Situation::seeded().taken_over().adopting(FORMER),
            at(Stage::Signing).doing([run_job(2)]),
        ),
    ]);
}

#[test]
fn a_run_of_before_owners_were_kept_is_claimed_while_its_signers_go_on() {
    check([
        row(
            "by the object that was there before it",
            unclaimed(Situation::seeded()).said(Sealed, Reason::Sealed, 60).with_job(running(2)),
            at(Stage::Signing).doing([Effect::ClaimRun]).again_at_once(),
        ),
        row(
            "but not if it is another than the spec says",
            unclaimed(Situation::seeded())
                .stored(|ledger| ledger.conflict = Some("its keyCount is 9".into())),
            at(Stage::Pending).failed(Reason::NameTaken).again_after(60),
        ),
    ]);
}

#[test]
fn what_was_taken_over_is_deleted_by_a_second_word_only() {
    let going = at(Stage::Pending);
    let removed = |situation: Situation| situation.held().with_policy_delete().deleted(60);
    let second_word =
        |uid| move |situation: Situation| situation.object(|object| object.delete_adopted = Some(uid));
    let deleting = going.clone().blocked(Reason::DeletingFromLedger).doing([Effect::StartDeleting]);
    let kept = going.clone().doing([Effect::TellKept, Effect::RemoveFinalizer]);
    check([
        row("the policy alone keeps it", removed(Situation::signed().taken_over()), kept.clone()),
        row(
            "the word of the adoption is not the second word",
            removed(Situation::signed().taken_over().adopting(FORMER)),
            kept.clone(),
        ),
        row(
            "a second word about another is none",
            second_word(Uuid::nil())(removed(Situation::signed().taken_over())),
            kept,
        ),
        row(
            "a second word is",
            second_word(FORMER)(removed(Situation::signed().taken_over())),
            deleting.clone(),
        ),
        row(
            "what was never taken over stays whatever is said",
            second_word(FORMER)(removed(Situation::signed().anothers())),
            going.clone().doing([Effect::RemoveFinalizer]),
        ),
        row(
            "what is kept anyway needs no word",
            Situation::signed().taken_over().deleted(60),
            going.doing([Effect::RemoveFinalizer]),
        ),
        row("what nobody else can have made goes", removed(unclaimed(Situation::signed())), deleting),
    ]);
}

#[test]
fn a_refusal_says_since_when_and_what_to_do_and_not_what_proves() {
    let decision = Situation::signed().anothers().decide();
    let message = decision.failure.expect("it fails").message;
    assert!(
        message.starts_with("since 2027-01-15 07:00:00 UTC the ledger holds a run of this name"),
        "{message}"
    );
    assert!(message.contains("chancery.dev/adopt"), "{message}");
    assert!(!message.contains(&FORMER.to_string()), "the uid is the proof: {message}");
    let wrong = Situation::signed().anothers().adopting(Uuid::nil()).decide();
    assert!(wrong.failure.expect("it fails").message.contains("which names another now"));
}
