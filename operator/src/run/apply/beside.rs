//! What works for a run beside its signers, an intake or a delivery: its login, its Job, and the Secret that belongs to that. What was
//! made is in the ledger, and whatever has to differ is made anew: the Job is deleted, and its Secret goes with it.

use chancery_api::{Reason, names};
use chancery_store::logins::{RunLogin, Work};
use chancery_store::{Ledger, LedgerUrl, Run, StoreError};
use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt;
use zeroize::Zeroizing;

use crate::host::events::NewEvent;
use crate::run::apply::error::ApplyError;
use crate::run::apply::job::{apply_job, delete_job, is_made};
use crate::run::apply::ledger::stored;
use crate::run::apply::new_secret::{create, read_ca, suffix};
use crate::run::build::beside::{LoginSecret, ca_path, login_secret};
use crate::run::build::delivery::delivery_job;
use crate::run::build::intake::intake_job;
use crate::run::build::job_change::{JobChange, job_change};
use crate::run::build::policy_secrets::PolicySecrets;
use crate::run::build::secret::SecretMark;
use crate::run::context::{Context, Remembered};
use crate::run::decide::beside::Beside;
use crate::run::decide::decision::JobPlan;
use crate::run::decide::failures::backoff_limit;
use crate::run::facts::{JobView, LedgerView, Observed, SecretView};
use crate::run::watched::Target;

/// Sessions beside one for each reader or sender: a program connects again while the server has not noticed that those of
/// a dead one are gone.
const SESSIONS: u32 = 16;

impl Beside {
    const fn component(self) -> &'static str {
        match self {
            Self::Intake => names::COMPONENT_INTAKE,
            Self::Delivery => names::COMPONENT_DELIVERY,
        }
    }

    const fn work(self) -> Work {
        match self {
            Self::Intake => Work::Admit,
            Self::Delivery => Work::Deliver,
        }
    }

    const fn replacing(self) -> Reason {
        match self {
            Self::Intake => Reason::ReplacingIntake,
            Self::Delivery => Reason::ReplacingDelivery,
        }
    }

    /// That the Job of this name was made.
    fn started(self, job: &str) -> NewEvent {
        match self {
            Self::Intake => NewEvent::normal(Reason::IntakeStarted, format!("Job {job} reads the sources")),
            Self::Delivery => NewEvent::normal(Reason::DeliveryStarted, format!("Job {job} delivers")),
        }
    }

    fn job_name(self, run: &str) -> String {
        match self {
            Self::Intake => names::intake_job_name(run),
            Self::Delivery => names::delivery_job_name(run),
        }
    }

    fn secret_name(self, run: &str) -> String {
        match self {
            Self::Intake => names::intake_secret_name(run, &suffix()),
            Self::Delivery => names::delivery_secret_name(run, &suffix()),
        }
    }

    /// How many sessions one pod may need.
    fn sessions(self, context: &Context, of: &Run) -> u32 {
        let at_a_time = match self {
            Self::Intake => u32::from(context.intake.readers),
            Self::Delivery => {
                let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
                let of_sinks = u32::from(context.delivery.senders).saturating_mul(count(of.sinks.0.len()));
                of_sinks.saturating_add(count(of.notifications.0.len()))
            }
        };
        at_a_time.saturating_mul(2).saturating_add(SESSIONS)
    }

    async fn login(self, ledger: &Ledger, of: &Run, sessions: u32) -> Result<RunLogin, StoreError> {
        match self {
            Self::Intake => ledger.make_intake_login(of, sessions).await,
            Self::Delivery => ledger.make_delivery_login(of, sessions).await,
        }
    }

    fn remember(self, remembered: &mut Remembered, secret: String) {
        match self {
            Self::Intake => remembered.intake_secret = Some(secret),
            Self::Delivery => remembered.delivery_secret = Some(secret),
        }
    }

    /// The Job as it was observed.
    fn job(self, observed: &Observed) -> Option<&JobView> {
        match self {
            Self::Intake => observed.intake.job.as_ref(),
            Self::Delivery => observed.delivery.job.as_ref(),
        }
    }

    /// The Secret as it was observed.
    fn secret(self, observed: &Observed) -> Option<&SecretView> {
        let LedgerView::Present(run) = &observed.ledger else { return None };
        match self {
            Self::Intake => run.sources.as_ref()?.secret.as_ref(),
            Self::Delivery => run.sinks.as_ref()?.secret.as_ref(),
        }
    }

    fn wanted(self, context: &Context, target: &Target<'_>, plan: &JobPlan, secrets: &PolicySecrets) -> Job {
        let (settings, object) = (&context.settings, target.object);
        match (target.run, self) {
            (Some(run), Self::Intake) => intake_job(object, run, plan, settings, &context.intake, secrets),
            (Some(run), Self::Delivery) => delivery_job(object, run, plan, settings, &context.delivery),
            // Nothing is decided about a run whose spec cannot be used.
            (None, _) => Job::default(),
        }
    }
}

