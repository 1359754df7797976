//! Manifests: whatever the text, the reader answers; what it takes is within its bounds, and reads back.

#![no_main]

use chancery_api::{check_update, parse, validate};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(run) = parse(text) else { return };
    let valid = validate(&run).expect("what the reader took is valid");
    if let chancery_api::RunInput::Generated { record_count, record_size } = valid.input {
        assert!((1..=1_000_000_000).contains(&record_count));
        assert!(record_size <= 1_048_576);
    }
    assert!((1..=10_000).contains(&valid.key_count));
    assert!((1..=100_000).contains(&valid.batch_size));
    assert!((1..=1_000).contains(&valid.parallelism));
    assert!((5..=3_600).contains(&valid.lease_duration.as_secs()));
    assert_eq!(valid.key_size.is_some(), valid.algorithm.is_rsa());
    assert!(!valid.name.is_empty() && valid.name.len() <= 52);
    check_update(&run, &run).expect("a run may stay as it is");

    // JSON is YAML.
    let written = serde_json::to_string(&run).expect("plain JSON");
    let again = parse(&written).expect("what is written can be read");
    assert_eq!(serde_json::to_value(&again).ok(), serde_json::to_value(&run).ok());
});
