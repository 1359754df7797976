//! Whether the run that is stored is the one that is asked for.

use chancery_api::{FieldChange, ValidatedRun};
use chancery_store::Run;
use serde_json::{Value, json};

/// In what the stored run differs from the one that is asked for, among the fields that cannot change. `old` is what
/// is stored. What a run leaves out of a keyring that it names is as the keyring has it.
#[must_use]
pub fn differences(stored: &Run, asked: &ValidatedRun) -> Vec<FieldChange> {
    let (ring, wanted) = (&stored.keyring, &asked.keyring);
    let of_ring = |given: bool| wanted.name.is_some() && !given;
    let algorithm = wanted.algorithm_to_make();
    let fields = [
        ("spec.recordCount", json!(stored.source.record_count), json!(asked.record_count)),
        ("spec.recordSize", json!(stored.source.record_size), json!(asked.record_size)),
        ("spec.batchSize", json!(stored.batch_size), json!(asked.batch_size)),
        ("spec.keyringRef.name", json!(ring.name), json!(wanted.name)),
        ("spec.keyCount", json!(ring.key_count), given_or(wanted.key_count, &json!(ring.key_count))),
        (
            "spec.algorithm",
            json!(ring.algorithm),
            if of_ring(wanted.algorithm.is_some()) { json!(ring.algorithm) } else { json!(algorithm.name()) },
        ),
        (
            "spec.keySize",
            json!(ring.key_size),
            if of_ring(wanted.key_size.is_some()) {
                json!(ring.key_size)
            } else {
                json!(wanted.key_size_to_make())
            },
        ),
    ];
    fields
        .into_iter()
        .filter(|(_, old, new)| old != new)
        .map(|(path, old, new)| FieldChange { path: path.to_owned(), old: present(old), new: present(new) })
        .collect()
}

fn given_or(given: Option<u32>, else_: &Value) -> Value {
    given.map_or_else(|| else_.clone(), |number| json!(number))
}

fn present(value: Value) -> Option<Value> {
    (!value.is_null()).then_some(value)
}
