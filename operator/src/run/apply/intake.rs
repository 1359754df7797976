//! The intake of a run: its login, its Job, and the Secret that belongs to that. What was made is in the ledger, and whatever
//! has to differ is made anew: the Job is deleted, and its Secret goes with it.

use chancery_api::{Reason, names};
use chancery_store::logins::Work;
use chancery_store::{DeadLetter, Input, LedgerUrl};
use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt;
use zeroize::Zeroizing;

use crate::host::events::NewEvent;
use crate::run::apply::error::ApplyError;
use crate::run::apply::job::{apply_job, delete_job};
use crate::run::apply::ledger::stored;
use crate::run::apply::new_secret::{create, read_ca, suffix};
use crate::run::build::intake::{IntakeSecretContent, ca_path, intake_job, intake_secret};
use crate::run::build::job_change::{JobChange, job_change};
use crate::run::build::policy_secrets::PolicySecrets;
use crate::run::build::secret::SecretMark;
use crate::run::context::Context;
use crate::run::decide::decision::JobPlan;
use crate::run::decide::failures::backoff_limit;
use crate::run::facts::{LedgerView, Observed, SecretView};
use crate::run::watched::Target;

/// Sessions of an intake beside one for each reader: it connects again while the server has not noticed that those of
/// a dead one are gone.
const SESSIONS: u32 = 16;

/// Makes the Job, which runs no pods yet, and the Secret that belongs to it, with a login of its own.
pub(super) async fn start_intake(
    context: &Context,
    target: &Target<'_>,
    observed: &Observed,
) -> Result<Option<NewEvent>, ApplyError> {
    let Some(run) = target.run else { return Ok(None) };
    let (ledger, of) = stored(context, observed)?;
    let uid = target.object.uid().unwrap_or_default();
    let content = content(context)?;
    let name = names::intake_secret_name(&run.name, &suffix());
    let plan = JobPlan {
        parallelism: 1,
        suspended: true,
        backoff_limit: backoff_limit(run, None, 1),
        run_uid: Some(of.uid),
        secret: Some(name.clone()),
    };
    let policy = if of.policy.is_some() { ledger.policy_of(&of).await? } else { None };
    let secrets = policy.map_or_else(PolicySecrets::default, |policy| PolicySecrets::of_policy(&policy.text));
    let job = apply_job(context, &wanted(context, target, &plan, &secrets)).await?;
    let sessions = u32::from(context.intake.readers).saturating_mul(2).saturating_add(SESSIONS);
    let login = ledger.make_intake_login(&of, sessions).await?;
    let mark = SecretMark { of: &content.fingerprint(), login: login.name() }.to_string();
    let before = secret(observed).map(|secret| secret.name.as_str());
    let owner = job.uid().unwrap_or_default();
    let planned = ledger.plan_secret(&of, Work::Admit, before, &owner, &name, &mark).await?;
    let database_url = Zeroizing::new(content.database_url.parse::<LedgerUrl>()?.for_login(&login)?);
    let made = intake_secret(&job, run, &name, &IntakeSecretContent { database_url, ..content });
    let created = if planned { create(context, made).await.map_err(ApplyError::Secret) } else { Ok(false) };
    if matches!(created, Ok(true)) {
        if ledger.secret_is_made(&of, Work::Admit, &name).await? {
            context.memory.change(&uid, |remembered| remembered.intake_secret = Some(name));
        }
    } else {
        // Somebody else was first, or it is refused. The Job names a Secret that there is not, and is made anew.
        ledger.drop_login(login.name()).await?;
    }
    context.progress.read(&ledger, &uid, target.reference, of).await?;
    created.map(|created| {
        let note = format!("Job {} reads the sources", job.name_any());
        created.then(|| NewEvent::normal(Reason::IntakeStarted, note))
    })
}

