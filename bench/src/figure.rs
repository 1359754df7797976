//! Figures: ratios with their median, least and greatest.

use std::fs;
use std::path::Path;

use anyhow::Context;
use serde::Serialize;

/// Ratios that were measured one after the other.
#[derive(Debug, Default)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// Adds one.
    pub fn add(&mut self, ratio: f64) {
        self.0.push(ratio);
    }
}

/// One figure, and what it has to reach.
#[derive(Debug, Serialize)]
pub struct Figure {
    name: &'static str,
    median: f64,
    least: f64,
    greatest: f64,
    samples: Vec<f64>,
    wanted: String,
    reached: bool,
}

impl Figure {
    /// `comparison` is `>=` or `<=`.
    pub fn new(name: &'static str, samples: Samples, comparison: &str, bound: f64) -> Self {
        let mut sorted = samples.0.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
        // Of an even number of samples, the mean of the two in the middle.
        let median = f64::midpoint(middle((sorted.len().max(1) - 1) / 2), middle(sorted.len() / 2));
        Self {
            name,
            median,
            least: sorted.first().copied().unwrap_or(f64::NAN),
            greatest: sorted.last().copied().unwrap_or(f64::NAN),
            samples: samples.0,
            wanted: format!("{comparison} {bound}"),
            reached: if comparison == ">=" { median >= bound } else { median <= bound },
        }
    }
}

/// What the figures were measured on.
pub fn machine() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{}, {cores} cores", model.unwrap_or("unknown processor"))
}

/// The figures as a Markdown table.
pub fn table(machine: &str, figures: &[Figure]) -> String {
    let mut lines = vec![
        format!("{machine}\n"),
        "| figure | median | least | greatest | wanted | |".to_owned(),
        "|---|---|---|---|---|---|".to_owned(),
    ];
    for Figure { name, median, least, greatest, wanted, reached, samples: _ } in figures {
        let verdict = if *reached { "reached" } else { "missed" };
        lines.push(format!("| {name} | {median:.3} | {least:.3} | {greatest:.3} | {wanted} | {verdict} |"));
    }
    lines.join("\n")
}

/// Writes the figures as JSON, and what they were measured on; `pairs` tells how often.
///
/// # Errors
///
/// The file can not be written.
pub fn write(out: &Path, pairs: usize, figures: &[Figure]) -> anyhow::Result<()> {
    if let Some(folder) = out.parent() {
        fs::create_dir_all(folder)?;
    }
    let json = serde_json::json!({ "machine": machine(), "pairs": pairs, "figures": figures });
    fs::write(out, format!("{json:#}\n")).context("writing the results")
}
