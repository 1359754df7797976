//! A run of a test that is in the ledger, and whoever works for it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use aws_lc_rs::digest::{SHA256, digest};
use chancery_audit::{AuditOptions, audit};
use chancery_keyring::{DataKey, Form};
use chancery_process::{read_data_key_file, read_kek_file};
use chancery_signed::{Became, Counts, Lines, ManifestOf, ManifestWriter, Record};
use chancery_statement::Envelope;
use chancery_store::delivery::{
    Delivery, DeliveryRun, DeliveryTask, Digested, ManifestHead, SignedRecord, TakenDeliveries, TakenManifest,
};
use chancery_store::{DeliverySession, IntakeSession, LedgerUrl, Run, RunLogin, SignerSession};
use tempfile::TempDir;

use crate::delivery::DeliveryProcess;
use crate::independent_audit::independent_audit;
use crate::intake::IntakeProcess;
use crate::ledger::TestLedger;
use crate::signer::SignerProcess;
use crate::stock::{make_records, stock};

/// Sessions that the login of a test's run may have: more than any test has.
pub(crate) const SESSIONS: u32 = 1_000;

/// A run whose keys and records are there.
#[derive(Debug)]
pub struct SeededRun<'l> {
    /// Where it is.
    pub ledger: &'l TestLedger,
    /// The run as the ledger has it.
    pub run: Run,
    /// The login of its signers.
    pub login: RunLogin,
    /// The file with its KEK.
    pub kek_file: PathBuf,
    /// The file with the data key of its ring, which its signers are given.
    pub data_key_file: PathBuf,
    pub(crate) folder: Arc<TempDir>,
}

