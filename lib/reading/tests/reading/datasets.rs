//! Files that others made, held against what other programs make of them.

use std::path::PathBuf;

use chancery_reading::Format;

use crate::{payloads, places, read_object};

#[tokio::test]
async fn rows_of_csv_are_what_python_makes_of_them() {
    for name in ["airports", "iowa-electricity"] {
        let file = |ending: &str| {
            let path: PathBuf =
                [env!("CARGO_MANIFEST_DIR"), "tests/data", &format!("{name}.{ending}")].iter().collect();
            std::fs::read(path).expect("the file")
        };
        let place = places::memory();
        place.put("a.csv", &file("csv")).await;
        let store = place.store(1_000);
        let object = store.list().await.expect("a listing").remove(0);
        let csv = Format::Csv { delimiter: ',', header: true };
        let rows = payloads(&read_object(&store, &csv, &object, u64::MAX).await);
        let wanted = file("expected.ndjson");
        let wanted: Vec<_> =
            wanted.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect();
        assert!(wanted.len() > 50);
        assert_eq!(rows, wanted, "{name}");
    }
}
