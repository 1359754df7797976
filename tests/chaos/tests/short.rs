//! A few schedules, and runs that are spoiled on purpose: a harness that finds nothing proves nothing
//! unless it finds what is there.

use std::sync::Arc;
use std::time::Duration;

use chancery_chaos::fault::{Fault, Message, Way};
use chancery_chaos::inject::Keep;
use chancery_chaos::input::Input;
use chancery_chaos::journal::Journal;
use chancery_chaos::judge::judge;
use chancery_chaos::keeper::Unattended;
use chancery_chaos::output::Output;
use chancery_chaos::place::{Place, Stage};
use chancery_chaos::play::{Played, play};
use chancery_chaos::schedule::{Beside, Keeper, Means, Planned, Schedule, Shape, When};
use chancery_chaos::watch::Watch;
use chancery_kit::eventually;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// No API server: its tests are in `tests/system/tests/cluster_*`, and `make chaos` has schedules with one.
const MEANS: Means = Means { cluster: false, disk: false, store: false };

fn shape(keeper: Keeper) -> Shape {
    Shape {
        keeper,
        input: Input::Generated,
        output: Output::Nowhere,
        algorithm: "EdDSA",
        records: 20_000,
        keys: 5,
        batch_size: 100,
        signers: 3,
        threads: 1,
        lease: Duration::from_secs(5),
        latency: Duration::from_millis(1),
        beside: Vec::new(),
    }
}

/// The given faults, each as soon as a little more is signed.
async fn held(seed: u64, shape: Shape, faults: &[Fault]) -> anyhow::Result<Played> {
    let share = |number: usize| 0.05 * f64::from(u32::try_from(number).unwrap_or_default() + 1);
    let planned = |(number, fault): (usize, &Fault)| Planned {
        when: When::Signed(share(number)),
        fault: *fault,
        pick: number,
    };
    let faults = faults.iter().enumerate().map(planned).collect();
    let place = Arc::new(Place::new(MEANS)?);
    let (played, _stage) = play(&place, &Schedule { seed, shape, faults }).await?;
    anyhow::ensure!(played.judged.violations.is_empty(), "{:#?}", played.judged.violations);
    Ok(played)
}

#[tokio::test]
async fn signers_that_die_stop_and_stand_still_under_a_supervisor() -> anyhow::Result<()> {
    let beyond_lease = Duration::from_millis(5_500);
    let faults = [
        Fault::KillSigner,
        Fault::PauseSigner(beyond_lease),
        Fault::StopSigner,
        Fault::SecondKeeper,
        Fault::KillKeeper,
    ];
    let played = held(1, shape(Keeper::Supervisor), &faults).await?;
    assert_eq!(played.injected.len(), faults.len());
    assert!(played.restarts >= 1, "the supervisor was killed");
    Ok(())
}

#[tokio::test]
async fn connections_that_fail_in_every_way_with_nobody_to_tell_of_the_dead() -> anyhow::Result<()> {
    let brief = Duration::from_millis(300);
    let faults = [
        Fault::KillSigner,
        Fault::LoseAnswers(Message::Store, 2),
        Fault::Freeze(Way::Down, brief),
        Fault::ResetAll,
        Fault::CrashServer(brief),
        Fault::UseUpConnections(brief),
        Fault::LoseRequests(Message::Any, 2),
        Fault::TerminateSessions,
    ];
    let played = held(2, Shape { lease: Duration::from_secs(2), ..shape(Keeper::Nobody) }, &faults).await?;
    assert_eq!(played.injected.len(), faults.len());
    Ok(())
}

#[tokio::test]
async fn a_clock_that_is_set_back_and_connections_that_break_all_the_time_or_carry_little()
-> anyhow::Result<()> {
    let time = Duration::from_secs(2);
    let faults = [
        Fault::KillSigner,
        Fault::SetClock(-3_600),
        Fault::CutOften(Duration::from_millis(300), time),
        Fault::Trickle(40_000, time),
        Fault::KillSigner,
        Fault::SetClock(-10),
    ];
    let played = held(6, Shape { lease: Duration::from_secs(2), ..shape(Keeper::Nobody) }, &faults).await?;
    assert_eq!(played.injected.len(), faults.len());
    Ok(())
}

#[tokio::test]
async fn a_clock_that_is_set_forward_and_back_under_signers_that_renew_in_time() -> anyhow::Result<()> {
    let faults = [
        Fault::SetClock(3_600),
        Fault::KillSigner,
        Fault::SetClock(-7_200),
        Fault::StopSigner,
        Fault::SetClock(20),
    ];
    let played = held(7, shape(Keeper::Supervisor), &faults).await?;
    assert_eq!(played.injected.len(), faults.len());
    Ok(())
}

#[tokio::test]
async fn deliveries_that_die_and_stop_and_a_folder_that_is_taken_away() -> anyhow::Result<()> {
    let brief = Duration::from_millis(300);
    let faults = [
        Fault::KillDelivery,
        Fault::TakeSinkAway(brief),
        Fault::StopDelivery,
        Fault::CrashServer(brief),
        Fault::KillDelivery,
    ];
    let shape = Shape {
        output: Output::Folder,
        records: 10_000,
        lease: Duration::from_secs(2),
        ..shape(Keeper::Nobody)
    };
    let played = held(8, shape, &faults).await?;
    let are_of_deliveries =
        |fault| matches!(fault, Fault::KillDelivery | Fault::StopDelivery | Fault::TakeSinkAway(_));
    let hit = played.injected.iter().filter(|one| are_of_deliveries(one.fault)).count();
    // Both deliveries may be dead when the last one comes.
    assert!(hit >= 3, "{hit}");
    Ok(())
}

