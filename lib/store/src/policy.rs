//! The version of a policy by which a run is judged, from its first arrival to its last.

use crate::connect::Ledger;
use crate::error::StoreError;
use crate::query;
use crate::row::from_row;
use crate::run::Run;

/// Bytes that the text of a policy may have, tables included.
pub const POLICY_BYTES: usize = 4_194_304;

/// What a run is made with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPolicy {
    /// What it is called.
    pub name: String,
    /// Canonical JSON, tables included, of [`POLICY_BYTES`] at the most.
    pub text: String,
}

/// What judges a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunPolicy {
    /// What the policy was called when the run was made.
    pub name: String,
    /// SHA-256 of the version that judges.
    pub hash: Vec<u8>,
}

from_row!(RunPolicy { name: "policy_name", hash: "policy_hash" });

impl RunPolicy {
    /// The SHA-256 as `sha256sum` writes it.
    #[must_use]
    pub fn hash_text(&self) -> String {
        self.hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// A version of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyText {
    /// SHA-256 of the text.
    pub hash: Vec<u8>,
    /// Canonical JSON, tables included.
    pub text: String,
}

from_row!(PolicyText { hash, text });

impl Ledger {
    /// What judges the arrivals of a run; none if nothing does, or the run is gone.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn policy_of(&self, run: &Run) -> Result<Option<PolicyText>, StoreError> {
        self.ask(query::run_policy, async |query, connection| {
            query.rows_as().bind(run.id).bind(run.uid).fetch_optional(connection).await
        })
        .await
    }
}
