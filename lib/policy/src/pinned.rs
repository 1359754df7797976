//! A version of a policy: all that a verdict depends on but the record.

use std::collections::BTreeMap;

use chancery_api::SigningPolicySpec;
use chancery_canonical::{NoCanonicalForm, canonical_json};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The tables that lookups read from ConfigMaps: the lookup's name, then key, then text. A text that is JSON is read as
/// JSON.
pub type Tables = BTreeMap<String, BTreeMap<String, String>>;

/// Which words a schema, a pattern or an expression gets for what is wrong, by whoever works it out: raised with whatever may word it
/// otherwise (`EVALUATORS`). What is wrong is the same by all of them.
pub const EVALUATOR: u32 = 1;

/// What works it out: for each [`EVALUATOR`], the versions of libraries.
pub const EVALUATORS: &[(u32, &[(&str, &str)])] =
    &[(1, &[("cel", "0.13.0"), ("jsonschema", "0.60.2"), ("regex", "1.13.1")])];

/// A version of a policy. Its text is canonical JSON, and the SHA-256 of that names it.
#[derive(Clone, Debug, PartialEq)]
pub struct Pinned {
    text: String,
    parts: Parts,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    /// Not said of the first, which was there before there was another.
    #[serde(default = "first", skip_serializing_if = "is_first")]
    evaluator: u32,
    spec: SigningPolicySpec,
    tables: Tables,
}

fn first() -> u32 {
    1
}

fn is_first(evaluator: &u32) -> bool {
    *evaluator == 1
}

/// Why there is no version of that.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PinnedError {
    /// It has no canonical form.
    #[error("the policy cannot be pinned: {0}")]
    NoForm(NoCanonicalForm),
    /// It is none.
    #[error("that is no version of a policy: {0}")]
    NotOne(String),
}

impl Pinned {
    /// The version of a spec with the tables that it reads.
    ///
    /// # Errors
    ///
    /// [`PinnedError`]: something in it has no canonical form, such as a schema with a number that no double holds.
    pub fn new(spec: SigningPolicySpec, tables: Tables) -> Result<Self, PinnedError> {
        let text = serde_json::to_string(&Parts { evaluator: EVALUATOR, spec, tables });
        Self::from_text(&text.map_err(|error| PinnedError::NotOne(error.to_string()))?)
    }

    /// The version of this text.
    ///
    /// # Errors
    ///
    /// [`PinnedError`].
    pub fn from_text(text: &str) -> Result<Self, PinnedError> {
        let canonical = canonical_json(text).map_err(PinnedError::NoForm)?;
        let not_one = |error: String| PinnedError::NotOne(error);
        // It is judged by what its text says, so that it is the same however it came about.
        let text = String::from_utf8(canonical).map_err(|error| not_one(error.to_string()))?;
        let parts = serde_json::from_str(&text).map_err(|error| not_one(error.to_string()))?;
        Ok(Self { text, parts })
    }

    /// Who worked out what it says of records, and in which words: [`EVALUATOR`].
    #[must_use]
    pub fn evaluator(&self) -> u32 {
        self.parts.evaluator
    }

    /// Its text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The SHA-256 of its text.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(&self.text).into()
    }

    /// The policy.
    #[must_use]
    pub fn spec(&self) -> &SigningPolicySpec {
        &self.parts.spec
    }

    /// Its tables.
    #[must_use]
    pub fn tables(&self) -> &Tables {
        &self.parts.tables
    }
}
