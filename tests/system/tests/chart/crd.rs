//! The chart's CRDs are the generated ones.

use std::fs;

use chancery_kit::helm;
use serde_json::{Value, json};

use crate::rendering::Chart;

const CRD: &str = "CustomResourceDefinition";

/// The name of each definition, and its file in `crds/`.
const ALL: [(&str, &str); 2] =
    [("signingruns.chancery.dev", "signingrun.yaml"), ("signingpolicies.chancery.dev", "signingpolicy.yaml")];

fn generated(file: &str) -> anyhow::Result<Value> {
    let path = helm::chart().join("../../crds").join(file);
    Ok(serde_saphyr::from_str(&fs::read_to_string(path)?)?)
}

#[test]
fn the_rendered_crd_is_the_generated_one() -> anyhow::Result<()> {
    for (name, file) in ALL {
        let Some(chart) = Chart::find() else { return Ok(()) };
        let mut rendered = chart.one(CRD, name)?;
        let metadata = rendered["metadata"].as_object_mut().expect("metadata");
        metadata.remove("labels");
        metadata.remove("annotations");
        assert_eq!(rendered, generated(file)?);
    }
    Ok(())
}

#[test]
fn the_crd_outlives_the_release_unless_told_otherwise() -> anyhow::Result<()> {
    for (name, _) in ALL {
        let policy = |chart: Chart| -> anyhow::Result<Value> {
            Ok(chart.one(CRD, name)?["metadata"]["annotations"]["helm.sh/resource-policy"].clone())
        };
        let Some(chart) = Chart::find() else { return Ok(()) };
        assert_eq!(policy(chart)?, json!("keep"));
        let Some(chart) = Chart::find() else { return Ok(()) };
        assert_eq!(policy(chart.set("crds.keep=false"))?, Value::Null);
    }
    Ok(())
}

#[test]
fn the_crd_can_be_left_out() -> anyhow::Result<()> {
    let Some(chart) = Chart::find() else { return Ok(()) };
    assert!(chart.set("crds.install=false").of_kind(CRD)?.is_empty());
    Ok(())
}
