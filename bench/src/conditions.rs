//! What a result was measured on.

use std::fmt;
use std::fs;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::arguments::Effort;

/// Machine, versions, date and command.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Conditions {
    processor: String,
    cores: usize,
    memory_gib: f64,
    kernel: String,
    postgres: String,
    version: String,
    /// What else ran: the processes that wanted a core in the minute before.
    load_before: f64,
    date: String,
    command: String,
    pairs: usize,
    divide: u64,
    seconds: f64,
}

impl Conditions {
    /// Those of a measurement that is about to begin.
    pub(crate) fn now(program: &str, name: &str, effort: &Effort) -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let field = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let memory_kib = field(&read("/proc/meminfo"), "MemTotal");
        let memory_kib = memory_kib.and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
        let sizes = match effort {
            Effort { quick: true, .. } => " --quick".to_owned(),
            Effort { pairs, divide: 1, .. } => format!(" --pairs {pairs}"),
            Effort { pairs, divide, .. } => format!(" --pairs {pairs} --divide {divide}"),
        };
        Self {
            processor: field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| "unknown".to_owned()),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            memory_gib: (memory_kib.unwrap_or_default() / f64::from(1 << 20)).round(),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            postgres: postgres(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            load_before: read("/proc/loadavg")
                .split(' ')
                .next()
                .and_then(|it| it.parse().ok())
                .unwrap_or_default(),
            date: jiff::Timestamp::now().strftime("%Y-%m-%d").to_string(),
            command: format!("make {program} ARGS='--only {name}{sizes}'"),
            pairs: effort.pairs,
            divide: effort.divide,
            seconds: 0.0,
        }
    }

    pub(crate) fn took(&mut self, elapsed: Duration) {
        self.seconds = elapsed.as_secs_f64().round();
    }
}

/// The version of the server that the benchmarks start.
fn postgres() -> String {
    let binaries = chancery_local_postgres::find_binaries();
    binaries.map_or_else(|_| "unknown".to_owned(), |found| found.version().to_owned())
}

impl fmt::Display for Conditions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { processor, cores, memory_gib, kernel, postgres, version, date, command, seconds, .. } =
            self;
        write!(
            f,
            "`{command}`, {seconds} s on {date}: {processor}, {cores} cores, {memory_gib} GiB, Linux {kernel}, \
             PostgreSQL {postgres}, Chancery {version}; load before: {}",
            self.load_before
        )
    }
}
