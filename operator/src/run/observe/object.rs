//! The SigningRun itself.

use chancery_api::{DeletionPolicy, SigningRun, ValidatedRun, names};
use kube::ResourceExt;
use uuid::Uuid;

use crate::run::context::Context;
use crate::run::facts::Object;

pub(super) fn view(context: &Context, object: &SigningRun, run: Option<&ValidatedRun>) -> Object {
    let annotation = |name| object.annotations().get(name).map(String::as_str);
    let uid = |name| annotation(name).and_then(|text| Uuid::parse_str(text).ok());
    let cached = object.status.clone().unwrap_or_default();
    Object {
        generation: object.metadata.generation.unwrap_or_default(),
        adopt: uid(names::ANNOTATION_ADOPT),
        delete_adopted: uid(names::ANNOTATION_DELETE_ADOPTED),
        deleted_at: object.metadata.deletion_timestamp.as_ref().map(|time| time.0),
        has_finalizer: object.finalizers().iter().any(|name| name == names::FINALIZER),
        in_charge: annotation(names::ANNOTATION_OPERATED_BY) == Some(&context.services.installation),
        // With a spec that cannot be used, that part of the ledger may be another run's.
        deletion_policy: run.map_or(DeletionPolicy::Retain, |run| run.deletion_policy),
        abandon_ledger: annotation(names::ANNOTATION_ABANDON_LEDGER) == Some("true"),
        retry: annotation(names::ANNOTATION_RETRY).unwrap_or_default().to_owned(),
        not_allowed: run.and_then(|run| {
            let settings = &context.settings;
            settings.allowed.refusal(&run.signer_template, settings.service_account.as_deref())
        }),
        queued: object.labels().contains_key(names::LABEL_QUEUE),
        // What was written last is newer than what the watch has brought back.
        previous: match context.memory.of(&object.uid().unwrap_or_default()).written {
            Some((written, _)) => written,
            None => cached,
        },
    }
}
