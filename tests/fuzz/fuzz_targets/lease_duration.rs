//! Durations such as `1m30s`.

#![no_main]

use chancery_api::LeaseDuration;
use libfuzzer_sys::fuzz_target;

/// `i64::MAX` nanoseconds, which is what Go can hold, in whole seconds.
const MOST_SECONDS: u64 = 9_223_372_036;

fuzz_target!(|text: &str| {
    let duration = LeaseDuration::new(text);
    assert_eq!(duration.to_string(), text, "the text is kept as it is");
    let Ok(length) = duration.to_std() else { return };
    assert!(length.as_secs() <= MOST_SECONDS, "{length:?}");
    let written = format!("{}.{:09}s", length.as_secs(), length.subsec_nanos());
    assert_eq!(LeaseDuration::new(written).to_std(), Ok(length));
});
