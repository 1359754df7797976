//! What every kind of sink keeps, whatever befalls it: each batch is there once, whole. A new kind is a row of `KINDS`.

use chancery_kit::{
    Conduct, Mishap, Point, Refusal, SeededRun, SmallDisk, StepRelay, TestLedger, TestRun, eventually,
    server, sink_tables, throw_away,
};
use serde_json::json;
use sqlx::{Connection as _, Row as _};

use crate::brought::{until_away, way_to};
use crate::places::{ACCESS_KEY, KINDS, Kind, Places, TOKEN};
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

/// Waits until the sink of this kind says that it is away, in such words.
async fn until_says(run: &SeededRun<'_>, kind: Kind, words: &str) {
    let mut said = String::new();
    eventually(words, async || {
        let sinks = run.ledger.ledger.sinks_progress(&[run.run.id]).await.unwrap_or_default();
        let of_kind = sinks.into_iter().find(|sink| sink.name == kind.name());
        said = of_kind.and_then(|sink| sink.last_error).unwrap_or_default();
        said.contains(words)
    })
    .await;
}

#[tokio::test]
async fn a_service_that_is_away_or_full_or_gives_no_answer_is_waited_for_and_costs_no_attempt()
-> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let places = Places::new(server(), &ledger, &[Kind::Http]).await?;
    let run = places.to_all(TestRun::new().records(20)).seeded(&ledger).await?;
    sign(&run).await?;
    places.http.conduct(Conduct::Unanswered);
    let mut delivery = places.start(&run, "me").await?;
    assert!(!until_away(&run).await.is_empty());
    for status in [503, 404, 507] {
        places.http.conduct(Conduct::Status(status));
        until_says(&run, Kind::Http, &format!("status {status}")).await;
    }
    places.http.conduct(Conduct::Status(302));
    until_says(&run, Kind::Http, "is not followed").await;
    // Its head says that it was taken, whatever becomes of the rest.
    places.http.conduct(Conduct::CutOff);
    let (code, log) = delivery.ended().await?;
    assert_eq!(code, Some(0), "{log}");
    places.have_all(&run).await?;
    all_have(&run, 2).await?;
    assert_eq!(attempts(&run).await?, 0);
    run.assert_audit_holds().await
}

/// For far longer than one is that says nothing of it.
#[tokio::test]
async fn a_service_that_asks_for_a_pause_is_left_alone_for_as_long() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let places = Places::new(server(), &ledger, &[Kind::Http]).await?;
    let run = places.to_all(TestRun::new().records(10)).seeded(&ledger).await?;
    sign(&run).await?;
    places.http.conduct(Conduct::AsksToWait(1_800));
    let delivery = places.start(&run, "me").await?;
    until_says(&run, Kind::Http, "status 429").await;
    let pause = "SELECT extract(epoch FROM not_before - tried_at)::bigint FROM chancery.sinks";
    let pause: i64 = sqlx::query_scalar(pause).fetch_one(ledger.ledger.pool()).await?;
    assert_eq!((pause, places.http.calls().len()), (1_800, 1));
    delivery.kill().await?;
    places.http.conduct(Conduct::Answers);
    ledger.execute("UPDATE chancery.sinks SET not_before = now()").await?;
    places.bring(&run).await?;
    places.have_all(&run).await?;
    all_have(&run, 1).await?;
    assert_eq!(attempts(&run).await?, 0);
    run.assert_audit_holds().await
}

