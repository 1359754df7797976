//! An operator that does one step at a time. What its watches would bring is put into its caches before
//! each step, or held back.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chancery_api::names::POLICY_PLURAL;
use chancery_process::LogFormat;
use chancery_store::Ledger;
use kube::ResourceExt;
use kube::runtime::controller::Action;
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{self, Lookup, ObjectRef};
use kube::runtime::watcher::Event;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinHandle;

use super::clock;
use super::fake::FakeApi;
use super::key_makers::make_keys;
use chancery_operator::host::{
    Database, EventPublisher, Metrics, Services, Triggers, WorkState, event_queue,
};
use chancery_operator::metrics_registry;
use chancery_operator::policy::{PolicyContext, PolicyError, reconcile as reconcile_policy};
use chancery_operator::run::{
    Allowed, Background, Bounds, Context, DeliverySettings, IntakeSettings, KeyFiles, PodsTemplate, Programs,
    ReconcileError, RunMetrics, RunRef, Shared, SignerSettings, SinksAllowed, SourcesAllowed, Watched,
    on_error, reconcile, slim_job, slim_pod,
};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;

/// More steps than any run takes to come to rest.
const MOST_STEPS: usize = 60;

/// Short against what a database is given to answer.
const BIT_OF_TIME: Duration = Duration::from_millis(5);

/// Long enough for a status that was held back.
pub(crate) const A_WHILE: Duration = Duration::from_millis(1_250);

/// See the module. Dropped, it is as if the process had been killed.
pub(crate) struct TestOperator {
    pub(crate) context: Arc<Context>,
    /// Runs that something else than the API server's watches has woken.
    pub(crate) woken: UnboundedReceiver<RunRef>,
    /// Whether Jobs and pods are as they were at the last step.
    pub(crate) is_blind: bool,
    api: FakeApi,
    /// By which signers reach the database, whatever they are told.
    reach: String,
    pub(crate) database: Arc<Database>,
    policies: Arc<PolicyContext>,
    publisher: EventPublisher,
    registry: Registry,
    jobs: Writer<Job>,
    pods: Writer<Pod>,
    /// Uids of the runs that were seen, by their names.
    known: HashMap<String, String>,
    tasks: Vec<JoinHandle<()>>,
}

/// What every operator of these tests writes into the runs that it operates.
pub(crate) const INSTALLATION: &str = "chancery-system/chancery-operator";

fn keys(kek: PathBuf) -> KeyFiles {
    KeyFiles { kek, former_keks: Vec::new(), statement_key: None }
}

impl Drop for TestOperator {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl TestOperator {
    /// One that has just been started.
    pub(crate) fn new(api: &FakeApi, database: &str, kek_file: PathBuf) -> Self {
        Self::with_keys(api, database, keys(kek_file))
    }

    /// One that has just been started, with these bounds.
    pub(crate) fn with_bounds(api: &FakeApi, database: &str, kek_file: PathBuf, bounds: Bounds) -> Self {
        Self::with(api, (database, None), keys(kek_file), programs(), bounds)
    }

    /// One that has just been started in an installation without a gateway.
    pub(crate) fn without_gateway(api: &FakeApi, database: &str, kek_file: PathBuf) -> Self {
        let intake = IntakeSettings { gateway_url: None, ..intake_settings() };
        let programs = Programs { intake, ..programs() };
        Self::with(api, (database, None), keys(kek_file), programs, Bounds::default())
    }

    /// One that has just been started, with these keys.
    pub(crate) fn with_keys(api: &FakeApi, database: &str, key_files: KeyFiles) -> Self {
        Self::with(api, (database, None), key_files, programs(), Bounds::default())
    }

    /// One that has just been started, with these keys and these settings of signers.
    pub(crate) fn with_settings(
        api: &FakeApi,
        database: &str,
        key_files: KeyFiles,
        settings: SignerSettings,
    ) -> Self {
        let programs = Programs { signer: settings, ..programs() };
        Self::with(api, (database, None), key_files, programs, Bounds::default())
    }

