//! Whatever there is and whatever happens: once nobody does any more mischief, every run comes to the
//! end that it should.

use chancery_api::condition::{self, ConditionType};
use proptest::collection::vec;
use proptest::prelude::*;

use super::mischief::{Mischief, mischief};
use super::play::{End, Play};
use super::situation::FORMER;
use super::world::{Signers, Stored, World};
use super::worlds::plays;
use crate::run::facts::{Belongs, JobEnd};

/// Whether a world may have come to this end. `claimed`: its status said from the beginning that it is
/// complete, which is believed.
pub(super) fn is_right(world: &World, end: &End, claimed: bool) -> bool {
    let Some(object) = &world.object else { return *end == End::Gone && world.unwanted };
    let stored = world.stored.as_ref();
    let idle = world.active().next().is_none();
    // The data key is needed for the Secret of signers.
    let has_secret = stored.is_some_and(|stored| stored.secret.is_some() && stored.secret == world.secret);
    let needs_kek = !has_secret;
    match end {
        End::Gone | End::UnderWay => false,
        End::Complete => claimed || stored.is_some_and(|stored| stored.complete && stored.settled),
        End::Suspended => object.spec.suspend && idle && stored.is_none_or(|stored| stored.suspended),
        End::Hindered(reason) => match reason.as_str() {
            "NameBeingDeleted" => stored.is_some_and(|stored| stored.deleted),
            "DatabaseNearlyFull" => !world.roomy && stored.is_some_and(|stored| !stored.sealed),
            _ => false,
        },
        End::Failed(reason) => match reason.as_str() {
            "InvalidKek" => world.kek.is_err() && needs_kek,
            "WrongKek" => stored.is_some_and(|stored| world.kek.as_ref() != Ok(&stored.kek)) && needs_kek,
            "LedgerLost" => stored.is_none() && idle,
            "NotAdopted" => stored.is_some_and(|stored| {
                matches!(stored.belongs, Belongs::Anothers { object: former, .. } if object.adopt != Some(former))
            }),
            "NameTaken" => stored.is_some_and(|stored| stored.conflict),
            "SignerTemplateNotAllowed" => object.spec.signer_template.priority_class_name.is_some() && idle,
            "DeadlineExceeded" => object.spec.active_deadline.is_some() && idle,
            "SignerMisconfigured" => world.signers == Signers::Misconfigured,
            "SignersFailed" => {
                let end = world.job.as_ref().and_then(|job| job.end.as_ref());
                idle && matches!(end, Some(JobEnd::Failed { reason, .. }) if reason != "PodFailurePolicy")
            }
            _ => false,
        },
    }
}

pub(super) fn claims_to_be_complete(world: &World) -> bool {
    let object = world.object.as_ref();
    object.is_some_and(|object| condition::holds(&object.status.conditions, ConditionType::Complete))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, max_shrink_iters: 500, ..ProptestConfig::default() })]

    #[test]
    fn every_world_comes_to_the_end_that_it_should(
        mut play in plays(), mischief in vec(mischief(), 0..12),
    ) {
        let first = play.world.clone();
        let claimed = claims_to_be_complete(&first);
        let may_delete = mischief.iter().any(|mischief| matches!(mischief, Mischief::MayDelete));
        for mischief in mischief {
            mischief.happen(&mut play);
        }
        let end = play.play_out();
        prop_assert!(is_right(&play.world, &end, claimed), "{end:?} of {:#?}", play.world);
        if first.stored.as_ref().is_some_and(|stored| stored.conflict) {
            prop_assert!(play.world.stored.is_some_and(|stored| stored.conflict), "another's run was deleted");
        } else if let Some(Stored { belongs: Belongs::Anothers { .. } | Belongs::Ours { adopted_from: Some(_) }, deleted: false, .. }) = first.stored
            && (first.object.as_ref().is_none_or(|object| object.delete_adopted != Some(FORMER)) && !may_delete)
        {
            prop_assert!(play.world.stored.is_some(), "what was another's was deleted without a second word");
        }
    }

    #[test]
    fn a_run_that_nobody_hinders_is_signed_to_the_end(signers in 1_u32..9, queued in any::<bool>()) {
        let mut play = Play::fresh();
        play.object().spec.parallelism = signers;
        play.object().queued = queued;
        prop_assert_eq!(play.play_out(), End::Complete);
        prop_assert_eq!(play.world.jobs, 1);
    }

    #[test]
    fn what_is_decided_twice_is_done_once(play in plays()) {
        // Nobody else does anything, and no time passes: after a few reconciles there is nothing to do.
        let mut play = play;
        for _ in 0..8 {
            play.reconcile();
        }
        let settled = play.clone();
        play.reconcile();
        prop_assert_eq!((play.world, play.at_work.operator), (settled.world, settled.at_work.operator));
    }
}