/// Whether the Secret was made of what is still right, by another operator or before this one was started; if not, the
/// Job is deleted.
pub(super) async fn check_intake(
    context: &Context,
    target: &Target<'_>,
    observed: &Observed,
) -> Result<Option<NewEvent>, ApplyError> {
    let (ledger, of) = stored(context, observed)?;
    let Some(SecretView { name, content: made_of, .. }) = secret(observed) else { return Ok(None) };
    let fingerprint = content(context)?.fingerprint();
    let logins = ledger.logins(&of).await?;
    let works = |name: &str| {
        logins.iter().any(|login| login.works && login.work == Work::Admit && login.name == name)
    };
    if SecretMark::read(made_of).is_some_and(|mark| mark.of == fingerprint && works(mark.login)) {
        let uid = target.object.uid().unwrap_or_default();
        context.memory.change(&uid, |remembered| remembered.intake_secret = Some(name.clone()));
        return Ok(None);
    }
    delete_job(context, observed.intake.job.as_ref()).await?;
    let note =
        format!("what the intake is given has changed since Secret {name} was made: its Job is made anew");
    Ok(Some(NewEvent::normal(Reason::ReplacingIntake, note)))
}

/// Lets the pods of the Job run, or stops them; a Job whose pods must differ is deleted.
pub(super) async fn ensure_intake(
    context: &Context,
    target: &Target<'_>,
    observed: &Observed,
    plan: &JobPlan,
) -> Result<Option<NewEvent>, ApplyError> {
    let seen = observed.intake.job.as_ref();
    let live = seen.map(|job| job.live.as_ref());
    let secrets = live.map_or_else(PolicySecrets::default, PolicySecrets::of_job);
    let wanted = wanted(context, target, plan, &secrets);
    match job_change(live, &wanted) {
        JobChange::None => {}
        JobChange::Apply => {
            apply_job(context, &wanted).await?;
        }
        JobChange::Replace => {
            delete_job(context, seen).await?;
            let note = "the intake's Job is replaced: its pods must be made differently";
            return Ok(Some(NewEvent::normal(Reason::ReplacingIntake, note)));
        }
    }
    Ok(None)
}

/// Drops the login of an intake that has nothing left to read, and deletes its Job.
pub(super) async fn end_intake(context: &Context, observed: &Observed) -> Result<(), ApplyError> {
    let (ledger, of) = stored(context, observed)?;
    ledger.drop_intake_logins(&of).await?;
    delete_job(context, observed.intake.job.as_ref()).await
}

pub(super) async fn release_intakes(
    context: &Context,
    target: &Target<'_>,
    observed: &Observed,
    holders: &[String],
) -> Result<Option<NewEvent>, ApplyError> {
    let (ledger, of) = stored(context, observed)?;
    let released = ledger.release_intakes(&of, holders).await?;
    let uid = target.object.uid().unwrap_or_default();
    context.memory.change(&uid, |remembered| remembered.released.extend(holders.iter().cloned()));
    let note =
        format!("{released} sources or splits that an intake had in hand when it ended were given back");
    Ok((released > 0).then(|| NewEvent::normal(Reason::IntakeReleased, note)))
}

pub(super) async fn set_dead_letter(
    context: &Context,
    target: &Target<'_>,
    observed: &Observed,
    dead_letter: DeadLetter,
) -> Result<(), ApplyError> {
    let (ledger, mut of) = stored(context, observed)?;
    ledger.set_dead_letter(&of, dead_letter).await?;
    // So that the next reconcile does not decide by what was stored before.
    if let Input::Sources(sources) = &mut of.input {
        sources.dead_letter = dead_letter;
    }
    let uid = target.object.uid().unwrap_or_default();
    context.progress.read(&ledger, &uid, target.reference, of).await?;
    Ok(())
}

fn wanted(context: &Context, target: &Target<'_>, plan: &JobPlan, secrets: &PolicySecrets) -> Job {
    match target.run {
        Some(run) => intake_job(target.object, run, plan, &context.settings, &context.intake, secrets),
        // Nothing is decided about an intake of a run whose spec cannot be used.
        None => Job::default(),
    }
}

fn content(context: &Context) -> Result<IntakeSecretContent, ApplyError> {
    let ca = read_ca(context)?;
    // In the URL, and not in the environment: what is there would be taken for the tables of sources as well.
    let authority = ca.is_some().then(ca_path);
    let authority = authority.as_deref().map(|file| ("sslrootcert", file));
    let database_url = Zeroizing::new(context.settings.database_url.without_login_but(authority)?);
    Ok(IntakeSecretContent { database_url, ca })
}

/// The Secret of the intake as it was observed.
fn secret(observed: &Observed) -> Option<&SecretView> {
    match &observed.ledger {
        LedgerView::Present(run) => run.sources.as_ref()?.secret.as_ref(),
        LedgerView::Absent | LedgerView::Away(_) => None,
    }
}
