//! The policy of the rendered chart, and what it says of a Job.

use std::collections::{BTreeMap, HashMap};
use std::fs;

use anyhow::Context as _;
use chancery_api::{SigningRun, SigningRunSpec, names, validate};
use chancery_keyring::DataKey;
use chancery_kit::helm::{Helm, chart};
use chancery_operator::run::{
    Allowed, DeliverySettings, IntakeSettings, JobPlan, LoginSecret, PolicySecrets, SecretContent,
    SignerSettings, delivery_job, intake_job, job, login_secret, secret,
};
use chancery_process::LogFormat;
use kube::core::cel::KubeCelExt as _;
use kube::core::cel::cel::objects::{Key, Map};
use kube::core::cel::cel::{Context, ExecutionError, Program, Value as Cel};
use serde_json::{Value, json};

/// The Secret of the run's signers.
pub(crate) const SECRET: &str = "demo-signer-0123456789";

/// The Secret of the run's intake.
pub(crate) const INTAKE_SECRET: &str = "demo-intake-0123456789";

/// The Secret of the run's delivery.
pub(crate) const DELIVERY_SECRET: &str = "demo-delivery-0123456789";

pub(crate) const NAMESPACE: &str = "sealing";

/// A release as it is rendered.
pub(crate) struct Release {
    policy: Policy,
    /// That of the Secrets that its operator makes.
    secrets: Policy,
    /// That of the changes that it makes of runs.
    runs: Policy,
    /// How its operator makes Jobs.
    pub(crate) settings: SignerSettings,
    /// How it makes those of intakes.
    pub(crate) intake: IntakeSettings,
    /// How it makes those of deliveries.
    pub(crate) delivery: DeliverySettings,
    /// The user name of its operator.
    pub(crate) operator: String,
    /// What its operator writes into the runs that it operates.
    pub(crate) installation: String,
}

struct Policy {
    condition: Program,
    variables: Vec<(String, Program)>,
    validations: Vec<(String, Program)>,
}

/// The names of the value sets for which the chart makes a policy.
pub(crate) fn value_sets() -> anyhow::Result<Vec<String>> {
    let mut sets = Vec::new();
    for entry in fs::read_dir(chart().join("ci"))? {
        sets.push(entry?.path().display().to_string());
    }
    sets.retain(|set| !set.contains("namespaced"));
    anyhow::ensure!(sets.len() > 2, "{sets:?}");
    Ok(sets)
}

impl Release {
    /// With the chart's own values; none without Helm.
    pub(crate) fn plain() -> anyhow::Result<Option<Self>> {
        Self::with(&json!({}))
    }

    /// With the chart's own values, and with each value set, by its name; none without Helm.
    pub(crate) fn of_all_values() -> anyhow::Result<Vec<(String, Option<Self>)>> {
        let mut releases = vec![("no values".to_owned(), Self::plain()?)];
        for file in value_sets()? {
            let release = Self::with_file(&file)?;
            releases.push((file, release));
        }
        Ok(releases)
    }

