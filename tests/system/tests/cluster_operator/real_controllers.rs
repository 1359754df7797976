//! The same with the real Job controller and garbage collector, where the folder of the programs has
//! them: what the stand-ins do is what they do.

use std::io::Write as _;

use anyhow::Context as _;
use chancery_kit::cluster::{
    Cluster, ClusterRun, Controllers, Namespace, OperatorProcess, Release, StandIn, condition_is,
};
use chancery_kit::{TestLedger, eventually};
use k8s_openapi::ByteString;
use k8s_openapi::jiff::Timestamp;
use serde_json::json;

/// The shortest back-off of the Job controller. It counts from the end of a pod as the kubelet tells it, in whole seconds, and so
/// are the times of the API server: where there is a back-off, no replacement is made in fewer. None is a
/// second or so, most of it the controller's. A machine would have to stand still for the rest of the bound in every second
/// replacement to be taken for one.
const BACK_OFF: i64 = 10;

/// How long it took until signers had others in their places.
#[derive(Default)]
struct Gaps {
    /// From the end of the process to the making of the next pod: seconds, by the API server.
    made: Vec<i64>,
    /// To the process of that pod: milliseconds.
    begun: Vec<i128>,
}

impl Gaps {
    /// Waits for the pod that takes the place of one that is ending, beside those that ran before.
    async fn add(
        &mut self,
        namespace: &Namespace<'_>,
        kubelet: &StandIn,
        victim: &str,
        before: &[String],
    ) -> anyhow::Result<()> {
        let is_new = |pod: &String| !before.contains(pod);
        eventually("another has taken its place", async || {
            kubelet.end_of(victim).is_some() && kubelet.running().iter().any(is_new)
        })
        .await;
        let begun = Timestamp::now();
        let next = kubelet.running().into_iter().find(is_new).context("it has ended already")?;
        let next = namespace.kubectl().get("pod", &next).await?.context("its pod is gone already")?;
        let made = next["metadata"]["creationTimestamp"].as_str().context("no time")?.parse::<Timestamp>()?;
        let end = kubelet.end_of(victim).context("it has not ended")?;
        self.made.push(made.as_second() - end.as_second());
        self.begun.push(begun.duration_since(end).as_millis());
        Ok(())
    }

    /// That there was no back-off before most of them. The one in the middle, since a machine may stand still for a while.
    fn assert_no_back_off(&mut self, what: &str) -> anyhow::Result<()> {
        self.made.sort_unstable();
        self.begun.sort_unstable();
        let (made, begun) = (self.made[self.made.len() / 2], self.begun[self.begun.len() / 2]);
        writeln!(
            std::io::stderr(),
            "{what}, {} times: the next runs after {begun} ms, {:?}",
            self.made.len(),
            self.begun
        )?;
        assert!(made < BACK_OFF, "{what}: others are made after {:?} s", self.made);
        Ok(())
    }
}

#[tokio::test]
async fn a_run_lives_and_dies_as_with_the_stand_ins() -> anyhow::Result<()> {
    if Cluster::with_chart().is_none() {
        return Ok(());
    }
    let Some(cluster) = Cluster::start(Controllers::Real) else { return Ok(()) };
    let namespace = cluster.namespace("real").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let kubelet = StandIn::start(&namespace)?;

    let small = ClusterRun::new(&namespace, "small");
    small.apply().await?;
    small.completes(&ledger).await?;

    let run = ClusterRun::new(&namespace, "demo").of(120_000, 8, 100).with("algorithm", "RS256");
    run.apply().await?;
    run.until_signed(100).await;
    namespace.kubectl().run(&["scale", "signingrun/demo", "--replicas=3"]).await?;
    eventually("three run", async || kubelet.running().len() == 3).await;
    run.patch_spec(json!({"suspend": true})).await?;
    run.until_phase("Suspended").await;
    eventually("none runs", async || kubelet.running().is_empty()).await;
    run.patch_spec(json!({"suspend": false, "parallelism": 2})).await?;
    eventually("two run", async || kubelet.running().len() == 2).await;
    let victim = kubelet.running().remove(0);
    kubelet.kill(&victim)?;
    run.until("the failed signer is told of", |run| run["status"]["signers"]["failed"] == 1).await;
    namespace.kubectl().run(&["delete", "job", "demo-signer", "--timeout=60s"]).await?;
    eventually("it is back", async || !kubelet.running().is_empty()).await;
    run.completes(&ledger).await?;

    for run in [&small, &run] {
        run.delete().await?;
        run.until("it is gone", |run| run.is_null()).await;
    }
    eventually("pods and Jobs are gone", async || {
        let left = namespace.kubectl().run(&["get", "jobs,pods", "--output=name"]).await;
        left.is_ok_and(|left| left.is_empty())
    })
    .await;
    Ok(())
}

