//! A world and its operator, played out: whoever has something to do does it, and time passes only when
//! nobody has.

use chancery_api::SigningRunStatus;
use chancery_api::condition::{self, ConditionType};
use k8s_openapi::jiff::Timestamp;

use super::operator::{Operator, check_laws, due};
use super::situation::{NOW, demo};
use super::world::{Signers, TheObject, World};
use crate::run::build::events::{Words, new_events};
use crate::run::decide::decision::{Cause, Effect};
use crate::run::facts::Observed;

/// Steps within which every world comes to its end.
const LONG: usize = 320;

/// Reconciles in a row, with nobody else doing anything and no time passing, at the most.
const BRISK: u32 = 12;

/// What goes wrong at an effect, counted from the beginning of the play.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The operator is killed just after it.
    Crash(usize),
    /// The API server or the ledger refuses it.
    Refusal(usize),
}

/// How a world has come to stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    Gone,
    Complete,
    Suspended,
    Failed(String),
    Hindered(String),
    UnderWay,
}

/// An operator at work, and what makes it reconcile again.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct AtWork {
    pub(super) operator: Operator,
    due: Option<Timestamp>,
    /// What the last reconcile saw, if there was one.
    seen: Option<Option<Observed>>,
}

#[derive(Clone, Debug)]
pub(super) struct Play {
    pub(super) world: World,
    pub(super) at_work: AtWork,
    /// Effects that were carried out, or refused.
    pub(super) effects: usize,
    pub(super) fault: Option<Fault>,
    turn: usize,
    busy: u32,
    /// Whether the others go before the background work in the next step: records are made and signed side by side.
    others_first: bool,
}

impl AtWork {
    pub(super) fn new(operator: Operator) -> Self {
        Self { operator, due: None, seen: None }
    }
}

impl Play {
    /// A run that was applied just now, in a world where nothing is wrong.
    pub(super) fn fresh() -> Self {
        let object = TheObject {
            spec: demo(),
            version: 1,
            generation: 1,
            adopt: None,
            delete_adopted: None,
            deleted_at: None,
            finalizer: false,
            abandon: false,
            retry: 0,
            queued: false,
            status: SigningRunStatus::default(),
        };
        let world = World {
            now: NOW,
            object: Some(object),
            up: true,
            roomy: true,
            stored: None,
            kek: Ok("kek".to_owned()),
            signers: Signers::Good,
            job: None,
            jobs: 0,
            pods: Vec::new(),
            born: 0,
            secrets: 0,
            secret: None,
            unwanted: false,
        };
        Self::new(world, Operator::new())
    }

    pub(super) fn object(&mut self) -> &mut TheObject {
        self.world.object.as_mut().expect("the run is there")
    }

    pub(super) fn new(world: World, operator: Operator) -> Self {
        Self {
            world,
            at_work: AtWork::new(operator),
            effects: 0,
            fault: None,
            turn: 0,
            busy: 0,
            others_first: false,
        }
    }

    /// The operator is killed, and another begins with an empty memory.
    pub(super) fn restart(&mut self) {
        self.at_work = AtWork::new(Operator::new());
    }

    /// One reconcile, with what is checked of every one.
    pub(super) fn reconcile(&mut self) {
        self.at_work.due = None;
        let Some(seen) = self.at_work.operator.observe(&self.world) else {
            self.at_work.seen = Some(None);
            return;
        };
        check_laws(&seen);
        let may_go = self.world.is_kept() || (self.world.up && self.world.stored.is_none());
        let mut refused = false;
        for effect in &seen.decision.effects {
            self.effects += 1;
            if self.fault == Some(Fault::Refusal(self.effects))
                || self.at_work.operator.carry_out(&mut self.world, &seen, effect).is_err()
            {
                refused = true;
                break;
            }
            if self.fault == Some(Fault::Crash(self.effects)) {
                return self.restart();
            }
        }
        if !refused {
            let (mut world, mut operator) = (self.world.clone(), self.at_work.operator.clone());
            for effect in &seen.decision.effects {
                let _refused_as_done = operator.carry_out(&mut world, &seen, effect);
            }
            assert_eq!((&world, &operator), (&self.world, &self.at_work.operator), "{seen:?}");
        }
        if seen.decision.effects.contains(&Effect::RemoveFinalizer) && !refused {
            assert!(may_go, "the finalizer went before the run's part of the ledger: {seen:?}");
            return self.restart();
        }
        let told = self.at_work.operator.told();
        let (status, obstacle) = self.at_work.operator.tell(&mut self.world, &seen, refused);
        check_change(&seen.observed.object.previous, &status);
        if told.as_ref() != Some(&status) {
            check_status(&status, obstacle.as_ref());
        }
        let again = crate::run::decide::decision::Again::After(std::time::Duration::from_secs(1));
        self.at_work.due = due(&self.world, if refused { again } else { seen.decision.again });
        self.at_work.seen = Some(Some(seen.observed.that_wakes()));
    }

