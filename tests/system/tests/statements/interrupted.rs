//! A program that ends while it makes statements: the next one goes on.

use chancery_kit::{Ended, Manifest, TestRun, eventually};
use chancery_statement::StatementKey;
use chancery_stating::{Made, Step, heads, step};

use crate::World;

fn now() -> String {
    "2030-01-02T03:04:05Z".to_owned()
}

#[tokio::test]
async fn a_supervisor_that_is_killed_is_followed_by_one_that_states_what_is_left_once() -> anyhow::Result<()>
{
    let world = World::new().await?;
    let manifest = Manifest::new().of(10_000, 4, 50).with("algorithm", "RS256").with("leaseDuration", "5s");
    let mut run = world.chancery.start_signing(&manifest, &["--signers", "1"])?;
    let count = async |sql: &'static str| -> i64 {
        sqlx::query_scalar(sql).fetch_one(world.ledger.ledger.pool()).await.unwrap_or(0)
    };
    // Those of the payloads are made first.
    let roots = "SELECT count(*) FROM chancery.batch_roots";
    eventually("some batches have their roots", async || count(roots).await > 0).await;
    run.start_kill()?;
    Ended::of(run).await?;
    let signed = "SELECT count(*) FROM chancery.batches WHERE state = 'signed'";
    assert!(count(signed).await < 200, "it is in the midst of signing");
    let summary = world.sign(&manifest).await?;
    assert_eq!(summary["statements"]["sealed"]["number"], 1, "{summary}");
    assert_eq!(summary["statements"]["signed"]["number"], 2, "{summary}");
    let kept = world.keep("demo").await?;
    assert_eq!(std::fs::read_to_string(&kept)?.lines().count(), 2);
    world.assert_holds("demo", &[&kept]).await
}

#[tokio::test]
async fn whoever_stops_after_any_step_leaves_what_the_next_one_goes_on_with() -> anyhow::Result<()> {
    let world = World::new().await?;
    let run = TestRun::new().records(45).batch_size(10).seeded(&world.ledger).await?;
    let (key, pem) = StatementKey::generate()?;
    std::fs::create_dir_all(world.chancery.folder().join("data"))?;
    std::fs::write(world.trusted(), key.public().to_pem())?;
    // Each by somebody who knows only the ledger and the key, and takes one step more than the one before.
    let (mut waits, mut lives) = (0, 0);
    'lives: loop {
        lives += 1;
        let (own_key, mut made) = (StatementKey::from_pem(&pem)?, Made::default());
        for _ in 0..lives {
            match step(&world.ledger.ledger, &run.run, &own_key, now, &mut made).await? {
                Step::Advanced => {}
                Step::Stated => break 'lives,
                Step::Waiting => {
                    waits += 1;
                    assert_eq!(waits, 1, "it waits for the signatures alone");
                    let sealed = heads(&world.ledger.ledger, &run.run).await?;
                    assert!(sealed.sealed.is_some() && sealed.signed.is_none(), "{sealed:?}");
                    run.finish().await?;
                }
            }
        }
        assert_eq!(made.kept_otherwise(), None);
    }
    assert_eq!((lives, waits), (4, 1), "each life computes the roots anew, and states what is not stated");
    let kept: Vec<i64> =
        sqlx::query_scalar("SELECT count(*) FROM chancery.batch_roots GROUP BY tree ORDER BY tree")
            .fetch_all(world.ledger.ledger.pool())
            .await?;
    assert_eq!(kept, [5, 5]);
    world.assert_holds("demo", &[]).await
}

#[tokio::test]
async fn several_who_state_several_runs_at_once_make_one_chain() -> anyhow::Result<()> {
    let world = World::new().await?;
    let first = TestRun::new().named("first").seeded(&world.ledger).await?;
    let second = TestRun::new().named("second").seeded_beside(&first).await?;
    first.finish().await?;
    second.finish().await?;
    let (key, _) = StatementKey::generate()?;
    std::fs::create_dir_all(world.chancery.folder().join("data"))?;
    std::fs::write(world.trusted(), key.public().to_pem())?;
    let state = async |run| {
        let mut made = Made::default();
        while step(&world.ledger.ledger, run, &key, now, &mut made).await? != Step::Stated {}
        anyhow::Ok(())
    };
    let (one, two) = (&first.run, &second.run);
    tokio::try_join!(state(one), state(two), state(one), state(two), state(one), state(two))?;
    let numbers: Vec<i64> = sqlx::query_scalar("SELECT number FROM chancery.statements ORDER BY number")
        .fetch_all(world.ledger.ledger.pool())
        .await?;
    assert_eq!(numbers, [1, 2, 3, 4]);
    world.assert_holds("first", &[]).await?;
    world.assert_holds("second", &[]).await
}
