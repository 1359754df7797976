//! The text of `TRACEPARENT`, and of what records come with.

#![no_main]

use chancery_reading::Trace;
use chancery_telemetry::TraceParent;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let trace = Trace::read(text);
    if let Some(trace) = trace {
        let written = trace.to_string();
        assert_eq!(written.len(), 55);
        assert_eq!(Trace::read(&written), Some(trace));
    }
    let Ok(parent) = text.parse::<TraceParent>() else { return };
    let written = parent.to_string();
    assert_eq!(written.len(), 55);
    assert_eq!(written.parse(), Ok(parent));
    // But for the flags, of which a parent keeps one.
    assert_eq!(trace.map(|trace| trace.to_string()[..52].to_owned()), Some(written[..52].to_owned()));
    assert!(text.len() >= written.len(), "a later version only appends");
});
