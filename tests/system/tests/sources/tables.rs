//! Rows of tables, by the programs.

use std::path::Path;

use chancery_kit::{Chancery, Ended, Manifest, SeededRun, TestLedger, TestRun};
use chancery_store::DeadLetter;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::{counted, payloads};

const PAGE: &str = include_str!("../../../../docs/operating/sources.md");
const EXAMPLE: &str = include_str!("../../../../examples/table.yaml");

pub(crate) async fn execute(url: &str, sql: &str) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
    Ok(connection.close().await?)
}

/// A database of somebody else's.
async fn database(sql: &str) -> anyhow::Result<String> {
    let url = TestLedger::empty_database().await?;
    execute(&url, sql).await?;
    Ok(url)
}

fn described(url: &str, query: &str, order_by: &[&str], payload: Option<&str>) -> Value {
    let mut table = json!({"query": query, "orderBy": order_by});
    if let Some(payload) = payload {
        table["payload"] = payload.into();
    }
    json!({"table": table, "url": url})
}

async fn reads<'l>(ledger: &'l TestLedger, description: Value) -> anyhow::Result<SeededRun<'l>> {
    let run = TestRun::new().keys(1).batch_size(1_000).dead_limit(50).reads_described("rows", description);
    run.created(ledger).await?.stocked().await
}

#[tokio::test]
async fn rows_are_signed_as_their_payload_or_as_canonical_json() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let url = database(
        "CREATE TABLE payments (id bigint PRIMARY KEY, cents integer, note text);
         INSERT INTO payments SELECT n, n * 10, CASE WHEN n <> 2 THEN 'note ' || n END FROM generate_series(1, 3) n",
    )
    .await?;
    let query = "SELECT id, cents, note FROM payments";
    let whole = reads(&ledger, described(&url, query, &["id"], None)).await?;
    whole.take_in().await?;
    assert_eq!(
        payloads(&whole).await?,
        [
            r#"{"cents":10,"id":"1","note":"note 1"}"#,
            r#"{"cents":20,"id":"2","note":null}"#,
            r#"{"cents":30,"id":"3","note":"note 3"}"#
        ]
    );
    whole.finish().await?;

    let (second, description) = (TestLedger::new().await?, described(&url, query, &["id"], Some("note")));
    let notes = reads(&second, description).await?;
    notes.take_in().await?;
    assert_eq!(
        (payloads(&notes).await?, counted(&notes).await?),
        (vec!["note 1".into(), "note 3".into()], (3, 2, 0, 1))
    );
    notes.finish().await
}

/// It stops at the first hundred rows, which are dead, and goes on behind the last of them.
#[tokio::test]
async fn reading_goes_on_behind_the_last_row_that_was_admitted() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let url = database(
        "CREATE TABLE payments (id bigint PRIMARY KEY, payload text);
         INSERT INTO payments SELECT n * 10, CASE WHEN n > 100 THEN 'payload ' || n END FROM generate_series(1, 25000) n",
    )
    .await?;
    let run = reads(&ledger, described(&url, "SELECT * FROM payments", &["id"], Some("payload"))).await?;
    let (code, log) = run.start_intake("one").await?.ended().await?;
    assert_eq!((code, counted(&run).await?), (Some(0), (100, 0, 0, 100)), "{log}");
    let stopped = "SELECT position, position_key FROM chancery.splits WHERE run_id = $1";
    let (position, key): (i64, String) =
        sqlx::query_as(stopped).bind(run.run.id).fetch_one(ledger.ledger.pool()).await?;
    assert_eq!((position, key.as_str()), (100, r#"["1000"]"#));
    // No key without its position.
    for lie in ["position_key = '[\"1\"]'", "position_key = NULL", "position = 0"] {
        let lie = format!("UPDATE chancery.splits SET {lie}");
        assert!(sqlx::query(AssertSqlSafe(lie)).execute(ledger.ledger.pool()).await.is_err());
    }

    execute(
        &url,
        "INSERT INTO payments VALUES (995, 'before'), (1005, 'behind'); DELETE FROM payments WHERE id = 2000",
    )
    .await?;
    let more = DeadLetter { limit: 500, retention: std::time::Duration::from_secs(60) };
    ledger.ledger.set_dead_letter(&run.run, more).await?;
    run.take_in().await?;
    let stored = payloads(&run).await?;
    assert_eq!((stored.len(), stored[0].as_str()), (24_900, "behind"));
    let missing = |payload: &str| !stored.iter().any(|stored| stored == payload);
    assert!(missing("before") && missing("payload 200") && stored[1] == "payload 101");
    assert_eq!(counted(&run).await?, (25_000, 24_900, 0, 100));
    run.finish().await
}

#[tokio::test]
async fn an_intake_that_is_killed_loses_no_row_and_reads_none_twice() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let url = database(
        "CREATE TABLE payments (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), payload text);
         INSERT INTO payments (payload) SELECT repeat(n::text, 20) FROM generate_series(1, 120000) n",
    )
    .await?;
    let run = reads(&ledger, described(&url, "TABLE payments", &["id"], Some("payload"))).await?;
    let mut admitted = 0;
    for attempt in 0..3 {
        let holder = format!("intake-{attempt}");
        let intake = run.start_intake(&holder).await?;
        while counted(&run).await?.0 == admitted {
            tokio::task::yield_now().await;
        }
        intake.kill().await?;
        ledger.ledger.release_intakes(&run.run, &[holder]).await?;
        admitted = counted(&run).await?.0;
    }
    run.take_in().await?;
    assert_eq!(counted(&run).await?, (120_000, 120_000, 0, 0));
    run.finish().await
}

