//! What somebody can do who has the login of a gateway, and what they try besides, in SQL with that login and no other.

use std::collections::BTreeSet;

use chancery_kit::{SeededRun, TestLedger, TestRun, eventually, throw_away};
use chancery_sources::letters::{Selection, Wanted, discard, take_up};
use chancery_store::intake::DeadArrival;
use chancery_store::pushing::{Push, PushAnswer, SealAnswer};
use chancery_store::{Ledger, LedgerUrl, StoreError};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::stolen_intake::answer;
use crate::{assert_denied, refusal, stored};

pub(crate) const CALLABLE: [&str; 20] = [
    "dead_letters_after",
    "keyring_show",
    "ledger_version",
    "letter_history",
    "letters_after",
    "letters_end",
    "letters_log",
    "letters_redrive",
    "public_keys",
    "pushes_find",
    "pushes_pending",
    "pushes_seal",
    "pushes_settled",
    "record_of_digest",
    "record_payload",
    "records_push",
    "run_policy",
    "run_show",
    "runs_standing",
    "signatures_of",
];

async fn thief(ledger: &TestLedger) -> anyhow::Result<PgConnection> {
    Ok(PgConnection::connect(&ledger.gateway_url).await?)
}

fn http() -> Value {
    json!({"http": {"maxPending": 1000, "periodMicros": 50_000}})
}

/// A run to which programs push, with its keys.
async fn pushed(ledger: &TestLedger) -> anyhow::Result<SeededRun<'_>> {
    TestRun::new()
        .keys(1)
        .batch_size(2)
        .keyring("ring")
        .reads_described("push", http())
        .created(ledger)
        .await?
        .stocked()
        .await
}

/// Two payloads.
fn two() -> Push {
    let mut push = Push { arrivals: 2, places: vec![0, 1], ..Push::default() };
    push.payloads.push(b"one");
    push.payloads.push(b"two");
    push
}

#[tokio::test]
async fn a_thief_reads_the_ledgers_uid_and_no_other_table_and_writes_to_none() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().seeded(&ledger).await?;
    let mut thief = thief(&ledger).await?;
    let before = ledger.fingerprint().await?;
    for (table, column) in stored(&ledger).await? {
        let read = format!("TABLE chancery.{table}");
        if table == "ledger" {
            assert_eq!(refusal(&mut thief, &read).await?, None, "{read}");
        } else {
            assert_denied(&mut thief, &read).await?;
        }
        for statement in [
            format!("INSERT INTO chancery.{table} DEFAULT VALUES"),
            format!("UPDATE chancery.{table} SET {column} = NULL"),
            format!("DELETE FROM chancery.{table}"),
            format!("TRUNCATE chancery.{table}"),
            format!("DROP TABLE chancery.{table}"),
        ] {
            assert_denied(&mut thief, &statement).await?;
        }
    }
    for statement in [
        "TABLE chancery.signatures",
        "CREATE TABLE chancery.mine (id integer)",
        "CREATE SCHEMA mine",
        "CREATE ROLE accomplice",
        "SET ROLE chancery_operator",
        "SET ROLE chancery_auditor",
        "SET ROLE chancery_signer",
        "SET ROLE chancery_logins",
        "SELECT chancery_logins.change('drop', 'chancery_0123456789ab_r1_01234567', NULL, NULL, NULL)",
        "SET session_replication_role = replica",
    ] {
        assert_denied(&mut thief, statement).await?;
    }
    assert_eq!(ledger.fingerprint().await?, before);
    run.finish().await
}

