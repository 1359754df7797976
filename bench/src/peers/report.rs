//! What came of it, as figures and a table.

use serde_json::json;

use super::limits::Limit;
use super::peer::Peer;
use super::rounds::{Comparison, Extent};
use crate::{Bound, Cell, Figure, Outcome, Samples, Table};

/// The ratios Chancery / peer, how each peer was set, and all that was measured. Trials that broke the
/// rules are told of and not counted.
#[must_use]
pub fn outcome(extent: Extent, comparisons: &[Comparison], limits: &[Limit]) -> Outcome {
    Outcome {
        figures: comparisons.iter().map(figure).collect(),
        tables: vec![table(comparisons), table_of(limits)],
        details: Some(json!({ "extent": extent, "comparisons": comparisons })),
        ..Outcome::default()
    }
}

fn figure(comparison: &Comparison) -> Figure {
    let right = comparison.pairs.iter().filter(|(_, trial)| trial.wrong.is_none());
    let samples = right.map(|(ours, trial)| ours / trial.rate()).collect();
    let title = format!("{}: Chancery / {}", comparison.algorithm, comparison.peer.name());
    Figure::new(title, samples, Bound::AtLeast(wanted(comparison.algorithm, comparison.peer)))
}

/// What the kernel's signatures of a batch in lock-step are to give, against one signature at a time; where both sign alike, no less
/// than the peer.
fn wanted(algorithm: &str, peer: Peer) -> f64 {
    match (algorithm, peer) {
        ("RS256", Peer::GraphileWorker | Peer::PgBoss) => 2.2,
        ("RS256", Peer::PlainAwsLc) => 1.9,
        _ => 1.0,
    }
}

fn table(comparisons: &[Comparison]) -> Table {
    let columns = ["peer", "its best settings", "its signatures/s", "its start, s", "what was wrong"];
    let mut table = Table::new("The peers, and medians of what is worth knowing of them:", &columns);
    for Comparison { algorithm: _, peer, best, sweep: _, pairs } in comparisons {
        let median = |samples: Samples| samples.median();
        let wrong = pairs.iter().find_map(|(_, trial)| trial.wrong.as_deref());
        table.row([
            peer.name().into(),
            peer.describe(*best).into(),
            median(pairs.iter().map(|(_, trial)| trial.rate()).collect()).into(),
            median(pairs.iter().map(|(_, trial)| trial.start_seconds).collect()).into(),
            wrong.map_or(Cell::from("nothing"), Cell::from),
        ]);
    }
    table
}

fn table_of(limits: &[Limit]) -> Table {
    let columns = ["what", "how", "signatures/s"];
    let mut table = Table::new(
        "What nothing that works like this can pass, each alone on the machine; medians:",
        &columns,
    );
    for Limit { what, how, rates } in limits {
        let median = Some(rates.median()).filter(|rate| rate.is_finite());
        table.row([
            (*what).into(),
            how.as_str().into(),
            median.map_or(Cell::from("not installed"), Cell::from),
        ]);
    }
    table
}
