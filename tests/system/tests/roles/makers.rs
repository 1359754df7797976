//! Who makes logins of runs: one function, for members of one role, and nothing but such logins.

use chancery_kit::{Chancery, Manifest, TestLedger, TestRun, server, throw_away};
use chancery_store::logins::ADMINISTRATOR_SQL;
use chancery_store::{Ledger, LedgerUrl, StoreError};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::{PERMISSION_DENIED, assert_denied, by_login, refusal};

const INVALID_PARAMETER_VALUE: &str = "22023";
const NOT_BARRED: &str = "55000";

/// What PostgreSQL keeps of some password.
const VERIFIER: &str = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$\
    WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

/// The name of a login of another ledger's than any of these.
const NAME: &str = "chancery_0123456789ab_r1_01234567";

/// The digits by which that name says whose it is.
const LEDGER: &str = "0123456789ab";

/// The same of the ledger in a database.
async fn digits(connection: &mut PgConnection) -> anyhow::Result<String> {
    let digits = "SELECT left(replace(uid::text, '-', ''), 12) FROM chancery.ledger";
    Ok(sqlx::query_scalar(digits).fetch_one(connection).await?)
}

fn make(name: &str, verifier: &str, connections: &str) -> String {
    format!("SELECT chancery_logins.change('make', {name}, {verifier}, {connections}, NULL)")
}

/// A login that owns its database and has no right of the server, after an administrator has done their part.
async fn modest(name: &str, administered: bool) -> anyhow::Result<String> {
    let administrator = server().url("postgres");
    let mut connection = PgConnection::connect(&administrator).await?;
    let make = format!("CREATE ROLE {name} LOGIN; CREATE DATABASE {name} OWNER {name}");
    for statement in make.split("; ") {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await?;
    }
    if administered {
        let mut connection = PgConnection::connect(&server().url(name)).await?;
        sqlx::raw_sql(ADMINISTRATOR_SQL).execute(&mut connection).await?;
    }
    Ok(server().url(name).replace("user=chancery", &format!("user={name}")))
}

/// Roles belong to the server: what makes them meets others that do.
async fn roles_are_there() -> anyhow::Result<()> {
    TestLedger::new().await.map(|_| ())
}

#[tokio::test]
async fn an_owner_without_any_right_of_the_server_signs_a_run_once_an_administrator_has_done_their_part()
-> anyhow::Result<()> {
    roles_are_there().await?;
    let url = modest("modest", true).await?;
    let chancery = Chancery::on(&url)?;
    let summary = chancery.sign(&Manifest::new(), &["--output", "json"]).await?;
    assert_eq!(summary.expect_code(0)?.json()?["audit"], "passed");
    // The login of the signers went with them.
    let mut connection = PgConnection::connect(&url).await?;
    let left = "SELECT count(*) FROM chancery.logins";
    assert_eq!(sqlx::query_scalar::<_, i64>(left).fetch_one(&mut connection).await?, 0);
    chancery.run(&["delete", "demo"]).await?.expect_code(0)?;
    Ok(())
}

#[tokio::test]
async fn an_owner_who_may_make_no_logins_is_told_in_one_sentence_what_an_administrator_has_to_run()
-> anyhow::Result<()> {
    roles_are_there().await?;
    let url = modest("lonely", false).await?;
    let chancery = Chancery::on(&url)?;
    let refused = chancery.sign(&Manifest::new(), &[]).await?.expect_code(2)?.stderr;
    for words in
        ["logins for the signers of runs cannot be made", "chancery roles-sql | psql", "chancery_operator"]
    {
        assert!(refused.contains(words), "{words}: {refused}");
    }
    let mut administrator = PgConnection::connect(&server().url("lonely")).await?;
    // A ledger that was migrated by then would be too new for the version of before.
    let is_made = "SELECT to_regnamespace('chancery') IS NOT NULL";
    assert!(!sqlx::query_scalar::<_, bool>(is_made).fetch_one(&mut administrator).await?);
    // What it is told to run is all that is missing.
    let sql = chancery.run(&["roles-sql"]).await?.expect_code(0)?.stdout;
    assert_eq!(sql, ADMINISTRATOR_SQL);
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut administrator).await?;
    chancery.sign(&Manifest::new(), &[]).await?.expect_code(0)?;
    Ok(())
}

