//! Pods that do not come to run are told of: by their own words, by the Events about them, or because time has passed.

use chancery_api::Reason;
use chancery_api::condition::ConditionType::Failed;

use super::situation::{RUNNING, STARTING, Situation, ago, running, stuck};
use super::table::{at, check, row, run_job};
use crate::run::decide::decision::Stage;
use crate::run::facts::{PodState, Trouble};

/// A pod that was made so many seconds ago, and whose container waits.
fn waiting(seconds_ago: i64) -> PodState {
    PodState::Starting { since: Some(ago(seconds_ago)), waits: Some("ContainerCreating".to_owned()) }
}

fn said(is_warning: bool, reason: &str, message: &str) -> Trouble {
    Trouble::Said { is_warning, reason: reason.to_owned(), message: message.to_owned() }
}

fn with_trouble(mut situation: Situation, trouble: Trouble) -> Situation {
    situation.observed.trouble = Some(trouble);
    situation
}

/// What is said of why the run gets no further.
fn obstacle(situation: &Situation) -> String {
    let obstacle = situation.decide().obstacle.expect("something is in the way");
    assert_eq!(obstacle.reason, Reason::SignersNotStarting);
    obstacle.message
}

#[test]
fn a_job_whose_pods_do_not_come_is_told_of() {
    let signing = at(Stage::Signing).doing([run_job(2)]);
    let hindered = signing.clone().blocked(Reason::SignersNotStarting).again_after(15);
    let situation = |job| Situation::seeded().with_job(job);
    let refused = said(true, "FailedCreate", "exceeded quota");
    check([
        row("they may take a while", situation(running(2).started(5)), signing.clone().again_after(1)),
        row("but not for ever", situation(running(2).started(15)), hindered.clone()),
        row(
            "nor when their Job is known to be refused them",
            with_trouble(situation(running(2).started(1)), refused),
            hindered,
        ),
        row("they are there", situation(running(2).started(90)).with_pod(STARTING), signing),
    ]);
}

#[test]
fn the_usual_cause_is_named_with_the_command_that_mends_it() {
    let words = "pods \"demo-signer-\" is forbidden: error looking up service account default/chancery-signer: serviceaccount \"chancery-signer\" not found";
    let unprepared =
        with_trouble(Situation::seeded().with_job(running(2).started(1)), said(true, "FailedCreate", words));
    let message = obstacle(&unprepared);
    assert!(message.contains(words), "{message}");
    assert!(
        message.contains("`kubectl create serviceaccount chancery-signer --namespace default`"),
        "{message}"
    );
    let words = "MountVolume.SetUp failed for volume \"source-a\" : secret \"bucket-key\" not found";
    let without_secret = with_trouble(
        Situation::seeded().with_job(running(2)).with_pod(waiting(2)),
        said(true, "FailedMount", words),
    );
    let message = obstacle(&without_secret);
    for words in [
        words,
        "pod demo-signer-0 does not run: FailedMount: ",
        "`kubectl create secret generic bucket-key --namespace default --from-literal=KEY=VALUE`",
    ] {
        assert!(message.contains(words), "{words:?} is not in: {message}");
    }
    let other = with_trouble(
        Situation::seeded().with_job(running(2).started(1)),
        said(true, "FailedCreate", "exceeded quota"),
    );
    assert!(!obstacle(&other).contains("serviceaccount"), "{}", obstacle(&other));
}

#[test]
fn signers_that_cannot_start_are_told_of() {
    let signing = at(Stage::Signing).doing([run_job(2)]);
    let hindered = signing.clone().blocked(Reason::SignersNotStarting).again_after(15);
    let with_pod = |state| Situation::seeded().with_job(running(2)).with_pod(state);
    check([
        row("a pod is stuck", with_pod(stuck()), hindered.clone()),
        row(
            "one pod is stuck, but another is at work",
            with_pod(stuck()).with_pod(RUNNING),
            signing.clone().with_aside(Reason::SomeSignersNotStarting),
        ),
        row("a pod has just been made", with_pod(waiting(1)), signing.clone().again_after(1)),
        row("a pod takes a while", with_pod(waiting(3)), signing.clone().again_after(5)),
        row("a pod is only slow to start", with_pod(waiting(10)), signing.clone().again_after(20)),
        row(
            "a pod has said what it lacks",
            with_trouble(with_pod(waiting(2)), said(true, "FailedMount", "secret \"s\" not found")),
            hindered.clone(),
        ),
        row(
            "a pod has said something that may pass",
            with_trouble(with_pod(waiting(2)), said(true, "FailedMount", "timed out")),
            signing.clone().again_after(6),
        ),
        row("one is too slow", with_pod(waiting(30)), hindered.clone()),
        row(
            "one is too slow, but another is at work",
            with_pod(waiting(30)).with_pod(RUNNING),
            signing.clone().with_aside(Reason::SomeSignersNotStarting),
        ),
        row(
            "one has just been made, and another is at work",
            with_pod(waiting(5)).with_pod(RUNNING),
            signing,
        ),
        row(
            "the run is failed besides",
            with_pod(stuck()).said(Failed, Reason::SignerMisconfigured, 90),
            hindered.failed(Reason::SignerMisconfigured),
        ),
    ]);
}

#[test]
fn a_pod_that_hangs_is_named_with_what_is_said_of_it() {
    let hanging = || Situation::seeded().with_job(running(2)).with_pod(waiting(30));
    let message = obstacle(&hanging());
    for words in ["pod demo-signer-0", "after 30 s (ContainerCreating)", "`kubectl describe pod"] {
        assert!(message.contains(words), "{words:?} is not in: {message}");
    }
    let mount = said(true, "FailedMount", "configmap \"ca\" not found");
    let message = obstacle(&with_trouble(hanging(), mount));
    assert!(message.ends_with("(ContainerCreating): FailedMount: configmap \"ca\" not found"), "{message}");
    let message = obstacle(&with_trouble(hanging(), said(false, "Pulling", "Pulling image \"a\"")));
    assert!(message.ends_with("Pulling: Pulling image \"a\""), "{message}");
    let unread = obstacle(&with_trouble(hanging(), Trouble::Unreadable("events is forbidden".to_owned())));
    assert!(unread.ends_with("the operator cannot read its Events: events is forbidden"), "{unread}");
}
