//! What becomes of a run whose sinks cannot be reached or may not be, or whose delivery cannot work.

use chancery_api::condition::ConditionType;
use chancery_api::{Reason, SinkStatus};

use super::sinks::{delivery, run_delivery, with_sinks};
use super::situation::{Situation, ended, running, seconds};
use super::table::{at, check, row, run_job};
use crate::run::decide::decision::{Effect, Stage};
use crate::run::facts::Refusal;

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
