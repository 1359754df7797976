//! Who is let in: tokens that are nobody's, meant for others, of another namespace, run out, or revoked.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chancery_kit::cluster::{Cluster, GatewayProcess, Namespace, OperatorProcess};
use chancery_kit::{TestLedger, eventually};
use serde_json::json;

use crate::client::{Client, run};
use crate::{PUSHER, install, let_do, pushed, token};

/// A token as the API server signs it, which ends so long before or after now.
pub(crate) async fn forged(namespace: &Namespace<'_>, account: &str, ends: i64) -> anyhow::Result<String> {
    let uid = namespace.kubectl().jsonpath(&format!("serviceaccount/{account}"), ".metadata.uid").await?;
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?;
    let claims = json!({
        "iss": "https://kubernetes.default.svc", "aud": ["chancery"], "sub": format!("system:serviceaccount:{}:{account}", namespace.name),
        "iat": now - 86_400, "nbf": now - 86_400, "exp": now + ends,
        "kubernetes.io": {"namespace": namespace.name, "serviceaccount": {"name": account, "uid": uid}},
    });
    let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(json!({"alg": "ES256", "typ": "JWT"})), part(claims));
    // The servers of the attempt that succeeded.
    let attempts = (0..3).rev().map(|attempt| namespace.cluster.folder().join(format!("servers-{attempt}")));
    let servers = attempts.into_iter().find(|folder| folder.is_dir()).context("no servers")?;
    let pem = std::fs::read_to_string(servers.join("accounts-private.pem"))?;
    let der: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &STANDARD.decode(der)?)?;
    let signature = key.sign(&SystemRandom::new(), signed.as_bytes()).ok().context("no signature")?;
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

#[tokio::test]
async fn a_token_lets_in_whoever_it_is_meant_for_in_its_namespace_and_time_and_nobody_learns_what_there_is()
-> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let (namespace, folder) = (cluster.namespace("tokens").await?, tempfile::tempdir()?);
    let elsewhere = cluster.namespace("tokens-elsewhere").await?;
    let ledger = TestLedger::new().await?;
    let release = install(&namespace, &ledger, folder.path()).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let object = pushed(&namespace);
    object.apply().await?;
    eventually("it is in the ledger", async || object.is_in(&ledger).await.unwrap_or_default()).await;
    let gateway = GatewayProcess::start(&release).await?;
    let nobody = Client::new(&gateway.url().await, &folder.path().join("one-ca.crt"), "");
    let (there, absent) = (run(&namespace.name), run(&namespace.name).replace("demo", "none"));

    let_do(&namespace, "pusher", &PUSHER).await?;
    let_do(&namespace, "reader", &PUSHER[1..]).await?;
    let_do(&elsewhere, "pusher", &PUSHER).await?;
    let good = nobody.with(&token(&namespace, "pusher", "chancery").await?);
    let results = |run: &str| format!("{run}/results");
    good.get(&results(&there)).await?.expect(200)?;
    good.get(&results(&absent)).await?.expect(404)?;

    // Without a token, with one that is nobody's, and with one that is meant for the API server.
    let strangers = [
        nobody.clone(),
        nobody.with("not-a-token"),
        nobody.with(&token(&namespace, "pusher", "").await?),
        nobody.with(&token(&namespace, "pusher", "somebody-else").await?),
        nobody.with(&forged(&namespace, "pusher", -7_200).await?),
    ];
    for stranger in strangers {
        let answer = stranger.get(&results(&there)).await?.expect(401)?;
        for path in [results(&absent), "/v1/anything".to_owned(), "/".to_owned()] {
            assert_eq!(stranger.get(&path).await?, answer, "{path}");
        }
        assert_eq!(stranger.seal(&there).await?, answer);
    }
    // The same forgery within its time is let in: it was the time that kept the other out.
    nobody.with(&forged(&namespace, "pusher", 600).await?).get(&results(&there)).await?.expect(200)?;

    // Of another namespace, and of one that may read only.
    let foreign = nobody.with(&token(&elsewhere, "pusher", "chancery").await?);
    let said = foreign.get(&results(&there)).await?.expect(403)?.json()?;
    let of_absent = foreign.get(&results(&absent)).await?.expect(403)?.json()?;
    let detail = said["detail"].as_str().unwrap_or_default();
    assert_eq!(said["type"], "tag:chancery.dev,2026:forbidden");
    assert_eq!(of_absent["detail"], detail.replace("/demo;", "/none;"), "the same, whatever there is");
    foreign.push(&there, "{}\n").await?.expect(403)?;
    let reader = nobody.with(&token(&namespace, "reader", "chancery").await?);
    reader.get(&results(&there)).await?.expect(200)?;
    reader.push(&there, "{}\n").await?.expect(403)?;
    reader.seal(&there).await?.expect(403)?;
    reader.seal(&absent).await?.expect(403)?;
    reader.get(&format!("/v1/namespaces/{}/keyrings/ring/jwks.json", namespace.name)).await?.expect(403)?;
    let progress = ledger.ledger.find_run(&namespace.name, "demo").await?;
    assert!(!progress.sealed, "nobody has sealed it");

    // Revoked: what is believed is believed for a second.
    namespace.kubectl().run(&["delete", "serviceaccount", "reader"]).await?;
    eventually("its token is nobody's", async || {
        reader.get(&results(&there)).await.is_ok_and(|answer| answer.status == 401)
    })
    .await;
    namespace.kubectl().run(&["delete", "rolebinding", "pusher-0"]).await?;
    eventually("it may not push any more", async || {
        good.seal(&absent).await.is_ok_and(|answer| answer.status == 403)
    })
    .await;
    good.get(&results(&there)).await?.expect(200)?;
    Ok(())
}

