//! `chancery policy check` and `test`, which need no ledger.

use std::path::Path;

use anyhow::Context;
use chancery_kit::Chancery;
use serde_json::{Value, json};

const POLICY: &str = "\
apiVersion: chancery.dev/v1alpha1
kind: SigningPolicy
metadata:
  name: payments
spec:
  lookups:
    - {name: rates, configMapRef: {name: fx}}
  validations:
    - name: positive
      expression: record.amount > 0
      message: the amount must be positive
    - name: large
      expression: double(record.amount) * lookup('rates', record.currency) < 100.0
      action: Flag
---
apiVersion: v1
kind: ConfigMap
metadata: {name: fx}
data: {EUR: \"1.5\"}
";

const RECORDS: &str = "\
{\"amount\": 5, \"currency\": \"EUR\"}
{\"amount\": 80, \"currency\": \"EUR\"}

{\"amount\": -1, \"currency\": \"EUR\"}
{\"amount\": 1, \"currency\": \"XAU\"}
";

/// The program, and the names of the files.
fn with_files(policy: &str) -> anyhow::Result<(Chancery, String, String)> {
    let chancery = Chancery::on("postgres://nobody@127.0.0.1:1/nothing")?;
    let policy = chancery.write("policy.yaml", policy)?.display().to_string();
    let records = chancery.write("records.ndjson", RECORDS)?.display().to_string();
    Ok((chancery, policy, records))
}

#[tokio::test]
async fn a_good_policy_has_a_version_and_a_bad_one_faults_with_their_places() -> anyhow::Result<()> {
    let (chancery, policy, _) = with_files(POLICY)?;
    let said = chancery.run(&["policy", "check", &policy]).await?.expect_code(0)?.stdout;
    assert!(said.contains("version") && said.ends_with("the policy is good\n"), "{said}");
    let good = chancery.run(&["policy", "check", &policy, "-o", "json"]).await?.expect_code(0)?.json()?;
    assert_eq!((&good["good"], good["version"].as_str().map(str::len)), (&json!(true), Some(12)));

    let wrong = POLICY.replace("record.amount > 0", "rekord.amount > 0").replace("'rates'", "'raets'");
    let (chancery, policy, _) = with_files(&wrong)?;
    let said = chancery.run(&["policy", "check", &policy]).await?.expect_code(2)?.stdout;
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 2, "{said}");
    assert!(lines[0].contains("policy.yaml:10:19: spec.validations[0].expression: "), "{said}");
    assert!(lines[0].contains("names `rekord`"), "{said}");
    assert!(lines[1].contains("policy.yaml:13:19: spec.validations[1].expression: at character "), "{said}");
    let bad = chancery.run(&["policy", "check", &policy, "-o", "json"]).await?.expect_code(2)?.json()?;
    assert_eq!(
        (&bad["good"], &bad["faults"][1]["line"], &bad["faults"][1]["column"]),
        (&json!(false), &json!(13), &json!(19))
    );

    for (from, to, place) in [
        ("action: Flag", "action: Drop", "policy.yaml:14:15: spec.validations[1].action: "),
        ("validations:", "valdations:", "policy.yaml:9:5: spec.valdations: "),
        ("spec:", "spec: [", "policy.yaml:"),
    ] {
        let (chancery, policy, _) = with_files(&POLICY.replace(from, to))?;
        let said = chancery.run(&["policy", "check", &policy]).await?.expect_code(2)?.stdout;
        assert!(said.contains(place), "{said}");
    }
    Ok(())
}

#[tokio::test]
async fn records_are_judged_without_a_ledger_and_counted() -> anyhow::Result<()> {
    let (chancery, policy, records) = with_files(POLICY)?;
    let test = ["policy", "test", &policy, "--records", &records];
    let table = chancery.run(&test).await?.expect_code(0)?.stdout;
    for words in [
        "the amount must be positive",
        "the table `rates` has no `XAU`",
        "SLOWEST",
        "1 clean, 1 flagged, 1 rejected, 1 failed",
    ] {
        assert!(table.contains(words), "{words} in:\n{table}");
    }
    let ended = chancery.run(&[&test[..], &["-o", "json"]].concat()).await?.expect_code(0)?;
    let (_, end) = ended.stdout.trim_end().rsplit_once("\"counts\":").context("counts")?;
    let last: Value = serde_json::from_str(end.strip_suffix('}').context("the end of the object")?)?;
    let result = ended.json()?;
    let counts = &result["counts"];
    assert_eq!(&last, counts, "it ends with them");
    assert_eq!([&counts["clean"], &counts["flagged"], &counts["rejected"], &counts["failed"]], [1, 1, 1, 1]);
    assert_eq!(
        (&result["verdicts"][2]["outcome"], &result["verdicts"][2]["hits"][0]["rule"]),
        (&json!("Rejected"), &json!("positive"))
    );
    let nothing = chancery.folder().join("none.ndjson").display().to_string();
    chancery.run(&["policy", "test", &policy, "--records", &nothing]).await?.expect_code(2)?;
    Ok(())
}

#[tokio::test]
async fn answers_stand_for_webhooks_and_queries() -> anyhow::Result<()> {
    let webhook = "  webhooks:\n    - {name: model, url: \"https://model.example/\", adds: score}\n  thresholds: {reject: 50}\n  validations:";
    let (chancery, policy, records) = with_files(&POLICY.replace("  validations:", webhook))?;
    let answers =
        "{\"webhooks\": {\"model\": {\"score\": 60}}}\n{\"webhooks\": {\"model\": {\"score\": 1}}}\n";
    let answers = chancery.write("answers.ndjson", answers)?.display().to_string();
    let test = ["policy", "test", &policy, "--records", &records, "--answers", &answers, "-o", "json"];
    let result = chancery.run(&test).await?.expect_code(0)?.json()?;
    let outcomes: Vec<&str> = result["verdicts"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|verdict| verdict["outcome"].as_str())
        .collect();
    assert_eq!(outcomes, ["Rejected", "Flagged", "Rejected", "Failed"]);
    Ok(())
}

#[tokio::test]
async fn the_examples_are_good() -> anyhow::Result<()> {
    let (chancery, ..) = with_files(POLICY)?;
    for name in ["transactions", "fraud", "compliance", "scored"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/policies");
        let policy = folder.join(format!("{name}.yaml")).display().to_string();
        chancery.run(&["policy", "check", &policy]).await?.expect_code(0)?;
    }
    Ok(())
}
