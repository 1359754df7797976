//! What is done about the sinks of a run, and its delivery.

use chancery_api::condition::ConditionType;
use chancery_api::{Reason, SigningRun, SigningRunSpec, SinkStatus, ValidatedRun};
use chancery_store::SinkProgress;
use k8s_openapi::jiff::SignedDuration;

use super::situation::{NOW, RUNNING, Situation, ended, running, seconds};
use super::table::{HOLD, at, check, hold_job, row, run_job};
use crate::run::decide::decision::{Effect, JobPlan, Stage};
use crate::run::facts::{
    Background, JobView, PodState, PodView, Refusal, SecretStanding, SecretView, SinksRead,
};

/// The Secret of the delivery.
const DELIVERY_SECRET: &str = "demo-delivery-0123456789";

const POD: &str = "demo-delivery-abcde/uid";

fn with_sinks() -> ValidatedRun {
    let spec = serde_json::json!({
        "recordCount": 1_000, "keyCount": 4, "batchSize": 100, "audit": "Never",
        "sinks": [{"name": "archive", "objects": {"url": "s3://archive"}}, {"name": "copy", "objects": {"url": "s3://copy"}}],
    });
    let spec: SigningRunSpec = serde_json::from_value(spec).expect("a spec");
    chancery_api::validate(&SigningRun::new("demo", spec)).expect("a good run")
}

fn sink(name: &str, delivered: i64, dead: i64) -> SinkProgress {
    SinkProgress {
        run_id: 1,
        name: name.to_owned(),
        delivered,
        dead,
        discarded: 0,
        failures: 0,
        unavailable_micros: None,
        last_error: None,
        manifest_pending: false,
        manifest_dead: false,
    }
}

fn away(name: &str, delivered: i64) -> SinkProgress {
    SinkProgress {
        failures: 3,
        unavailable_micros: Some(1_700_000_000_500_000),
        last_error: Some("the store does not answer".to_owned()),
        ..sink(name, delivered, 0)
    }
}

impl Situation {
    /// This one, of a run with two sinks, which have nothing yet.
    pub(crate) fn delivering(self, job: Option<JobView>) -> Self {
        let mut situation = Self { run: with_sinks(), ..self }.stored(|ledger| {
            ledger.sinks = Some(SinksRead {
                secret: Some(SecretView {
                    name: DELIVERY_SECRET.to_owned(),
                    content: "what is right".to_owned(),
                    standing: SecretStanding::Right,
                }),
                sinks: vec![sink("archive", 0, 0), sink("copy", 0, 0)],
                tells: false,
                untold: false,
                failure_told: None,
                open_holders: Vec::new(),
            });
        });
        situation.observed.delivery.job = job;
        situation
    }

    pub(crate) fn at_sinks(self, archive: (i64, i64), copy: (i64, i64)) -> Self {
        self.sinks(|sinks| {
            sinks.sinks = vec![sink("archive", archive.0, archive.1), sink("copy", copy.0, copy.1)];
        })
    }

    pub(crate) fn with_sink_away(self) -> Self {
        self.sinks(|sinks| sinks.sinks[1] = away("copy", sinks.sinks[1].delivered))
    }

    /// Its sink that is away has been so for so long.
    fn for_seconds(self, seconds: i64) -> Self {
        self.sinks(|sinks| {
            sinks.sinks[1].unavailable_micros =
                Some((NOW - SignedDuration::from_secs(seconds)).as_microsecond());
        })
    }

    /// So many dead letters of a sink were discarded.
    pub(crate) fn with_discarded(self, letters: i64) -> Self {
        self.sinks(|sinks| sinks.sinks[1].discarded = letters)
    }

    pub(crate) fn with_manifest_pending(self) -> Self {
        self.sinks(|sinks| sinks.sinks[1].manifest_pending = true)
    }

    /// The manifest of a sink was given up.
    pub(crate) fn with_manifest_dead(self) -> Self {
        self.sinks(|sinks| sinks.sinks[1].manifest_dead = true)
    }

