//! While the user wants no signer to work.

use super::situation::{Situation, ended, running, seconds};
use super::table::{HOLD, at, check, hold_job, row};
use crate::run::decide::decision::{Effect, Stage};
use crate::run::facts::Background;

#[test]
fn a_suspended_run_has_neither_signers_nor_leases() {
    let held = at(Stage::Suspended);
    check([
        row(
            "the Job is stopped before the ledger sends its signers away",
            Situation::seeded().with_job(running(2)).suspended(),
            held.clone().doing([hold_job(2), HOLD]),
        ),
        row(
            "a Job that is stopped already stays so, whoever starts it",
            Situation::seeded().with_job(running(2).stopped()).suspended().held(),
            held.clone().doing([hold_job(2)]),
        ),
        row(
            "a Job that Kueue could start again goes",
            Situation::seeded().with_job(running(2)).queued().suspended(),
            held.clone().doing([Effect::DeleteJob, HOLD]),
        ),
        row(
            "a run without a Job is held in the ledger",
            Situation::seeded().suspended(),
            held.clone().doing([HOLD]),
        ),
        row("a run that is held needs nothing", Situation::seeded().suspended().held(), held.clone()),
        row(
            "a Job that has ended starts no pods and is left alone",
            Situation::seeded().with_job(running(2).done(1)).suspended().held(),
            held.clone(),
        ),
        row(
            "a Job that is going is left alone",
            Situation::seeded().with_job(running(2).going()).suspended().held(),
            held.clone(),
        ),
        row(
            "somebody else's Job is left alone",
            Situation::seeded().with_job(running(2).somebody_elses()).suspended().held(),
            held.clone(),
        ),
        row(
            "another lease duration is told to the ledger",
            Situation::seeded().suspended().held().stored(|ledger| ledger.lease_duration = seconds(7)),
            held.clone().doing([HOLD]),
        ),
        row(
            "making records stops where it is, with the signers",
            Situation::begun(3).with_job(running(2)).suspended(),
            held.clone().doing([Effect::StopGenerating, hold_job(2), HOLD]),
        ),
        row(
            "making the first records stops where it is",
            Situation::created().suspended().held().with_background(Background::GENERATING),
            held.clone().doing([Effect::StopGenerating]),
        ),
        row(
            "seeding and signers stop together, whatever made both",
            Situation::created().with_job(running(2)).suspended().with_background(Background::GENERATING),
            held.clone().doing([Effect::StopGenerating, hold_job(2), HOLD]),
        ),
        row(
            "what a signer that has ended holds is given back at once",
            Situation::seeded()
                .suspended()
                .held()
                .with_pod(ended(137, "killed", 1))
                .stored(|ledger| ledger.open_holders = vec!["demo-signer-0/uid-0".into()]),
            held.doing([Effect::ReleaseLeases { holders: vec!["demo-signer-0/uid-0".into()] }]),
        ),
    ]);
}
