//! `chancery export`: names and order of the fields are a contract; what is exported is what is stored.

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chancery_keyring::{Algorithm, VerifyingKey};
use chancery_kit::{Chancery, Ended, Manifest, SeededRun, TestLedger, TestRun};
use chancery_process::peak_memory_kib;
use chancery_store::lease::Acquired;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use uuid::Uuid;

async fn export(chancery: &Chancery, what: &str) -> anyhow::Result<Vec<String>> {
    let Ended { stdout, .. } = chancery.run(&["export", "demo", what]).await?.expect_code(0)?;
    assert!(stdout.ends_with('\n'), "the last line is whole");
    Ok(stdout.lines().map(str::to_owned).collect())
}

/// The line as an object, once it has exactly these fields in this order.
fn with_fields(line: &str, fields: &[&str]) -> anyhow::Result<Value> {
    let object: Value = serde_json::from_str(line)?;
    assert_eq!(object.as_object().map(serde_json::Map::len), Some(fields.len()), "{line}");
    let mut rest = line.strip_prefix('{').unwrap_or_default();
    for (number, field) in fields.iter().enumerate() {
        let name = format!("{}\"{field}\":", if number > 0 { "," } else { "" });
        let place = rest.find(&name).unwrap_or_else(|| panic!("{field} is not in its place in {line}"));
        assert!(number > 0 || place == 0, "{line}");
        rest = &rest[place + name.len()..];
    }
    Ok(object)
}

fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object[field].as_str().unwrap_or_else(|| panic!("{field} of {object} is a text"))
}

fn bytes(object: &Value, field: &str) -> anyhow::Result<Vec<u8>> {
    Ok(STANDARD.decode(text(object, field))?)
}

/// An instant as RFC 3339 has it, in UTC: 2026-01-31T23:59:59.123456Z.
fn assert_rfc_3339(instant: &str) {
    let shape: String = instant.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    assert_eq!(shape, "9999-99-99T99:99:99.999999Z", "{instant}");
}

/// A complete run of 45 records in batches of 10, signed with ES256.
async fn signed() -> anyhow::Result<(TestLedger, Chancery)> {
    let ledger = TestLedger::new().await?;
    let chancery = Chancery::on(&ledger.url)?;
    let manifest = Manifest::new().of(45, 3, 10).with("algorithm", "ES256");
    chancery.sign(&manifest, &[]).await?.expect_code(0)?;
    Ok((ledger, chancery))
}

