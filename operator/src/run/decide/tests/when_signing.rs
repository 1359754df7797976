//! While records are signed.

use chancery_api::Reason;
use chancery_api::condition::ConditionType::Failed;

use super::situation::{RUNNING, STARTING, Situation, ended, running, seconds};
use super::table::{LET_GO, at, check, hold_job, row, run_job};
use crate::run::decide::decision::{Effect, JobPlan, Stage};
use crate::run::decide::job::last_message;
use crate::run::facts::{Background, JobView, PodState};

#[test]
fn a_seeded_run_has_one_job() {
    let signing = at(Stage::Signing);
    check([
        row("the Job is made", Situation::seeded(), signing.clone().doing([run_job(2)])),
        row(
            "the Job is kept as it should be",
            Situation::seeded().with_job(running(2)),
            signing.clone().doing([run_job(2)]),
        ),
        row(
            "a run that was suspended is let go before its Job is resumed",
            Situation::seeded().held().with_job(running(2).stopped()),
            signing.clone().doing([LET_GO, run_job(2)]),
        ),
        row(
            "a Job that is going is waited for",
            Situation::seeded().with_job(running(2).going()),
            signing.clone(),
        ),
        row(
            "somebody else's Job of that name is left alone and looked at again",
            Situation::seeded().with_job(running(2).somebody_elses()),
            signing.clone().blocked(Reason::JobNameTaken).again_after(15),
        ),
        row(
            "another lease duration is told to the ledger",
            Situation::seeded().with_job(running(2)).stored(|ledger| ledger.lease_duration = seconds(7)),
            signing.clone().doing([LET_GO, run_job(2)]),
        ),
        row(
            "what ended signers hold is given back at once, of others nothing",
            Situation::seeded()
                .with_job(running(2))
                .with_pod(RUNNING)
                .with_pod(ended(137, "killed", 1))
                .with_pod(PodState::Lost)
                .stored(|ledger| {
                    ledger.open_holders = (0..3).map(|pod| format!("demo-signer-{pod}/uid-{pod}")).collect();
                }),
            signing
                .doing([Effect::ReleaseLeases { holders: vec!["demo-signer-1/uid-1".into()] }, run_job(2)]),
        ),
    ]);
}

#[test]
fn there_are_as_many_signers_as_can_have_a_key_and_a_batch() {
    let with = |parallelism, keys, unsigned: i64| {
        Situation::seeded().spec(|run| run.parallelism = parallelism).stored(|ledger| {
            ledger.keyring.key_count = keys;
            ledger.counts.batches_signed = 10 - unsigned;
        })
    };
    let signers = |signers| at(Stage::Signing).doing([run_job(signers)]);
    check([
        row("as many as are asked for", with(3, 4, 10), signers(3)),
        row("no more than there are keys", with(30, 4, 10), signers(4)),
        row("no more than there are batches to sign", with(30, 40, 5), signers(5)),
        row("one at least, which finds that nothing is left", with(30, 40, 0), signers(1)),
        row(
            "those at work are not sent away for want of batches",
            with(30, 40, 5).with_job(running(8)),
            signers(8),
        ),
        row(
            "those at work are sent away when fewer are asked for",
            with(3, 40, 10).with_job(running(8)),
            signers(3),
        ),
        row(
            "more are asked for while the run is under way",
            with(9, 40, 10).with_job(running(2)),
            signers(9),
        ),
        row(
            "a Job that somebody set to nothing is set right",
            with(2, 4, 10).with_job(running(0)),
            signers(2),
        ),
    ]);
}

#[test]
fn a_job_that_ended_early_is_replaced() {
    let signing = at(Stage::Signing);
    check([
        row(
            "signers that left just now are replaced after a pause",
            Situation::seeded().with_job(running(2).done(2)),
            signing.clone().again_after(3),
        ),
        row(
            "signers that left a while ago are replaced",
            Situation::seeded().with_job(running(2).done(5)),
            signing.clone().doing([Effect::DeleteJob]),
        ),
        row(
            "a Job that has seen a success and has no signer left starts none any more",
            Situation::seeded().with_job(running(2).with_successes(2)),
            signing.clone().doing([Effect::DeleteJob]),
        ),
        row(
            "a Job that has seen a success keeps the signers that it has",
            Situation::seeded().with_job(running(2).with_successes(1)),
            signing.doing([run_job(2)]),
        ),
    ]);
}