#[tokio::test]
async fn what_a_sink_is_asked_with_may_be_mended_while_a_delivery_waits() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let kinds = [Kind::Bucket, Kind::ParquetBucket, Kind::Http, Kind::Table];
    let places = Places::new(server(), &ledger, &kinds).await?;
    let run = places.to_all(TestRun::new().records(20)).seeded(&ledger).await?;
    sign(&run).await?;
    places.http.conduct(Conduct::Wants(TOKEN));
    places.give(Kind::Http, "token", "a-wrong-one")?;
    std::fs::remove_file(places.secrets.path().join("table/url"))?;
    ledger.execute("DROP TABLE public.signed, public.signed_manifests").await?;
    let buckets: Vec<_> =
        places.kinds.iter().copied().filter(|kind| !matches!(kind, Kind::Http | Kind::Table)).collect();
    for bucket in &buckets {
        places.give(*bucket, "AWS_ACCESS_KEY_ID", "a-wrong-one")?;
    }
    if let Some(store) = &places.store {
        store.know(ACCESS_KEY);
    }
    let mut delivery = places.start(&run, "me").await?;
    until_says(&run, Kind::Table, "table/url cannot be read").await;
    places.give(Kind::Table, "url", &places.url_of_table("nobody-there"))?;
    until_says(&run, Kind::Http, "status 401").await;
    places.give(Kind::Http, "secret", "no key")?;
    for bucket in &buckets {
        until_says(&run, *bucket, "InvalidAccessKeyId").await;
        places.give(*bucket, "AWS_ACCESS_KEY_ID", ACCESS_KEY)?;
    }
    until_says(&run, Kind::Table, "refuses the login").await;
    until_says(&run, Kind::Http, "not as Standard Webhooks has it").await;
    places.give(Kind::Table, "url", &places.good_url_of_table())?;
    // Of the two it is looked for first.
    until_says(&run, Kind::Table, "public.signed_manifests of").await;
    until_says(&run, Kind::Table, "create it with the columns and the primary key (run_uid, sink, number)")
        .await;
    ledger.execute(sqlx::AssertSqlSafe(sink_tables()?)).await?;
    places.give(Kind::Http, "token", TOKEN)?;
    places.give(Kind::Http, "secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?;
    let (code, log) = delivery.ended().await?;
    assert_eq!(code, Some(0), "{log}");
    all_have(&run, 2).await?;
    assert_eq!(attempts(&run).await?, 0);
    run.assert_audit_holds().await
}

/// Of type `jsonb` a column takes a manifest, and keeps something else.
#[tokio::test]
async fn a_table_that_keeps_no_manifest_as_it_is_is_waited_for_and_costs_no_attempt() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let places = Places::new(server(), &ledger, &[Kind::Table]).await?;
    let run = places.to_all(TestRun::new().records(20)).seeded(&ledger).await?;
    sign(&run).await?;
    ledger.execute("ALTER TABLE public.signed_manifests ALTER COLUMN manifest TYPE jsonb").await?;
    let mut delivery = places.start(&run, "me").await?;
    until_says(&run, Kind::Table, "the column manifest is not of the type json").await;
    ledger.execute("ALTER TABLE public.signed_manifests ALTER COLUMN manifest TYPE json").await?;
    let (code, log) = delivery.ended().await?;
    assert_eq!(code, Some(0), "{log}");
    places.have_all(&run).await?;
    let manifests = ledger.ledger.manifests(&run.run).await?;
    assert!(manifests.iter().all(|manifest| manifest.object.is_some()), "{manifests:?}");
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

/// As some do that are made after S3: what is there would be lost, and the sink would believe that its batch is there.
#[tokio::test]
async fn a_store_that_writes_over_what_is_there_is_given_nothing_until_it_does_not() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let places = Places::new(server(), &ledger, &[Kind::Bucket]).await?;
    let Some(store) = &places.store else { return Ok(()) };
    let run = places.to_all(TestRun::new().records(20)).seeded(&ledger).await?;
    sign(&run).await?;
    places.take_place_of_second(Kind::Bucket).await?;
    store.set_careless(true);
    let mut delivery = places.start(&run, "me").await?;
    until_says(&run, Kind::Bucket, "take a store that knows conditional writes").await;
    let before = ["signed/_chancery-probe", "signed/demo/0000000002.ndjson"];
    assert_eq!(places.names(Kind::Bucket).await?, before, "nothing but the probe is written");
    store.set_careless(false);
    let (code, log) = delivery.ended().await?;
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(standing(&run).await?, [(1, 1, 0)], "what somebody else has put there is left as it is");
    run.assert_audit_holds().await
}

