//! The operator in a modelled world: it observes, decides, carries out, and tells, as `reconcile.rs`
//! does.

use chancery_api::Reason;
use chancery_api::{AuditPolicy, SigningRunStatus, ValidatedRun};
use k8s_openapi::jiff::SignedDuration;

use super::world::{Stored, World, secret_name};
use crate::host::background::WorkState;
use crate::run::build;
use crate::run::decide::decision::{Again, Cause, Decision, Effect, JobPlan, Stage};
use crate::run::decide::{decide, decide_deletion};
use crate::run::facts::{
    Audited, Background, Belongs, BesideView, JobView, LedgerRun, LedgerView, Observed, SecretStanding,
};
use crate::run::room::Room;

/// What an operator has in memory. One that was started just now has nothing.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Operator {
    pub(super) background: Background,
    audited: Option<Audited>,
    written: Option<SigningRunStatus>,
    /// The Secret that it has made, or looked at.
    secret: Option<u32>,
}

/// What it saw, and what it decided by that.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    pub(super) run: ValidatedRun,
    pub(super) observed: Observed,
    pub(super) decision: Decision,
    version: u64,
    job: u32,
}

impl Observed {
    /// All that is observed but the file of the KEK.
    pub(super) fn that_wakes(self) -> Self {
        Self { kek: Ok(Vec::new()), ..self }
    }
}

impl Operator {
    pub(super) fn new() -> Self {
        Self { background: Background::IDLE, audited: None, written: None, secret: None }
    }

    fn look(&self, world: &World) -> Option<Observed> {
        Some(Observed {
            object: world.object.as_ref()?.view(self.written.as_ref()),
            ledger: self.look_at_ledger(world),
            kek: world.kek.clone().map(|kek| vec![kek]),
            background: self.background.clone(),
            room: room(world),
            audited: self.audited.clone(),
            job: world.job_view(),
            pods: world.pods.clone(),
            trouble: None,
            intake: BesideView::default(),
            delivery: BesideView::default(),
        })
    }

    fn look_at_ledger(&self, world: &World) -> LedgerView {
        let mut view = world.ledger_view();
        if let LedgerView::Present(run) = &mut view
            && let Some(secret) = &mut run.secret
            && self.secret.map(secret_name).as_ref() == Some(&secret.name)
        {
            secret.standing = SecretStanding::Right;
        }
        view
    }

    /// Nothing, when the object is gone.
    pub(super) fn observe(&self, world: &World) -> Option<Snapshot> {
        let object = world.object.as_ref()?;
        let observed = self.look(world)?;
        let decision = if observed.object.deleted_at.is_some() {
            decide_deletion(&observed, world.now)
        } else {
            decide(&object.spec, &observed, world.now)
        };
        let (version, job) = (object.version, world.jobs);
        Some(Snapshot { run: object.spec.clone(), observed, decision, version, job })
    }

    /// What wakes a reconcile when it changes.
    pub(super) fn wakes_by(&self, world: &World) -> Option<Observed> {
        self.look(world).map(Observed::that_wakes)
    }

    /// The status that it wrote last.
    pub(super) fn told(&self) -> Option<SigningRunStatus> {
        self.written.clone()
    }

