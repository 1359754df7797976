//! What somebody tries who has the login of one run, in SQL with that login and no other: against another run of the same
//! keyring, and against logins. After each attempt both runs are signed.

use chancery_kit::{SeededRun, TestLedger, TestRun, server};
use chancery_store::lease::{Acquired, Lease};
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use crate::{PERMISSION_DENIED, assert_denied, by_login, refusal};

/// `batch_store`: the lease is not that of whoever has the token.
pub(crate) const LEASE_LOST: &str = "CH001";

/// Two runs that sign with one keyring: the thief's, and another's.
pub(crate) struct Runs<'l> {
    pub(crate) own: SeededRun<'l>,
    pub(crate) other: SeededRun<'l>,
}

impl<'l> Runs<'l> {
    pub(crate) async fn of(ledger: &'l TestLedger) -> anyhow::Result<Self> {
        let run = |name| TestRun::new().named(name).keyring("ring").keys(4);
        let own = run("own").seeded(ledger).await?;
        let other = run("other").seeded_beside(&own).await?;
        Ok(Self { own, other })
    }

    /// Nothing is lost: both runs are signed, and audited.
    pub(crate) async fn finish(&self) -> anyhow::Result<()> {
        self.own.finish().await?;
        self.other.finish().await
    }
}

/// A ledger whose database has the rights that the migrations leave it with: a copy of one has not.
pub(crate) async fn ledger(name: &str) -> anyhow::Result<TestLedger> {
    TestLedger::create(server(), name).await
}

fn leased(acquired: Acquired) -> anyhow::Result<Lease> {
    match acquired {
        Acquired::Leased(lease) => Ok(lease),
        other => anyhow::bail!("no lease but {other:?}"),
    }
}

/// A lease of a run for whoever has its login; the token is `token`.
pub(crate) async fn lease(run: &SeededRun<'_>, connection: &mut PgConnection) -> anyhow::Result<i64> {
    let acquire = "SELECT lease_id FROM chancery.lease_acquire($1, $2, 'somebody', sha256('token'), 0, 1)";
    Ok(sqlx::query_scalar(acquire).bind(run.run.id).bind(run.run.uid).fetch_one(connection).await?)
}

#[tokio::test]
async fn a_lease_of_another_run_is_no_use_even_with_its_token() -> anyhow::Result<()> {
    let ledger = ledger("attack_leases").await?;
    let runs = Runs::of(&ledger).await?;
    let mut victim = by_login(&runs.other).await?;
    let held = lease(&runs.other, &mut victim).await?;
    let before = ledger.fingerprint().await?;
    let mut thief = by_login(&runs.own).await?;
    for attempt in [
        format!("chancery.lease_renew({held}, 'token') IS NOT NULL"),
        format!("chancery.lease_abandon({held}, 'token')"),
        format!(
            "(SELECT k.wrapped_key IS NOT NULL OR k.public_key IS NOT NULL FROM chancery.lease_key({held}, 'token') k)"
        ),
        format!("chancery.leases_durable('{}')", runs.other.run.uid),
        "EXISTS (SELECT FROM chancery.signer_run('default', 'other'))".to_owned(),
    ] {
        let sql = AssertSqlSafe(format!("SELECT {attempt}"));
        assert!(!sqlx::query_scalar::<_, bool>(sql).fetch_one(&mut thief).await?, "{attempt}");
        assert_eq!(ledger.fingerprint().await?, before, "{attempt}");
    }
    for last in [true, false] {
        let signatures = "decode(repeat('07', 640), 'hex')";
        let store =
            format!("SELECT chancery.batch_store({held}, 'token', 1, 10, {signatures}, {last}, 'aws-lc-rs')");
        assert_eq!(refusal(&mut thief, &store).await?.as_deref(), Some(LEASE_LOST), "{store}");
        assert_eq!(ledger.fingerprint().await?, before, "{store}");
    }
    // Its own holder does all of it.
    let renewed: Option<f64> = sqlx::query_scalar("SELECT chancery.lease_renew($1, 'token')")
        .bind(held)
        .fetch_one(&mut victim)
        .await?;
    assert_eq!(renewed, Some(30.0));
    let given_back: bool = sqlx::query_scalar("SELECT chancery.lease_abandon($1, 'token')")
        .bind(held)
        .fetch_one(&mut victim)
        .await?;
    assert!(given_back);
    runs.finish().await
}

