//! The operator is killed after each single effect of a run's life, and each is refused once: whatever
//! was in its memory is gone, and the run comes to the same end.

use chancery_api::DeletionPolicy;

use super::mischief::Mischief::{self, *};
use super::play::{End, Fault, Play};
use super::situation::seconds;
use super::world::{Signers as Are, TheObject};

/// A run's life: what it is at first, and what happens to it.
struct Story {
    name: &'static str,
    object: fn(&mut TheObject),
    events: &'static [Mischief],
    end: fn() -> End,
}

const PLAIN: fn(&mut TheObject) = |_| {};
const COMPLETE: fn() -> End = || End::Complete;

const STORIES: [Story; 17] = [
    Story { name: "a run that nothing happens to", object: PLAIN, events: &[], end: COMPLETE },
    Story {
        name: "a run that is suspended while it is seeded, and resumed",
        object: PLAIN,
        events: &[GoOn(8), Suspend(true), GoOn(20), Suspend(false)],
        end: COMPLETE,
    },
    Story {
        name: "a run that is suspended while it is signed, and resumed",
        object: PLAIN,
        events: &[GoOn(35), Suspend(true), GoOn(20), Suspend(false)],
        end: COMPLETE,
    },
    Story {
        name: "a run that is suspended for good",
        object: PLAIN,
        events: &[GoOn(35), Suspend(true)],
        end: || End::Suspended,
    },
    Story {
        name: "a queued run that is suspended, and resumed",
        object: |object| object.queued = true,
        events: &[GoOn(38), Suspend(true), GoOn(20), Suspend(false)],
        end: COMPLETE,
    },
    Story {
        name: "a run that is deleted with its part of the ledger",
        object: |object| object.spec.deletion_policy = DeletionPolicy::Delete,
        events: &[GoOn(35), Delete],
        end: || End::Gone,
    },
    Story {
        name: "a run that is deleted without its part of the ledger",
        object: PLAIN,
        events: &[GoOn(35), Delete],
        end: || End::Gone,
    },
    Story {
        name: "a run that is deleted while it is seeded and the database is away",
        object: |object| object.spec.deletion_policy = DeletionPolicy::Delete,
        events: &[GoOn(8), DatabaseGoes, Delete, GoOn(20), DatabaseComes],
        end: || End::Gone,
    },
    Story {
        name: "a run that loses signers, its Job and the database",
        object: PLAIN,
        events: &[
            GoOn(33),
            KillPod(0),
            LosePod(1),
            GoOn(5),
            DeleteJob,
            GoOn(5),
            DatabaseGoes,
            Wait(60),
            GoOn(9),
        ],
        end: COMPLETE,
    },
    Story {
        name: "a run whose signers are evicted until its Job is used up",
        object: |object| object.spec.backoff_limit = 0,
        events: &[GoOn(33), EvictPod(0), GoOn(5), EvictPod(0), EvictPod(1), GoOn(5), ExhaustJob],
        end: COMPLETE,
    },
    Story {
        name: "a run whose signers lose their Secret, and are replaced",
        object: PLAIN,
        events: &[GoOn(33), DeleteSecret, KillPod(0), GoOn(9), KillPod(0), KillPod(1)],
        end: COMPLETE,
    },
    Story {
        name: "a run that is scaled while it is signed",
        object: PLAIN,
        events: &[GoOn(33), Scale(4), GoOn(6), Scale(1)],
        end: COMPLETE,
    },
    Story {
        name: "a run whose signers cannot work until a Secret is corrected",
        object: PLAIN,
        events: &[Signers(Are::Misconfigured), GoOn(60), Signers(Are::Good)],
        end: COMPLETE,
    },
    Story {
        name: "a run whose signers can never work",
        object: PLAIN,
        events: &[Signers(Are::Misconfigured)],
        end: || End::Failed("SignerMisconfigured".to_owned()),
    },
    Story {
        name: "a run whose signers fail until another try is asked for",
        object: |object| object.spec.backoff_limit = 1,
        events: &[Signers(Are::Crashing), GoOn(120), Signers(Are::Good), Retry],
        end: COMPLETE,
    },
    Story {
        name: "a run that misses its deadline",
        object: |object| object.spec.active_deadline = Some(seconds(100)),
        events: &[GoOn(30), Wait(500)],
        end: || End::Failed("DeadlineExceeded".to_owned()),
    },
    Story {
        name: "a run that is deleted some time after it is complete",
        object: |object| object.spec.ttl_after_finished = Some(seconds(30)),
        events: &[],
        end: || End::Gone,
    },
];

impl Story {
    fn play(&self, fault: Option<Fault>) -> Play {
        let mut play = Play::fresh();
        (self.object)(play.object());
        play.fault = fault;
        for event in self.events {
            event.clone().happen(&mut play);
        }
        let end = play.play_out();
        assert_eq!(end, (self.end)(), "{} with {fault:?}: {play:#?}", self.name);
        play
    }
}

#[test]
fn a_run_comes_to_the_same_end_whenever_its_operator_is_killed_or_refused() {
    for story in STORIES {
        let whole = story.play(None);
        assert!(whole.effects > 2, "{}: nothing was done", story.name);
        // What is tried for ever does not get anywhere new.
        for effect in 1..=whole.effects.min(40) {
            let kept = |play: &Play| play.world.stored.as_ref().map(|stored| (stored.signed, stored.settled));
            for fault in [Fault::Crash(effect), Fault::Refusal(effect)] {
                let play = story.play(Some(fault));
                assert_eq!(kept(&play), kept(&whole), "{} with {fault:?}", story.name);
            }
        }
    }
}
