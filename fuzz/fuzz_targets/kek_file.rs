//! The content of a KEK file: 32 bytes, or those in base64, and nothing else.

#![no_main]

use chancery_keyring::Kek;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|content: &[u8]| {
    match Kek::parse(content) {
        Ok(kek) => {
            assert!(matches!(content.len(), 32 | 44..=46), "{} bytes", content.len());
            let again = Kek::parse(kek.to_base64().as_bytes()).expect("what is written can be read");
            assert_eq!(again.fingerprint(), kek.fingerprint());
        }
        Err(error) => {
            let message = error.to_string();
            let quoted = str::from_utf8(content).is_ok_and(|text| text.len() > 8 && message.contains(text));
            assert!(!quoted, "the message repeats the content");
        }
    }
});
