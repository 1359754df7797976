//! The Secret that a run's signers are given. The operator may make Secrets and do nothing else with them: it reads none, and
//! changes none. So what it has made is in the ledger, and whatever has to differ is a new one under a new name. One that
//! was made in vain goes with its run.

use chancery_api::{Reason, names};
use chancery_data_keys::DataKeyAccessError;
use chancery_store::logins::{Work, sessions_for};
use chancery_store::{Ledger, LedgerUrl, Run};
use kube::ResourceExt;
use zeroize::Zeroizing;

use crate::host::events::NewEvent;
use crate::run::apply::error::ApplyError;
use crate::run::apply::ledger::{read_keks, stored};
use crate::run::apply::new_secret::{create, read_ca, suffix};
use crate::run::build::secret::{SecretContent, SecretMark, secret};
use crate::run::context::Context;
use crate::run::facts::{LedgerView, Observed, SecretStanding, SecretView};
use crate::run::watched::Target;

/// Makes a Secret in place of the one of the name `instead_of`, unless that one was made of what is still right and is not
/// `lost`.
pub(super) async fn ensure_secret(
    context: &Context,
    target: &Target<'_>,
    observed: &Observed,
    instead_of: Option<&str>,
    lost: bool,
) -> Result<Option<NewEvent>, ApplyError> {
    let (ledger, run) = stored(context, observed)?;
    let uid = target.object.uid().unwrap_or_default();
    let outcome = ensure(context, target, observed, (&ledger, &run), instead_of, lost).await;
    // Whichever one is named by now, by this operator or another, is what the next reconcile goes by.
    context.progress.read(&ledger, &uid, target.reference, run).await?;
    outcome
}

async fn ensure(
    context: &Context,
    target: &Target<'_>,
    observed: &Observed,
    (ledger, stored): (&Ledger, &Run),
    instead_of: Option<&str>,
    lost: bool,
) -> Result<Option<NewEvent>, ApplyError> {
    let Some(run) = target.run else { return Ok(None) };
    let uid = target.object.uid().unwrap_or_default();
    let content = content(context, ledger, stored).await?;
    let fingerprint = content.fingerprint();
    let logins = ledger.logins(stored).await?;
    let works = |mark: &SecretMark<'_>| {
        logins.iter().any(|login| login.works && login.work == Work::Sign && login.name == mark.login)
    };
    let remember = |name: String| context.memory.change(&uid, |remembered| remembered.secret = Some(name));
    let before = before(observed);
    if let Some(before) = before.filter(|before| !lost && before.standing != SecretStanding::Unusable)
        && SecretMark::read(&before.content).is_some_and(|mark| mark.of == fingerprint && works(&mark))
    {
        remember(before.name.clone());
        return Ok(None);
    }
    let name = names::signer_secret_name(&run.name, &suffix());
    let signers = run.signers(stored.keyring.key_count.unsigned_abs(), u64::MAX);
    let login = ledger.make_login(stored, sessions_for(signers)).await?;
    let mark = SecretMark { of: &fingerprint, login: login.name() }.to_string();
    let database_url = Zeroizing::new(content.database_url.parse::<LedgerUrl>()?.for_login(&login)?);
    let made = secret(target.object, run, &name, &SecretContent { database_url, ..content });
    let planned = ledger.plan_secret(stored, Work::Sign, instead_of, &uid, &name, &mark).await?;
    let created = if planned { create(context, made).await.map_err(ApplyError::Secret) } else { Ok(false) };
    if !matches!(created, Ok(true)) {
        // Somebody else was first, or it is refused. Of one whose name was taken nobody knows what is in it. The next
        // reconcile makes one of another name, with another login.
        ledger.drop_login(login.name()).await?;
        return created.map(|_| None);
    }
    if ledger.secret_is_made(stored, Work::Sign, &name).await? {
        remember(name.clone());
    }
    Ok(before.filter(|before| lost || before.standing != SecretStanding::Unusable).map(|before| {
        let (old, job) = (&before.name, names::job_name(&run.name));
        let note = if lost {
            format!("pods do not find what they need in the Secret {old}: Secret {name} is made, and Job {job} anew")
        } else {
            format!("what signers are given has changed since Secret {old} was made: Secret {name} is made, and Job {job} anew")
        };
        NewEvent { warning: lost, ..NewEvent::normal(Reason::ReplacingSecret, note) }
    }))
}

/// Lets the login of the run's Secret have as many sessions as so many signers need.
pub(super) async fn fit_login(
    context: &Context,
    observed: &Observed,
    signers: u32,
) -> Result<(), ApplyError> {
    let (ledger, _) = stored(context, observed)?;
    if let Some(mark) = before(observed).and_then(|secret| SecretMark::read(&secret.content)) {
        ledger.limit_login(mark.login, sessions_for(signers)).await?;
    }
    Ok(())
}

async fn content(context: &Context, ledger: &Ledger, run: &Run) -> Result<SecretContent, ApplyError> {
    let keks = read_keks(context)?;
    let data_key =
        chancery_data_keys::open(ledger, &run.keyring, &keks).await.map_err(|error| match error {
            DataKeyAccessError::Store(error) => ApplyError::Ledger(error),
            DataKeyAccessError::Open(error) => ApplyError::DataKey(error),
        })?;
    let database_url = Zeroizing::new(context.settings.database_url.without_login()?);
    Ok(SecretContent { data_key, database_url, ca: read_ca(context)? })
}

/// The Secret as it was observed.
fn before(observed: &Observed) -> Option<&SecretView> {
    match &observed.ledger {
        LedgerView::Present(run) => run.secret.as_ref(),
        LedgerView::Absent | LedgerView::Away(_) => None,
    }
}