    /// Carries out one effect of what was decided; an error if the world refuses it.
    pub(super) fn carry_out(
        &mut self,
        world: &mut World,
        seen: &Snapshot,
        effect: &Effect,
    ) -> Result<(), ()> {
        match effect {
            Effect::TakeCharge => return set_finalizer(world, seen, true),
            Effect::RemoveFinalizer => return set_finalizer(world, seen, false),
            Effect::CreateRun => {
                let kek = world.kek.clone().map_err(|_| ())?;
                ledger(world)?.get_or_insert_with(|| Stored::new(&seen.run, kek));
            }
            Effect::AdoptRun { former } => {
                let stored = ledger(world)?.as_mut().ok_or(())?;
                if matches!(stored.belongs, Belongs::Anothers { object, .. } if object == *former) {
                    stored.belongs = Belongs::Ours { adopted_from: Some(*former) };
                }
            }
            Effect::ClaimRun => {
                let stored = ledger(world)?.as_mut().ok_or(())?;
                if stored.belongs == Belongs::Unclaimed {
                    stored.belongs = super::situation::OURS;
                }
            }
            Effect::TellKept => {}
            Effect::SetMutable { suspended } => {
                let stored = ledger(world)?.as_mut().ok_or(())?;
                (stored.suspended, stored.lease_duration) = (*suspended, seen.run.lease_duration);
            }
            Effect::StartGenerating => {
                ledger(world)?.as_ref().ok_or(())?;
                if world.roomy {
                    self.background.generating = WorkState::UnderWay;
                }
            }
            Effect::StopGenerating => self.background.generating = WorkState::Idle,
            Effect::EnsureSecret { instead_of, lost } => {
                return self.ensure_secret(world, instead_of.as_deref(), *lost);
            }
            Effect::EnsureJob(plan) => return ensure_job(world, seen, plan),
            Effect::DeleteJob => {
                if let Some(job) = world.job.as_mut().filter(|_| world.jobs == seen.job) {
                    job.deleting = true;
                }
            }
            Effect::ReleaseLeases { holders } => ledger(world)?.as_mut().ok_or(())?.release(holders),
            Effect::StartIntake
            | Effect::CheckIntake
            | Effect::EnsureIntake(_)
            | Effect::DeleteIntake
            | Effect::EndIntake
            | Effect::ReleaseIntakes { .. }
            | Effect::SetDeadLetter(_) => panic!("no run of this world has sources: {seen:?}"),
            Effect::StartDelivery
            | Effect::CheckDelivery
            | Effect::EnsureDelivery(_)
            | Effect::DeleteDelivery
            | Effect::EndDelivery
            | Effect::TellFailed(_)
            | Effect::ReleaseDeliveries { .. } => panic!("no run of this world has sinks: {seen:?}"),
            Effect::Settle => ledger(world)?.as_mut().ok_or(())?.settled = true,
            Effect::StartAudit => {
                ledger(world)?;
                self.background.auditing = WorkState::UnderWay;
            }
            Effect::StopAudit => self.background.auditing = WorkState::Idle,
            Effect::StartDeleting => {
                ledger(world)?.as_ref().ok_or(())?;
                self.background.deleting = WorkState::UnderWay;
            }
            Effect::DeleteObject => world.ask_deletion(),
        }
        Ok(())
    }

    fn ensure_secret(&mut self, world: &mut World, instead_of: Option<&str>, lost: bool) -> Result<(), ()> {
        if world.object.is_none() {
            return Ok(());
        }
        let (kek, number) = (world.kek.clone(), world.secrets + 1);
        let stored = ledger(world)?.as_mut().ok_or(())?;
        if kek.as_ref() != Ok(&stored.kek) {
            return Err(());
        }
        // Another was named meanwhile.
        if stored.secret.map(secret_name).as_deref() != instead_of {
            return Ok(());
        }
        if stored.secret.is_none() || lost {
            stored.secret = Some(number);
            (world.secrets, world.secret) = (number, Some(number));
        }
        self.secret = world.stored.as_ref().and_then(|stored| stored.secret);
        Ok(())
    }

    /// Tells what was decided, and what kept it from being carried out. Returns what it told, and what
    /// keeps the run from going on.
    pub(super) fn tell(
        &mut self,
        world: &mut World,
        seen: &Snapshot,
        refused: bool,
    ) -> (SigningRunStatus, Option<Cause>) {
        let reason = Cause::new(Reason::DatabaseUnavailable, "it was refused");
        let decision = seen.decision.clone();
        let decision = if refused { decision.not_carried_out(reason) } else { decision };
        let status = build::status::status(&seen.run, &seen.observed, &decision, world.now);
        if let Some(object) = &mut world.object {
            if object.status != status && still(&object.status) != still(&status) {
                object.status = status.clone();
                object.version += 1;
            }
            self.written = Some(status.clone());
        }
        (status, decision.obstacle)
    }

