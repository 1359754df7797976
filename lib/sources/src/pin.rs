//! From a policy, and the ConfigMaps that it reads, to the version that a run is made with.

use std::collections::BTreeMap;

use chancery_api::{LookupSpec, SigningPolicy};
use chancery_policy::{Finding, Pinned, PinnedError, Policy, Tables};
use chancery_store::NewPolicy;
use chancery_store::policy::POLICY_BYTES;

/// The data of ConfigMaps, by their names.
pub type ConfigMaps = BTreeMap<String, BTreeMap<String, String>>;

/// Why no run can be judged by a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotPinned {
    /// It is too long, with its tables.
    #[error(
        "the policy {policy} has {bytes} bytes with the tables that it reads, and {POLICY_BYTES} are the most; make them smaller"
    )]
    TooLong {
        /// The policy.
        policy: String,
        /// Bytes that it has.
        bytes: usize,
    },
    /// It has no text of its own.
    #[error("the policy {policy} cannot be used: {reason}")]
    NoVersion {
        /// The policy.
        policy: String,
        /// Why.
        reason: PinnedError,
    },
    /// Something in it does not compile.
    #[error("the policy {policy} cannot be used: {}", listed(.findings))]
    Findings {
        /// The policy.
        policy: String,
        /// All that is wrong.
        findings: Vec<Finding>,
    },
}

/// The names of the ConfigMaps that a policy reads.
pub fn config_maps_of(policy: &SigningPolicy) -> impl Iterator<Item = &str> {
    policy
        .spec
        .lookups
        .iter()
        .filter_map(|lookup| lookup.config_map_ref.as_ref().map(|map| map.name.as_str()))
}

/// The version of a policy with these ConfigMaps.
///
/// # Errors
///
/// [`NotPinned`].
pub fn pin(policy: &SigningPolicy, config_maps: &ConfigMaps) -> Result<NewPolicy, NotPinned> {
    let name = || policy.metadata.name.clone().unwrap_or_default();
    let mut tables = Tables::new();
    for LookupSpec { name: lookup, config_map_ref, .. } in &policy.spec.lookups {
        let Some(config_map) = config_map_ref else { continue };
        // One that is not there is found as the policy is compiled.
        if let Some(data) = config_maps.get(&config_map.name) {
            tables.insert(lookup.clone(), data.clone());
        }
    }
    let pinned = Pinned::new(policy.spec.clone(), tables)
        .map_err(|reason| NotPinned::NoVersion { policy: name(), reason })?;
    Policy::compile(&pinned).map_err(|findings| NotPinned::Findings { policy: name(), findings })?;
    let text = pinned.text().to_owned();
    if text.len() > POLICY_BYTES {
        return Err(NotPinned::TooLong { policy: name(), bytes: text.len() });
    }
    Ok(NewPolicy { name: name(), text })
}

fn listed(findings: &[Finding]) -> String {
    let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
    findings.join("; ")
}
