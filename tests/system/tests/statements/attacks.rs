//! What whoever has the login of the ledger's owner can do, in the words of one who does it. Both audits pass; what was
//! stated does not hold.

use std::collections::HashMap;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use chancery_kit::{Manifest, independent_audit};
use uuid::Uuid;

use crate::World;

/// The laws hold: by what the ledger says of itself nothing is wrong.
async fn assert_audits_pass(world: &World, run: &str) -> anyhow::Result<()> {
    world.chancery.run(&["verify", run]).await?.expect_code(0)?;
    if let Some(report) = independent_audit(&world.ledger.url, "default", run).await? {
        assert!(report.holds, "{:#?}", report.violations);
    }
    Ok(())
}

/// "I put keys of my own into the ring, write other payloads, and sign everything anew."
async fn forge_payload_17(world: &World) -> anyhow::Result<()> {
    let pool = world.ledger.ledger.pool();
    world.rewrite("UPDATE chancery.records SET payload = 'pay Mallory' WHERE record = 17").await?;
    let bytes = "UPDATE chancery.batches b SET payload_bytes = (SELECT sum(octet_length(r.payload))
                   FROM chancery.records r WHERE r.record BETWEEN b.first_record AND b.last_record)";
    world.rewrite(bytes).await?;
    let keys: Vec<Uuid> = sqlx::query_scalar("SELECT id FROM chancery.keys").fetch_all(pool).await?;
    let mut own = HashMap::new();
    for id in keys {
        let key = Ed25519KeyPair::generate()?;
        let prefix = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
        let spki = [&prefix[..], key.public_key().as_ref()].concat();
        sqlx::query("UPDATE chancery.key_material SET public_key = $2 WHERE key_id = $1")
            .bind(id)
            .bind(spki)
            .execute(pool)
            .await?;
        own.insert(id, key);
    }
    let records: Vec<(i64, Vec<u8>, Uuid)> = sqlx::query_as(
        "SELECT r.record, r.payload, l.key_id FROM chancery.records r
           JOIN chancery.signatures s ON s.record = r.record JOIN chancery.leases l ON l.id = s.lease_id",
    )
    .fetch_all(pool)
    .await?;
    world.ledger.execute("ALTER TABLE chancery.signature_blocks DISABLE TRIGGER USER").await?;
    for (record, payload, key) in records {
        let forge = "UPDATE chancery.signature_blocks
                        SET signatures = overlay(signatures PLACING $2 FROM (64 * ($1 - first_record) + 1)::integer FOR 64)
                      WHERE $1 BETWEEN first_record AND last_record";
        sqlx::query(forge).bind(record).bind(own[&key].sign(&payload).as_ref()).execute(pool).await?;
    }
    world.ledger.execute("ALTER TABLE chancery.signature_blocks ENABLE TRIGGER USER").await
}

#[tokio::test]
async fn a_payload_with_its_signature_and_its_key_cannot_be_replaced_unseen() -> anyhow::Result<()> {
    let world = World::with(&Manifest::new().of(45, 3, 10)).await?;
    world.assert_holds("demo", &[]).await?;
    let kept = world.keep("demo").await?;
    forge_payload_17(&world).await?;
    assert_audits_pass(&world, "demo").await?;
    assert_ne!(world.independent(&kept).await?, Some(true));
    let says = [
        "statement 1 (Sealed of default/demo): the ring's public keys are others than were stated",
        "statement 1 (Sealed of default/demo): batch 2 (records 11 to 20): its payloads are others than were stated",
        "statement 1 (Sealed of default/demo): it says 2880 bytes of payload, the ledger has 2827",
        "statement 2 (Signed of default/demo): batch 1 (records 1 to 10): its payloads, signatures, lease or key",
        "statement 2 (Signed of default/demo): batch 5 (records 41 to 45)",
    ];
    world.assert_broken("demo", &[], &says).await
}

