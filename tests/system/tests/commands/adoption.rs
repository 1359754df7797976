//! `chancery run` beside a cluster: what was made for a SigningRun is left alone unless its uid is named.

use chancery_kit::{Chancery, Manifest, TestLedger};
use serde_json::Value;

/// As if a SigningRun of a cluster had made all that is in the ledger.
const FOR_A_CLUSTER: &str = "
    UPDATE chancery.runs SET namespace_uid = gen_random_uuid(), object_uid = gen_random_uuid();
    UPDATE chancery.keyrings SET namespace_uid = gen_random_uuid(), object_uid = gen_random_uuid()";

fn on_ring(name: &str) -> Manifest {
    Manifest::new().named(name).with("keyringRef", "{name: shared}")
}

async fn owners(chancery: &Chancery, command: &[&str], of: &str) -> anyhow::Result<Value> {
    let shown = chancery.run(&[command, &["-o", "json"]].concat()).await?.expect_code(0)?.json()?;
    Ok(shown[of][0]["owner"].clone())
}

#[tokio::test]
async fn a_run_of_a_cluster_is_gone_on_with_once_its_uid_is_named() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let chancery = Chancery::on(&ledger.url)?;
    let manifest = Manifest::new();
    chancery.sign(&manifest.clone().with("suspend", true), &[]).await?.expect_code(0)?;
    ledger.execute(FOR_A_CLUSTER).await?;
    let before = ledger.fingerprint().await?;
    let guess = ["--adopt", "00000000-0000-0000-0000-000000000000"];
    for more in [&[][..], &guess] {
        let refused = chancery.sign(&manifest, more).await?.expect_code(2)?;
        for words in ["the run default/demo of this ledger was made for a SigningRun", "--adopt UID"] {
            assert!(refused.stderr.contains(words), "{words}: {}", refused.stderr);
        }
    }
    assert_eq!(ledger.fingerprint().await?, before);

    let owner = owners(&chancery, &["status"], "runs").await?;
    let uid = owner["objectUid"].as_str().unwrap_or_default();
    let table = chancery.run(&["status"]).await?.expect_code(0)?.stdout;
    assert!(table.contains("MADE FOR") && table.contains(uid), "{table}");
    let summary = chancery.sign(&manifest, &["--adopt", uid, "-o", "json"]).await?.expect_code(0)?.json()?;
    assert_eq!((&summary["audit"], &summary["signed"]), (&"passed".into(), &200.into()), "{summary}");
    let taken = owners(&chancery, &["status"], "runs").await?;
    assert_eq!(taken["adoptedFrom"], owner["objectUid"]);
    assert_eq!(taken["namespaceUid"], "00000000-0000-0000-0000-000000000000");
    // From then on it is nobody's but the owner's of the database.
    chancery.sign(&manifest, &[]).await?.expect_code(0)?;
    Ok(())
}

#[tokio::test]
async fn a_keyring_of_a_cluster_is_signed_with_once_the_uid_of_its_maker_is_named() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let chancery = Chancery::on(&ledger.url)?;
    chancery.sign(&on_ring("one"), &[]).await?.expect_code(0)?;
    ledger.execute(FOR_A_CLUSTER).await?;
    let before = ledger.fingerprint().await?;
    let refused = chancery.sign(&on_ring("two"), &[]).await?.expect_code(2)?;
    assert!(
        refused.stderr.contains("the keyring default/shared is not this namespace's"),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.contains("--adopt-keyring"), "{}", refused.stderr);
    assert_eq!(ledger.fingerprint().await?, before, "nothing is left of it");

    let owner = owners(&chancery, &["keyring", "list"], "keyrings").await?;
    let uid = owner["objectUid"].as_str().unwrap_or_default();
    chancery.sign(&on_ring("two"), &["--adopt-keyring", uid]).await?.expect_code(0)?;
    chancery.run(&["verify", "--keyring", "shared"]).await?.expect_code(0)?;
    Ok(())
}

#[tokio::test]
async fn what_was_made_before_owners_were_kept_is_gone_on_with() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let chancery = Chancery::on(&ledger.url)?;
    let suspended = on_ring("one").with("suspend", true);
    chancery.sign(&suspended, &[]).await?.expect_code(0)?;
    ledger
        .execute(
            "UPDATE chancery.runs SET namespace_uid = NULL; UPDATE chancery.keyrings SET namespace_uid = NULL",
        )
        .await?;
    chancery.sign(&on_ring("one"), &[]).await?.expect_code(0)?;
    chancery.sign(&on_ring("two"), &[]).await?.expect_code(0)?;
    Ok(())
}
