//! From text to one document.

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_saphyr::options::NonFiniteFloatPolicy;
use serde_saphyr::{Error, MessageFormatter, Options, UserMessageFormatter};

use super::error::ManifestError;
use super::kind::Kind;

/// What etcd takes, and so the most that `kubectl apply` could ever store.
const MAX_BYTES: usize = 1_536 * 1_024;

/// The only document of the text. Blank documents, as after a trailing `---`, do not count.
pub(super) fn single_document(yaml: &str, kind: Kind) -> Result<Value, ManifestError> {
    let mut documents: Vec<Value> = documents(yaml, kind)?;
    match documents.len() {
        0 => Err(ManifestError::Empty { kind }),
        1 => Ok(documents.swap_remove(0)),
        count => Err(ManifestError::SeveralDocuments { kind, count }),
    }
}

/// All documents of the text but blank ones.
pub(super) fn documents<T: DeserializeOwned>(yaml: &str, kind: Kind) -> Result<Vec<T>, ManifestError> {
    if yaml.len() > MAX_BYTES {
        return Err(ManifestError::TooLarge { kind, bytes: yaml.len(), limit: MAX_BYTES });
    }
    serde_saphyr::from_multiple_with_options(yaml, options()).map_err(|error| explain(&error))
}

/// A manifest is small: these limits stop a text that is made to take memory or time,
/// and no honest one.
fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: 32,
            max_events: 50_000,
            max_nodes: 20_000,
            max_aliases: 100,
            max_anchors: 100,
            max_documents: 1_000,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 20_000,
            max_replay_stack_depth: 8,
        },
        // As `kubectl` reads them: 010 is eight.
        legacy_octal_numbers: true,
        // Kept as text, they are reported like any other value of the wrong type.
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        with_snippet: false,
    }
}

fn explain(error: &Error) -> ManifestError {
    match error {
        Error::WithSnippet { error, .. } | Error::AliasError { error, .. } => explain(error),
        Error::Budget { .. }
        | Error::AliasReplayCounterOverflow { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => ManifestError::TooComplex,
        error => {
            let location = error.location();
            ManifestError::Syntax {
                line: location.map(|location| location.line()),
                column: location.map(|location| location.column()),
                message: message(error),
            }
        }
    }
}

fn message(error: &Error) -> String {
    match error {
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            format!("the key {key} is given twice; keep one of the two")
        }
        error => UserMessageFormatter.format_message(error).into_owned(),
    }
}