    /// With these values; none without Helm.
    pub(crate) fn with(values: &Value) -> anyhow::Result<Option<Self>> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("values.json");
        fs::write(&file, values.to_string())?;
        Self::with_file(&file.display().to_string())
    }

    /// With the values of a file; none without Helm.
    pub(crate) fn with_file(values: &str) -> anyhow::Result<Option<Self>> {
        let Some(helm) = Helm::find() else { return Ok(None) };
        let output = helm
            .command()
            .args(["template", "chancery"])
            .arg(chart())
            .args(["--namespace", NAMESPACE, "--kube-version", "1.36.0", "--values", values])
            .output()?;
        anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let objects: Vec<Value> = serde_saphyr::from_multiple(std::str::from_utf8(&output.stdout)?)?;
        let of_kind = |kind: &str| {
            let found = objects.iter().find(|object| object["kind"] == kind);
            found.with_context(|| format!("no {kind} is rendered"))
        };
        let policy = |name: &str| {
            let is_it = |object: &&Value| {
                let found = object["metadata"]["name"].as_str().unwrap_or_default();
                object["kind"] == "ValidatingAdmissionPolicy"
                    && found.ends_with(&format!("{name}.{NAMESPACE}"))
            };
            objects.iter().find(is_it).with_context(|| format!("no policy {name} is rendered"))
        };
        let pod = &of_kind("Deployment")?["spec"]["template"]["spec"];
        let account = pod["serviceAccountName"].as_str().context("the operator's ServiceAccount")?;
        let given_to_it = given(&pod["containers"][0]["env"])?;
        let lease = given_to_it.get("CHANCERY_LEASE_NAME").context("the name of its Lease")?;
        Ok(Some(Self {
            policy: Policy::read(policy("-operator")?)?,
            secrets: Policy::read(policy("-operator-secrets")?)?,
            runs: Policy::read(policy("-operator-runs")?)?,
            settings: settings(&given_to_it)?,
            intake: intake_settings(&given_to_it)?,
            delivery: delivery_settings(&given_to_it)?,
            operator: format!("system:serviceaccount:{NAMESPACE}:{account}"),
            installation: format!("{NAMESPACE}/{lease}"),
        }))
    }

    /// The Secret that its operator makes for a run.
    pub(crate) fn secret(&self) -> anyhow::Result<Value> {
        let object = demo();
        let content = SecretContent {
            data_key: DataKey::generate(),
            database_url: self.settings.database_url.expose().to_owned().into(),
            ca: self.settings.ca_file.as_ref().map(|_| b"-----BEGIN CERTIFICATE-----".to_vec()),
        };
        Ok(serde_json::to_value(secret(&object, &validate(&object)?, SECRET, &content))?)
    }

    /// The Secret that its operator makes for the intake of a run.
    pub(crate) fn intake_secret(&self) -> anyhow::Result<Value> {
        let job = self.intake_job("source-a")?;
        self.secret_of(&job, &reading("source-a"), (names::COMPONENT_INTAKE, INTAKE_SECRET))
    }

    /// The Secret that its operator makes for the delivery of a run.
    pub(crate) fn delivery_secret(&self) -> anyhow::Result<Value> {
        let job = self.delivery_job("sink-a")?;
        self.secret_of(&job, &delivering("sink-a"), (names::COMPONENT_DELIVERY, DELIVERY_SECRET))
    }

    fn secret_of(
        &self,
        job: &Value,
        object: &SigningRun,
        (component, name): (&str, &str),
    ) -> anyhow::Result<Value> {
        let mut job: k8s_openapi::api::batch::v1::Job = serde_json::from_value(job.clone())?;
        job.metadata.uid = Some("0198c9a4-5d2e-7b6f-8a3d-1c2b3a495868".to_owned());
        let content = LoginSecret {
            database_url: self.settings.database_url.expose().to_owned().into(),
            ca: self.settings.ca_file.as_ref().map(|_| b"-----BEGIN CERTIFICATE-----".to_vec()),
        };
        Ok(serde_json::to_value(login_secret(&job, &validate(object)?, component, name, &content))?)
    }

    /// The Job that its operator builds for the delivery of a run whose sinks name a Secret, and a claim, of that name.
    pub(crate) fn delivery_job(&self, named: &str) -> anyhow::Result<Value> {
        let object = delivering(named);
        let plan = JobPlan { secret: Some(DELIVERY_SECRET.to_owned()), ..plan() };
        let job = delivery_job(&object, &validate(&object)?, &plan, &self.settings, &self.delivery);
        Ok(serde_json::to_value(job)?)
    }

    /// A name that sinks may give a Secret and a claim; none where they may give none.
    pub(crate) fn sink_name(&self) -> Option<String> {
        let allowed = &self.delivery.allowed;
        let prefix = allowed.secret_prefixes.first()?;
        allowed.claim_prefixes.contains(prefix).then(|| format!("{prefix}a"))
    }

    /// The Job that its operator builds for the intake of a run whose source names a Secret, and one a claim, of that name.
    pub(crate) fn intake_job(&self, named: &str) -> anyhow::Result<Value> {
        self.intake_job_with(named, &PolicySecrets::default())
    }

    /// The same, of a run whose policy names Secrets.
    pub(crate) fn intake_job_with(&self, named: &str, secrets: &PolicySecrets) -> anyhow::Result<Value> {
        let object = reading(named);
        let plan = JobPlan { secret: Some(INTAKE_SECRET.to_owned()), ..plan() };
        let job = intake_job(&object, &validate(&object)?, &plan, &self.settings, &self.intake, secrets);
        Ok(serde_json::to_value(job)?)
    }

    /// A name that sources may give a Secret and a claim; none where they may give none.
    pub(crate) fn source_name(&self) -> Option<String> {
        let allowed = &self.intake.allowed;
        let prefix = allowed.secret_prefixes.first()?;
        allowed.claim_prefixes.contains(prefix).then(|| format!("{prefix}a"))
    }

    /// What the policy has against a request to create a Secret.
    pub(crate) fn against_secret(&self, secret: &Value) -> anyhow::Result<Vec<String>> {
        self.secrets.against(&self.operator, "CREATE", secret, &Value::Null)
    }

    /// The same of a change, and of a removal.
    pub(crate) fn against_secret_later(
        &self,
        operation: &str,
        secret: &Value,
    ) -> anyhow::Result<Vec<String>> {
        let new = if operation == "DELETE" { &Value::Null } else { secret };
        self.secrets.against(&self.operator, operation, new, secret)
    }

    /// What it has against anybody's request to create a Secret.
    pub(crate) fn against_secret_by(&self, user: &str, secret: &Value) -> anyhow::Result<Vec<String>> {
        self.secrets.against(user, "CREATE", secret, &Value::Null)
    }

    /// What the policy has against somebody's request to change a SigningRun.
    pub(crate) fn against_change_by(
        &self,
        user: &str,
        run: &Value,
        before: &Value,
    ) -> anyhow::Result<Vec<String>> {
        self.runs.against(user, "UPDATE", run, before)
    }

    /// The Job that its operator builds for a run with such a template.
    pub(crate) fn job_for(&self, template: &Value) -> anyhow::Result<Value> {
        let mut object = demo();
        object.spec.signer_template = Some(serde_json::from_value(template.clone())?);
        let run = validate(&object)?;
        let plan = JobPlan {
            parallelism: 3,
            suspended: false,
            backoff_limit: 109,
            run_uid: Some(uuid::Uuid::nil()),
            secret: Some(SECRET.to_owned()),
        };
        Ok(serde_json::to_value(job(&object, &run, &plan, &self.settings))?)
    }

    /// What the policy has against a request to create a Job: messages, or errors of its expressions.
    pub(crate) fn against_create(&self, job: &Value) -> anyhow::Result<Vec<String>> {
        self.policy.against(&self.operator, "CREATE", job, &Value::Null)
    }

    /// The same of a change.
    pub(crate) fn against_update(&self, job: &Value, before: &Value) -> anyhow::Result<Vec<String>> {
        self.policy.against(&self.operator, "UPDATE", job, before)
    }

    /// The same of a deletion.
    pub(crate) fn against_delete(&self, job: &Value) -> anyhow::Result<Vec<String>> {
        self.policy.against(&self.operator, "DELETE", &Value::Null, job)
    }

    /// What it has against anybody's request to create a Job.
    pub(crate) fn against_create_by(&self, user: &str, job: &Value) -> anyhow::Result<Vec<String>> {
        self.policy.against(user, "CREATE", job, &Value::Null)
    }
}