#[tokio::test]
async fn who_replaces_a_payload_and_all_that_is_kept_of_its_batch_is_seen_too() -> anyhow::Result<()> {
    let world = World::with(&Manifest::new().of(45, 3, 10)).await?;
    forge_payload_17(&world).await?;
    world.rewrite("UPDATE chancery.batch_roots SET root = sha256(root)").await?;
    let says =
        ["the run's payloads are others than were stated; so are the roots that are kept of its batches"];
    world.assert_broken("demo", &[], &says).await?;
    world.rewrite("DELETE FROM chancery.batch_roots").await?;
    world.assert_broken("demo", &[], &says).await
}

#[tokio::test]
async fn who_has_everything_stated_anew_about_a_forged_run_is_seen_by_a_statement_that_was_kept()
-> anyhow::Result<()> {
    let world = World::with(&Manifest::new().of(45, 3, 10)).await?;
    let kept = world.keep("demo").await?;
    forge_payload_17(&world).await?;
    let forget = "ALTER TABLE chancery.statements DROP CONSTRAINT statements_previous_fkey;
                  DELETE FROM chancery.statements; DELETE FROM chancery.batch_roots";
    world.rewrite(forget).await?;
    world.sign(&Manifest::new().of(45, 3, 10)).await?;
    assert_audits_pass(&world, "demo").await?;
    world.assert_holds("demo", &[]).await?;
    let says = [
        "statement 1 (Sealed of default/demo), of",
        "is another one in the ledger",
        "the ring's public keys are others than were stated",
        "the run's payloads are others than were stated",
    ];
    world.assert_broken("demo", &[&kept], &says).await
}

/// "I drop the last batch, and make everything look as if it had never been."
const DROP_THE_LAST_BATCH: &str = "
    DELETE FROM chancery.records WHERE record > 40;
    DELETE FROM chancery.signature_blocks WHERE first_record > 40;
    DELETE FROM chancery.batches WHERE batch = 5;
    DELETE FROM chancery.leases WHERE batch = 5;
    UPDATE chancery.keys k SET last_use =
        coalesce((SELECT max(l.use_sequence) FROM chancery.leases l WHERE l.key_id = k.id), k.joined_use);
    UPDATE chancery.admissions SET records = 40, batches = 4, batched = 40;
    UPDATE chancery.runs SET record_count = 40;
    UPDATE chancery.generated_sources SET record_count = 40";

#[tokio::test]
async fn the_last_batch_cannot_be_dropped_unseen() -> anyhow::Result<()> {
    let world = World::with(&Manifest::new().of(45, 3, 10)).await?;
    let kept = world.keep("demo").await?;
    world.rewrite(DROP_THE_LAST_BATCH).await?;
    assert_audits_pass(&world, "demo").await?;
    assert_ne!(world.independent(&kept).await?, Some(true));
    let says = [
        "statement 1 (Sealed of default/demo): it says 45 records, the ledger has 40",
        "statement 1 (Sealed of default/demo): it says 5 batches, the ledger has 4",
        "statement 1 (Sealed of default/demo): it says another source than the ledger",
        "statement 1 (Sealed of default/demo): the run's payloads are others than were stated",
        "statement 2 (Signed of default/demo): it says that the ring's lease log has 5 leases from use 1 to 5, the ledger has 4",
    ];
    world.assert_broken("demo", &[], &says).await
}

#[tokio::test]
async fn a_run_cannot_be_dropped_with_its_statements_out_of_the_middle_of_the_chain() -> anyhow::Result<()> {
    let world = World::with(&Manifest::new().named("dropped")).await?;
    world.sign(&Manifest::new().named("later")).await?;
    world.chancery.run(&["delete", "dropped"]).await?.expect_code(0)?;
    world.assert_holds("later", &[]).await?;
    let forget = "ALTER TABLE chancery.statements DROP CONSTRAINT statements_previous_fkey;
                  DELETE FROM chancery.statements WHERE number <= 2";
    world.rewrite(forget).await?;
    assert_audits_pass(&world, "later").await?;
    world.assert_broken("later", &[], &["the statements 1 to 2 are missing"]).await?;
    // "Then I give the others their numbers."
    let renumber = "
        DO $$ DECLARE v_name text; BEGIN
            FOR v_name IN SELECT conname FROM pg_constraint
                           WHERE conrelid = 'chancery.statements'::regclass AND contype = 'c'
            LOOP EXECUTE format('ALTER TABLE chancery.statements DROP CONSTRAINT %I', v_name); END LOOP;
        END $$;
        UPDATE chancery.statements SET number = number - 2";
    world.rewrite(renumber).await?;
    world.assert_broken("later", &[], &["statement 1 says something else than its row"]).await
}

