//! An installation is to be removed, and lets go of its runs. Time passes by itself here, from one timer to the next.

use std::time::Duration;

use chancery_api::names;
use chancery_operator::arguments::PrepareUninstall;
use chancery_operator::let_go_of_runs;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::fake::FakeApi;
use super::test_operator::INSTALLATION;
use super::world::{manifest, spec};

const LEASE: &str = "chancery-operator";

/// Of the installation that is to be removed.
fn arguments() -> PrepareUninstall {
    PrepareUninstall {
        namespaces: vec!["default".to_owned()],
        pod_namespace: "chancery-system".to_owned(),
        lease_name: LEASE.to_owned(),
    }
}

fn run_of(api: &FakeApi, name: &str, installation: Option<&str>) {
    let mut run = manifest(name, spec());
    run["metadata"]["finalizers"] = json!([names::FINALIZER]);
    if let Some(installation) = installation {
        run["metadata"]["annotations"] = json!({names::ANNOTATION_OPERATED_BY: installation});
    }
    api.create("signingruns", run);
}

fn finalizers(api: &FakeApi, name: &str) -> Vec<Value> {
    let run = api.get("signingruns", name).expect("the run");
    run["metadata"]["finalizers"].as_array().cloned().unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn runs_that_another_installation_operates_are_left_alone() -> anyhow::Result<()> {
    let api = FakeApi::default();
    run_of(&api, "ours", Some(INSTALLATION));
    run_of(&api, "nobodys", None);
    run_of(&api, "anothers", Some("team-a/chancery-operator"));
    let_go_of_runs(&api.client(), &arguments()).await?;
    assert!(finalizers(&api, "ours").is_empty());
    assert!(finalizers(&api, "nobodys").is_empty());
    assert_eq!(finalizers(&api, "anothers"), [json!(names::FINALIZER)]);
    Ok(())
}

/// Helm gives it five minutes, which is for how long it holds the Lease.
#[tokio::test(start_paused = true)]
async fn a_second_try_waits_for_the_operator_that_led_and_not_for_the_try_before_it() -> anyhow::Result<()> {
    let api = FakeApi::default();
    let lease = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": INSTALLATION},
        "spec": {"holderIdentity": "leading", "leaseDurationSeconds": 12},
    });
    api.create("leases", lease);
    for _ in 0..2 {
        let began = Instant::now();
        let_go_of_runs(&api.client(), &arguments()).await?;
        assert_eq!(began.elapsed(), Duration::from_secs(12));
        let lease = api.get("leases", INSTALLATION).expect("the Lease");
        assert_eq!(lease["spec"]["holderIdentity"], "prepare-uninstall");
        assert_eq!(lease["spec"]["leaseDurationSeconds"], 300);
    }
    Ok(())
}
