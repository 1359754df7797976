//! What goes beyond one value: the rules in CEL, and the names.

use std::time::Duration;

use chancery_api::{Algorithm, Envelope, names, validate};
use kube::core::cel::{ScopeContext, analyze_rule, compile_schema};
use kube::{CustomResourceExt, Resource};
use serde_json::{Value, json};

use crate::support::{accepted, minimal, refused, with};

#[test]
fn a_key_size_goes_with_rsa_only() {
    for algorithm in Algorithm::ALL {
        let mut manifest = with("keySize", json!(3072));
        manifest["spec"]["algorithm"] = json!(algorithm.name());
        if algorithm.is_rsa() {
            let run = validate(&accepted(&manifest)).unwrap();
            assert_eq!(run.keyring.key_size, Some(3072));
        } else {
            assert_eq!(
                refused(&manifest),
                [
                    "spec.keySize: 3072 applies to the RSA algorithms RS256 and PS256 only; leave it out, or choose one of those"
                ]
            );
        }
    }
}

#[test]
fn a_run_says_how_many_keys_to_make_or_names_a_keyring() {
    let mut manifest = minimal();
    manifest["spec"].as_object_mut().unwrap().remove("keyCount");
    assert_eq!(
        refused(&manifest),
        [
            "spec.keyCount: missing; give an integer from 1 to 10000, or name a keyring that exists with keyringRef"
        ]
    );
    manifest["spec"]["keyringRef"] = json!({"name": "invoices"});
    let run = validate(&accepted(&manifest)).unwrap();
    assert_eq!((run.keyring.name.as_deref(), run.keyring.key_count), (Some("invoices"), None));
    assert_eq!((run.keyring.algorithm, run.keyring.key_size), (None, None), "the keyring's own");
}

#[test]
fn a_keyring_is_named_by_a_dns_label() {
    for name in ["a", "invoices-2026", &"a".repeat(63)] {
        accepted(&with("keyringRef", json!({"name": name})));
    }
    for name in ["", "Invoices", "a.b", "-a", "a-", "a/b", &"a".repeat(64)] {
        let problems = refused(&with("keyringRef", json!({"name": name})));
        assert!(problems[0].starts_with("spec.keyringRef.name: "), "{problems:?}");
    }
}

#[test]
fn a_key_size_beside_an_unknown_algorithm_is_not_held_against_it() {
    let mut manifest = with("keySize", json!(3072));
    manifest["spec"]["algorithm"] = json!("RS512");
    assert_eq!(
        refused(&manifest),
        [
            r#"spec.algorithm: "RS512" is not allowed; give RS256, PS256, ES256, ES384, ES256K, EdDSA, ML-DSA-44, ML-DSA-65 or ML-DSA-87"#
        ]
    );
}

#[test]
fn the_signatures_of_a_batch_have_64_mib_at_the_most() {
    for (algorithm, bytes) in [("ML-DSA-44", 2_420), ("ML-DSA-65", 3_309), ("ML-DSA-87", 4_627)] {
        let most = (64 << 20) / bytes;
        let mut manifest = with("algorithm", json!(algorithm));
        manifest["spec"]["batchSize"] = json!(most);
        accepted(&manifest);
        manifest["spec"]["batchSize"] = json!(most + 1);
        let problems = refused(&manifest);
        let said = &problems[0];
        assert!(said.starts_with(&format!("spec.batchSize: {} is too great", most + 1)), "{said}");
        assert!(said.contains(&format!("{most} with {algorithm}")), "{said}");
    }
    for algorithm in ["RS256", "ES256", "EdDSA"] {
        let mut manifest = with("algorithm", json!(algorithm));
        manifest["spec"]["batchSize"] = json!(100_000);
        accepted(&manifest);
        manifest["spec"]["batchSize"] = json!(100_001);
        assert_eq!(refused(&manifest).len(), 1, "{algorithm}");
    }
}

#[test]
fn messages_of_ethereum_are_for_its_algorithm_only() {
    for algorithm in Algorithm::ALL {
        let mut manifest = with("envelope", json!("EIP191"));
        manifest["spec"]["algorithm"] = json!(algorithm.name());
        if algorithm == Algorithm::Es256k {
            assert_eq!(validate(&accepted(&manifest)).unwrap().keyring.envelope, Some(Envelope::Eip191));
        } else {
            let said = "spec.envelope: \"EIP191\" is for the algorithm ES256K only; choose that, or another envelope";
            assert_eq!(refused(&manifest), [said], "{algorithm}");
        }
    }
    let mut manifest = with("envelope", json!("EIP191"));
    manifest["spec"].as_object_mut().unwrap().remove("algorithm");
    assert_eq!(refused(&manifest).len(), 1, "a keyring is made for RS256");
}

