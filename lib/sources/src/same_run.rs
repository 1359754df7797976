//! Whether the run that is stored is the one that is asked for.

use std::time::Duration;

use chancery_api::{FieldChange, RunInput, ValidatedRun};
use chancery_store::{Idempotency, Input, NotificationOfRun, Notifications, Run, SinkOfRun, Sinks, Sources};
use serde_json::{Value, json};

use crate::{notifications, objects, sinks};

/// In what the stored run differs from the one that is asked for, among the fields that cannot change. `old` is what
/// is stored. What a run leaves out of a keyring that it names is as the keyring has it.
#[must_use]
pub fn differences(stored: &Run, asked: &ValidatedRun) -> Vec<FieldChange> {
    let (ring, wanted) = (&stored.keyring, &asked.keyring);
    let of_ring = |given: bool| wanted.name.is_some() && !given;
    let algorithm = wanted.algorithm_to_make();
    let envelope = wanted.envelope.unwrap_or_default();
    let was = InputFields::of_stored(&stored.input);
    let wants = InputFields::of_asked(&asked.input, &stored.input);
    let fields = [
        ("spec.sources", was.sources, wants.sources),
        ("spec.batching.period", was.period, wants.period),
        ("spec.idempotency.by", was.idempotency, wants.idempotency),
        ("spec.idempotency.expression", was.expression, wants.expression),
        ("spec.idempotency.window", was.window, wants.window),
        (
            "spec.policyRef.name",
            json!(stored.policy.as_ref().map(|policy| &policy.name)),
            wanted_policy(&asked.input),
        ),
        ("spec.sinks", shown_sinks(&stored.sinks), shown_sinks(&sinks::for_ledger(&asked.sinks))),
        (
            "spec.notifications",
            shown_notifications(&stored.notifications),
            shown_notifications(&notifications::for_ledger(&asked.notifications)),
        ),
        ("spec.recordCount", was.record_count, wants.record_count),
        ("spec.recordSize", was.record_size, wants.record_size),
        ("spec.batchSize", json!(stored.batch_size), json!(asked.batch_size)),
        ("spec.keyringRef.name", json!(ring.name), json!(wanted.name)),
        ("spec.keyCount", json!(ring.key_count), given_or(wanted.key_count, &json!(ring.key_count))),
        (
            "spec.algorithm",
            json!(ring.algorithm),
            if of_ring(wanted.algorithm.is_some()) { json!(ring.algorithm) } else { json!(algorithm.name()) },
        ),
        (
            "spec.envelope",
            json!(ring.envelope),
            if of_ring(wanted.envelope.is_some()) { json!(ring.envelope) } else { json!(envelope.name()) },
        ),
        (
            "spec.contentType",
            json!(ring.content_type),
            if of_ring(wanted.content_type.is_some()) {
                json!(ring.content_type)
            } else {
                json!(wanted.content_type)
            },
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

/// The fields of a spec that say where records come from; null for one that does not apply.
struct InputFields {
    sources: Value,
    period: Value,
    idempotency: Value,
    expression: Value,
    window: Value,
    record_count: Value,
    record_size: Value,
}

impl InputFields {
    fn of_stored(input: &Input) -> Self {
        match input {
            Input::Generated(source) => {
                Self::generated(json!(source.record_count), json!(source.record_size))
            }
            Input::Sources(sources) => Self::of_sources(sources),
        }
    }

    fn of_asked(input: &RunInput, stored: &Input) -> Self {
        match input {
            RunInput::Generated { record_count, record_size } => {
                Self::generated(json!(record_count), json!(record_size))
            }
            RunInput::Sources(asked) => {
                let mut sources = objects::for_ledger(asked);
                let by_content = |stored: &Sources| stored.idempotency == Idempotency::Content;
                // A run of the time before events were known by their source and id.
                if !asked.idempotency_is_given && stored.sources().is_some_and(by_content) {
                    sources.idempotency = Idempotency::Content;
                }
                Self::of_sources(&sources)
            }
        }
    }

    fn of_sources(sources: &Sources) -> Self {
        let list = sources.sources.iter().map(|source| {
            let mut shown = source.description.clone();
            shown["name"] = json!(source.name);
            if source.confirm {
                shown["confirm"] = json!(true);
            }
            // It is a field of its own.
            if let Some(http) = shown.get_mut("http").and_then(Value::as_object_mut) {
                http.remove("periodMicros");
            }
            shown
        });
        Self {
            sources: list.collect(),
            period: json!(sources.pushed().map(|pushed| shown(pushed.period))),
            idempotency: json!(sources.idempotency.name()),
            expression: json!(sources.idempotency.expression()),
            window: json!(Some(sources.digest_window).filter(|window| !window.is_zero()).map(shown)),
            record_count: json!(sources.record_limit),
            record_size: Value::Null,
        }
    }

    fn generated(record_count: Value, record_size: Value) -> Self {
        let nothing = || Value::Null;
        Self {
            sources: nothing(),
            period: nothing(),
            idempotency: nothing(),
            expression: nothing(),
            window: nothing(),
            record_count,
            record_size,
        }
    }
}

fn wanted_policy(input: &RunInput) -> Value {
    match input {
        RunInput::Generated { .. } => Value::Null,
        RunInput::Sources(sources) => json!(sources.policy),
    }
}

fn shown_sinks(Sinks(sinks): &Sinks) -> Value {
    if sinks.is_empty() {
        return Value::Null;
    }
    let list = sinks.iter().map(|SinkOfRun { name, description, ordered, attempt_limit }| {
        let mut shown = description.clone();
        shown["name"] = json!(name);
        shown["ordered"] = json!(ordered);
        shown["retryStrategy"] = json!({"limit": attempt_limit - 1, "backoff": shown["backoff"]});
        if let Some(shown) = shown.as_object_mut() {
            shown.remove("backoff");
        }
        shown
    });
    list.collect()
}

fn shown_notifications(Notifications(notifications): &Notifications) -> Value {
    if notifications.is_empty() {
        return Value::Null;
    }
    let list =
        notifications.iter().map(|NotificationOfRun { name, description, events, attempt_limit: _ }| {
            let mut shown = description.clone();
            shown["name"] = json!(name);
            shown["events"] = json!(events);
            shown
        });
    list.collect()
}

fn shown(duration: Duration) -> String {
    format!("{}s", duration.as_secs_f64())
}

fn given_or(given: Option<u32>, else_: &Value) -> Value {
    given.map_or_else(|| else_.clone(), |number| json!(number))
}

fn present(value: Value) -> Option<Value> {
    (!value.is_null()).then_some(value)
}
