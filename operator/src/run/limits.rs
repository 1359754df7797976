//! What runs may take, as whoever installed Chancery says.

use std::str::FromStr;

use chancery_api::quantity;
use serde::{Deserialize, Deserializer, de};

use crate::run::room::Capacity;

/// Up to where the runs of tenants may go.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bounds {
    /// What one run, and one namespace, may have.
    pub limits: Limits,
    /// How large the database is, if that was said.
    pub capacity: Option<Capacity>,
}

/// What one run, and one namespace, may have, as `limits` of the chart's values lists it. 0 is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Limits {
    /// Bytes that a run may take in the database.
    #[serde(deserialize_with = "bytes")]
    pub bytes_per_run: i64,
    /// Bits of the keys that a run may have made.
    pub key_bits_per_run: i64,
    /// Runs that a namespace may have in the ledger.
    pub runs_per_namespace: i64,
    /// Bytes that the runs of a namespace may take in the database.
    #[serde(deserialize_with = "bytes")]
    pub bytes_per_namespace: i64,
}

impl Default for Limits {
    /// Far beyond what is usual, and far from all that there is.
    fn default() -> Self {
        Self {
            bytes_per_run: 256 << 30,
            // 1,024 keys of RSA-4096, each a second or so of a processor.
            key_bits_per_run: 1_024 * 4_096,
            runs_per_namespace: 1_000,
            bytes_per_namespace: 1 << 40,
        }
    }
}

impl Limits {
    /// As the ledger takes them.
    pub(crate) fn for_ledger(self) -> chancery_store::Limits {
        let Self { bytes_per_run, key_bits_per_run, runs_per_namespace, bytes_per_namespace } = self;
        let limit = |number: i64| (number > 0).then_some(number);
        chancery_store::Limits {
            run_bytes: limit(bytes_per_run),
            key_bits: limit(key_bits_per_run),
            namespace_runs: limit(runs_per_namespace),
            namespace_bytes: limit(bytes_per_namespace),
        }
    }
}

impl FromStr for Limits {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        serde_json::from_str(text)
    }
}

fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Given {
        Number(i64),
        Text(String),
    }
    match Given::deserialize(deserializer)? {
        Given::Number(bytes) => Ok(bytes),
        Given::Text(text) => quantity::bytes(&text).map_err(de::Error::custom),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_has_its_default_and_zero_is_no_limit() {
        assert_eq!("{}".parse::<Limits>().ok(), Some(Limits::default()));
        let said = r#"{"bytesPerRun": "1.5Gi", "bytesPerNamespace": 0, "runsPerNamespace": 7}"#;
        let said: Limits = said.parse().expect("limits");
        let wanted = Limits {
            bytes_per_run: 3 << 29,
            runs_per_namespace: 7,
            bytes_per_namespace: 0,
            ..Limits::default()
        };
        assert_eq!(said, wanted);
        assert_eq!((said.for_ledger().namespace_bytes, said.for_ledger().namespace_runs), (None, Some(7)));
    }

    #[test]
    fn a_limit_that_nobody_knows_or_can_read_is_refused() {
        for text in [r#"{"records": 5}"#, r#"{"bytesPerRun": "much"}"#, r#"{"runsPerNamespace": "7"}"#] {
            assert!(text.parse::<Limits>().is_err(), "{text}");
        }
    }
}