#[tokio::test]
async fn the_maker_of_logins_makes_nothing_but_logins_of_runs() -> anyhow::Result<()> {
    roles_are_there().await?;
    let url = modest("maker", true).await?;
    Ledger::connect(url.parse()?, 1).await?.migrate().await?;
    let mut maker = PgConnection::connect(&url).await?;
    let (ledger, verifier) = (digits(&mut maker).await?, format!("'{VERIFIER}'"));
    let login = NAME.replace(LEDGER, &ledger);
    let name = format!("'{login}'");
    for name in [
        "NULL",
        "''",
        "'mine'",
        "'postgres'",
        "'chancery_signer'",
        "'chancery_0123456789ab_r1_0123456'",
        "'chancery_0123456789ab_r1_012345678'",
        "'chancery_0123456789aB_r1_01234567'",
        "'chancery_0123456789ab_r0_01234567'",
        "'chancery_0123456789ab_r12345678901_01234567'",
        "'xchancery_0123456789ab_r1_01234567'",
        "E'chancery_0123456789ab_r1_01234567\\n'",
        "'chancery_0123456789ab_r1_01234567 SUPERUSER'",
        "'chancery_0123456789ab_r1_01234567\" SUPERUSER --'",
        "repeat('x', 10000000)",
    ] {
        let call = make(&name.replace(LEDGER, &ledger), &verifier, "1");
        assert_eq!(refusal(&mut maker, &call).await?.as_deref(), Some(INVALID_PARAMETER_VALUE), "{name}");
    }
    for verifier in [
        "NULL".to_owned(),
        "''".to_owned(),
        "'in clear text'".to_owned(),
        "'md5' || repeat('0', 32)".to_owned(),
        format!("'{}'", VERIFIER.replace("4096", "1")),
        format!("'{VERIFIER} '"),
        format!("'{VERIFIER}'' SUPERUSER --'"),
    ] {
        let call = make(&name, &verifier, "1");
        assert_eq!(refusal(&mut maker, &call).await?.as_deref(), Some(INVALID_PARAMETER_VALUE), "{verifier}");
    }
    for connections in ["NULL", "0", "-1", "100001"] {
        let call = make(&name, &verifier, connections);
        assert_eq!(
            refusal(&mut maker, &call).await?.as_deref(),
            Some(INVALID_PARAMETER_VALUE),
            "{connections}"
        );
    }
    assert_eq!(refusal(&mut maker, &make(&name, &verifier, "1")).await?, None);
    for action in ["NULL", "''", "'MAKE'", "'superuser'"] {
        let call = format!("SELECT chancery_logins.change({action}, '{login}', '{VERIFIER}', 1, 1)");
        assert_eq!(refusal(&mut maker, &call).await?.as_deref(), Some(INVALID_PARAMETER_VALUE), "{action}");
    }

    let made: (bool, bool, bool, bool, bool, i32, Vec<String>) = sqlx::query_as(
        "SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls, rolconnlimit,
                ARRAY (SELECT m.roleid::regrole::text FROM pg_auth_members m WHERE m.member = r.oid)
           FROM pg_roles r WHERE rolname = $1",
    )
    .bind(&login)
    .fetch_one(&mut maker)
    .await?;
    assert_eq!(made, (false, false, false, false, false, 1, vec!["chancery_signer".to_owned()]));

    // The maker has no right of its own to them, nor to whom the function is.
    for attempt in [
        format!("SET ROLE {login}"),
        format!("ALTER ROLE {login} SUPERUSER"),
        format!("DROP ROLE {login}"),
        "SET ROLE chancery_logins".to_owned(),
        "GRANT chancery_logins TO CURRENT_USER".to_owned(),
        "CREATE FUNCTION chancery_logins.mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'".to_owned(),
        "CREATE ROLE mine".to_owned(),
    ] {
        assert_denied(&mut maker, &attempt).await?;
    }
    let drop = format!("SELECT chancery_logins.change('drop', '{login}', NULL, NULL, NULL)");
    assert_eq!(refusal(&mut maker, &drop).await?.as_deref(), Some(NOT_BARRED));
    assert_eq!(refusal(&mut maker, &drop.replace("drop", "bar")).await?, None);
    assert_eq!(refusal(&mut maker, &drop).await?, None);
    Ok(())
}