    /// As many sinks as there may be, each with a name and an error that are as long as they may be.
    pub(crate) fn with_eight_long_sinks(self) -> Self {
        self.sinks(|sinks| {
            let long = |number: usize| SinkProgress {
                delivered: 123_456_789,
                dead: 123_456_789,
                last_error: Some("🔏\u{1}".repeat(1_000)),
                ..away(&format!("{number}{}", "n".repeat(62)), 0)
            };
            sinks.sinks = (0..8).map(long).collect();
        })
    }

    /// With somebody who is told, and no sinks.
    fn telling(self, job: Option<JobView>) -> Self {
        self.delivering(job).sinks(|sinks| (sinks.tells, sinks.sinks) = (true, Vec::new()))
    }

    fn sinks(self, change: impl FnOnce(&mut SinksRead)) -> Self {
        self.stored(|ledger| change(ledger.sinks.as_mut().expect("a run with sinks")))
    }

    /// So many batches are signed.
    fn with_signed(self, batches: i64) -> Self {
        self.stored(|ledger| {
            (ledger.counts.batches_signed, ledger.counts.records_signed) = (batches, batches * 100);
        })
    }

    /// Every record is signed, and the run waits for its sinks.
    pub(crate) fn only_delivered(job: Option<JobView>) -> Self {
        Self::seeded().with_signed(10).delivering(job)
    }

    fn with_delivery_pod(mut self, state: PodState) -> Self {
        self.observed.delivery.pods.push(PodView { holder: POD.to_owned(), state, failed: false });
        self
    }
}

fn delivery() -> JobView {
    JobView { secret: Some(DELIVERY_SECRET.to_owned()), ..running(1) }
}

fn run_delivery(suspended: bool) -> Effect {
    Effect::EnsureDelivery(JobPlan { suspended, ..JobPlan::like(&delivery()) })
}

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
fn a_sink_that_cannot_be_reached_stops_a_run_only_once_nothing_else_is_left() {
    check([
        row(
            "while records are signed",
            Situation::seeded()
                .with_job(running(2))
                .with_signed(5)
                .delivering(Some(delivery()))
                .with_sink_away(),
            at(Stage::Signing).doing([run_delivery(false), run_job(2)]),
        ),
        row(
            "after that",
            Situation::only_delivered(Some(delivery())).with_sink_away(),
            at(Stage::Delivering).doing([run_delivery(false)]).blocked(Reason::SinkUnavailable),
        ),
        row(
            "for a moment: it may limit how much it takes",
            Situation::only_delivered(Some(delivery())).with_sink_away().for_seconds(12),
            at(Stage::Delivering).doing([run_delivery(false)]).again_after(18),
        ),
        row(
            "for long enough",
            Situation::only_delivered(Some(delivery())).with_sink_away().for_seconds(30),
            at(Stage::Delivering).doing([run_delivery(false)]).blocked(Reason::SinkUnavailable),
        ),
    ]);
    let decided = Situation::only_delivered(Some(delivery())).with_sink_away().decide();
    let said = decided.obstacle.expect("an obstacle").message;
    assert_eq!(said, "sink copy: the store does not answer");
}

#[test]
fn a_delivery_that_cannot_work_fails_the_run_and_is_tried_again_after_a_minute() {
    let failed_by = |reason: &str, ago| {
        Situation::only_delivered(Some(delivery().failed_by(reason, ago))).with_delivery_pod(ended(
            78,
            "sink archive: the credentials are not there",
            ago,
        ))
    };
    let misconfigured = at(Stage::Delivering).failed(Reason::DeliveryMisconfigured);
    check([
        row("just now", failed_by("PodFailurePolicy", 10), misconfigured.clone().again_after(50)),
        row(
            "a minute ago",
            failed_by("PodFailurePolicy", 60),
            misconfigured.clone().doing([Effect::DeleteDelivery]),
        ),
        row(
            "after a change of the spec",
            failed_by("PodFailurePolicy", 10).object(|object| object.generation = 2),
            misconfigured.doing([Effect::DeleteDelivery]).again_after(50),
        ),
        row(
            "too often",
            failed_by("BackoffLimitExceeded", 60),
            at(Stage::Delivering).failed(Reason::DeliveryFailed),
        ),
    ]);
    let said = failed_by("PodFailurePolicy", 10).decide().failure.expect("a failure").message;
    assert_eq!(
        said,
        "nothing can be delivered: sink archive: the credentials are not there (retried every 60 s)"
    );
}

