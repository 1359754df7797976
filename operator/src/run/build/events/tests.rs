//! The story of a run: each thing that happens is told once.

use chancery_api::SigningRunStatus;
use chancery_api::condition::ConditionType::{Failed, KeyringReady, Sealed};

use chancery_store::standstill::{PATIENCE, Scarce, Standstill};

use super::*;
use crate::run::decide::tests::situation::{NOW, Situation, running, stuck, work_failed};
use crate::run::standing::Standing;

const LAST_WORDS: Words<'_> = Words { signer: Some("its last words"), changed: None, signers: Some(2) };

/// A status, and what kept the run from going on.
type Said = (SigningRunStatus, Option<Cause>);

fn said(situation: &Situation) -> Said {
    (situation.status(), situation.decide().obstacle)
}

/// What is told when one situation follows another, and then stays.
fn told(situations: &[Situation]) -> Vec<String> {
    let mut old = SigningRunStatus::default();
    let mut all = Vec::new();
    for situation in situations {
        let after = situation.clone().object(|object| object.previous = old.clone());
        let (new, obstacle) = said(&after);
        all.extend(
            new_events(&old, &new, obstacle.as_ref(), &LAST_WORDS)
                .into_iter()
                .map(|news| news.reason.as_str().to_owned()),
        );
        let (still, obstacle) = said(&after.object(|object| object.previous = new.clone()));
        assert_eq!(
            new_events(&new, &still, obstacle.as_ref(), &Words::default()),
            [],
            "told again in {situation:?}"
        );
        old = still;
    }
    all
}

#[test]
fn a_run_that_nothing_happens_to_tells_its_stages() {
    let life = [
        Situation::fresh(),
        Situation::adopted(),
        Situation::created(),
        Situation::filled(),
        Situation::begun(3),
        Situation::seeded(),
        Situation::seeded().with_job(running(2)),
        Situation::signed(),
    ];
    assert_eq!(told(&life), ["Seeding", "KeyringReady", "Sealed", "Completed"]);
}

#[test]
fn a_run_that_is_suspended_and_resumed_says_so() {
    let held = Situation::seeded().suspended();
    assert_eq!(
        told(&[Situation::seeded(), held.clone(), Situation::seeded()]),
        ["KeyringReady", "Sealed", "Suspended", "Resumed"]
    );
    // The last batch came in while it was held.
    assert_eq!(
        told(&[Situation::seeded(), held, Situation::signed()]),
        ["KeyringReady", "Sealed", "Suspended", "Completed"]
    );
}

#[test]
fn a_sink_that_goes_and_comes_back_and_batches_that_are_given_up_are_told_of_once_each() {
    let only = || Situation::only_delivered(None).at_sinks((10, 0), (4, 0));
    let life = [
        only(),
        only().with_sink_away(),
        only().with_sink_away().cut_off(),
        only().with_sink_away(),
        only(),
        only().at_sinks((10, 0), (4, 1)),
        only().at_sinks((10, 0), (4, 2)),
        Situation::signed().delivering(None).at_sinks((10, 0), (8, 2)),
    ];
    assert_eq!(
        told(&life),
        [
            "KeyringReady",
            "Sealed",
            "SinkUnavailable",
            "DatabaseUnavailable",
            "DatabaseAvailable",
            "SinksAvailable",
            "DeadDeliveries",
            "Completed",
        ]
    );
}

#[test]
fn a_database_that_goes_and_comes_back_is_told_of_once_each() {
    let life = [Situation::seeded(), Situation::seeded().cut_off(), Situation::seeded()];
    assert_eq!(told(&life), ["KeyringReady", "Sealed", "DatabaseUnavailable", "DatabaseAvailable"]);
    let hindered = Situation::seeded().with_job(running(2)).with_pod(stuck());
    let life = [Situation::seeded(), Situation::seeded().cut_off(), hindered];
    assert_eq!(
        told(&life),
        ["KeyringReady", "Sealed", "DatabaseUnavailable", "DatabaseAvailable", "SignersNotStarting"]
    );
}

