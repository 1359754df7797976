//! Sinks that are away, without room, slow, not as they have to be, or asked with what is wrong: a delivery waits for them, which costs
//! no attempt.

use chancery_kit::{
    Conduct, Mishap, Refusal, SeededRun, SmallDisk, TestLedger, TestRun, eventually, server, sink_tables,
};
use serde_json::json;
use sqlx::Connection as _;

use super::{FORGET, all_have, attempts};
use crate::brought::until_away;
use crate::places::{ACCESS_KEY, Kind, Places, TOKEN};
use crate::{sign, standing};

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

/// By its answer, nobody can tell that from a service that is away.
#[tokio::test]
async fn batches_with_which_a_service_fails_each_time_keep_no_other() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let places = Places::new(server(), &ledger, &[Kind::Http]).await?;
    let run = places.to_all(TestRun::new().records(120)).seeded(&ledger).await?;
    sign(&run).await?;
    // With 1, 10, 11 and 12.
    places.http.conduct(Conduct::FailsWithWhatHas("\"batch\":1"));
    let mut delivery = places.start(&run, "me").await?;
    eventually("all others are there", async || {
        standing(&run).await.is_ok_and(|standing| standing.first().is_some_and(|(there, ..)| *there == 8))
    })
    .await;
    places.http.conduct(Conduct::Answers);
    let (code, log) = delivery.ended().await?;
    assert_eq!(code, Some(0), "{log}");
    places.have_all(&run).await?;
    assert_eq!(attempts(&run).await?, 0);
    run.assert_audit_holds().await
}

/// Of batches that take much memory, each sink has one at a time, and waits for no other sink's.
#[tokio::test]
async fn a_service_that_gives_no_answer_about_a_large_batch_keeps_no_other_sink() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let places = Places::new(server(), &ledger, &[Kind::Folder, Kind::Http]).await?;
    let run = TestRun::new().records(51).record_size(1 << 20).batch_size(17);
    let run = places.to_all(run).seeded(&ledger).await?;
    sign(&run).await?;
    places.http.conduct(Conduct::Silent);
    let mut delivery = places.start(&run, "me").await?;
    places.http.called(1).await;
    eventually("the folder has all", async || {
        standing(&run).await.is_ok_and(|standing| standing.first().is_some_and(|(there, ..)| *there == 3))
    })
    .await;
    assert_eq!(standing(&run).await?[1], (0, 0, 0), "the service is still waited for");
    places.http.conduct(Conduct::Answers);
    let (code, log) = delivery.ended().await?;
    assert_eq!(code, Some(0), "{log}");
    places.have_all(&run).await?;
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
