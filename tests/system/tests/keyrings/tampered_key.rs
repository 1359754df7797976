//! Keys that were tampered with in the ledger: nothing is signed with them, the run fails and names the
//! key, what the other keys signed stays, and once the row is right again the same command goes on.

use chancery_kit::{Chancery, Manifest, TestLedger, stock};
use chancery_process::read_kek_file;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

const WRAPPED: &str = "does not open";
const PUBLIC: &str = "is not the private key of the public key";

/// What is done to the key of number 3, as `m`, whose neighbour of number 4 is `other`; and what the
/// signer says.
const TAMPERINGS: [(&str, &str, &str); 8] = [
    (
        "a bit of the ciphertext",
        "wrapped_key = set_byte(m.wrapped_key, 20, get_byte(m.wrapped_key, 20) # 1)",
        WRAPPED,
    ),
    (
        "a bit of the nonce",
        "wrapped_key = set_byte(m.wrapped_key, 5, get_byte(m.wrapped_key, 5) # 128)",
        WRAPPED,
    ),
    (
        "its last byte cut off",
        "wrapped_key = substring(m.wrapped_key FOR length(m.wrapped_key) - 1)",
        WRAPPED,
    ),
    ("nothing left of it", "wrapped_key = ''", "is cut short"),
    ("an unknown format", "wrapped_key = set_byte(m.wrapped_key, 0, 2)", "is wrapped in format 2"),
    ("the wrapped key of another of its ring", "wrapped_key = other.wrapped_key", WRAPPED),
    ("the public key of another of its ring", "public_key = other.public_key", PUBLIC),
    ("a public key that is none", "public_key = '\\xdeadbeef'", PUBLIC),
];

#[tokio::test]
async fn a_tampered_key_fails_the_run_by_name_signs_nothing_and_goes_on_once_restored() -> anyhow::Result<()>
{
    for (what, change, says) in TAMPERINGS {
        let ledger = TestLedger::new().await?;
        let chancery = Chancery::on(&ledger.url)?;
        chancery.sign(&Manifest::new().with("suspend", true), &[]).await?.expect_code(0)?;
        // Its keys, which its signers would make.
        let run = ledger.ledger.find_run("default", "demo").await?;
        stock(&ledger.ledger, &run, &read_kek_file(&chancery.folder().join("data/kek"))?).await?;
        let key = tampered(&ledger, change).await?;

        let failed = chancery.sign(&Manifest::new(), &[]).await?.expect_code(78)?;
        let named = format!("key {key}");
        assert!(failed.stderr.contains(&named) && failed.stderr.contains(says), "{what}: {failed:?}");
        let others = signed_by(&ledger, &format!("<> '{key}'")).await?;
        assert_eq!(signed_by(&ledger, &format!("= '{key}'")).await?, 0, "{what}");
        assert!(others > 0, "{what}: the keys before it in the ring signed");
        let open: i64 = count(&ledger, "FROM chancery.leases WHERE outcome IS NULL").await?;
        assert_eq!(open, 0, "{what}: what was leased is given back");

        ledger
            .execute(
                "UPDATE chancery.key_material m SET (wrapped_key, public_key) = (s.wrapped_key, s.public_key)
                          FROM saved s WHERE s.key_id = m.key_id",
            )
            .await?;
        let ended = chancery.sign(&Manifest::new(), &["--output", "json"]).await?.expect_code(0)?;
        assert_eq!(ended.json()?["audit"], "passed", "{what}");
        assert!(signed_by(&ledger, &format!("<> '{key}'")).await? >= others, "{what}: nothing was undone");
        assert!(signed_by(&ledger, &format!("= '{key}'")).await? > 0, "{what}: it signs again");
    }
    Ok(())
}

/// Changes the key of number 3 and gives its id; what it was is kept beside.
async fn tampered(ledger: &TestLedger, change: &str) -> anyhow::Result<Uuid> {
    ledger.execute("CREATE TABLE saved AS SELECT * FROM chancery.key_material").await?;
    let change = format!(
        "UPDATE chancery.key_material m SET {change} FROM chancery.key_material other
          WHERE m.key_id = (SELECT id FROM chancery.keys WHERE number = 3)
            AND other.key_id = (SELECT id FROM chancery.keys WHERE number = 4) RETURNING m.key_id"
    );
    Ok(sqlx::query_scalar(AssertSqlSafe(change)).fetch_one(ledger.ledger.pool()).await?)
}

async fn signed_by(ledger: &TestLedger, which_key: &str) -> anyhow::Result<i64> {
    let from = format!(
        "FROM chancery.signatures s JOIN chancery.leases l ON l.id = s.lease_id WHERE l.key_id {which_key}"
    );
    count(ledger, &from).await
}

async fn count(ledger: &TestLedger, from: &str) -> anyhow::Result<i64> {
    let count = format!("SELECT count(*) {from}");
    Ok(sqlx::query_scalar(AssertSqlSafe(count)).fetch_one(ledger.ledger.pool()).await?)
}
