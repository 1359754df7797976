//! What `spec.signerTemplate` of a run may ask for. Whoever may write SigningRuns writes it, and its pods hold
//! the data key of a keyring and the login of a run: what could give them another's rights, or bring others in, has to
//! be allowed by whoever installed Chancery.

use std::str::FromStr;

use chancery_api::SignerTemplate;
use k8s_openapi::api::core::v1::Toleration;
use serde::Deserialize;

/// Most names of one kind that a refusal lists.
const MOST_NAMED: usize = 3;

/// What is allowed, as `signer.allowed` of the chart's values lists it. Nothing is, unless it is listed.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Allowed {
    /// ServiceAccounts, beside the one of the operator's settings.
    pub service_account_names: Vec<String>,
    /// PriorityClasses.
    pub priority_class_names: Vec<String>,
    /// RuntimeClasses.
    pub runtime_class_names: Vec<String>,
    /// Tolerations, each of which allows all that tolerate no more than it does.
    pub tolerations: Vec<Toleration>,
    /// What the names of labels may begin with.
    pub label_prefixes: Vec<String>,
    /// What the names of annotations may begin with.
    pub annotation_prefixes: Vec<String>,
}

impl FromStr for Allowed {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        serde_json::from_str(text)
    }
}

impl Allowed {
    /// What of a template is not allowed, and who can allow it; none if all of it is. `own` is the
    /// ServiceAccount of the operator's settings.
    #[must_use]
    pub fn refusal(&self, template: &SignerTemplate, own: Option<&str>) -> Option<String> {
        let SignerTemplate {
            labels,
            annotations,
            // What follows moves pods about, but gives them nothing: a quota limits it.
            resources: _,
            node_selector: _,
            tolerations,
            affinity: _,
            topology_spread_constraints: _,
            priority_class_name,
            service_account_name,
            // The credentials are shown to the registry of the signer's image and to nobody else.
            image_pull_secrets: _,
            runtime_class_name,
        } = template;
        let is_own = |name: &&String| own == Some(name.as_str());
        let one = |name: &Option<String>, allowed: &[String]| -> Vec<String> {
            name.iter().filter(|name| !allowed.contains(name)).map(|name| format!("{name:?}")).collect()
        };
        let names = |names: &mut dyn Iterator<Item = &String>, prefixes: &[String]| -> Vec<String> {
            let begins = |name: &&String| prefixes.iter().any(|prefix| name.starts_with(prefix));
            names.filter(|name| !begins(name)).map(|name| format!("{name:?}")).collect()
        };
        let account = service_account_name.as_ref().filter(|name| !is_own(name)).cloned();
        let not_tolerated = tolerations.iter().enumerate().filter(|(_, asked)| !self.tolerates(asked));
        let refused = [
            ("serviceAccountName", "serviceAccountNames", one(&account, &self.service_account_names)),
            ("priorityClassName", "priorityClassNames", one(priority_class_name, &self.priority_class_names)),
            ("runtimeClassName", "runtimeClassNames", one(runtime_class_name, &self.runtime_class_names)),
            ("tolerations", "tolerations", not_tolerated.map(|(place, _)| format!("[{place}]")).collect()),
            ("labels", "labelPrefixes", names(&mut labels.keys(), &self.label_prefixes)),
            ("annotations", "annotationPrefixes", names(&mut annotations.keys(), &self.annotation_prefixes)),
        ];
        let refused: Vec<_> = refused.into_iter().filter(|(.., what)| !what.is_empty()).collect();
        if refused.is_empty() {
            return None;
        }
        let values: Vec<String> =
            refused.iter().map(|(_, value, _)| format!("signer.allowed.{value}")).collect();
        let fields: Vec<String> = refused.iter().map(|(field, _, what)| listed(field, what)).collect();
        // What to do comes first: a long message is cut at its end.
        Some(format!(
            "spec.signerTemplate asks for what is not allowed here; take it out, or ask whoever installed Chancery to allow it in {} of the chart's values: {}",
            values.join(", "),
            fields.join("; ")
        ))
    }

    fn tolerates(&self, asked: &Toleration) -> bool {
        self.tolerations.iter().any(|allowed| covers(allowed, asked))
    }
}

fn listed(field: &str, what: &[String]) -> String {
    let named = what.iter().take(MOST_NAMED).cloned().collect::<Vec<_>>().join(", ");
    match what.len().saturating_sub(MOST_NAMED) {
        0 => format!("{field} {named}"),
        more => format!("{field} {named} and {more} more"),
    }
}

