//! Leads whenever it can, and stands by otherwise, until asked to stop.

use std::sync::Arc;
use std::time::Duration;

use chancery_api::{SigningRun, SigningRunSpec, names, validate};
use chancery_process::Stop;
use chancery_store::{GivenUrl, StoreError};
use chancery_telemetry::{serve_metrics, serve_probes};
use futures::future::{join_all, pending};
use kube::Client;
use prometheus_client::registry::Registry;

use crate::arguments::Operate;
use crate::host::client::client;
use crate::host::complaints::Complaints;
use crate::host::database::Database;
use crate::host::events::event_queue;
use crate::host::kinds::KindWatch;
use crate::host::leader::Candidate;
use crate::host::metrics::Metrics;
use crate::host::services::Services;
use crate::host::triggers::Triggers;
use crate::policy;
use crate::run::context::{Programs, Shared};
use crate::run::controller::control;
use crate::run::metrics::RunMetrics;

/// How long a leader that stops may take to publish its last Events.
const LAST_EVENTS_TIMEOUT: Duration = Duration::from_secs(2);

/// An empty registry of metrics, whose names all begin with `chancery_`.
#[must_use]
pub fn metrics_registry() -> Registry {
    Registry::with_prefix("chancery")
}

/// What stays when the lead is lost and won again.
struct Process {
    arguments: Operate,
    programs: Programs,
    client: Client,
    complaints: Arc<Complaints>,
    database: Arc<Database>,
    metrics: Arc<Metrics>,
    run_metrics: Arc<RunMetrics>,
}

/// Operates until asked to stop.
///
/// # Errors
///
/// The operator cannot start: no API server is configured, the database's URL cannot be read, or the port
/// is taken.
pub async fn operate(arguments: Operate, stop: Stop) -> anyhow::Result<()> {
    let mut registry = metrics_registry();
    let metrics = Metrics::new(&mut registry);
    let run_metrics = RunMetrics::new(&mut registry);
    let programs = arguments.programs()?;
    let named = |url: &GivenUrl| Ok::<_, StoreError>(url.read()?.named(&arguments.pod_name));
    let database = Arc::new(Database::new(
        named(&arguments.database_url)?,
        arguments.audit_database_url.as_ref().map(named).transpose()?,
        Arc::clone(&metrics),
    ));
    let (client, complaints) = client(Arc::clone(&metrics)).await?;
    warm_up();
    // A container that is started again has the same pod name.
    let identity = format!("{}_{:08x}", arguments.pod_name, rand::random::<u32>());
    let candidate = Arc::new(
        Candidate::new(client.clone(), &arguments.pod_namespace, &arguments.lease_name, identity)
            .in_pod(&arguments.pod_name, arguments.pod_uid.as_deref())
            .complaining(Arc::clone(&complaints)),
    );
    let kinds = Arc::new(KindWatch::new(client.clone(), names::API_VERSION, names::PLURAL));
    let ready = readiness(Arc::clone(&database), Arc::clone(&candidate), Arc::clone(&kinds));
    serve_metrics(arguments.listen, Arc::new(registry)).await?;
    serve_probes(arguments.listen_for_probes, ready).await?;
    let process = Process { arguments, programs, client, complaints, database, metrics, run_metrics };
    tokio::select! {
        () = process.database.keep() => {}
        () = kinds.keep() => {}
        () = process.lead_in_turn(&candidate, &stop) => {}
    }
    Ok(())
}

/// The schema is compiled at its first use, which takes a while: not in the first reconcile.
fn warm_up() {
    let any = SigningRun::new("any", SigningRunSpec::new(1, 1, 1));
    drop(validate(&any));
}

impl Process {
    /// Leads, loses the lead, stands by, and so on.
    async fn lead_in_turn(&self, candidate: &Candidate, stop: &Stop) {
        while let Some(lease) = candidate.win(stop).await {
            tracing::info!("this operator leads");
            self.metrics.leads(true);
            tokio::select! {
                () = self.lead(stop) => {}
                () = candidate.hold(lease) => {}
            }
            self.metrics.leads(false);
            self.run_metrics.no_longer_leads();
            tracing::info!("this operator no longer leads");
            if stop.is_asked() {
                candidate.resign().await;
                return;
            }
        }
    }

    /// Does a leader's work until asked to stop. Dropped, it stops at once: the next leader repeats
    /// whatever was under way.
    async fn lead(&self, stop: &Stop) {
        let mut triggers = Triggers::default();
        let namespaces: Vec<Option<String>> = match self.arguments.namespaces.as_slice() {
            [] => vec![None],
            namespaces => namespaces.iter().cloned().map(Some).collect(),
        };
        let (events, mut publisher) = event_queue(self.client.clone(), &self.arguments.pod_name);
        let services = Services {
            client: self.client.clone(),
            installation: self.arguments.installation().into(),
            database: Arc::clone(&self.database),
            events,
            complaints: Arc::clone(&self.complaints),
            metrics: Arc::clone(&self.metrics),
        };
        let policies: Vec<_> = namespaces
            .iter()
            .map(|namespace| {
                let allowed = self.programs.intake.allowed.clone();
                policy::controller::control(services.clone(), allowed, namespace.clone(), stop.clone())
            })
            .collect();
        let policies = async {
            join_all(policies).await;
            // It is the runs that a leader which stops waits for.
            pending::<()>().await;
        };
        let scopes: Vec<_> =
            namespaces.into_iter().map(|namespace| (triggers.scope(namespace.clone()), namespace)).collect();
        let shared = Arc::new(Shared::new(
            services,
            self.programs.clone(),
            self.arguments.key_files(),
            self.arguments.bounds(),
            triggers,
            Arc::clone(&self.run_metrics),
        ));
        let controls = scopes
            .into_iter()
            .map(|(woken, namespace)| control(Arc::clone(&shared), namespace, woken, stop.clone()));
        tokio::select! {
            _ended = join_all(controls) => {}
            () = shared.keep_progress() => {}
            () = shared.keep_statements() => {}
            () = shared.keep_sessions() => {}
            () = shared.keep_rotation() => {}
            () = shared.keep_swept() => {}
            () = shared.keep_held() => {}
            () = shared.keep_closed() => {}
            () = shared.keep_redriven() => {}
            () = shared.keep_alerts() => {}
            () = policies => {}
            () = publisher.keep() => {}
        }
        // The last Events are published if the API server still answers.
        let _in_time = tokio::time::timeout(LAST_EVENTS_TIMEOUT, publisher.finish()).await;
    }
}

/// An operator is ready if it could lead: the API server and the database answer, and there are SigningRuns.
fn readiness(
    database: Arc<Database>,
    candidate: Arc<Candidate>,
    kinds: Arc<KindWatch>,
) -> impl Fn() -> Result<(), String> + Send + Sync + 'static {
    move || {
        if !candidate.api_answers() {
            return Err("the API server does not answer".to_owned());
        }
        kinds.known()?;
        database.get().map(|_| ())
    }
}