#[tokio::test]
async fn a_right_to_one_run_is_no_right_to_another() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let (namespace, folder) = (cluster.namespace("named").await?, tempfile::tempdir()?);
    let ledger = TestLedger::new().await?;
    let release = install(&namespace, &ledger, folder.path()).await?;
    let gateway = GatewayProcess::start(&release).await?;
    let kubectl = namespace.kubectl();
    kubectl.run(&["create", "serviceaccount", "pusher"]).await?;
    let rules = json!([{
        "apiGroups": ["chancery.dev"], "resources": ["signingruns/results"], "resourceNames": ["demo"], "verbs": ["get"],
    }]);
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "one"}, "rules": rules,
    });
    kubectl.apply(&role.to_string()).await?;
    let who = format!("--serviceaccount={}:pusher", namespace.name);
    kubectl.run(&["create", "rolebinding", "one", "--role=one", &who]).await?;
    let token = token(&namespace, "pusher", "chancery").await?;
    let client = Client::new(&gateway.url().await, &folder.path().join("one-ca.crt"), &token);
    let demo = run(&namespace.name);
    let results = |name: &str| format!("{}/results", demo.replace("demo", name));
    client.get(&results("demo")).await?.expect(404)?;
    // As it is decoded for whoever answers.
    client.get(&results("%64emo")).await?.expect(404)?;
    for other in ["demo2", "dem", "Demo", "demo%2Fresults", "demo%00", "*"] {
        let answer = client.get(&results(other)).await?;
        // What no run can be called is nothing that anybody may know of.
        assert!([403, 404].contains(&answer.status), "{other}: {answer:?}");
        if ["demo2", "dem", "Demo"].contains(&other) {
            assert_eq!(answer.status, 403, "{other}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn without_the_api_server_nobody_new_is_let_in() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::start(chancery_kit::cluster::Controllers::StandIn) else { return Ok(()) };
    if Cluster::with_chart().is_none() {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let ledger = TestLedger::new().await?;
    let (gateway, token) = {
        let namespace = cluster.namespace("away").await?;
        let release = install(&namespace, &ledger, folder.path()).await?;
        let_do(&namespace, "pusher", &PUSHER).await?;
        let token = token(&namespace, "pusher", "chancery").await?;
        (GatewayProcess::start(&release).await?, token)
    };
    let client = Client::new(&gateway.url().await, &folder.path().join("one-ca.crt"), &token);
    client.get("/v1/namespaces/a/runs/b/results").await?.expect(403)?;
    drop(cluster);
    eventually("it cannot be asked any more", async || {
        client.get("/v1/namespaces/a/runs/b/results").await.is_ok_and(|answer| answer.status == 503)
    })
    .await;
    let answer = client.get("/v1/namespaces/a/runs/b/results").await?.expect(503)?.json()?;
    assert_eq!(answer["type"], "tag:chancery.dev,2026:authority-away");
    client.with("").get("/v1/anything").await?.expect(401)?;
    tokio::time::timeout(Duration::from_secs(60), gateway.terminate()).await??;
    Ok(())
}
