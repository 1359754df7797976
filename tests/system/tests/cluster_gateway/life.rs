//! A run from `kubectl apply` to `Complete` and `Verified`, pushed to by two gateways at once.

use chancery_kit::cluster::{Cluster, GatewayProcess, OperatorProcess, StandIn};
use chancery_kit::{TestLedger, eventually};
use serde_json::{Value, json};

use crate::client::{Client, run};
use crate::{PUSHER, install, let_do, pushed, token};

fn lines(from: usize, to: usize) -> String {
    (from..to).map(|number| format!("{{\"id\": {number}}}\n")).collect()
}

fn states(answer: &Value) -> Vec<&str> {
    let records = answer["records"].as_array().map_or(&[][..], Vec::as_slice);
    records.iter().filter_map(|record| record["state"].as_str()).collect()
}

#[tokio::test]
async fn a_run_is_pushed_to_by_two_gateways_with_the_token_of_a_service_account_and_completes()
-> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let (namespace, folder) = (cluster.namespace("pushed").await?, tempfile::tempdir()?);
    let ledger = TestLedger::new().await?;
    let release = install(&namespace, &ledger, folder.path()).await?;
    let operator = OperatorProcess::start(&release).await?;
    let _stand_in = StandIn::start(&namespace)?;
    let object = pushed(&namespace);
    object.apply().await?;
    let progressing = |run: &Value| -> String {
        let conditions = run["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let found = conditions.iter().find(|condition| condition["type"] == "Progressing").cloned();
        found.unwrap_or_default()["reason"].as_str().unwrap_or_default().to_owned()
    };
    object.until("it waits for records", |run| progressing(run) == "Receiving").await;
    let shown = namespace.kubectl().run(&["get", "signingruns"]).await?;
    assert!(shown.contains("Receiving"), "{shown}");
    assert!(namespace.kubectl().get("job", "demo-intake").await?.is_none(), "nothing is read");

    let_do(&namespace, "pusher", &PUSHER).await?;
    let token = token(&namespace, "pusher", "chancery").await?;
    let (one, two) = (GatewayProcess::start(&release).await?, GatewayProcess::start(&release).await?);
    let authority = folder.path().join("one-ca.crt");
    let clients = [
        Client::new(&one.url().await, &authority, &token),
        Client::new(&two.url().await, &authority, &token),
    ];
    let run = run(&namespace.name);
    // Each pushes half of what the other does as well.
    let (first, second) = (lines(0, 40), lines(20, 60));
    let (first, second) = tokio::join!(clients[0].push(&run, &first), clients[1].push(&run, &second));
    let (first, second) = (first?.expect(200)?.json()?, second?.expect(200)?.json()?);
    let all = [states(&first), states(&second)].concat();
    assert_eq!(all.iter().filter(|state| **state == "admitted").count(), 60, "{first} {second}");
    assert_eq!(all.iter().filter(|state| **state == "duplicate").count(), 20, "{first} {second}");
    for record in [&first, &second].into_iter().flat_map(|answer| answer["records"].as_array()).flatten() {
        assert!(record["signed"]["signature"].is_string(), "{record}");
    }
    let keys = clients[1].get(&format!("{run}/jwks.json")).await?.expect(200)?.json()?;
    assert!(keys["keys"].as_array().is_some_and(|keys| !keys.is_empty()), "{keys}");

    // What one answered is there, although it is killed; what comes next is the other's.
    one.kill().await?;
    let again = clients[1].push(&run, &lines(0, 3)).await?.expect(200)?.json()?;
    assert_eq!(states(&again), ["duplicate"; 3]);
    assert_eq!(
        clients[1].get(&format!("{run}/results?limit=1000")).await?.expect(200)?.body.lines().count(),
        60
    );
    object.until("it waits for records again", |run| progressing(run) == "Receiving").await;
    assert_eq!(clients[1].seal(&run).await?.expect(200)?.json()?["records"], 60);
    object.completes(&ledger).await?;
    object.until_condition("Verified", "True").await;
    let status = object.get().await?["status"].clone();
    assert_eq!(
        status["records"],
        json!({
            "total": 60, "seeded": 60, "signed": 60,
            "received": 83, "admitted": 60, "duplicate": 23, "rejected": 0, "dead": 0, "pending": 0,
        }),
        "{status}"
    );
    assert!(!operator.log().to_lowercase().contains("forbidden"), "{}", operator.log());

    let (code, metrics) = two.get("/metrics").await?;
    assert_eq!(code, 200);
    let pushes = "chancery_gateway_requests_total{route=\"/v1/namespaces/{namespace}/runs/{run}/records\",method=\"POST\",status=\"200\"} 2";
    assert!(metrics.contains(pushes), "{metrics}");
    assert!(metrics.contains("chancery_gateway_database_up 1"), "{metrics}");
    eventually("it is ready", async || two.get("/readyz").await.is_ok_and(|(code, _)| code == 200)).await;
    assert_eq!(two.terminate().await?.code(), Some(0));
    Ok(())
}

#[tokio::test]
async fn a_gateway_that_is_asked_to_stop_answers_what_it_has_in_hand() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let (namespace, folder) = (cluster.namespace("stopped").await?, tempfile::tempdir()?);
    let ledger = TestLedger::new().await?;
    let release = install(&namespace, &ledger, folder.path()).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let object = pushed(&namespace);
    object.apply().await?;
    object.until("it is in the ledger", |run| run["status"]["records"].is_object()).await;
    eventually("it is in the ledger", async || object.is_in(&ledger).await.unwrap_or_default()).await;
    let_do(&namespace, "pusher", &PUSHER).await?;
    let token = token(&namespace, "pusher", "chancery").await?;
    let gateway = GatewayProcess::start(&release).await?;
    let client = Client::new(&gateway.url().await, &folder.path().join("one-ca.crt"), &token);
    let run = run(&namespace.name);
    // Nobody signs: it waits for as long as it says.
    let body = ["--data-binary", "{\"id\": 1}\n", "--header", "content-type: application/x-ndjson"];
    let path = format!("{run}/records?wait=5");
    let waiting = client.ask(&path, &body);
    let stop = async {
        eventually("the record is there", async || {
            let found = ledger.ledger.find_run(&namespace.name, "demo").await;
            let Ok(found) = found else { return false };
            ledger.ledger.payload_of(&found, 1).await.is_ok_and(|payload| payload.is_some())
        })
        .await;
        gateway.terminate().await
    };
    let (answer, ended) = tokio::join!(waiting, stop);
    assert_eq!(states(&answer?.expect(200)?.json()?), ["pending"]);
    assert_eq!(ended?.code(), Some(0));
    assert!(client.get("/openapi.json").await.is_err(), "it is gone");
    Ok(())
}
