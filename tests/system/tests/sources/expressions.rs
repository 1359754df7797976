//! Payloads that are known by what an expression makes of them.

use chancery_kit::{Chancery, Manifest, SeededRun, TestLedger, TestRun};
use chancery_store::intake::{Admission, Task};
use serde_json::{Value, json};

use crate::{counted, file};

/// Lines with a number and something that makes the payload another one.
fn numbered(numbers: std::ops::Range<u32>, more: &'static str) -> impl Iterator<Item = String> {
    numbers.map(move |number| format!("{{\"id\": {number}, \"more\": \"{more}\"}}"))
}

async fn reads<'l>(
    ledger: &'l TestLedger,
    name: &str,
    folder: &std::path::Path,
    beside: Option<&SeededRun<'l>>,
) -> anyhow::Result<SeededRun<'l>> {
    let run = TestRun::new().named(name).keys(2).batch_size(100).keyring("shared").known_by("record.id");
    let run = run.reads_as("files", folder, &json!({"type": "NDJSON"}));
    let run = match beside {
        None => run.created(ledger).await?,
        Some(other) => run.created_beside(other).await?,
    };
    run.stocked().await
}

#[tokio::test]
async fn of_payloads_with_the_same_value_the_first_of_the_ring_is_signed() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let (one, two) = (tempfile::tempdir()?, tempfile::tempdir()?);
    file(one.path(), "a.ndjson", numbered(0..300, "first"))?;
    file(one.path(), "b.ndjson", numbered(250..400, "again"))?;
    file(two.path(), "c.ndjson", numbered(390..500, "later"))?;
    let first = reads(&ledger, "one", one.path(), None).await?;
    first.take_in().await?;
    assert_eq!(counted(&first).await?, (450, 400, 50, 0));
    first.finish().await?;
    let second = reads(&ledger, "two", two.path(), Some(&first)).await?;
    second.take_in().await?;
    assert_eq!(counted(&second).await?, (110, 100, 10, 0));
    second.finish().await
}

#[tokio::test]
async fn a_payload_without_a_value_is_a_dead_letter_that_says_why() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let bad = [r#"{"no": "id"}"#, r#"{"id": null}"#, r#"{"id": 1, "id": 2}"#, "[]"].map(ToOwned::to_owned);
    file(folder.path(), "a.ndjson", numbered(0..5, "x").chain(bad))?;
    let run = reads(&ledger, "one", folder.path(), None).await?;
    run.take_in().await?;
    assert_eq!(counted(&run).await?, (9, 5, 0, 4));
    let reasons = "SELECT stage || ': ' || reason || ': ' || convert_from(raw, 'UTF8') FROM chancery.arrivals ORDER BY position";
    let reasons: Vec<String> = sqlx::query_scalar(reasons).fetch_all(ledger.ledger.pool()).await?;
    assert_eq!(
        reasons[..2],
        [
            r#"Identity: the expression record.id fails for it: No such key: id: {"no": "id"}"#,
            r#"Identity: the expression record.id is null for it: {"id": null}"#,
        ]
    );
    assert!(reasons[2].contains("`id` is there twice") && reasons[3].contains("fails for it"), "{reasons:?}");
    run.finish().await?;
    // They were kept whole, and are signed by another run that asks for less.
    let again = TestRun::new().named("again").keys(2).keyring("shared").replays("one", "DeadLetters");
    let again = again.created_beside(&run).await?.stocked().await?;
    again.take_in().await?;
    assert_eq!(counted(&again).await?, (4, 4, 0, 0));
    again.finish().await
}

#[tokio::test]
async fn rows_and_events_have_values_too() -> anyhow::Result<()> {
    let event = |number: u32| {
        let (id, data) = (number / 2, number);
        json!({"specversion": "1.0", "id": id.to_string(), "source": "/s", "type": "t", "data": data})
            .to_string()
    };
    for (name, format, text, expression, wanted) in [
        ("a.csv", json!({"type": "CSV"}), "id,x\n1,a\n2,b\n1,c\n".to_owned(), "record.id", (3, 2, 1, 0)),
        (
            "a.ndjson",
            json!({"type": "CloudEvents"}),
            (0..4).map(|number| event(number) + "\n").collect(),
            "record.source + '#' + record.id",
            (4, 2, 2, 0),
        ),
    ] {
        let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
        std::fs::write(folder.path().join(name), text)?;
        let run = TestRun::new().keys(1).known_by(expression).reads_as("files", folder.path(), &format);
        let run = run.created(&ledger).await?.stocked().await?;
        run.take_in().await?;
        assert_eq!(counted(&run).await?, wanted, "{name}");
        run.finish().await?;
    }
    let ledger = TestLedger::new().await?;
    let url = TestLedger::empty_database().await?;
    let rows = "CREATE TABLE payments AS SELECT n AS id, n % 10 AS kind FROM generate_series(1, 100) n";
    crate::tables::execute(&url, rows).await?;
    let table = json!({"table": {"query": "TABLE payments", "orderBy": ["id"]}, "url": url});
    let run = TestRun::new().keys(1).known_by("record.kind").reads_described("rows", table);
    let run = run.created(&ledger).await?.stocked().await?;
    run.take_in().await?;
    assert_eq!(counted(&run).await?, (100, 10, 90, 0));
    run.finish().await
}