/// Each gets one sentence that says what was given and what to do, and leaves no run behind.
#[tokio::test]
async fn bad_tables_get_a_sentence_and_leave_the_ledger_as_it_was() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let url = database(
        "CREATE TABLE payments (id bigint, payload text, amount numeric);
         INSERT INTO payments VALUES (1, 'a', 1), (2, 'b', 1), (NULL, 'c', 2), (NULL, 'd', 3)",
    )
    .await?;
    let chancery = Chancery::on(&ledger.url)?;
    let of = |url: &str, rest: &str| {
        let source = format!("[{{name: rows, table: {{url: \"{url}\", {rest}}}}}]");
        Manifest::new().without("recordCount").without("recordSize").with("sources", source)
    };
    let table = |rest: &str| of(&url, rest);
    let with_ref =
        "[{name: rows, table: {urlSecretRef: {name: db, key: uri}, query: SELECT 1 AS id, orderBy: [id]}}]";
    let elsewhere = url.replace("test_", "no_such_");
    let before = ledger.fingerprint().await?;
    for (manifest, words) in [
        (table("query: SELEC id, orderBy: [id]"), "source rows: table.query fails at"),
        (
            table("query: DELETE FROM payments RETURNING id, orderBy: [id]"),
            "source rows: table.query fails at",
        ),
        (
            table("query: TABLE payments, orderBy: [number]"),
            "table.orderBy names the column `number`, which the query does not have; name one of those that it has: id, payload, amount",
        ),
        (
            table("query: TABLE payments, orderBy: [payload], payload: amount"),
            "table.payload names the column `amount`, which is neither",
        ),
        (
            table("query: TABLE payments, orderBy: [id]"),
            "table.orderBy names the column `id`, which is NULL in some row",
        ),
        (table("query: TABLE payments, orderBy: [amount]"), "rows 1 and 2 of the query are equal in amount"),
        (of(&elsewhere, "query: TABLE payments, orderBy: [payload]"), "does not exist"),
        (
            of("postgres://127.0.0.1:1/d?user=u", "query: TABLE payments, orderBy: [payload]"),
            "is not available",
        ),
        (
            of("postgres://u:secret@h/d", "query: TABLE payments, orderBy: [payload]"),
            "must not hold a password",
        ),
        (
            of("mysql://u@h/d", "query: TABLE payments, orderBy: [payload]"),
            "it does not begin with postgres://",
        ),
        (table("query: TABLE payments, orderBy: []"), "spec.sources[0].table.orderBy"),
        (
            Manifest::new().without("recordCount").without("recordSize").with("sources", with_ref),
            "table.url is missing",
        ),
        (
            of(&url, "query: TABLE payments, orderBy: [payload]}, run: {name: other"),
            "needs exactly one of objects, table, run and http",
        ),
    ] {
        let Ended { code, stderr, .. } = chancery.sign(&manifest, &[]).await?;
        let expected = if words == "is not available" { 75 } else { 2 };
        assert_eq!(code, Some(expected), "{words}: {stderr}");
        assert!(stderr.contains(words) && !stderr.contains("secret"), "{words}\n{stderr}");
        assert_eq!(ledger.fingerprint().await?, before, "{words}");
    }
    Ok(())
}

