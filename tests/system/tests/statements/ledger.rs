//! What the ledger itself holds of statements and roots.

use chancery_kit::{Manifest, TestRun};
use chancery_store::statements::NewStatement;

use crate::World;

#[tokio::test]
async fn statements_and_roots_are_neither_changed_nor_removed() -> anyhow::Result<()> {
    let world = World::with(&Manifest::new()).await?;
    for sql in [
        "UPDATE chancery.statements SET key_id = ''",
        "DELETE FROM chancery.statements WHERE number = 2",
        "UPDATE chancery.batch_roots SET root = sha256('')",
        "DELETE FROM chancery.batch_roots WHERE batch = 1",
    ] {
        let refusal = world.ledger.execute(sql).await.expect_err(sql).to_string();
        assert!(refusal.contains("is refused"), "{sql}: {refusal}");
    }
    Ok(())
}

#[tokio::test]
async fn the_ledger_refuses_a_statement_that_does_not_follow_the_last_or_whose_hash_is_not_its_own()
-> anyhow::Result<()> {
    let world = World::with(&Manifest::new()).await?;
    let insert = |number: i64, hash: &str, previous: &str| {
        sqlx::AssertSqlSafe(format!(
            "INSERT INTO chancery.statements (number, hash, previous, run_uid, kind, key_id, body, signature)
             VALUES ({number}, {hash}, {previous}, gen_random_uuid(), 'Sealed', '', 'body', '')"
        ))
    };
    let last = "(SELECT hash FROM chancery.statements WHERE number = 2)";
    let first = "(SELECT hash FROM chancery.statements WHERE number = 1)";
    for (number, hash, previous) in [
        (3, "sha256('body')", "NULL"),
        (3, "sha256('body')", first),
        (3, "sha256('body')", "sha256('nothing')"),
        (3, "sha256('other')", last),
        (2, "sha256('body')", last),
    ] {
        world.ledger.execute(insert(number, hash, previous)).await.expect_err("it is refused");
    }
    world.ledger.execute(insert(3, "sha256('body')", last)).await
}

#[tokio::test]
async fn a_statement_is_appended_behind_the_last_and_about_a_run_that_stays() -> anyhow::Result<()> {
    let world = World::with(&Manifest::new()).await?;
    let (stays, goes) = (TestRun::new().named("stays"), TestRun::new().named("goes"));
    let stays = stays.seeded(&world.ledger).await?;
    let goes = goes.seeded_beside(&stays).await?;
    world.ledger.execute("UPDATE chancery.runs SET deleted_at = now() WHERE name = 'goes'").await?;
    let hashes = "SELECT hash FROM chancery.statements ORDER BY number";
    let hashes: Vec<Vec<u8>> = sqlx::query_scalar(hashes).fetch_all(world.ledger.ledger.pool()).await?;
    let [first, last] = hashes.as_slice() else { anyhow::bail!("{} statements", hashes.len()) };
    let statement = |number, previous: Option<&Vec<u8>>, run_uid| NewStatement {
        number,
        previous: previous.cloned(),
        run_uid,
        kind: "Sealed",
        key_id: "a".repeat(64),
        body: b"body".to_vec(),
        signature: vec![0; 64],
    };
    let stays = stays.run.uid;
    for (what, new) in [
        ("a number twice", statement(2, Some(last), stays)),
        ("a number left out", statement(4, Some(last), stays)),
        ("behind the first", statement(3, Some(first), stays)),
        ("behind none", statement(3, None, stays)),
        ("about no run", statement(3, Some(last), uuid::Uuid::new_v4())),
        ("about a run that is being deleted", statement(3, Some(last), goes.run.uid)),
    ] {
        assert!(!world.ledger.ledger.append_statement(&new).await?, "{what}");
    }
    assert!(world.ledger.ledger.append_statement(&statement(3, Some(last), stays)).await?);
    Ok(())
}

#[tokio::test]
async fn deleting_a_run_removes_its_roots_and_leaves_what_was_stated() -> anyhow::Result<()> {
    let world = World::with(&Manifest::new()).await?;
    world.sign(&Manifest::new().named("shared").with("keyringRef", "{name: ring}")).await?;
    for run in ["demo", "shared"] {
        world.chancery.run(&["delete", run]).await?.expect_code(0)?;
    }
    let left =
        "SELECT (SELECT count(*) FROM chancery.batch_roots), (SELECT count(*) FROM chancery.statements)";
    let left: (i64, i64) = sqlx::query_as(left).fetch_one(world.ledger.ledger.pool()).await?;
    assert_eq!(left, (0, 4));
    Ok(())
}

#[tokio::test]
async fn signers_may_neither_read_nor_write_statements_and_roots() -> anyhow::Result<()> {
    let world = World::new().await?;
    for table in ["chancery.statements", "chancery.batch_roots"] {
        for right in ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE"] {
            let has: bool = sqlx::query_scalar("SELECT has_table_privilege('chancery_signer', $1, $2)")
                .bind(table)
                .bind(right)
                .fetch_one(world.ledger.ledger.pool())
                .await?;
            assert!(!has, "{right} on {table}");
        }
    }
    Ok(())
}
