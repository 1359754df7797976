//! Files that hold a policy, and the ConfigMaps that it reads.

use std::collections::BTreeMap;

use serde_json::Value;

use super::error::{ManifestError, Problem};
use super::kind::Kind;
use super::places::{Place, Places};
use super::{checked, path, require, wording, yaml};
use crate::signing_policy::SigningPolicy;

/// The data of ConfigMaps, by their names.
pub(super) type ConfigMaps = BTreeMap<String, BTreeMap<String, String>>;

/// The documents of a file that holds one `SigningPolicy`, and with it any number of ConfigMaps.
#[derive(Clone, Debug)]
pub struct PolicyFile {
    documents: Vec<Value>,
    places: Vec<Places>,
    policy: usize,
}

impl PolicyFile {
    /// Reads the text of one. What is wrong within the policy, [`policy`](Self::policy) says.
    ///
    /// # Errors
    ///
    /// [`ManifestError`]: it is no YAML, or holds something else.
    pub fn read(yaml: &str) -> Result<Self, ManifestError> {
        let documents: Vec<Value> = yaml::documents(yaml, Kind::Policy)?;
        let places = Places::of_documents(yaml, Kind::Policy)?;
        let mut policies = Vec::new();
        for (number, document) in documents.iter().enumerate() {
            if is_config_map(document) {
                continue;
            }
            require(Kind::Policy, document)?;
            policies.push(number);
        }
        match policies[..] {
            [] => Err(ManifestError::Empty { kind: Kind::Policy }),
            [policy] => Ok(Self { documents, places, policy }),
            [..] => Err(ManifestError::SeveralDocuments { kind: Kind::Policy, count: policies.len() }),
        }
    }

    /// The policy, all of it checked as an API server does.
    ///
    /// # Errors
    ///
    /// [`ManifestError::Invalid`], with everything that is wrong.
    pub fn policy(&self) -> Result<SigningPolicy, ManifestError> {
        let object = checked(Kind::Policy, &self.documents[self.policy])?;
        // The schema has passed it, so this fails only where the schema and the types differ.
        serde_json::from_value(object)
            .map_err(|error| ManifestError::invalid(vec![Problem::new("", error.to_string())]))
    }

    /// The data of each ConfigMap of the file, by name.
    ///
    /// # Errors
    ///
    /// [`ManifestError::Invalid`]: one has no name, or data that is no text.
    pub fn config_maps(&self) -> Result<ConfigMaps, ManifestError> {
        config_maps(&self.documents)
    }

    /// Where in the file the field of the policy stands that a path names, or what is around it.
    #[must_use]
    pub fn place(&self, path: &str) -> Option<Place> {
        self.places.get(self.policy)?.of(path)
    }
}

/// Reads a manifest that holds one `SigningPolicy`, and checks all of it as an API server does. Its expressions are
/// compiled elsewhere.
///
/// # Errors
///
/// Says everything that is wrong with the text; see [`ManifestError`].
pub fn parse_policy(yaml: &str) -> Result<SigningPolicy, ManifestError> {
    PolicyFile::read(yaml)?.policy()
}

/// Checks a policy as an API server does.
///
/// # Errors
///
/// [`ManifestError::Invalid`], with everything that is wrong.
pub fn check_policy(policy: &SigningPolicy) -> Result<(), ManifestError> {
    let object = serde_json::to_value(policy).expect("a SigningPolicy is plain JSON");
    checked(Kind::Policy, &object).map(drop)
}

/// The data of the ConfigMaps among these documents.
pub(super) fn config_maps(documents: &[Value]) -> Result<ConfigMaps, ManifestError> {
    let mut maps = BTreeMap::new();
    let mut problems = Vec::new();
    for document in documents.iter().filter(|document| is_config_map(document)) {
        let Some(name) = document["metadata"]["name"].as_str() else {
            problems.push(Problem::new("metadata.name", "missing; give the ConfigMap a name"));
            continue;
        };
        let mut data = BTreeMap::new();
        for (key, value) in document["data"].as_object().into_iter().flatten() {
            match value.as_str() {
                Some(text) => drop(data.insert(key.clone(), text.to_owned())),
                None => problems.push(Problem::new(
                    path::child("data", key),
                    format!(
                        "{} is {}, and a string is wanted; put it in quotes",
                        wording::shown(value),
                        wording::type_of(value)
                    ),
                )),
            }
        }
        maps.insert(name.to_owned(), data);
    }
    if problems.is_empty() { Ok(maps) } else { Err(ManifestError::invalid(problems)) }
}

pub(super) fn is_config_map(document: &Value) -> bool {
    document["apiVersion"] == "v1" && document["kind"] == "ConfigMap"
}
