//! Types that are Kubernetes' own: named, with a link to their documentation, and not explained anew.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use k8s_openapi::api::core::v1::{
    Affinity, LocalObjectReference, ResourceRequirements, Toleration, TopologySpreadConstraint,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::Value;

// Does not compile once `k8s-openapi` has types of a later version: the links are to follow.
k8s_openapi::k8s_if_1_37! {
    const VERSION: &str = "v1.37";
}

/// Every type of Kubernetes that a SigningRun has a field of.
static TYPES: LazyLock<[Kubernetes; 6]> = LazyLock::new(|| {
    [
        Kubernetes::of::<Affinity>(),
        Kubernetes::of::<Condition>(),
        Kubernetes::of::<LocalObjectReference>(),
        Kubernetes::of::<ResourceRequirements>(),
        Kubernetes::of::<Toleration>(),
        Kubernetes::of::<TopologySpreadConstraint>(),
    ]
});

/// A type of Kubernetes.
pub(super) struct Kubernetes {
    /// Such as `io.k8s.api.core.v1.Affinity`.
    name: Cow<'static, str>,
    fields: BTreeMap<String, String>,
}

impl Kubernetes {
    fn of<T: JsonSchema>() -> Self {
        let schema = T::json_schema(&mut SchemaGenerator::default()).to_value();
        Self { name: T::schema_name(), fields: described(&schema) }
    }

    /// The type of Kubernetes that a schema describes. A schema in a CRD does not say its type's name,
    /// so it is known by the names and descriptions of its fields.
    pub(super) fn named(schema: &Value) -> Option<&'static Self> {
        let fields = described(schema);
        TYPES.iter().find(|known| !fields.is_empty() && known.fields == fields)
    }

    /// Its name, linked to its documentation.
    pub(super) fn link(&self) -> String {
        let mut parts = self.name.rsplit('.');
        let (Some(kind), Some(version), Some(group)) = (parts.next(), parts.next(), parts.next()) else {
            panic!("{} is not the name of a type of Kubernetes", self.name)
        };
        let anchor = format!("{}-{version}-{group}", kind.to_lowercase());
        format!("[{kind}](https://kubernetes.io/docs/reference/generated/kubernetes-api/{VERSION}/#{anchor})")
    }
}

fn described(schema: &Value) -> BTreeMap<String, String> {
    let fields = schema["properties"].as_object().into_iter().flatten();
    fields
        .map(|(name, field)| (name.clone(), field["description"].as_str().unwrap_or_default().to_owned()))
        .collect()
}
