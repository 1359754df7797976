//! Rows of CSV: wherever they are cut and left they are the same, and what is read can be written and read again.

#![no_main]

use chancery_fuzz::Place;
use chancery_reading::{Format, Outcome};
use libfuzzer_sys::fuzz_target;

fn quoted(fields: &[String]) -> String {
    let fields: Vec<String> =
        fields.iter().map(|field| format!("\"{}\"", field.replace('"', "\"\""))).collect();
    format!("{}\n", fields.join(","))
}

fuzz_target!(|data: &[u8]| {
    let [chunk, delimiter, text @ ..] = data else { return };
    let delimiter = char::from([b',', b';', b'\t', b' '][usize::from(*delimiter) % 4]);
    let place = Place::new("a.csv", text, usize::from(*chunk) + 1);
    let bare = place.check(&Format::Csv { delimiter, header: false }, 1);
    let named = place.check(&Format::Csv { delimiter, header: true }, 1);
    assert!(named.len() <= bare.len().max(1), "a header is a row");
    let mut rows = Vec::new();
    for arrival in &bare {
        if let Outcome::Payload(payload) = &arrival.outcome {
            rows.push(serde_json::from_slice::<Vec<String>>(payload).expect("an array of strings"));
        }
    }
    let written: String = rows.iter().map(|row| quoted(row)).collect();
    let again = Place::new("a.csv", written.as_bytes(), 1 << 20)
        .whole(&Format::Csv { delimiter: ',', header: false });
    let again: Vec<Vec<String>> = again
        .iter()
        .map(|arrival| match &arrival.outcome {
            Outcome::Payload(payload) => serde_json::from_slice(payload).expect("an array of strings"),
            Outcome::Dead(dead) => panic!("{}", dead.reason),
        })
        .collect();
    assert_eq!(again, rows);
});