    /// One that has just been started, with a login of its own for audits.
    pub(crate) fn with_auditor(api: &FakeApi, database: &str, auditor: &str, kek_file: PathBuf) -> Self {
        Self::with(api, (database, Some(auditor)), keys(kek_file), programs(), Bounds::default())
    }

    fn with(
        api: &FakeApi,
        (database, auditor): (&str, Option<&str>),
        key_files: KeyFiles,
        programs: Programs,
        bounds: Bounds,
    ) -> Self {
        let mut registry = metrics_registry();
        let metrics = Metrics::new(&mut registry);
        let (url, reach) = (database.parse().expect("a database URL"), database.to_owned());
        let auditor = auditor.map(|url| url.parse().expect("a database URL"));
        let database = Arc::new(Database::new(url, auditor, Arc::clone(&metrics)));
        let mut triggers = Triggers::default();
        let woken = triggers.scope(None);
        let client = api.client();
        let (events, publisher) = event_queue(client.clone(), "test");
        let services = Services {
            client,
            installation: Arc::from(INSTALLATION),
            database: Arc::clone(&database),
            events,
            complaints: Arc::default(),
            metrics,
        };
        let policies = Arc::new(PolicyContext::new(&services, programs.intake.allowed.clone()));
        let run_metrics = RunMetrics::new(&mut registry);
        let shared = Shared::new(services, programs, key_files, bounds, triggers, run_metrics);
        let ((jobs, job_writer), (pods, pod_writer)) = (reflector::store(), reflector::store());
        let mut operator = Self {
            context: Arc::new(Context::new(Arc::new(shared), jobs, pods)),
            woken,
            is_blind: false,
            api: api.clone(),
            reach,
            database,
            policies,
            publisher,
            registry,
            jobs: job_writer,
            pods: pod_writer,
            known: HashMap::new(),
            tasks: Vec::new(),
        };
        operator.watch();
        operator
    }

    /// Waits until its database answers, and checks it no more: time that a scenario lets pass at once is often more than the
    /// database was given to answer, so that a check at the wrong moment would find it gone.
    pub(crate) async fn connect(&mut self) {
        self.connect_and_check().await;
        if let Some(checks) = self.tasks.pop() {
            checks.abort();
        }
    }

    /// Waits until its database answers, and goes on to check it.
    pub(crate) async fn connect_and_check(&mut self) {
        self.connect_until(Result::is_ok).await;
    }

    /// Connects to its database until that is found in such a state.
    pub(crate) async fn connect_until(&mut self, found: impl FnMut(&Result<Ledger, String>) -> bool) {
        let database = Arc::clone(&self.database);
        let mut state = database.subscribe();
        self.tasks.push(tokio::spawn(async move { database.keep().await }));
        state.wait_for(found).await.expect("the database is kept");
    }

    /// Waits until something else than the API server's watches has woken a run.
    pub(crate) async fn is_woken(&mut self) -> RunRef {
        loop {
            match self.woken.try_recv() {
                Ok(run) => return run,
                Err(_) => let_time_pass().await,
            }
        }
    }

    /// Lets it read the progress of all runs once a second.
    pub(crate) fn keep_progress(&mut self) {
        let shared = Arc::clone(&self.context.shared);
        self.tasks.push(tokio::spawn(async move { shared.keep_progress().await }));
    }

    /// Lets it end sessions that go too far, and drop logins that nobody needs.
    pub(crate) fn keep_sessions(&mut self) {
        let shared = Arc::clone(&self.context.shared);
        self.tasks.push(tokio::spawn(async move { shared.keep_sessions().await }));
    }

    /// Lets it remove the bytes of dead letters that were kept for long enough.
    pub(crate) fn keep_swept(&mut self) {
        let shared = Arc::clone(&self.context.shared);
        self.tasks.push(tokio::spawn(async move { shared.keep_swept().await }));
    }

    /// Lets it have runs wait with their sources.
    pub(crate) fn keep_held(&mut self) {
        let shared = Arc::clone(&self.context.shared);
        self.tasks.push(tokio::spawn(async move { shared.keep_held().await }));
    }

