//! PgBouncer in front of the ledger: in session mode it works, in the others every program says so.

use std::time::Duration;

use chancery_kit::{
    Chancery, Ended, Manifest, PgBouncer, SignerProcess, TestLedger, TestRun, eventually, server,
};
use chancery_store::{LedgerUrl, SignerSession};
use sqlx::PgConnection;

/// What a person has to read, in whatever program.
const SENTENCE: [&str; 3] =
    ["(transaction or statement pooling)", "connect to PostgreSQL directly", "pool_mode = session"];

fn assert_says(words: &[&str], said: &str) {
    for word in words {
        assert!(said.contains(word), "{word:?} is not in: {said}");
    }
}

#[tokio::test]
async fn a_pool_that_shares_sessions_is_refused_by_signer_and_command_line() -> anyhow::Result<()> {
    for mode in ["transaction", "statement"] {
        let Some(pooler) = PgBouncer::start(server(), mode, &[]).await? else { return Ok(()) };
        let ledger = TestLedger::new().await?;
        let run = TestRun::new().seeded(&ledger).await?;
        let before = ledger.fingerprint().await?;
        let url = pooler.url(&ledger.url)?;

        let mut signer = SignerProcess::start(&run.url_by(&url)?, "demo", "one", &run.data_key_file, &[])?;
        let (code, log) = signer.ended().await?;
        assert_eq!(code, Some(78), "{mode}: {log}");
        assert_says(&SENTENCE, &log);

        let chancery = Chancery::on(&url)?;
        for command in [&["status"][..], &["verify", "demo"], &["delete", "demo", "--force"]] {
            assert_says(&SENTENCE, &chancery.run(command).await?.expect_code(2)?.stderr);
        }
        assert_says(&SENTENCE, &chancery.sign(&Manifest::new(), &[]).await?.expect_code(2)?.stderr);
        assert_eq!(ledger.fingerprint().await?, before, "{mode}");
    }
    Ok(())
}

#[tokio::test]
async fn a_shared_pool_is_refused_however_it_chooses_a_session() -> anyhow::Result<()> {
    let in_turn = ["server_round_robin = 1", "min_pool_size = 10"];
    let Some(pooler) = PgBouncer::start(server(), "transaction", &in_turn).await? else { return Ok(()) };
    let ledger = TestLedger::new().await?;
    let url: LedgerUrl = pooler.url(&ledger.url)?.parse()?;
    let refused = url.refuse_shared_sessions().await.expect_err("it is refused");
    assert!(!refused.is_transient(), "trying again is of no use");
    assert_says(&SENTENCE, &refused.to_string());
    Ok(())
}

#[tokio::test]
async fn a_pool_that_gets_past_the_first_look_is_refused_by_the_first_statement_that_meets_another()
-> anyhow::Result<()> {
    let Some(pooler) = PgBouncer::start(server(), "transaction", &[]).await? else { return Ok(()) };
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().seeded(&ledger).await?;
    let url: LedgerUrl = run.url_by(&pooler.url(&ledger.url)?)?.parse()?;
    // As sessions of a program do that made its check before somebody changed the pool's mode.
    let _one = SignerSession::connect(&url, "default", &run.run.name, "one").await;
    let refused = SignerSession::connect(&url, "default", &run.run.name, "two").await.expect_err("refused");
    assert!(!refused.is_transient(), "{refused}");
    // By the statement alone nobody can tell which of both it is.
    let words = ["in session mode that resets its sessions", "pool_mode = session", "DISCARD ALL"];
    assert_says(&words, &refused.to_string());
    Ok(())
}

#[tokio::test]
async fn a_pool_in_session_mode_that_does_not_reset_its_sessions_is_called_that() -> anyhow::Result<()> {
    let Some(pooler) = PgBouncer::start(server(), "session", &["server_reset_query ="]).await? else {
        return Ok(());
    };
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().seeded(&ledger).await?;
    let url = pooler.url(&ledger.url)?;
    let words =
        ["hands a session on with what its last client left in it", "server_reset_query = DISCARD ALL"];
    let as_signer = run.url_by(&url)?;
    let (code, log) =
        SignerProcess::start(&as_signer, "demo", "one", &run.data_key_file, &[])?.ended().await?;
    assert_eq!(code, Some(78), "{log}");
    let said = Chancery::on(&url)?.run(&["status"]).await?.expect_code(2)?.stderr;
    for said in [log, said] {
        assert_says(&words, &said);
        assert!(!said.contains("transaction or statement pooling"), "{said}");
    }
    Ok(())
}

#[tokio::test]
async fn a_parameter_that_the_pooler_refuses_is_named() -> anyhow::Result<()> {
    let Some(pooler) = PgBouncer::start(server(), "session", &[]).await? else { return Ok(()) };
    let ledger = TestLedger::new().await?;
    let url = format!("{}&options=-c%20geqo%3Doff", pooler.url(&ledger.url)?);
    let ended = Chancery::on(&url)?.run(&["status"]).await?.expect_code(2)?;
    let words = ["unsupported startup parameter: options", "take it out", "never in transaction mode"];
    assert_says(&words, &ended.stderr);
    Ok(())
}

