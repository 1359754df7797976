//! What is done about the delivery of a run with sinks, from its first signed batch to its end.

use chancery_api::Reason;

use super::sinks::{POD, delivery, run_delivery};
use super::situation::{RUNNING, Situation, ended, running, seconds};
use super::table::{HOLD, at, check, hold_job, row, run_job};
use crate::run::decide::decision::{Effect, Stage};
use crate::run::facts::{JobView, PodState, Refusal, SecretStanding, SinksRead};

#[test]
fn the_delivery_is_started_with_the_first_signed_batch_and_stays_beside_the_signers() {
    let signing = at(Stage::Signing);
    let unchecked = |sinks: &mut SinksRead| {
        sinks.secret.iter_mut().for_each(|secret| secret.standing = SecretStanding::Unchecked);
    };
    check([
        row(
            "before the first batch is signed",
            Situation::seeded().with_job(running(2)).delivering(None),
            signing.clone().doing([run_job(2)]),
        ),
        row(
            "after it",
            Situation::seeded().with_job(running(2)).with_signed(1).delivering(None),
            signing.clone().doing([Effect::StartDelivery, run_job(2)]).again_at_once(),
        ),
        row(
            "once its Secret is there",
            Situation::seeded().with_job(running(2)).with_signed(1).delivering(Some(delivery().stopped())),
            signing.clone().doing([run_delivery(false), run_job(2)]),
        ),
        row(
            "as another operator made it",
            Situation::seeded()
                .with_job(running(2))
                .with_signed(1)
                .delivering(Some(delivery()))
                .sinks(unchecked),
            signing.clone().doing([Effect::CheckDelivery, run_job(2)]).again_at_once(),
        ),
        row(
            "with one of another Secret",
            Situation::seeded().with_job(running(2)).with_signed(1).delivering(Some(running(1))),
            signing.clone().doing([Effect::DeleteDelivery, run_job(2)]),
        ),
        row(
            "with somebody else's",
            Situation::seeded()
                .with_job(running(2))
                .with_signed(1)
                .delivering(Some(delivery().somebody_elses())),
            signing.doing([run_job(2)]).blocked(Reason::JobNameTaken).again_after(15),
        ),
    ]);
}

#[test]
fn no_signer_is_started_anew_while_only_deliveries_are_left() {
    let only = |signers: Option<JobView>| {
        let mut situation = Situation::only_delivered(Some(delivery())).at_sinks((10, 0), (4, 0));
        situation.observed.job = signers;
        situation
    };
    let delivering = at(Stage::Delivering).doing([run_delivery(false)]);
    check([
        row("the signers have found nothing left", only(Some(running(2).done(60))), delivering.clone()),
        row("they are about to", only(Some(running(2))), delivering.clone()),
        row(
            "they failed, and it does not matter any more",
            only(Some(running(2).failed_by("BackoffLimitExceeded", 60))),
            delivering.clone(),
        ),
        row("their Job is gone", only(None), delivering.clone()),
        row(
            "a key is missing",
            only(Some(running(2))).stored(|ledger| ledger.filled = false),
            at(Stage::Signing).doing([run_delivery(false), run_job(2)]),
        ),
        row(
            "the delivery says that nothing is left, and the ledger does not: it is asked once more",
            {
                let mut done = only(None);
                done.observed.delivery.job = Some(delivery().done(60));
                done
            },
            at(Stage::Delivering).doing([Effect::DeleteDelivery]),
        ),
    ]);
}

#[test]
fn a_delivery_that_has_brought_all_is_not_made_anew_while_keys_are_missing() {
    let lacking = |job: Option<JobView>| {
        let mut situation =
            Situation::only_delivered(job).at_sinks((10, 0), (9, 1)).stored(|ledger| ledger.filled = false);
        situation.observed.job = Some(running(2));
        situation
    };
    let signing = at(Stage::Signing);
    check([
        row("its Job is gone", lacking(None), signing.clone().doing([run_job(2)])),
        row("it is done", lacking(Some(delivery().done(60))), signing.clone().doing([run_job(2)])),
        row(
            "a manifest is still to come",
            lacking(None).with_manifest_pending(),
            signing.clone().doing([Effect::StartDelivery, run_job(2)]).again_at_once(),
        ),
        row(
            "a sink lacks a batch",
            lacking(None).at_sinks((10, 0), (9, 0)),
            signing.doing([Effect::StartDelivery, run_job(2)]).again_at_once(),
        ),
    ]);
}