/// Makes the Job, which runs no pods yet, and the Secret that belongs to it, with a login of its own.
pub(super) async fn start(
    program: Beside,
    context: &Context,
    target: &Target<'_>,
    observed: &Observed,
) -> Result<Option<NewEvent>, ApplyError> {
    let Some(run) = target.run else { return Ok(None) };
    if is_made(context, target.object, &program.job_name(&run.name)).await? {
        // The watch has not brought it yet. Made again it would name another Secret, which a Job cannot.
        return Ok(None);
    }
    let (ledger, of) = stored(context, observed)?;
    let uid = target.object.uid().unwrap_or_default();
    let content = content(program, context)?;
    let name = program.secret_name(&run.name);
    let plan = JobPlan {
        parallelism: 1,
        suspended: true,
        backoff_limit: backoff_limit(run, None, 1),
        run_uid: Some(of.uid),
        secret: Some(name.clone()),
    };
    let policy =
        if program == Beside::Intake && of.policy.is_some() { ledger.policy_of(&of).await? } else { None };
    let secrets = policy.map_or_else(PolicySecrets::default, |policy| PolicySecrets::of_policy(&policy.text));
    let job = apply_job(context, &program.wanted(context, target, &plan, &secrets)).await?;
    let login = program.login(&ledger, &of, program.sessions(context, &of)).await?;
    let mark = SecretMark { of: &content.fingerprint(), login: login.name() }.to_string();
    let before = program.secret(observed).map(|secret| secret.name.as_str());
    let owner = job.uid().unwrap_or_default();
    let planned = ledger.plan_secret(&of, program.work(), before, &owner, &name, &mark).await?;
    let database_url = Zeroizing::new(content.database_url.parse::<LedgerUrl>()?.for_login(&login)?);
    let made = login_secret(&job, run, program.component(), &name, &LoginSecret { database_url, ..content });
    let created = if planned { create(context, made).await.map_err(ApplyError::Secret) } else { Ok(false) };
    if matches!(created, Ok(true)) {
        if ledger.secret_is_made(&of, program.work(), &name).await? {
            context.memory.change(&uid, |remembered| program.remember(remembered, name));
        }
    } else {
        // Somebody else was first, or it is refused. The Job names a Secret that there is not, and is made anew.
        ledger.drop_login(login.name()).await?;
    }
    context.progress.read(&ledger, &uid, target.reference, of).await?;
    created.map(|created| created.then(|| program.started(&job.name_any())))
}

