//! Parquet: of any bytes reading ends, with rows that are canonical JSON and with one dead letter at most.

#![no_main]

use std::sync::Once;

use chancery_fuzz::Place;
use chancery_reading::{Format, Outcome, Position, canonical_json};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // The decoder panics at some damage, which is caught; libFuzzer would end at the message.
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let said = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let file = panic.location().map_or("", |location| location.file());
            if file.contains("chancery") || file.contains("fuzz_targets") {
                said(panic);
            }
        }));
    });
    let place = Place::new("a.parquet", data, 1 << 20);
    let format = Format::Parquet {};
    for split in place.splits(&format, 1) {
        let arrivals = place.all(&format, &split);
        for (number, arrival) in arrivals.iter().enumerate() {
            match &arrival.outcome {
                Outcome::Payload(row) => {
                    let text = std::str::from_utf8(row).expect("UTF-8");
                    assert_eq!(canonical_json(text).as_deref(), Ok(&**row));
                }
                Outcome::Dead(_) => {
                    assert!(arrival.next_position != Position::END || number + 1 == arrivals.len());
                }
            }
        }
    }
});
