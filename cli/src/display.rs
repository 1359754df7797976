//! What a person sees while a run is under way: stages with a bar on a terminal, log lines elsewhere.

use std::fmt;
use std::io::IsTerminal;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chancery_process::{LogFormat, grouped, say};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::screen::Screen;

/// Log lines of a stage are at least this far apart.
const LOG_INTERVAL: Duration = Duration::from_secs(2);

/// Bars are drawn at most so often.
const DRAWN_PER_SECOND: u8 = 20;

/// A stage of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    MakingKeys,
    MakingRecords,
    Reading,
    Receiving,
    Signing,
    Delivering,
    Auditing,
}

impl Stage {
    const fn name(self) -> &'static str {
        match self {
            Self::MakingKeys => "making keys",
            Self::MakingRecords => "making records",
            Self::Reading => "reading sources",
            Self::Receiving => "receiving",
            Self::Signing => "signing",
            Self::Delivering => "delivering",
            Self::Auditing => "auditing",
        }
    }
}

/// The stages of one run.
pub(crate) struct Display {
    bars: Option<MultiProgress>,
    under_way: Mutex<Vec<StageBar>>,
}

/// One stage, which is told how far it is.
#[derive(Clone)]
pub(crate) struct StageBar(std::sync::Arc<Inner>);

struct Inner {
    stage: Stage,
    total: u64,
    began: Instant,
    first: u64,
    bar: Option<ProgressBar>,
    last_logged: Mutex<Instant>,
    done: AtomicU64,
    ended: AtomicBool,
}

impl Display {
    /// Bars if standard error is a terminal that can draw them and logs are for people.
    pub(crate) fn new(format: LogFormat) -> Self {
        let draws = std::env::var_os("TERM").is_none_or(|terminal| terminal != "dumb");
        let terminal = std::io::stderr().is_terminal() && draws && format == LogFormat::Text;
        let screen = || ProgressDrawTarget::term_like_with_hz(Box::new(Screen::new()), DRAWN_PER_SECOND);
        let bars = terminal.then(|| MultiProgress::with_draw_target(screen()));
        Self { bars, under_way: Mutex::default() }
    }

    /// Begins a stage, perhaps beside others; `first` of its `total` is done already. A total of 0 says that nobody knows.
    pub(crate) fn stage(&self, stage: Stage, total: u64, first: u64) -> StageBar {
        let bar = self.bars.as_ref().map(|bars| bars.add(new_bar(stage, total, first)));
        if bar.is_none() {
            tracing::info!(stage = stage.name(), total, done = first, "begins");
        }
        let now = Instant::now();
        let stage_bar = StageBar(std::sync::Arc::new(Inner {
            stage,
            total,
            began: now,
            first,
            bar,
            last_logged: Mutex::new(now),
            done: AtomicU64::new(first),
            ended: AtomicBool::new(false),
        }));
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).push(stage_bar.clone());
        stage_bar
    }

    /// Ends every stage that is under way.
    fn close(&self) {
        let under_way = std::mem::take(&mut *self.under_way.lock().unwrap_or_else(PoisonError::into_inner));
        for bar in under_way {
            bar.end();
        }
    }

    /// Ends what is still under way; what is written from now on begins on a line of its own.
    pub(crate) fn end(&self) {
        self.close();
        if self.bars.is_some() {
            say("");
        }
    }

    /// Says something that is no progress.
    pub(crate) fn say(&self, text: &str) {
        self.above_bars(|| tracing::info!("{text}"));
    }

    /// Passes on a line that a signer logged.
    pub(crate) fn pass_on(&self, line: &str) {
        self.above_bars(|| say(line));
    }

    /// Takes the bars off the screen while something else writes to it.
    pub(crate) fn above_bars<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.bars {
            Some(bars) => bars.suspend(write),
            None => write(),
        }
    }
}

impl StageBar {
    /// So many of the total are done.
    pub(crate) fn at(&self, done: u64) {
        self.0.done.store(done, Ordering::Relaxed);
        if let Some(bar) = &self.0.bar {
            bar.set_position(done);
            return;
        }
        let mut last = self.0.last_logged.lock().unwrap_or_else(PoisonError::into_inner);
        if last.elapsed() >= LOG_INTERVAL {
            *last = Instant::now();
            self.log("continues");
        }
    }

    /// The stage is over. Said twice, it is heard once.
    pub(crate) fn end(&self) {
        if self.0.ended.swap(true, Ordering::Relaxed) {
            return;
        }
        match &self.0.bar {
            Some(bar) => bar.finish(),
            None => self.log("ends"),
        }
    }

    fn log(&self, what: &'static str) {
        let Inner { stage, total, began, first, done, .. } = &*self.0;
        let done = done.load(Ordering::Relaxed);
        let seconds = began.elapsed().as_secs_f64();
        let rate = whole(done.saturating_sub(*first) as f64 / seconds.max(1e-9));
        let left = total.saturating_sub(done) / rate.max(1);
        if *total == 0 {
            tracing::info!(stage = stage.name(), done, rate, seconds = format!("{seconds:.1}"), "{what}");
        } else if self.0.ended.load(Ordering::Relaxed) {
            tracing::info!(
                stage = stage.name(),
                total,
                done,
                rate,
                seconds = format!("{seconds:.1}"),
                "{what}"
            );
        } else {
            tracing::info!(
                stage = stage.name(),
                total,
                done,
                rate,
                seconds_left = format!("{left:.0}"),
                "{what}"
            );
        }
    }
}

/// To the next whole number, which is near enough for people.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rates are positive and far below 2^64"
)]
pub(crate) fn whole(rate: f64) -> u64 {
    rate.round() as u64
}

fn new_bar(stage: Stage, total: u64, first: u64) -> ProgressBar {
    let bar = ProgressBar::new(total).with_prefix(stage.name()).with_position(first);
    // The rate counts from here, not from what an earlier command did.
    bar.reset_eta();
    let template = match total {
        0 => "{prefix:16} {spinner} {human_pos} {rate:>10}",
        _ => "{prefix:16} {wide_bar:.cyan/blue} {human_pos}/{human_len} {rate:>10} {eta:>4} left",
    };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let rate = |state: &ProgressState, out: &mut dyn fmt::Write| {
        // A rate that cannot be written leaves its place empty.
        let _written = write!(out, "{}/s", grouped(whole(state.per_sec())));
    };
    bar.set_style(style.with_key("rate", rate).progress_chars("━╸─"));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
