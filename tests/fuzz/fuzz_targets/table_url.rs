//! Database URLs of tables: whatever else stands in one, its password is never shown.

#![no_main]

use chancery_reading::{Table, TableSource};
use libfuzzer_sys::fuzz_target;

const PASSWORD: &str = "S3CRETpassw0rd";

fuzz_target!(|rest: &str| {
    let table = Table { query: "SELECT 1 AS id".into(), order_by: vec!["id".into()], payload: None };
    let _answered = TableSource::open(rest, &table);
    let shown = match TableSource::open(&format!("postgres://user:{PASSWORD}@{rest}"), &table) {
        Ok(source) => format!("{source:?}"),
        Err(error) => format!("{error} {error:?}"),
    };
    assert!(rest.contains(PASSWORD) || !shown.contains(PASSWORD), "{shown}");
});
