//! Objects of a real S3 server, on the way to which each request fails in turn.

use chancery_kit::{HttpRelay, Mishap, Offered, S3Server, SeededRun, TestLedger, TestRun, eventually};

use crate::{holds, lines};

/// More requests than any intake of these tests makes.
const MOST: usize = 60;

fn text(lines: &[String]) -> Vec<u8> {
    // Not byte by byte: they are many, and tests are not optimised.
    lines.iter().flat_map(|line| [line, "\n"]).collect::<String>().into_bytes()
}

/// Two small objects and one of several requests, with duplicates within and across them.
async fn three_objects(server: &S3Server) -> anyhow::Result<(String, Offered)> {
    let bucket = server.new_bucket().await?;
    let one: Vec<String> = lines(0, 30).chain(lines(3, 5)).collect();
    let two: Vec<String> = lines(25, 50).collect();
    let long: Vec<String> = (0..10).map(|number| format!("{number}{}", "x".repeat(900_000))).collect();
    for (key, lines) in [("a", &one), ("b", &two), ("c", &long)] {
        server.put(&format!("{bucket}/{key}.txt"), &text(lines)).await?;
    }
    Ok((bucket, Offered::lines([one, two, long].concat())))
}

async fn reading<'l>(
    ledger: &'l TestLedger,
    name: &str,
    relay: &HttpRelay,
    bucket: &str,
) -> anyhow::Result<SeededRun<'l>> {
    let run = TestRun::new().named(name).keys(1).reads_bucket("bucket", &relay.endpoint(), bucket);
    run.created(ledger).await?.stocked().await
}

/// Fails each request in turn, until there are no more of them.
async fn each_request_fails(mishap: Mishap) -> anyhow::Result<()> {
    let Some(server) = S3Server::start()? else { return Ok(()) };
    let ledger = TestLedger::new().await?;
    let (bucket, offered) = three_objects(&server).await?;
    for request in 1..MOST {
        let relay = HttpRelay::to(server.port()).await?;
        relay.plan(request, mishap);
        let run = reading(&ledger, &format!("request-{request}"), &relay, &bucket).await?;
        run.take_in().await?;
        let kept = holds(&run, &offered).await;
        assert!(kept.is_ok(), "request {request}, {mishap:?}: {kept:?}");
        if relay.requests() < request {
            assert!(request > 6, "a listing and three objects, one of them in three parts");
            return Ok(());
        }
    }
    anyhow::bail!("an intake makes more than {MOST} requests");
}

#[tokio::test]
async fn each_request_to_a_bucket_may_be_reset() -> anyhow::Result<()> {
    each_request_fails(Mishap::Reset).await
}

#[tokio::test]
async fn each_request_to_a_bucket_may_be_refused_for_the_moment() -> anyhow::Result<()> {
    each_request_fails(Mishap::Unavailable).await
}

#[tokio::test]
async fn each_answer_of_a_bucket_may_break_off() -> anyhow::Result<()> {
    each_request_fails(Mishap::CutOff).await
}

#[tokio::test]
async fn a_bucket_that_goes_away_from_any_request_on_is_waited_for_and_the_ledger_says_so()
-> anyhow::Result<()> {
    let Some(server) = S3Server::start()? else { return Ok(()) };
    let ledger = TestLedger::new().await?;
    let (bucket, offered) = three_objects(&server).await?;
    // Before the listing, and before an object.
    for request in [1, 2, 4] {
        let relay = HttpRelay::to(server.port()).await?;
        relay.plan(request, Mishap::Held);
        let run = reading(&ledger, &format!("away-{request}"), &relay, &bucket).await?;
        let mut intake = run.start_intake("patient").await?;
        relay.holds().await;
        relay.set_away(true);
        // What is held, is answered; what comes behind it, is not.
        relay.release();
        let failed = "SELECT (SELECT coalesce(max(attempts), 0) FROM chancery.sources WHERE run_id = $1)
                           + (SELECT coalesce(max(attempts), 0) FROM chancery.splits WHERE run_id = $1)";
        eventually("the ledger has a failure", async || {
            let failed = sqlx::query_scalar::<_, i32>(failed).bind(run.run.id);
            failed.fetch_one(ledger.ledger.pool()).await.is_ok_and(|attempts| attempts > 0)
        })
        .await;
        let said = "SELECT last_error FROM chancery.sources WHERE run_id = $1 AND attempts > 0
                    UNION ALL SELECT last_error FROM chancery.splits WHERE run_id = $1 AND attempts > 0 LIMIT 1";
        let said: String = sqlx::query_scalar(said).bind(run.run.id).fetch_one(ledger.ledger.pool()).await?;
        assert!(said.contains("503"), "{said}");
        relay.set_away(false);
        let (code, log) = intake.ended().await?;
        assert_eq!(code, Some(0), "{log}");
        holds(&run, &offered).await?;
    }
    Ok(())
}

/// Two versions are never mixed: what was admitted of the first stays, and the rest is one dead letter.
#[tokio::test]
async fn an_object_that_is_replaced_in_mid_read_is_one_dead_letter_for_all_that_was_left_of_it()
-> anyhow::Result<()> {
    let Some(server) = S3Server::start()? else { return Ok(()) };
    let ledger = TestLedger::new().await?;
    let bucket = server.new_bucket().await?;
    let first: Vec<String> = (0..10).map(|number| format!("{number}{}", "x".repeat(900_000))).collect();
    let second: Vec<String> = (0..10).map(|number| format!("{number}{}", "y".repeat(900_000))).collect();
    // The listing, then the object in three parts. A line of 900,000 bytes is whole once the part with its end is read.
    for (request, whole) in [(2, 0), (3, 4), (4, 9)] {
        server.put(&format!("{bucket}/a.txt"), &text(&first)).await?;
        let relay = HttpRelay::to(server.port()).await?;
        relay.plan(request, Mishap::Held);
        let run = reading(&ledger, &format!("replaced-{request}"), &relay, &bucket).await?;
        let mut intake = run.start_intake("one").await?;
        relay.holds().await;
        server.put(&format!("{bucket}/a.txt"), &text(&second)).await?;
        relay.release();
        let (code, log) = intake.ended().await?;
        assert_eq!(code, Some(0), "{log}");
        let dead: Vec<u8> =
            sqlx::query_scalar("SELECT raw FROM chancery.arrivals WHERE run_id = $1 AND stage = 'Fetch'")
                .bind(run.run.id)
                .fetch_one(ledger.ledger.pool())
                .await?;
        // Of the line that was cut, as much as had come.
        assert!(
            dead.len() < 900_002 && first.iter().any(|line| line.as_bytes().starts_with(&dead)),
            "{}",
            dead.len()
        );
        let mut offered = Offered::lines(&first[..whole]);
        offered.dead.push(dead);
        holds(&run, &offered).await?;
    }
    Ok(())
}