#[tokio::test]
async fn through_a_pool_in_session_mode_a_run_completes() -> anyhow::Result<()> {
    let Some(pooler) = PgBouncer::start(server(), "session", &[]).await? else { return Ok(()) };
    let url = pooler.url(&TestLedger::empty_database().await?)?;
    let chancery = Chancery::on(&url)?;
    let manifest = Manifest::new().of(2_000, 8, 50).with("parallelism", 3);
    // Sessions of signers, which have another role, are lent to the owner after them.
    for manifest in [manifest.clone(), manifest.named("second")] {
        let ended = chancery.sign(&manifest, &[]).await?.expect_code(0)?;
        assert_says(&["passed"], &ended.stdout);
    }
    chancery.run(&["verify", "demo"]).await?.expect_code(0)?;
    chancery.run(&["delete", "demo"]).await?.expect_code(0)?;
    Ok(())
}

#[tokio::test]
async fn a_pooler_that_is_killed_in_mid_run_is_waited_for() -> anyhow::Result<()> {
    let Some(mut pooler) = PgBouncer::start(server(), "session", &[]).await? else { return Ok(()) };
    let ledger = TestLedger::new().await?;
    let run = TestRun::long().seeded(&ledger).await?;
    let url = run.url_by(&pooler.url(&ledger.url)?)?;
    let mut signers = Vec::new();
    for holder in ["one", "two"] {
        signers.push(SignerProcess::start(&url, "demo", holder, &run.data_key_file, &[])?);
    }
    eventually("some is signed", async || run.signed().await.is_ok_and(|signed| signed > 2_000)).await;
    pooler.kill();
    assert!(run.signed().await? < 50_000, "it was in mid-run");
    pooler.start_again().await?;
    for signer in &mut signers {
        let (code, log) = signer.ended().await?;
        assert_eq!(code, Some(0), "{log}");
    }
    run.assert_audit_holds().await
}

#[tokio::test]
async fn a_command_goes_on_when_its_pooler_is_killed_and_comes_back() -> anyhow::Result<()> {
    let Some(mut pooler) = PgBouncer::start(server(), "session", &[]).await? else { return Ok(()) };
    let database = TestLedger::empty_database().await?;
    let chancery = Chancery::on(&pooler.url(&database)?)?;
    let manifest = Manifest::new().of(60_000, 20, 100).with("leaseDuration", "\"5s\"");
    let signing = chancery.start_signing(&manifest, &[])?;
    let mut signed: i64 = 0;
    eventually("some is signed", async || {
        signed = count_signatures(&database).await.unwrap_or(0);
        signed > 2_000
    })
    .await;
    pooler.kill();
    assert!(signed < 60_000, "it was in mid-run");
    pooler.start_again().await?;
    let ended = Ended::of(signing).await?.expect_code(0)?;
    assert_says(&["passed"], &ended.stdout);
    Ok(())
}

async fn count_signatures(url: &str) -> anyhow::Result<i64> {
    let mut connection = <sqlx::PgConnection as sqlx::Connection>::connect(url).await?;
    Ok(sqlx::query_scalar("SELECT count(*) FROM chancery.signatures").fetch_one(&mut connection).await?)
}

#[tokio::test]
async fn a_login_of_a_run_is_let_through_a_pool_that_asks_the_server_for_its_password_and_no_other_is()
-> anyhow::Result<()> {
    let Some(pooler) = PgBouncer::start(server(), "session", &[]).await? else { return Ok(()) };
    let ledger = TestLedger::new().await?;
    let mut run = TestRun::new().seeded(&ledger).await?;
    let through = pooler.url(&ledger.url)?;
    let mut session = connect(&run.url_by(&through)?).await?;
    let who: String = sqlx::query_scalar("SELECT session_user::text").fetch_one(&mut session).await?;
    assert_eq!(who, run.login.name(), "at the server, too");
    drop(session);

    // Another login with this one's name, and one that was dropped.
    let (url, other) = (run.url_by(&through)?, ledger.ledger.make_login(&run.run, 10).await?);
    let forged = url.replace(run.login.name(), other.name());
    assert!(connect(&forged).await.is_err(), "with the password of another login");
    ledger.ledger.drop_login(run.login.name()).await?;
    assert!(connect(&url).await.is_err(), "with a login that was dropped");

    // One that was made while the pooler runs signs.
    run.login = other;
    let (code, log) =
        SignerProcess::start(&run.url_by(&through)?, "demo", "one", &run.data_key_file, &[])?.ended().await?;
    assert_eq!(code, Some(0), "{log}");
    run.assert_audit_holds().await
}

/// As the programs do, which send no parameter that a pooler refuses.
async fn connect(url: &str) -> anyhow::Result<PgConnection> {
    Ok(url.parse::<LedgerUrl>()?.connect(Duration::from_secs(20)).await?)
}
