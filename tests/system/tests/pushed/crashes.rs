//! A gateway that is killed, and a server that crashes, between any two steps of a request: what was answered is there, and what is
//! sent again is a duplicate, or answered as it was.

use std::path::PathBuf;

use chancery_kit::{Chancery, Ended, Manifest, Point, StepRelay, TestLedger, eventually, server, throw_away};
use chancery_local_postgres::ThrowAway;

use crate::client::{Answer, Api, DEMO, NDJSON, Served};
use crate::{Site, manifest};

/// More than any request of these tests has.
const MOST: usize = 60;

fn socket_of(server: &ThrowAway) -> PathBuf {
    server.socket_dir().join(format!(".s.PGSQL.{}", server.port()))
}

/// The same database by way of a relay.
fn by(relay: &StepRelay, url: &str) -> String {
    let path = url.split('?').next().unwrap_or_default();
    relay.url("chancery", path.rsplit('/').next().unwrap_or_default())
}

/// What one request brings: two payloads of its own, and one that is no record.
fn body(request: usize) -> String {
    format!(
        "{{\"request\": {request}, \"line\": 1}}\n{{\"request\": {request}, \"line\": 2}}\nno json {request}\n"
    )
}

async fn push(api: &Api, query: &str, request: usize) -> anyhow::Result<Answer> {
    let (path, name) = (format!("{DEMO}/records{query}"), format!("request {request}"));
    api.ask("POST", &path, &[("content-type", NDJSON), ("idempotency-key", &name)], body(request)).await
}

/// Has a connection to the database made, which takes steps that are not the request's.
async fn warm(api: &Api) -> anyhow::Result<()> {
    api.get(&format!("{DEMO}/results")).await?.expect(200).map(|_none| ())
}

/// The numbers of the records of an answer, whatever else it says of them.
fn numbers(answer: &Answer) -> anyhow::Result<Vec<i64>> {
    let answer = answer.json()?;
    let records = answer["records"].as_array().map_or(&[][..], Vec::as_slice);
    Ok(records.iter().filter_map(|record| record["record"].as_i64()).collect())
}

/// Sends a request again until it is taken in, and sees that it was taken in once.
async fn again(api: &Api, request: usize, answered: Option<&Answer>) -> anyhow::Result<()> {
    let mut last: Option<Answer> = None;
    eventually("the request is taken in", async || match push(api, "", request).await {
        Ok(answer) if answer.status == 200 => {
            last = Some(answer);
            true
        }
        _ => false,
    })
    .await;
    let last = last.expect("an answer");
    anyhow::ensure!(last.states()? == ["admitted", "admitted", "dead"], "{last:?}");
    if let Some(answered) = answered {
        anyhow::ensure!(last.json()?["repeated"] == true, "it was answered before: {last:?}");
        anyhow::ensure!(numbers(&last)? == numbers(answered)?, "{answered:?} and then {last:?}");
    }
    // Under another name, by its payloads.
    let duplicates = api.push("", body(request)).await?.expect(200)?;
    anyhow::ensure!(duplicates.states()? == ["duplicate", "duplicate", "dead"], "{duplicates:?}");
    Ok(())
}

/// Kills gateways at steps of a request in turn, and sends the request again to another one.
async fn gateways_are_killed(point: Point, stride: usize) -> anyhow::Result<()> {
    let site = Site::with(&manifest()).await?;
    let (mut requests, mut is_over) = (0, false);
    for step in (1..MOST).step_by(stride) {
        requests += 1;
        let relay = StepRelay::passing(&socket_of(server())).await?;
        let chancery = Chancery::on(&site.ledger.url)?;
        let mut served = Served::start_by(&chancery, Some(&by(&relay, &site.ledger.url))).await?;
        warm(&served.api).await?;
        relay.hold(step, point);
        let answered = tokio::select! {
            answer = push(&served.api, "?wait=60", step) => Some(answer?.expect(200)?),
            () = relay.stands() => None,
        };
        served.child.kill().await?;
        relay.cut();
        again(&site.served.api, step, answered.as_ref()).await?;
        is_over = answered.is_some();
        if is_over {
            break;
        }
    }
    assert!(is_over && requests > 1, "a request has more than {MOST} steps, or none: {requests}");
    let records = 2 * requests;
    assert_eq!(site.served.api.seal().await?.expect(200)?.json()?["records"], records);
    assert_eq!(site.end().await?["signed"], records);
    Ok(())
}