impl SeededRun<'_> {
    /// Makes the keys and the records that are missing.
    ///
    /// # Errors
    ///
    /// A database that refuses.
    pub async fn stocked(mut self) -> anyhow::Result<Self> {
        stock(&self.ledger.ledger, &self.run, &read_kek_file(&self.kek_file)?).await?;
        self.run = self.ledger.ledger.find_run(&self.run.namespace, &self.run.name).await?;
        Ok(self)
    }

    /// Makes the records that are missing, and no key.
    ///
    /// # Errors
    ///
    /// A database that refuses.
    pub async fn with_records(self) -> anyhow::Result<Self> {
        make_records(&self.ledger.ledger, &self.run).await?;
        Ok(self)
    }

    /// The ledger's URL with the login of the run.
    ///
    /// # Errors
    ///
    /// When the URL cannot carry a login.
    pub fn url(&self) -> anyhow::Result<String> {
        self.url_by(&self.ledger.url)
    }

    /// Another way to the ledger, such as a pooler, with the login of the run.
    ///
    /// # Errors
    ///
    /// When the URL cannot carry a login.
    pub fn url_by(&self, way: &str) -> anyhow::Result<String> {
        Ok(way.parse::<LedgerUrl>()?.for_login(&self.login)?)
    }

    /// The ledger's URL with a new login that may admit records to the run, and nothing else.
    ///
    /// # Errors
    ///
    /// A database that refuses.
    pub async fn intake_url(&self) -> anyhow::Result<String> {
        self.intake_url_by(&self.ledger.url).await
    }

    /// Another way to the ledger, with such a login.
    ///
    /// # Errors
    ///
    /// A database that refuses, or a URL that cannot carry a login.
    pub async fn intake_url_by(&self, way: &str) -> anyhow::Result<String> {
        let login = self.ledger.ledger.make_intake_login(&self.run, SESSIONS).await?;
        Ok(way.parse::<LedgerUrl>()?.for_login(&login)?)
    }

    /// An intake's connection, for a test that plays the intake itself.
    ///
    /// # Errors
    ///
    /// A database that refuses.
    pub async fn intake(&self, holder: &str) -> anyhow::Result<IntakeSession> {
        let url = self.intake_url().await?.parse()?;
        Ok(IntakeSession::connect(&url, &self.run.namespace, &self.run.name, holder).await?)
    }

    /// The ledger's URL with a new login that may deliver the run's signed batches, and nothing else.
    ///
    /// # Errors
    ///
    /// A database that refuses.
    pub async fn delivery_url(&self) -> anyhow::Result<String> {
        self.delivery_url_by(&self.ledger.url).await
    }

    /// Another way to the ledger, with such a login.
    ///
    /// # Errors
    ///
    /// A database that refuses, or a URL that cannot carry a login.
    pub async fn delivery_url_by(&self, way: &str) -> anyhow::Result<String> {
        let login = self.ledger.ledger.make_delivery_login(&self.run, SESSIONS).await?;
        Ok(way.parse::<LedgerUrl>()?.for_login(&login)?)
    }

    /// Starts a delivery process, with a login of its own.
    ///
    /// # Errors
    ///
    /// When the program cannot be started.
    pub async fn start_delivery(&self, holder: &str) -> anyhow::Result<DeliveryProcess> {
        DeliveryProcess::start(&self.delivery_url().await?, &self.run.name, holder, &[], &[])
    }

    /// Has its signed batches brought to its sinks by one delivery, which leaves nothing.
    ///
    /// # Errors
    ///
    /// A delivery that fails, or a run that is not complete by then.
    pub async fn bring(&self) -> anyhow::Result<()> {
        let (code, log) = self.start_delivery("a delivery").await?.ended().await?;
        anyhow::ensure!(code == Some(0), "the delivery ended with {code:?}: {log}");
        let progress = self.ledger.ledger.progress(&[self.run.id]).await?;
        anyhow::ensure!(
            progress.iter().all(|progress| progress.complete),
            "not complete: {progress:?} {log}"
        );
        Ok(())
    }

    /// A delivery's connection, for a test that plays the delivery itself.
    ///
    /// # Errors
    ///
    /// A database that refuses.
    pub async fn delivery(&self, holder: &str) -> anyhow::Result<DeliverySession> {
        let url = self.delivery_url().await?.parse()?;
        Ok(DeliverySession::connect(&url, &self.run.namespace, &self.run.name, holder).await?)
    }

    /// Says of every batch that is signed that each sink has it, as a delivery does that has brought it there. Returns how many
    /// deliveries that were.
    ///
    /// # Errors
    ///
    /// A database that refuses, or a batch that is not due.
    pub async fn deliver(&self) -> anyhow::Result<usize> {
        let mut delivery = self.delivery("a delivery").await?;
        let mut delivered = 0;
        for sink in delivery.sinks().await? {
            loop {
                let taken = match delivery.take(sink.sink, 1_000, Duration::from_secs(60)).await? {
                    DeliveryTask::Deliver(taken) => taken,
                    DeliveryTask::Manifest(taken) => {
                        self.settle_manifest(&mut delivery, &taken, &sink.name).await?;
                        continue;
                    }
                    DeliveryTask::Done => break,
                    other => anyhow::bail!("{} is given {other:?}", sink.name),
                };
                let mut there = Vec::new();
                for one in &taken.batches {
                    there.push(self.content(&mut delivery, &taken, one).await?);
                }
                let settled = delivery.settle(&taken, &there).await?;
                anyhow::ensure!(usize::try_from(settled)? == there.len(), "{settled} of {}", there.len());
                delivered += there.len();
            }
        }
        Ok(delivered)
    }

    /// Says that a sink has its manifest, as a delivery does that has brought it there.
    ///
    /// # Errors
    ///
    /// A database that refuses, or a manifest that is another's by now.
    pub async fn settle_manifest(
        &self,
        delivery: &mut DeliverySession,
        taken: &TakenManifest,
        sink: &str,
    ) -> anyhow::Result<Vec<u8>> {
        let head = delivery.manifest_head(taken).await?.context("it is somebody else's")?;
        let batches = delivery.manifest_batches(taken, 0, 10_000).await?;
        let DeliveryRun { namespace, name, uid, algorithm, envelope, content_type, .. } =
            delivery.run().clone();
        let form = Form::named(&algorithm, &envelope, content_type.as_deref())?;
        let of = ManifestOf { namespace: &namespace, run: &name, uid, sink, number: taken.number };
        let ManifestHead { records, batches: of_run, delivered, dead, .. } = head;
        let mut writer =
            ManifestWriter::begin(Vec::new(), of, Counts { records, batches: of_run, delivered, dead })?;
        for one in &batches {
            let became = match (&one.object, &one.digest) {
                (Some(name), Some(digest)) => Became::There { name, digest },
                _ => Became::Dead(one.last_error.as_deref().unwrap_or_default()),
            };
            writer.object(one.batch, (one.first_record, one.last_record), became)?;
        }
        let statements = head.key_ids.into_iter().zip(head.bodies).zip(head.signatures);
        let statements: Vec<_> =
            statements.map(|((key_id, body), signature)| Envelope { body, key_id, signature }).collect();
        let keys = head.public_keys.iter().map(Vec::as_slice);
        let content = writer.end(form.algorithm(), keys, &statements)?;
        let digest = digest(&SHA256, &content).as_ref().try_into()?;
        let object = format!("{name}/manifest-{}.json", taken.number);
        anyhow::ensure!(delivery.settle_manifest(taken, &object, &digest).await?, "it is somebody else's");
        Ok(content)
    }

    /// A batch as a sink has it that is given lines of JSON.
    ///
    /// # Errors
    ///
    /// A database that refuses, or a batch that is another's by now.
    pub async fn content(
        &self,
        delivery: &mut DeliverySession,
        taken: &TakenDeliveries,
        one: &Delivery,
    ) -> anyhow::Result<Digested> {
        let DeliveryRun { namespace, name, algorithm, envelope, content_type, .. } = delivery.run().clone();
        let form = Form::named(&algorithm, &envelope, content_type.as_deref())?;
        let lines = Lines::of_run(&namespace, &name, form);
        let key = lines.key(&one.public_key).context("a key of the ring")?;
        let records = delivery.records(taken, one.batch..=one.batch, 0, i64::MAX).await?;
        anyhow::ensure!(records.len() as u64 == one.last_record.abs_diff(one.first_record) + 1, "{one:?}");
        let mut content = Vec::new();
        for SignedRecord { record, digest, payload, signature, marks, traceparent } in &records {
            let (record, batch, signed_at, marks) = (*record, one.batch, &one.signed_at, marks.as_deref());
            let traceparent = traceparent.as_deref();
            let record = Record { record, batch, digest, payload, signature, signed_at, marks, traceparent };
            lines.write(record, &key, &mut content)?;
        }
        let digest = digest(&SHA256, &content).as_ref().try_into()?;
        Ok(Digested { batch: one.batch, object: format!("{name}/{}", one.batch), digest })
    }

    /// Starts an intake process, with a login of its own.
    ///
    /// # Errors
    ///
    /// When the program cannot be started.
    pub async fn start_intake(&self, holder: &str) -> anyhow::Result<IntakeProcess> {
        self.start_intake_with(holder, &[]).await
    }

    /// The same with more variables in its environment.
    ///
    /// # Errors
    ///
    /// When the program cannot be started.
    pub async fn start_intake_with(
        &self,
        holder: &str,
        environment: &[(&str, &str)],
    ) -> anyhow::Result<IntakeProcess> {
        IntakeProcess::start(&self.intake_url().await?, &self.run.name, holder, environment)
    }

    /// Reads its sources to their end, by one intake.
    ///
    /// # Errors
    ///
    /// An intake that fails, or leaves something.
    pub async fn take_in(&self) -> anyhow::Result<()> {
        let (code, log) = self.start_intake("an intake").await?.ended().await?;
        anyhow::ensure!(code == Some(0), "the intake ended with {code:?}: {log}");
        let progress = self.ledger.ledger.progress(&[self.run.id]).await?;
        anyhow::ensure!(progress.iter().all(|progress| progress.sealed), "not sealed: {progress:?} {log}");
        Ok(())
    }

    /// Starts a signer process.
    ///
    /// # Errors
    ///
    /// When the program cannot be started.
    pub fn start_signer(&self, holder: &str) -> anyhow::Result<SignerProcess> {
        self.start_signer_with(holder, &[])
    }

    /// Starts a signer process with more arguments.
    ///
    /// # Errors
    ///
    /// When the program cannot be started.
    pub fn start_signer_with(&self, holder: &str, more: &[&str]) -> anyhow::Result<SignerProcess> {
        SignerProcess::start(&self.url()?, &self.run.name, holder, &self.data_key_file, more)
    }

    /// The data key of its ring.
    ///
    /// # Errors
    ///
    /// When somebody has changed its file.
    pub fn data_key(&self) -> anyhow::Result<DataKey> {
        Ok(read_data_key_file(&self.data_key_file)?)
    }

    /// A signer's connection, for a test that plays the signer itself.
    ///
    /// # Errors
    ///
    /// A database that refuses.
    pub async fn session(&self, holder: &str) -> anyhow::Result<SignerSession> {
        let url = self.url()?.parse()?;
        Ok(SignerSession::connect(&url, &self.run.namespace, &self.run.name, holder).await?.0)
    }

    /// How many records are signed.
    ///
    /// # Errors
    ///
    /// A database that refuses.
    pub async fn signed(&self) -> anyhow::Result<i64> {
        let progress = self.ledger.ledger.progress(&[self.run.id]).await?;
        Ok(progress.first().map_or(0, |progress| progress.records_signed))
    }

    /// Has the run finished by one more signer, and audits it.
    ///
    /// # Errors
    ///
    /// A signer that fails, or a law that is broken.
    pub async fn finish(&self) -> anyhow::Result<()> {
        let (code, log) = self.start_signer("finisher")?.ended().await?;
        anyhow::ensure!(code == Some(0), "the finishing signer ended with {code:?}: {log}");
        self.assert_audit_holds().await
    }

    /// Audits the run, twice: with the project's own audit, and with the independent one.
    ///
    /// # Errors
    ///
    /// A law that is broken, with the first violations.
    pub async fn assert_audit_holds(&self) -> anyhow::Result<()> {
        let ledger = &self.ledger.ledger;
        ledger.settle(&self.run).await?;
        let report =
            audit(ledger, &self.run.namespace, &self.run.name, &AuditOptions::default(), |_| {}).await?;
        anyhow::ensure!(report.holds(), "the audit found violations: {:#?}", report.laws);
        let independent = independent_audit(&self.ledger.url, &self.run.namespace, &self.run.name).await?;
        if let Some(report) = independent.filter(|report| !report.holds) {
            anyhow::bail!("the independent audit found violations: {:#?}", report.violations);
        }
        Ok(())
    }
}
