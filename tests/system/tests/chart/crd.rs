//! The chart's CRD is the generated one.

use std::fs;

use chancery_kit::helm;
use serde_json::{Value, json};

use crate::rendering::Chart;

const CRD: &str = "CustomResourceDefinition";

fn generated() -> anyhow::Result<Value> {
    let path = helm::chart().join("../../crds/signingrun.yaml");
    Ok(serde_saphyr::from_str(&fs::read_to_string(path)?)?)
}

#[test]
fn the_rendered_crd_is_the_generated_one() -> anyhow::Result<()> {
    let Some(chart) = Chart::find() else { return Ok(()) };
    let mut rendered = chart.one(CRD, ".chancery.dev")?;
    let metadata = rendered["metadata"].as_object_mut().expect("metadata");
    metadata.remove("labels");
    metadata.remove("annotations");
    assert_eq!(rendered, generated()?);
    Ok(())
}

#[test]
fn the_crd_outlives_the_release_unless_told_otherwise() -> anyhow::Result<()> {
    let policy = |chart: Chart| -> anyhow::Result<Value> {
        Ok(chart.one(CRD, ".chancery.dev")?["metadata"]["annotations"]["helm.sh/resource-policy"].clone())
    };
    let Some(chart) = Chart::find() else { return Ok(()) };
    assert_eq!(policy(chart)?, json!("keep"));
    let Some(chart) = Chart::find() else { return Ok(()) };
    assert_eq!(policy(chart.set("crds.keep=false"))?, Value::Null);
    Ok(())
}

#[test]
fn the_crd_can_be_left_out() -> anyhow::Result<()> {
    let Some(chart) = Chart::find() else { return Ok(()) };
    assert!(chart.set("crds.install=false").of_kind(CRD)?.is_empty());
    Ok(())
}
