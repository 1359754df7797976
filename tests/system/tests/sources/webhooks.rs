//! Runs whose policy asks a webhook: what it says counts, is kept, and is asked for once.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chancery_audit::{AuditOptions, Law, audit};
use chancery_kit::{Conduct, Offered, SeededRun, TestLedger, TestRun, WebhookServer, independent_audit};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::{counts, file, holds, lines};

/// Eight points flag a record, ten reject it: with the webhook that gives a record the points of its number, eight and nine are flagged, and
/// those from ten on are rejected.
pub(crate) fn policy(server: &WebhookServer, more: &Value) -> Value {
    let mut hook = json!({"name": "model", "url": server.url(), "adds": "score", "timeout": "1m"});
    if let (Some(hook), Some(more)) = (hook.as_object_mut(), more.as_object()) {
        hook.extend(more.clone());
    }
    json!({"webhooks": [hook], "thresholds": {"flag": 8, "reject": 10}})
}

/// The same, of which somebody is asked again so many times, at once.
pub(crate) fn retried(server: &WebhookServer, limit: u32) -> Value {
    let mut policy = policy(server, &json!({}));
    policy["retryStrategy"] = json!({"limit": limit, "backoff": {"duration": "1ms", "maxDuration": "1ms"}});
    policy
}

pub(crate) fn line(number: usize) -> String {
    lines(number, number + 1).collect()
}

/// What becomes of these numbers.
pub(crate) fn judged(numbers: impl IntoIterator<Item = usize>) -> Offered {
    let (admitted, rejected): (Vec<usize>, Vec<usize>) = numbers.into_iter().partition(|number| *number < 10);
    Offered::lines(admitted.into_iter().map(line)).with_rejected(rejected.into_iter().map(line))
}

/// A run that reads these numbers, a file of them.
pub(crate) async fn reading<'l>(
    ledger: &'l TestLedger,
    folder: &std::path::Path,
    run: TestRun,
    policy: &Value,
) -> anyhow::Result<SeededRun<'l>> {
    let run = run.keys(1).reads("files", folder).judged_by("scored", policy);
    run.created(ledger).await?.stocked().await
}

/// Answers that are kept, and the most attempts that any of them took.
pub(crate) async fn kept(run: &SeededRun<'_>) -> anyhow::Result<(i64, i32)> {
    let kept = "SELECT count(*), coalesce(max(attempts), 0) FROM chancery.answers WHERE run_id = $1";
    Ok(sqlx::query_as(kept).bind(run.run.id).fetch_one(run.ledger.ledger.pool()).await?)
}

/// Of a run that is not sealed yet, too: both audits find all of its arrivals.
pub(crate) async fn law_7_holds(run: &SeededRun<'_>) -> anyhow::Result<()> {
    let (namespace, name) = (&run.run.namespace, &run.run.name);
    let report = audit(&run.ledger.ledger, namespace, name, &AuditOptions::default(), |_| {}).await?;
    let of_arrivals = report.laws.iter().find(|law| law.law == Law::EveryArrival);
    let of_arrivals =
        of_arrivals.ok_or_else(|| anyhow::anyhow!("law 7 was not looked at: {:?}", report.laws))?;
    anyhow::ensure!(of_arrivals.violations == 0, "{of_arrivals:#?}");
    if let Some(report) = independent_audit(&run.ledger.url, namespace, name).await? {
        let violations: Vec<_> = report.violations.iter().filter(|violation| violation.law == 7).collect();
        anyhow::ensure!(violations.is_empty(), "independently: {violations:#?}");
    }
    Ok(())
}

#[tokio::test]
async fn what_a_webhook_says_counts_and_is_kept_so_that_it_is_judged_again_without_it() -> anyhow::Result<()>
{
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    file(folder.path(), "a.txt", lines(0, 12).chain(lines(9, 10)))?;
    let server = WebhookServer::scoring().await?;
    let run = reading(&ledger, folder.path(), TestRun::new(), &policy(&server, &json!({}))).await?;
    run.take_in().await?;
    assert_eq!(server.calls().len(), 1, "one call is about as many as it may be");
    let body: Value = serde_json::from_str(&server.calls()[0].body)?;
    assert_eq!(body["records"].as_array().map(Vec::len), Some(13), "of two that wait, both are asked about");
    drop(server);
    let mut offered = judged(0..12);
    offered.payloads.push(line(9).into_bytes());
    holds(&run, &offered).await?;
    let counts = counts(&run).await?;
    assert_eq!((counts.flagged, counts.duplicates, counts.pending), (2, 1, 0));
    assert_eq!(kept(&run).await?, (12, 1), "of a duplicate, none is kept");
    Ok(())
}

#[tokio::test]
async fn a_verdict_and_fields_of_webhooks_count_in_the_order_of_the_policy() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    file(folder.path(), "a.txt", (0..3).map(|number| format!("{{\"number\":{number}}}")))?;
    let verdicts = WebhookServer::saying(|record| match record["number"].as_u64() {
        Some(0) => json!({}),
        Some(1) => json!({"action": "Flag", "message": "one"}),
        _ => json!({"action": "Alert", "message": "two"}),
    })
    .await?;
    let fields = WebhookServer::saying(
        |record| json!({"fields": {"twice": record["number"].as_u64().map(|n| n * 2)}}),
    )
    .await?;
    let policy = json!({"webhooks": [
        {"name": "first", "url": verdicts.url(), "adds": "verdict"},
        {"name": "second", "url": fields.url(), "adds": "fields"},
    ]});
    let run = reading(&ledger, folder.path(), TestRun::new(), &policy).await?;
    run.take_in().await?;
    run.finish().await?;
    let payloads = crate::payloads(&run).await?;
    assert_eq!(
        payloads,
        (0..3).map(|n| format!("{{\"number\":{n},\"twice\":{}}}", n * 2)).collect::<Vec<_>>()
    );
    let counts = counts(&run).await?;
    assert_eq!((counts.flagged, counts.alerts, counts.admitted), (1, 1, 3));
    Ok(())
}