#[tokio::test]
async fn a_run_cannot_be_dropped_from_the_end_of_the_chain_while_a_statement_about_it_is_kept()
-> anyhow::Result<()> {
    let world = World::with(&Manifest::new().named("earlier")).await?;
    world.sign(&Manifest::new().named("dropped")).await?;
    let kept = world.keep("dropped").await?;
    world.chancery.run(&["delete", "dropped"]).await?.expect_code(0)?;
    world.rewrite("DELETE FROM chancery.statements WHERE number = 4").await?;
    world.rewrite("DELETE FROM chancery.statements WHERE number = 3").await?;
    assert_audits_pass(&world, "earlier").await?;
    world.assert_holds("earlier", &[]).await?;
    let gone = ["statement 3 (Sealed of default/dropped), of", "statement 4 (Signed of default/dropped), of"];
    world.assert_broken("earlier", &[&kept], &gone).await?;
    world
        .assert_broken("dropped", &[&kept], &["speaks of the run default/dropped", "not in the ledger"])
        .await?;
    // "Then I make another run of that name."
    world.sign(&Manifest::new().named("dropped")).await?;
    world.assert_broken("dropped", &[&kept], &["speaks of another run of this name"]).await
}

#[tokio::test]
async fn a_statement_cannot_be_rewritten() -> anyhow::Result<()> {
    let world = World::with(&Manifest::new().of(45, 3, 10)).await?;
    world.rewrite(DROP_THE_LAST_BATCH).await?;
    let rewritten = "
        ALTER TABLE chancery.statements DROP CONSTRAINT statements_previous_fkey;
        UPDATE chancery.statements SET body = convert_to(replace(convert_from(body, 'UTF8'), '\"records\":45', '\"records\":40'), 'UTF8'),
               hash = sha256(convert_to(replace(convert_from(body, 'UTF8'), '\"records\":45', '\"records\":40'), 'UTF8'));
        UPDATE chancery.statements s SET previous = (SELECT hash FROM chancery.statements WHERE number = 1) WHERE number = 2";
    world.rewrite(rewritten).await?;
    assert_audits_pass(&world, "demo").await?;
    let says = [
        "statement 1: its signature is not one of the key",
        "statement 2: its signature is not one of the key",
    ];
    world.assert_broken("demo", &[], &says).await?;
    // "Then I take them away altogether."
    world.rewrite("DELETE FROM chancery.statements").await?;
    let says = ["says that the run default/demo is sealed", "says that the run default/demo is signed"];
    world.assert_broken("demo", &[], &says).await
}

#[tokio::test]
async fn what_both_audits_let_pass_is_seen_where_it_was_stated() -> anyhow::Result<()> {
    let world = World::with(&Manifest::new().of(45, 3, 10)).await?;
    // Who signed a batch, and when: nothing else in the ledger depends on it.
    world.rewrite("UPDATE chancery.leases SET holder = 'somebody else' WHERE batch = 2").await?;
    world
        .rewrite("UPDATE chancery.leases SET signed_at = signed_at - interval '1 second' WHERE batch = 4")
        .await?;
    assert_audits_pass(&world, "demo").await?;
    let says = [
        "batch 2 (records 11 to 20): its payloads, signatures, lease or key",
        "batch 4 (records 31 to 40)",
        "a lease from use 1 to 5 is another than was stated",
    ];
    world.assert_broken("demo", &[], &says).await
}
