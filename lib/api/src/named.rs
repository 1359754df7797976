//! How a manifest names an [`Algorithm`] and an [`Envelope`]: by the name that it has in the ledger, and by no other.
//!
//! The types themselves belong to `chancery-keyring`, which signs with them. This module is what `serde`
//! and `schemars` need to read them, to write them and to list them in a schema.

use std::borrow::Cow;
use std::fmt::Display;
use std::str::FromStr;

use chancery_keyring::{Algorithm, Envelope};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

#[expect(clippy::ref_option, reason = "the form that serde wants")]
pub(crate) fn serialize<T: Display, S: Serializer>(
    named: &Option<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    named.as_ref().map(ToString::to_string).serialize(serializer)
}

pub(crate) fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let name = Option::<Cow<'de, str>>::deserialize(deserializer)?;
    name.map(|name| name.parse().map_err(de::Error::custom)).transpose()
}

/// The schema of an [`Algorithm`]: one of the JOSE names.
pub(crate) struct JoseName;

impl JsonSchema for JoseName {
    fn schema_name() -> Cow<'static, str> {
        "Algorithm".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "enum": Algorithm::ALL.map(Algorithm::name)})
    }
}

/// The schema of an [`Envelope`]: one of the names.
pub(crate) struct EnvelopeName;

impl JsonSchema for EnvelopeName {
    fn schema_name() -> Cow<'static, str> {
        "Envelope".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "enum": Envelope::ALL.map(Envelope::name)})
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[derive(serde::Serialize, serde::Deserialize)]
    struct Holder {
        #[serde(default, with = "super")]
        algorithm: Option<Algorithm>,
        #[serde(default, with = "super")]
        envelope: Option<Envelope>,
    }

    #[test]
    fn every_algorithm_is_read_written_and_listed_by_its_jose_name() {
        for algorithm in Algorithm::ALL {
            let document = json!({"algorithm": algorithm.name(), "envelope": null});
            let holder = Holder { algorithm: Some(algorithm), envelope: None };
            assert_eq!(serde_json::to_value(holder).unwrap(), document);
            assert_eq!(serde_json::from_value::<Holder>(document).unwrap().algorithm, Some(algorithm));
        }
        let listed = JoseName::json_schema(&mut SchemaGenerator::default());
        assert_eq!(listed.get("enum"), Some(&Value::from(Algorithm::ALL.map(Algorithm::name).to_vec())));
    }

    #[test]
    fn every_envelope_is_read_written_and_listed_by_its_name() {
        for envelope in Envelope::ALL {
            let document = json!({"algorithm": null, "envelope": envelope.name()});
            let holder = Holder { algorithm: None, envelope: Some(envelope) };
            assert_eq!(serde_json::to_value(holder).unwrap(), document);
            assert_eq!(serde_json::from_value::<Holder>(document).unwrap().envelope, Some(envelope));
        }
        let listed = EnvelopeName::json_schema(&mut SchemaGenerator::default());
        assert_eq!(listed.get("enum"), Some(&Value::from(Envelope::ALL.map(Envelope::name).to_vec())));
    }

    #[test]
    fn a_name_in_other_letter_case_is_refused_and_quoted() {
        for (field, name) in [("algorithm", "eddsa"), ("envelope", "jws")] {
            let error = serde_json::from_value::<Holder>(json!({field: name})).err().unwrap();
            assert!(error.to_string().contains(&format!("{name:?}")), "{error}");
        }
    }
}
