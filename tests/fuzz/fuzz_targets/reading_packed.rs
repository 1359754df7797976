//! gzip and zstd: of any bytes reading ends, and what was compressed is what comes.

#![no_main]

use std::io::Write;

use chancery_fuzz::Place;
use chancery_reading::{Format, Outcome, Position};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let [chunk, data @ ..] = data else { return };
    let chunk = usize::from(*chunk) + 1;
    for name in ["a.gz", "a.zst"] {
        let arrivals = Place::new(name, data, chunk).check(&Format::Lines {}, 1);
        for (number, arrival) in arrivals.iter().enumerate() {
            let is_last = number + 1 == arrivals.len();
            let ends = arrival.next_position == Position::END;
            assert!(!ends || (is_last && matches!(arrival.outcome, Outcome::Dead(_))));
        }
    }
    let plain = Place::new("a.txt", data, chunk).whole(&Format::Lines {});
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(data).expect("memory");
    let gzip = gzip.finish().expect("memory");
    assert_eq!(Place::new("a.gz", &gzip, chunk).whole(&Format::Lines {}), plain);
    let zstd = zstd::encode_all(data, 1).expect("memory");
    assert_eq!(Place::new("a.zst", &zstd, chunk).whole(&Format::Lines {}), plain);
});
