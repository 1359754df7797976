//! Every field of a schema, and every way to get it wrong: what a test of bad input walks, so that a
//! new field cannot be forgotten.

use std::fmt;

use serde_json::{Map, Value, json};

/// How one gets to a field from the one around it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Property(String),
    Item,
    Member,
}

/// A field of a schema.
#[derive(Clone, Debug)]
pub struct Field {
    steps: Vec<Step>,
    /// Its own schema.
    pub schema: Value,
    required: bool,
    /// The schema that it is a part of.
    root: Value,
}

/// What the schema lets one leave out, and a rule about several fields does not: here, without `keyringRef`, and beside what
/// [`Field::with_what_it_needs`] adds.
const NEEDED_BY_A_RULE: [&str; 14] = [
    "keyCount",
    "recordCount",
    "sources[0].objects",
    "sources[0].format",
    "sources[0].table",
    "sources[0].table.url",
    "sources[0].run",
    "sources[0].http",
    "idempotency.expression",
    "sources[0].confirm",
    "sinks[0].objects",
    "sinks[0].http",
    "sinks[0].table",
    "sinks[0].table.url",
];

/// One way to set a field.
#[derive(Clone, Debug)]
pub struct Mutation {
    /// What is done to it: absent, zero, …
    pub what: &'static str,
    /// The whole object of the walked schema with the field so set.
    pub object: Value,
    /// Whether the schema allows it, by its own words.
    pub allowed: bool,
}

/// Every field below an object's schema, however deep.
#[must_use]
pub fn fields(schema: &Value) -> Vec<Field> {
    let mut found = Vec::new();
    descend(schema, schema, &mut Vec::new(), &mut found);
    found
}

fn descend(root: &Value, schema: &Value, steps: &mut Vec<Step>, found: &mut Vec<Field>) {
    let required = |name: &str| schema["required"].as_array().is_some_and(|all| all.contains(&json!(name)));
    let mut inner: Vec<(Step, &Value, bool)> = Vec::new();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        inner.push((Step::Property(name.clone()), property, required(name)));
    }
    if schema["items"].is_object() {
        inner.push((Step::Item, &schema["items"], false));
    }
    if schema["additionalProperties"].is_object() {
        inner.push((Step::Member, &schema["additionalProperties"], false));
    }
    for (step, schema, required) in inner {
        steps.push(step);
        found.push(Field { steps: steps.clone(), schema: schema.clone(), required, root: root.clone() });
        descend(root, schema, steps, found);
        steps.pop();
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.steps.iter().enumerate() {
            match step {
                Step::Property(name) if at == 0 => write!(f, "{name}")?,
                Step::Property(name) => write!(f, ".{name}")?,
                Step::Item => write!(f, "[0]")?,
                Step::Member => write!(f, ".{MEMBER}")?,
            }
        }
        Ok(())
    }
}

const MEMBER: &str = "member";

impl Field {
    /// The steps of names alone, as `kubectl explain` takes them.
    #[must_use]
    pub fn explained(&self) -> Option<String> {
        let names = self.steps.iter().filter_map(|step| match step {
            Step::Property(name) => Some(name.as_str()),
            Step::Item | Step::Member => None,
        });
        matches!(self.steps.last(), Some(Step::Property(_))).then(|| names.collect::<Vec<_>>().join("."))
    }

    /// The field's own name; for what is in a list or a map, the name of that.
    #[must_use]
    pub fn name(&self) -> &str {
        let names = self.steps.iter().rev().find_map(|step| match step {
            Step::Property(name) => Some(name.as_str()),
            Step::Item | Step::Member => None,
        });
        names.unwrap_or_default()
    }

    /// Whether it is directly in the walked object.
    #[must_use]
    pub fn is_top(&self) -> bool {
        self.steps.len() == 1
    }

    /// The object with this field, and what it takes to get there, set to a value.
    #[must_use]
    pub fn set(&self, object: &Value, value: Option<Value>) -> Value {
        let mut object = object.clone();
        put(&mut object, &self.root, &self.steps, value);
        object
    }