#[tokio::test]
async fn another_run_is_not_leased_not_even_by_its_own_number_and_uid() -> anyhow::Result<()> {
    let ledger = ledger("attack_acquire").await?;
    let runs = Runs::of(&ledger).await?;
    let before = ledger.fingerprint().await?;
    let mut thief = by_login(&runs.own).await?;
    for role in ["RESET ROLE", "SET ROLE chancery_signer"] {
        sqlx::raw_sql(role).execute(&mut thief).await?;
        let acquire = "SELECT answer FROM chancery.lease_acquire($1, $2, 'somebody', sha256('token'), 0, 1)";
        let answer: String = sqlx::query_scalar(acquire)
            .bind(runs.other.run.id)
            .bind(runs.other.run.uid)
            .fetch_one(&mut thief)
            .await?;
        assert_eq!(answer, "unknown", "{role}");
        assert_eq!(ledger.fingerprint().await?, before, "{role}");
    }
    runs.finish().await
}

#[tokio::test]
async fn a_floor_above_the_last_use_of_keys_passes_none_of_them_over() -> anyhow::Result<()> {
    let ledger = ledger("attack_floor").await?;
    let runs = Runs::of(&ledger).await?;
    let mut honest = runs.other.session("honest").await?;
    // Each of the four keys was used; then one of them is held, and so the oldest open lease is not the newest one.
    for _ in 0..4 {
        let lease = leased(honest.acquire().await?.0)?;
        honest.abandon(&lease).await?;
    }
    let held = leased(honest.acquire().await?.0)?;
    let mut thief = by_login(&runs.own).await?;
    let acquire =
        "SELECT lease_id, key_id FROM chancery.lease_acquire($1, $2, 'somebody', sha256('token'), $3, 1)";
    let oldest = "SELECT k.id, k.last_use FROM chancery.keys k WHERE k.id <> $1 ORDER BY k.last_use LIMIT 1";
    let known = "SELECT l.use_floor FROM chancery.leases l ORDER BY l.use_sequence DESC LIMIT 1";
    for beyond in [Some(0), Some(1), Some(1_000), None] {
        let newest: i64 = sqlx::query_scalar("SELECT max(last_use) FROM chancery.keys")
            .fetch_one(ledger.ledger.pool())
            .await?;
        let floor = beyond.map_or(i64::MAX, |beyond| newest + beyond);
        let (oldest, last_use): (Uuid, i64) =
            sqlx::query_as(oldest).bind(held.key).fetch_one(ledger.ledger.pool()).await?;
        let (lease, key): (Option<i64>, Option<Uuid>) = sqlx::query_as(acquire)
            .bind(runs.own.run.id)
            .bind(runs.own.run.uid)
            .bind(floor)
            .fetch_one(&mut thief)
            .await?;
        assert_eq!(key, Some(oldest), "with the floor {floor}");
        let kept: i64 = sqlx::query_scalar(known).fetch_one(ledger.ledger.pool()).await?;
        assert!(kept <= last_use, "the ring's next lease begins to look at {kept}, beyond {last_use}");
        sqlx::query("SELECT chancery.lease_abandon($1, 'token')").bind(lease).execute(&mut thief).await?;
    }
    assert!(honest.abandon(&held).await?, "the honest signer has its lease still");
    runs.finish().await
}

#[tokio::test]
async fn the_records_of_another_run_and_the_tables_of_all_runs_are_closed() -> anyhow::Result<()> {
    let ledger = ledger("attack_reads").await?;
    let runs = Runs::of(&ledger).await?;
    let mut thief = by_login(&runs.own).await?;
    let (own, other) = (runs.own.run.id, runs.other.run.id);
    assert_eq!(refusal(&mut thief, &format!("SELECT payload FROM chancery.records_{own}")).await?, None);
    for table in [format!("records_{other}"), "records".to_owned(), "runs".to_owned(), "keyrings".to_owned()]
    {
        for read in ["TABLE", "SELECT FROM", "SELECT count(*) FROM"] {
            assert_denied(&mut thief, &format!("{read} chancery.{table}")).await?;
        }
        assert_denied(&mut thief, &format!("COPY chancery.{table} TO STDOUT")).await?;
    }
    for table in [
        "signatures".to_owned(),
        format!("signature_blocks_{own}"),
        format!("batches_{own}"),
        "logins".to_owned(),
        "leases".to_owned(),
    ] {
        assert_denied(&mut thief, &format!("TABLE chancery.{table}")).await?;
    }
    runs.finish().await
}