    /// The next thing that happens; false if nothing ever will.
    pub(super) fn step(&mut self) -> bool {
        let woken = self.at_work.seen.as_ref() != Some(&self.at_work.operator.wakes_by(&self.world));
        if woken || self.at_work.due.is_some_and(|due| due <= self.world.now) {
            self.busy += 1;
            assert!(self.busy <= BRISK, "a hot loop: {self:?}");
            self.reconcile();
            return true;
        }
        self.busy = 0;
        self.others_first = !self.others_first;
        if self.others_first && self.world.step(&mut self.turn) {
            return true;
        }
        if self.at_work.operator.work(&mut self.world) || self.world.step(&mut self.turn) {
            return true;
        }
        let next = self.at_work.due.into_iter().chain(self.world.next_expiry()).min();
        if let Some(next) = next {
            self.world.now = next;
        }
        next.is_some()
    }

    /// Plays on until the end, and sees that it is one. The database answers, and nobody does any more
    /// mischief.
    pub(super) fn play_out(&mut self) -> End {
        self.world.up = true;
        if !(0..LONG).any(|_| !self.step()) {
            // Something is tried again and again: it must stay the same all the while.
            let end = self.end();
            for _ in 0..LONG / 4 {
                self.step();
                assert_eq!(self.end(), end, "{self:?}");
                let idle = self.world.active().next().is_none();
                assert!(end != End::Suspended || idle, "signers are started again: {self:?}");
            }
        }
        self.end()
    }

    pub(super) fn end(&self) -> End {
        let Some(object) = &self.world.object else { return End::Gone };
        let said =
            |type_| condition::find(&object.status.conditions, type_).filter(|said| said.status == "True");
        if said(ConditionType::Complete).is_some() {
            End::Complete
        } else if let Some(failed) = said(ConditionType::Failed) {
            End::Failed(failed.reason.clone())
        } else if said(ConditionType::Suspended).is_some() {
            End::Suspended
        } else {
            match condition::find(&object.status.conditions, ConditionType::Progressing) {
                Some(not) if not.status == "False" => End::Hindered(not.reason.clone()),
                _ => End::UnderWay,
            }
        }
    }
}

/// What is checked of each status, beside the one before it.
fn check_change(old: &SigningRunStatus, new: &SigningRunStatus) {
    for now in &new.conditions {
        let before = old.conditions.iter().find(|before| before.type_ == now.type_);
        if let Some(before) = before.filter(|before| before.status == now.status) {
            assert_eq!(before.last_transition_time, now.last_transition_time, "{}", now.type_);
        }
    }
}

/// What is checked of a status by itself.
fn check_status(new: &SigningRunStatus, obstacle: Option<&Cause>) {
    let size = serde_json::to_vec(new).expect("a status is JSON").len();
    assert!(size < 4_096, "{size} bytes: {new:?}");
    assert_eq!(new.conditions.len(), ConditionType::ALL.len());
    let records = new.records.expect("counts");
    assert!(new.progress.as_deref() != Some("100%") || records.signed == records.total, "{new:?}");
    let told = new_events(new, new, obstacle, &Words::default());
    assert!(told.is_empty(), "news of nothing: {told:?}");
}
