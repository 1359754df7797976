//! Another KEK takes the place of the one there is.

use std::fs;

use anyhow::ensure;
use chancery_api::Phase;
use chancery_operator::run::KeyFiles;
use chancery_process::{create_kek_file, read_kek_file};
use sqlx::{Connection, PgConnection};

use super::test_operator::{TestOperator, let_time_pass};
use super::world::{World, manifest, spec};

const RUNS: [&str; 3] = ["one", "two", "three"];

/// So many looks before something is said not to happen.
const MOST_LOOKS: usize = 400;

async fn until(what: &str, mut holds: impl AsyncFnMut() -> anyhow::Result<bool>) -> anyhow::Result<()> {
    let mut looks = 0;
    while !holds().await? {
        ensure!(looks < MOST_LOOKS, "it does not come to this: {what}");
        looks += 1;
        let_time_pass().await;
    }
    Ok(())
}

#[tokio::test]
async fn data_keys_are_wrapped_anew_by_the_leader_and_by_the_next_one_if_it_stops() -> anyhow::Result<()> {
    let world = World::new().await?;
    let mut operator = world.operator().await;
    for name in RUNS {
        world.api.create("signingruns", manifest(name, spec()));
        operator.settle(name).await?;
    }
    drop(operator);
    let (new, former) = (world.kek_file(), world.kek_file().with_extension("former"));
    fs::rename(&new, &former)?;
    create_kek_file(&new)?;
    let [new_is, former_is] = [read_kek_file(&new)?.fingerprint(), read_kek_file(&former)?.fingerprint()];
    let leader = async || {
        let key_files = KeyFiles { kek: new.clone(), former_keks: vec![former.clone()], statement_key: None };
        let mut operator = TestOperator::with_keys(&world.api, &world.ledger.operator_url, key_files);
        operator.connect().await;
        operator.keep_rotation();
        operator
    };
    let by_kek = async || -> anyhow::Result<Vec<(String, i64)>> {
        let found = world.ledger.ledger.data_keys_by_kek().await?;
        Ok(found.into_iter().map(|found| (found.kek_fingerprint, found.keyrings)).collect())
    };
    assert_eq!(by_kek().await?, [(former_is.clone(), 3)]);

    // It stops at the second of three.
    let mut other = PgConnection::connect(&world.ledger.url).await?;
    let second = world.stored("two").await?.keyring.id;
    let mut held = other.begin().await?;
    let lock = "SELECT FROM chancery.data_keys WHERE keyring_id = $1 FOR UPDATE";
    sqlx::query(lock).bind(second).execute(&mut *held).await?;
    let stopped = leader().await;
    until("the first is wrapped anew", async || {
        Ok(by_kek().await?.contains(&(new_is.clone(), 1))
            && by_kek().await?.contains(&(former_is.clone(), 2)))
    })
    .await?;
    drop(stopped);
    held.rollback().await?;

    let mut next = leader().await;
    until("all are wrapped anew", async || Ok(by_kek().await? == [(new_is.clone(), 3)])).await?;
    let current = format!("chancery_data_keys{{kek=\"{new_is}\",standing=\"current\"}} 3");
    until("it shows that none is left", async || Ok(next.shown("chancery_data_keys")? == [current.clone()]))
        .await?;

    // The former KEK can be taken away: signing goes on.
    fs::remove_file(&former)?;
    drop(next);
    next = world.operator().await;
    for name in RUNS {
        world.sign(name, usize::MAX).await?;
        next.settle(name).await?;
        next.look(name).await?;
        next.settle(name).await?;
        assert_eq!(world.phase(name), Some(Phase::Complete), "{:?}", world.run(name));
        world.assert_audit_holds(name).await?;
    }
    Ok(())
}
