//! Indexes of a Job's pods: each that has succeeded or failed is used up.

use std::collections::BTreeSet;

use k8s_openapi::api::batch::v1::{Job, JobStatus};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

/// Where a pod has its index: an annotation, and a label.
pub(crate) const INDEX: &str = "batch.kubernetes.io/job-completion-index";

/// The indexes of a Job that no further pod gets.
#[derive(Debug)]
pub(crate) struct Used {
    pub(crate) completed: BTreeSet<i32>,
    pub(crate) failed: BTreeSet<i32>,
}

impl Used {
    /// By a status.
    pub(crate) fn of(status: &JobStatus) -> Self {
        let read = |indexes: &Option<String>| indexes.as_deref().map(read).unwrap_or_default();
        Self { completed: read(&status.completed_indexes), failed: read(&status.failed_indexes) }
    }

    /// Says so in a status.
    pub(crate) fn write(&self, status: &mut JobStatus) {
        status.completed_indexes = Some(written(&self.completed)).filter(|indexes| !indexes.is_empty());
        status.failed_indexes = Some(written(&self.failed));
        status.succeeded = i32::try_from(self.completed.len()).ok().filter(|succeeded| *succeeded > 0);
    }

    /// The first `count` indexes that are free; `pods` have theirs.
    pub(crate) fn free<'p>(&self, job: &Job, pods: impl Iterator<Item = &'p Pod>, count: usize) -> Vec<i32> {
        let taken: BTreeSet<i32> = pods.filter_map(index).collect();
        let completions = job.spec.as_ref().and_then(|spec| spec.completions).unwrap_or_default();
        let is_free = |index: &i32| {
            !taken.contains(index) && !self.completed.contains(index) && !self.failed.contains(index)
        };
        (0..completions).filter(is_free).take(count).collect()
    }
}

/// The index of a pod.
pub(crate) fn index(pod: &Pod) -> Option<i32> {
    pod.annotations().get(INDEX)?.parse().ok()
}

fn read(text: &str) -> BTreeSet<i32> {
    let number = |text: &str| text.parse::<i32>().expect("a Job's status counts indexes");
    let spans = text.split(',').filter(|span| !span.is_empty());
    spans
        .flat_map(|span| match span.split_once('-') {
            Some((first, last)) => number(first)..=number(last),
            None => number(span)..=number(span),
        })
        .collect()
}

fn written(indexes: &BTreeSet<i32>) -> String {
    indexes.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_that_is_used_up_or_taken_is_not_given_again() {
        let job: Job = serde_json::from_value(serde_json::json!({
            "spec": {"completions": 7, "template": {}},
            "status": {"completedIndexes": "0", "failedIndexes": "2-3"},
        }))
        .expect("a Job");
        let mut pod = Pod::default();
        pod.annotations_mut().insert(INDEX.to_owned(), "4".to_owned());
        let used = Used::of(job.status.as_ref().expect("a status"));
        assert_eq!(used.free(&job, [&pod].into_iter(), 2), [1, 5]);
        assert_eq!(used.free(&job, [&pod].into_iter(), 9), [1, 5, 6]);
        let mut status = JobStatus::default();
        used.write(&mut status);
        assert_eq!((status.succeeded, status.failed_indexes.as_deref()), (Some(1), Some("2,3")));
    }
}
