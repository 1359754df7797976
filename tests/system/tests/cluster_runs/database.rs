//! PostgreSQL goes away in every phase, and comes back: the run says what is wrong, and recovers by
//! itself.

use chancery_kit::cluster::{Cluster, ClusterRun, Namespace, OperatorProcess, Release, StandIn, condition};
use chancery_kit::{TestLedger, eventually, throw_away};
use chancery_local_postgres::ThrowAway;
use serde_json::{Value, json};

struct Scene<'n> {
    server: &'n ThrowAway,
    ledger: &'n TestLedger,
    operator: OperatorProcess,
    stand_in: StandIn,
    namespace: &'n Namespace<'n>,
}

impl Scene<'_> {
    /// Stops the server until the run and the operator have said so.
    async fn outage(&mut self, run: &ClusterRun<'_>) -> anyhow::Result<()> {
        self.server.stop_immediate()?;
        self.is_told_of(run).await?;
        self.server.start_again()?;
        eventually("the operator is ready again", async || {
            self.operator.get("/readyz").await.is_ok_and(|(code, _)| code == 200)
        })
        .await;
        run.until("it no longer says that the database is away", |run| !says_away(run)).await;
        Ok(())
    }

    async fn is_told_of(&mut self, run: &ClusterRun<'_>) -> anyhow::Result<()> {
        run.until("its condition says what is wrong", says_away).await;
        eventually("an Event says it", async || {
            run.events().await.is_ok_and(|events| events.iter().any(|event| event == "DatabaseUnavailable"))
        })
        .await;
        let (code, body) = self.operator.get("/readyz").await?;
        assert_eq!(code, 503, "{body}");
        assert!(body.contains("database"), "{body}");
        assert_eq!(self.operator.get("/healthz").await?.0, 200, "it lives");
        assert_eq!(self.operator.metric("chancery_database_up").await?, Some(0.0));
        assert!(self.operator.runs(), "it never exits because of the database");
        Ok(())
    }
}

fn says_away(run: &Value) -> bool {
    condition(run, "Progressing").is_some_and(|condition| {
        condition["status"] == "False"
            && condition["reason"] == "DatabaseUnavailable"
            && condition["message"].as_str().is_some_and(|message| !message.is_empty())
    })
}

/// Makes the scene and plays it.
async fn play(name: &str, act: impl AsyncFnOnce(Scene<'_>) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace(name).await?;
    let server = throw_away();
    let ledger = TestLedger::create(&server, "ledger").await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let operator = OperatorProcess::start(&release).await?;
    let stand_in = StandIn::start(&namespace)?;
    operator.ready().await;
    act(Scene { server: &server, ledger: &ledger, operator, stand_in, namespace: &namespace }).await
}

#[tokio::test]
async fn before_anything_is_there() -> anyhow::Result<()> {
    play("down-pending", async |mut scene| {
        scene.server.stop_immediate()?;
        let run = ClusterRun::new(scene.namespace, "demo");
        run.apply().await?;
        scene.is_told_of(&run).await?;
        scene.server.start_again()?;
        run.completes(scene.ledger).await
    })
    .await
}

#[tokio::test]
async fn while_the_run_is_seeded() -> anyhow::Result<()> {
    play("down-seeding", async |mut scene| {
        let run = ClusterRun::new(scene.namespace, "demo").of(100_000, 8, 10_000);
        run.apply().await?;
        run.until("some are seeded", |run| run["status"]["records"]["seeded"].as_i64() > Some(0)).await;
        scene.outage(&run).await?;
        run.completes(scene.ledger).await
    })
    .await
}

#[tokio::test]
async fn while_the_run_is_signed() -> anyhow::Result<()> {
    play("down-signing", async |mut scene| {
        let run = ClusterRun::new(scene.namespace, "demo")
            .of(20_000, 8, 100)
            .with("algorithm", "RS256")
            .with("leaseDuration", "5s");
        run.apply().await?;
        run.until_signed(100).await;
        scene.outage(&run).await?;
        run.completes(scene.ledger).await?;
        let failed = &run.get().await?["status"]["signers"]["failed"];
        assert_eq!(*failed, 0, "an outage is no signer's fault");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn while_the_run_is_suspended_and_resumed() -> anyhow::Result<()> {
    play("down-suspended", async |mut scene| {
        let run = ClusterRun::new(scene.namespace, "demo")
            .of(10_000, 8, 100)
            .with("algorithm", "RS256")
            .with("leaseDuration", "5s");
        run.apply().await?;
        run.until_signed(100).await;
        scene.server.stop_immediate()?;
        run.patch_spec(json!({"suspend": true})).await?;
        run.until("it is suspended all the same", |run| run["status"]["phase"] == "Suspended").await;
        scene.is_told_of(&run).await?;
        eventually("its signers end", async || scene.stand_in.running().is_empty()).await;
        run.patch_spec(json!({"suspend": false})).await?;
        scene.server.start_again()?;
        run.completes(scene.ledger).await
    })
    .await
}

#[tokio::test]
async fn after_the_run_is_complete() -> anyhow::Result<()> {
    play("down-complete", async |scene| {
        let run = ClusterRun::new(scene.namespace, "demo");
        run.apply().await?;
        run.completes(scene.ledger).await?;
        scene.server.stop_immediate()?;
        eventually("the operator knows", async || {
            scene.operator.get("/readyz").await.is_ok_and(|(code, _)| code == 503)
        })
        .await;
        run.patch_spec(json!({"parallelism": 3})).await?;
        run.until("it stays complete", |run| {
            run["status"]["observedGeneration"] == run["metadata"]["generation"]
                && run["status"]["phase"] == "Complete"
        })
        .await;
        scene.server.start_again()?;
        scene.operator.ready().await;
        run.assert_audit_holds(scene.ledger).await
    })
    .await
}

#[tokio::test]
async fn when_the_operator_starts() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("down-start").await?;
    let server = throw_away();
    let ledger = TestLedger::create(&server, "ledger").await?;
    // Who migrates would wait for the database, before the operator.
    let release = Release::install_as_owner(&namespace, &ledger.url).await?;
    server.stop_immediate()?;
    let mut operator = OperatorProcess::start(&release).await?;
    let _stand_in = StandIn::start(&namespace)?;
    let run = ClusterRun::new(&namespace, "demo");
    run.apply().await?;
    run.until("its condition says what is wrong", says_away).await;
    assert!(operator.runs());
    server.start_again()?;
    run.completes(&ledger).await
}
