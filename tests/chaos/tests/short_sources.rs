//! A few schedules of runs that read, and one whose accounts are spoiled on purpose.

use std::sync::Arc;
use std::time::Duration;

use chancery_chaos::fault::{Fault, Message, Road};
use chancery_chaos::inject::Keep as _;
use chancery_chaos::input::Input;
use chancery_chaos::judge::judge;
use chancery_chaos::keeper::Unattended;
use chancery_chaos::output::Output;
use chancery_chaos::place::Place;
use chancery_chaos::play::play;
use chancery_chaos::schedule::{Beside, Keeper, Means, Planned, Schedule, Shape, When};
use chancery_chaos::watch::Watch;
use chancery_kit::S3Server;
use sqlx::{Connection, PgConnection};

fn shape(keeper: Keeper, input: Input) -> Shape {
    Shape {
        keeper,
        input,
        output: Output::Nowhere,
        algorithm: "EdDSA",
        records: 8_000,
        keys: 5,
        batch_size: 100,
        signers: 2,
        threads: 1,
        lease: Duration::from_secs(5),
        latency: Duration::from_millis(1),
        beside: vec![Beside { records: 4_000, batch_size: 70, signers: 1 }],
    }
}

/// The given faults, each as soon as a little more has arrived.
async fn held(seed: u64, shape: Shape, faults: &[Fault]) -> anyhow::Result<()> {
    let share = |number: usize| 0.1 * f64::from(u32::try_from(number).unwrap_or_default());
    let planned = |(number, fault): (usize, &Fault)| Planned {
        when: When::Received(share(number)),
        fault: *fault,
        pick: number,
    };
    let schedule = Schedule { seed, faults: faults.iter().enumerate().map(planned).collect(), shape };
    let means = Means { cluster: false, disk: false, store: schedule.shape.input == Input::Bucket };
    let place = Arc::new(Place::new(means)?);
    let (played, _stage) = play(&place, &schedule).await?;
    anyhow::ensure!(played.judged.violations.is_empty(), "{:#?}", played.judged.violations);
    anyhow::ensure!(!played.injected.is_empty(), "nothing went wrong");
    Ok(())
}

#[tokio::test]
async fn gateways_that_die_and_stand_still_while_clients_push() -> anyhow::Result<()> {
    let faults = [
        Fault::KillGateway,
        Fault::PauseGateway(Duration::from_millis(700)),
        Fault::CrashServer(Duration::from_millis(300)),
        Fault::KillGateway,
        Fault::StopGateway,
        Fault::LoseAnswers(Message::Any, 3),
        Fault::KillKeeper,
        Fault::KillGateway,
    ];
    let shape = shape(Keeper::Supervisor, Input::Pushed);
    held(14, Shape { records: 4_000, ..shape }, &faults).await
}

#[tokio::test]
async fn intakes_that_die_and_stand_still_under_a_supervisor_while_files_are_read() -> anyhow::Result<()> {
    let faults = [
        Fault::KillIntake,
        Fault::StopIntake,
        Fault::KillIntake,
        Fault::KillKeeper,
        Fault::CrashServer(Duration::from_millis(300)),
        Fault::KillIntake,
    ];
    held(11, shape(Keeper::Supervisor, Input::Files), &faults).await
}

#[tokio::test]
async fn a_bucket_that_fails_in_every_way_with_nobody_to_tell_of_dead_intakes() -> anyhow::Result<()> {
    if S3Server::start()?.is_none() {
        return Ok(());
    }
    let brief = Duration::from_millis(500);
    let faults = [
        Fault::ToSource(Road::LoseRequests(1)),
        Fault::ToSource(Road::Reset),
        Fault::KillIntake,
        Fault::ToSource(Road::LoseAnswers(2)),
        Fault::PauseIntake(Duration::from_millis(2_500)),
        Fault::ToSource(Road::Freeze(brief)),
        Fault::ToSource(Road::Trickle(100_000, brief)),
        Fault::CrashServer(brief),
    ];
    let shape = Shape { lease: Duration::from_secs(2), ..shape(Keeper::Nobody, Input::Bucket) };
    held(12, shape, &faults).await
}

#[tokio::test]
async fn a_payload_that_is_exchanged_and_a_dead_letter_that_is_emptied_are_seen() -> anyhow::Result<()> {
    let schedule = Schedule { seed: 13, shape: shape(Keeper::Nobody, Input::Files), faults: Vec::new() };
    let place = Arc::new(Place::new(Means { cluster: false, disk: false, store: false })?);
    let stage = place.stage(&schedule, "default").await?;
    stage.seed(&schedule.shape).await?;
    let watch = Watch::start(stage.direct.clone(), &stage.tasks[0].run);
    let mut keeper = Unattended::start(stage.tasks.clone());
    let finished = keeper.finished().await;
    let mut connection = PgConnection::connect(&stage.direct).await?;
    // As the superuser whom no trigger stops.
    sqlx::raw_sql("SET session_replication_role = replica").execute(&mut connection).await?;
    let spoiled = "UPDATE chancery.arrivals SET raw = 'x'
                    WHERE state = 'Dead' AND run_id = (SELECT id FROM chancery.runs WHERE name = 'demo')";
    assert!(sqlx::raw_sql(spoiled).execute(&mut connection).await?.rows_affected() > 0);
    let spoiled = "UPDATE chancery.records SET payload = 'x', digest = sha256('x')
                    WHERE record = 5 AND run_id = (SELECT id FROM chancery.runs WHERE name = 'beside-1')";
    assert_eq!(sqlx::raw_sql(spoiled).execute(&mut connection).await?.rows_affected(), 1);
    let judged = judge(&stage, &schedule, &[], &watch, finished).await?;
    for of in ["run demo: of ", "run beside-1: of "] {
        let seen = judged.violations.iter().any(|violation| violation.starts_with(of));
        assert!(seen, "{of}: {:#?}", judged.violations);
    }
    Ok(())
}
