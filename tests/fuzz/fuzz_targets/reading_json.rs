//! JSON and CloudEvents: what another reader takes is taken, as it was given; canonical forms are their own.

#![no_main]

use chancery_fuzz::{Place, bytes};
use chancery_reading::{EventMode, Format, Outcome, canonical_json};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    // One line, and not blank.
    if data.contains(&b'\n') || data.starts_with(b"\xef\xbb\xbf") || data.trim_ascii().is_empty() {
        return;
    }
    let parsed = serde_json::from_slice::<Value>(data);
    let place = Place::new("a.json", data, 1 << 20);

    for arrival in place.whole(&Format::Ndjson {}) {
        assert_eq!(bytes(&arrival), data, "kept as it was given");
        // The other reader has bounds of its own.
        let is_payload = matches!(arrival.outcome, Outcome::Payload(_));
        assert!(is_payload || parsed.is_err(), "{arrival:?}");
    }
    for arrival in place.whole(&Format::CloudEvents { mode: EventMode::Single }) {
        let Some(identity) = arrival.identity else { continue };
        assert!(matches!(arrival.outcome, Outcome::Payload(_)));
        let Ok(event) = &parsed else { continue };
        assert_eq!(event["specversion"], "1.0");
        assert_eq!(
            (event["source"].as_str(), event["id"].as_str()),
            (Some(&*identity.source), Some(&*identity.id))
        );
    }

    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(canonical) = canonical_json(text) else { return };
    let canonical = String::from_utf8(canonical).expect("UTF-8");
    assert_eq!(canonical_json(&canonical).as_deref(), Ok(canonical.as_bytes()));
    serde_json::from_str::<Value>(&canonical).expect("every reader takes it");
});
