//! What has to be done to a Job to make it as it should be.

use chancery_api::names;
use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt;
use serde_json::Value;

/// What has to be done to a Job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JobChange {
    /// It is as it should be.
    None,
    /// It has to be applied: it is not there, or something that may be changed differs.
    Apply,
    /// It has to be replaced: its pods differ, which cannot be changed.
    Replace,
}

/// Compares a Job with what it should be. What others added to it stays.
pub(crate) fn job_change(live: Option<&Job>, wanted: &Job) -> JobChange {
    let Some(live) = live else { return JobChange::Apply };
    let template = |job: &Job| job.annotations().get(names::ANNOTATION_TEMPLATE).cloned();
    if template(live) != template(wanted) {
        return JobChange::Replace;
    }
    if contains(&comparable(live), &comparable(wanted)) { JobChange::None } else { JobChange::Apply }
}

/// All but the template, which an API server completes, and what it knows of the object.
fn comparable(job: &Job) -> Value {
    let mut job = serde_json::to_value(job).expect("a Job is plain JSON");
    if let Some(spec) = job["spec"].as_object_mut() {
        spec.remove("template");
    }
    serde_json::json!({
        "labels": job["metadata"]["labels"],
        "annotations": job["metadata"]["annotations"],
        "ownerReferences": job["metadata"]["ownerReferences"],
        "spec": job["spec"],
    })
}

/// Whether everything that is wanted is there.
fn contains(live: &Value, wanted: &Value) -> bool {
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => {
            wanted.iter().all(|(name, wanted)| contains(live.get(name).unwrap_or(&Value::Null), wanted))
        }
        (Value::Array(live), Value::Array(wanted)) => {
            live.len() == wanted.len() && live.iter().zip(wanted).all(|(live, wanted)| contains(live, wanted))
        }
        (Value::Null, Value::Object(wanted)) => wanted.is_empty(),
        (_, Value::Null) => true,
        (live, wanted) => live == wanted,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn job(template: &str, parallelism: i32) -> Job {
        serde_json::from_value(json!({
            "metadata": {"name": "demo-signer", "annotations": {names::ANNOTATION_TEMPLATE: template}},
            "spec": {"parallelism": parallelism, "suspend": false, "template": {}},
        }))
        .expect("a Job")
    }

    #[test]
    fn what_others_add_is_left_alone() {
        let mut live = job("a", 2);
        live.labels_mut().insert("team".to_owned(), "billing".to_owned());
        live.spec.as_mut().expect("a spec").completion_mode = Some("NonIndexed".to_owned());
        assert_eq!(job_change(Some(&live), &job("a", 2)), JobChange::None);
    }

    #[test]
    fn what_was_edited_is_applied_again_and_another_template_makes_another_job() {
        assert_eq!(job_change(None, &job("a", 2)), JobChange::Apply);
        assert_eq!(job_change(Some(&job("a", 5)), &job("a", 2)), JobChange::Apply);
        assert_eq!(job_change(Some(&job("b", 2)), &job("a", 2)), JobChange::Replace);
    }
}
