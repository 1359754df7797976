//! The tables that lookups read, ready to be read.

use std::collections::HashMap;

use chancery_api::LookupSpec;
use serde_json::Value as Json;

use crate::finding::Finding;
use crate::json;
use crate::pinned::Tables;

/// One table.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) holds: Holds,
}

#[derive(Debug)]
pub(crate) enum Holds {
    /// All of it is known.
    Values(HashMap<String, Json>),
    /// Each key is asked for.
    Asked,
}

impl Table {
    /// The tables of a policy, in its order.
    pub(crate) fn all_of(lookups: &[LookupSpec], pinned: &Tables, findings: &mut Vec<Finding>) -> Vec<Self> {
        let mut tables = Vec::with_capacity(lookups.len());
        for (number, lookup) in lookups.iter().enumerate() {
            let LookupSpec { name, config_map_ref, query } = lookup;
            let holds = match (config_map_ref, query) {
                (Some(config_map), _) => match pinned.get(name) {
                    Some(data) => {
                        Holds::Values(data.iter().map(|(key, text)| (key.clone(), value(text))).collect())
                    }
                    None => {
                        let said = format!("the ConfigMap {} is not there", config_map.name);
                        findings.push(Finding::of(format!("spec.lookups[{number}].configMapRef"), said));
                        Holds::Values(HashMap::new())
                    }
                },
                (None, _) => Holds::Asked,
            };
            tables.push(Self { name: name.clone(), holds });
        }
        tables
    }

    /// The size of its longest value, in bytes as JSON.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    pub(crate) fn largest(&self) -> f64 {
        match &self.holds {
            Holds::Values(values) => {
                values.values().map(|value| value.to_string().len()).max().unwrap_or(0) as f64
            }
            // A row of one column.
            Holds::Asked => 4_096.0,
        }
    }

    pub(crate) fn is_asked(&self) -> bool {
        matches!(self.holds, Holds::Asked)
    }
}

/// A text that is JSON is what it says.
fn value(text: &str) -> Json {
    json::read(text.as_bytes()).unwrap_or_else(|_| Json::String(text.to_owned()))
}