fn demo() -> SigningRun {
    let mut object = SigningRun::new("demo", SigningRunSpec::new(1_000, 4, 100));
    object.metadata.namespace = Some("team-a".to_owned());
    object.metadata.uid = Some("0198c9a4-5d2e-7b6f-8a3d-1c2b3a495867".to_owned());
    object.metadata.generation = Some(5);
    object
}

/// A run with a bucket and a folder of files.
fn reading(named: &str) -> SigningRun {
    let spec = json!({
        "sources": [
            {"name": "bucket", "objects": {"url": "s3://a", "credentialsSecretRef": {"name": named}},
             "format": {"type": "Lines"}},
            {"name": "files", "objects": {"url": format!("file:///volumes/{named}"), "volumeClaim": named},
             "format": {"type": "Lines"}},
        ],
        "keyCount": 4, "batchSize": 100,
    });
    SigningRun { spec: serde_json::from_value(spec).expect("a spec"), ..demo() }
}

/// A run with a bucket and a folder of files, to which it delivers.
fn delivering(named: &str) -> SigningRun {
    let spec = json!({
        "recordCount": 1_000, "keyCount": 4, "batchSize": 100,
        "sinks": [
            {"name": "bucket", "objects": {"url": "s3://a", "credentialsSecretRef": {"name": named}}},
            {"name": "files", "objects": {"url": format!("file:///volumes/{named}"), "volumeClaim": named}},
        ],
    });
    SigningRun { spec: serde_json::from_value(spec).expect("a spec"), ..demo() }
}