/// A bucket says that it has no room; a database, that a table is missing, and that the disk is full.
#[tokio::test]
async fn a_store_and_a_database_without_room_are_waited_for_and_cost_no_attempt() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let places = Places::new(server(), &ledger, &[Kind::Bucket, Kind::Table]).await?;
    let run = places.to_all(TestRun::new().records(20)).seeded(&ledger).await?;
    sign(&run).await?;
    let full = "CREATE FUNCTION public.full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$;
        CREATE TRIGGER full_disk BEFORE INSERT ON public.signed FOR EACH ROW EXECUTE FUNCTION public.full_disk();
        ALTER TABLE public.signed RENAME TO later";
    ledger.execute(full).await?;
    if let Some(store) = &places.store {
        store.refuse(Some(Refusal::Full));
    }
    let mut delivery = places.start(&run, "me").await?;
    until_says(&run, Kind::Table, "create it with the columns and the primary key (run_uid, record)").await;
    ledger.execute("ALTER TABLE public.later RENAME TO signed").await?;
    until_says(&run, Kind::Table, "could not extend file").await;
    if let Some(store) = &places.store {
        until_says(&run, Kind::Bucket, "XMinioStorageFull").await;
        store.refuse(None);
    }
    ledger.execute("DROP TRIGGER full_disk ON public.signed").await?;
    let (code, log) = delivery.ended().await?;
    assert_eq!(code, Some(0), "{log}");
    places.have_all(&run).await?;
    all_have(&run, 2).await?;
    assert_eq!(attempts(&run).await?, 0);
    run.assert_audit_holds().await
}

#[tokio::test]
async fn a_slow_answer_is_waited_for_and_nothing_is_sent_twice() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let places = Places::new(server(), &ledger, &[Kind::Bucket, Kind::Http, Kind::Table]).await?;
    let run = places.to_all(TestRun::new().records(20)).seeded(&ledger).await?;
    sign(&run).await?;
    if let Some(store) = &places.store {
        store.plan_of("0000000002.ndjson", Mishap::Held);
    }
    places.http.conduct(Conduct::Silent);
    let mut locker = sqlx::PgConnection::connect(&ledger.url).await?;
    sqlx::raw_sql("BEGIN; LOCK TABLE public.signed").execute(&mut locker).await?;
    let mut delivery = places.start(&run, "me").await?;
    places.http.called(1).await;
    let waits = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'chancery-delivery' AND wait_event_type = 'Lock')";
    eventually("the row waits for the table", async || {
        let waits = sqlx::query_scalar::<_, bool>(waits).fetch_one(ledger.ledger.pool()).await;
        waits.unwrap_or_default()
    })
    .await;
    if let Some(store) = &places.store {
        store.holds().await;
        store.release();
    }
    places.http.conduct(Conduct::Answers);
    sqlx::raw_sql("ROLLBACK").execute(&mut locker).await?;
    let (code, log) = delivery.ended().await?;
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(places.http.calls().len(), 3, "two batches and the manifest");
    places.have_all(&run).await?;
    all_have(&run, 2).await?;
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

#[tokio::test]
async fn a_full_disk_is_waited_for_and_holds_no_half_of_a_file_of_parquet() -> anyhow::Result<()> {
    let (ledger, Some(disk)) = (TestLedger::new().await?, SmallDisk::mount(1)?) else { return Ok(()) };
    let parquet = json!({"objects": {"url": format!("file://{}", disk.path().display()), "format": "Parquet", "layout": "{run}/{batch}.parquet"}});
    let run = TestRun::new().records(40).record_size(10_000).batch_size(5).sink_of("disk", parquet);
    let run = run.seeded(&ledger).await?;
    disk.resize(200)?;
    sign(&run).await?;
    let mut delivery = run.start_delivery("me").await?;
    until_away(&run).await;
    disk.resize(4_000)?;
    let (code, log) = delivery.ended().await?;
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(
        crate::brought::files(disk.path())?.len(),
        9,
        "with the manifest, and nothing is left of attempts"
    );
    all_have(&run, 8).await?;
    // What is there is read, and is each batch, whole.
    ledger.execute(FORGET).await?;
    run.bring().await?;
    all_have(&run, 8).await?;
    assert_eq!(attempts(&run).await?, 0);
    run.assert_audit_holds().await
}
