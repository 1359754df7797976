//! Lets go of every SigningRun of an installation, so that an operator can be uninstalled: in a Job of the chart, before anything of the release
//! goes. Without an operator nobody would remove a finalizer, so neither a run nor the CRD could be deleted any more.
//!
//! What the ledger holds stays. An operator that is installed again takes the runs up as they are. Runs that another installation
//! operates are left alone: it goes on to need their finalizers.

use std::time::Duration;

use anyhow::Context as _;
use chancery_api::names;
use chancery_process::chain;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::{ListParams, PartialObjectMeta, PostParams};
use kube::{Api, Client, ResourceExt};

use crate::arguments::PrepareUninstall;
use crate::host::leader;
use crate::run::Watched;
use crate::run::another;
use crate::run::apply::object::remove_finalizer;

/// For how long no operator leads: longer than an uninstallation takes. If it is called off, one leads again after that.
const HELD: Duration = Duration::from_secs(300);

/// Who holds the Lease meanwhile.
const HOLDER: &str = "prepare-uninstall";

/// How many runs are listed at a time.
const PAGE: u32 = 200;

/// How often a write is repeated that somebody else was faster than.
const ATTEMPTS: usize = 10;

/// See the module.
///
/// # Errors
///
/// The API server refuses, or does not answer.
pub async fn prepare_uninstall(arguments: &PrepareUninstall) -> anyhow::Result<()> {
    let_go_of_runs(&Client::try_default().await?, arguments).await
}

/// The same, by a client that is there.
///
/// # Errors
///
/// The API server refuses, or does not answer.
pub async fn let_go_of_runs(client: &Client, arguments: &PrepareUninstall) -> anyhow::Result<()> {
    let former = take_lead(client, arguments).await?;
    let ours = arguments.installation();
    let scopes: Vec<Option<&str>> = match arguments.namespaces.as_slice() {
        [] => vec![None],
        namespaces => namespaces.iter().map(|name| Some(name.as_str())).collect(),
    };
    for scope in &scopes {
        let_go(client, *scope, &ours).await?;
    }
    if !former.is_zero() {
        // Until it looks at the Lease, the operator that led may add what was removed.
        tokio::time::sleep(former).await;
        for scope in &scopes {
            let_go(client, *scope, &ours).await?;
        }
    }
    Ok(())
}

/// Takes the Lease, whoever holds it. Returns for how long the holder may still think that it leads. Whose the Lease is stays
/// as it was, so that it goes with the operator's pod.
async fn take_lead(client: &Client, arguments: &PrepareUninstall) -> anyhow::Result<Duration> {
    let api: Api<Lease> = Api::namespaced(client.clone(), &arguments.pod_namespace);
    for _ in 0..ATTEMPTS {
        let Some(mut lease) = api.get_opt(&arguments.lease_name).await? else { return Ok(Duration::ZERO) };
        let spec = lease.spec.get_or_insert_default();
        let lasts = match spec.holder_identity.as_deref() {
            None | Some("") => Duration::ZERO,
            // A try before this one may have ended while it waited for the operator that led.
            Some(HOLDER) => leader::DURATION,
            Some(_) => Duration::from_secs(spec.lease_duration_seconds.map_or(0, i32::unsigned_abs).into()),
        };
        let now = MicroTime(Timestamp::now());
        spec.holder_identity = Some(HOLDER.to_owned());
        spec.lease_duration_seconds = i32::try_from(HELD.as_secs()).ok();
        (spec.acquire_time, spec.renew_time) = (Some(now.clone()), Some(now));
        match api.replace(&arguments.lease_name, &PostParams::default(), &lease).await {
            Ok(_) => return Ok(lasts),
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {}
            Err(error) => return Err(error).context("the Lease cannot be taken"),
        }
    }
    anyhow::bail!("the Lease {} cannot be taken: it changes all the time", arguments.lease_name)
}

/// Removes the finalizer of every run of a namespace, or of all of them, unless another installation operates it.
async fn let_go(client: &Client, namespace: Option<&str>, ours: &str) -> anyhow::Result<()> {
    let api: Api<Watched> = match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    };
    let mut page = ListParams::default().limit(PAGE);
    loop {
        let listed = match api.list_metadata(&page).await {
            Ok(listed) => listed,
            Err(kube::Error::Api(status)) if status.code == 404 => {
                tracing::info!("the API server does not know SigningRuns: there is nothing to let go of");
                return Ok(());
            }
            // With a namespace that was deleted, its Role went.
            Err(kube::Error::Api(status)) if status.code == 403 && namespace.is_some() => {
                let error = chain(&kube::Error::Api(status));
                tracing::warn!(
                    namespace,
                    error,
                    "the runs of the namespace cannot be listed: it may be gone"
                );
                return Ok(());
            }
            Err(error) => return Err(error).context("the runs cannot be listed"),
        };
        for run in &listed.items {
            if run.finalizers().iter().any(|name| name == names::FINALIZER) {
                let_one_go(client, run, ours).await?;
            }
        }
        match listed.metadata.continue_.filter(|next| !next.is_empty()) {
            Some(next) => page.continue_token = Some(next),
            None => return Ok(()),
        }
    }
}

/// Removes the finalizer of one run, whoever else changes it meanwhile.
async fn let_one_go(client: &Client, run: &PartialObjectMeta<Watched>, ours: &str) -> anyhow::Result<()> {
    let (namespace, name) = (run.namespace().unwrap_or_default(), run.name_any());
    let api: Api<Watched> = Api::namespaced(client.clone(), &namespace);
    for _ in 0..ATTEMPTS {
        let Some(PartialObjectMeta { metadata, .. }) = api.get_metadata_opt(&name).await? else {
            return Ok(());
        };
        if let Some(operator) = another::operator(&metadata).filter(|operator| *operator != ours) {
            tracing::info!(
                "{namespace}/{name} is left alone: the installation of Chancery {operator} operates it"
            );
            return Ok(());
        }
        match remove_finalizer(client, &metadata).await {
            Ok(()) if metadata.deletion_timestamp.is_some() => {
                tracing::warn!(
                    "{namespace}/{name} is deleted; what the ledger holds of it stays: `chancery delete {namespace}/{name}` removes it"
                );
                return Ok(());
            }
            Ok(()) => {
                tracing::info!("{namespace}/{name} needs no operator to be deleted");
                return Ok(());
            }
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            Err(error) => return Err(error).context(format!("{namespace}/{name} cannot be let go of")),
        }
    }
    anyhow::bail!("{namespace}/{name} cannot be let go of: it changes all the time")
}