#[tokio::test]
async fn a_thief_calls_what_pushes_and_shows_records_and_no_other_function() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    // Of a strict function with a null, the server makes a null without asking who may call it: so it is asked that.
    let callable: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT p.proname::text FROM pg_proc p
          WHERE p.pronamespace = 'chancery'::regnamespace AND has_function_privilege(p.oid, 'EXECUTE')",
    )
    .fetch_all(&mut thief(&ledger).await?)
    .await?;
    let callable: BTreeSet<_> = callable.iter().map(String::as_str).collect();
    assert_eq!(callable, BTreeSet::from(CALLABLE));
    let mut thief = thief(&ledger).await?;
    for call in [
        "SELECT chancery.run_remove(1)",
        "SELECT * FROM chancery.lease_acquire(1, gen_random_uuid(), 'me', sha256('x'), 0, 1)",
        "SELECT chancery.run_turn(1)",
        "SELECT chancery.batch_close_late(1)",
        "SELECT * FROM chancery.intake_next('me', sha256('x'))",
        "SELECT chancery.pushes_end(1)",
    ] {
        assert_denied(&mut thief, call).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_thief_pushes_to_runs_that_take_pushes_seals_them_and_reads_records_and_nothing_of_keys_or_owners()
-> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = pushed(&ledger).await?;
    let other = TestRun::new().named("other").keys(1).seeded_beside(&run).await?;
    let mut thief = thief(&ledger).await?;
    let (id, uid) = (run.run.id, run.run.uid);

    let shown = answer(&mut thief, "chancery.run_show('default', 'demo')").await?;
    let told = shown[0].as_object().expect("a run");
    let sources: Value = serde_json::from_str(told["sources"].as_str().unwrap_or_default())?;
    assert_eq!((&told["id"], &sources[0]["http"]["maxPending"]), (&json!(id), &json!(1000)));
    for hidden in [
        run.run.owner.object_uid.to_string(),
        other.run.owner.object_uid.to_string(),
        run.run.keyring.data_key_fingerprint.clone(),
    ] {
        let all = answer(&mut thief, "chancery.run_show('default', 'other')").await?;
        assert!(
            !shown.to_string().contains(&hidden) && !all.to_string().contains(&hidden),
            "{hidden} is told"
        );
    }
    assert_eq!(answer(&mut thief, "chancery.run_show('elsewhere', 'demo')").await?, json!([]));
    let keys = answer(&mut thief, &format!("chancery.public_keys({})", run.run.keyring.id)).await?;
    let columns: BTreeSet<_> = keys[0].as_object().expect("a key").keys().cloned().collect();
    assert_eq!(columns, BTreeSet::from(["id".to_owned(), "public_key".to_owned()]));

    let push = |run: i32, payload: &str| {
        format!(
            "chancery.records_push({run}, '{uid}', 1, ARRAY['{payload}']::bytea[], ARRAY[0]::bigint[], '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', NULL, '{{}}', '{{}}', '{{}}')"
        )
    };
    let taken = answer(&mut thief, &push(id, "mine")).await?;
    assert_eq!((&taken[0]["answer"], &taken[0]["first_record"]), (&json!("admitted"), &json!(1)));
    // To a run that has other sources, or with the uid of another, nothing is pushed, and it is not sealed.
    let before = ledger.fingerprint().await?;
    let of_other = answer(&mut thief, &push(other.run.id, "mine")).await?;
    assert_eq!(of_other[0]["answer"], "unknown");
    for call in [
        format!(
            "SELECT chancery.records_push({}, '{}', 1, ARRAY['x']::bytea[], ARRAY[0]::bigint[], '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', NULL, '{{}}', '{{}}', '{{}}')",
            other.run.id, other.run.uid
        ),
        format!("SELECT chancery.pushes_seal({}, '{}')", other.run.id, other.run.uid),
        format!(
            "SELECT chancery.records_push({id}, '{uid}', 1, NULL, ARRAY[0]::bigint[], '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', NULL, '{{}}', '{{}}', '{{}}')"
        ),
        format!(
            "SELECT chancery.records_push({id}, '{uid}', 2, ARRAY['x']::bytea[], ARRAY[0]::bigint[], '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', NULL, '{{}}', '{{}}', '{{}}')"
        ),
        format!(
            "SELECT chancery.records_push({id}, '{uid}', 1, ARRAY['x']::bytea[], ARRAY[-1]::bigint[], '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', NULL, '{{}}', '{{}}', '{{}}')"
        ),
    ] {
        let _refused = refusal(&mut thief, &call).await?;
        assert_eq!(ledger.fingerprint().await?, before, "{call}");
    }
    let payload = answer(&mut thief, &format!("chancery.record_payload({id}, 1)")).await?;
    assert_eq!(
        payload,
        json!([{"payload": "\\x6d696e65", "flags": null}]),
        "any payload, by the number of its run"
    );
    assert_eq!(answer(&mut thief, &format!("chancery.pushes_seal({id}, '{uid}')")).await?, json!(["sealed"]));
    run.finish().await?;
    other.finish().await
}