#[tokio::test]
async fn requests_are_signed_and_a_record_is_named_alike_whenever_it_is_asked_about() -> anyhow::Result<()> {
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    file(folder.path(), "a.txt", lines(0, 3))?;
    let server = WebhookServer::scoring().await?;
    let mut policy = retried(&server, 20);
    policy["retryStrategy"]["backoff"] = json!({"duration": "1s", "factor": 1, "maxDuration": "1s"});
    policy["webhooks"][0]["secretRef"] = json!({"name": "model"});
    let run = reading(&ledger, folder.path(), TestRun::new(), &policy).await?;

    let (code, log) = run.start_intake("without a key").await?.ended().await?;
    assert!(code == Some(78) && log.contains("set CHANCERY_WEBHOOK_SECRET"), "{code:?}: {log}");
    let environment = [("CHANCERY_WEBHOOK_SECRET", "secret")];
    let (code, log) = run.start_intake_with("with no key", &environment).await?.ended().await?;
    assert!(code == Some(78) && log.contains("as Standard Webhooks has it"), "{code:?}: {log}");
    assert!(server.calls().is_empty());

    server.conduct(Conduct::Status(503));
    let mut intake = run.start_intake_with("an intake", &[("CHANCERY_WEBHOOK_SECRET", SECRET)]).await?;
    server.called(1).await;
    server.conduct(Conduct::Answers);
    let (code, log) = intake.ended().await?;
    assert_eq!(code, Some(0), "{log}");
    holds(&run, &judged(0..3)).await?;
    let calls = server.calls();
    for call in &calls {
        let header = |name: &str| call.headers.get(name).cloned().unwrap_or_default();
        let key = STANDARD.decode(SECRET.trim_start_matches("whsec_"))?;
        let mut mac = Hmac::<Sha256>::new_from_slice(&key)?;
        mac.update(
            format!("{}.{}.{}", header("webhook-id"), header("webhook-timestamp"), call.body).as_bytes(),
        );
        let wanted = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        assert_eq!(header("webhook-signature"), wanted);
    }
    let ids = server.asked_about();
    let different: std::collections::BTreeSet<&String> = ids.iter().collect();
    assert!(ids.len() > 3 && different.len() == 3, "{ids:?}");
    Ok(())
}

#[tokio::test]
async fn a_webhook_is_asked_about_many_at_a_time_and_as_often_at_a_time_as_the_policy_says()
-> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    file(folder.path(), "a.txt", lines(0, 1_000))?;
    let server = WebhookServer::saying(|_| json!({"score": 1})).await?;
    // Were there no four at a time, the first would wait for ever.
    server.conduct(Conduct::AnswersTogether(4));
    let policy = policy(&server, &json!({"batch": 100, "concurrency": 4}));
    let run = reading(&ledger, folder.path(), TestRun::new(), &policy).await?;
    run.take_in().await?;
    let calls = server.calls().len();
    assert!((10..=20).contains(&calls), "{calls} calls about 1000 records, of 100 at a time");
    let mut ids = server.asked_about();
    assert_eq!(ids.len(), 1_000);
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 1_000, "about each once");
    holds(&run, &Offered::lines(lines(0, 1_000))).await
}

#[tokio::test]
async fn what_waits_has_its_room_among_the_most_records_of_a_run() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    file(folder.path(), "a.txt", lines(5, 30))?;
    file(folder.path(), "b.txt", lines(0, 5))?;
    let server = WebhookServer::scoring().await?;
    let policy = policy(&server, &json!({}));
    let run = reading(&ledger, folder.path(), TestRun::new().record_limit(8), &policy).await?;
    run.take_in().await?;
    run.finish().await?;
    let counts = counts(&run).await?;
    assert_eq!((counts.admitted, counts.pending), (8, 0), "{counts:?}");
    assert!(counts.rejected > 0, "those that were rejected made room for others: {counts:?}");
    Ok(())
}

#[tokio::test]
async fn a_run_that_knows_payloads_by_an_expression_knows_what_waited_by_it_too() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let text = ["{\"number\": 1}", "{\"number\": 1, \"again\": true}", "{\"number\": 2}", "{\"no\": 3}"];
    file(folder.path(), "a.txt", text.map(str::to_owned))?;
    let server = WebhookServer::saying(|_| json!({"score": 1})).await?;
    let policy = policy(&server, &json!({}));
    let run = reading(&ledger, folder.path(), TestRun::new().known_by("record.number"), &policy).await?;
    run.take_in().await?;
    run.finish().await?;
    let counts = counts(&run).await?;
    assert_eq!((counts.admitted, counts.duplicates, counts.dead), (2, 1, 1), "{counts:?}");
    assert_eq!(server.asked_about().len(), 3, "one without a name needs nobody else");
    Ok(())
}