    /// Every way to get it wrong, and some to get it right, one at a time.
    #[must_use]
    pub fn mutations(&self, object: &Value) -> Vec<Mutation> {
        let object = &self.with_what_it_needs(object);
        let kind = self.kind();
        let mutation = |what: &'static str, value: Option<Value>, allowed: bool| Mutation {
            what,
            object: self.set(object, value),
            allowed,
        };
        let is = |wanted: &[&str]| wanted.contains(&kind);
        let number = |what: &'static str, value: Value| {
            let allowed = (is(&["int-or-string"]) && value.is_i64())
                || (is(&["integer"]) && self.allows_number(&value));
            mutation(what, Some(value), allowed)
        };
        let text = |what: &'static str, value: &str| {
            let allowed = is(&["int-or-string"]) || (is(&["string"]) && self.allows_text(value));
            mutation(what, Some(json!(value)), allowed)
        };
        let mut all = vec![
            number("zero", json!(0)),
            number("negative", json!(-1)),
            number("too large", json!(i64::MAX)),
            number("larger than any integer", json!(1e30)),
            mutation("with a fraction", Some(json!(1.5)), false),
            text("empty text", ""),
            text("other text", "no such thing"),
            text("very long text", &"x".repeat(5_000)),
            mutation("a boolean", Some(json!(true)), is(&["boolean"])),
            mutation("a list", Some(json!([])), is(&["array"]) && self.schema["minItems"].is_null()),
            mutation("an object", Some(json!({})), is(&["object"]) && self.schema["required"].is_null()),
        ];
        if matches!(self.steps.last(), Some(Step::Property(_))) {
            let needed = self.required || NEEDED_BY_A_RULE.contains(&self.to_string().as_str());
            all.push(mutation("absent", None, !needed));
        }
        if is(&["object"]) && self.schema["properties"].is_object() {
            let mut unknown = sample(&self.schema);
            unknown["noSuchField"] = json!(1);
            all.push(mutation("with an unknown field", Some(unknown), false));
        }
        all
    }

    /// The object with the others that rules want beside this field.
    fn with_what_it_needs(&self, object: &Value) -> Value {
        let path = self.to_string();
        let of = |what: &str| path == what || path.starts_with(&format!("{what}."));
        let mut object = object.clone();
        let confirms = path == "sources[0].confirm";
        if confirms || ["notifications", "notifications[0]"].into_iter().any(of) {
            let event = if confirms { "record.signed" } else { "run.completed" };
            let http = json!({"url": "https://hook.example/events"});
            object["notifications"] = json!([{"name": "one", "http": http, "events": [event]}]);
        }
        if ["sinks", "sinks[0]"].into_iter().any(of) {
            let sink = if of("sinks[0].table") {
                json!({"table": {"url": "postgres://writer@db/payments", "table": "public.signed"}})
            } else if of("sinks[0].http") {
                json!({"http": {"url": "https://hook.example/signed"}})
            } else {
                json!({"objects": {"url": "s3://bucket"}})
            };
            object["sinks"] = json!([sink]);
            object["sinks"][0]["name"] = json!("one");
        }
        if !["sources", "sources[0]", "idempotency", "deadLetter", "batching"].into_iter().any(of) {
            return object;
        }
        let source = if of("sources[0].table") {
            json!({"table": {"url": "postgres://reader@db/payments", "query": "SELECT 1 AS id", "orderBy": ["id"]}})
        } else if of("sources[0].http") || of("batching") {
            json!({"http": {}})
        } else if of("sources[0].run") {
            json!({"run": {"name": "another"}})
        } else {
            json!({"objects": {"url": "s3://bucket"}, "format": {"type": "CSV"}})
        };
        object["sources"] = json!([source]);
        object["sources"][0]["name"] = json!("one");
        if path == "idempotency.expression" {
            object["idempotency"] = json!({"by": "Expression", "expression": "record.id"});
        }
        object
    }

    fn kind(&self) -> &str {
        if self.schema["x-kubernetes-int-or-string"] == true {
            return "int-or-string";
        }
        self.schema["type"].as_str().unwrap_or_default()
    }

    fn allows_number(&self, value: &Value) -> bool {
        let Some(number) = value.as_i64() else { return false };
        let bound = |name: &str| self.schema[name].as_f64();
        #[expect(clippy::cast_precision_loss, reason = "the bounds are far below 2^53")]
        let number_as_float = number as f64;
        bound("minimum").is_none_or(|least| number_as_float >= least)
            && bound("maximum").is_none_or(|most| number_as_float <= most)
            && (self.schema["format"] != "int32" || i32::try_from(number).is_ok())
            && self.schema["enum"].as_array().is_none_or(|choices| choices.contains(value))
    }

    /// Whether a rule says what a text has to be: not only what it may not be, or that it stays what it was.
    fn wants_a_form(&self) -> bool {
        let rules = self.schema["x-kubernetes-validations"].as_array().into_iter().flatten();
        rules
            .filter_map(|rule| rule["rule"].as_str())
            .any(|rule| !rule.starts_with('!') && !rule.contains("oldSelf"))
    }

    fn allows_text(&self, text: &str) -> bool {
        let bound = |name: &str| self.schema[name].as_u64().and_then(|bound| usize::try_from(bound).ok());
        let length = text.chars().count();
        bound("minLength").is_none_or(|least| length >= least)
            && bound("maxLength").is_none_or(|most| length <= most)
            // None of the texts that are tried has any of the forms that schemas ask for.
            && self.schema["pattern"].is_null()
            && !self.wants_a_form()
            && self.schema["format"].is_null()
            && self.schema["enum"].as_array().is_none_or(|choices| choices.contains(&json!(text)))
    }
}

fn put(object: &mut Value, schema: &Value, steps: &[Step], value: Option<Value>) {
    let Some((step, rest)) = steps.split_first() else {
        if let Some(value) = value {
            *object = value;
        }
        return;
    };
    let (inner, place) = match step {
        Step::Property(name) => {
            let inner = &schema["properties"][name];
            if rest.is_empty() && value.is_none() {
                object.as_object_mut().map(|members| members.remove(name));
                return;
            }
            (inner, &mut object[name.as_str()])
        }
        Step::Item => {
            let inner = &schema["items"];
            if object.as_array().is_none_or(Vec::is_empty) {
                *object = json!([sample(inner)]);
            }
            (inner, &mut object[0])
        }
        Step::Member => (&schema["additionalProperties"], &mut object[MEMBER]),
    };
    if place.is_null() {
        *place = sample(inner);
    }
    put(place, inner, rest, value);
}

/// The least value that a schema allows.
fn sample(schema: &Value) -> Value {
    if schema["enum"].is_array() {
        return schema["enum"][0].clone();
    }
    match schema["type"].as_str() {
        Some("object") => {
            let mut members = Map::new();
            for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                members.insert(name.to_owned(), sample(&schema["properties"][name]));
            }
            Value::Object(members)
        }
        Some("array") => json!([]),
        Some("integer") => schema["minimum"].as_i64().map_or(json!(1), Value::from),
        Some("boolean") => json!(false),
        _ => json!("a"),
    }
}
