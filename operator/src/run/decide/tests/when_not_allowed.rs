//! While the template of a run asks for what is not allowed.

use chancery_api::Reason;

use super::situation::{Situation, ended, running};
use super::table::{HOLD, at, check, hold_job, row};
use crate::run::decide::decision::{Effect, Stage};
use crate::run::facts::Background;

#[test]
fn no_signer_works_and_the_run_says_why_until_it_is_corrected() {
    let failed = |stage| at(stage).failed(Reason::SignerTemplateNotAllowed);
    check([
        row(
            "nothing is made for it, in the ledger neither",
            Situation::adopted().not_allowed(),
            failed(Stage::Pending),
        ),
        row(
            "it can be deleted like any other",
            Situation::fresh().not_allowed(),
            at(Stage::Pending).doing([Effect::TakeCharge]),
        ),
        row(
            "signers of before the change are stopped",
            Situation::seeded().with_job(running(2)).not_allowed(),
            failed(Stage::Pending).doing([hold_job(2), HOLD]),
        ),
        row(
            "a Job that Kueue could start again goes",
            Situation::seeded().with_job(running(2)).queued().not_allowed().held(),
            failed(Stage::Pending).doing([Effect::DeleteJob]),
        ),
        row(
            "nothing more is made for it",
            Situation::created().not_allowed().held().with_background(Background::GENERATING),
            failed(Stage::Pending).doing([Effect::StopGenerating]),
        ),
        row("it waits for a change", Situation::seeded().not_allowed().held(), failed(Stage::Pending)),
        row(
            "what a signer that has ended holds is given back at once",
            Situation::seeded()
                .not_allowed()
                .held()
                .with_pod(ended(137, "killed", 1))
                .stored(|ledger| ledger.open_holders = vec!["demo-signer-0/uid-0".into()]),
            failed(Stage::Pending)
                .doing([Effect::ReleaseLeases { holders: vec!["demo-signer-0/uid-0".into()] }]),
        ),
        row(
            "a suspended run says so too",
            Situation::seeded().suspended().held().not_allowed(),
            failed(Stage::Suspended),
        ),
        row(
            "a run that is signed is complete all the same",
            Situation::signed().not_allowed(),
            at(Stage::Complete).doing([Effect::Settle, Effect::StopGenerating]),
        ),
        row(
            "without the ledger its Job is stopped all the same",
            Situation::seeded().with_job(running(2)).not_allowed().cut_off(),
            failed(Stage::Pending).blocked(Reason::DatabaseUnavailable).doing([hold_job(2)]),
        ),
    ]);
}
