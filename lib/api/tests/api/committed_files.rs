//! What is generated from the types, or must agree with them, and is committed.

use std::path::{Path, PathBuf};

use chancery_api::{
    RunInput, SigningPolicy, SigningRun, crd_yaml, parse, policy_crd_yaml, signing_policy_page,
    signing_run_page, validate,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use serde_json::Value;

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_committed_definition_is_the_generated_one() {
    for (file, generated) in [("signingrun", crd_yaml()), ("signingpolicy", policy_crd_yaml())] {
        let committed = read(&workspace().join(format!("crds/{file}.yaml")));
        assert!(committed == generated, "crds/{file}.yaml is out of date; run: make generate");
    }
}

#[test]
fn the_committed_reference_page_is_the_generated_one() {
    for (file, generated) in [("signingrun", signing_run_page()), ("signingpolicy", signing_policy_page())] {
        let committed = read(&workspace().join(format!("docs/reference/{file}.md")));
        assert!(committed == generated, "docs/reference/{file}.md is out of date; run: make generate");
    }
}

#[test]
fn the_definition_in_yaml_says_what_the_types_say() {
    // All but where the lines of a description end.
    fn without_line_ends(value: &mut Value) {
        match value {
            Value::Object(members) => members.values_mut().for_each(without_line_ends),
            Value::Array(items) => items.iter_mut().for_each(without_line_ends),
            Value::String(text) => *text = text.split_whitespace().collect::<Vec<_>>().join(" "),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    for (yaml, types) in [(crd_yaml(), SigningRun::crd()), (policy_crd_yaml(), SigningPolicy::crd())] {
        let read_back: CustomResourceDefinition = serde_saphyr::from_str(&yaml).unwrap();
        let mut both = [read_back, types].map(|crd| serde_json::to_value(crd).unwrap());
        both.iter_mut().for_each(without_line_ends);
        assert_eq!(both[0], both[1]);
    }
}

#[test]
fn kubectl_explain_breaks_lines_where_the_terminal_ends_alone() {
    fn descriptions(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("description").and_then(Value::as_str).map(str::to_owned));
                members.values().for_each(|member| descriptions(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| descriptions(item, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut found = Vec::new();
    for yaml in [crd_yaml(), policy_crd_yaml()] {
        descriptions(&serde_saphyr::from_str(&yaml).unwrap(), &mut found);
    }
    assert!(found.len() > 100, "{}", found.len());
    for text in found {
        let lines: Vec<&str> = text.lines().collect();
        let is_broken = lines.windows(2).any(|pair| {
            !pair[0].is_empty() && !pair[1].is_empty() && !pair[1].trim_start().starts_with(['-', '*'])
        });
        assert!(!is_broken, "{text:?}");
    }
}

#[test]
fn every_example_is_valid() {
    let mut examples = 0;
    for entry in std::fs::read_dir(workspace().join("examples")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            examples += 1;
            let run = parse(&read(&path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            validate(&run).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
    }
    assert!(examples >= 3, "only {examples} examples");
}

#[test]
fn the_main_example_is_the_run_that_is_promised() {
    let run = validate(&parse(&read(&workspace().join("examples/signingrun.yaml"))).unwrap()).unwrap();
    assert_eq!(run.name, "demo");
    assert_eq!(run.input, RunInput::Generated { record_count: 100_000, record_size: 256 });
    assert_eq!(run.keyring.key_count, Some(100));
    assert_eq!((run.batch_size, run.parallelism), (100, 2));
    let keyring = &run.keyring;
    assert_eq!((keyring.algorithm_to_make().name(), keyring.key_size_to_make()), ("RS256", Some(2048)));
}