#[test]
fn a_content_type_goes_with_an_envelope_that_says_it() {
    for envelope in Envelope::ALL {
        let mut manifest = with("contentType", json!("application/vnd.in-toto+json"));
        manifest["spec"]["algorithm"] = json!("ES256K");
        manifest["spec"]["envelope"] = json!(envelope.name());
        if envelope.has_content_type() {
            let keyring = validate(&accepted(&manifest)).unwrap().keyring;
            assert_eq!(keyring.content_type.as_deref(), Some("application/vnd.in-toto+json"));
        } else {
            assert!(refused(&manifest)[0].starts_with("spec.contentType: "), "{envelope}");
        }
    }
    for (given, fits) in
        [("text/plain;charset=utf-8", true), ("JWT", false), ("https://in-toto.io/v1", false)]
    {
        let mut manifest = with("contentType", json!(given));
        accepted(&manifest);
        manifest["spec"]["envelope"] = json!("COSESign1");
        if fits {
            accepted(&manifest);
        } else {
            assert!(refused(&manifest)[0].contains("is no media type"), "{given}");
        }
    }
    let mut manifest = with("contentType", json!("JWT"));
    manifest["spec"].as_object_mut().unwrap().remove("envelope");
    assert!(refused(&manifest)[0].starts_with("spec.contentType: "));
    for text in ["", " JWT", "a b", "\"", "ä"] {
        assert!(refused(&with("contentType", json!(text)))[0].starts_with("spec.contentType: "), "{text:?}");
    }
}

#[test]
fn a_jwt_is_not_signed_without_being_encoded() {
    let typed = |envelope: Envelope, content_type: &str| {
        let mut manifest = with("contentType", json!(content_type));
        manifest["spec"]["envelope"] = json!(envelope.name());
        manifest
    };
    for content_type in [
        "JWT",
        "jwt",
        "at+jwt",
        "secevent+JWT",
        "application/jwt",
        "Application/Jwt",
        "application/dpop+jwt",
        "application/vnd.example+JWT;v=1",
    ] {
        let said = format!(
            "spec.contentType: {content_type:?} is that of a JWT, which must not be signed without being encoded \
             (RFC 7797, section 7); choose the envelope JWS, or another content type"
        );
        assert_eq!(refused(&typed(Envelope::JwsDetached, content_type)), [said]);
        accepted(&typed(Envelope::Jws, content_type));
        accepted(&typed(Envelope::Dsse, content_type));
    }
    for content_type in
        ["JWTs", "ajwt", "jwt+json", "application/json", "text/plain;a=jwt", "https://jwt.example/jwt"]
    {
        accepted(&typed(Envelope::JwsDetached, content_type));
    }
}

