//! The JSON Schema of a record.

use std::collections::BTreeSet;

use chancery_api::RecordSchema as Spec;
use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::Value as Json;

use crate::budget::{Failure, Meter};
use crate::finding::Finding;
use crate::json;

/// Parts of a schema, with those that its references lead to counted each time.
const MOST_PARTS: u64 = 5_000;

/// Compiled patterns are no larger than this: each byte of a text may be looked at in each of their states.
const MOST_PATTERN_BYTES: usize = 32 * 1024;

/// A schema, ready for use.
pub(crate) struct RecordSchema {
    validator: Validator,
    parts: u64,
    patterns: u64,
}

impl RecordSchema {
    /// Compiles it.
    ///
    /// # Errors
    ///
    /// [`Finding`].
    pub(crate) fn compile(spec: &Spec) -> Result<Self, Finding> {
        let schema = Json::Object(spec.0.clone());
        let refused = |message: String| Finding::of("spec.schema", message);
        if let Some(dialect) = schema.get("$schema").filter(|dialect| *dialect != DIALECT) {
            return Err(refused(format!(
                "is of {dialect}; wanted is JSON Schema 2020-12, {DIALECT:?}, or no $schema"
            )));
        }
        let mut counted = Counted { root: &schema, open: BTreeSet::new(), patterns: 0 };
        let parts = counted.parts(&schema).map_err(refused)?;
        let patterns = counted.patterns;
        let options =
            PatternOptions::regex().size_limit(MOST_PATTERN_BYTES).dfa_size_limit(MOST_PATTERN_BYTES);
        let validator = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .should_validate_formats(true)
            .with_pattern_options(options)
            .offline()
            .build(&schema)
            .map_err(|error| refused(format!("is no JSON Schema: {error}")))?;
        Ok(Self { validator, parts, patterns })
    }

    /// What of a record of so many bytes is not as it should be, in a sentence.
    pub(crate) fn broken(
        &self,
        record: &Json,
        bytes: usize,
        meter: &mut Meter,
    ) -> Result<Option<String>, Failure> {
        // Each part may look at each value.
        meter.steps(json::count(record).saturating_mul(self.parts) / 8)?;
        meter.steps((bytes as u64).saturating_mul(2 * self.patterns))?;
        if self.validator.is_valid(record) {
            return Ok(None);
        }
        // The first thing alone: to name them all takes memory in proportion to how many a record was made to have.
        Ok(self.validator.validate(record).err().map(|error| match error.instance_path().as_str() {
            "" => error.masked().to_string(),
            path => format!("{path}: {}", error.masked()),
        }))
    }
}

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// A schema that is gone through.
struct Counted<'s> {
    root: &'s Json,
    /// References that are being followed.
    open: BTreeSet<&'s str>,
    patterns: u64,
}

impl<'s> Counted<'s> {
    /// The number of parts of a schema. A reference counts as all that it leads to, so that none that leads back to itself,
    /// and none that doubles what it leads to again and again, is accepted.
    fn parts(&mut self, part: &'s Json) -> Result<u64, String> {
        let mut count = 1_u64;
        match part {
            Json::Object(members) => {
                for (name, below) in members {
                    count += self.member(name, below)?;
                    at_most(count)?;
                }
            }
            Json::Array(items) => {
                for item in items {
                    count += self.parts(item)?;
                    at_most(count)?;
                }
            }
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
        }
        Ok(count)
    }

    fn member(&mut self, name: &'s str, below: &'s Json) -> Result<u64, String> {
        match (name, below) {
            ("$dynamicRef" | "$recursiveRef" | "$id" | "$anchor" | "$dynamicAnchor", _) => Err(format!(
                "has {name}; wanted are references within it, such as {{\"$ref\": \"#/$defs/amount\"}}"
            )),
            ("$ref", Json::String(target)) => self.reference(target),
            // Each value may be compared with each of these, down to its last member.
            ("const" | "enum", values) => {
                let count = json::count(values);
                at_most(count)?;
                Ok(count)
            }
            // What is told is no schema.
            ("default" | "examples", _) => Ok(1),
            // Names are no keywords.
            ("properties" | "patternProperties" | "dependentSchemas" | "$defs", Json::Object(named)) => {
                if name == "patternProperties" {
                    self.patterns += named.len() as u64;
                }
                let mut count = 0;
                for below in named.values() {
                    count += self.parts(below)?;
                }
                Ok(count)
            }
            ("pattern", _) => {
                self.patterns += 1;
                Ok(1)
            }
            (_, below) => self.parts(below),
        }
    }