#[tokio::test]
async fn an_order_that_turns_out_not_to_be_one_ends_the_intake_with_a_sentence() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let url =
        database("CREATE TABLE payments AS SELECT n / 2 AS id, n AS payload FROM generate_series(2, 9) n")
            .await?;
    let run = reads(&ledger, described(&url, "TABLE payments", &["id"], None)).await?;
    let (code, log) = run.start_intake("one").await?.ended().await?;
    assert_eq!(code, Some(78), "{log}");
    assert!(log.contains("source rows: table.orderBy does not tell rows apart: rows 1 and 2"), "{log}");
    assert_eq!(counted(&run).await?, (0, 0, 0, 0));
    Ok(())
}

#[tokio::test]
async fn whoever_reads_for_others_has_the_url_of_their_secret_and_refuses_a_socket() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let url = database("CREATE TABLE payments AS SELECT 1 AS id").await?;
    let run = reads(&ledger, described(&url, "TABLE payments", &["id"], None)).await?;
    let folder = folder.path();
    let read = async |holder| {
        let given = [("CHANCERY_CREDENTIALS_DIR", folder.to_str().expect("a path"))];
        run.start_intake_with(holder, &given).await?.ended().await
    };
    let (code, log) = read("one").await?;
    assert!(code == Some(78) && log.contains("rows/url cannot be read"), "{log}");
    std::fs::create_dir(folder.join("rows"))?;
    std::fs::write(folder.join("rows/url"), &url)?;
    let (code, log) = read("two").await?;
    assert!(code == Some(78) && log.contains("leads to a Unix socket"), "{log}");
    Ok(())
}

/// What the page says before the example is run, to the letter, but for the server, which is the tests' own.
#[tokio::test]
async fn the_example_is_signed_after_the_lines_of_its_page() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let command = PAGE.lines().find(|line| line.starts_with("psql ")).expect("a line that makes the table");
    let (_, sql) = command.split_once("--command \"").expect("a command");
    let url = database(sql.trim_end_matches('"')).await?;
    let documented = EXAMPLE.lines().find_map(|line| line.trim().strip_prefix("url: ")).expect("a url");
    let folder =
        documented.split_once("host=").and_then(|(_, rest)| rest.split('&').next()).expect("a folder");
    assert!(PAGE.contains(&format!("initdb --auth=trust --username=reader {folder}")), "{folder}");
    assert!(PAGE.contains(&format!("--options \"-k {folder} -c listen_addresses=\" start")), "{folder}");
    assert!(PAGE.contains("chancery run -f examples/table.yaml"));
    let chancery = Chancery::on(&ledger.url)?;
    let file = chancery.write("table.yaml", &EXAMPLE.replace(documented, &format!("\"{url}\"")))?;
    let run = ["run", "-f", file.to_str().expect("a path"), "-o", "json"];
    let summary = chancery.run(&run).await?.expect_code(0)?.json()?;
    assert_eq!((&summary["signed"], &summary["audit"]), (&1_000.into(), &"passed".into()), "{summary}");
    Ok(())
}

/// The password comes from a file for this server, and from no other line of it.
#[tokio::test]
async fn a_password_comes_from_the_file_of_passwords() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let url = database("CREATE TABLE payments AS SELECT 1 AS id").await?;
    let chancery = Chancery::on(&ledger.url)?;
    let source = format!("[{{name: rows, table: {{url: \"{url}\", query: TABLE payments, orderBy: [id]}}}}]");
    let manifest = Manifest::new().without("recordCount").without("recordSize").with("sources", source);
    let manifest = chancery.write("manifest.yaml", &manifest.to_string())?;
    let file = chancery.write("passwords", "*:*:*:*:s3cret\n")?;
    let run = async |file: &Path| {
        let mut command = chancery.command(&["run", "-f", manifest.to_str().expect("a path")]);
        Ended::of(command.env("PGPASSFILE", file).spawn()?).await
    };
    let exposed = run(&file).await?.expect_code(2)?;
    assert!(
        exposed.stderr.contains("may be read by others than its owner; chmod 600 it"),
        "{}",
        exposed.stderr
    );
    let nowhere = run(Path::new("/nowhere/at/all")).await?.expect_code(2)?;
    assert!(
        nowhere.stderr.contains("the file of passwords /nowhere/at/all cannot be read"),
        "{}",
        nowhere.stderr
    );
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    let signed = run(&file).await?.expect_code(0)?;
    assert!(!signed.stderr.contains("s3cret"), "{}", signed.stderr);
    Ok(())
}
