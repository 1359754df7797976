//! All that an operator lives in: an API server in memory, a real ledger, a KEK file, a clock; and
//! signers, played by the test.

use std::path::PathBuf;

use anyhow::ensure;
use chancery_api::Phase;
use chancery_api::condition::{self, ConditionType};
use chancery_audit::{AuditOptions, audit, audit_keyring};
use chancery_keyring::{Keks, SigningKey};
use chancery_kit::TestLedger;
use chancery_process::{create_kek_file, read_kek_file};
use chancery_store::lease::{Acquired, Lease, Library, Payloads, SignerRun};
use chancery_store::logins::sessions_for;
use chancery_store::{LedgerUrl, Run, SignerSession};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::clock::HeldClock;
use super::fake::FakeApi;
use super::test_operator::TestOperator;
use chancery_operator::run::Bounds;

/// The name of the run, unless a scenario has several.
pub(crate) const RUN: &str = "demo";

/// The name of its Job.
pub(crate) const JOB: &str = "demo-signer";

/// 20 records, in 4 batches, with 2 keys.
pub(crate) fn spec() -> Value {
    json!({
        "recordCount": 20, "recordSize": 16, "keyCount": 2, "batchSize": 5, "algorithm": "EdDSA",
        // What is done of a complete run is a matter of `audits`.
        "audit": "Never",
    })
}

/// A manifest.
pub(crate) fn manifest(name: &str, spec: Value) -> Value {
    json!({
        "apiVersion": chancery_api::names::API_VERSION, "kind": chancery_api::names::KIND,
        "metadata": {"name": name}, "spec": spec,
    })
}

/// See the module.
pub(crate) struct World {
    pub(crate) api: FakeApi,
    pub(crate) ledger: TestLedger,
    folder: TempDir,
    _clock: HeldClock,
}

impl World {
    /// An empty one, with a KEK.
    pub(crate) async fn new() -> anyhow::Result<Self> {
        let ledger = TestLedger::new().await?;
        let folder = tempfile::tempdir()?;
        create_kek_file(&folder.path().join("kek"))?;
        Ok(Self { api: FakeApi::default(), ledger, folder, _clock: HeldClock::hold() })
    }

    /// One in which somebody has applied a run with this spec.
    pub(crate) async fn with_run(spec: Value) -> anyhow::Result<Self> {
        let world = Self::new().await?;
        world.api.create("signingruns", manifest(RUN, spec));
        Ok(world)
    }

    /// One whose run is seeded and has its Job, with the operator that has done it and has nothing left
    /// to do.
    pub(crate) async fn signing(spec: Value) -> anyhow::Result<(Self, TestOperator)> {
        let world = Self::with_run(spec).await?;
        let mut operator = world.operator().await;
        operator.settle(RUN).await?;
        ensure!(world.api.get("jobs", JOB).is_some(), "no Job: {:?}", world.run(RUN));
        world.api.told();
        Ok((world, operator))
    }

    /// The KEK file that operators are given.
    pub(crate) fn kek_file(&self) -> PathBuf {
        self.folder.path().join("kek")
    }

    /// A fresh operator process, whose database answers.
    pub(crate) async fn operator(&self) -> TestOperator {
        let mut operator = self.operator_without_database();
        operator.connect().await;
        operator
    }

    /// A fresh operator process with these bounds, whose database answers.
    pub(crate) async fn operator_within(&self, bounds: Bounds) -> TestOperator {
        let mut operator =
            TestOperator::with_bounds(&self.api, &self.ledger.operator_url, self.kek_file(), bounds);
        operator.connect().await;
        operator
    }

    /// A fresh operator process of an installation without a gateway, whose database answers.
    pub(crate) async fn operator_without_gateway(&self) -> TestOperator {
        let mut operator =
            TestOperator::without_gateway(&self.api, &self.ledger.operator_url, self.kek_file());
        operator.connect().await;
        operator
    }

    /// A fresh operator process, whose database has not answered yet.
    pub(crate) fn operator_without_database(&self) -> TestOperator {
        TestOperator::new(&self.api, &self.ledger.operator_url, self.kek_file())
    }

    /// The run, as the API server has it.
    pub(crate) fn run(&self, name: &str) -> Value {
        self.api.get("signingruns", name).unwrap_or_default()
    }

    /// Its phase.
    pub(crate) fn phase(&self, name: &str) -> Option<Phase> {
        serde_json::from_value(self.run(name)["status"]["phase"].clone()).ok()
    }

    /// One of its conditions: whether it holds, its reason, its message.
    pub(crate) fn condition(&self, name: &str, type_: ConditionType) -> (bool, String, String) {
        let conditions = self.run(name)["status"]["conditions"].clone();
        let conditions: Vec<Condition> = serde_json::from_value(conditions).unwrap_or_default();
        let found = condition::find(&conditions, type_).cloned().expect("the condition is there");
        (found.status == "True", found.reason, found.message)
    }