    fn reference(&mut self, target: &'s str) -> Result<u64, String> {
        let Some(pointer) = target.strip_prefix('#') else {
            return Err(format!("refers to {target}, another document, and none is read; put it into $defs"));
        };
        let Some(part) = self.root.pointer(pointer) else {
            return Err(format!("refers to {target}, and there is nothing"));
        };
        if !self.open.insert(target) {
            return Err(format!("refers by {target} to what it is in; wanted is a schema that ends"));
        }
        let count = self.parts(part)?;
        self.open.remove(target);
        Ok(count)
    }
}

fn at_most(count: u64) -> Result<(), String> {
    if count <= MOST_PARTS {
        return Ok(());
    }
    Err(format!("has more than {MOST_PARTS} parts, with what its references lead to"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn compiled(schema: Json) -> Result<RecordSchema, String> {
        let Json::Object(members) = schema else { panic!("an object") };
        RecordSchema::compile(&Spec(members)).map_err(|finding| finding.message)
    }

    #[test]
    fn a_record_is_held_against_it() {
        let schema = compiled(json!({
            "type": "object",
            "required": ["id", "amount"],
            "properties": {"id": {"type": "string", "pattern": "^[0-9]+$"}, "amount": {"$ref": "#/$defs/amount"}},
            "$defs": {"amount": {"type": "number", "minimum": 0}},
        }))
        .unwrap();
        let said = |record: Json| schema.broken(&record, 100, &mut Meter::full()).unwrap();
        assert_eq!(said(json!({"id": "1", "amount": 2.5})), None);
        let message = said(json!({"id": "x", "amount": 1})).unwrap();
        assert!(message.contains("/id: "), "{message}");
        assert!(!message.contains('x'), "what a record holds is not repeated: {message}");
        assert!(said(json!([])).is_some());
    }

    #[test]
    fn a_schema_that_would_not_end_or_reads_elsewhere_is_refused() {
        let mut doubles = serde_json::Map::new();
        for level in 0..40 {
            let below = json!({"$ref": format!("#/$defs/l{}", level + 1)});
            doubles.insert(format!("l{level}"), json!({"allOf": [below, below]}));
        }
        doubles.insert("l40".to_owned(), json!({}));
        for (schema, said) in [
            (json!({"$ref": "https://example.com/schema"}), "another document"),
            (json!({"$ref": "#/$defs/none"}), "there is nothing"),
            (json!({"properties": {"a": {"$ref": "#"}}}), "what it is in"),
            (json!({"$ref": "#/$defs/l0", "$defs": doubles}), "more than 5000 parts"),
            (json!({"items": {"enum": (0..5_001).collect::<Vec<_>>()}}), "more than 5000 parts"),
            (json!({"$dynamicRef": "#x"}), "has $dynamicRef"),
            (json!({"$schema": "http://json-schema.org/draft-07/schema#"}), "wanted is JSON Schema 2020-12"),
            (json!({"type": "text"}), "is no JSON Schema"),
            (json!({"pattern": "(a{1000}){1000}"}), "is no JSON Schema"),
            (json!({"pattern": "(?=a)a"}), "is no JSON Schema"),
        ] {
            let error = compiled(schema.clone()).err().unwrap_or_else(|| panic!("{schema} is accepted"));
            assert!(error.contains(said), "{schema}: {error}");
        }
    }

    #[test]
    fn a_large_record_against_a_large_schema_is_over_budget() {
        let schema = compiled(json!({"items": {"anyOf": vec![json!({"type": "null"}); 1_000]}})).unwrap();
        let record = Json::Array(vec![json!(1); 100_000]);
        assert_eq!(schema.broken(&record, 100, &mut Meter::full()), Err(Failure::OverBudget));
    }

    #[test]
    fn a_large_record_against_many_values_is_over_budget() {
        let schema = compiled(json!({"items": {"enum": (0..4_000).collect::<Vec<_>>()}})).unwrap();
        let record = Json::Array(vec![json!(3_999); 100_000]);
        assert_eq!(schema.broken(&record, 100, &mut Meter::full()), Err(Failure::OverBudget));
    }

    #[test]
    fn of_a_record_with_many_faults_the_first_is_said() {
        let schema = compiled(json!({"items": {"type": "string"}})).unwrap();
        let record = Json::Array(vec![json!(1); 10_000]);
        let said = schema.broken(&record, 20_000, &mut Meter::full()).unwrap().unwrap();
        assert!(said.starts_with("/0: ") && !said.contains("/1: "), "{said}");
    }
}