/// What is hashed for an identity is also somebody's payload, in the same ring.
#[tokio::test]
async fn an_identity_is_no_payload_whatever_that_is() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let (one, two) = (tempfile::tempdir()?, tempfile::tempdir()?);
    file(one.path(), "a.ndjson", [r#"{"id": "a"}"#.to_owned()])?;
    file(two.path(), "a.txt", [r#""a""#, "chancery identity\0\"a\""].map(ToOwned::to_owned))?;
    let first = reads(&ledger, "one", one.path(), None).await?;
    first.take_in().await?;
    first.finish().await?;
    let second = TestRun::new().named("two").keys(2).keyring("shared").reads("files", two.path());
    let second = second.created_beside(&first).await?.stocked().await?;
    second.take_in().await?;
    assert_eq!(counted(&second).await?, (2, 2, 0, 0));
    second.finish().await
}

#[tokio::test]
async fn an_intake_cannot_leave_identities_out_or_add_some() -> anyhow::Result<()> {
    for (expression, identities) in [(true, 0), (true, 2), (false, 1)] {
        let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
        file(folder.path(), "a.ndjson", numbered(0..3, "x"))?;
        let mut run = TestRun::new().keys(1).reads_as("files", folder.path(), &json!({"type": "NDJSON"}));
        if expression {
            run = run.known_by("record.id");
        }
        let run = run.created(&ledger).await?.stocked().await?;
        crate::interrupted::list(&run).await?;
        let mut intake = run.intake("one").await?;
        let Task::Read(reading) = intake.next().await? else { anyhow::bail!("nothing to read") };
        let mut admission = Admission::from(0);
        admission.payloads.push(b"payload");
        admission.positions.push(0);
        (0..identities).for_each(|_| admission.identities.push(b"1"));
        admission.next = 1;
        let refused = intake.admit(&reading, &admission).await.expect_err("a lie").to_string();
        assert!(refused.contains("each payload needs an identity"), "{refused}");
        assert_eq!(counted(&run).await?, (0, 0, 0, 0));
    }
    Ok(())
}

#[tokio::test]
async fn a_run_by_expression_is_made_and_exported_by_commands() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    file(folder.path(), "a.ndjson", numbered(0..20, "first").chain(numbered(19..20, "second")))?;
    let chancery = Chancery::on(&ledger.url)?;
    let source = |format: &str| {
        let url = format!("file://{}", folder.path().display());
        format!("[{{name: files, objects: {{url: \"{url}\"}}, format: {{type: {format}}}}}]")
    };
    let manifest =
        Manifest::new().without("recordCount").without("recordSize").with("sources", source("NDJSON"));
    for (idempotency, words) in [
        ("{by: Expression}", "spec.idempotency.expression"),
        ("{by: Content, expression: record.id}", "belongs to by: Expression"),
        ("{expression: record.id}", "belongs to by: Expression"),
        (
            "{by: Expression, expression: \"record.\"}",
            "spec.idempotency.expression: \"record.\" is no CEL expression (",
        ),
        ("{by: Expression, expression: row.id}", "names `row`, and there is only `record`"),
        ("{by: Expression, expression: \"'a'\"}", "is the same for every payload"),
    ] {
        let manifest = manifest.clone().with("idempotency", idempotency);
        let refused = chancery.sign(&manifest, &[]).await?.expect_code(2)?;
        assert!(refused.stderr.contains(words), "{words}\n{}", refused.stderr);
    }
    let by_id = "{by: Expression, expression: record.id}";
    let lines = manifest.clone().with("sources", source("Lines")).with("idempotency", by_id);
    let refused = chancery.sign(&lines, &[]).await?.expect_code(2)?;
    assert!(refused.stderr.contains("has the format Lines or Whole"), "{}", refused.stderr);

    let manifest = manifest.with("idempotency", by_id);
    let summary = chancery.sign(&manifest, &["--output", "json"]).await?.expect_code(0)?.json()?;
    assert_eq!(
        (&summary["signed"], &summary["arrivals"]["duplicates"]),
        (&20.into(), &1.into()),
        "{summary}"
    );
    let arrivals = chancery.run(&["export", "demo", "arrivals"]).await?.expect_code(0)?.stdout;
    let arrivals: Vec<Value> = arrivals.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let of = |state: &'static str| arrivals.iter().filter(move |arrival| arrival["state"] == state);
    let duplicate = of("Duplicate").next().expect("a duplicate");
    let repeated = of("Admitted").find(|arrival| arrival["record"] == duplicate["duplicateOf"]["record"]);
    let repeated = repeated.expect("the record that it repeats");
    assert_eq!(repeated["identity"], duplicate["identity"]);
    assert_ne!(repeated["digest"], duplicate["digest"], "its payload is another one");
    assert_eq!(duplicate["identity"].as_str().map(str::len), Some(64));

    let other = manifest.with("idempotency", "{by: Expression, expression: record.more}");
    let refused = chancery.sign(&other, &[]).await?.expect_code(2)?;
    assert!(refused.stderr.contains("spec.idempotency.expression"), "{}", refused.stderr);
    Ok(())
}
