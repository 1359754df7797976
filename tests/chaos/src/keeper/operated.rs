//! The operator with a real API server; a stand-in kubelet runs the signers and tells of their ends.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::Context as _;
use chancery_kit::cluster::{ClusterRun, OperatorProcess, Release, StandIn, condition};
use futures::future::BoxFuture;

use crate::inject::Keep;
use crate::input::Read;
use crate::schedule::Shape;
use crate::signers::RunningSigner;

/// How often the run is looked at.
const INTERVAL: Duration = Duration::from_millis(100);

/// One operator, or two at once, as a Deployment keeps them; and the run.
pub struct Operated<'n> {
    release: &'n Release<'n>,
    stand_in: StandIn,
    operators: Vec<OperatorProcess>,
    run: ClusterRun<'n>,
    records: i64,
    restarts: u32,
    /// What operators wrote that have been killed.
    last_words: String,
}

impl<'n> Operated<'n> {
    /// Starts the operator and applies the run.
    ///
    /// # Errors
    ///
    /// When the API server refuses.
    pub async fn start(
        release: &'n Release<'n>,
        environment: Vec<(String, String)>,
        shape: &Shape,
        read: Option<&Read>,
    ) -> anyhow::Result<Self> {
        let Shape { algorithm, keys, batch_size, signers, lease, .. } = shape.clone();
        let records = match read {
            None => shape.records,
            Some(read) => i64::try_from(read.offered.payloads.iter().collect::<HashSet<_>>().len())?,
        };
        let run = ClusterRun::new(release.namespace, "demo")
            .of(records.unsigned_abs(), u64::from(keys.unsigned_abs()), batch_size.unsigned_abs())
            .with("algorithm", algorithm)
            .with("parallelism", signers)
            .with("leaseDuration", format!("{}ms", lease.as_millis()))
            // Each signer that is killed counts towards it, and that is for users to decide.
            .with("backoffLimit", 1_000);
        let run = match read {
            None => run,
            Some(read) => run
                .without("recordCount")
                .without("recordSize")
                .with("sources", serde_json::json!([read.source])),
        };
        let stand_in = StandIn::start_with(release.namespace, environment)?;
        let operators = vec![OperatorProcess::start(release).await?];
        run.apply().await?;
        Ok(Self { release, stand_in, operators, run, records, restarts: 0, last_words: String::new() })
    }

    /// Starts each operator again that has ended.
    async fn keep_operators(&mut self) -> anyhow::Result<()> {
        for number in 0..self.operators.len() {
            if self.operators[number].runs() {
                continue;
            }
            let next = OperatorProcess::start(self.release).await?;
            let ended = std::mem::replace(&mut self.operators[number], next);
            self.last_words.push_str(&ended.log());
            self.restarts += 1;
        }
        Ok(())
    }

    /// Whether the run is complete, by its status.
    async fn is_complete(&self) -> anyhow::Result<bool> {
        let object = self.run.get().await?;
        let status = &object["status"];
        match status["phase"].as_str() {
            Some("Complete") => {
                let signed = status["records"]["signed"].as_i64();
                anyhow::ensure!(
                    signed == Some(self.records),
                    "it is complete with {signed:?} records signed"
                );
                Ok(true)
            }
            Some("Failed") => {
                let failed = condition(&object, "Failed").map(|failed| failed["message"].to_string());
                anyhow::bail!("the run has failed, which no fault explains: {}", failed.unwrap_or_default())
            }
            _ => Ok(false),
        }
    }
}

impl Keep for Operated<'_> {
    fn pid(&self) -> Option<i32> {
        self.operators.first().map(OperatorProcess::pid).filter(|pid| *pid > 0)
    }

    fn second<'k>(&'k mut self, _signer: Option<&'k RunningSigner>) -> BoxFuture<'k, anyhow::Result<()>> {
        Box::pin(async {
            self.operators.push(OperatorProcess::start(self.release).await?);
            Ok(())
        })
    }

    fn finished(&mut self) -> BoxFuture<'_, anyhow::Result<()>> {
        Box::pin(async {
            loop {
                self.keep_operators().await.context("the operator cannot be started again")?;
                if self.is_complete().await? {
                    return Ok(());
                }
                tokio::time::sleep(INTERVAL).await;
            }
        })
    }

    fn restarts(&self) -> u32 {
        self.restarts
    }

    fn log(&self) -> String {
        let operators: String = self.operators.iter().map(OperatorProcess::log).collect();
        format!("{}{operators}{}", self.last_words, self.stand_in.logs())
    }
}
