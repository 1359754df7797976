//! Database URLs: whatever else stands in one, its password is never shown.

#![no_main]

use chancery_store::LedgerUrl;
use libfuzzer_sys::fuzz_target;

const PASSWORD: &str = "S3CRETpassw0rd";

fuzz_target!(|rest: &str| {
    let _answered = rest.parse::<LedgerUrl>();
    let text = format!("postgres://user:{PASSWORD}@{rest}");
    let shown = match text.parse::<LedgerUrl>() {
        Ok(url) => {
            assert_eq!(url.expose(), text);
            let signer = url.clone().as_auditor_role().named("fuzz").in_database("other");
            format!("{url} {url:?} {signer} {signer:?}")
        }
        Err(error) => format!("{error} {error:?}"),
    };
    assert!(rest.contains(PASSWORD) || !shown.contains(PASSWORD), "{shown}");
});