#[test]
fn a_lease_lasts_from_five_seconds_to_an_hour() {
    for (text, seconds) in
        [("5s", 5.0), ("5000ms", 5.0), ("1m30s", 90.0), ("0.5h", 1_800.0), ("1h", 3_600.0), ("60m", 3_600.0)]
    {
        let run = validate(&accepted(&with("leaseDuration", json!(text)))).unwrap();
        assert_eq!(run.lease_duration, Duration::from_secs_f64(seconds), "{text}");
    }
    for text in ["4s", "4999ms", "4.999s", "0s", "2h", "1h1ms", "999999999999999h"] {
        assert_eq!(
            refused(&with("leaseDuration", json!(text))),
            [format!(r#"spec.leaseDuration: "{text}" must be at least 5s and at most 1h"#)]
        );
    }
    for text in ["soon", "30", "-30s", "30 s", "1d", "30S", "10us"] {
        assert_eq!(
            refused(&with("leaseDuration", json!(text)))[0],
            format!(r#"spec.leaseDuration: "{text}" has the wrong form; give a string such as "30s""#)
        );
    }
    assert_eq!(refused(&with("leaseDuration", json!(""))).len(), 1);
}

fn named(name: Value) -> Value {
    let mut manifest = minimal();
    manifest["metadata"]["name"] = name;
    manifest
}

#[test]
fn a_name_leaves_room_for_the_names_derived_from_it() {
    accepted(&named(json!("a".repeat(names::MAX_NAME_LENGTH))));
    let problems = refused(&named(json!("a".repeat(names::MAX_NAME_LENGTH + 1))));
    assert_eq!(problems.len(), 1);
    assert!(problems[0].starts_with("metadata.name: \"aaa"), "{problems:?}");
    assert!(
        problems[0].ends_with("must have at most 52 characters, so that the names of its Job and pods fit")
    );
}

#[test]
fn a_name_is_a_dns_label() {
    for name in ["Demo", "-demo", "demo-", "de mo", "dämo", "", "demo_1", "a..b", "."] {
        let problems = refused(&named(json!(name)));
        assert!(
            problems.iter().any(|p| p.starts_with(&format!("metadata.name: \"{name}\" is not a name; "))),
            "{problems:?}"
        );
    }
    assert_eq!(
        refused(&named(json!("demo.v2"))),
        [r#"metadata.name: "demo.v2" must not contain a dot, because the names of its pods are host names"#]
    );
    assert_eq!(refused(&named(Value::Null)), ["metadata.name: missing; give the run a name, such as demo"]);
    assert_eq!(refused(&named(json!(5))), ["metadata.name: 5 is an integer, and a string is wanted"]);
    for name in ["a", "7", "demo-2", "a-b-c"] {
        accepted(&named(json!(name)));
    }
}

#[test]
fn a_namespace_is_a_dns_label_too() {
    let mut manifest = minimal();
    manifest["metadata"]["namespace"] = json!("Signing");
    assert!(refused(&manifest)[0].starts_with("metadata.namespace: \"Signing\" is not a name; "));
    manifest["metadata"]["namespace"] = json!("a".repeat(64));
    assert!(refused(&manifest)[0].starts_with("metadata.namespace: "));
}

#[test]
fn without_metadata_the_name_is_missed() {
    let mut manifest = minimal();
    manifest.as_object_mut().unwrap().remove("metadata");
    assert_eq!(refused(&manifest), ["metadata.name: missing; give the run a name, such as demo"]);
}

#[test]
fn the_constants_are_those_of_the_custom_resource() {
    type Run = chancery_api::SigningRun;
    assert_eq!(Run::group(&()), names::GROUP);
    assert_eq!(Run::version(&()), names::VERSION);
    assert_eq!(Run::api_version(&()), names::API_VERSION);
    assert_eq!(Run::kind(&()), names::KIND);
    assert_eq!(Run::plural(&()), names::PLURAL);
    assert_eq!(Run::shortnames(), ["srun"]);
}

#[test]
fn every_rule_compiles_and_is_within_the_cost_an_api_server_allows() {
    let crd = serde_json::to_value(chancery_api::SigningRun::crd()).unwrap();
    let root = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    let mut rules = 0;
    visit(root, &mut |schema| {
        let compiled = compile_schema(schema);
        assert!(!compiled.has_errors(), "{:?}", compiled.compilation_errors());
        for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
            rules += 1;
            let message = rule["message"].as_str().expect("a rule needs a message that helps");
            assert!(!message.contains('\n') && message.len() < 2_048);
            let text = rule["rule"].as_str().unwrap();
            // The analysis takes the variables of a macro for those of the rule.
            let of_macro = |message: &str| {
                ["given", "one", "other", "source"].iter().any(|name| {
                    message.contains(&format!("variable '{name}' ")) && text.contains(&format!("({name}, "))
                })
            };
            let warnings = analyze_rule(text, &compiled, ScopeContext::CrdValidation);
            let warnings: Vec<_> =
                warnings.into_iter().filter(|warning| !of_macro(&warning.message)).collect();
            assert_eq!(warnings, [], "{text}");
        }
    });
    assert!(rules >= 10, "only {rules} rules");
}

#[test]
fn the_schema_is_structural() {
    let crd = serde_json::to_value(chancery_api::SigningRun::crd()).unwrap();
    visit(&crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"], &mut |schema| {
        assert!(schema["type"].is_string(), "every node has one type: {schema}");
        for keyword in ["oneOf", "anyOf", "allOf", "not", "$ref", "definitions"] {
            assert!(schema[keyword].is_null(), "{keyword} in {schema}");
        }
        if schema["properties"].is_object() {
            assert!(schema["additionalProperties"].is_null(), "{schema}");
        }
        if let Some(format) = schema["format"].as_str() {
            assert!(["int32", "int64", "date-time"].contains(&format), "{format}");
        }
        assert!(
            schema["description"].is_string()
                || schema["properties"].is_object()
                || schema["items"].is_null(),
            "{schema}"
        );
    });
}

fn visit(schema: &Value, see: &mut impl FnMut(&Value)) {
    see(schema);
    for property in schema["properties"].as_object().into_iter().flat_map(|p| p.values()) {
        visit(property, see);
    }
    if schema["items"].is_object() {
        visit(&schema["items"], see);
    }
}