#[test]
fn a_run_stays_failed_until_something_is_delivered_or_a_sink_is_waited_for() {
    let again = Situation::only_delivered(Some(delivery()))
        .at_sinks((3, 0), (0, 0))
        .said(ConditionType::Failed, Reason::DeliveryMisconfigured, 100)
        .object(|object| {
            let archive = SinkStatus { name: "archive".to_owned(), delivered: 3, ..SinkStatus::default() };
            object.previous.sinks = vec![archive];
        });
    let failed = |situation: Situation| situation.decide().failure.map(|failure| failure.reason);
    assert_eq!(failed(again.clone()), Some(Reason::DeliveryMisconfigured));
    assert_eq!(failed(again.clone().at_sinks((3, 0), (1, 0))), None);
    assert_eq!(failed(again.with_sink_away()), None);
}

#[test]
fn a_run_that_only_waits_for_its_sinks_does_not_fail_by_its_deadline() {
    let late =
        |situation: Situation| situation.started(500).spec(|run| run.active_deadline = Some(seconds(100)));
    check([
        row(
            "all is signed",
            late(Situation::only_delivered(Some(delivery()))),
            at(Stage::Delivering).doing([run_delivery(false)]),
        ),
        row(
            "not all is signed",
            late(Situation::seeded().with_signed(9).delivering(Some(delivery())).held()),
            at(Stage::Pending).doing([run_delivery(true)]).failed(Reason::DeadlineExceeded),
        ),
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
fn whoever_is_told_of_a_run_is_told_from_its_beginning_to_its_end_and_while_it_is_held() {
    let done = at(Stage::Complete);
    check([
        row(
            "before anything is signed",
            Situation::created().with_background(Background::GENERATING).telling(None),
            at(Stage::Seeding).doing([Effect::StartDelivery, run_job(2)]).again_at_once(),
        ),
        row(
            "while it is suspended",
            Situation::seeded().with_job(running(2)).telling(Some(delivery())).suspended(),
            at(Stage::Suspended).doing([run_delivery(false), hold_job(2), HOLD]),
        ),
        row(
            "all is signed: a signer says that it is complete",
            Situation::seeded().with_signed(10).with_job(running(2)).telling(Some(delivery())),
            at(Stage::Signing).doing([run_delivery(false), run_job(2)]),
        ),
        row(
            "complete, and not all was told",
            Situation::signed().telling(Some(delivery())).sinks(|sinks| sinks.untold = true).completed(60),
            done.clone().doing([run_delivery(false)]).again_after(5),
        ),
        row(
            "complete, and all was told",
            Situation::signed().telling(Some(delivery())).completed(60),
            done.doing([Effect::EndDelivery]),
        ),
    ]);
}

#[test]
fn that_a_run_failed_is_written_down_once_for_each_reason() {
    let failed = |told| {
        Situation::seeded()
            .with_job(running(2).failed_by("BackoffLimitExceeded", 1))
            .telling(Some(delivery()))
            .sinks(|sinks| sinks.failure_told = told)
            .decide()
            .effects
    };
    let is_told = |effects: &[Effect]| effects.iter().any(|effect| matches!(effect, Effect::TellFailed(_)));
    assert!(is_told(&failed(None)) && is_told(&failed(Some(Reason::DeadlineExceeded))));
    assert!(!is_told(&failed(Some(Reason::SignersFailed))));
}

#[test]
fn a_run_whose_sinks_may_not_be_is_not_made() {
    let mut situation = Situation { run: with_sinks(), ..Situation::adopted() };
    situation.observed.delivery.refusal =
        Some(Refusal { reason: Reason::SinkInvalid, message: "sink archive: not so".to_owned() });
    check([row(
        "one that can never be",
        situation,
        at(Stage::Pending).failed(Reason::SinkInvalid).again_after(15),
    )]);
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
