//! What others said of a record: webhooks, and queries of tables.

use std::collections::BTreeMap;

use chancery_api::ActionSpec;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What others said of one record. It is kept with the verdict, so that the record can be judged again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Answers {
    /// What webhooks said, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub webhooks: BTreeMap<String, WebhookAnswer>,
    /// What queries gave, by lookup and key: null for a key that has no row.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub keys: BTreeMap<String, BTreeMap<String, Option<Value>>>,
    /// Why queries gave nothing for the keys that are missing, by lookup, after the last attempt.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub failed: BTreeMap<String, String>,
}

/// What one webhook said. Of what it may add, only what the policy says that it adds counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WebhookAnswer {
    /// Why there is no answer, after the last attempt. Then nothing else counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
    /// Points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<i64>,
    /// What is to become of the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionSpec>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Fields that the record is given.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub fields: Map<String, Value>,
}

/// What has to be asked before a record can be judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wants {
    /// Webhooks, in the policy's order.
    pub webhooks: Vec<String>,
    /// Keys of lookups that are queries, as the lookup and the key.
    pub keys: Vec<(String, String)>,
}

impl Wants {
    /// Whether it can be judged at once.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.webhooks.is_empty() && self.keys.is_empty()
    }
}