#[test]
fn signers_that_can_never_work_are_tried_again_now_and_then() {
    let failed = at(Stage::Signing).failed(Reason::SignerMisconfigured);
    let retrying = || Situation::seeded().said(Failed, Reason::SignerMisconfigured, 90);
    check([
        row(
            "the run is failed",
            Situation::seeded().with_job(running(2).failed_by("PodFailurePolicy", 20)),
            failed.clone().again_after(40),
        ),
        row(
            "they are tried again after a minute",
            Situation::seeded().with_job(running(2).failed_by("PodFailurePolicy", 60)),
            failed.clone().doing([Effect::DeleteJob]),
        ),
        row(
            "they are tried again at once when the spec has changed",
            Situation::seeded()
                .with_job(running(2).failed_by("PodFailurePolicy", 1))
                .object(|object| object.generation = 2),
            failed.clone().doing([Effect::DeleteJob]).again_after(59),
        ),
        row(
            "the run stays failed while the Job goes",
            retrying().with_job(running(2).failed_by("PodFailurePolicy", 60).going()),
            failed.clone(),
        ),
        row(
            "the run stays failed when the Job is made again",
            retrying(),
            failed.clone().doing([run_job(2)]),
        ),
        row(
            "the run stays failed while the signers start",
            retrying().with_job(running(2)).with_pod(STARTING),
            failed.clone().doing([run_job(2)]),
        ),
        row(
            "what a lost signer had in hand before is no sign of work",
            retrying().with_job(running(2)).said_counts(1, 300).stored(|ledger| {
                (ledger.counts.batches_leased, ledger.counts.records_signed) = (1, 300);
            }),
            failed.clone().doing([run_job(2)]),
        ),
        row(
            "the run has recovered once a signer leases a batch",
            retrying().with_job(running(2)).said_counts(1, 300).stored(|ledger| {
                (ledger.counts.batches_leased, ledger.counts.records_signed) = (2, 300);
            }),
            at(Stage::Signing).doing([run_job(2)]),
        ),
        row(
            "the run has recovered once a signature is stored",
            retrying()
                .with_job(running(2))
                .said_counts(0, 300)
                .stored(|ledger| ledger.counts.records_signed = 400),
            at(Stage::Signing).doing([run_job(2)]),
        ),
        row(
            "other failures do not outlast their Job",
            Situation::seeded().said(Failed, Reason::SignersFailed, 90).with_job(running(2).going()),
            at(Stage::Signing),
        ),
    ]);
}

#[test]
fn signers_that_failed_too_often_wait_for_somebody() {
    let failed = at(Stage::Signing).failed(Reason::SignersFailed);
    let situation = || Situation::seeded().with_job(running(2).failed_by("BackoffLimitExceeded", 3_600));
    check([
        row("the run is failed, and nothing is tried by itself", situation(), failed.clone()),
        row(
            "a change of the spec lets it go on",
            situation().object(|object| object.generation = 2),
            failed.clone().doing([Effect::DeleteJob]),
        ),
        row(
            "a new value of the annotation lets it go on",
            situation().object(|object| object.retry = "please".into()),
            failed.clone().doing([Effect::DeleteJob]),
        ),
        row(
            "a Job of which nobody knows what it was made from is made again",
            situation().with_job(running(2).failed_by("BackoffLimitExceeded", 9).of_generation(0)),
            failed.doing([Effect::DeleteJob]),
        ),
    ]);
}

#[test]
fn signers_that_were_evicted_do_not_fail_the_run_however_many_they_are() {
    let evicted = |job: JobView, counted| JobView { counted, ..job };
    let used_up =
        |ago| Situation::seeded().with_job(evicted(running(2).failed_by("FailedIndexes", ago), 2_000));
    let plan = |backoff_limit| JobPlan { backoff_limit, ..JobPlan::like(&running(2)) };
    check([
        row(
            "as many more may be evicted as before",
            Situation::seeded().with_job(evicted(running(2), 70)),
            at(Stage::Signing).doing([Effect::EnsureJob(plan(6 + 2 + 150))]),
        ),
        row(
            "a Job of which too many pods failed by themselves ends, and the run is failed then",
            Situation::seeded().with_job(JobView { failed: 7, ..evicted(running(2), 70) }),
            at(Stage::Signing).doing([Effect::EnsureJob(plan(6))]),
        ),
        row("a Job that is used up is replaced", used_up(5), at(Stage::Signing).doing([Effect::DeleteJob])),
        row("after a pause", used_up(1), at(Stage::Signing).again_after(4)),
    ]);
}

#[test]
fn a_failure_tells_what_the_last_signer_said() {
    let situation = Situation::seeded()
        .with_pod(ended(1, "the first", 30))
        .with_pod(ended(1, "the last", 10))
        .with_pod(ended(0, "all is well", 5))
        .with_pod(PodState::Lost);
    assert_eq!(last_message(&situation.observed), Some("the last"));
    let message = |reason| {
        let decision = situation.clone().with_job(running(2).failed_by(reason, 1)).decide();
        decision.failure.expect("a failure").message
    };
    assert!(
        message("PodFailurePolicy")
            .starts_with("the signers cannot work as they are configured: the last (retried every 60 s)")
    );
    assert!(
        message("BackoffLimitExceeded")
            .starts_with("too many signers failed: the Job's own words; the last of them said: the last;")
    );
    let silent = Situation::seeded().with_job(running(2).failed_by("BackoffLimitExceeded", 1)).decide();
    assert!(
        silent
            .failure
            .expect("a failure")
            .message
            .starts_with("too many signers failed: the Job's own words; a greater")
    );
}

#[test]
fn a_job_in_a_queue_starts_when_kueue_admits_it() {
    check([
        row("it is made suspended", Situation::seeded().queued(), at(Stage::Signing).doing([hold_job(2)])),
        row(
            "it is left suspended until it is admitted",
            Situation::seeded().queued().with_job(running(2).stopped()),
            at(Stage::Signing).blocked(Reason::Queued).doing([hold_job(2)]),
        ),
        row(
            "it is left running once it is admitted",
            Situation::seeded().queued().with_job(running(2)),
            at(Stage::Signing).doing([run_job(2)]),
        ),
        row(
            "it starts when it is taken out of the queue",
            Situation::seeded().with_job(running(2).stopped()),
            at(Stage::Signing).doing([run_job(2)]),
        ),
    ]);
}

#[test]
fn what_is_done_in_the_background_does_not_matter_once_a_run_is_seeded() {
    let backgrounds = [Background::IDLE, Background::GENERATING, Background::DELETING];
    for background in backgrounds {
        let decision = Situation::seeded().with_background(background).decide();
        assert_eq!(at(Stage::Signing).doing([run_job(2)]), decision.into());
    }
}
