//! Every field of the spec, got wrong in every way, one at a time: what the schema would have refused
//! and yet is there fails with a reason, costs nothing, and can be deleted.

use std::path::PathBuf;

use chancery_api::{Phase, SigningRun, ValidatedRun, names};
use chancery_kit::cluster::schema_walk::fields;
use kube::CustomResourceExt;
use kube::runtime::controller::Action;
use serde_json::{Value, json};

use super::fake::FakeApi;
use super::test_operator::{TestOperator, settings};
use super::world::{RUN, manifest, spec};
use chancery_operator::run::{self, JobPlan, Watched};

/// What the types do not see: it is as if it had not been there.
const UNSEEN: [&str; 2] = ["with an unknown field", "a list"];

/// The schema of the spec.
fn schema() -> Value {
    let crd = serde_json::to_value(SigningRun::crd()).expect("plain JSON");
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"].clone()
}

/// The run, if the types and the validation take it.
fn taken(object: &Value) -> Option<(SigningRun, ValidatedRun)> {
    let watched: Watched = serde_json::from_value(object.clone()).expect("it has metadata");
    let object = watched.0.ok()?;
    let run = chancery_api::validate(&object).ok()?;
    Some((object, run))
}

#[tokio::test(start_paused = true)]
async fn whatever_is_wrong_with_a_field_the_run_fails_rests_and_can_be_deleted() -> anyhow::Result<()> {
    let api = FakeApi::default();
    // Without its database: a bad spec needs none.
    let mut operator = TestOperator::new(&api, "postgres://nobody@localhost/none", PathBuf::from("/none"));
    let (mut refused, mut walked) = (0, 0);
    for field in fields(&schema()) {
        for mutation in field.mutations(&spec()) {
            let what = format!("{field} {}", mutation.what);
            walked += 1;
            let mut run = manifest(RUN, mutation.object);
            run["metadata"]["finalizers"] = json!([names::FINALIZER]);
            if let Some((object, run)) = taken(&run) {
                // What is deeper down are parts of a pod: the API server judges them with the Job.
                let may_be = mutation.allowed || UNSEEN.contains(&mutation.what) || !field.is_top();
                assert!(may_be, "{what} is taken");
                let plan = JobPlan {
                    parallelism: 1,
                    suspended: false,
                    backoff_limit: 6,
                    run_uid: None,
                    secret: None,
                };
                let job = run::job(&object, &run, &plan, &settings());
                assert!(job.spec.is_some_and(|spec| spec.parallelism == Some(1)), "{what} makes no Job");
                continue;
            }
            refused += 1;
            api.create("signingruns", run);
            let action = operator.settle(RUN).await.map_err(|error| error.context(what.clone()))?;
            assert_eq!(action, Action::await_change(), "{what}");
            let status = &api.get("signingruns", RUN).expect("the run")["status"];
            assert_eq!(status["phase"], json!(Phase::Failed), "{what}");
            let failed = &status["conditions"].as_array().expect("conditions").iter();
            let failed =
                failed.clone().find(|condition| condition["type"] == "Failed").expect("the condition");
            assert_eq!(
                (&failed["status"], &failed["reason"]),
                (&json!("True"), &json!("InvalidSpec")),
                "{what}"
            );
            assert!(!failed["message"].as_str().unwrap_or_default().is_empty(), "{what}");
            api.told();
            operator.settle(RUN).await?;
            assert!(api.told().is_empty(), "{what}");

            api.delete("signingruns", RUN);
            operator.settle(RUN).await?;
            assert!(api.get("signingruns", RUN).is_none(), "{what}");
        }
    }
    assert!(refused > 300 && walked > refused, "{refused} of {walked}");
    Ok(())
}