#[tokio::test]
async fn a_thief_takes_no_turn_of_a_number_that_is_no_run_for_the_call() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = pushed(&ledger).await?;
    let other = TestRun::new().named("other").keys(1).seeded_beside(&run).await?;
    let mut thief = thief(&ledger).await?;
    let nothing = "'{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', NULL, '{}', '{}', '{}'";
    let push = |run: &str| {
        format!(
            "SELECT chancery.records_push({run}, 1, ARRAY['x']::bytea[], ARRAY[0]::bigint[], {nothing}) FROM generate_series(1, 100) n"
        )
    };
    let redrive = |run: &str| {
        format!(
            "SELECT chancery.letters_redrive({run}, 0, '', '', 1, 1, ARRAY['x']::bytea[], ARRAY[0]::bigint[], '{{}}', '{{}}', '{{}}', '{{}}', NULL)
               FROM generate_series(1, 100) n"
        )
    };
    let end = |run: &str| {
        format!(
            "SELECT chancery.letters_end({run}, 0, 'Move', 'name-' || n, '', '', ARRAY[1], ARRAY[1], ARRAY[0]::bigint[])
               FROM generate_series(1, 100) n"
        )
    };
    let seal = |run: &str| format!("SELECT chancery.pushes_seal({run}) FROM generate_series(1, 2000) n");
    let generated = format!("{}, '{}'", other.run.id, other.run.uid);
    let unsealed = format!("{}, '{}'", run.run.id, run.run.uid);
    let mut calls = vec![end(&unsealed)];
    for who in ["n, gen_random_uuid()", &generated] {
        calls.extend([seal(who), push(who), redrive(who), end(who)]);
    }
    sqlx::raw_sql("SET idle_in_transaction_session_timeout = 0; BEGIN").execute(&mut thief).await?;
    for call in calls {
        assert_eq!(refusal(&mut thief, &call).await?, None, "{call}");
        let locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()";
        assert_eq!(sqlx::query_scalar::<_, i64>(locks).fetch_one(&mut thief).await?, 0, "{call}");
    }
    sqlx::raw_sql("ROLLBACK").execute(&mut thief).await?;
    assert_eq!(ledger.ledger.seal_pushes(&run.run).await?, SealAnswer::Sealed);
    run.finish().await?;
    other.finish().await
}

#[tokio::test]
async fn a_turn_that_a_thief_keeps_is_found_and_ended() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = pushed(&ledger).await?;
    let mut thief = thief(&ledger).await?;
    let keep = format!("BEGIN; SELECT chancery.pushes_seal({}, '{}')", run.run.id, run.run.uid);
    sqlx::raw_sql(AssertSqlSafe(keep)).execute(&mut thief).await?;
    let operator = Ledger::connect(ledger.operator_url.parse()?, 2).await?;
    let open = operator.login_transactions().await?;
    let [turn] = open.as_slice() else { anyhow::bail!("{open:?}") };
    assert_eq!((turn.is_gateway, turn.holds_turn, turn.holds_ring), (true, true, false));
    assert!(!operator.end_session(&turn.login, 1).await?, "no session of that login");
    assert!(operator.end_session(&turn.login, turn.pid).await?);
    assert!(sqlx::query("SELECT 1").execute(&mut thief).await.is_err(), "its session goes on");
    assert_eq!(operator.seal_pushes(&run.run).await?, SealAnswer::Sealed);
    assert_eq!(operator.login_transactions().await?, []);

    // Of those who may do more, nobody's session is ended.
    let mut owner = PgConnection::connect(&ledger.url).await?;
    let owner: (String, i32) =
        sqlx::query_as("SELECT current_user::text, pg_backend_pid()").fetch_one(&mut owner).await?;
    assert!(operator.end_session(&owner.0, owner.1).await.is_err(), "that of the owner");
    run.finish().await
}

