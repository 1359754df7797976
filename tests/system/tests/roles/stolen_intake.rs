//! What somebody tries who has the login of an intake, in SQL with that login and no other: against another run, and with
//! nulls. After each attempt nothing has changed, and the runs are read and signed.

use std::collections::BTreeSet;

use anyhow::Context as _;
use chancery_kit::{SeededRun, TestLedger, TestRun};
use serde_json::{Value, json};
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, PgConnection};

use crate::intake::{CALLABLE, by_intake, run};
use crate::refusal;

const NOT_NULL_VIOLATION: &str = "23502";
const DATA_EXCEPTION: &str = "22000";
pub(crate) const INVALID_PARAMETER_VALUE: &str = "22023";

/// What an answer is, as JSON.
pub(crate) async fn answer(connection: &mut PgConnection, call: &str) -> anyhow::Result<Value> {
    let sql = format!("SELECT coalesce((SELECT jsonb_agg(a) FROM {call} AS a), '[]')");
    let Json(rows) = sqlx::query_scalar::<_, Json<Value>>(AssertSqlSafe(sql))
        .fetch_one(connection)
        .await
        .with_context(|| call.to_owned())?;
    Ok(rows)
}

/// Asks for what is to be done, under a token.
pub(crate) async fn next(connection: &mut PgConnection, token: &str) -> anyhow::Result<Value> {
    let call = format!("chancery.intake_next('somebody', sha256('{token}'))");
    let mut rows = answer(connection, &call).await?;
    rows.get_mut(0).map(Value::take).context("no answer")
}

/// Of arrivals that nothing judged.
const UNJUDGED: &str =
    "ROW (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::chancery.judgement";

/// Something of the other run, number 3, that waits, and is in somebody's hands.
const WAITS: &str = "INSERT INTO chancery.pendings (source, split, position, run_id, payload, arrived_at, not_before, holder, token_hash)
     VALUES (1, 1, 7, 3, 'theirs', now(), now(), 'somebody', sha256('theirs'))";

/// A call that admits one payload of one's own to the first split.
pub(crate) fn admit(token: &str) -> String {
    format!(
        "chancery.admit(1, 1, '{token}', 0, 1, '', false, ARRAY['mine']::bytea[], ARRAY[0]::bigint[], \
         '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', {UNJUDGED}, '{{}}', '{{}}', '{{}}')"
    )
}

/// A call that adds a split to the first source: a part of so many words.
pub(crate) fn add(token: &str, part: &Value) -> String {
    format!("chancery.splits_add(1, '{token}', 1, ARRAY['{part}'], ARRAY[0]::bigint[])")
}

/// Another run of the same namespace, which can be read again, and the run of the thief.
struct Runs<'l> {
    own: SeededRun<'l>,
    other: SeededRun<'l>,
}

/// The other run reads a third one again, and has a policy, so that each function that an intake may call could do something to it.
async fn runs<'l>(ledger: &'l TestLedger, folder: &std::path::Path) -> anyhow::Result<Runs<'l>> {
    let own = run(ledger, folder).await?;
    TestRun::new().named("first").records(20).keys(1).seeded_beside(&own).await?;
    let all = json!({"matchConditions": [{"name": "none", "expression": "source == 'nothing'"}]});
    let other = TestRun::new().named("other").keys(1).replays("first", "All").judged_by("all", &all);
    let other = other.created_beside(&own).await?.stocked().await?;
    Ok(Runs { own, other })
}