/// Whether all that one toleration tolerates is tolerated by another
/// (<https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/>). How long it does does not
/// matter.
fn covers(allowed: &Toleration, asked: &Toleration) -> bool {
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    let any_value = allowed.operator.as_deref() == Some("Exists");
    let effect = text(&allowed.effect).is_empty() || allowed.effect == asked.effect;
    let key = if text(&allowed.key).is_empty() { any_value } else { allowed.key == asked.key };
    let equal = matches!(asked.operator.as_deref(), None | Some("Equal"));
    effect && key && (any_value || (equal && text(&asked.value) == text(&allowed.value)))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn refusal(allowed: &Value, template: Value) -> Option<String> {
        let allowed: Allowed = allowed.to_string().parse().expect("a list of what is allowed");
        let template = serde_json::from_value(template).expect("a template");
        allowed.refusal(&template, Some("chancery-signer"))
    }

    #[test]
    fn what_moves_pods_about_needs_no_leave() {
        let template = json!({
            "resources": {"limits": {"cpu": "1"}}, "nodeSelector": {"a": "b"}, "affinity": {"nodeAffinity": {}},
            "topologySpreadConstraints":
                [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}],
            "imagePullSecrets": [{"name": "registry"}], "serviceAccountName": "chancery-signer",
        });
        assert_eq!(refusal(&json!({}), template), None);
        assert_eq!(refusal(&json!({}), json!({})), None);
    }

    #[test]
    fn each_thing_has_a_list_of_its_own_which_is_empty_unless_given() {
        let cases = [
            (json!({"serviceAccountName": "robot"}), "serviceAccountNames", json!(["robot"])),
            (
                json!({"priorityClassName": "system-node-critical"}),
                "priorityClassNames",
                json!(["system-node-critical"]),
            ),
            (json!({"runtimeClassName": "gvisor"}), "runtimeClassNames", json!(["gvisor"])),
            (
                json!({"tolerations": [{"operator": "Exists"}]}),
                "tolerations",
                json!([{"operator": "Exists"}]),
            ),
            (json!({"labels": {"app": "bank"}}), "labelPrefixes", json!(["app"])),
            (
                json!({"annotations": {"container.apparmor.security.beta.kubernetes.io/signer": "unconfined"}}),
                "annotationPrefixes",
                json!(["container.apparmor.security.beta.kubernetes.io/"]),
            ),
        ];
        for (template, list, entries) in cases {
            let said = refusal(&json!({}), template.clone()).expect("it is refused");
            let field = template.as_object().and_then(|fields| fields.keys().next()).expect("a field");
            assert!(said.starts_with("spec.signerTemplate asks for what is not allowed here"), "{said}");
            assert!(said.contains(&format!("signer.allowed.{list} of")) && said.contains(field), "{said}");
            assert_eq!(refusal(&json!({list: entries}), template.clone()), None, "{template}");
            let others: Value = ["serviceAccountNames", "priorityClassNames", "runtimeClassNames"]
                .into_iter()
                .filter(|other| *other != list)
                .map(|other| (other.to_owned(), entries.clone()))
                .filter(|(_, entries)| entries[0].is_string())
                .collect();
            assert!(refusal(&others, template).is_some(), "the list of another thing allows nothing");
        }
    }

    #[test]
    fn a_toleration_is_allowed_by_one_that_tolerates_as_much() {
        let dedicated = json!({"key": "dedicated", "value": "signing", "effect": "NoSchedule"});
        let any_effect = json!({"key": "dedicated", "operator": "Equal", "value": "signing"});
        let any_value = json!({"key": "dedicated", "operator": "Exists", "effect": "NoSchedule"});
        let anything = json!({"operator": "Exists"});
        let tolerated = |allowed: &Value, asked: &Value| {
            refusal(&json!({"tolerations": [allowed]}), json!({"tolerations": [asked]})).is_none()
        };
        let all = [&dedicated, &any_effect, &any_value, &anything];
        let wanted = [
            [true, false, false, false],
            [true, true, false, false],
            [true, false, true, false],
            [true, true, true, true],
        ];
        for (allowed, row) in all.iter().zip(wanted) {
            for (asked, wanted) in all.iter().zip(row) {
                assert_eq!(tolerated(allowed, asked), wanted, "{asked} where {allowed} is allowed");
            }
        }
        for asked in [
            json!({"key": "dedicated", "value": "other", "effect": "NoSchedule"}),
            json!({"key": "node-role.kubernetes.io/control-plane", "value": "signing", "effect": "NoSchedule"}),
            json!({"key": "dedicated", "operator": "Gt", "value": "signing", "effect": "NoSchedule"}),
        ] {
            assert!(!tolerated(&dedicated, &asked), "{asked}");
        }
        let seconds =
            json!({"key": "dedicated", "value": "signing", "effect": "NoSchedule", "tolerationSeconds": 5});
        assert!(tolerated(&dedicated, &seconds));
        assert!(!tolerated(&json!({"value": ""}), &json!({"key": "a"})), "no key is no leave for every key");
    }

    #[test]
    fn a_refusal_says_first_what_to_do_and_then_names_a_few_of_each_kind() {
        let labels: Value = (0..9).map(|number| (format!("label-{number}"), json!(""))).collect();
        let said = refusal(
            &json!({"labelPrefixes": ["example.com/"]}),
            json!({"labels": labels, "tolerations": [{"operator": "Exists"}]}),
        );
        assert_eq!(
            said.as_deref(),
            Some(
                "spec.signerTemplate asks for what is not allowed here; take it out, or ask whoever installed Chancery to allow it in signer.allowed.tolerations, signer.allowed.labelPrefixes of the chart's values: tolerations [0]; labels \"label-0\", \"label-1\", \"label-2\" and 6 more"
            )
        );
    }

    #[test]
    fn a_list_that_nobody_knows_is_refused() {
        assert!(r#"{"labels": ["a"]}"#.parse::<Allowed>().is_err());
        assert_eq!("{}".parse::<Allowed>().ok(), Some(Allowed::default()));
    }
}
