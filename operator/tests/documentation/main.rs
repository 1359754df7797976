//! The documentation lists what the operator shows, and nothing else.

use std::collections::BTreeSet;

use chancery_operator::host::Metrics;
use chancery_operator::{metrics_registry, run::RunMetrics};

/// Full names and types, as a query names them.
fn shown() -> BTreeSet<(String, String)> {
    let mut registry = metrics_registry();
    let metrics = Metrics::new(&mut registry);
    let of_runs = RunMetrics::new(&mut registry);
    of_runs.data_keys(&["a fingerprint".to_owned()], &[]);
    of_runs.alerted("default", "payments", "sanctions", 1);
    metrics.reconcile_failed("Job");
    metrics.requested("GET");
    let mut page = String::new();
    prometheus_client::encoding::text::encode(&mut page, &registry).expect("a page of metrics");
    page.lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
        .map(|(name, kind)| {
            let total = if kind == "counter" { "_total" } else { "" };
            (format!("{name}{total}"), kind.to_owned())
        })
        .collect()
}

/// Names and types of the table under a heading of docs/reference/metrics.md.
fn documented(heading: &str) -> BTreeSet<(String, String)> {
    let (_, section) =
        include_str!("../../../docs/reference/metrics.md").split_once(heading).expect("the section");
    let section = section.split("\n## ").next().expect("what follows the heading");
    section
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` | "))
        .filter(|(name, _)| name.starts_with("chancery_"))
        .map(|(name, rest)| (name.to_owned(), rest.split(' ').next().unwrap_or_default().to_owned()))
        .collect()
}

#[test]
fn every_metric_is_documented_and_everything_documented_is_shown() {
    assert_eq!(shown(), documented("## Operator\n"));
}

/// A target has these already; Prometheus would rename the program's.
#[test]
fn no_metric_has_a_label_that_prometheus_gives_to_its_target() {
    let text = include_str!("../../../docs/reference/metrics.md");
    for row in text.lines().filter(|line| line.starts_with("| `chancery_")) {
        let labels = row.split(" | ").nth(2).unwrap_or_default();
        for taken in ["namespace", "pod", "container", "service", "endpoint", "job", "instance"] {
            assert!(!labels.contains(&format!("`{taken}`")), "{row}");
        }
    }
}
