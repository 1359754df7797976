//! What every kind of sink keeps, whatever befalls it: each batch is there once, whole. A new kind is a row of `KINDS`.

mod away;

use chancery_kit::{Conduct, Mishap, Point, SeededRun, StepRelay, TestLedger, TestRun, server, throw_away};
use serde_json::json;
use sqlx::Row as _;

use crate::brought::way_to;
use crate::places::{KINDS, Kind, Places};
use crate::{is_complete, sign, standing};

/// As if nobody had heard yet that anything was delivered.
const FORGET: &str = "SET session_replication_role = replica;
    UPDATE chancery.deliveries SET state = 'Pending', object = NULL, digest = NULL, ended_at = NULL, attempts = 0, last_error = NULL,
           holder = NULL, token_hash = NULL, not_before = now();
    UPDATE chancery.sinks SET delivered = 0, dead = 0;
    UPDATE chancery.manifests SET object = NULL, digest = NULL, ended_at = NULL, holder = NULL, token_hash = NULL, not_before = NULL, put_off_at = NULL;
    UPDATE chancery.runs SET completed_at = NULL;
    SET session_replication_role = origin";

/// Whether each sink has so many batches, and none was given up.
async fn all_have(run: &SeededRun<'_>, batches: i64) -> anyhow::Result<()> {
    let standing = standing(run).await?;
    anyhow::ensure!(standing.iter().all(|sink| *sink == (batches, 0, 0)), "{standing:?}");
    Ok(())
}

async fn attempts(run: &SeededRun<'_>) -> anyhow::Result<i32> {
    let most = sqlx::query_scalar("SELECT max(attempts) FROM chancery.deliveries");
    Ok(most.fetch_one(run.ledger.ledger.pool()).await?)
}

/// A run of so many events, most of which came in a trace.
async fn traced<'l>(
    ledger: &'l TestLedger,
    events: usize,
    to_sinks: impl FnOnce(TestRun) -> TestRun,
) -> anyhow::Result<SeededRun<'l>> {
    let folder = tempfile::tempdir()?;
    let lines: String = (0..events)
        .map(|event| {
            let trace = format!("00-{:032x}-{:016x}-01", event / 4 + 1, event / 4 + 1);
            let traceparent = (event % 4 < 3).then_some(trace);
            let id = event.to_string();
            let event = json!({"specversion": "1.0", "type": "t", "source": "s", "id": id, "traceparent": traceparent});
            format!("{event}\n")
        })
        .collect();
    std::fs::write(folder.path().join("a.ndjson"), lines)?;
    let run = TestRun::new().reads_as("events", folder.path(), &json!({"type": "CloudEvents"}));
    let run = to_sinks(run.envelope("JWS")).created(ledger).await?.stocked().await?;
    run.take_in().await?;
    Ok(run)
}

/// A table that lacks the column for traces, as one that somebody made before there was one.
#[tokio::test]
async fn a_table_without_a_column_for_traces_has_the_records_without_them_and_may_get_it()
-> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let places = Places::new(server(), &ledger, &[Kind::Table]).await?;
    ledger.execute("ALTER TABLE public.signed DROP COLUMN traceparent").await?;
    let run = traced(&ledger, 25, |run| places.to_all(run)).await?;
    sign(&run).await?;
    places.bring(&run).await?;
    all_have(&run, 3).await?;
    let count =
        async |sql: &'static str| sqlx::query_scalar::<_, i64>(sql).fetch_one(ledger.ledger.pool()).await;
    assert_eq!(count("SELECT count(*) FROM public.signed").await?, 25);
    ledger.execute("ALTER TABLE public.signed ADD COLUMN traceparent text").await?;
    ledger.execute("DELETE FROM public.signed WHERE batch = 2").await?;
    ledger.execute(FORGET).await?;
    places.bring(&run).await?;
    all_have(&run, 3).await?;
    let traced = "SELECT count(*) FROM public.signed s JOIN chancery.traces t ON s.traceparent = t.traceparent WHERE batch = 2";
    assert_eq!(count(traced).await?, 7, "what is there already stays as it is, and counts");
    assert_eq!(count("SELECT count(*) FROM public.signed WHERE traceparent IS NOT NULL").await?, 7);
    run.assert_audit_holds().await
}