/// Ended then, it would be done here and not at the standby, and whoever asks again be told that it is done.
#[tokio::test]
async fn a_session_that_waits_for_a_synchronous_standby_is_left_alone() -> anyhow::Result<()> {
    let server = throw_away();
    let ledger = TestLedger::create(&server, "chancery").await?;
    let run = pushed(&ledger).await?;
    let operator = Ledger::connect(ledger.operator_url.parse()?, 2).await?;
    ledger.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'").await?;
    ledger.execute("SELECT pg_reload_conf()").await?;
    let mut gateway = thief(&ledger).await?;
    sqlx::raw_sql("SET synchronous_commit = on").execute(&mut gateway).await?;
    let seal = format!("SELECT chancery.pushes_seal({}, '{}')", run.run.id, run.run.uid);
    let sealing = tokio::spawn(async move {
        sqlx::query_scalar::<_, String>(AssertSqlSafe(seal)).fetch_one(&mut gateway).await
    });
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
    eventually("its commit waits", async || {
        sqlx::query_scalar::<_, i64>(waits)
            .fetch_one(ledger.ledger.pool())
            .await
            .is_ok_and(|count| count == 1)
    })
    .await;
    let open = operator.login_transactions().await?;
    let [turn] = open.as_slice() else { anyhow::bail!("{open:?}") };
    assert!(turn.is_gateway && turn.holds_turn, "{turn:?}");
    assert!(!operator.end_session(&turn.login, turn.pid).await?);
    ledger.execute("ALTER SYSTEM RESET synchronous_standby_names").await?;
    ledger.execute("SELECT pg_reload_conf()").await?;
    assert_eq!(sealing.await??, "sealed");
    run.finish().await
}

#[tokio::test]
async fn with_the_gateways_login_everything_is_done_that_the_api_does() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = pushed(&ledger).await?;
    let gateway = Ledger::connect(ledger.gateway_url.parse()?, 2).await?;
    gateway.check_version().await?;
    let shown = gateway.show_run("default", "demo").await?;
    assert_eq!((shown.id, shown.uid, &shown.input), (run.run.id, run.run.uid, &run.run.input));
    assert!(matches!(gateway.push(&shown, &two()).await?, PushAnswer::Taken(_)));
    assert!(gateway.former_pushes(&shown, &[&[0; 32]]).await?.is_empty());
    assert_eq!(gateway.unsigned_records(&shown).await?, 2);
    let standing = gateway.standing(&[shown.id]).await?;
    assert_eq!((standing[0].admitted, standing[0].signed, standing[0].sealed), (2, 0, false));
    assert_eq!(gateway.payload_of(&shown, 2).await?, Some((b"two".to_vec(), None)));
    assert_eq!(gateway.payload_of(&shown, 3).await?, None);
    let digest = [0x3f, 0xc4, 0xcc, 0xfe];
    assert_eq!(gateway.record_of_digest(&shown, &digest).await?, None);
    let of_one =
        sqlx::query_scalar::<_, Vec<u8>>("SELECT sha256('one')").fetch_one(ledger.ledger.pool()).await?;
    assert_eq!(gateway.record_of_digest(&shown, &of_one).await?, Some(1));
    assert!(gateway.given_up_after(&shown, (0, 0, -1), 10).await?.is_empty());
    assert_eq!(gateway.show_keyring("default", "ring").await?.id, run.run.keyring.id);
    assert_eq!(gateway.public_keys(&shown.keyring).await?.len(), 1);
    assert_eq!(gateway.seal_pushes(&shown).await?, SealAnswer::Sealed);
    run.finish().await?;
    assert_eq!(gateway.signatures_of(&shown, &[1, 2]).await?.len(), 2);

    // Of a run that is being deleted, nothing is shown.
    ledger
        .execute(AssertSqlSafe(format!(
            "UPDATE chancery.runs SET deleted_at = now() WHERE id = {}",
            shown.id
        )))
        .await?;
    assert!(gateway.show_run("default", "demo").await?.deleted);
    assert_eq!(gateway.payload_of(&shown, 1).await?, None);
    assert_eq!(gateway.record_of_digest(&shown, &of_one).await?, None);
    assert!(gateway.signatures_of(&shown, &[1]).await?.is_empty());
    let none = gateway.show_run("default", "none").await;
    assert!(matches!(none, Err(StoreError::NoRun(_))), "{none:?}");
    let refused = gateway.migrate().await.expect_err("it looks at no function's text");
    assert!(matches!(refused, StoreError::LacksRights(_)), "{refused}");
    Ok(())
}