/// Three runs of one keyring, with batches of different sizes: one is deleted with signers at work, one suspended for
/// longer than its leases last.
#[tokio::test]
async fn runs_that_share_a_keyring_go_on_when_one_is_deleted_and_one_suspended() -> anyhow::Result<()> {
    let beside = |batch_size| Beside { records: 10_000, batch_size, signers: 2 };
    let shape = Shape {
        lease: Duration::from_secs(2),
        beside: vec![beside(70), beside(130)],
        ..shape(Keeper::Nobody)
    };
    let faults = [
        Fault::KillSigner,
        Fault::PauseSigner(Duration::from_millis(2_500)),
        Fault::DeleteRun,
        Fault::SuspendRun(Duration::from_millis(2_500)),
        Fault::TerminateSessions,
    ];
    let played = held(5, shape, &faults).await?;
    assert_eq!(played.injected.len(), faults.len());
    Ok(())
}

/// A run that is being signed by signers with nobody to look after them.
struct Spoiled {
    place: Arc<Place>,
    stage: Arc<Stage>,
    schedule: Schedule,
    keeper: Unattended,
    watch: Watch,
}

impl Spoiled {
    async fn start(seed: u64, shape: Shape) -> anyhow::Result<Self> {
        let schedule = Schedule { seed, shape, faults: Vec::new() };
        let place = Arc::new(Place::new(MEANS)?);
        let stage = Arc::new(place.stage(&schedule, "default").await?);
        stage.seed(&schedule.shape).await?;
        let watch = Watch::start(stage.direct.clone(), &stage.tasks[0].run);
        let keeper = Unattended::start(stage.tasks.clone());
        Ok(Self { place, stage, schedule, keeper, watch })
    }

    /// As the superuser whom no trigger stops.
    async fn execute(&self, sql: &str) -> anyhow::Result<u64> {
        let mut connection = PgConnection::connect(&self.stage.direct).await?;
        sqlx::raw_sql("SET session_replication_role = replica").execute(&mut connection).await?;
        Ok(sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?.rows_affected())
    }

    fn journal(&self) -> Journal {
        let text = std::fs::read_to_string(self.stage.errand.journal.join("journal")).unwrap_or_default();
        Journal::parse(&text).unwrap_or_default()
    }

    /// What is found once the run is complete.
    async fn violations(mut self) -> anyhow::Result<Vec<String>> {
        let finished = self.keeper.finished().await;
        let judged = judge(&self.stage, &self.schedule, &[], &self.watch, finished).await?;
        self.place.server.stop_immediate()?;
        Ok(judged.violations)
    }
}

#[tokio::test]
async fn a_lease_that_is_cut_short_behind_its_signers_back_is_seen_by_the_instants_of_use()
-> anyhow::Result<()> {
    let shape = Shape { algorithm: "RS256", records: 3_000, keys: 1, ..shape(Keeper::Nobody) };
    let run = Spoiled::start(3, shape).await?;
    eventually("a key is in two hands", async || {
        let cut = "UPDATE chancery.leases SET expires_at = acquired_at + interval '1 microsecond',
                          doubted_at = acquired_at - duration
                    WHERE outcome IS NULL";
        run.execute(cut).await.is_ok_and(|_| !run.journal().shared_keys().is_empty())
    })
    .await;
    let violations = run.violations().await?;
    assert!(violations.iter().any(|violation| violation.starts_with("key ")), "{violations:#?}");
    Ok(())
}

#[tokio::test]
async fn a_batch_that_is_unsigned_again_is_seen_although_it_is_signed_once_more() -> anyhow::Result<()> {
    let shape = Shape { records: 3_000, ..shape(Keeper::Nobody) };
    let run = Spoiled::start(4, shape).await?;
    run.watch.until_signed(3).await;
    let undone = run
        .execute(
            "WITH lease AS (UPDATE chancery.leases SET outcome = 'abandoned', returned = true, signed_at = NULL,
                                   released_at = greatest(clock_timestamp(), acquired_at + interval '1 ms')
                             WHERE batch = 1 AND outcome = 'signed' RETURNING id),
                  gone AS (DELETE FROM chancery.signature_blocks USING lease WHERE lease_id = lease.id)
             UPDATE chancery.batches SET state = 'unsigned', lease_id = NULL FROM lease WHERE batch = 1",
        )
        .await?;
    assert_eq!(undone, 1);
    let violations = run.violations().await?;
    assert!(
        violations.iter().any(|violation| violation.contains("batch 1 was signed under")),
        "{violations:#?}"
    );
    Ok(())
}

/// Once all is delivered, and settled in the ledger.
#[tokio::test]
async fn a_file_that_is_altered_at_its_sink_and_one_that_is_gone_are_seen() -> anyhow::Result<()> {
    let shape = Shape { output: Output::Folder, records: 3_000, ..shape(Keeper::Nobody) };
    let mut run = Spoiled::start(9, shape).await?;
    run.keeper.finished().await?;
    let folder = run.stage.errand.folder.join("sink-0/demo");
    std::fs::write(folder.join("0000000002.ndjson"), "another")?;
    std::fs::remove_file(folder.join("0000000003.ndjson"))?;
    let violations = run.violations().await?;
    for of in [
        "run demo: batch 2 is Delivered, and is there with",
        "run demo: batch 3 is Delivered, and is not there",
    ] {
        assert!(violations.iter().any(|violation| violation.starts_with(of)), "{of}: {violations:#?}");
    }
    assert_eq!(violations.len(), 2, "{violations:#?}");
    Ok(())
}