    /// One step of what is done in the background; false if there is none.
    pub(super) fn work(&mut self, world: &mut World) -> bool {
        if world.object.is_none() {
            // It is forgotten.
            self.background = Background::IDLE;
            self.audited = None;
        }
        let (batches, now, up) = (world.batches(), world.now, world.up);
        let failed = |message: &str| WorkState::Failed { message: message.to_owned(), at: now };
        if self.background.deleting == WorkState::UnderWay {
            self.background.deleting = match &mut world.stored {
                _ if !up => failed("the database is away"),
                Some(stored) if !stored.deleted => {
                    stored.deleted = true;
                    WorkState::UnderWay
                }
                _ => {
                    world.stored = None;
                    WorkState::Idle
                }
            };
        } else if self.background.generating == WorkState::UnderWay {
            self.background.generating = match &mut world.stored {
                _ if !up => failed("the database is away"),
                None => failed("there is no such run"),
                Some(stored) if stored.deleted => failed("the run was deleted"),
                Some(stored) if stored.made < batches => {
                    stored.made += 1;
                    WorkState::UnderWay
                }
                Some(stored) => {
                    stored.sealed = true;
                    WorkState::Idle
                }
            };
        } else if self.background.auditing == WorkState::UnderWay {
            self.background.auditing = match &world.stored {
                _ if !up => failed("the database is away"),
                None => failed("there is no such run"),
                Some(stored) if stored.deleted => failed("the run is being deleted"),
                Some(_) => {
                    self.audited = Some(Audited { holds: true, message: "no law is broken".to_owned() });
                    WorkState::Idle
                }
            };
        } else {
            return false;
        }
        true
    }
}

/// When to look again, in the world's time.
pub(super) fn due(world: &World, again: Again) -> Option<k8s_openapi::jiff::Timestamp> {
    match again {
        Again::OnChange => None,
        Again::AtOnce => Some(world.now),
        Again::After(pause) => Some(world.now + SignedDuration::try_from(pause).expect("a time")),
    }
}

/// A status without what passes by itself with time.
fn still(status: &SigningRunStatus) -> SigningRunStatus {
    SigningRunStatus { elapsed: None, estimated_completion_time: None, ..status.clone() }
}

fn ledger(world: &mut World) -> Result<&mut Option<Stored>, ()> {
    if world.up { Ok(&mut world.stored) } else { Err(()) }
}

fn set_finalizer(world: &mut World, seen: &Snapshot, present: bool) -> Result<(), ()> {
    let Some(object) = &mut world.object else { return Ok(()) };
    if object.finalizer == present {
        return Ok(());
    }
    if object.version != seen.version {
        return Err(());
    }
    object.finalizer = present;
    object.version += 1;
    if !present && object.deleted_at.is_some() {
        world.object = None;
    }
    Ok(())
}

fn ensure_job(world: &mut World, seen: &Snapshot, plan: &JobPlan) -> Result<(), ()> {
    let JobPlan { parallelism, suspended, backoff_limit, run_uid, secret } = plan.clone();
    // What belongs to an object that is gone is collected.
    if world.object.is_none() {
        return Ok(());
    }
    let (generation, retry) = (Some(seen.observed.object.generation), seen.observed.object.retry.clone());
    match &mut world.job {
        Some(job) if !job.ours => return Err(()),
        // Its pods must differ.
        Some(job) if job.secret != secret => job.deleting = true,
        Some(job) => {
            *job = JobView { parallelism, suspended, backoff_limit, generation, retry, ..job.clone() };
        }
        None => {
            world.jobs += 1;
            world.job = Some(JobView {
                live: Default::default(),
                ours: true,
                deleting: false,
                suspended,
                started_at: None,
                parallelism,
                active: 0,
                succeeded: 0,
                failed: 0,
                counted: 0,
                backoff_limit,
                end: None,
                generation,
                retry,
                run_uid,
                secret,
            });
        }
    }
    Ok(())
}

