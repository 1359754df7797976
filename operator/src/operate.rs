//! Leads whenever it can, and stands by otherwise, until asked to stop.

use std::sync::Arc;

use chancery_process::Stop;
use chancery_telemetry::serve;
use futures::future::join_all;
use kube::Client;
use kube::runtime::events::{Recorder, Reporter};

use crate::arguments::Operate;
use crate::background::BackgroundWork;
use crate::client::client;
use crate::context::Shared;
use crate::controller::control;
use crate::database::Database;
use crate::leader::Candidate;
use crate::memory::Memory;
use crate::metrics::Metrics;
use crate::progress::ProgressWatch;
use crate::triggers::Triggers;

/// Operates until asked to stop.
///
/// # Errors
///
/// What keeps it from beginning: no API server is known, the URL can not be read, the port is taken.
pub(crate) async fn operate(arguments: Operate, stop: Stop) -> anyhow::Result<()> {
    let (metrics, registry) = Metrics::new();
    let database = Arc::new(Database::new(
        arguments.database_url.read()?.named(&arguments.pod_name),
        Arc::clone(&metrics),
    ));
    let client = client(Arc::clone(&metrics)).await?;
    // A container that is started again has the same pod name.
    let identity = format!("{}_{:08x}", arguments.pod_name, rand::random::<u32>());
    let candidate =
        Arc::new(Candidate::new(client.clone(), &arguments.pod_namespace, &arguments.lease_name, identity));
    let ready = readiness(Arc::clone(&database), Arc::clone(&candidate));
    serve(arguments.listen, Arc::new(registry), ready).await?;
    let keeper = Arc::clone(&database);
    let keeping = async move { keeper.keep().await };
    tokio::select! {
        () = keeping => {}
        () = lead_in_turn(&arguments, &client, &database, &metrics, &candidate, &stop) => {}
    }
    Ok(())
}

/// Leads, loses the lead, stands by, and so on.
async fn lead_in_turn(
    arguments: &Operate,
    client: &Client,
    database: &Arc<Database>,
    metrics: &Arc<Metrics>,
    candidate: &Candidate,
    stop: &Stop,
) {
    while let Some(lease) = candidate.win(stop).await {
        tracing::info!("leading");
        metrics.leads(true);
        tokio::select! {
            () = lead(arguments, client.clone(), Arc::clone(database), Arc::clone(metrics), stop) => {}
            () = candidate.hold(lease) => {}
        }
        metrics.leads(false);
        tracing::info!("no longer leading");
        if stop.is_asked() {
            candidate.resign().await;
            return;
        }
    }
}

/// Does a leader's work until asked to stop. Dropped, it stops at once: whatever it was doing can be
/// done again by another.
async fn lead(
    arguments: &Operate,
    client: Client,
    database: Arc<Database>,
    metrics: Arc<Metrics>,
    stop: &Stop,
) {
    let mut triggers = Triggers::default();
    let namespaces: Vec<Option<String>> = match arguments.namespaces.as_slice() {
        [] => vec![None],
        namespaces => namespaces.iter().cloned().map(Some).collect(),
    };
    let scopes: Vec<_> =
        namespaces.into_iter().map(|namespace| (triggers.scope(namespace.clone()), namespace)).collect();
    let reporter =
        Reporter { controller: "chancery-operator".to_owned(), instance: Some(arguments.pod_name.clone()) };
    let shared = Arc::new(Shared {
        recorder: Recorder::new(client.clone(), reporter),
        client,
        settings: arguments.signer_settings(),
        kek_file: arguments.kek_file.clone(),
        database,
        background: BackgroundWork::new(triggers.clone()),
        progress: ProgressWatch::new(triggers),
        memory: Memory::default(),
        metrics,
    });
    let controls = scopes
        .into_iter()
        .map(|(woken, namespace)| control(Arc::clone(&shared), namespace, woken, stop.clone()));
    tokio::select! {
        _ended = join_all(controls) => {}
        () = shared.progress.keep(&shared) => {}
    }
}

/// Ready is who could work: the API server and the database answer.
fn readiness(
    database: Arc<Database>,
    candidate: Arc<Candidate>,
) -> impl Fn() -> Result<(), String> + Send + Sync + 'static {
    move || {
        if !candidate.api_answers() {
            return Err("the API server does not answer".to_owned());
        }
        database.get().map(|_| ())
    }
}
