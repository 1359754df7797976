//! A record with the fields that it is given.

use std::collections::BTreeMap;

use chancery_canonical::{canonical_json, write_string};
use serde_json::Value as Json;
use serde_json::value::RawValue;

use crate::budget::{Failure, MOST_TEXT, Meter};
use crate::value::Value;

/// The fields that a record is given, each as JSON.
#[derive(Debug, Default)]
pub(crate) struct Fields(BTreeMap<String, Vec<u8>>);

impl Fields {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds what an expression gave.
    pub(crate) fn add(&mut self, name: &str, value: &Value<'_>, meter: &mut Meter) -> Result<(), Failure> {
        let mut text = Vec::new();
        value.write_json(&mut text)?;
        meter.make(text.len())?;
        self.0.insert(name.to_owned(), text);
        Ok(())
    }

    /// Adds what a webhook gave.
    pub(crate) fn add_all(&mut self, fields: &serde_json::Map<String, Json>) {
        self.0.extend(fields.iter().map(|(name, value)| (name.clone(), value.to_string().into_bytes())));
    }

    /// The payload with these, in canonical form. The rest of it is as it was written, to the last digit.
    pub(crate) fn put_into(&self, payload: &[u8]) -> Result<Vec<u8>, Failure> {
        let members: BTreeMap<String, &RawValue> = serde_json::from_slice(payload)
            .map_err(|_| Failure::says("the record is no JSON object, so it cannot be given fields"))?;
        let mut text = vec![b'{'];
        let kept = members.iter().filter(|(name, _)| !self.0.contains_key(*name));
        let kept = kept.map(|(name, value)| (name, value.get().as_bytes()));
        for (name, value) in kept.chain(self.0.iter().map(|(name, value)| (name, value.as_slice()))) {
            if text.len() > 1 {
                text.push(b',');
            }
            write_string(&mut text, name);
            text.push(b':');
            text.extend_from_slice(value);
        }
        text.push(b'}');
        let text = String::from_utf8(text).map_err(|error| Failure::says(error.to_string()))?;
        let canonical = canonical_json(&text).map_err(|error| Failure::says(error.to_string()))?;
        if canonical.len() > MOST_TEXT {
            let said = format!(
                "the record has {} bytes with its enrichments, and 1048576 is the most",
                canonical.len()
            );
            return Err(Failure::says(said));
        }
        Ok(canonical)
    }
}