    /// Reasons of the Events about runs so far, each as often as it was told.
    pub(crate) fn events(&self) -> Vec<String> {
        let events = self.api.all("events").into_iter();
        let events = events.filter(|event| event["regarding"]["kind"] == chancery_api::names::KIND);
        let mut reasons: Vec<_> = events
            .flat_map(|event| {
                let times = event["series"]["count"].as_u64().unwrap_or(1);
                (0..times).map(move |_| event["reason"].as_str().unwrap_or_default().to_owned())
            })
            .collect();
        reasons.sort();
        reasons
    }

    /// What the first Event of a reason says.
    pub(crate) fn note(&self, reason: &str) -> String {
        let event = self.api.all("events").into_iter().find(|event| event["reason"] == reason);
        event.expect("the Event")["note"].as_str().unwrap_or_default().to_owned()
    }

    /// The run, as the ledger has it.
    pub(crate) async fn stored(&self, name: &str) -> anyhow::Result<Run> {
        Ok(self.ledger.ledger.find_run("default", name).await?)
    }

    /// Names of all runs in the ledger.
    pub(crate) async fn stored_runs(&self) -> anyhow::Result<Vec<String>> {
        Ok(self.ledger.ledger.list_runs().await?.into_iter().map(|run| run.name).collect())
    }

    /// Every law holds of a keyring, over all its runs.
    pub(crate) async fn assert_keyring_audit_holds(&self, keyring: &str) -> anyhow::Result<()> {
        let report = audit_keyring(&self.ledger.ledger, "default", keyring, &AuditOptions::default()).await?;
        ensure!(report.holds(), "the audit found violations: {:#?}", report.laws);
        Ok(())
    }

    /// A signer of a run.
    pub(crate) async fn signer(
        &self,
        name: &str,
        holder: &str,
    ) -> anyhow::Result<(SignerSession, SignerRun)> {
        let run = self.stored(name).await?;
        let login = self.ledger.ledger.make_login(&run, sessions_for(1)).await?;
        let url = self.ledger.url.parse::<LedgerUrl>()?.for_login(&login)?.parse()?;
        Ok(SignerSession::connect(&url, "default", name, holder).await?)
    }

    /// A signer signs so many batches, or all there are.
    pub(crate) async fn sign(&self, name: &str, batches: usize) -> anyhow::Result<()> {
        let (mut session, run) = self.signer(name, "signer-1/1").await?;
        for _ in 0..batches {
            let Acquired::Leased(lease) = session.acquire().await?.0 else { break };
            let signatures = self.signatures(&mut session, &run, &lease).await?;
            let signatures: Vec<&[u8]> = signatures.iter().map(Vec::as_slice).collect();
            session.store(&lease, &signatures, Library::AwsLcRs).await?;
        }
        Ok(())
    }

    async fn signatures(
        &self,
        session: &mut SignerSession,
        run: &SignerRun,
        lease: &Lease,
    ) -> anyhow::Result<Vec<Vec<u8>>> {
        let keks = Keks::new(read_kek_file(&self.kek_file())?, Vec::new());
        let keyring = self.stored(&run.name).await?.keyring;
        let data_key = chancery_data_keys::open(&self.ledger.ledger, &keyring, &keks).await?;
        let (ring, algorithm) = (run.keyring_uid, run.algorithm.parse()?);
        let wrapped = session.key(lease).await?.wrapped;
        let key = SigningKey::open(&data_key, ring, lease.key, algorithm, &wrapped)?;
        let mut payloads = Payloads::default();
        session.fetch(lease.first_record, lease.last_record, &mut payloads).await?;
        let sign = |payload: &[u8]| {
            let mut signature = Vec::new();
            key.sign(payload, &mut signature).map(|()| signature)
        };
        Ok(payloads.iter().map(sign).collect::<Result<_, _>>()?)
    }

    /// Leases one batch and keeps it in hand.
    pub(crate) async fn lease(&self, name: &str, holder: &str) -> anyhow::Result<Lease> {
        match self.signer(name, holder).await?.0.acquire().await?.0 {
            Acquired::Leased(lease) => Ok(lease),
            other => anyhow::bail!("no lease but {other:?}"),
        }
    }

    /// Holders that have a lease in hand.
    pub(crate) async fn holders(&self, name: &str) -> anyhow::Result<Vec<String>> {
        let run = self.stored(name).await?;
        Ok(self.ledger.ledger.live_holders(&run).await?)
    }

    /// Every law holds of the finished run.
    pub(crate) async fn assert_audit_holds(&self, name: &str) -> anyhow::Result<()> {
        let report = audit(&self.ledger.ledger, "default", name, &AuditOptions::default(), |_| {}).await?;
        ensure!(report.holds(), "the audit found violations: {:#?}", report.laws);
        Ok(())
    }
}
