//! Leases in the ledger: who gets which key, who takes over, and what is counted.

use std::collections::BTreeMap;
use std::time::Duration;

use chancery_kit::leases::{doubt, until_run_out};
use chancery_kit::{SeededRun, TestLedger, TestRun, eventually};
use chancery_store::SignerSession;
use chancery_store::lease::{Acquired, EndToEnd, Lease, Library, PART_BYTES};
use futures::future::try_join_all;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

const FORGED: [u8; 64] = [7; 64];

async fn leased(session: &mut SignerSession) -> anyhow::Result<Lease> {
    match session.acquire().await?.0 {
        Acquired::Leased(lease) => Ok(lease),
        other => anyhow::bail!("no lease but {other:?}"),
    }
}

async fn store(session: &mut SignerSession, lease: &Lease) -> anyhow::Result<()> {
    let signatures = vec![&FORGED[..]; usize::try_from(lease.records())?];
    Ok(session.store(lease, &signatures, Library::AwsLcRs).await?)
}

#[tokio::test]
async fn of_several_that_ask_at_once_one_takes_over_a_batch_whose_lease_has_run_out() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new()
        .records(10)
        .batch_size(10)
        .keys(8)
        .lease_duration(Duration::from_secs(3))
        .seeded(&ledger)
        .await?;
    let mut vanished = run.session("vanished").await?;
    let holders: Vec<_> = (0..6).map(|number| format!("s{number}")).collect();
    let asking = try_join_all(holders.iter().map(|holder| run.session(holder))).await?;
    let lost = leased(&mut vanished).await?;
    until_run_out(ledger.ledger.pool(), lost.id).await;

    let asking = asking.into_iter().map(|mut session| async move {
        let (acquired, taken_back) = session.acquire().await?;
        anyhow::Ok((session, acquired, taken_back))
    });
    let mut winners = Vec::new();
    let mut taken_back = 0;
    for (session, acquired, expired) in try_join_all(asking).await? {
        taken_back += expired;
        match acquired {
            Acquired::Leased(lease) => winners.push((session, lease)),
            Acquired::NoBatch => {}
            other => anyhow::bail!("{other:?}"),
        }
    }
    assert_eq!((winners.len(), taken_back), (1, 1));
    let (mut winner, lease) = winners.remove(0);
    assert_eq!((lease.batch, lost.batch), (1, 1));
    assert_ne!(lease.key, lost.key, "the key of the lost lease was used last");
    // The late one stores nothing, the winner gives it back for somebody who signs truly.
    store(&mut vanished, &lost).await.expect_err("its lease is lost");
    assert_eq!(vanished.renew(&lost).await?, None);
    assert!(winner.abandon(&lease).await?);
    run.finish().await
}

/// The rule in its own words: of all keys that are free the one whose last use is the oldest, and
/// among those never used the one of the least number.
#[derive(Default)]
struct Ring {
    /// Last use, number, and whether somebody holds it.
    keys: BTreeMap<Uuid, (i64, i32, bool)>,
}

impl Ring {
    async fn of(run: &SeededRun<'_>) -> anyhow::Result<Self> {
        let keys: Vec<(Uuid, i32)> = sqlx::query_as("SELECT id, number FROM chancery.keys")
            .fetch_all(run.ledger.ledger.pool())
            .await?;
        Ok(Self { keys: keys.into_iter().map(|(id, number)| (id, (0, number, false))).collect() })
    }

    fn least_recently_used(&self) -> Option<Uuid> {
        let free = self.keys.iter().filter(|(_, (_, _, held))| !held);
        free.min_by_key(|(_, (last_use, number, _))| (*last_use, *number)).map(|(id, _)| *id)
    }

    fn taken(&mut self, lease: &Lease) {
        self.keys.entry(lease.key).and_modify(|key| (key.0, key.2) = (lease.use_sequence, true));
    }

    fn given_back(&mut self, lease: &Lease) {
        self.keys.entry(lease.key).and_modify(|key| key.2 = false);
    }
}