    /// Lets it close batches that are late.
    pub(crate) fn keep_closed(&mut self) {
        let shared = Arc::clone(&self.context.shared);
        self.tasks.push(tokio::spawn(async move { shared.keep_closed().await }));
    }

    /// Lets it count the alerts of policies.
    pub(crate) fn keep_alerts(&mut self) {
        let shared = Arc::clone(&self.context.shared);
        self.tasks.push(tokio::spawn(async move { shared.keep_alerts().await }));
    }

    /// Lets it look for dead letters of complete runs that were taken up again.
    pub(crate) fn keep_redriven(&mut self) {
        let shared = Arc::clone(&self.context.shared);
        self.tasks.push(tokio::spawn(async move { shared.keep_redriven().await }));
    }

    /// One reconcile of a policy, as the watch would bring it now.
    pub(crate) async fn look_at_policy(&self, name: &str) -> Result<Action, PolicyError> {
        let object = self.api.get(POLICY_PLURAL, name).expect("the policy");
        let watched = serde_json::from_value(object).expect("it has metadata");
        reconcile_policy(Arc::new(watched), Arc::clone(&self.policies)).await
    }

    /// Lets it wrap data keys anew.
    pub(crate) fn keep_rotation(&mut self) {
        let shared = Arc::clone(&self.context.shared);
        self.tasks.push(tokio::spawn(async move { shared.keep_rotation().await }));
    }

    /// Lets it make statements.
    pub(crate) fn keep_statements(&mut self) {
        let shared = Arc::clone(&self.context.shared);
        self.tasks.push(tokio::spawn(async move { shared.keep_statements().await }));
    }

    /// What it shows of its metrics: the lines that begin so.
    pub(crate) fn shown(&self, metric: &str) -> anyhow::Result<Vec<String>> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text.lines().filter(|line| line.starts_with(metric)).map(str::to_owned).collect())
    }

    /// Brings its caches up to date.
    pub(crate) fn watch(&mut self) {
        fill(&mut self.jobs, &self.api, "jobs", slim_job);
        fill(&mut self.pods, &self.api, "pods", slim_pod);
    }

    /// The run as the watch would bring it now.
    pub(crate) fn watched(&self, name: &str) -> Option<Arc<Watched>> {
        let object = self.api.get("signingruns", name)?;
        Some(Arc::new(serde_json::from_value(object).expect("it has metadata")))
    }

    /// Reads the run's progress anew, as happens every second.
    pub(crate) async fn look(&self, name: &str) -> anyhow::Result<()> {
        let uid = &self.known[name];
        self.context.shared.read_progress(uid, &reference(name)).await
    }

    /// One reconcile of the run. One that is gone is forgotten.
    pub(crate) async fn step(&mut self, name: &str) -> Result<Action, ReconcileError> {
        if !self.is_blind {
            self.watch();
        }
        match self.watched(name) {
            Some(watched) => self.step_with(watched).await,
            None => {
                if let Some(uid) = self.known.remove(name) {
                    self.context.shared.forget(&uid);
                }
                Ok(Action::await_change())
            }
        }
    }

    /// One reconcile of a run as it was seen some time.
    pub(crate) async fn step_with(&mut self, watched: Arc<Watched>) -> Result<Action, ReconcileError> {
        let name = match ResourceExt::namespace(watched.as_ref()) {
            Some(namespace) if namespace != "default" => format!("{namespace}/{}", watched.name_any()),
            _ => watched.name_any(),
        };
        self.known.insert(name, ResourceExt::uid(watched.as_ref()).expect("a uid"));
        let outcome = reconcile(watched, Arc::clone(&self.context)).await;
        self.publisher.finish().await;
        outcome
    }

    /// What is being done for the run beside reconciling.
    pub(crate) fn background(&self, name: &str) -> Background {
        self.known.get(name).map_or_else(Background::default, |uid| self.context.shared.background(uid))
    }

    /// Whether background work for the run is under way.
    pub(crate) fn is_busy(&self, name: &str) -> bool {
        let Background { generating, auditing, deleting } = self.background(name);
        [generating, auditing, deleting].contains(&WorkState::UnderWay)
    }

    /// Steps until nothing is left to be done or said, and a while has passed. Signers make keys meanwhile.
    pub(crate) async fn settle(&mut self, name: &str) -> anyhow::Result<Action> {
        self.settle_with(name, false).await
    }

    /// The same; a step that fails is taken again.
    pub(crate) async fn settle_at_last(&mut self, name: &str) -> anyhow::Result<Action> {
        self.settle_with(name, true).await
    }

    async fn settle_with(&mut self, name: &str, again: bool) -> anyhow::Result<Action> {
        let mut is_quiet = false;
        for _ in 0..MOST_STEPS {
            let before = self.api.version();
            let action = match (self.step(name).await, self.watched(name)) {
                (Err(error), Some(watched)) if again => {
                    on_error(watched, &error, Arc::clone(&self.context));
                    is_quiet = false;
                    clock::pass(A_WHILE).await;
                    continue;
                }
                (outcome, _) => outcome?,
            };
            if self.is_busy(name) {
                self.woken.recv().await;
            } else if action != Action::requeue(Duration::ZERO) && before == self.api.version() {
                if make_keys(&self.api, &self.reach, name).await? {
                    self.look(name).await?;
                    is_quiet = false;
                    continue;
                }
                if is_quiet {
                    return Ok(action);
                }
                is_quiet = true;
                clock::pass(A_WHILE).await;
                continue;
            }
            is_quiet = false;
        }
        anyhow::bail!("it does not come to rest: {:?}", self.api.get("signingruns", name))
    }
}