#[tokio::test]
async fn an_intake_of_one_run_gets_nothing_of_another() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let Runs { own, other } = runs(&ledger, folder.path()).await?;
    let (mut thief, mut victim) = (by_intake(&own).await?, by_intake(&other).await?);
    let mut tried = BTreeSet::new();

    assert_eq!(next(&mut victim, "theirs").await?["task"], "list");
    assert_eq!(other.run.id, 3);
    ledger.execute(WAITS).await?;
    let nothing_waits = json!({
        "task": "wait", "source": null, "name": null, "split": null, "place": null, "payload": null, "attempts": null,
        "judged_at": null, "pushed": null, "seconds": 2,
    });
    let settle = format!(
        "chancery.pendings_settle(1, 1, 'theirs', '{{7}}', '{{NULL}}', '{{}}', '{{}}', '{{}}', '{{x}}', {UNJUDGED})"
    );
    let moved =
        json!({"answer": "moved", "admitted": null, "duplicates": null, "dead": null, "rejected": null});
    let listing = [
        (
            "pendings_take",
            "chancery.pendings_take('somebody', sha256('theirs'), 10, 60)".to_owned(),
            json!([nothing_waits]),
        ),
        ("pendings_settle", settle, json!([moved])),
        (
            "pendings_put_off",
            "chancery.pendings_put_off('theirs', '{1}', '{1}', '{7}', '{no}', '{60}')".to_owned(),
            json!([0]),
        ),
        ("intake_run", "chancery.intake_run('default', 'other')".to_owned(), json!([])),
        ("intake_policy", "chancery.intake_policy()".to_owned(), json!([])),
        ("intake_renew", "chancery.intake_renew(1, NULL, 'theirs')".to_owned(), json!([false])),
        ("splits_add", add("theirs", &json!({})), json!([false])),
        ("source_listed", "chancery.source_listed(1, 'theirs', 0)".to_owned(), json!([false])),
        ("replay_list", "chancery.replay_list(1, 'theirs')".to_owned(), json!(["lost"])),
        (
            "intake_give_back",
            "chancery.intake_give_back(1, NULL, 'theirs', 'no', 60)".to_owned(),
            json!([false]),
        ),
    ];
    let before = ledger.fingerprint().await?;
    for (name, call, nothing) in listing {
        assert_eq!(answer(&mut thief, &call).await?, nothing, "{call}");
        assert_eq!(ledger.fingerprint().await?, before, "{call}");
        tried.insert(name);
    }

    assert_eq!(answer(&mut victim, "chancery.replay_list(1, 'theirs')").await?, json!(["listed"]));
    assert_eq!(next(&mut victim, "theirs").await?["task"], "read");
    let reading = [
        ("intake_renew", "chancery.intake_renew(1, 1, 'theirs')".to_owned(), json!([false])),
        ("replay_read", "chancery.replay_read(1, 1, 'theirs', 0)".to_owned(), json!([])),
        (
            "intake_give_back",
            "chancery.intake_give_back(1, 1, 'theirs', 'no', 60)".to_owned(),
            json!([false]),
        ),
    ];
    let before = ledger.fingerprint().await?;
    for (name, call, nothing) in reading {
        assert_eq!(answer(&mut thief, &call).await?, nothing, "{call}");
        assert_eq!(ledger.fingerprint().await?, before, "{call}");
        tried.insert(name);
    }
    let admitted = answer(&mut thief, &admit("theirs")).await?;
    assert_eq!(admitted[0]["answer"], "moved");
    assert_eq!(ledger.fingerprint().await?, before);
    tried.insert("admit");
    ledger.execute("DELETE FROM chancery.pendings").await?;
    // The victim has all of it still.
    let theirs = answer(&mut victim, "chancery.replay_read(1, 1, 'theirs', 0)").await?;
    assert_eq!(theirs.as_array().map(Vec::len), Some(20));
    let given_back = answer(&mut victim, "chancery.intake_give_back(1, 1, 'theirs', NULL, NULL)").await?;
    assert_eq!(given_back, json!([true]));

    // What there is to be done of the thief's own run, although there is to be read of the other.
    let own_task = next(&mut thief, "mine").await?;
    assert_eq!((&own_task["task"], &own_task["name"]), (&json!("list"), &json!("files")));
    let given_back = answer(&mut thief, "chancery.intake_give_back(1, NULL, 'mine', NULL, NULL)").await?;
    assert_eq!(given_back, json!([true]));
    tried.insert("intake_next");

    assert_eq!(tried, CALLABLE.into_iter().filter(|name| *name != "ledger_version").collect());
    for run in [&own, &other] {
        run.take_in().await?;
        run.finish().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_null_changes_nothing_in_the_place_of_any_argument() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let run = run(&ledger, folder.path()).await?;
    let mut thief = by_intake(&run).await?;
    let of = |arguments: &[&str]| arguments.iter().map(|argument| (*argument).to_owned()).collect::<Vec<_>>();
    let empty = "'{}'";
    let while_listing = [
        ("intake_run", of(&["'default'", "'demo'"])),
        ("intake_policy", of(&[])),
        ("splits_add", of(&["1", "'mine'", "1", "ARRAY['{}']", "ARRAY[0]::bigint[]"])),
        ("source_listed", of(&["1", "'mine'", "1"])),
        ("replay_list", of(&["1", "'mine'"])),
    ];
    let while_reading = [
        ("pendings_take", of(&["'somebody'", "sha256('more')", "10", "60"])),
        ("pendings_put_off", of(&["'mine'", "'{1}'", "'{1}'", "'{0}'", "'{no}'", "'{60}'"])),
        (
            "pendings_settle",
            of(&["1", "1", "'mine'", "'{0}'", "'{NULL}'", empty, empty, empty, "'{x}'", UNJUDGED]),
        ),
        ("intake_next", of(&["'somebody'", "sha256('more')"])),
        ("intake_renew", of(&["1", "1", "'mine'"])),
        ("replay_read", of(&["1", "1", "'mine'", "0"])),
        (
            "admit",
            of(&[
                "1",
                "1",
                "'mine'",
                "0",
                "1",
                "''",
                "false",
                "ARRAY['one']::bytea[]",
                "ARRAY[0]::bigint[]",
                empty,
                empty,
                empty,
                empty,
                empty,
                UNJUDGED,
            ]),
        ),
        // No error, and no time for which it is left alone, are no nulls by mistake: it is given back as it was.
        ("intake_give_back", of(&["1", "1", "'mine'"])),
    ];
    let called: BTreeSet<_> = while_listing.iter().chain(&while_reading).map(|(name, _)| *name).collect();
    assert_eq!(called, CALLABLE.into_iter().filter(|name| *name != "ledger_version").collect());

    assert_eq!(next(&mut thief, "mine").await?["task"], "list");
    for (name, arguments) in while_listing {
        nulls(&ledger, &mut thief, name, &arguments).await?;
    }
    for arrays in ["ARRAY['{}', NULL], ARRAY[0, 0]::bigint[]", "ARRAY['{}', '{}'], ARRAY[0, NULL]::bigint[]"]
    {
        let call = format!("SELECT chancery.splits_add(1, 'mine', 1, {arrays})");
        assert_eq!(refusal(&mut thief, &call).await?.as_deref(), Some(NOT_NULL_VIOLATION), "{call}");
    }
    assert_eq!(answer(&mut thief, &add("mine", &json!({}))).await?, json!([true]));
    assert_eq!(answer(&mut thief, "chancery.source_listed(1, 'mine', 1)").await?, json!([true]));
    assert_eq!(next(&mut thief, "mine").await?["task"], "read");
    for (name, arguments) in while_reading {
        nulls(&ledger, &mut thief, name, &arguments).await?;
    }
    Ok(())
}

/// Calls a function with a null in the place of each argument; what is not an argument here is null already.
async fn nulls(
    ledger: &TestLedger,
    thief: &mut PgConnection,
    name: &str,
    arguments: &[String],
) -> anyhow::Result<()> {
    let before = ledger.fingerprint().await?;
    let all: usize = sqlx::query_scalar::<_, i16>(
        "SELECT pronargs FROM pg_proc WHERE proname = $1 AND pronamespace = 'chancery'::regnamespace",
    )
    .bind(name)
    .fetch_one(ledger.ledger.pool())
    .await?
    .try_into()?;
    for place in 0..arguments.len() {
        let mut arguments = arguments.to_vec();
        "NULL".clone_into(&mut arguments[place]);
        arguments.resize(all, "NULL".to_owned());
        let call = format!("SELECT chancery.{name}({})", arguments.join(", "));
        let refused = refusal(thief, &call).await?;
        let expected = [NOT_NULL_VIOLATION, DATA_EXCEPTION, INVALID_PARAMETER_VALUE];
        assert!(refused.as_deref().is_none_or(|code| expected.contains(&code)), "{call}: {refused:?}");
        assert_eq!(ledger.fingerprint().await?, before, "{call}");
    }
    Ok(())
}