#[tokio::test]
async fn every_lease_gets_the_least_recently_used_of_the_free_keys() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().records(900).keys(7).batch_size(3).seeded(&ledger).await?;
    let mut sessions = [run.session("one").await?, run.session("two").await?, run.session("three").await?];
    let mut ring = Ring::of(&run).await?;
    let mut random = StdRng::seed_from_u64(7);
    let mut hands: Vec<Lease> = Vec::new();
    let mut sequence = 0;
    for round in 0..600 {
        let session = &mut sessions[random.random_range(0..3)];
        if hands.is_empty() || random.random_bool(0.55) {
            let expected = ring.least_recently_used();
            match session.acquire().await?.0 {
                Acquired::Leased(lease) => {
                    sequence += 1;
                    assert_eq!(Some(lease.key), expected, "round {round}");
                    assert_eq!(lease.use_sequence, sequence, "round {round}");
                    ring.taken(&lease);
                    hands.push(lease);
                }
                Acquired::NoKey => assert_eq!(expected, None, "round {round}"),
                other => anyhow::bail!("round {round}: {other:?}"),
            }
        } else {
            // Some are given back at once, the first of the hands may be held for very long.
            let lease = hands.remove(random.random_range(0..hands.len()).max(usize::from(hands.len() > 1)));
            if random.random_bool(0.3) {
                assert!(session.abandon(&lease).await?);
            } else {
                store(session, &lease).await?;
            }
            ring.given_back(&lease);
        }
    }
    assert!(sequence > 200, "{sequence} leases");
    for lease in hands {
        assert!(sessions[0].abandon(&lease).await?);
    }
    // Whatever was stored is no signature; the order of use is right all the same.
    ledger.ledger.settle(&run.run).await?;
    let options = chancery_audit::AuditOptions::default();
    let report = chancery_audit::audit(&ledger.ledger, "default", "demo", &options, |_| {}).await?;
    for law in report.laws.iter().filter(|law| law.law.number() >= 3) {
        assert_eq!(law.violations, 0, "{law:#?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_renewed_lease_is_not_taken_over() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new()
        .records(10)
        .batch_size(10)
        .lease_duration(Duration::from_secs(2))
        .seeded(&ledger)
        .await?;
    let (mut holder, mut other) = (run.session("holder").await?, run.session("other").await?);
    let lease = leased(&mut holder).await?;
    let first_end = "SELECT acquired_at + interval '2 seconds' <= clock_timestamp() FROM chancery.leases";
    eventually("its first term is over", async || {
        let renewed = holder.renew(&lease).await.is_ok_and(|duration| duration.is_some());
        renewed && sqlx::query_scalar(first_end).fetch_one(ledger.ledger.pool()).await.unwrap_or(false)
    })
    .await;
    let (acquired, expired) = other.acquire().await?;
    assert!(matches!(acquired, Acquired::NoBatch), "{acquired:?}");
    assert_eq!(expired, 0);
    assert!(holder.abandon(&lease).await?);
    run.finish().await
}

/// Batches and records signed, batches leased, keys leased.
async fn progress(run: &SeededRun<'_>) -> anyhow::Result<(i64, i64, i64, i64)> {
    let progress = run.ledger.ledger.progress(&[run.run.id]).await?;
    let progress = progress.first().ok_or_else(|| anyhow::anyhow!("no progress"))?;
    Ok((progress.batches_signed, progress.records_signed, progress.batches_leased, progress.keys_leased))
}

/// The same, counted row by row.
async fn counted(run: &SeededRun<'_>) -> anyhow::Result<(i64, i64, i64, i64)> {
    let count = "
        SELECT count(*) FILTER (WHERE state = 'signed'),
               coalesce(sum(last_record - first_record + 1) FILTER (WHERE state = 'signed'), 0)::bigint,
               count(*) FILTER (WHERE state = 'leased'), count(*) FILTER (WHERE state = 'leased')
          FROM chancery.batches WHERE run_id = $1";
    Ok(sqlx::query_as(count).bind(run.run.id).fetch_one(run.ledger.ledger.pool()).await?)
}

#[tokio::test]
async fn progress_is_right_after_batches_were_abandoned_and_leases_ran_out() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    // The last of eleven batches has five records.
    let run =
        TestRun::new().records(105).keys(6).lease_duration(Duration::from_secs(3)).seeded(&ledger).await?;
    let mut session = run.session("one").await?;
    assert_eq!(progress(&run).await?, (0, 0, 0, 0));
    let mut leases = Vec::new();
    for _ in 0..4 {
        leases.push(leased(&mut session).await?);
    }
    assert_eq!(progress(&run).await?, (0, 0, 4, 4));
    store(&mut session, &leases[1]).await?;
    assert_eq!(progress(&run).await?, (1, 10, 3, 3));
    session.abandon(&leases[0]).await?;
    session.abandon(&leases[3]).await?;
    assert_eq!(progress(&run).await?, (1, 10, 1, 1), "the highest batch is free again");
    // Nobody has noticed yet that the third ran out: then one is taken back and the first batch leased.
    until_run_out(ledger.ledger.pool(), leases[2].id).await;
    assert_eq!(progress(&run).await?, (1, 10, 1, 1));
    let again = leased(&mut session).await?;
    assert_eq!(progress(&run).await?, (1, 10, 1, 1));
    assert_eq!(progress(&run).await?, counted(&run).await?);
    session.abandon(&again).await?;
    assert_eq!(progress(&run).await?, (1, 10, 0, 0));

    loop {
        match session.acquire().await?.0 {
            Acquired::Leased(lease) => store(&mut session, &lease).await?,
            Acquired::Complete => break,
            other => anyhow::bail!("{other:?}"),
        }
        assert_eq!(progress(&run).await?, counted(&run).await?);
    }
    assert_eq!(progress(&run).await?, (11, 105, 0, 0));
    Ok(())
}

/// The turn of a ring that took its instant a second ago, and comes to its leases only now.
const HELD_UP: &str = "SELECT chancery.keyring_collect(1, clock_timestamp() - interval '1 second', 0)";