#[test]
fn a_failure_is_told_of_once_and_so_is_its_end() {
    let failed = Situation::created().stored(|ledger| ledger.secret = None).with_kek(Ok("another"));
    assert_eq!(
        told(&[failed.clone(), Situation::seeded()]),
        ["WrongKek", "KeyringReady", "Sealed", "Recovered"]
    );
    // Neither a database that is away, nor a deletion, nor being held mends anything.
    let signers = || Situation::seeded().with_job(running(2).failed_by("BackoffLimitExceeded", 1));
    let life = [signers(), signers().cut_off(), signers()];
    assert_eq!(
        told(&life),
        [
            "KeyringReady",
            "Sealed",
            "SignerFailed",
            "SignersFailed",
            "DatabaseUnavailable",
            "DatabaseAvailable"
        ]
    );
    let life = [signers(), signers().with_policy_delete().deleted(20)];
    assert_eq!(told(&life), ["KeyringReady", "Sealed", "SignerFailed", "SignersFailed"]);
    let life = [signers(), signers().suspended()];
    assert_eq!(told(&life), ["KeyringReady", "Sealed", "SignerFailed", "SignersFailed", "Suspended"]);
}

#[test]
fn a_failed_run_that_is_hindered_besides_does_not_tell_so_again_and_again() {
    let retrying = Situation::seeded()
        .said(KeyringReady, Reason::KeyringReady, 60)
        .said(Sealed, Reason::Sealed, 60)
        .said(Failed, Reason::SignerMisconfigured, 60)
        .with_job(running(2))
        .with_pod(stuck());
    let (first, obstacle) = said(&retrying);
    let previous = &retrying.observed.object.previous;
    let reasons = |news: Vec<NewEvent>| {
        news.into_iter().map(|news| news.reason.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(
        reasons(new_events(previous, &first, obstacle.as_ref(), &Words::default())),
        ["SignersNotStarting"]
    );
    let (second, obstacle) = said(&retrying.object(|object| object.previous = first.clone()));
    assert_eq!(new_events(&first, &second, obstacle.as_ref(), &Words::default()), []);
}

#[test]
fn what_is_on_its_way_by_itself_is_no_news() {
    let queued = Situation::seeded().queued().with_job(running(2).stopped());
    assert_eq!(told(&[queued]), ["KeyringReady", "Sealed"]);
    let going = Situation::seeded().with_policy_delete().deleted(20);
    assert_eq!(told(&[Situation::seeded(), going]), ["KeyringReady", "Sealed"]);
}

#[test]
fn a_run_that_is_held_up_and_goes_on_is_told_of_once_each_and_one_that_waits_for_others_is_no_news() {
    let held_up = |why| {
        Situation::seeded().with_job(running(2)).stored(|ledger| {
            ledger.standing = Some(Standing::new(why, NOW));
        })
    };
    let silent = Standstill::Silent {
        scarce: Scarce::Keys,
        held: 4,
        holders: vec!["demo-signer-0/uid-0".to_owned()],
        seconds_left: 20.0,
    };
    let signing = Situation::seeded().with_job(running(2)).stored(|ledger| ledger.still_for = PATIENCE);
    let life = [signing.clone(), held_up(silent), signing.clone(), held_up(Standstill::Busy), signing];
    assert_eq!(told(&life), ["KeyringReady", "Sealed", "KeysHeld", "SigningContinues"]);
}

#[test]
fn work_that_failed_is_told_of() {
    let failed =
        Situation::created().with_background(work_failed(crate::run::facts::WorkKind::Generating, 1));
    assert_eq!(told(&[Situation::created(), failed]), ["Seeding", "SourceFailed"]);
    let failed = Situation::begun(3).with_background(work_failed(crate::run::facts::WorkKind::Generating, 1));
    assert_eq!(told(&[Situation::begun(3), failed]), ["KeyringReady", "SourceFailed"]);
    let failed = work_failed(crate::run::facts::WorkKind::Deleting, 1);
    let going = Situation::seeded().with_policy_delete().deleted(20).with_background(failed);
    assert_eq!(told(&[Situation::seeded(), going]), ["KeyringReady", "Sealed", "DeletionFailed"]);
}

#[test]
fn a_signer_that_failed_is_told_of_with_its_last_message() {
    let mut job = running(2);
    job.failed = 3;
    let (old, new) = (Situation::seeded().status(), Situation::seeded().with_job(job).status());
    let said =
        |words| new_events(&old, &new, None, &Words { signer: words, ..Words::default() }).remove(0).note;
    assert_eq!(said(Some("no such key")), "3 signer pods failed so far; the last said: no such key");
    assert_eq!(said(None), "3 signer pods failed so far; the last said: nothing; read its log");
}

#[test]
fn signers_that_a_queue_lets_begin_are_told_of_then() {
    let queued = || Situation::seeded().queued();
    let life = [queued().with_job(running(2).stopped()), queued().with_job(running(2))];
    assert_eq!(told(&life), ["KeyringReady", "Sealed", "SignersStarted"]);
}
