//! What signers are given, before there is a Job and while there is one.

use chancery_api::Reason;

use super::situation::{RUNNING, SECRET, Situation, running};
use super::table::{at, check, row, run_job};
use crate::run::decide::decision::{Effect, Stage};
use crate::run::facts::{PodState, SecretStanding};

fn make(instead_of: Option<&str>, lost: bool) -> Effect {
    Effect::EnsureSecret { instead_of: instead_of.map(str::to_owned), lost }
}

fn waiting_for(secret: &str) -> PodState {
    let message = format!("secret \"{secret}\" not found");
    PodState::Stuck { reason: "CreateContainerConfigError".to_owned(), message }
}

#[test]
fn signers_have_their_secret_before_they_have_their_job() {
    let signing = at(Stage::Signing);
    let with = |standing| Situation::seeded().with_secret(standing);
    check([
        row("it is made", with(None), signing.clone().doing([make(None, false)]).again_at_once()),
        row(
            "one that may not be there, or was an earlier run's, is replaced",
            with(Some(SecretStanding::Unusable)),
            signing.clone().doing([make(Some(SECRET), false)]).again_at_once(),
        ),
        row(
            "one that this operator has not looked at is looked at",
            with(Some(SecretStanding::Unchecked)).with_job(running(2)),
            signing.clone().doing([make(Some(SECRET), false)]).again_at_once(),
        ),
        row("one that is right is used", with(Some(SecretStanding::Right)), signing.doing([run_job(2)])),
    ]);
}

#[test]
fn a_secret_that_pods_do_not_find_is_replaced_although_others_run() {
    let with =
        |secret| Situation::seeded().with_job(running(2)).with_pod(RUNNING).with_pod(waiting_for(secret));
    let signing = at(Stage::Signing);
    let aside = signing.clone().with_aside(Reason::SomeSignersNotStarting);
    check([
        row("the run's own", with(SECRET), aside.clone().doing([make(Some(SECRET), true)]).again_at_once()),
        row(
            "one of before is none of the run's any more",
            with("demo-signer-abcdefghij"),
            aside.doing([run_job(2)]),
        ),
    ]);
    let key = "couldn't find key data-key in Secret default/demo-signer-0123456789".to_owned();
    let stuck = PodState::Stuck { reason: "CreateContainerConfigError".to_owned(), message: key };
    let changed = Situation::seeded().with_job(running(1)).with_pod(stuck);
    check([row(
        "one that lacks a key",
        changed,
        signing.doing([make(Some(SECRET), true)]).blocked(Reason::SignersNotStarting).again_at_once(),
    )]);
}

#[test]
fn no_secret_is_made_without_the_kek_and_one_that_was_made_is_used_without_it() {
    let with = |standing, kek| Situation::seeded().with_secret(standing).with_kek(kek);
    let signing = at(Stage::Signing);
    check([
        row(
            "there is no KEK",
            with(None, Err("the file is empty")),
            signing.clone().failed(Reason::InvalidKek).again_after(15),
        ),
        row(
            "there is another KEK",
            with(None, Ok("another")),
            signing.clone().failed(Reason::WrongKek).again_after(15),
        ),
        row(
            "nobody can look whether what was made is right",
            with(Some(SecretStanding::Unchecked), Ok("another")),
            signing.clone().doing([run_job(2)]),
        ),
        row(
            "what may not be there is not used",
            with(Some(SecretStanding::Unusable), Ok("another")),
            signing.failed(Reason::WrongKek).again_after(15),
        ),
    ]);
}