#[tokio::test]
async fn records_are_exported_as_they_are_stored() -> anyhow::Result<()> {
    let (ledger, chancery) = signed().await?;
    let stored: Vec<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT record, payload FROM chancery.records ORDER BY record")
            .fetch_all(ledger.ledger.pool())
            .await?;
    let lines = export(&chancery, "records").await?;
    assert_eq!(lines.len(), 45);
    for (line, (record, payload)) in lines.iter().zip(stored) {
        let batch = (record - 1) / 10 + 1;
        let payload = STANDARD.encode(payload);
        assert_eq!(*line, format!(r#"{{"record":{record},"batch":{batch},"payload":"{payload}"}}"#));
    }
    Ok(())
}

#[tokio::test]
async fn exported_signatures_verify_with_the_exported_keys_over_the_exported_records() -> anyhow::Result<()> {
    let (ledger, chancery) = signed().await?;
    let records = export(&chancery, "records").await?;
    let signatures = export(&chancery, "signatures").await?;
    let mut keys = std::collections::HashMap::new();
    for line in export(&chancery, "keys").await? {
        let key = with_fields(&line, &["key", "algorithm", "publicKey"])?;
        assert_eq!(key["algorithm"], "ES256");
        keys.insert(text(&key, "key").to_owned(), from_pem(text(&key, "publicKey"))?);
    }
    assert_eq!((keys.len(), signatures.len()), (3, 45));
    for (record, line) in records.iter().zip(&signatures) {
        let record: Value = serde_json::from_str(record)?;
        let fields = ["record", "batch", "key", "algorithm", "signature", "signedAt"];
        let signature = with_fields(line, &fields)?;
        assert_eq!((&signature["record"], &signature["batch"]), (&record["record"], &record["batch"]));
        assert_eq!(signature["algorithm"], "ES256");
        assert_rfc_3339(text(&signature, "signedAt"));
        let raw = bytes(&signature, "signature")?;
        assert_eq!(raw.len(), 64, "r and s, as JOSE has them");
        assert!(keys[text(&signature, "key")].verify(&bytes(&record, "payload")?, &raw), "{line}");
    }
    let stored: Vec<u8> = sqlx::query_scalar("SELECT signature FROM chancery.signatures WHERE record = 45")
        .fetch_one(ledger.ledger.pool())
        .await?;
    assert_eq!(bytes(&serde_json::from_str(&signatures[44])?, "signature")?, stored);
    Ok(())
}

/// Reads a PEM public key, which has to look like the output of `openssl pkey -pubout`.
fn from_pem(pem: &str) -> anyhow::Result<VerifyingKey> {
    let body = pem
        .strip_prefix("-----BEGIN PUBLIC KEY-----\n")
        .and_then(|rest| rest.strip_suffix("-----END PUBLIC KEY-----\n"))
        .ok_or_else(|| anyhow::anyhow!("no PEM: {pem}"))?;
    assert!(body.lines().all(|line| line.len() <= 64), "{pem}");
    let der = STANDARD.decode(body.replace('\n', ""))?;
    Ok(VerifyingKey::from_spki_der(Algorithm::Es256, &der)?)
}

#[tokio::test]
async fn leases_are_exported_with_their_ends_and_open_ones_without() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().records(30).seeded(&ledger).await?;
    let chancery = Chancery::on(&ledger.url)?;
    let mut session = run.session("somebody").await?;
    for abandon in [true, false] {
        let Acquired::Leased(lease) = session.acquire().await?.0 else { anyhow::bail!("no lease") };
        if abandon {
            session.abandon(&lease).await?;
        }
    }
    let lines = export(&chancery, "leases").await?;
    let fields = [
        "lease",
        "key",
        "batch",
        "holder",
        "useSequence",
        "acquiredAt",
        "expiresAt",
        "releasedAt",
        "outcome",
    ];
    let leases = lines.iter().map(|line| with_fields(line, &fields)).collect::<Result<Vec<_>, _>>()?;
    let seen: Vec<_> =
        leases.iter().map(|lease| (&lease["useSequence"], &lease["batch"], &lease["outcome"])).collect();
    assert_eq!(seen, [(&1.into(), &1.into(), &"abandoned".into()), (&2.into(), &2.into(), &Value::Null)]);
    assert!(leases[1]["releasedAt"].is_null());
    assert_rfc_3339(text(&leases[0], "releasedAt"));
    for lease in &leases {
        assert_eq!(lease["holder"], "somebody");
        assert_same_instants(&run, lease).await?;
    }
    ledger.ledger.release_holders(&run.run, &["somebody".to_owned()]).await?;
    run.finish().await
}

/// What is exported of a lease is what the database has, to the microsecond.
async fn assert_same_instants(run: &SeededRun<'_>, lease: &Value) -> anyhow::Result<()> {
    let same = "SELECT acquired_at = $2::timestamptz AND expires_at = $3::timestamptz AND key_id = $4
                  FROM chancery.leases WHERE id = $1";
    let (acquired, expires) = (text(lease, "acquiredAt"), text(lease, "expiresAt"));
    assert_rfc_3339(acquired);
    assert_rfc_3339(expires);
    let same: bool = sqlx::query_scalar(same)
        .bind(lease["lease"].as_i64())
        .bind(acquired)
        .bind(expires)
        .bind(text(lease, "key").parse::<Uuid>()?)
        .fetch_one(run.ledger.ledger.pool())
        .await?;
    assert!(same, "{lease}");
    Ok(())
}

#[tokio::test]
async fn only_the_run_that_was_asked_for_is_exported() -> anyhow::Result<()> {
    let (_ledger, chancery) = signed().await?;
    let before = export(&chancery, "signatures").await?;
    chancery.sign(&Manifest::new().named("other"), &[]).await?.expect_code(0)?;
    assert_eq!(export(&chancery, "signatures").await?, before);
    assert_eq!(export(&chancery, "records").await?.len(), 45);
    assert_eq!(export(&chancery, "keys").await?.len(), 3);
    assert_eq!(export(&chancery, "leases").await?.len(), 5);
    Ok(())
}

#[tokio::test]
async fn a_run_without_signatures_exports_none() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let _run = TestRun::new().seeded(&ledger).await?;
    let chancery = Chancery::on(&ledger.url)?;
    for what in ["signatures", "leases"] {
        let ended = chancery.run(&["export", "demo", what]).await?.expect_code(0)?;
        assert_eq!(ended.stdout, "", "{what}");
    }
    Ok(())
}

#[tokio::test]
async fn an_export_takes_little_memory_whatever_the_size_of_the_run() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let _run = TestRun::new().records(200_000).batch_size(1_000).seeded(&ledger).await?;
    let chancery = Chancery::on(&ledger.url)?;
    let mut export = chancery.start(&["export", "demo", "records"])?;
    let pid = export.id().ok_or_else(|| anyhow::anyhow!("it has ended"))?;
    let stdout = export.stdout.take().ok_or_else(|| anyhow::anyhow!("no standard output"))?;
    let mut lines = BufReader::new(stdout).lines();
    let mut peaks = Vec::new();
    // It cannot end before the rest is read: the pipe holds a few hundred lines.
    for number in 1..=150_000 {
        assert!(lines.next_line().await?.is_some(), "line {number}");
        if number % 50_000 == 0 {
            peaks.push(peak_memory_kib(pid).context("it still runs")?);
        }
    }
    assert!(peaks[2] < 48 << 10, "{peaks:?} KiB");
    assert!(peaks[2] < peaks[0] + (4 << 10), "it does not grow along the way: {peaks:?} KiB");
    while lines.next_line().await?.is_some() {}
    assert_eq!(export.wait().await?.code(), Some(0));
    Ok(())
}

#[tokio::test]
async fn a_reader_that_has_read_enough_ends_an_export_quietly() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let _run = TestRun::new().records(20_000).seeded(&ledger).await?;
    let chancery = Chancery::on(&ledger.url)?;
    let mut export = chancery.start(&["export", "demo", "records"])?;
    let stdout = export.stdout.take().ok_or_else(|| anyhow::anyhow!("no standard output"))?;
    let mut lines = BufReader::new(stdout).lines();
    assert!(lines.next_line().await?.is_some_and(|line| line.starts_with(r#"{"record":1,"batch":1,"#)));
    drop(lines);
    let ended = Ended::of(export).await?.expect_code(0)?;
    assert_eq!(ended.stderr, "");
    Ok(())
}
