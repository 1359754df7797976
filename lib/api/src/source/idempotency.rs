//! How a payload that came before is known, as a person asks for it.

#![allow(unreachable_pub, reason = "`KubeSchema` repeats the type, with its visibility, inside a function")]

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::lease_duration::LeaseDuration;

/// What names a CloudEvent, as CloudEvents 1.0 says: its source and its id, which together are unique.
pub const EVENT_IDENTITY: &str = "[record.source, record.id]";

/// How a payload that came before is known.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("(has(self.by) && self.by == 'Expression') == has(self.expression)")
        .message("belongs to by: Expression, which needs it, and to nothing else")
        .field_path(".expression"),
    validation = Rule::new("!has(self.window) || !has(self.by) || self.by != 'None'")
        .message("applies to payloads that are known again; leave it out, or know them by Content or Expression")
        .field_path(".window"),
)]
pub struct IdempotencySpec {
    /// Content: by its SHA-256, and of the same payloads, the keyring signs the first, for as
    /// long as the run that holds it is in the ledger. Expression: the same by the value of
    /// expression, whatever else is in the payload. None: not at all, each is signed. Content
    /// unless given.
    #[serde(default)]
    pub by: IdempotencyBy,

    /// A CEL expression whose value names a payload, such as `record.id`. `record` is the payload as
    /// JSON, so the formats Lines and Whole have none. A payload for which it fails, or yields null, is a
    /// dead letter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 1024))]
    pub expression: Option<String>,

    /// For how long after the run is deleted its keyring, which keyringRef names, still knows its payloads,
    /// such as 720h; at most 87600h. Unless given, it may sign them again at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "LeaseDuration")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('1s') && duration(self) <= duration('87600h')")
        .message("must be at least 1s and at most 87600h"))]
    pub window: Option<LeaseDuration>,
}

/// What tells that a payload came before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum IdempotencyBy {
    /// Its SHA-256.
    #[default]
    Content,
    /// The value of an expression.
    Expression,
    /// Nothing.
    None,
}