/// Real time for an answer, and a little of the other for the pause before the next question.
pub(crate) async fn let_time_pass() {
    let _waited = tokio::task::spawn_blocking(|| std::thread::sleep(BIT_OF_TIME)).await;
    clock::pass(10 * BIT_OF_TIME).await;
}

/// A run as the operator refers to it.
pub(crate) fn reference(name: &str) -> RunRef {
    let (namespace, name) = name.split_once('/').unwrap_or(("default", name));
    ObjectRef::new(name).within(namespace)
}

fn fill<K>(writer: &mut Writer<K>, api: &FakeApi, plural: &str, slim: fn(&mut K))
where
    K: Lookup<DynamicType = ()> + Clone + DeserializeOwned + 'static,
{
    writer.apply_watcher_event(&Event::Init);
    for object in api.all(plural) {
        let mut object: K = serde_json::from_value(object).expect("an object of its kind");
        slim(&mut object);
        writer.apply_watcher_event(&Event::InitApply(object));
    }
    writer.apply_watcher_event(&Event::InitDone);
}

/// Sinks may name Secrets and claims whose names begin with `sink-`.
fn programs() -> Programs {
    let prefixes = vec!["sink-".to_owned()];
    let delivery = DeliverySettings {
        image: "chancery/delivery:test".to_owned(),
        service_account: None,
        senders: 2,
        template: PodsTemplate::default(),
        allowed: SinksAllowed { secret_prefixes: prefixes.clone(), claim_prefixes: prefixes },
    };
    Programs { signer: settings(), intake: intake_settings(), delivery }
}

/// Sources may name Secrets and claims whose names begin with `source-`.
fn intake_settings() -> IntakeSettings {
    let prefixes = vec!["source-".to_owned()];
    IntakeSettings {
        image: "chancery/intake:test".to_owned(),
        service_account: None,
        readers: 2,
        template: PodsTemplate::default(),
        gateway_url: Some("https://gateway.test".to_owned()),
        allowed: SourcesAllowed { secret_prefixes: prefixes.clone(), claim_prefixes: prefixes },
    }
}

pub(crate) fn settings() -> SignerSettings {
    SignerSettings {
        image: "chancery/signer:test".to_owned(),
        image_pull_policy: "IfNotPresent".to_owned(),
        database_url: "postgres://signer:secret@database/ledger".parse().expect("a URL"),
        ca_file: None,
        service_account: None,
        ssl_mode: None,
        otlp_endpoint: None,
        log_format: LogFormat::Json,
        log_level: None,
        allowed: Allowed::default(),
    }
}
