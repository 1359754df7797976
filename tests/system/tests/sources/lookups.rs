//! Lookups of policies that ask a database: what it says counts, is kept, and is asked for once.

use chancery_kit::{Offered, SeededRun, TestLedger, TestRun, WebhookServer};
use serde_json::{Value, json};

use crate::webhooks::kept;
use crate::{counts, file, holds};

/// Markets of merchants, in the database of the ledger, beside it.
async fn merchants(ledger: &TestLedger) -> anyhow::Result<()> {
    ledger
        .execute(
            "CREATE TABLE public.merchants (id text PRIMARY KEY, market text NOT NULL, points integer NOT NULL);
             INSERT INTO public.merchants VALUES ('m1', 'DE', 1), ('m2', 'US', 7), ('m3', 'XX', 0)",
        )
        .await
}

fn query(sql: &str) -> Value {
    json!([{"name": "markets", "query": {"urlSecretRef": {"name": "db", "key": "url"}, "sql": sql}}])
}

const MARKETS: &str = "SELECT market FROM public.merchants WHERE id = $1;";

/// Merchants of the market XX are rejected, and one that is not known is none of them.
fn policy() -> Value {
    json!({
        "lookups": query(MARKETS),
        "validations": [
            {"name": "market", "expression": "lookup('markets', record.merchant, 'none') != 'XX'", "message": "not there"},
            {"name": "known", "expression": "lookup('markets', record.merchant, 'none') != 'none'", "message": "unknown", "action": "Flag"},
        ],
        "enrichments": [{"field": "market", "expression": "lookup('markets', record.merchant, 'none')"}],
        "retryStrategy": {"limit": 2, "backoff": {"duration": "1ms", "maxDuration": "1ms"}},
    })
}

fn line(merchant: &str) -> String {
    format!("{{\"merchant\":\"{merchant}\"}}")
}

async fn reading<'l>(
    ledger: &'l TestLedger,
    folder: &std::path::Path,
    policy: &Value,
) -> anyhow::Result<SeededRun<'l>> {
    let run = TestRun::new().keys(1).reads("files", folder).judged_by("markets", policy);
    run.created(ledger).await?.stocked().await
}

/// Takes in with this URL for lookups: exit code and log.
async fn taken_in(run: &SeededRun<'_>, url: &str) -> anyhow::Result<(Option<i32>, String)> {
    run.start_intake_with("an intake", &[("CHANCERY_LOOKUP_URL", url)]).await?.ended().await
}

#[tokio::test]
async fn what_a_query_says_counts_and_is_kept_so_that_it_is_judged_again_without_it() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    merchants(&ledger).await?;
    let names = ["m1", "m2", "m3", "m4"];
    file(folder.path(), "a.txt", names.map(line))?;
    let run = reading(&ledger, folder.path(), &policy()).await?;
    let (code, log) = taken_in(&run, &ledger.url).await?;
    assert_eq!(code, Some(0), "{log}");
    ledger.execute("DROP TABLE public.merchants").await?;
    run.finish().await?;
    let of =
        |merchant: &str, market: &str| format!("{{\"market\":\"{market}\",\"merchant\":\"{merchant}\"}}");
    assert_eq!(crate::payloads(&run).await?, [of("m1", "DE"), of("m2", "US"), of("m4", "none")]);
    let counts = counts(&run).await?;
    assert_eq!((counts.rejected, counts.flagged, counts.pending), (1, 1, 0));
    assert_eq!(kept(&run).await?, (4, 1));
    Ok(())
}

#[tokio::test]
async fn a_database_that_is_away_is_asked_again_and_then_what_needs_it_is_a_dead_letter() -> anyhow::Result<()>
{
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    file(folder.path(), "a.txt", ["m1", "m2"].map(line))?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("postgres://nobody@127.0.0.1:{}/nothing", listener.local_addr()?.port());
    drop(listener);
    let run = reading(&ledger, folder.path(), &policy()).await?;
    let (code, log) = taken_in(&run, &url).await?;
    assert_eq!(code, Some(0), "{log}");
    let reasons: Vec<String> = sqlx::query_scalar(
        "SELECT stage || ' ' || rule || ': ' || reason FROM chancery.arrivals WHERE run_id = $1",
    )
    .bind(run.run.id)
    .fetch_all(ledger.ledger.pool())
    .await?;
    assert!(
        reasons.iter().all(|reason| {
            reason.starts_with("Policy market: the lookup markets: ")
                && reason.ends_with("it was asked 3 times")
        }),
        "{reasons:?}"
    );
    assert_eq!(kept(&run).await?, (2, 3));
    holds(&run, &Offered::lines([""; 0]).with_dead(["m1", "m2"].map(line))).await
}