#[tokio::test]
async fn a_turn_that_is_held_up_takes_no_lease_back_that_had_not_run_out_at_its_instant() -> anyhow::Result<()>
{
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().lease_duration(Duration::from_secs(10)).seeded(&ledger).await?;
    leased(&mut run.session("vanished").await?).await?;
    ledger
        .execute(
            "UPDATE chancery.leases SET (expires_at, doubted_at) =
                 (clock_timestamp() - interval '1 millisecond', clock_timestamp() - duration / 2 - interval '1 millisecond')",
        )
        .await?;
    let expired: i32 = sqlx::query_scalar(HELD_UP).fetch_one(ledger.ledger.pool()).await?;
    assert_eq!(expired, 0, "it would be said to have been taken back before its end");
    let in_time = "SELECT chancery.keyring_collect(1, clock_timestamp(), 0)";
    let expired: i32 = sqlx::query_scalar(in_time).fetch_one(ledger.ledger.pool()).await?;
    assert_eq!(expired, 1);
    Ok(())
}

#[tokio::test]
async fn a_turn_that_is_held_up_does_not_shorten_a_lease_that_was_renewed_meanwhile() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().lease_duration(Duration::from_secs(10)).seeded(&ledger).await?;
    let mut session = run.session("renews").await?;
    let lease = leased(&mut session).await?;
    session.renew(&lease).await?;
    let end = "SELECT extract(epoch FROM expires_at)::text FROM chancery.leases";
    let before: String = sqlx::query_scalar(end).fetch_one(ledger.ledger.pool()).await?;
    let _expired: i32 = sqlx::query_scalar(HELD_UP).fetch_one(ledger.ledger.pool()).await?;
    let after: String = sqlx::query_scalar(end).fetch_one(ledger.ledger.pool()).await?;
    assert_eq!(before, after);
    Ok(())
}

#[tokio::test]
async fn progress_of_several_runs_is_told_apart() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let (one, two) = (
        TestRun::new().named("one").seeded(&ledger).await?,
        TestRun::new().named("two").seeded(&ledger).await?,
    );
    let mut session = two.session("someone").await?;
    let lease = leased(&mut session).await?;
    one.finish().await?;
    let all = ledger.ledger.progress(&[two.run.id, one.run.id, 999]).await?;
    let seen: Vec<_> =
        all.iter().map(|run| (run.id, run.records_signed, run.batches_leased, run.complete)).collect();
    assert_eq!(seen, [(one.run.id, 200, 0, true), (two.run.id, 0, 1, false)]);
    session.abandon(&lease).await?;
    two.finish().await
}

#[tokio::test]
async fn a_batch_that_is_being_stored_in_parts_is_not_taken_over() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new()
        .records(20)
        .batch_size(10)
        .lease_duration(Duration::from_millis(50))
        .seeded(&ledger)
        .await?;
    let mut slow = run.session("slow").await?;
    let Acquired::Leased(lease) = slow.acquire().await?.0 else { anyhow::bail!("no lease") };
    // Nothing but the store is to keep the next turn from taking it back.
    doubt(ledger.ledger.pool(), lease.id).await;
    ledger.execute("UPDATE chancery.leases SET token_hash = sha256('known')").await?;
    let mut storing = PgConnection::connect(&run.url()?).await?;
    let mut transaction = storing.begin().await?;
    let store = "SELECT chancery.batch_store($1, 'known', $2, $2 + 4, decode(repeat('07', 320), 'hex'), $3, 'aws-lc-rs')";
    sqlx::query(store).bind(lease.id).bind(1_i64).bind(false).execute(&mut *transaction).await?;

    let over = "SELECT expires_at < clock_timestamp() FROM chancery.leases WHERE id = $1";
    eventually("the lease has run out", async || {
        sqlx::query_scalar(over).bind(lease.id).fetch_one(ledger.ledger.pool()).await.unwrap_or(false)
    })
    .await;
    let (acquired, expired) = run.session("other").await?.acquire().await?;
    assert!(matches!(acquired, Acquired::Leased(other) if other.batch == 2));
    assert_eq!(expired, 0, "nobody takes over what is being stored");

    sqlx::query(store).bind(lease.id).bind(6_i64).bind(true).execute(&mut *transaction).await?;
    transaction.commit().await?;
    assert_eq!(run.signed().await?, 10);
    Ok(())
}

#[tokio::test]
async fn a_batch_says_which_library_made_its_signatures() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().records(20).batch_size(10).keys(2).seeded(&ledger).await?;
    let mut session = run.session("one").await?;
    let libraries = [Library::Kernel, Library::AwsLcRs];
    for library in libraries {
        let lease = leased(&mut session).await?;
        let signatures = EndToEnd { bytes: &FORGED.repeat(10), each: FORGED.len(), library };
        session.store_in_parts(&lease, signatures, PART_BYTES).await?;
    }
    let said = "SELECT library::text FROM chancery.batches ORDER BY batch";
    let said: Vec<String> = sqlx::query_scalar(said).fetch_all(ledger.ledger.pool()).await?;
    assert_eq!(said, libraries.map(Library::name));
    Ok(())
}
