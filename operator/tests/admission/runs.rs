//! What the operator writes into a SigningRun passes, and nothing else that somebody with its token would write.

use chancery_api::names;
use serde_json::{Value, json};

use crate::policy::{NAMESPACE, Release};

const NOTHING: [&str; 0] = [];

/// A run as somebody made it.
fn new() -> Value {
    json!({
        "metadata": {"name": "demo", "namespace": "team-a"},
        "spec": {"recordCount": 1_000, "keyCount": 4, "batchSize": 100, "deletionPolicy": "Retain"},
    })
}

/// A run in which others have written too.
fn with_others() -> Value {
    let mut run = new();
    run["metadata"]["annotations"] = json!({names::ANNOTATION_RETRY: "1", "example.com/note": "a"});
    run["metadata"]["finalizers"] = json!(["example.com/kept"]);
    run["metadata"]["ownerReferences"] = json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "theirs"}]);
    run
}

/// The same once the operator of the release has taken charge of it.
fn in_charge(release: &Release, before: &Value) -> Value {
    let mut run = before.clone();
    run["metadata"]["annotations"][names::ANNOTATION_OPERATED_BY] = json!(release.installation);
    let mut finalizers = run["metadata"]["finalizers"].as_array().cloned().unwrap_or_default();
    finalizers.push(json!(names::FINALIZER));
    run["metadata"]["finalizers"] = json!(finalizers);
    run
}

/// The same once it has let go of it.
fn let_go(before: &Value) -> Value {
    let mut run = before.clone();
    let mut finalizers = run["metadata"]["finalizers"].as_array().cloned().unwrap_or_default();
    finalizers.retain(|name| name != names::FINALIZER);
    run["metadata"]["finalizers"] = json!(finalizers);
    run
}

#[test]
fn what_the_operator_writes_into_a_run_passes_whatever_the_values() -> anyhow::Result<()> {
    for (values, release) in Release::of_all_values()? {
        let Some(release) = release else { return Ok(()) };
        for made in [new(), with_others()] {
            let taken = in_charge(&release, &made);
            let gone = let_go(&taken);
            for (run, before) in [(&taken, &made), (&taken, &taken), (&gone, &taken), (&taken, &gone)] {
                let said = release.against_change_by(&release.operator, run, before)?;
                assert_eq!(said, NOTHING, "{values}: {run:#}");
            }
        }
    }
    Ok(())
}

type Change = fn(&mut Value);

/// Each attempt, by what is said of it.
const ATTEMPTS: &[(&str, &str, Change)] = &[
    ("that what it signed goes with the run", "the spec", |run| {
        run["spec"]["deletionPolicy"] = json!("Delete");
    }),
    ("a field that was not there", "the spec", |run| run["spec"]["suspend"] = json!(true)),
    ("no spec", "the spec", |run| run["spec"] = json!({})),
    ("that a run of another object is taken over", "of Chancery", |run| {
        run["metadata"]["annotations"][names::ANNOTATION_ADOPT] =
            json!("0198c9a4-5d2e-7b6f-8a3d-1c2b3a495867");
    }),
    ("that what was taken over is deleted", "of Chancery", |run| {
        run["metadata"]["annotations"][names::ANNOTATION_DELETE_ADOPTED] =
            json!("0198c9a4-5d2e-7b6f-8a3d-1c2b3a495867");
    }),
    ("that a ring of another namespace is taken over", "of Chancery", |run| {
        run["metadata"]["annotations"][names::ANNOTATION_ADOPT_KEYRING] =
            json!("0198c9a4-5d2e-7b6f-8a3d-1c2b3a495867");
    }),
    ("that the ledger's part is given up", "of Chancery", |run| {
        run["metadata"]["annotations"][names::ANNOTATION_ABANDON_LEDGER] = json!("true");
    }),
    ("another attempt", "of Chancery", |run| {
        run["metadata"]["annotations"][names::ANNOTATION_RETRY] = json!("2");
    }),
    ("no word of another attempt", "of Chancery", |run| {
        run["metadata"]["annotations"].as_object_mut().map(|all| all.remove(names::ANNOTATION_RETRY));
    }),
    ("another installation", "of Chancery", |run| {
        run["metadata"]["annotations"][names::ANNOTATION_OPERATED_BY] = json!("mine/operator");
    }),
    ("no installation", "of Chancery", |run| {
        run["metadata"]["annotations"].as_object_mut().map(|all| all.remove(names::ANNOTATION_OPERATED_BY));
    }),
    ("no annotations", "of Chancery", |run| {
        run["metadata"].as_object_mut().map(|metadata| metadata.remove("annotations"));
    }),
    ("a finalizer that nobody removes", "finalizers and owners", |run| {
        run["metadata"]["finalizers"] = json!(["example.com/kept", names::FINALIZER, "example.com/never"]);
    }),
    ("no finalizer of others", "finalizers and owners", |run| {
        run["metadata"]["finalizers"] = json!([names::FINALIZER]);
    }),
    ("an owner with which it would go", "finalizers and owners", |run| {
        run["metadata"]["ownerReferences"][0]["name"] = json!("gone");
    }),
];

#[test]
fn nothing_is_written_into_a_run_that_the_operator_would_not_write() -> anyhow::Result<()> {
    let Some(release) = Release::plain()? else { return Ok(()) };
    let before = in_charge(&release, &with_others());
    for (attempt, wanted, change) in ATTEMPTS {
        let mut run = before.clone();
        change(&mut run);
        assert_ne!(run, before, "{attempt}");
        let said = release.against_change_by(&release.operator, &run, &before)?;
        assert!(said.iter().any(|said| said.contains(wanted)), "{attempt}: {said:#?}");
        // Whoever may write runs is not concerned.
        let by_others = release.against_change_by("system:serviceaccount:team-a:default", &run, &before)?;
        assert_eq!(by_others, NOTHING, "{attempt}");
    }
    let mut of_another = with_others();
    of_another["metadata"]["annotations"][names::ANNOTATION_OPERATED_BY] = json!("mine/operator");
    let said = release.against_change_by(&release.operator, &of_another, &with_others())?;
    assert!(said.iter().any(|said| said.contains("with its own name")), "{said:?}");
    Ok(())
}

#[test]
fn what_others_add_to_a_run_as_it_is_changed_does_not_keep_the_operator_from_it() -> anyhow::Result<()> {
    let Some(release) = Release::plain()? else { return Ok(()) };
    let before = in_charge(&release, &with_others());
    let mut run = let_go(&before);
    run["metadata"]["annotations"]["example.com/changed-by"] = json!(format!("{NAMESPACE}/operator"));
    run["metadata"]["labels"] = json!({"example.com/team": "a"});
    assert_eq!(release.against_change_by(&release.operator, &run, &before)?, NOTHING);
    Ok(())
}
