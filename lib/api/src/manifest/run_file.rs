//! Files that hold a run, and what judges it.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::{ManifestError, Problem};
use super::kind::Kind;
use super::policy::{ConfigMaps, config_maps, is_config_map};
use super::{checked, require, yaml};
use crate::names;
use crate::signing_policy::SigningPolicy;
use crate::signing_run::SigningRun;

/// What a file holds: one `SigningRun`, and with it the `SigningPolicy` that judges it and the ConfigMaps that this reads.
#[derive(Clone, Debug)]
pub struct RunFile {
    /// The run.
    pub run: SigningRun,
    /// The policy.
    pub policy: Option<SigningPolicy>,
    /// The data of each ConfigMap, by name.
    pub config_maps: ConfigMaps,
}

impl RunFile {
    /// Reads the text of one, and checks all of it as an API server does. Its expressions are compiled elsewhere.
    ///
    /// # Errors
    ///
    /// Says everything that is wrong with the first document that is not good; see [`ManifestError`].
    pub fn read(yaml: &str) -> Result<Self, ManifestError> {
        let documents: Vec<Value> = yaml::documents(yaml, Kind::Run)?;
        let maps = config_maps(&documents)?;
        let rest = documents.iter().filter(|document| !is_config_map(document));
        let (policies, runs): (Vec<&Value>, Vec<&Value>) = rest.partition(|document| is_policy(document));
        let run = match runs[..] {
            [] => return Err(ManifestError::Empty { kind: Kind::Run }),
            [run] => read(Kind::Run, run)?,
            [..] => return Err(ManifestError::SeveralDocuments { kind: Kind::Run, count: runs.len() }),
        };
        let policy = match policies[..] {
            [] => None,
            [policy] => Some(read(Kind::Policy, policy)?),
            [..] => {
                return Err(ManifestError::SeveralDocuments { kind: Kind::Policy, count: policies.len() });
            }
        };
        Ok(Self { run, policy, config_maps: maps })
    }
}

fn read<T: DeserializeOwned>(kind: Kind, document: &Value) -> Result<T, ManifestError> {
    require(kind, document)?;
    let object = checked(kind, document)?;
    // The schema has passed it, so this fails only where the schema and the types differ.
    serde_json::from_value(object)
        .map_err(|error| ManifestError::invalid(vec![Problem::new("", error.to_string())]))
}

fn is_policy(document: &Value) -> bool {
    document["apiVersion"] == names::API_VERSION && document["kind"] == names::POLICY_KIND
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: &str = "apiVersion: chancery.dev/v1alpha1\nkind: SigningRun\nmetadata: {name: demo}\nspec: {recordCount: 1, keyCount: 1, batchSize: 1}\n";
    const POLICY: &str = "apiVersion: chancery.dev/v1alpha1\nkind: SigningPolicy\nmetadata: {name: numbers}\nspec: {validations: [{name: a, expression: record.a, message: a}]}\n";
    const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: fx}\ndata: {EUR: \"1.1\"}\n";

    #[test]
    fn a_file_holds_a_run_and_what_judges_it_in_any_order() {
        let file = RunFile::read(&[POLICY, MAP, RUN].join("---\n")).unwrap();
        assert_eq!(file.run.metadata.name.as_deref(), Some("demo"));
        assert_eq!(file.policy.and_then(|policy| policy.metadata.name).as_deref(), Some("numbers"));
        assert_eq!(file.config_maps["fx"]["EUR"], "1.1");
        let alone = RunFile::read(RUN).unwrap();
        assert!(alone.policy.is_none() && alone.config_maps.is_empty());
    }

    #[test]
    fn a_file_without_a_run_or_with_two_of_a_kind_is_refused() {
        let wrong = |documents: &[&str]| RunFile::read(&documents.join("---\n")).unwrap_err().to_string();
        assert!(wrong(&[POLICY, MAP]).contains("must hold one SigningRun"), "{}", wrong(&[POLICY]));
        assert!(wrong(&[RUN, RUN]).contains("holds 2 YAML documents"));
        assert!(wrong(&[RUN, POLICY, POLICY]).contains("holds 2 YAML documents"));
        assert!(wrong(&[RUN, "kind: Pod\n"]).contains("holds 2 YAML documents"));
    }
}