#[tokio::test]
async fn each_kind_of_sink_has_each_batch_once_and_knows_it_again() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let places = Places::new(server(), &ledger, &KINDS).await?;
    let run = traced(&ledger, 25, |run| places.to_all(run)).await?;
    // Signed while it is delivered.
    let mut delivery = places.start(&run, "me").await?;
    sign(&run).await?;
    let (code, log) = delivery.ended().await?;
    assert_eq!(code, Some(0), "{log}");
    assert!(is_complete(&run).await?);
    places.have_all(&run).await?;
    let names = "SELECT array_agg(object ORDER BY sink, batch) FROM chancery.deliveries";
    let named: Vec<String> = sqlx::query_scalar(names).fetch_one(ledger.ledger.pool()).await?;
    ledger.execute(FORGET).await?;
    places.bring(&run).await?;
    places.have_all(&run).await?;
    let again: Vec<String> = sqlx::query_scalar(names).fetch_one(ledger.ledger.pool()).await?;
    assert_eq!(again, named, "each is known by the same name");
    all_have(&run, 3).await?;
    run.assert_audit_holds().await
}

/// At each ninth step of what it says to the ledger, which differ among the kinds as they take turns.
#[tokio::test]
async fn a_delivery_that_is_killed_between_steps_brings_each_batch_to_each_kind_once() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let places = Places::new(server(), &ledger, &KINDS).await?;
    let run = TestRun::new().records(4).keys(1).batch_size(2);
    let run = places.to_all(run).seeded(&ledger).await?;
    sign(&run).await?;
    let (socket, database) = way_to(&ledger.url);
    let mut killed = 0;
    for (first, point) in [(9, Point::Unasked), (13, Point::Unanswered)] {
        for step in (first..).step_by(9) {
            let relay = StepRelay::to(&socket, step, point).await?;
            let url = run.delivery_url_by(&relay.url("nobody", &database)).await?;
            let mut delivery = places.start_by(&run, &url, "killed")?;
            let ended = tokio::select! {
                ended = delivery.ended() => Some(ended?),
                () = relay.stands() => None,
            };
            if let Some((code, log)) = ended {
                assert_eq!(code, Some(0), "{log}");
                assert!(step > 20, "there are more steps than {step}");
                break;
            }
            killed += 1;
            delivery.kill().await?;
            relay.cut();
            ledger.ledger.release_deliveries(&run.run, &["killed".to_owned()]).await?;
            places.bring(&run).await?;
            places.have_all(&run).await?;
            all_have(&run, 2).await?;
            ledger.execute(FORGET).await?;
            places.clear(&ledger).await?;
        }
        ledger.execute(FORGET).await?;
    }
    assert!(killed > 4, "{killed}");
    places.bring(&run).await?;
    run.assert_audit_holds().await
}

/// The connection to the table's database breaks at each step: before it is asked, or after it has done what it was asked.
#[tokio::test]
async fn a_table_whose_connection_breaks_at_any_step_has_each_row_once() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let places = Places::new(server(), &ledger, &[Kind::Table]).await?;
    let run = places.to_all(TestRun::new().records(4).keys(1).batch_size(4)).seeded(&ledger).await?;
    sign(&run).await?;
    for point in [Point::Unasked, Point::Unanswered] {
        for step in 1.. {
            places.clear(&ledger).await?;
            places.table.hold(step, point);
            let mut delivery = places.start(&run, "me").await?;
            let ended = tokio::select! {
                ended = delivery.ended() => Some(ended?),
                () = places.table.stands() => None,
            };
            let (code, log) = match ended {
                Some(ended) => ended,
                None => {
                    places.table.cut();
                    delivery.ended().await?
                }
            };
            assert_eq!(code, Some(0), "{log}");
            places.have_all(&run).await?;
            all_have(&run, 1).await?;
            ledger.execute(FORGET).await?;
            if places.table.pass() {
                assert!(step > 3, "begin, insert and commit are steps");
                break;
            }
        }
    }
    places.bring(&run).await?;
    run.assert_audit_holds().await
}

#[tokio::test]
async fn a_ledger_that_crashes_while_batches_are_brought_loses_and_doubles_none_at_any_kind()
-> anyhow::Result<()> {
    let server = throw_away();
    let ledger = TestLedger::create(&server, "ledger").await?;
    let places = Places::new(&server, &ledger, &KINDS).await?;
    let run = places.to_all(TestRun::new().records(120).batch_size(2)).seeded(&ledger).await?;
    sign(&run).await?;
    let mut delivery = places.start(&run, "me").await?;
    places.http.called(20).await;
    server.stop_immediate()?;
    server.start_again()?;
    let (code, log) = delivery.ended().await?;
    assert_eq!(code, Some(0), "{log}");
    places.have_all(&run).await?;
    all_have(&run, 60).await?;
    run.assert_audit_holds().await
}