/// As after a restore: the ledger has rows of logins, and the server no roles of these names. An operator of another ledger would
/// sign the run with one.
#[tokio::test]
async fn no_login_is_made_of_another_ledger_of_the_server() -> anyhow::Result<()> {
    // One of its own: ledgers that are copies of each other have one uid.
    let server = throw_away();
    let (restored, other) =
        (TestLedger::create(&server, "restored").await?, TestLedger::create(&server, "other").await?);
    let mut run = TestRun::new().seeded(&restored).await?;
    let name = run.login.name().to_owned();
    restored.execute(AssertSqlSafe(format!("DROP OWNED BY {name}; DROP ROLE {name}"))).await?;

    let call = make(&format!("'{name}'"), &format!("'{VERIFIER}'"), "1");
    let mut thief = PgConnection::connect(&other.operator_url).await?;
    assert_eq!(refusal(&mut thief, &call).await?.as_deref(), Some(INVALID_PARAMETER_VALUE));
    assert_denied(&mut thief, "COMMENT ON SCHEMA chancery IS NULL").await?;
    // Where there is no ledger yet, it is no ledger's.
    let empty = server.url("empty");
    empty.parse::<LedgerUrl>()?.create_database().await?;
    let mut administrator = PgConnection::connect(&empty).await?;
    sqlx::raw_sql(ADMINISTRATOR_SQL).execute(&mut administrator).await?;
    assert_eq!(refusal(&mut administrator, &call).await?.as_deref(), Some(INVALID_PARAMETER_VALUE));

    run.login = restored.ledger.make_login(&run.run, 100).await?;
    run.finish().await
}

#[tokio::test]
async fn a_ledger_that_lost_its_comment_has_it_again_once_it_is_migrated() -> anyhow::Result<()> {
    let ledger = TestLedger::create(server(), "without_comment").await?;
    // As it was restored with `--no-comments`, or is that of a former version.
    ledger.execute("COMMENT ON SCHEMA chancery IS NULL").await?;
    let run = TestRun::new().seeded(&ledger).await?;
    ledger.ledger.migrate().await?;
    let comment: Option<String> =
        sqlx::query_scalar("SELECT obj_description('chancery'::regnamespace, 'pg_namespace')")
            .fetch_one(ledger.ledger.pool())
            .await?;
    let uid: uuid::Uuid =
        sqlx::query_scalar("SELECT uid FROM chancery.ledger").fetch_one(ledger.ledger.pool()).await?;
    assert_eq!(comment, Some(format!("the ledger {uid}")));
    run.finish().await
}

#[tokio::test]
async fn a_login_of_another_database_is_left_alone() -> anyhow::Result<()> {
    let (original, other) = (TestLedger::new().await?, TestLedger::new().await?);
    let run = TestRun::new().seeded(&original).await?;
    let name = run.login.name();
    let mut elsewhere = PgConnection::connect(&other.url).await?;
    for action in ["bar", "drop", "limit", "end"] {
        let call = format!("SELECT chancery_logins.change('{action}', '{name}', NULL, 1, 1) IS NULL");
        assert!(
            sqlx::query_scalar::<_, bool>(AssertSqlSafe(call)).fetch_one(&mut elsewhere).await?,
            "{action}"
        );
    }
    drop(by_login(&run).await?);
    run.finish().await
}

#[tokio::test]
async fn only_members_of_the_operators_role_have_logins_made() -> anyhow::Result<()> {
    roles_are_there().await?;
    let _owner = modest("members", true).await?;
    let mut administrator = PgConnection::connect(&server().url("members")).await?;
    sqlx::raw_sql(
        "CREATE ROLE bystander LOGIN; CREATE ROLE inspector_of_members LOGIN IN ROLE chancery_auditor",
    )
    .execute(&mut administrator)
    .await?;
    for who in ["bystander", "inspector_of_members"] {
        let mut connection =
            PgConnection::connect(&server().url("members").replace("user=chancery", &format!("user={who}")))
                .await?;
        let call = format!("SELECT chancery_logins.change('make', '{NAME}', '{VERIFIER}', 1, NULL)");
        assert_eq!(refusal(&mut connection, &call).await?.as_deref(), Some(PERMISSION_DENIED), "{who}");
    }
    Ok(())
}

