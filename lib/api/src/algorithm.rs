//! How a manifest names an [`Algorithm`]: by its JOSE name, and by no other.
//!
//! The type itself belongs to `chancery-keyring`, which signs with it. This module is what `serde`
//! and `schemars` need to read it, to write it and to list it in a schema.

use std::borrow::Cow;

use chancery_keyring::Algorithm;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

#[expect(clippy::ref_option, reason = "the form that serde wants")]
pub(crate) fn serialize<S: Serializer>(
    algorithm: &Option<Algorithm>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    algorithm.map(Algorithm::name).serialize(serializer)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Algorithm>, D::Error> {
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[derive(serde::Serialize, serde::Deserialize)]
    struct Holder {
        #[serde(default, with = "super")]
        algorithm: Option<Algorithm>,
    }

    #[test]
    fn every_algorithm_is_read_written_and_listed_by_its_jose_name() {
        for algorithm in Algorithm::ALL {
            let document = json!({"algorithm": algorithm.name()});
            assert_eq!(serde_json::to_value(Holder { algorithm: Some(algorithm) }).unwrap(), document);
            assert_eq!(serde_json::from_value::<Holder>(document).unwrap().algorithm, Some(algorithm));
        }
        let listed = JoseName::json_schema(&mut SchemaGenerator::default());
        assert_eq!(listed.get("enum"), Some(&Value::from(Algorithm::ALL.map(Algorithm::name).to_vec())));
    }

    #[test]
    fn a_name_in_other_letter_case_is_refused_and_quoted() {
        let error = serde_json::from_value::<Holder>(json!({"algorithm": "eddsa"})).err().unwrap();
        assert!(error.to_string().contains(r#""eddsa""#), "{error}");
    }
}