#[tokio::test]
async fn a_gateway_that_is_killed_before_any_step_of_a_request_loses_and_doubles_nothing()
-> anyhow::Result<()> {
    // What the ledger holds then is what it holds where the step before was not heard of: at each, below.
    gateways_are_killed(Point::Unasked, 4).await
}

#[tokio::test]
async fn a_gateway_that_is_killed_before_it_hears_of_any_step_loses_and_doubles_nothing() -> anyhow::Result<()>
{
    gateways_are_killed(Point::Unanswered, 1).await
}

/// A run that nobody signs yet.
async fn unsigned(chancery: &Chancery, ledger: &TestLedger, manifest: &Manifest) -> anyhow::Result<()> {
    let mut run = chancery.start_signing(manifest, &[])?;
    eventually("there is the run", async || ledger.ledger.find_run("default", "demo").await.is_ok()).await;
    run.kill().await?;
    Ok(())
}

/// Crashes a server at steps of a request in turn, and sends the request again once there is a server.
async fn servers_crash(point: Point, stride: usize) -> anyhow::Result<()> {
    let server = throw_away();
    let ledger = TestLedger::create(&server, "crashes").await?;
    let chancery = Chancery::on(&ledger.url)?;
    unsigned(&chancery, &ledger, &manifest()).await?;
    let (mut requests, mut is_over) = (0, false);
    for step in (1..MOST).step_by(stride) {
        requests += 1;
        let relay = StepRelay::passing(&socket_of(&server)).await?;
        // One to which nothing was pushed yet, so that each step is there each time.
        let served = Served::start_by(&chancery, Some(&by(&relay, &ledger.url))).await?;
        warm(&served.api).await?;
        relay.hold(step, point);
        let api = served.api.clone();
        let pushing = push(&api, "", step);
        tokio::pin!(pushing);
        let answered = tokio::select! {
            answer = &mut pushing => Some(answer?.expect(200)?),
            () = relay.stands() => None,
        };
        // What is asked from now on is not of this request.
        is_over = relay.pass();
        if !is_over {
            server.stop_immediate()?;
            relay.cut();
            server.start_again()?;
        }
        let answered = match answered {
            Some(answer) => Some(answer),
            None => {
                let answer = pushing.await?;
                // It is said that nobody knows, or, if it only had to be asked again, what became of it.
                anyhow::ensure!(matches!(answer.status, 200 | 503), "step {step}, {point:?}: {answer:?}");
                Some(answer).filter(|answer| answer.status == 200)
            }
        };
        again(&served.api, step, answered.as_ref())
            .await
            .map_err(|error| error.context(format!("step {step}, {point:?}")))?;
        served.stop().await?.expect_code(0)?;
        if is_over {
            break;
        }
    }
    assert!(is_over && requests > 1, "a request has more than {MOST} steps, or none: {requests}");
    let served = Served::start(&chancery).await?;
    served.api.seal().await?.expect(200)?;
    let run = chancery.start_signing(&manifest(), &["--output", "json"])?;
    let summary = Ended::of(run).await?.expect_code(0)?.json()?;
    assert_eq!(
        (&summary["signed"], &summary["audit"]),
        (&(2 * requests).into(), &"passed".into()),
        "{summary}"
    );
    crate::holds(&ledger).await
}

#[tokio::test]
async fn a_server_that_crashes_before_any_step_of_a_request_loses_and_doubles_nothing() -> anyhow::Result<()>
{
    // What the ledger holds then is what it holds where the step before was not told of: at each, below.
    servers_crash(Point::Unasked, 4).await
}

#[tokio::test]
async fn a_server_that_crashes_before_it_tells_of_any_step_loses_and_doubles_nothing() -> anyhow::Result<()> {
    servers_crash(Point::Unanswered, 1).await
}
