//! What the operator builds passes.

use chancery_kit::helm::Helm;
use serde_json::{Value, json};

use crate::policy::{Release, completed};

const NOTHING: [&str; 0] = [];

#[test]
fn every_job_that_the_operator_builds_passes_whatever_the_values() -> anyhow::Result<()> {
    if Helm::find().is_none() {
        return Ok(());
    }
    for (values, release) in Release::of_all_values()? {
        let Some(release) = release else { continue };
        let built = release.job_for(&json!({"nodeSelector": {"disk": "fast"}}))?;
        for job in [built.clone(), completed(&built)] {
            assert_eq!(release.against_create(&job)?, NOTHING, "{values}: {job:#}");
            assert_eq!(release.against_update(&job, &job)?, NOTHING, "{values}");
            assert_eq!(release.against_delete(&job)?, NOTHING, "{values}");
        }
    }
    Ok(())
}

#[test]
fn a_job_that_a_queue_has_touched_is_changed_and_deleted_as_before() -> anyhow::Result<()> {
    let Some(release) = Release::plain()? else { return Ok(()) };
    let mut job = completed(&release.job_for(&json!({}))?);
    job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] = json!("night");
    job["metadata"]["annotations"]["kueue.x-k8s.io/anything"] = json!("");
    assert_eq!(release.against_create(&job)?, NOTHING);
    // What the queue's own controller puts into the pods is not the operator's doing.
    let mut admitted = job.clone();
    admitted["spec"]["template"]["spec"]["tolerations"] = json!([{"operator": "Exists"}]);
    admitted["spec"]["suspend"] = json!(false);
    let mut scaled = admitted.clone();
    scaled["spec"]["parallelism"] = json!(7);
    assert_eq!(release.against_update(&scaled, &admitted)?, NOTHING);
    assert_ne!(release.against_update(&scaled, &job)?, NOTHING, "the operator may not put it in");
    Ok(())
}

#[test]
fn a_job_of_an_older_image_is_still_stopped_and_deleted_after_an_upgrade() -> anyhow::Result<()> {
    let Some(release) = Release::plain()? else { return Ok(()) };
    let mut old = completed(&release.job_for(&json!({}))?);
    old["spec"]["template"]["spec"]["containers"][0]["image"] = json!("chancery/signer:0.0.9");
    let mut stopped = old.clone();
    stopped["spec"]["suspend"] = json!(true);
    assert_eq!(release.against_update(&stopped, &old)?, NOTHING);
    assert_eq!(release.against_delete(&old)?, NOTHING);
    assert_ne!(release.against_create(&old)?, NOTHING);
    Ok(())
}

#[test]
fn others_make_what_jobs_they_like() -> anyhow::Result<()> {
    let Some(release) = Release::plain()? else { return Ok(()) };
    let theirs: Value = json!({"metadata": {"name": "theirs"}, "spec": {"template": {"spec": {}}}});
    assert_eq!(release.against_create_by("system:serviceaccount:team-a:default", &theirs)?, NOTHING);
    assert_ne!(release.against_create_by(&release.operator, &theirs)?, NOTHING);
    Ok(())
}
