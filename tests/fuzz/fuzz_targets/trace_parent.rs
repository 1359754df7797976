//! The text of `TRACEPARENT`.

#![no_main]

use chancery_telemetry::TraceParent;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(parent) = text.parse::<TraceParent>() else { return };
    let written = parent.to_string();
    assert_eq!(written.len(), 55);
    assert_eq!(written.parse(), Ok(parent));
    assert!(text.len() >= written.len(), "a later version only appends");
});
