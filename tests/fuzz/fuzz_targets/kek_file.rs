//! The content of a KEK file: 32 bytes, or those in base64, and nothing else.

#![no_main]

use chancery_keyring::{Kek, KekError};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|content: &[u8]| {
    match Kek::parse(content) {
        Ok(kek) => {
            assert!(matches!(content.len(), 32 | 44..=46), "{} bytes", content.len());
            let again = Kek::parse(kek.to_base64().as_bytes()).expect("what is written can be read");
            assert_eq!(again.fingerprint(), kek.fingerprint());
        }
        // All that it tells of the content is its length.
        Err(KekError::Length { given }) => assert_eq!(given, content.len()),
        Err(KekError::Base64) => {}
    }
});
