//! What a decision is.

use std::time::Duration;
use uuid::Uuid;

use chancery_api::Reason;
use chancery_store::DeadLetter;

use crate::run::facts::JobView;

/// How soon to look again at what no watch reports: a KEK file, a name in the ledger.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_secs(15);

/// What to do for a run, and what to report about it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Decision {
    pub(crate) effects: Vec<Effect>,
    pub(crate) stage: Stage,
    /// What stops the run for now.
    pub(crate) obstacle: Option<Cause>,
    /// Why the run cannot continue without help.
    pub(crate) failure: Option<Cause>,
    /// What is wrong and stops nothing.
    pub(crate) aside: Option<Cause>,
    pub(crate) again: Again,
}

/// One thing to do. Each may be done twice, or be interrupted and repeated, with the same result.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Effect {
    /// Add the finalizer, and write which installation operates the run.
    TakeCharge,
    RemoveFinalizer,
    /// Create the run in the ledger.
    CreateRun,
    /// Take over a run of the ledger that was made for this other object.
    AdoptRun {
        former: Uuid,
    },
    /// Note that a run of the time before that was kept was made for this object.
    ClaimRun,
    /// Tell that what was taken over stays in the ledger.
    TellKept,
    /// Tell the ledger whether signers may lease, and for how long.
    SetMutable {
        suspended: bool,
    },
    /// Make the records that the run lacks, in the background, beside the signing.
    StartGenerating,
    /// Stop making records, for now.
    StopGenerating,
    /// Make the Secret of the signers in place of the one of this name, unless that is as it should be.
    EnsureSecret {
        instead_of: Option<String>,
        /// Whether pods have not found that one, or not what they need in it.
        lost: bool,
    },
    /// Create the Job, or correct it.
    EnsureJob(JobPlan),
    DeleteJob,
    /// Make the login, the Job and the Secret of the run's intake; its pods wait until all are there.
    StartIntake,
    /// Look whether the Secret of the intake was made of what is still right; else its Job is made anew.
    CheckIntake,
    /// Correct the Job of the intake: let its pods run, or stop them.
    EnsureIntake(JobPlan),
    /// Delete the Job of the intake, so that it is made anew.
    DeleteIntake,
    /// Drop the login of the intake, and delete its Job: the run is sealed.
    EndIntake,
    /// Make the login, the Job and the Secret of the run's delivery; its pods wait until all are there.
    StartDelivery,
    /// Look whether the Secret of the delivery was made of what is still right; else its Job is made anew.
    CheckDelivery,
    /// Correct the Job of the delivery: let its pods run, or stop them.
    EnsureDelivery(JobPlan),
    /// Delete the Job of the delivery, so that it is made anew.
    DeleteDelivery,
    /// Drop the login of the delivery, and delete its Job: nothing is left to be delivered.
    EndDelivery,
    /// Write down that the run failed, for whoever is told of it.
    TellFailed(Cause),
    /// Give back what deliveries that have ended still have in hand.
    ReleaseDeliveries {
        holders: Vec<String>,
    },
    /// Give back what intakes that have ended still have in hand.
    ReleaseIntakes {
        holders: Vec<String>,
    },
    /// Tell the ledger how many dead letters the run may have, and for how long their bytes are kept.
    SetDeadLetter(DeadLetter),
    /// Release the leases that signers that have ended still hold.
    ReleaseLeases {
        holders: Vec<String>,
    },
    /// Return the last keys to the keyring.
    Settle,
    /// Audit the run, in the background.
    StartAudit,
    /// Stop its audit.
    StopAudit,
    /// Remove the run from the ledger, in the background.
    StartDeleting,
    /// Delete the SigningRun itself.
    DeleteObject,
}

/// What varies in a run's Job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobPlan {
    /// How many pods run at the same time.
    pub parallelism: u32,
    /// Whether Kubernetes makes no pods for now.
    pub suspended: bool,
    /// After how many pods that ended before their work was done Kubernetes gives the Job up. It counts those that were evicted or
    /// stopped as well.
    pub backoff_limit: u32,
    /// The run in the ledger that its pods work for, and no other of that name. None for a Job that does not say.
    pub run_uid: Option<Uuid>,
    /// The Secret that they are given. None for a Job that does not say.
    pub secret: Option<String>,
}

impl JobPlan {
    /// A Job as it is.
    pub(crate) fn like(job: &JobView) -> Self {
        let JobView { parallelism, suspended, backoff_limit, run_uid, secret, .. } = job;
        Self {
            parallelism: *parallelism,
            suspended: *suspended,
            backoff_limit: *backoff_limit,
            run_uid: *run_uid,
            secret: secret.clone(),
        }
    }
}

/// Where the run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Pending,
    Seeding,
    Signing,
    /// All that programs have pushed is signed, and they may push more.
    Receiving,
    /// Every record is signed, and batches are still to be delivered.
    Delivering,
    Suspended,
    Complete,
}

/// Why a run is as it is: a reason for programs, a message for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cause {
    pub(crate) reason: Reason,
    pub(crate) message: String,
}

impl Cause {
    pub(crate) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }
}

/// When to decide again, if nothing changes before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    OnChange,
    AtOnce,
    After(Duration),
}

impl Decision {
    pub(crate) fn at(stage: Stage) -> Self {
        Self {
            effects: Vec::new(),
            stage,
            obstacle: None,
            failure: None,
            aside: None,
            again: Again::OnChange,
        }
    }

    pub(crate) fn first(mut self, effect: Effect) -> Self {
        self.effects.insert(0, effect);
        self
    }

    pub(crate) fn then(mut self, effect: Effect) -> Self {
        self.effects.push(effect);
        self
    }

    pub(crate) fn blocked(mut self, reason: Reason, message: impl Into<String>) -> Self {
        self.obstacle = Some(Cause::new(reason, message));
        self
    }

    pub(crate) fn with_aside(mut self, reason: Reason, message: impl Into<String>) -> Self {
        self.aside = Some(Cause::new(reason, message));
        self
    }

    pub(crate) fn failed(mut self, reason: Reason, message: impl Into<String>) -> Self {
        self.failure = Some(Cause::new(reason, message));
        self
    }

    pub(crate) fn again_after(mut self, pause: Duration) -> Self {
        self.again = match self.again {
            Again::AtOnce => Again::AtOnce,
            Again::After(sooner) => Again::After(sooner.min(pause)),
            Again::OnChange => Again::After(pause),
        };
        self
    }

    pub(crate) fn again_at_once(mut self) -> Self {
        self.again = Again::AtOnce;
        self
    }

    /// The decision as it is reported when the ledger cannot give what the run asks for. Another run, or its user,
    /// may change that.
    pub(crate) fn refused(mut self, failure: Cause) -> Self {
        self.failure = Some(failure);
        self.again = Again::After(LOOK_AGAIN);
        self
    }

    /// The decision as it is reported when one of its effects could not be carried out.
    pub(crate) fn not_carried_out(mut self, obstacle: Cause) -> Self {
        // A run that is reported complete is not reconciled again.
        if self.stage == Stage::Complete && self.effects.contains(&Effect::Settle) {
            self.stage = Stage::Signing;
        }
        self.obstacle = Some(obstacle);
        self
    }
}
