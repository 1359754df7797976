//! What can be wrong with a manifest, in words for the person who wrote it.

use std::fmt;

use serde_json::Value;

use super::kind::Kind;
use super::wording::shown;
use crate::names::API_VERSION;

/// Why a manifest, or a change of one, is refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// The text is longer than any sensible manifest.
    #[error(
        "the manifest is {bytes} bytes long, and at most {limit} are read; a {} needs far fewer, so \
         check that this is the right file", .kind.name()
    )]
    TooLarge {
        /// What was looked for.
        kind: Kind,
        /// Length of the text in bytes.
        bytes: usize,
        /// Greatest length in bytes.
        limit: usize,
    },
    /// The text nests, repeats or expands beyond what is read.
    #[error(
        "the manifest is too deeply nested or expands to too much; write it without so many aliases and levels"
    )]
    TooComplex,
    /// The text is not YAML.
    #[error("the manifest is not valid YAML{}: {message}", at(*.line, *.column))]
    Syntax {
        /// Line of the fault, from 1, if known.
        line: Option<u64>,
        /// Column of the fault in characters, from 1, if known.
        column: Option<u64>,
        /// What was met there.
        message: String,
    },
    /// There is no document in the text, or only blank ones.
    #[error("the manifest is empty; it must hold one {}", .kind.name())]
    Empty {
        /// What was looked for.
        kind: Kind,
    },
    /// There is more than one document in the text.
    #[error(
        "the manifest holds {count} YAML documents, and exactly one is wanted; put each {} in a file of its own", .kind.name()
    )]
    SeveralDocuments {
        /// What was looked for.
        kind: Kind,
        /// Number of documents that are not blank.
        count: usize,
    },
    /// The document is a list, a string, a number or the like.
    #[error(
        "the manifest is {found}, and a mapping is wanted; it must begin with `apiVersion: {API_VERSION}` and `kind: {}`", .kind.name()
    )]
    NotAMapping {
        /// What was looked for.
        kind: Kind,
        /// What the document is, with its article.
        found: &'static str,
    },
    /// The document is some other kind of object.
    #[error(
        "the manifest has apiVersion {api_version} and kind {kind}, and `apiVersion: {API_VERSION}` \
         with `kind: {}` is wanted", .wanted.name()
    )]
    OtherKind {
        /// What was looked for.
        wanted: Kind,
        /// The `apiVersion` that was given, or `none`.
        api_version: String,
        /// The `kind` that was given, or `none`.
        kind: String,
    },
    /// Fields are missing, unknown or have values that are not allowed; sorted by path.
    #[error("{}", listed("the manifest is not valid", "problems", .0))]
    Invalid(Vec<Problem>),
    /// Fields changed that cannot change; sorted by path.
    #[error("{}", listed("the run exists with another spec", "changed fields", .0))]
    Immutable(Vec<FieldChange>),
}

impl ManifestError {
    pub(crate) fn invalid(mut problems: Vec<Problem>) -> Self {
        problems.sort();
        problems.dedup();
        Self::Invalid(problems)
    }

    pub(crate) fn immutable(mut changes: Vec<FieldChange>) -> Self {
        changes.sort_by(|a, b| a.path.cmp(&b.path));
        Self::Immutable(changes)
    }
}

/// One thing that is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The field, as in `spec.recordCount`; empty for the manifest as a whole.
    pub path: String,
    /// What was given, what is wanted and what to do.
    pub message: String,
}

impl Problem {
    pub(crate) fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.path, self.message)
        }
    }
}

/// A field that has another value than before, but cannot change.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldChange {
    /// The field, as in `spec.recordCount`.
    pub path: String,
    /// Its value in the run that exists; none if it was left out.
    pub old: Option<Value>,
    /// Its value in the run that was given; none if it was left out.
    pub new: Option<Value>,
}

impl fmt::Display for FieldChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, old, new } = self;
        let new = new.as_ref().map_or("nothing".to_owned(), shown);
        match old {
            Some(old) => write!(
                f,
                "{path}: it is {old} and cannot become {new}; put back {old}, or use another name for a different run",
                old = shown(old),
            ),
            None => write!(
                f,
                "{path}: it was left out and cannot become {new}; leave it out, or use another name for a different run",
            ),
        }
    }
}

/// One finding goes on the line of the headline; several get a line each.
fn listed<T: fmt::Display>(headline: &str, noun: &str, findings: &[T]) -> String {
    match findings {
        [one] => format!("{headline}: {one}"),
        many => {
            let mut text = format!("{headline} ({} {noun}):", many.len());
            for finding in many {
                text.push_str(&format!("\n  {finding}"));
            }
            text
        }
    }
}

fn at(line: Option<u64>, column: Option<u64>) -> String {
    match (line, column) {
        (Some(line), Some(column)) => format!(" at line {line}, column {column}"),
        (Some(line), None) => format!(" at line {line}"),
        _ => String::new(),
    }
}