/// Each refuses the second batch, in its own way.
#[tokio::test]
async fn a_batch_that_a_sink_refuses_is_a_dead_letter_that_says_why_and_the_others_are_there()
-> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let places = Places::new(server(), &ledger, &KINDS).await?;
    let run = places.to_all(TestRun::new().records(30)).seeded(&ledger).await?;
    sign(&run).await?;
    for kind in places.kinds.iter().filter(|kind| !matches!(kind, Kind::Http | Kind::Table)) {
        places.take_place_of_second(*kind).await?;
    }
    // Not the manifest, which names it.
    places.http.conduct(Conduct::RefusesWhatHas("\"batch\":2,\"digest\""));
    let of_another = "INSERT INTO public.signed (run_uid, run, record, batch, digest, payload, key, algorithm, signature, signed_at)
        SELECT uid, 'default/demo', 17, 2, 'no', 'no', 'no', 'no', 'no', now() FROM chancery.runs";
    ledger.execute(of_another).await?;
    places.bring(&run).await?;
    assert_eq!(standing(&run).await?, vec![(2, 1, 0); places.kinds.len()]);
    let said: Vec<(i64, i32, String)> = sqlx::query_as(
        "SELECT batch, attempts, last_error FROM chancery.deliveries WHERE state = 'Dead' ORDER BY sink",
    )
    .fetch_all(ledger.ledger.pool())
    .await?;
    for ((batch, attempts, said), kind) in said.iter().zip(&places.kinds) {
        let expected = match kind {
            Kind::Http => "it answered with status 422: the receiver does not take this",
            Kind::Table => "another row is in public.signed under run_uid ",
            _ => "another object is there under the name ",
        };
        assert!((*batch, *attempts) == (2, 3) && said.starts_with(expected), "{said}");
    }
    let manifests = ledger.ledger.manifests(&run.run).await?;
    assert!(manifests.iter().all(|manifest| manifest.object.is_some()), "{manifests:?}");
    let rows = sqlx::query("SELECT count(*), min(digest) FROM public.signed WHERE batch = 2");
    let rows = rows.fetch_one(ledger.ledger.pool()).await?;
    assert_eq!((rows.get(0), rows.get(1)), (1_i64, "no"), "nothing of a refused batch is there");
    run.assert_audit_holds().await
}

/// What was asked for is done, and nobody hears of it.
#[tokio::test]
async fn a_bucket_whose_answers_are_lost_has_each_batch_once() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let places = Places::new(server(), &ledger, &[Kind::Bucket, Kind::ParquetBucket]).await?;
    let Some(store) = &places.store else { return Ok(()) };
    let run = places.to_all(TestRun::new().records(4).keys(1).batch_size(2)).seeded(&ledger).await?;
    sign(&run).await?;
    for object in
        ["_chancery-probe", "0000000002.ndjson", "0000000001.parquet", "manifest.json", "manifest.json"]
    {
        store.plan_of(object, Mishap::CutOff);
    }
    places.bring(&run).await?;
    assert!(store.is_done());
    places.have_all(&run).await?;
    all_have(&run, 2).await?;
    assert_eq!(attempts(&run).await?, 0);
    run.assert_audit_holds().await
}

/// More than the delivery may have in memory at once.
#[tokio::test]
async fn a_delivery_of_large_batches_takes_no_more_memory_than_some_of_them() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let places = Places::new(server(), &ledger, &KINDS).await?;
    // Some 1.4 MB of lines each.
    let run = TestRun::new().records(160).record_size(262_144).batch_size(4).keys(1);
    let run = places.to_all(run).seeded(&ledger).await?;
    sign(&run).await?;
    let log = places.bring(&run).await?;
    places.have_all(&run).await?;
    all_have(&run, 40).await?;
    let (_, peak) = log.rsplit_once("peak_memory_kib=").unwrap_or_default();
    let peak: u64 = peak.chars().take_while(char::is_ascii_digit).collect::<String>().parse()?;
    assert!(peak < 96 << 10, "{peak} KiB of {} in all", KINDS.len() * 40 * 1_400);
    Ok(())
}
