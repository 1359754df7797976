//! Leads whenever it can, and stands by otherwise, until asked to stop.

use std::sync::Arc;
use std::time::Duration;

use chancery_api::{SigningRun, SigningRunSpec, validate};
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
use crate::events;
use crate::leader::Candidate;
use crate::memory::Memory;
use crate::metrics::Metrics;
use crate::progress::ProgressWatch;
use crate::triggers::Triggers;

/// How long a leader that stops may take to publish its last Events.
const LAST_WORDS: Duration = Duration::from_secs(2);

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
    warm_up();
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

/// The schema is made ready at its first use, which takes a while: not in the first reconcile.
fn warm_up() {
    let any = SigningRun::new("any", SigningRunSpec::new(1, 1, 1));
    drop(validate(&any));
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
    let (teller, mut telling) = events::queue(Recorder::new(client.clone(), reporter));
    let shared = Arc::new(Shared {
        client,
        settings: arguments.signer_settings(),
        events: teller,
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
        () = telling.keep() => {}
    }
    // What happened last is told, if the API server still answers.
    let _in_time = tokio::time::timeout(LAST_WORDS, telling.finish()).await;
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
