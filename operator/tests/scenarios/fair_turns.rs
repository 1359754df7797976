//! A tenant whose runs would keep the operator busy for days, and a small run of another namespace.

use anyhow::ensure;
use chancery_api::Phase;
use chancery_operator::host::WorkState;
use chancery_operator::run::{Bounds, Limits};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

use super::key_makers::make_keys;
use super::test_operator::{TestOperator, let_time_pass};
use super::world::{RUN, World, manifest, spec};

/// So many looks at what is done beside reconciling, before it is said not to be done. What the operator asks of the database
/// is timed by the same clock, and is not late by then.
const MOST_LOOKS: usize = 400;

/// As many as the operator makes records for at the same time.
const LARGE: [&str; 4] = ["attacker/large-1", "attacker/large-2", "attacker/large-3", "attacker/large-4"];

/// No limit that would refuse them.
const UNLIMITED: Limits =
    Limits { bytes_per_run: 0, key_bits_per_run: 0, runs_per_namespace: 0, bytes_per_namespace: 0 };

/// "A billion records and 10,000 RSA-4096 keys."
fn large() -> Value {
    json!({
        "recordCount": 1_000_000_000, "recordSize": 16, "batchSize": 100_000, "audit": "Never",
        "algorithm": "RS256", "keySize": 4_096, "keyCount": 10_000,
    })
}

/// Where the large runs wait with each chunk of records, until the test lets one of each pass: they have their turns, and take
/// neither the time of the test nor its disk. Each waits as the lock's number by the run's number.
struct Gate(PgConnection);

impl Gate {
    async fn close(world: &World) -> anyhow::Result<Self> {
        world
            .ledger
            .execute(
                "CREATE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
                     BEGIN PERFORM pg_advisory_xact_lock_shared(77, NEW.run_id); RETURN NEW; END $$;
                 CREATE TRIGGER gate BEFORE INSERT ON chancery.generated_chunks
                     FOR EACH ROW EXECUTE FUNCTION gate()",
            )
            .await?;
        let mut gate = Self(PgConnection::connect(&world.ledger.url).await?);
        sqlx::query("SELECT pg_advisory_lock(77, id) FROM chancery.runs").execute(&mut gate.0).await?;
        Ok(gate)
    }

    /// How many runs wait here.
    async fn waiting(&mut self) -> anyhow::Result<i64> {
        let waiting = "SELECT count(DISTINCT objid) FROM pg_locks
                        WHERE locktype = 'advisory' AND classid = 77 AND NOT granted
                          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        Ok(sqlx::query_scalar(waiting).fetch_one(&mut self.0).await?)
    }

    /// Lets those pass that wait, and waits until their chunks are made. Whatever comes meanwhile queues behind this lock.
    async fn let_pass(&mut self) -> anyhow::Result<()> {
        let held: Vec<i32> = sqlx::query_scalar(
            "SELECT objid::integer FROM pg_locks
              WHERE locktype = 'advisory' AND classid = 77 AND pid = pg_backend_pid()",
        )
        .fetch_all(&mut self.0)
        .await?;
        for run in held {
            sqlx::query("SELECT pg_advisory_unlock(77, $1)").bind(run).execute(&mut self.0).await?;
            sqlx::query("SELECT pg_advisory_lock(77, $1)").bind(run).execute(&mut self.0).await?;
        }
        Ok(())
    }
}

/// The operator makes records for all four, and has no turn left.
async fn attack(world: &World, operator: &mut TestOperator) -> anyhow::Result<Gate> {
    world.api.add_namespace("attacker");
    for name in LARGE {
        world.api.create("signingruns", manifest(name, large()));
        // The finalizer, and the run in the ledger.
        operator.step(name).await?;
        operator.step(name).await?;
    }
    let mut gate = Gate::close(world).await?;
    for name in LARGE {
        operator.step(name).await?;
    }
    all_wait(&mut gate).await?;
    Ok(gate)
}

async fn all_wait(gate: &mut Gate) -> anyhow::Result<()> {
    for _ in 0..MOST_LOOKS {
        if gate.waiting().await? == i64::try_from(LARGE.len())? {
            return Ok(());
        }
        let_time_pass().await;
    }
    anyhow::bail!("the large runs do not have all turns")
}

async fn count(world: &World, query: &'static str) -> anyhow::Result<i64> {
    Ok(sqlx::query_scalar(query).fetch_one(world.ledger.ledger.pool()).await?)
}

#[tokio::test]
async fn four_runs_of_a_billion_records_and_10_000_rsa_4096_keys_stop_no_other_tenant() -> anyhow::Result<()>
{
    let world = World::new().await?;
    let mut operator = world.operator_within(Bounds { limits: UNLIMITED, capacity: None }).await;
    let mut gate = attack(&world, &mut operator).await?;

    let mut small = spec();
    small["deletionPolicy"] = json!("Delete");
    world.api.create("signingruns", manifest(RUN, small));
    let mut looks = 0;
    while operator.background(RUN).generating != WorkState::UnderWay {
        ensure!(looks < MOST_LOOKS, "its records are not asked for: {}", world.run(RUN));
        looks += 1;
        operator.step(RUN).await?;
    }
    gate.let_pass().await?;
    while world.phase(RUN) != Some(Phase::Complete) {
        ensure!(looks < MOST_LOOKS, "it waits behind the runs of another namespace: {}", world.run(RUN));
        looks += 1;
        operator.step(RUN).await?;
        make_keys(&world.api, &world.ledger.operator_url, RUN).await?;
        if world.phase(RUN) == Some(Phase::Signing) {
            world.sign(RUN, usize::MAX).await?;
        }
        operator.look(RUN).await?;
        let_time_pass().await;
    }
    world.assert_audit_holds(RUN).await?;
    let made = "SELECT count(*) FROM chancery.generated_chunks c JOIN chancery.runs r ON r.id = c.run_id
                 WHERE r.namespace = 'attacker'";
    assert_eq!(count(&world, made).await?, 4, "the turn was its own at the next chunk");

    // While all turns are taken again.
    all_wait(&mut gate).await?;
    world.api.delete("signingruns", RUN);
    let mut looks = 0;
    while world.api.get("signingruns", RUN).is_some() {
        ensure!(looks < MOST_LOOKS, "it is not deleted: {}", world.run(RUN));
        looks += 1;
        operator.step(RUN).await?;
        let_time_pass().await;
    }
    assert!(!world.stored_runs().await?.contains(&RUN.to_owned()));
    for name in LARGE {
        assert_eq!(operator.background(name).generating, WorkState::UnderWay, "{name}");
    }
    assert_eq!(count(&world, made).await?, 4);
    let keys = count(&world, "SELECT count(*) FROM chancery.keys").await?;
    assert_eq!(keys, 0, "the operator makes none: those of the large runs are for their signers to make");
    Ok(())
}
