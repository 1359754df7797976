//! The chart's README, and what a registry of charts shows of it.

use std::fs;

use chancery_kit::{chart_readme, helm};
use serde_json::Value;

#[test]
fn the_committed_readme_is_the_generated_one() -> anyhow::Result<()> {
    let committed = fs::read_to_string(helm::chart().join("README.md"))?;
    assert!(
        committed == chart_readme(&helm::chart())?,
        "charts/chancery/README.md is out of date; run: make generate"
    );
    assert!(committed.contains("| uninstall.letGo | bool | `true` |"), "{committed}");
    Ok(())
}

#[test]
fn the_chart_has_a_face_and_somebody_who_looks_after_it() -> anyhow::Result<()> {
    let about: Value = serde_saphyr::from_str(&fs::read_to_string(helm::chart().join("Chart.yaml"))?)?;
    let icon = about["icon"].as_str().unwrap_or_default();
    assert!(icon.starts_with("data:image/svg+xml;base64,"), "{icon}");
    assert!(about["maintainers"][0]["name"].is_string());
    Ok(())
}
