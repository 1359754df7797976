//! The schema that everything is checked against: the one in the custom resource
//! definition, with the parts that every API server adds to it.

use std::sync::LazyLock;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::CustomResourceExt;
use kube::core::cel::{CompiledSchema, compile_schema};
use serde_json::{Map, Value, json};

use super::kind::Kind;
use crate::crd::{exact_integer, integers_as_integers};
use crate::names;
use crate::signing_policy::SigningPolicy;
use crate::signing_run::SigningRun;

/// The schema, ready for use.
pub(super) struct Schema {
    kind: Kind,
    root: Value,
    validator: jsonschema::Validator,
    rules: CompiledSchema,
}

static RUN: LazyLock<Schema> = LazyLock::new(|| Schema::build::<SigningRun>(Kind::Run));
static POLICY: LazyLock<Schema> = LazyLock::new(|| Schema::build::<SigningPolicy>(Kind::Policy));

impl Schema {
    pub(super) fn of(kind: Kind) -> &'static Self {
        match kind {
            Kind::Run => &RUN,
            Kind::Policy => &POLICY,
        }
    }

    fn build<K: CustomResourceExt>(kind: Kind) -> Self {
        let crd = K::crd();
        let version = &crd.spec.versions[0];
        let schema = version.schema.as_ref().and_then(|s| s.open_api_v3_schema.as_ref());
        let mut root = serde_json::to_value(schema).expect("a schema is plain JSON");
        integers_as_integers(&mut root);
        add_what_every_object_has(&mut root, kind);
        Self {
            kind,
            validator: jsonschema::options()
                .should_validate_formats(false)
                .build(&root)
                .expect("the generated schema is a JSON schema"),
            rules: compile_schema(&root),
            root,
        }
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) fn root(&self) -> &Value {
        &self.root
    }

    pub(super) fn validator(&self) -> &jsonschema::Validator {
        &self.validator
    }

    pub(super) fn rules(&self) -> &CompiledSchema {
        &self.rules
    }

    /// The part of the schema that describes the field at a location in an object.
    pub(super) fn at(&self, location: &jsonschema::paths::Location) -> &Value {
        use jsonschema::paths::LocationSegment;
        location.into_iter().fold(&self.root, |schema, segment| match segment {
            LocationSegment::Property(name) => member(schema, &name),
            LocationSegment::Index(_) => &schema["items"],
        })
    }
}

/// The schema of a member of an object; `null` where there is none.
pub(super) fn member<'a>(schema: &'a Value, name: &str) -> &'a Value {
    match &schema["properties"][name] {
        Value::Null => &schema["additionalProperties"],
        schema => schema,
    }
}

/// A custom resource definition may not describe these, because every kind has them.
fn add_what_every_object_has(root: &mut Value, kind: Kind) {
    let metadata = schemars::generate::SchemaSettings::openapi3()
        .with(|settings| settings.inline_subschemas = true)
        .into_generator()
        .into_root_schema_for::<ObjectMeta>()
        .to_value();
    root["properties"]["apiVersion"] = json!({"type": "string", "enum": [names::API_VERSION]});
    root["properties"]["kind"] = json!({"type": "string", "enum": [kind.name()]});
    root["properties"]["metadata"] = metadata;
}

/// The object as an API server takes it: members that are `null` are left out, and whole
/// numbers written as `1e3` or `5.0` are integers where an integer is wanted.
pub(super) fn normalized(value: &Value, schema: &Value) -> Value {
    match value {
        // What is in there is nobody's business but its reader's.
        Value::Object(_) if schema["x-kubernetes-preserve-unknown-fields"] == true => value.clone(),
        Value::Object(members) => Value::Object(
            members
                .iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| (name.clone(), normalized(value, member(schema, name))))
                .collect::<Map<_, _>>(),
        ),
        Value::Array(items) => items.iter().map(|item| normalized(item, &schema["items"])).collect(),
        Value::Number(number) if schema["type"] == "integer" => {
            exact_integer(number).map_or_else(|| value.clone(), Value::from)
        }
        other => other.clone(),
    }
}
