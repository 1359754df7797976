//! What holds of any manifest.

use chancery_api::{
    Algorithm, AuditPolicy, DeletionPolicy, KeyringRef, LeaseDuration, SignerTemplate, SigningRun,
    SigningRunSpec, check_update, parse, validate,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{minimal, spec_fields, yaml};

fn specs() -> impl Strategy<Value = SigningRunSpec> {
    let keyrings = prop_oneof![
        (Just(None), (1_i32..=10_000).prop_map(Some)),
        ("[a-z]{1,20}".prop_map(Some), proptest::option::of(1_i32..=10_000)),
    ];
    let sizes = (1_i64..=1_000_000_000, 0_i32..=1_048_576, keyrings, 1_i32..=100_000, 1_i32..=1_000);
    let algorithms = prop_oneof![
        (
            prop_oneof![Just(None), Just(Some(Algorithm::Rs256)), Just(Some(Algorithm::Ps256))],
            prop_oneof![Just(None), Just(Some(2048)), Just(Some(3072)), Just(Some(4096))],
        ),
        (prop_oneof![Just(Some(Algorithm::Es256)), Just(Some(Algorithm::EdDsa))], Just(None)),
    ];
    let leases = prop_oneof![
        (5_u32..=3_600).prop_map(|seconds| format!("{seconds}s")),
        (5_000_u32..=3_600_000).prop_map(|millis| format!("{millis}ms")),
        (1_u32..=59, 0_u32..=59).prop_map(|(minutes, seconds)| format!("{minutes}m{seconds}s")),
        (5_u32..=59, 0_u32..=999).prop_map(|(seconds, millis)| format!("{seconds}.{millis:03}s")),
    ];
    let policies = (
        prop_oneof![Just(AuditPolicy::AtCompletion), Just(AuditPolicy::Never)],
        prop_oneof![Just(DeletionPolicy::Retain), Just(DeletionPolicy::Delete)],
    );
    let limits = (
        proptest::option::of(1_i64..=31_536_000),
        proptest::option::of(0_i64..=31_536_000),
        0_i32..=1_000,
        proptest::option::of(signer_templates()),
    );
    (sizes, algorithms, leases, any::<bool>(), limits, policies).prop_map(
        |(
            (record_count, record_size, (keyring, key_count), batch_size, parallelism),
            (algorithm, key_size),
            lease,
            suspend,
            (active_deadline_seconds, ttl_seconds_after_finished, backoff_limit, signer_template),
            (audit, deletion_policy),
        )| {
            SigningRunSpec {
                sources: None,
                record_count: Some(record_count),
                record_size: Some(record_size),
                idempotency: None,
                policy_ref: None,
                dead_letter: None,
                batching: None,
                sinks: None,
                notifications: None,
                keyring_ref: keyring.map(|name| KeyringRef { name }),
                key_count,
                batch_size,
                parallelism,
                algorithm,
                envelope: None,
                content_type: None,
                key_size,
                lease_duration: LeaseDuration::new(lease),
                suspend,
                active_deadline_seconds,
                ttl_seconds_after_finished,
                backoff_limit,
                signer_template,
                audit,
                deletion_policy,
            }
        },
    )
}

fn signer_templates() -> impl Strategy<Value = SignerTemplate> {
    let names = || proptest::option::of("[a-z]{1,10}".prop_map(String::from));
    let marks = || proptest::collection::btree_map("[a-z]{1,8}", "[a-z0-9]{0,8}", 0..3);
    (marks(), marks(), marks(), names(), names()).prop_map(
        |(labels, annotations, node_selector, priority_class_name, service_account_name)| SignerTemplate {
            labels,
            annotations,
            node_selector,
            priority_class_name,
            service_account_name,
            ..SignerTemplate::default()
        },
    )
}

fn runs() -> impl Strategy<Value = SigningRun> {
    ("[a-z0-9]([a-z0-9-]{0,50}[a-z0-9])?", proptest::option::of("[a-z]{1,20}"), specs()).prop_map(
        |(name, namespace, spec)| {
            let mut run = SigningRun::new(&name, spec);
            run.metadata.namespace = namespace;
            run
        },
    )
}

/// Any value that YAML can write.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".*".prop_map(Value::from),
        "[0-9]{0,3}[a-zA-Z.]{0,4}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::hash_map(".{0,8}", inner, 0..4).prop_map(|members| json!(members)),
        ]
    })
}

proptest! {
    #[test]
    fn a_valid_run_written_as_yaml_is_read_back_equal(run in runs()) {
        let text = serde_saphyr::to_string(&run).unwrap();
        let read_back = parse(&text).unwrap();
        prop_assert_eq!(&read_back, &run);
        prop_assert_eq!(check_update(&run, &read_back), Ok(()));
        let validated = validate(&run).unwrap();
        let keyring = &validated.keyring;
        prop_assert_eq!(keyring.key_size_to_make().is_some(), keyring.algorithm_to_make().is_rsa());
        prop_assert_eq!(keyring.name.as_ref(), run.spec.keyring_ref.as_ref().map(|keyring| &keyring.name));
        let count = validated.input.record_count().map(|count| i64::try_from(count).unwrap());
        prop_assert_eq!(count, run.spec.record_count);
    }

    #[test]
    fn no_text_makes_it_panic(text in ".*") {
        let _ = parse(&text);
    }

    #[test]
    fn no_slip_in_a_manifest_makes_it_panic(at in 0.0..1.0_f64, slip in ".{0,3}", cut in 0_usize..4) {
        let mut text: Vec<char> = yaml(&minimal()).chars().collect();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        let at = (text.len() as f64 * at) as usize;
        text.splice(at..(at + cut).min(text.len()), slip.chars());
        let _ = parse(&text.into_iter().collect::<String>());
    }

    #[test]
    fn no_value_of_a_field_makes_it_panic_and_a_problem_names_the_field(value in values(), at in any::<prop::sample::Index>()) {
        let fields = spec_fields();
        let (field, _) = at.get(&fields);
        let mut manifest = minimal();
        manifest["spec"][field] = value;
        if let Err(error) = parse(&yaml(&manifest)) {
            prop_assert!(error.to_string().contains(&format!("spec.{field}")), "{}", error);
        }
    }

    #[test]
    fn whatever_is_parsed_validates(value in values(), at in any::<prop::sample::Index>()) {
        let fields = spec_fields();
        let (field, _) = at.get(&fields);
        let mut manifest = minimal();
        manifest["spec"][field] = value;
        if let Ok(run) = parse(&yaml(&manifest)) {
            prop_assert!(validate(&run).is_ok());
        }
    }
}