#[tokio::test]
async fn a_webhook_is_asked_about_what_a_query_lets_pass() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    merchants(&ledger).await?;
    file(folder.path(), "a.txt", ["m1", "m3"].map(line))?;
    let server = WebhookServer::saying(|_| json!({"score": 1})).await?;
    let mut policy = policy();
    policy["webhooks"] = json!([{"name": "model", "url": server.url(), "adds": "score"}]);
    let run = reading(&ledger, folder.path(), &policy).await?;
    let (code, log) = taken_in(&run, &ledger.url).await?;
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(server.asked_about().len(), 1);
    run.finish().await
}

#[tokio::test]
async fn many_keys_of_one_record_are_asked_for_and_too_many_make_it_a_dead_letter() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    merchants(&ledger).await?;
    let of = |count: usize| json!({"merchants": (0..count).map(|n| format!("m{n}")).collect::<Vec<_>>()});
    file(folder.path(), "a.txt", [of(40), of(1_001)].map(|record| record.to_string()))?;
    let policy = json!({
        "lookups": query(MARKETS),
        "validations": [{
            "name": "some",
            "expression": "size(record.merchants.map(one, lookup('markets', one, 'none'))) > 0",
        }],
        "retryStrategy": {"limit": 1, "backoff": {"duration": "1ms", "maxDuration": "1ms"}},
    });
    let run = reading(&ledger, folder.path(), &policy).await?;
    let (code, log) = taken_in(&run, &ledger.url).await?;
    assert_eq!(code, Some(0), "{log}");
    let counts = counts(&run).await?;
    assert_eq!((counts.admitted, counts.dead, counts.pending), (1, 1, 0), "{log}");
    let reason: String = sqlx::query_scalar("SELECT reason FROM chancery.arrivals WHERE run_id = $1")
        .bind(run.run.id)
        .fetch_one(ledger.ledger.pool())
        .await?;
    assert!(reason.contains("more than 1000 keys") && reason.ends_with("it was asked 2 times"), "{reason}");
    Ok(())
}

#[tokio::test]
async fn a_lookup_that_cannot_be_asked_is_refused_before_anything_is_read() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    merchants(&ledger).await?;
    file(folder.path(), "a.txt", [line("m1")])?;
    let with = |sql: &str| {
        let mut policy = policy();
        policy["lookups"] = query(sql);
        policy
    };
    for (number, (sql, url, says)) in [
        (MARKETS, "", "set CHANCERY_LOOKUP_URL"),
        (MARKETS, "postgres://u@169.254.169.254/d?sslmode=disable", "link-local"),
        (
            "SELECT market, points FROM public.merchants WHERE id = $1",
            ledger.url.as_str(),
            "the query has 2 columns",
        ),
        ("SELECT nothing FROM public.merchants WHERE id = $1", ledger.url.as_str(), "nothing"),
        ("DELETE FROM public.merchants WHERE id = $1", ledger.url.as_str(), "syntax error"),
    ]
    .into_iter()
    .enumerate()
    {
        let run = TestRun::new().named(&format!("run-{number}")).keys(1).reads("files", folder.path());
        let run = run.judged_by("markets", &with(sql)).created(&ledger).await?.stocked().await?;
        let (code, log) = taken_in(&run, url).await?;
        assert!(code == Some(78) && log.contains(says), "{says:?}: {code:?} {log}");
        assert_eq!(counts(&run).await?.received, 0);
    }
    let left: i64 =
        sqlx::query_scalar("SELECT count(*) FROM public.merchants").fetch_one(ledger.ledger.pool()).await?;
    assert_eq!(left, 3);
    Ok(())
}
