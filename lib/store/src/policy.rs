//! The version of a policy by which a run is judged, from its first arrival to its last.

use sha2::{Digest as _, Sha256};

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

impl NewPolicy {
    /// The SHA-256 of its text, by which the ledger knows it.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(&self.text).into()
    }
}

/// What judges a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunPolicy {
    /// What the policy was called when the run was made.
    pub name: String,
    /// SHA-256 of the version that judges.
    pub hash: Vec<u8>,
    /// Whether others have to be asked: then there is an intake, also if nothing is read.
    pub asks: bool,
}

from_row!(RunPolicy { name: "policy_name", hash: "policy_hash", asks: "policy_asks" });

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

/// Alerts that a rule raised about records of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleAlerts {
    /// The rule.
    pub rule: String,
    /// How many.
    pub alerts: i64,
    /// The last record that it raised one about.
    pub last_record: i64,
}

from_row!(RuleAlerts { rule, alerts, last_record });

impl Ledger {
    /// The alerts about the records of a run behind one of them, by rule; without the first so many of them.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn alerts_after(
        &self,
        run: &Run,
        record: i64,
        without: i64,
    ) -> Result<Vec<RuleAlerts>, StoreError> {
        self.ask(query::alerts_after, async |query, connection| {
            query.rows_as().bind(run.id).bind(record).bind(without).fetch_all(connection).await
        })
        .await
    }

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
