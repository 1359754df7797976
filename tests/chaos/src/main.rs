//! `make chaos`: schedule after schedule, until the time is over or enough are played.
//!
//! Exit codes: 0 all held; 1 something did not, and the seeds that show it are named; 2 wrong arguments,
//! or the harness itself failed.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chancery_chaos::input::Input;
use chancery_chaos::judge::keep_evidence;
use chancery_chaos::output::Output;
use chancery_chaos::place::{Place, Stage};
use chancery_chaos::play::{Played, play};
use chancery_chaos::schedule::{Means, Schedule};
use chancery_chaos::totals::Totals;
use clap::Parser;

/// Play runs with faults, and judge each.
#[derive(Debug, Parser)]
#[command(name = "chancery-chaos")]
struct Arguments {
    /// Seed of the first schedule; each next one has the next number [default: a random one]
    #[arg(long)]
    seed: Option<u64>,
    /// Minutes after which no schedule is begun any more
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    /// The most schedules to play
    #[arg(long, default_value_t = u64::MAX, hide_default_value = true)]
    schedules: u64,
    /// Leave out the schedules whose records are generated
    #[arg(long)]
    only_reading: bool,
    /// Leave out the schedules to whose runs nobody pushes
    #[arg(long)]
    only_pushed: bool,
    /// Leave out the schedules whose batches are brought nowhere
    #[arg(long)]
    only_brought: bool,
}

#[tokio::main]
#[expect(clippy::print_stderr, reason = "whoever started it is to read it")]
async fn main() -> ExitCode {
    match play_all(&Arguments::parse()).await {
        Ok(exit) => exit,
        Err(error) => {
            eprintln!("error: the harness itself failed: {error:#}");
            ExitCode::from(2)
        }
    }
}

#[expect(clippy::print_stdout, reason = "the verdict is the purpose of this program")]
async fn play_all(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let first = arguments.seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
    let time = Duration::try_from_secs_f64(arguments.minutes * 60.0)?;
    let means = Means::of_this_machine()?;
    println!("seed {first}; {means}");
    let place = Arc::new(Place::new(means)?);
    let (mut totals, began) = (Totals::default(), Instant::now());
    let schedules = (0..).map(|number| Schedule::draw(first.wrapping_add(number), means));
    let wanted = |schedule: &Schedule| {
        let (input, output) = (schedule.shape.input, schedule.shape.output);
        (!arguments.only_reading || input != Input::Generated)
            && (!arguments.only_pushed || input == Input::Pushed)
            && (!arguments.only_brought || output != Output::Nowhere)
    };
    for schedule in schedules.filter(wanted).take(usize::try_from(arguments.schedules)?) {
        if began.elapsed() >= time {
            break;
        }
        println!("{}: {}", schedule.seed, schedule.shape);
        let (played, stage) = play(&place, &schedule).await?;
        show(&schedule, &played);
        totals.add(&schedule, &played);
        end(&place, stage, &played).await?;
    }
    println!("{totals}");
    Ok(if totals.failed().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[expect(clippy::print_stdout, reason = "the verdict is the purpose of this program")]
fn show(schedule: &Schedule, played: &Played) {
    let faults: Vec<String> = played.injected.iter().map(|one| one.fault.to_string()).collect();
    let (done, planned) = (faults.len(), schedule.faults.len());
    println!("    {done} of {planned} faults: {}", faults.join("; "));
    for violation in &played.judged.violations {
        println!("    VIOLATION: {violation}");
    }
    let verdict = if played.judged.violations.is_empty() { "held" } else { "FAILED" };
    println!("    {verdict} after {:.1} s", played.elapsed.as_secs_f64());
    if verdict == "FAILED" {
        println!("    again: make chaos SEED={} SCHEDULES=1", schedule.seed);
    }
}

/// Clears up; what a run that failed has left is kept.
#[expect(clippy::print_stdout, reason = "the verdict is the purpose of this program")]
async fn end(place: &Place, stage: Arc<Stage>, played: &Played) -> anyhow::Result<()> {
    if played.judged.violations.is_empty() {
        // Who else had a share in it has ended with the last fault.
        if let Some(stage) = Arc::into_inner(stage) {
            place.clear(stage).await?;
        }
        return Ok(());
    }
    keep_evidence(&stage, &stage.errand.folder).await?;
    if let Some(stage) = Arc::into_inner(stage) {
        println!("    logs, journal, leases and signatures: {}", stage.keep_folder().display());
    }
    Ok(())
}
