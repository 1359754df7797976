//! What Kubernetes is told, made of what was decided. No IO.

mod cut;
mod events;
mod job;
mod job_change;
mod pod;
mod status;

pub(crate) use events::{News, news};
pub(crate) use job::job;
pub(crate) use job_change::{JobChange, job_change};
pub(crate) use pod::{SignerSettings, trace_of};
pub(crate) use status::{invalid_status, status, whole_second};
