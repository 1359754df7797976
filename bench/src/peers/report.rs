//! What came of it, as figures, JSON and a table.

use std::fs;
use std::path::Path;

use anyhow::Context;
use serde_json::json;

use super::rounds::{Comparison, Extent};
use crate::{Figure, Samples, machine, write};

/// Where the table stands in a page.
const MARKS: (&str, &str) = ("<!-- peers-table -->", "<!-- /peers-table -->");

/// The ratios Chancery / peer. Trials that broke the rules are left out.
#[must_use]
pub fn figures(comparisons: &[Comparison]) -> Vec<Figure> {
    let figure = |comparison: &Comparison| {
        let name = format!("{}: Chancery / {}", comparison.algorithm, comparison.peer.name());
        let mut samples = Samples::default();
        for (ours, trial) in comparison.pairs.iter().filter(|(_, trial)| trial.wrong.is_none()) {
            samples.add(ours / trial.rate());
        }
        // A figure's name lives as long as the program.
        Figure::new(name.leak(), samples, ">=", 1.0)
    };
    comparisons.iter().map(figure).collect()
}

/// Writes the figures, and with them all that was measured.
///
/// # Errors
///
/// The file can not be written.
pub fn save(out: &Path, extent: Extent, comparisons: &[Comparison]) -> anyhow::Result<()> {
    write(out, extent.rounds, &figures(comparisons))?;
    let mut results: serde_json::Value = serde_json::from_str(&fs::read_to_string(out)?)?;
    results["extent"] = json!(extent);
    results["comparisons"] = json!(comparisons);
    fs::write(out, format!("{results:#}\n")).context("writing the results")
}

/// The figures as a Markdown table, with the settings and what else is worth knowing.
#[must_use]
pub fn table(comparisons: &[Comparison]) -> String {
    let mut lines = vec![
        format!("{}\n", machine()),
        "| algorithm | peer | its best settings | Chancery / peer: median | least | greatest | start, s |"
            .to_owned(),
        "|---|---|---|---|---|---|---|".to_owned(),
    ];
    for comparison in comparisons {
        let Comparison { algorithm, peer, best, sweep: _, pairs } = comparison;
        let (name, how) = (peer.name(), peer.describe(*best));
        let wrong = pairs.iter().find_map(|(_, trial)| trial.wrong.as_deref());
        let mut ratios: Vec<f64> = pairs.iter().map(|(ours, trial)| ours / trial.rate()).collect();
        ratios.sort_by(f64::total_cmp);
        let figures = match (wrong, ratios.as_slice()) {
            (Some(wrong), _) => format!("not counted: {wrong} | | "),
            (None, [least, .., greatest]) => format!("{:.2} | {least:.2} | {greatest:.2}", median(&ratios)),
            (None, [only]) => format!("{only:.2} | {only:.2} | {only:.2}"),
            (None, []) => " | | ".to_owned(),
        };
        let starts: Vec<f64> = pairs.iter().map(|(_, trial)| trial.start_seconds).collect();
        lines.push(format!("| {algorithm} | {name} | {how} | {figures} | {:.2} |", median(&starts)));
    }
    lines.join("\n")
}

/// Puts the table into a page, in place of the one that stands there.
///
/// # Errors
///
/// The page can not be read or written, or has no place for it.
pub fn put_into(page: &Path, table: &str) -> anyhow::Result<()> {
    let text = fs::read_to_string(page)?;
    let (begin, end) = MARKS;
    let (before, rest) =
        text.split_once(begin).with_context(|| format!("no {begin} in {}", page.display()))?;
    let (_, after) = rest.split_once(end).with_context(|| format!("no {end} in {}", page.display()))?;
    fs::write(page, format!("{before}{begin}\n\n{table}\n\n{end}{after}"))?;
    Ok(())
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        length => f64::midpoint(sorted[(length - 1) / 2], sorted[length / 2]),
    }
}