/// What a database without room is found to be like.
fn room(world: &World) -> Room {
    let needs_some =
        world.up && world.stored.as_ref().is_some_and(|stored| !stored.sealed && !stored.suspended);
    if world.roomy || !needs_some {
        return Room::Enough;
    }
    Room::Short { why: "it is nearly full".to_owned() }
}

/// Keys that the run's ring is to have.
fn keys(stored: Option<&LedgerRun>) -> u32 {
    stored.map_or(0, |stored| stored.keyring.key_count.unsigned_abs())
}

/// What no decision may do, whatever was observed.
pub(super) fn check_laws(seen: &Snapshot) {
    let Snapshot { run, observed, decision, .. } = seen;
    let stored = match &observed.ledger {
        LedgerView::Present(stored) => Some(stored.as_ref()),
        LedgerView::Away(_) | LedgerView::Absent => None,
    };
    let mut held = stored.is_none_or(|stored| stored.suspended);
    let is_anothers = stored.is_some_and(|stored| matches!(stored.belongs, Belongs::Anothers { .. }));
    for effect in &decision.effects {
        let changes = matches!(
            effect,
            Effect::SetMutable { .. }
                | Effect::StartGenerating
                | Effect::ReleaseLeases { .. }
                | Effect::Settle
                | Effect::StartDeleting
        );
        assert!(!(changes && is_anothers), "another's run is touched: {seen:?}");
        match effect {
            Effect::AdoptRun { former } => assert_eq!(observed.object.adopt, Some(*former), "{seen:?}"),
            Effect::SetMutable { suspended } => held = *suspended,
            Effect::EnsureJob(plan) if !plan.suspended => {
                let ready = stored.is_some_and(|stored| {
                    let has_work = stored.sealed || stored.counts.batches > 0 || !stored.filled;
                    // Signers that are there wait for the first batch.
                    (has_work || observed.job.is_some())
                        && !stored.complete
                        && !stored.deleted
                        && stored.conflict.is_none()
                        && !is_anothers
                });
                let secret = stored.and_then(|stored| Some(stored.secret.as_ref()?.name.clone()));
                assert!(secret.is_some() && plan.secret == secret, "signers have no Secret: {seen:?}");
                let may_be = !run.suspend && observed.object.not_allowed.is_none();
                assert!(ready && !held && may_be, "signers start too early: {seen:?}");
                assert!((1..=run.parallelism.min(keys(stored))).contains(&plan.parallelism), "{seen:?}");
            }
            Effect::StartDeleting => {
                let ours = stored.is_some_and(|stored| {
                    let kept = match stored.belongs {
                        Belongs::Ours { adopted_from } => {
                            adopted_from.is_some() && observed.object.delete_adopted != adopted_from
                        }
                        Belongs::Unclaimed => false,
                        Belongs::Anothers { .. } => true,
                    };
                    stored.conflict.is_none() && !kept
                });
                let asked = observed.object.deleted_at.is_some();
                assert!(ours && asked && !observed.object.abandon_ledger, "{seen:?}");
            }
            Effect::StartAudit => {
                let complete = decision.stage == Stage::Complete && run.audit == AuditPolicy::AtCompletion;
                assert!(complete && observed.audited.is_none(), "{seen:?}");
            }
            Effect::DeleteJob => {
                assert!(observed.job.as_ref().is_some_and(|job| job.ours), "{seen:?}");
            }
            Effect::DeleteObject => assert!(run.ttl_after_finished.is_some(), "{seen:?}"),
            _ => {}
        }
    }
}