#[tokio::test]
async fn the_owner_makes_the_gateways_login_once_and_gives_it_nothing_else() -> anyhow::Result<()> {
    let server = throw_away();
    let ledger = TestLedger::create(&server, "chancery").await?;
    let url = |login: &str| -> anyhow::Result<LedgerUrl> {
        Ok(server
            .url("chancery")
            .replace("user=chancery", &format!("user={login}&password=of%26its+own"))
            .parse()?)
    };
    for _ in 0..2 {
        ledger.ledger.make_gateway(&url("gate'way")?).await?;
        Ledger::connect(url("gate'way")?, 2).await?.check_version().await?;
    }
    let limits: (i32, Vec<String>) =
        sqlx::query_as("SELECT rolconnlimit, rolconfig FROM pg_roles WHERE rolname = 'gate''way'")
            .fetch_one(ledger.ledger.pool())
            .await?;
    let settings = ["temp_file_limit=256MB", "log_min_messages=fatal", "log_min_error_statement=panic"]
        .map(str::to_owned);
    assert_eq!(limits, (50, settings.to_vec()));
    ledger
        .execute(
            "CREATE ROLE mighty LOGIN SUPERUSER; CREATE ROLE operates LOGIN IN ROLE chancery_operator;
             CREATE ROLE audits LOGIN IN ROLE chancery_auditor; CREATE ROLE signs LOGIN IN ROLE chancery_signer;
             CREATE ROLE reads LOGIN IN ROLE chancery_intake",
        )
        .await?;
    for login in ["mighty", "chancery", "operates", "audits", "signs", "reads"] {
        let refused = ledger.ledger.make_gateway(&url(login)?).await;
        assert!(matches!(refused, Err(StoreError::TooMuchForGateway(_))), "{login}: {refused:?}");
    }
    Ok(())
}

#[tokio::test]
async fn with_the_gateways_login_dead_letters_are_taken_up_and_discarded_and_it_is_written_down()
-> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = pushed(&ledger).await?;
    let gateway = Ledger::connect(ledger.gateway_url.parse()?, 2).await?;
    let shown = gateway.show_run("default", "demo").await?;
    let dead =
        |place, raw: &str| DeadArrival::at_stage(place, "Parse", "no".to_owned(), raw.as_bytes().to_vec());
    let push = Push { arrivals: 2, dead: vec![dead(0, "one"), dead(1, "another")], ..Push::default() };
    assert!(matches!(gateway.push(&shown, &push).await?, PushAnswer::Taken(_)));
    let of = |bytes: usize| {
        let selector = Some(format!("bytes == {bytes}"));
        Selection::of(Wanted { selector, ..Wanted::default() })
    };
    assert_eq!(take_up(&gateway, &shown, &of(3)?, "somebody").await?.became.admitted, 1);
    assert_eq!(discard(&gateway, &shown, &of(7)?, "somebody").await?.letters, 1);
    let log = gateway.letter_log(&shown).await?;
    let login: String = sqlx::query_scalar("SELECT session_user::text").fetch_one(gateway.pool()).await?;
    assert!(log.len() == 2 && log.iter().all(|act| act.login == login), "{log:?}");
    assert_eq!(gateway.seal_pushes(&shown).await?, SealAnswer::Sealed);
    run.finish().await
}