/// Whether the Secret was made of what is still right, by another operator or before this one was started; if not, the
/// Job is deleted.
pub(super) async fn check(
    program: Beside,
    context: &Context,
    target: &Target<'_>,
    observed: &Observed,
) -> Result<Option<NewEvent>, ApplyError> {
    let (ledger, of) = stored(context, observed)?;
    let Some(SecretView { name, content: made_of, .. }) = program.secret(observed) else { return Ok(None) };
    let fingerprint = content(program, context)?.fingerprint();
    let logins = ledger.logins(&of).await?;
    let works = |name: &str| {
        logins.iter().any(|login| login.works && login.work == program.work() && login.name == name)
    };
    if SecretMark::read(made_of).is_some_and(|mark| mark.of == fingerprint && works(mark.login)) {
        let uid = target.object.uid().unwrap_or_default();
        context.memory.change(&uid, |remembered| program.remember(remembered, name.clone()));
        return Ok(None);
    }
    delete_job(context, program.job(observed)).await?;
    let component = program.component();
    let note = format!(
        "what the {component} is given has changed since Secret {name} was made: its Job is made anew"
    );
    Ok(Some(NewEvent::normal(program.replacing(), note)))
}

/// Lets the pods of the Job run, or stops them; a Job whose pods must differ is deleted.
pub(super) async fn ensure(
    program: Beside,
    context: &Context,
    target: &Target<'_>,
    observed: &Observed,
    plan: &JobPlan,
) -> Result<Option<NewEvent>, ApplyError> {
    let seen = program.job(observed);
    let live = seen.map(|job| job.live.as_ref());
    let secrets = live.map_or_else(PolicySecrets::default, PolicySecrets::of_job);
    let wanted = program.wanted(context, target, plan, &secrets);
    match job_change(live, &wanted) {
        JobChange::None => {}
        JobChange::Apply => {
            apply_job(context, &wanted).await?;
        }
        JobChange::Replace => {
            delete_job(context, seen).await?;
            let note =
                format!("the {}'s Job is replaced: its pods must be made differently", program.component());
            return Ok(Some(NewEvent::normal(program.replacing(), note)));
        }
    }
    Ok(None)
}

/// Deletes the Job, so that it is made anew.
pub(super) async fn delete(
    program: Beside,
    context: &Context,
    observed: &Observed,
) -> Result<(), ApplyError> {
    delete_job(context, program.job(observed)).await
}

/// Drops the login of a program that has nothing left to do, and deletes its Job.
pub(super) async fn end(program: Beside, context: &Context, observed: &Observed) -> Result<(), ApplyError> {
    let (ledger, of) = stored(context, observed)?;
    ledger.drop_logins_for(&of, program.work()).await?;
    delete(program, context, observed).await
}

/// Gives back what its pods had in hand when they ended.
pub(super) async fn release(
    program: Beside,
    context: &Context,
    target: &Target<'_>,
    observed: &Observed,
    holders: &[String],
) -> Result<Option<NewEvent>, ApplyError> {
    let (ledger, of) = stored(context, observed)?;
    let (released, reason, what) = match program {
        Beside::Intake => (
            ledger.release_intakes(&of, holders).await?,
            Reason::IntakeReleased,
            "sources or splits that an intake",
        ),
        Beside::Delivery => (
            ledger.release_deliveries(&of, holders).await?,
            Reason::DeliveryReleased,
            "batches that a delivery",
        ),
    };
    let uid = target.object.uid().unwrap_or_default();
    context.memory.change(&uid, |remembered| remembered.released.extend(holders.iter().cloned()));
    let note = format!("{released} {what} had in hand when it ended were given back");
    Ok((released > 0).then(|| NewEvent::normal(reason, note)))
}

fn content(program: Beside, context: &Context) -> Result<LoginSecret, ApplyError> {
    let ca = read_ca(context)?;
    // In the URL, and not in the environment: what is there would be taken for the tables of sources and sinks as well.
    let authority = ca.is_some().then(|| ca_path(program.component()));
    let authority = authority.as_deref().map(|file| ("sslrootcert", file));
    let database_url = Zeroizing::new(context.settings.database_url.without_login_but(authority)?);
    Ok(LoginSecret { database_url, ca })
}