#[test]
fn a_run_without_records_has_a_delivery_for_its_manifest() {
    let empty = Situation::only_delivered(None).stored(|ledger| {
        (ledger.counts.batches, ledger.counts.batches_signed) = (0, 0);
        (ledger.counts.records, ledger.counts.records_admitted, ledger.counts.records_signed) = (0, 0, 0);
    });
    check([row(
        "at once",
        empty.with_manifest_pending(),
        at(Stage::Delivering).doing([Effect::StartDelivery]).again_at_once(),
    )]);
}

#[test]
fn the_delivery_ends_with_its_login_once_the_run_is_complete() {
    let complete = || Situation::signed().delivering(Some(delivery())).at_sinks((10, 0), (9, 1));
    let done = at(Stage::Complete);
    check([
        row(
            "just now",
            complete(),
            done.clone().doing([Effect::EndDelivery, Effect::Settle, Effect::StopGenerating]),
        ),
        row(
            "before an operator was started again",
            complete().completed(60),
            done.clone().doing([Effect::EndDelivery]),
        ),
        row(
            "and is gone",
            Situation::signed().delivering(None).at_sinks((10, 0), (10, 0)).completed(60),
            done,
        ),
    ]);
}

#[test]
fn dead_letters_that_are_taken_up_again_have_a_delivery_of_a_complete_run() {
    let again =
        |job: Option<JobView>| Situation::signed().delivering(job).at_sinks((10, 0), (8, 1)).completed(60);
    let done = at(Stage::Complete);
    check([
        row("without a Job", again(None), done.clone().doing([Effect::StartDelivery]).again_at_once()),
        row("with one", again(Some(delivery())), done.clone().doing([run_delivery(false)])),
        row(
            "of a run that is suspended",
            again(Some(delivery())).suspended(),
            done.clone().doing([run_delivery(true)]),
        ),
        row(
            "to a sink that cannot be reached",
            again(Some(delivery())).with_sink_away(),
            done.clone().doing([run_delivery(false)]).blocked(Reason::SinkUnavailable),
        ),
        row(
            "and its time to live has passed: not yet",
            again(Some(delivery())).spec(|run| run.ttl_after_finished = Some(seconds(30))),
            done.clone().doing([run_delivery(false)]),
        ),
        row(
            "and the manifest that says so",
            Situation::signed()
                .delivering(Some(delivery()))
                .at_sinks((10, 0), (10, 0))
                .with_manifest_pending()
                .completed(60),
            done.clone().doing([run_delivery(false)]),
        ),
        row("of another object's run", again(Some(delivery())).anothers(), done),
    ]);
}

#[test]
fn a_run_that_is_held_has_no_delivery_at_work() {
    let held = || {
        let mut situation = Situation::seeded().with_signed(5).delivering(Some(delivery()));
        situation.observed.job = Some(running(2));
        situation
    };
    let mut not_allowed = held();
    not_allowed.observed.delivery.refusal =
        Some(Refusal { reason: Reason::SinkNotAllowed, message: "sink archive: not so".to_owned() });
    check([
        row(
            "suspended",
            held().suspended(),
            at(Stage::Suspended).doing([hold_job(2), run_delivery(true), HOLD]),
        ),
        row(
            "with sinks that are no longer allowed, it goes on signing",
            not_allowed,
            at(Stage::Signing).doing([run_job(2), run_delivery(true)]).failed(Reason::SinkNotAllowed),
        ),
    ]);
}

#[test]
fn what_a_delivery_had_in_hand_when_it_ended_is_given_back() {
    let died = |state| {
        Situation::only_delivered(Some(delivery()))
            .with_delivery_pod(state)
            .sinks(|sinks| sinks.open_holders = vec![POD.to_owned()])
    };
    let effects = died(ended(137, "killed", 1)).decide().effects;
    assert_eq!(effects[0], Effect::ReleaseDeliveries { holders: vec![POD.to_owned()] });
    assert_eq!(died(PodState::Lost).decide().effects, [run_delivery(false)], "it may still run");
}

#[test]
fn a_deletion_waits_for_the_delivery_to_end() {
    let deleted = Situation::only_delivered(Some(delivery()))
        .with_delivery_pod(RUNNING)
        .with_policy_delete()
        .deleted(1)
        .held();
    check([row(
        "while it runs",
        deleted,
        at(Stage::Pending).doing([Effect::DeleteDelivery]).blocked(Reason::SignersStopping).again_after(59),
    )]);
}
