//! What happens to a run between its beginning and its end.

use k8s_openapi::jiff::SignedDuration;
use proptest::prelude::*;
use proptest::sample::select;

use super::play::{Fault, Play};
use super::situation::FORMER;
use super::world::{Signers, is_active};
use crate::run::facts::{JobEnd, PodState};

#[derive(Clone, Debug)]
pub(super) enum Mischief {
    /// Nothing: the play goes on for some steps.
    GoOn(usize),
    Wait(i64),
    DatabaseGoes,
    DatabaseComes,
    Roomy(bool),
    KillPod(usize),
    EvictPod(usize),
    /// The Job has run out of pods that may be evicted.
    ExhaustJob,
    LosePod(usize),
    DeleteJob,
    DeleteSecret,
    EditJob {
        parallelism: u32,
        suspended: bool,
    },
    Suspend(bool),
    /// The template asks for a PriorityClass, none of which is allowed.
    AskFor(Option<&'static str>),
    Scale(u32),
    ExtendDeadline,
    Delete,
    Abandon,
    Retry,
    /// It names the object that it takes over from, or may delete what it took over from.
    Adopt,
    MayDelete,
    TakeFinalizer,
    Kek(Result<&'static str, &'static str>),
    Signers(Signers),
    RestartOperator,
    /// The operator is killed after so many effects more.
    Crash(usize),
    /// The effect after so many more is refused.
    Refuse(usize),
}

pub(super) fn mischief() -> impl Strategy<Value = Mischief> {
    prop_oneof![
        12 => (1_usize..25).prop_map(Mischief::GoOn),
        2 => (1_i64..90).prop_map(Mischief::Wait),
        2 => Just(Mischief::DatabaseGoes),
        2 => Just(Mischief::DatabaseComes),
        2 => prop::bool::weighted(0.7).prop_map(Mischief::Roomy),
        2 => (0_usize..4).prop_map(Mischief::KillPod),
        2 => (0_usize..4).prop_map(Mischief::EvictPod),
        1 => Just(Mischief::ExhaustJob),
        2 => (0_usize..4).prop_map(Mischief::LosePod),
        1 => Just(Mischief::DeleteJob),
        2 => Just(Mischief::DeleteSecret),
        1 => (0_u32..9, any::<bool>())
            .prop_map(|(parallelism, suspended)| Mischief::EditJob { parallelism, suspended }),
        2 => any::<bool>().prop_map(Mischief::Suspend),
        2 => select(vec![None, Some("high")]).prop_map(Mischief::AskFor),
        1 => (1_u32..9).prop_map(Mischief::Scale),
        1 => Just(Mischief::ExtendDeadline),
        1 => Just(Mischief::Delete),
        1 => Just(Mischief::Abandon),
        1 => Just(Mischief::Retry),
        1 => Just(Mischief::Adopt),
        1 => Just(Mischief::MayDelete),
        1 => Just(Mischief::TakeFinalizer),
        1 => select(vec![Ok("kek"), Ok("another"), Err("no such file")]).prop_map(Mischief::Kek),
        1 => select(vec![Signers::Good, Signers::Good, Signers::Misconfigured, Signers::Crashing])
            .prop_map(Mischief::Signers),
        2 => Just(Mischief::RestartOperator),
        2 => (1_usize..6).prop_map(Mischief::Crash),
        2 => (1_usize..6).prop_map(Mischief::Refuse),
    ]
}

impl Mischief {
    pub(super) fn happen(self, play: &mut Play) {
        let world = &mut play.world;
        let object = world.object.as_mut();
        match self {
            Self::GoOn(steps) => {
                (0..steps).any(|_| !play.step());
            }
            Self::Wait(seconds) => world.now += SignedDuration::from_secs(seconds),
            Self::DatabaseGoes => world.up = false,
            Self::DatabaseComes => world.up = true,
            Self::Roomy(roomy) => world.roomy = roomy,
            Self::KillPod(number) => {
                if world.pods.get(number).is_some_and(is_active) {
                    world.end_pod(number, 137);
                }
            }
            Self::EvictPod(number) => {
                if let Some(holder) =
                    world.pods.get(number).filter(|pod| is_active(pod)).map(|pod| pod.holder.clone())
                {
                    // It gives back what it has in hand, where the database answers.
                    if let Some(stored) = world.stored.as_mut().filter(|_| world.up) {
                        stored.release(&[holder]);
                    }
                    world.end_pod(number, 130);
                }
            }
            Self::ExhaustJob => {
                if let Some(job) = world.job.as_mut().filter(|job| job.ours && job.end.is_none()) {
                    job.counted = 2_000 + 2 * job.failed;
                    let (reason, message) = ("FailedIndexes".to_owned(), "Job has failed indexes".to_owned());
                    job.end = Some(JobEnd::Failed { reason, message, at: world.now });
                }
            }
            Self::LosePod(number) => {
                if let Some(pod) = world.pods.get_mut(number).filter(|pod| is_active(pod)) {
                    pod.state = PodState::Lost;
                }
            }
            Self::DeleteJob => {
                if let Some(job) = &mut world.job {
                    job.deleting = true;
                }
            }
            Self::DeleteSecret => world.secret = None,
            Self::EditJob { parallelism, suspended } => {
                if let Some(job) = &mut world.job {
                    (job.parallelism, job.suspended) = (parallelism, suspended);
                }
            }
            Self::Suspend(suspend) => {
                object.into_iter().for_each(|object| object.edit(|spec| spec.suspend = suspend));
            }
            Self::AskFor(class) => object.into_iter().for_each(|object| {
                object.edit(|spec| spec.signer_template.priority_class_name = class.map(str::to_owned));
            }),
            Self::Scale(signers) => {
                object.into_iter().for_each(|object| object.edit(|spec| spec.parallelism = signers));
            }
            Self::ExtendDeadline => {
                object.into_iter().for_each(|object| object.edit(|spec| spec.active_deadline = None));
            }
            Self::Delete => world.ask_deletion(),
            Self::Abandon => object.into_iter().for_each(|object| object.abandon = true),
            Self::Adopt => object.into_iter().for_each(|object| object.adopt = Some(FORMER)),
            Self::MayDelete => object.into_iter().for_each(|object| object.delete_adopted = Some(FORMER)),
            Self::Retry => object.into_iter().for_each(|object| object.retry += 1),
            Self::TakeFinalizer => {
                if let Some(object) = object.filter(|object| object.deleted_at.is_none()) {
                    object.finalizer = false;
                    object.version += 1;
                }
            }
            Self::Kek(kek) => world.kek = kek.map(str::to_owned).map_err(str::to_owned),
            Self::Signers(signers) => world.signers = signers,
            Self::RestartOperator => play.restart(),
            Self::Crash(effects) => play.fault = Some(Fault::Crash(play.effects + effects)),
            Self::Refuse(effects) => play.fault = Some(Fault::Refusal(play.effects + effects)),
        }
    }
}
