//! What a status says, and how much room it takes.

use chancery_api::Reason;
use chancery_api::condition::ConditionType::{
    Complete, Delivered, Failed, Progressing, Sealed, SinkUnavailable, Suspended,
};
use chancery_api::condition::{ConditionType, find, holds};
use chancery_api::{Phase, SigningRunSpec, SigningRunStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::SignedDuration;
use proptest::prelude::*;

use super::{invalid_status, status};
use crate::run::decide::decide_invalid;
use crate::run::decide::decision::{Cause, Decision};
use crate::run::decide::tests::situation::{NOW, RUNNING, STARTING, Situation, ago, ended, running};
use crate::run::facts::LedgerView;

impl Situation {
    pub(crate) fn status(&self) -> SigningRunStatus {
        status(&self.run, &self.observed, &self.decide(), NOW)
    }

    /// With what is said of it now as the status that was last written, so many seconds ago.
    fn some_seconds_later(self, seconds: i64) -> Self {
        let said = status(&self.run, &self.observed, &self.decide(), ago(seconds));
        self.object(|object| object.previous = said)
    }

    fn signed_batches(self, batches: i64) -> Self {
        self.stored(|ledger| {
            (ledger.counts.batches_signed, ledger.counts.records_signed) = (batches, batches * 100);
        })
    }
}

#[test]
fn the_phase_follows_the_run() {
    let phase = |situation: Situation| situation.status().phase.expect("a phase");
    assert_eq!(phase(Situation::fresh()), Phase::Pending);
    assert_eq!(phase(Situation::adopted()), Phase::Pending);
    assert_eq!(phase(Situation::created()), Phase::Seeding);
    assert_eq!(phase(Situation::filled()), Phase::Seeding, "there is nothing to sign yet");
    assert_eq!(phase(Situation::begun(1)), Phase::Signing, "although more records are to come");
    assert_eq!(phase(Situation::seeded()), Phase::Signing);
    assert_eq!(phase(Situation::seeded().suspended()), Phase::Suspended);
    assert_eq!(phase(Situation::signed()), Phase::Complete);
    assert_eq!(phase(Situation::adopted().with_kek(Err("there is no file"))), Phase::Failed);
    assert_eq!(
        phase(Situation::seeded().with_job(running(2).failed_by("BackoffLimitExceeded", 1))),
        Phase::Failed
    );
}

#[test]
fn a_run_that_is_scaled_to_nothing_is_suspended_and_says_by_what() {
    let scaled = Situation::seeded().spec(|run| (run.parallelism, run.suspend) = (0, true)).status();
    let said = |type_| find(&scaled.conditions, type_).expect("the condition").message.clone();
    assert_eq!(scaled.phase, Some(Phase::Suspended));
    assert_eq!(said(Suspended), "spec.parallelism is 0: no signer works");
    assert_eq!(said(Progressing), "the run continues once spec.parallelism is greater than 0");
}

#[test]
fn every_condition_is_there_with_a_reason_a_message_and_the_generation() {
    let situations = [
        Situation::fresh(),
        Situation::adopted().with_kek(Err("the file is empty")),
        Situation::created(),
        Situation::seeded().cut_off(),
        Situation::seeded().suspended(),
        Situation::signed(),
    ];
    for situation in situations {
        let status = situation.object(|object| object.generation = 7).status();
        let types: Vec<&str> = status.conditions.iter().map(|condition| condition.type_.as_str()).collect();
        assert_eq!(types, ConditionType::ALL.map(ConditionType::as_str));
        for condition in &status.conditions {
            assert!(condition.reason.chars().all(char::is_alphanumeric) && !condition.reason.is_empty());
            assert!(!condition.message.is_empty(), "{condition:?}");
            assert_eq!(condition.observed_generation, Some(7));
        }
        assert_eq!(status.observed_generation, Some(7));
    }
}

#[test]
fn only_a_run_with_sinks_says_whether_it_is_delivered_and_what_it_said_stays_without_the_ledger() {
    let of = |situation: &Situation, type_| {
        let status = situation.status();
        let found = find(&status.conditions, type_).expect("the condition");
        (found.status == "True", found.reason.clone())
    };
    let is = |holds: bool, reason: &str| (holds, reason.to_owned());
    let only = || Situation::only_delivered(None);
    assert_eq!(of(&only(), Delivered), is(false, "NotAllDelivered"));
    assert_eq!(of(&only(), SinkUnavailable), is(false, "SinksAvailable"));
    assert_eq!(of(&only(), Complete), is(false, "NotAllDelivered"));
    assert_eq!(of(&only(), Progressing), is(true, "Delivering"));
    assert_eq!(only().status().phase, Some(Phase::Delivering));
    assert_eq!(of(&only().at_sinks((9, 1), (0, 0)), Delivered), is(false, "DeadDeliveries"));
    assert_eq!(
        of(&only().at_sinks((10, 0), (8, 2)).with_discarded(1), Delivered),
        is(false, "DeadDeliveries")
    );
    let discarded = only().at_sinks((10, 0), (8, 2)).with_discarded(2);
    assert_eq!(of(&discarded, Delivered), is(true, "AllDelivered"), "it is no failure any more");
    let unlisted = only().at_sinks((10, 0), (10, 0)).with_manifest_dead();
    assert_eq!(of(&unlisted, Delivered), is(false, "DeadDeliveries"));
    let away = only().at_sinks((10, 0), (4, 0)).with_sink_away();
    assert_eq!(of(&away, SinkUnavailable), is(true, "SinkUnavailable"));
    assert_eq!(of(&away, Progressing), is(false, "SinkUnavailable"));
    let done = Situation::signed().delivering(None).at_sinks((10, 0), (10, 0));
    assert_eq!(of(&done, Delivered), is(true, "AllDelivered"));
    assert_eq!(of(&done, Complete), is(true, "AllSigned"));

    let unseen = away.clone().some_seconds_later(60).cut_off();
    assert_eq!(of(&unseen, SinkUnavailable), is(true, "SinkUnavailable"), "as it was said last");
    assert_eq!(unseen.status().sinks, away.status().sinks);
    let sinks = away.status().sinks;
    assert_eq!((sinks[0].delivered, sinks[0].pending, sinks[1].pending), (10, 0, 6));
    assert_eq!(sinks[1].last_error.as_deref(), Some("the store does not answer"));
    let bad = invalid_status(&unseen.observed, &decide_invalid(&unseen.observed, "no".to_owned()), NOW);
    assert!(holds(&bad.conditions, SinkUnavailable), "nor does a bad spec take it back");
}

#[test]
fn a_transition_time_moves_when_the_condition_does_and_only_then() {
    let since = |status: &SigningRunStatus, type_| {
        find(&status.conditions, type_).expect("the condition").last_transition_time.0
    };
    let later = Situation::seeded().some_seconds_later(60).suspended().status();
    assert_eq!(since(&later, Sealed), ago(60));
    assert_eq!(since(&later, Suspended), NOW);
    assert_eq!(since(&later, Complete), ago(60));
    let failing = Situation::created().with_kek(Ok("another")).some_seconds_later(60);
    let other = failing.with_kek(Err("the file is empty")).status();
    assert_eq!(since(&other, Failed), ago(60), "it failed all the while, if for another reason now");
}

#[test]
fn an_obstacle_is_told_whatever_else_holds() {
    let progressing = |situation: Situation| {
        let status = situation.status();
        let condition = find(&status.conditions, Progressing).expect("the condition");
        (condition.status == "True", condition.reason.clone())
    };
    let is = |status: bool, reason: &str| (status, reason.to_owned());
    assert_eq!(progressing(Situation::seeded()), is(true, "Signing"));
    assert_eq!(progressing(Situation::seeded().cut_off()), is(false, "DatabaseUnavailable"));
    let failed = Situation::seeded().said(Failed, Reason::SignersFailed, 60).cut_off();
    assert_eq!(progressing(failed.clone()), is(false, "DatabaseUnavailable"));
    assert!(holds(&failed.status().conditions, Failed));
    let going = Situation::signed().completed(60).with_policy_delete().deleted(10).cut_off();
    assert_eq!(progressing(going.clone()), is(false, "DatabaseUnavailable"));
    assert!(holds(&going.status().conditions, Complete));
    assert_eq!(progressing(Situation::signed().completed(60)), is(false, "Complete"));
}

#[test]
fn counts_are_those_of_the_ledger_and_stay_when_it_cannot_be_asked() {
    let seen = Situation::seeded()
        .started(60)
        .signed_batches(3)
        .with_job(running(2))
        .with_pod(ended(1, "no", 3))
        .with_pod(RUNNING)
        .with_pod(STARTING);
    let status = seen.clone().stored(|ledger| ledger.counts.batches_leased = 2).status();
    let (records, batches) = (status.records.expect("counts"), status.batches.expect("counts"));
    assert_eq!((records.total, records.seeded, records.signed), (1_000, 1_000, 300));
    assert_eq!((batches.total, batches.signed, batches.leased), (10, 3, 2));
    let signers = status.signers.expect("counts");
    assert_eq!((signers.active, signers.pods), (1, 2), "one of the two does not run yet");
    assert_eq!(status.selector.as_deref(), Some("chancery.dev/run=demo,app.kubernetes.io/component=signer"));
    assert_eq!((status.job.as_deref(), status.progress.as_deref()), (Some("demo-signer"), Some("30%")));
    let unseen = seen.some_seconds_later(60).cut_off().status();
    assert_eq!(unseen.records, Some(records));
    assert_eq!(unseen.elapsed.as_deref(), Some("1m0s"));
    let stranger = Situation::signed().stored(|ledger| ledger.conflict = Some("its keyCount is 9".into()));
    assert_eq!(stranger.status().records.expect("counts").signed, 0, "another's records are not ours");
    let earlier = Situation::signed().stored(|ledger| ledger.deleted = true);
    assert_eq!(earlier.status().records.expect("counts").signed, 0, "nor are those of one that goes");
    assert_eq!(Situation::seeded().with_job(running(2).somebody_elses()).status().job, None);
}

#[test]
fn a_complete_run_keeps_its_figures() {
    let complete = Situation::signed().started(100).status();
    assert_eq!(complete.completion_time, Some(Time(NOW)));
    assert_eq!((complete.elapsed.as_deref(), complete.signatures_per_second), (Some("1m40s"), Some(10)));
    assert_eq!(complete.estimated_completion_time, None);
    let later = Situation::signed().started(100).object(|object| object.previous = complete.clone());
    let status = status(&later.run, &later.observed, &later.decide(), NOW + SignedDuration::from_secs(500));
    assert_eq!(status, complete);
    let lost = Situation {
        observed: crate::run::facts::Observed { ledger: LedgerView::Absent, ..later.observed },
        ..later
    };
    assert_eq!(lost.status(), complete);
}

#[test]
fn the_end_is_estimated_from_what_is_left_and_how_fast_it_goes() {
    let signing = Situation::seeded().signed_batches(3).stored(|ledger| ledger.rate = Some(99.6));
    let status = signing.clone().status();
    assert_eq!(status.signatures_per_second, Some(100));
    assert_eq!(status.estimated_completion_time, Some(Time(NOW + SignedDuration::from_secs(7))));
    assert_eq!(
        signing.clone().stored(|ledger| ledger.rate = Some(0.0)).status().estimated_completion_time,
        None
    );
    assert_eq!(signing.suspended().status().signatures_per_second, None);
}

#[test]
fn what_was_known_of_a_run_stays_when_its_spec_cannot_be_used() {
    let said = Situation::seeded().signed_batches(3).some_seconds_later(60);
    let status = invalid_status(&said.observed, &decide_invalid(&said.observed, "no".to_owned()), NOW);
    assert_eq!(status.phase, Some(Phase::Failed));
    assert_eq!(status.records, said.observed.object.previous.records);
    assert!(holds(&status.conditions, Sealed));
}

#[test]
fn nothing_is_said_to_have_happened_later_than_now() {
    let now = NOW + SignedDuration::from_millis(900);
    let signed = Situation::signed();
    let status = status(&signed.run, &signed.observed, &signed.decide(), now);
    assert_eq!((status.start_time, status.completion_time), (Some(Time(NOW)), Some(Time(NOW))));
}

#[test]
fn a_clock_that_was_set_back_gives_no_negative_time() {
    let status = Situation::seeded().started(-5).status();
    assert_eq!(status.elapsed.as_deref(), Some("0s"));
}

#[test]
fn eight_sinks_with_long_names_and_long_errors_leave_a_status_small() {
    let situation = Situation::only_delivered(None).with_eight_long_sinks();
    let size = serde_json::to_vec(&situation.status()).expect("JSON").len();
    assert!(size < 6_144, "{size} bytes");
}

/// A status in which everything is as long as it can be.
fn longest(words: &str) -> SigningRunStatus {
    let spec = SigningRunSpec::new(1_000_000_000, 10_000, 1);
    let name = "n".repeat(chancery_api::names::MAX_NAME_LENGTH);
    let run = chancery_api::validate(&chancery_api::SigningRun::new(&name, spec)).expect("a good run");
    let situation = Situation::seeded().started(31_000_000).stored(|ledger| {
        ledger.rate = Some(123_456.0);
        let counts = &mut ledger.counts;
        (counts.records, counts.records_admitted, counts.records_signed) =
            (1_000_000_000, 1_000_000_000, 123_456_789);
        (counts.batches, counts.batches_signed, counts.batches_leased) = (1_000_000_000, 123_456_789, 1_000);
        counts.keys_leased = 10_000;
        ledger.keyring.key_count = 10_000;
        ledger.keyring.name = Some("r".repeat(63));
    });
    let mut job = running(1_000);
    (job.succeeded, job.failed) = (2_147_483_647, 2_147_483_647);
    let situation = situation.with_job(job).object(|object| object.generation = i64::MAX);
    let words = words.repeat(2_000);
    let decision = Decision {
        failure: Some(Cause::new(Reason::SignerMisconfigured, words.clone())),
        obstacle: Some(Cause::new(Reason::DatabaseUnavailable, words)),
        ..situation.decide()
    };
    status(&run, &situation.observed, &decision, NOW)
}

proptest! {
    #[test]
    fn a_status_takes_less_than_four_kibibytes(words in any::<String>()) {
        for words in [words.as_str(), "a", "\n", "\u{1}", "\"", "€", "🔏"] {
            let size = serde_json::to_vec(&longest(words)).expect("JSON").len();
            prop_assert!(size < 4_096, "{size} bytes with {words:?}");
        }
    }
}