#[tokio::test]
async fn a_login_that_may_make_roles_does_the_administrators_part_by_itself() -> anyhow::Result<()> {
    // A server of its own: nobody has made the roles there.
    let server = throw_away();
    let mut administrator = PgConnection::connect(&server.url("postgres")).await?;
    for statement in ["CREATE ROLE maker LOGIN CREATEROLE", "CREATE DATABASE maker OWNER maker"] {
        sqlx::raw_sql(statement).execute(&mut administrator).await?;
    }
    let url = server.url("maker").replace("user=chancery", "user=maker");
    let ledger = Ledger::connect(url.parse()?, 6).await?;
    ledger.migrate().await?;
    let ledger = TestLedger { ledger, operator_url: url.clone(), gateway_url: url.clone(), url };
    let run = TestRun::new().seeded(&ledger).await?;
    run.finish().await?;
    let owners: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT p.proowner::regrole::text FROM pg_proc p
           JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'chancery_logins'",
    )
    .fetch_all(ledger.ledger.pool())
    .await?;
    assert_eq!(owners, ["chancery_logins"]);
    let members: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid
          WHERE r.rolname = 'chancery_logins' AND NOT m.admin_option",
    )
    .fetch_one(ledger.ledger.pool())
    .await?;
    assert_eq!(members, 0);
    Ok(())
}

#[tokio::test]
async fn a_function_that_somebody_put_in_the_place_of_the_maker_is_replaced() -> anyhow::Result<()> {
    let ledger = TestLedger::create(server(), "replaced_maker").await?;
    ledger
        .execute(
            "DROP SCHEMA chancery_logins CASCADE; CREATE SCHEMA chancery_logins;
             CREATE FUNCTION chancery_logins.change(text, text, text, integer, integer) RETURNS bigint
             LANGUAGE sql AS 'SELECT 0::bigint';
             REVOKE CREATE ON SCHEMA chancery_logins FROM PUBLIC",
        )
        .await?;
    ledger.ledger.migrate().await?;
    let run = TestRun::new().seeded(&ledger).await?;
    run.finish().await
}

#[tokio::test]
async fn a_run_that_is_being_deleted_gets_no_login() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().seeded(&ledger).await?;
    ledger.execute("UPDATE chancery.runs SET deleted_at = clock_timestamp()").await?;
    let refused = ledger.ledger.make_login(&run.run, 1).await.expect_err("it is being deleted");
    assert!(matches!(refused, StoreError::BeingDeleted(_)), "{refused}");
    let ledger: &Ledger = &ledger.ledger;
    ledger.delete_run(&run.run).await?;
    assert_eq!(ledger.unneeded_logins().await?, Vec::<String>::new());
    assert!(by_login(&run).await.is_err(), "its login is gone with it");
    Ok(())
}

#[tokio::test]
async fn a_login_that_the_server_does_not_have_is_known_not_to_work_and_another_is_made() -> anyhow::Result<()>
{
    let ledger = TestLedger::new().await?;
    let mut run = TestRun::new().seeded(&ledger).await?;
    let known = ledger.ledger.logins(&run.run).await?;
    assert!(
        matches!(known.as_slice(), [login] if login.works && login.name == run.login.name()),
        "{known:?}"
    );
    // As on a server on which the ledger was restored.
    let name = run.login.name().to_owned();
    ledger.execute(AssertSqlSafe(format!("DROP OWNED BY {name}; DROP ROLE {name}"))).await?;
    let known = ledger.ledger.logins(&run.run).await?;
    assert!(matches!(known.as_slice(), [login] if !login.works), "{known:?}");
    ledger.ledger.drop_login(&name).await?;
    run.login = ledger.ledger.make_login(&run.run, 100).await?;
    let known = ledger.ledger.logins(&run.run).await?;
    assert!(
        matches!(known.as_slice(), [login] if login.works && login.name == run.login.name()),
        "{known:?}"
    );
    run.finish().await
}

#[tokio::test]
async fn a_copy_of_a_ledger_beside_the_original_leaves_the_logins_of_the_original_alone() -> anyhow::Result<()>
{
    let server = throw_away();
    let original = TestLedger::create(&server, "original").await?;
    let run = TestRun::new().seeded(&original).await?;
    original.ledger.pool().close().await;
    let copy = TestLedger::copy(&server, "copy", "original").await?;
    let known = copy.ledger.logins(&run.run).await?;
    assert!(matches!(known.as_slice(), [login] if !login.works), "{known:?}");
    copy.ledger.delete_run(&run.run).await?;
    assert_eq!(copy.ledger.logins(&run.run).await?, []);
    let (code, log) = run.start_signer("of the original")?.ended().await?;
    assert_eq!(code, Some(0), "{log}");
    Ok(())
}
