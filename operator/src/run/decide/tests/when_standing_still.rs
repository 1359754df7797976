//! Runs that signers should sign, and that do not get on.

use chancery_api::Reason;
use chancery_api::condition::ConditionType::{Failed, Progressing};
use chancery_store::standstill::{Scarce, Standstill};

use super::situation::{NOW, RUNNING, STARTING, Situation, ago, running, seconds};
use super::table::{at, check, hold_job, row, run_job};
use crate::run::decide::decision::Stage;
use crate::run::facts::PodState;
use crate::run::standing::Standing;

fn at_work() -> Situation {
    Situation::seeded().with_job(running(2))
}

/// One of which nothing was signed for so long, and which this holds up.
fn held_up(why: Standstill) -> Situation {
    at_work().stored(|ledger| {
        ledger.still_for = seconds(4);
        ledger.counts.keys_leased = 4;
        ledger.standing = Some(Standing::new(why, NOW));
    })
}

fn silent() -> Standstill {
    let holders = vec!["demo-signer-0/uid-0".to_owned()];
    Standstill::Silent { scarce: Scarce::Keys, held: 4, holders, seconds_left: 20.0 }
}

fn kept() -> Standstill {
    Standstill::Kept { holders: vec!["somebody".to_owned()], seconds: 120.0 }
}

/// One with two signers, of which one runs for so long, and nothing was signed for so long.
fn idle(runs_for: i64, still_for: u64) -> Situation {
    let since = Some(ago(runs_for));
    at_work()
        .with_pod(STARTING)
        .with_pod(PodState::Running { since })
        .stored(|ledger| ledger.still_for = seconds(still_for))
}

#[test]
fn a_run_that_leases_hold_up_says_so() {
    let signing = at(Stage::Signing).doing([run_job(2)]);
    check([
        row(
            "signers that do not renew their leases have every key",
            held_up(silent()),
            signing.clone().blocked(Reason::KeysHeld),
        ),
        row(
            "somebody renews a lease and signs nothing",
            held_up(kept()),
            signing.clone().blocked(Reason::KeysHeld),
        ),
        row(
            "other runs are at work with every key",
            held_up(Standstill::Busy),
            signing.clone().blocked(Reason::WaitingForKeys),
        ),
        row(
            "nothing is known to hold it up",
            at_work().stored(|ledger| ledger.still_for = seconds(4)),
            signing,
        ),
    ]);
}

#[test]
fn what_stops_a_run_besides_is_told_first() {
    check([
        row(
            "its Job waits for Kueue",
            held_up(silent()).queued().with_job(running(2).stopped()),
            at(Stage::Signing).doing([hold_job(2)]).blocked(Reason::Queued),
        ),
        row(
            "it has failed",
            held_up(silent()).said(Failed, Reason::SignerMisconfigured, 90),
            at(Stage::Signing).doing([run_job(2)]).failed(Reason::SignerMisconfigured),
        ),
    ]);
}

#[test]
fn signers_that_lease_nothing_though_they_could_are_told_of() {
    let signing = at(Stage::Signing).doing([run_job(2)]);
    let told = signing.clone().blocked(Reason::SignersIdle);
    check([
        row("for 15 s", idle(15, 15), told),
        row("for 14 s", idle(14, 60), signing.clone().again_after(1)),
        row("they signed something 5 s ago", idle(60, 5), signing.clone().again_after(10)),
        row(
            "one of them has a batch",
            idle(60, 60).stored(|ledger| ledger.counts.batches_leased = 1),
            signing.clone(),
        ),
        row("no key is free", idle(60, 60).stored(|ledger| ledger.counts.keys_leased = 4), signing.clone()),
        row(
            "all batches that are there are signed",
            idle(60, 60).stored(|ledger| ledger.counts.batches_signed = 10),
            signing.clone(),
        ),
        row("nobody says since when they run", at_work().with_pod(RUNNING), signing),
    ]);
}

#[test]
fn an_operator_that_takes_over_says_what_was_said_until_it_knows() {
    let before = |reason| {
        at_work().said_to_be(Progressing, false, reason, 60).said_counts(0, 0).stored(|ledger| {
            ledger.still_for = seconds(1);
        })
    };
    let signing = at(Stage::Signing).doing([run_job(2)]);
    check([
        row(
            "it has looked for a second",
            before(Reason::KeysHeld),
            signing.clone().blocked(Reason::KeysHeld).again_after(2),
        ),
        row(
            "it has looked for three, and nothing holds the run up",
            before(Reason::KeysHeld).stored(|ledger| ledger.still_for = seconds(3)),
            signing.clone(),
        ),
        row(
            "something was signed since",
            before(Reason::KeysHeld).stored(|ledger| ledger.counts.records_signed = 100),
            signing.clone(),
        ),
        row("something else was said", before(Reason::SignersNotStarting), signing),
    ]);
}

#[test]
fn the_message_says_by_when_keys_come_back_and_which_of_the_pods_still_run() {
    let message = |situation: Situation| situation.decide().obstacle.expect("an obstacle").message;
    let gone = message(held_up(silent()));
    for words in [
        "nothing is signed: 4 of the ring's keys are leased to signers that do not renew their leases",
        "(demo-signer-0/uid-0)",
        "taken back by 2027-01-15T08:00:20Z",
        "`chancery lease release default/demo HOLDER`",
    ] {
        assert!(gone.contains(words), "{words:?} is not in: {gone}");
    }
    assert!(!gone.contains("still run"), "{gone}");
    let frozen = message(held_up(silent()).with_pod(RUNNING));
    assert!(frozen.ends_with("cut off from the database: demo-signer-0"), "{frozen}");
    let kept = message(held_up(kept()));
    for words in ["nothing is signed: leases are held and renewed since 2027-01-15T07:58:00Z", "(somebody)"] {
        assert!(kept.contains(words), "{words:?} is not in: {kept}");
    }
    let idle = message(idle(15, 15));
    assert!(
        idle.contains("`kubectl logs --namespace default --selector chancery.dev/run=demo --prefix`"),
        "{idle}"
    );
}
