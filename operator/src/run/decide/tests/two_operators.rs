//! Two operators that both take themselves for the leader: each decides by what it saw some time ago, and
//! carries that out whenever it comes to it. A Lease does not fence, so this has to be harmless.

use proptest::collection::vec;
use proptest::prelude::*;

use super::mischief::{Mischief, mischief};
use super::operator::{Operator, Snapshot};
use super::play::{AtWork, Play};
use super::properties::{claims_to_be_complete, is_right};
use super::worlds::plays;
use crate::run::decide::Effect;

/// An operator in the middle of a reconcile.
struct Slow {
    operator: Operator,
    /// What it saw, and how many effects of its decision it has carried out.
    under_way: Option<(Snapshot, usize)>,
}

#[derive(Clone, Debug)]
enum Act {
    /// One of the two gets a step further in its reconcile, or begins one.
    Reconcile {
        first: bool,
    },
    /// One of the two gets a step further in the background.
    Work {
        first: bool,
    },
    /// Somebody else does something, or something happens.
    Others(Mischief),
    Step,
}

fn act() -> impl Strategy<Value = Act> {
    let others = mischief().prop_filter("of the world, not of the operator", |mischief| {
        use Mischief::{Crash, GoOn, Refuse, RestartOperator};
        !matches!(mischief, GoOn(_) | Crash(_) | Refuse(_) | RestartOperator)
    });
    prop_oneof![
        10 => any::<bool>().prop_map(|first| Act::Reconcile { first }),
        4 => any::<bool>().prop_map(|first| Act::Work { first }),
        1 => others.prop_map(Act::Others),
        4 => Just(Act::Step),
    ]
}

impl Slow {
    fn new(operator: Operator) -> Self {
        Self { operator, under_way: None }
    }

    fn reconcile(&mut self, play: &mut Play) {
        let Some((seen, done)) = self.under_way.take() else {
            self.under_way = self.operator.observe(&play.world).map(|seen| (seen, 0));
            return;
        };
        match seen.decision.effects.get(done) {
            Some(effect) => match self.operator.carry_out(&mut play.world, &seen, effect) {
                Ok(()) if *effect == Effect::RemoveFinalizer => self.operator = Operator::new(),
                Ok(()) => self.under_way = Some((seen, done + 1)),
                Err(()) => _ = self.operator.tell(&mut play.world, &seen, true),
            },
            None => _ = self.operator.tell(&mut play.world, &seen, false),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, max_shrink_iters: 500, ..ProptestConfig::default() })]

    #[test]
    fn two_operators_at_once_do_no_harm(
        from_the_start in any::<bool>(), anything in plays(), acts in vec(act(), 0..120),
    ) {
        let mut play = if from_the_start { Play::fresh() } else { anything };
        let claimed = claims_to_be_complete(&play.world);
        let mut one = Slow::new(play.at_work.operator.clone());
        let mut other = Slow::new(Operator::new());
        let mut turn = 0;
        for act in acts {
            match act {
                Act::Reconcile { first: true } => one.reconcile(&mut play),
                Act::Reconcile { first: false } => other.reconcile(&mut play),
                Act::Work { first: true } => _ = one.operator.work(&mut play.world),
                Act::Work { first: false } => _ = other.operator.work(&mut play.world),
                Act::Others(mischief) => mischief.happen(&mut play),
                Act::Step => _ = play.world.step(&mut turn),
            }
        }
        // Both go on for a while, then one finds that it does not lead.
        let mut loser = AtWork::new(other.operator);
        play.at_work = AtWork::new(one.operator);
        play.world.up = true;
        for _ in 0..40 {
            play.step();
            std::mem::swap(&mut play.at_work, &mut loser);
        }
        let end = play.play_out();
        prop_assert!(is_right(&play.world, &end, claimed), "{end:?} of {:#?}", play.world);
    }
}