/// By itself the Job controller waits before it replaces a pod that failed, twice as long after each further one, and starts no
/// other pod meanwhile: more than a quarter of an hour for so many.
#[tokio::test]
async fn a_killed_signer_is_replaced_however_many_were_killed_before() -> anyhow::Result<()> {
    const KILLED: usize = 7;
    if Cluster::with_chart().is_none() {
        return Ok(());
    }
    let Some(cluster) = Cluster::start(Controllers::Real) else { return Ok(()) };
    let namespace = cluster.namespace("real-killed").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let kubelet = StandIn::start(&namespace)?;
    let run = ClusterRun::new(&namespace, "demo").long().with("backoffLimit", KILLED);
    run.apply().await?;
    run.until_signed(100).await;
    let mut gaps = Gaps::default();
    for killed in 1..=KILLED {
        eventually("two run", async || kubelet.running().len() == 2).await;
        let before = kubelet.running();
        kubelet.kill(&before[0])?;
        gaps.add(&namespace, &kubelet, &before[0], &before).await?;
        assert_eq!(kubelet.started(), 2 + killed, "one for each");
    }
    gaps.assert_no_back_off("killed")?;
    let failed =
        run.until("each is counted", |run| run["status"]["signers"]["failed"] == json!(KILLED)).await;
    assert!(condition_is(&failed, "Failed", "False"), "as many may fail: {failed}");
    eventually("it is told", async || {
        run.events().await.is_ok_and(|events| events.contains(&"SignerFailed".to_owned()))
    })
    .await;
    let job = run.job().await?;
    assert_eq!(
        job["status"]["failedIndexes"].as_str().map(|indexes| indexes.is_empty()),
        Some(false),
        "{job}"
    );
    // One more is too many.
    eventually("two run", async || kubelet.running().len() == 2).await;
    kubelet.kill(&kubelet.running().remove(0))?;
    run.until_phase("Failed").await;
    Ok(())
}

/// What is evicted or deleted does not count, and another takes its place at once; a node that is drained does not wait for its
/// Job.
#[tokio::test]
async fn an_evicted_signer_is_replaced_however_many_were_evicted_before() -> anyhow::Result<()> {
    const EVICTED: usize = 7;
    if Cluster::with_chart().is_none() {
        return Ok(());
    }
    let Some(cluster) = Cluster::start(Controllers::Real) else { return Ok(()) };
    let namespace = cluster.namespace("real-evicted").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let kubelet = StandIn::start(&namespace)?;
    let run = ClusterRun::new(&namespace, "demo").long().with("backoffLimit", 0);
    run.apply().await?;
    run.until_signed(100).await;
    let [mut evictions, mut deletions] = [Gaps::default(), Gaps::default()];
    for evicted in 1..=EVICTED {
        eventually("two run", async || kubelet.running().len() == 2).await;
        let before = kubelet.running();
        let victim = &before[0];
        let gaps = if evicted % 2 == 0 {
            namespace.kubectl().run(&["delete", "pod", victim, "--wait=false"]).await?;
            &mut deletions
        } else {
            kubelet.evict(victim).await?;
            &mut evictions
        };
        gaps.add(&namespace, &kubelet, victim, &before).await?;
        assert_eq!(kubelet.started(), 2 + evicted, "one for each");
        eventually("its pod is gone", async || {
            namespace.kubectl().get("pod", victim).await.is_ok_and(|pod| pod.is_none())
        })
        .await;
    }
    evictions.assert_no_back_off("evicted")?;
    deletions.assert_no_back_off("deleted")?;
    let run = run.get().await?;
    assert_eq!(run["status"]["signers"]["failed"], 0, "{run}");
    assert!(condition_is(&run, "Failed", "False"), "{run}");
    Ok(())
}

#[tokio::test]
async fn a_wrong_data_key_fails_the_run_at_once_and_its_removal_recovers_it() -> anyhow::Result<()> {
    if Cluster::with_chart().is_none() {
        return Ok(());
    }
    let Some(cluster) = Cluster::start(Controllers::Real) else { return Ok(()) };
    let namespace = cluster.namespace("real-kek").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let run = ClusterRun::new(&namespace, "demo");
    run.apply().await?;
    eventually("it has its Secret", async || run.secret().await.is_ok()).await;
    let wrong = ByteString(vec![7; 32]);
    let name = run.replace_secret(|secret| secret["data"]["data-key"] = json!(wrong)).await?;
    let _kubelet = StandIn::start(&namespace)?;
    run.until_phase("Failed").await;
    namespace.kubectl().run(&["delete", "secret", &name]).await?;
    run.annotate("chancery.dev/retry", "the Secret is gone").await?;
    run.completes(&ledger).await
}