/// That of a Job whose pod runs.
fn plan() -> JobPlan {
    JobPlan {
        parallelism: 1,
        suspended: false,
        backoff_limit: 109,
        run_uid: Some(uuid::Uuid::nil()),
        secret: None,
    }
}

/// What the Deployment tells the operator.
fn given(environment: &Value) -> anyhow::Result<BTreeMap<&str, &str>> {
    let variables = environment.as_array().context("variables")?;
    Ok(variables
        .iter()
        .filter_map(|variable| Some((variable["name"].as_str()?, variable["value"].as_str()?)))
        .collect())
}

/// What it tells it of its intakes.
fn intake_settings(given: &BTreeMap<&str, &str>) -> anyhow::Result<IntakeSettings> {
    let needed = |name: &str| given.get(name).copied().with_context(|| name.to_owned());
    Ok(IntakeSettings {
        image: needed("CHANCERY_INTAKE_IMAGE")?.to_owned(),
        service_account: given.get("CHANCERY_INTAKE_SERVICE_ACCOUNT").map(|name| (*name).to_owned()),
        readers: needed("CHANCERY_INTAKE_READERS")?.parse()?,
        template: needed("CHANCERY_INTAKE_TEMPLATE")?.parse()?,
        allowed: needed("CHANCERY_INTAKE_ALLOWED")?.parse()?,
        gateway_url: given.get("CHANCERY_GATEWAY_URL").map(|url| (*url).to_owned()),
    })
}

/// What it tells it of its deliveries.
fn delivery_settings(given: &BTreeMap<&str, &str>) -> anyhow::Result<DeliverySettings> {
    let needed = |name: &str| given.get(name).copied().with_context(|| name.to_owned());
    Ok(DeliverySettings {
        image: needed("CHANCERY_DELIVERY_IMAGE")?.to_owned(),
        service_account: given.get("CHANCERY_DELIVERY_SERVICE_ACCOUNT").map(|name| (*name).to_owned()),
        senders: needed("CHANCERY_DELIVERY_SENDERS")?.parse()?,
        template: needed("CHANCERY_DELIVERY_TEMPLATE")?.parse()?,
        allowed: needed("CHANCERY_DELIVERY_ALLOWED")?.parse()?,
    })
}

/// What it tells it of its signers.
fn settings(given: &BTreeMap<&str, &str>) -> anyhow::Result<SignerSettings> {
    let some = |name: &str| given.get(name).map(|value| (*value).to_owned());
    let needed = |name: &str| some(name).with_context(|| name.to_owned());
    Ok(SignerSettings {
        image: needed("CHANCERY_SIGNER_IMAGE")?,
        image_pull_policy: needed("CHANCERY_SIGNER_IMAGE_PULL_POLICY")?,
        database_url: "postgres://signer:secret@database/ledger".parse()?,
        ca_file: some("CHANCERY_SIGNER_CA_FILE").map(Into::into),
        service_account: some("CHANCERY_SIGNER_SERVICE_ACCOUNT"),
        ssl_mode: some("CHANCERY_SIGNER_PGSSLMODE"),
        otlp_endpoint: some("OTEL_EXPORTER_OTLP_ENDPOINT"),
        log_format: LogFormat::Json,
        log_level: some("RUST_LOG"),
        allowed: needed("CHANCERY_SIGNER_ALLOWED")?.parse::<Allowed>()?,
    })
}