#[tokio::test]
async fn a_login_becomes_nobody_else_and_makes_and_alters_no_login() -> anyhow::Result<()> {
    let ledger = ledger("attack_roles").await?;
    let runs = Runs::of(&ledger).await?;
    let mut thief = by_login(&runs.own).await?;
    let (own, other) = (runs.own.login.name(), runs.other.login.name());
    let superuser = chancery_local_postgres::SUPERUSER;
    for attempt in [
        format!("SET ROLE {superuser}"),
        format!("SET SESSION AUTHORIZATION {superuser}"),
        "SET ROLE chancery_logins".to_owned(),
        "SET ROLE chancery_operator".to_owned(),
        "SET ROLE chancery_auditor".to_owned(),
        format!("SET ROLE {other}"),
        format!("SET SESSION AUTHORIZATION {other}"),
        format!("ALTER ROLE {other} SET work_mem = '1GB'"),
        format!("ALTER ROLE {other} PASSWORD 'mine'"),
        format!("ALTER ROLE {own} CONNECTION LIMIT 1000000"),
        format!("ALTER ROLE {own} CREATEROLE"),
        format!("ALTER ROLE {own} SET temp_file_limit = -1"),
        format!("ALTER ROLE {own} RESET temp_file_limit"),
        "ALTER ROLE chancery_signer SET work_mem = '1GB'".to_owned(),
        "ALTER ROLE ALL SET work_mem = '1GB'".to_owned(),
        "CREATE ROLE mine LOGIN".to_owned(),
        format!("DROP ROLE {other}"),
        format!("GRANT chancery_operator TO {own}"),
        format!("GRANT pg_execute_server_program TO {own}"),
        format!("GRANT SELECT ON chancery.records_{} TO {own}", runs.other.run.id),
        format!("COMMENT ON ROLE {own} IS 'mine'"),
        format!("SELECT chancery_logins.change('drop', '{other}', NULL, NULL, NULL)"),
        format!("SELECT chancery.login_bind({}, '{own}')", runs.other.run.id),
        format!("INSERT INTO chancery.logins VALUES ('{own}', {})", runs.other.run.id),
        format!("UPDATE chancery.logins SET run_id = {}", runs.other.run.id),
    ] {
        assert_denied(&mut thief, &attempt).await?;
    }
    // What is left to it is its own.
    sqlx::raw_sql("RESET ROLE; RESET SESSION AUTHORIZATION").execute(&mut thief).await?;
    let is: (String, String) =
        sqlx::query_as("SELECT current_user::text, session_user::text").fetch_one(&mut thief).await?;
    assert_eq!(is, (own.to_owned(), own.to_owned()));
    runs.finish().await
}

#[tokio::test]
async fn a_session_of_another_run_is_neither_ended_nor_cancelled() -> anyhow::Result<()> {
    let ledger = ledger("attack_sessions").await?;
    let runs = Runs::of(&ledger).await?;
    let mut victim = by_login(&runs.other).await?;
    let pid: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut victim).await?;
    let mut thief = by_login(&runs.own).await?;
    for attempt in ["pg_terminate_backend", "pg_cancel_backend"] {
        assert_denied(&mut thief, &format!("SELECT {attempt}({pid})")).await?;
    }
    let others =
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid()";
    assert_denied(&mut thief, others).await?;
    // Nor is there to be seen what it asks.
    let seen: Option<String> = sqlx::query_scalar("SELECT query FROM pg_stat_activity WHERE pid = $1")
        .bind(pid)
        .fetch_one(&mut thief)
        .await?;
    assert_eq!(seen.as_deref(), Some("<insufficient privilege>"));
    assert_eq!(sqlx::query_scalar::<_, i32>("SELECT pg_backend_pid()").fetch_one(&mut victim).await?, pid);
    runs.finish().await
}

#[tokio::test]
async fn no_signer_may_ask_for_what_only_the_maker_of_logins_does() -> anyhow::Result<()> {
    let ledger = ledger("attack_maker").await?;
    let runs = Runs::of(&ledger).await?;
    let mut thief = by_login(&runs.own).await?;
    let call = "SELECT chancery_logins.change('make', 'chancery_000000000000_r1_00000000', 'md5', 1, NULL)";
    assert_eq!(refusal(&mut thief, call).await?.as_deref(), Some(PERMISSION_DENIED));
    runs.finish().await
}
