//! How programs reach a PostgreSQL that may not be the one it says it is: with TLS, without, and with old passwords.

use std::path::Path;
use std::time::Duration;

use chancery_kit::{
    Chancery, Manifest, Point, StepRelay, TestLedger, TlsServer, eventually, server, tls_server::PASSWORD,
};
use chancery_store::{Ledger, LedgerUrl, StoreError};
use sqlx::Row;

const SHORT: Duration = Duration::from_secs(20);

/// Whether the session at the server is encrypted.
async fn is_encrypted(url: &str) -> Result<bool, StoreError> {
    let mut connection = url.parse::<LedgerUrl>()?.connect(SHORT).await?;
    let asked = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let row = sqlx::query(asked).fetch_one(&mut connection).await.expect("an answer");
    Ok(row.get("ssl"))
}

fn with(mode: &str, authority: &Path) -> String {
    format!("sslmode={mode}&sslrootcert={}", authority.display())
}

#[tokio::test]
async fn a_server_is_verified_by_its_authority_and_verify_full_by_its_name_too() -> anyhow::Result<()> {
    let server = TlsServer::start().await?;
    let (own, other) = (server.authority(), server.other_authority());
    let at = |host: &str, parameters: &str| server.url("chancery", host, parameters);

    assert!(is_encrypted(&at("localhost", &with("verify-full", &own))).await?);
    // The certificate is for localhost.
    for url in [
        at("127.0.0.1", &with("verify-full", &own)),
        at("localhost", &with("verify-full", &other)),
        // A public authority would have to vouch for it.
        at("localhost", "sslmode=verify-full"),
        at("127.0.0.1", &with("verify-ca", &other)),
        at("127.0.0.1", &with("require", &other)),
    ] {
        let refused = is_encrypted(&url).await.expect_err("it is refused");
        assert!(refused.to_string().contains("certificate"), "{url}: {refused}");
    }
    assert!(is_encrypted(&at("127.0.0.1", &with("verify-ca", &own))).await?);
    assert!(is_encrypted(&at("127.0.0.1", &with("require", &own))).await?);
    Ok(())
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_may_ask_by_scram_only() -> anyhow::Result<()> {
    let server = TlsServer::start().await?;
    for (mode, encrypted) in [("sslmode=require", true), ("", true), ("sslmode=disable", false)] {
        assert_eq!(is_encrypted(&server.url("chancery", "127.0.0.1", mode)).await?, encrypted, "{mode:?}");
    }
    let wrong = server.url("chancery", "127.0.0.1", "sslmode=disable").replace(PASSWORD, "wrong");
    assert!(matches!(is_encrypted(&wrong).await, Err(StoreError::LoginRefused(_))));

    // The connections that a pool will make, too.
    let ledger = Ledger::connect(server.url("chancery", "127.0.0.1", "").parse()?, 2).await?;
    let options = ledger.pool().connect_options();
    assert!(options.get_socket().is_some_and(|socket| socket.to_string_lossy().contains("chancery-guard")));

    let mut owner = server.url("chancery", "127.0.0.1", "").parse::<LedgerUrl>()?.connect(SHORT).await?;
    for statement in ["SET password_encryption = 'md5'", "CREATE ROLE old LOGIN PASSWORD 'correct-horse'"] {
        sqlx::query(statement).execute(&mut owner).await?;
    }
    for mode in ["sslmode=require", "", "sslmode=disable"] {
        let refused =
            is_encrypted(&server.url("old", "127.0.0.1", mode)).await.expect_err("MD5 is asked for");
        assert!(matches!(refused, StoreError::UnsafeLogin(_)), "{mode:?}: {refused}");
    }
    assert!(is_encrypted(&server.url("old", "localhost", &with("verify-full", &server.authority()))).await?);
    Ok(())
}

#[tokio::test]
async fn a_run_is_signed_with_all_connections_guarded() -> anyhow::Result<()> {
    let server = TlsServer::start().await?;
    for mode in ["sslmode=disable", "sslmode=require"] {
        let chancery = Chancery::on(&server.url("chancery", "127.0.0.1", mode))?;
        let manifest = Manifest::new().named(if mode.ends_with("require") { "encrypted" } else { "plain" });
        chancery.sign(&manifest, &[]).await?.expect_code(0)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_url_that_protects_nothing_without_saying_so_is_refused_before_anybody_is_asked()
-> anyhow::Result<()> {
    // `invalid` is a name that nobody has.
    for mode in ["prefer", "allow", "verify-ca"] {
        let chancery = Chancery::on(&format!("postgres://u:secret@db.invalid/db?sslmode={mode}"))?;
        let said = chancery.run(&["status"]).await?.expect_code(2)?.stderr;
        assert!(said.contains("the database URL is not safe: sslmode="), "{said}");
        assert!(said.contains("sslmode=verify-full") && !said.contains("secret"), "{said}");
    }
    Ok(())
}

#[tokio::test]
async fn a_connection_whose_server_falls_silent_makes_room_for_another() -> anyhow::Result<()> {
    let (server, ledger) = (server(), TestLedger::new().await?);
    let socket = server.socket_dir().join(format!(".s.PGSQL.{}", server.port()));
    let relay = StepRelay::passing(&socket).await?;
    let path = ledger.url.split('?').next().unwrap_or_default();
    let url = relay.url("chancery", path.rsplit('/').next().unwrap_or_default());
    let one = Ledger::connect(url.parse()?, 1).await?;
    let is_answered = async || matches!(one.find_run("default", "none").await, Err(StoreError::NoRun(_)));
    for point in [Point::Unasked, Point::Unanswered] {
        // Of three: whether the connection still answers, the question, and once more whether it does.
        for step in [1, 3] {
            assert!(is_answered().await);
            eventually("it is put back", async || one.pool().num_idle() == 1).await;
            relay.hold(step, point);
            assert!(is_answered().await, "step {step}, {point:?}");
            relay.stands().await;
            assert!(is_answered().await, "after step {step}, {point:?}");
        }
    }
    Ok(())
}