impl Policy {
    fn read(policy: &Value) -> anyhow::Result<Self> {
        let compiled = |list: &Value, name: &str| -> anyhow::Result<Vec<(String, Program)>> {
            let list = list.as_array().context("a list")?;
            list.iter()
                .map(|item| {
                    let text = item["expression"].as_str().context("an expression")?;
                    let name = item[name].as_str().context("a name")?.to_owned();
                    let program = Program::compile(text).with_context(|| format!("{name}: {text}"))?;
                    Ok((name, program))
                })
                .collect()
        };
        let spec = &policy["spec"];
        let (_, condition) =
            compiled(&spec["matchConditions"], "name")?.into_iter().next().context("a condition")?;
        Ok(Self {
            condition,
            variables: compiled(&spec["variables"], "name")?,
            validations: compiled(&spec["validations"], "message")?,
        })
    }

    /// As an API server does it: a variable that cannot be evaluated is an error where it is used.
    fn against(&self, user: &str, operation: &str, new: &Value, old: &Value) -> anyhow::Result<Vec<String>> {
        let mut context = Context::default().with_all();
        context.add_function("dyn", |value: Cel| Ok::<_, ExecutionError>(value));
        let request = json!({"operation": operation, "userInfo": {"username": user}});
        for (name, value) in [("object", new), ("oldObject", old), ("request", &request)] {
            context.add_variable(name, value).map_err(|error| anyhow::anyhow!("{name}: {error}"))?;
        }
        if self.condition.execute(&context)? != Cel::Bool(true) {
            return Ok(Vec::new());
        }
        let mut variables: HashMap<Key, Cel> = HashMap::new();
        for (name, program) in &self.variables {
            context.add_variable_from_value("variables", Cel::Map(Map::from(variables.clone())));
            if let Ok(value) = program.execute(&context) {
                variables.insert(name.clone().into(), value);
            }
        }
        context.add_variable_from_value("variables", Cel::Map(Map::from(variables)));
        let broken = |(message, program): &(String, Program)| match program.execute(&context) {
            Ok(Cel::Bool(true)) => None,
            Ok(Cel::Bool(false)) => Some(message.clone()),
            other => Some(format!("{message}: {other:?}")),
        };
        Ok(self.validations.iter().filter_map(broken).collect())
    }
}

/// A Job as an API server completes it before it is judged.
pub(crate) fn completed(job: &Value) -> Value {
    let mut job = job.clone();
    let metadata = &mut job["spec"]["template"]["metadata"];
    for label in
        ["controller-uid", "job-name", "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name"]
    {
        metadata["labels"][label] = json!("demo-signer");
    }
    if metadata["annotations"].as_object().is_some_and(serde_json::Map::is_empty) {
        metadata.as_object_mut().map(|metadata| metadata.remove("annotations"));
    }
    let pod = &mut job["spec"]["template"]["spec"];
    pod["dnsPolicy"] = json!("ClusterFirst");
    pod["schedulerName"] = json!("default-scheduler");
    if pod["serviceAccountName"].is_string() {
        pod["serviceAccount"] = pod["serviceAccountName"].clone();
    }
    pod["containers"][0]["terminationMessagePath"] = json!("/dev/termination-log");
    pod["containers"][0]["terminationMessagePolicy"] = json!("File");
    job["spec"]["completionMode"] = json!("NonIndexed");
    job["spec"]["manualSelector"] = json!(false);
    job["spec"]["selector"] = json!({"matchLabels": {"batch.kubernetes.io/controller-uid": "demo-signer"}});
    job
}
