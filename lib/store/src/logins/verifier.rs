//! What PostgreSQL keeps of a password.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use pbkdf2::pbkdf2_hmac;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Rounds of PBKDF2, as PostgreSQL has them by default. The passwords here are of 256 random bits: more rounds would
/// only make each login slower.
const ROUNDS: u32 = 4096;

/// The verifier of a password in ASCII: `SCRAM-SHA-256$ROUNDS:SALT$STORED_KEY:SERVER_KEY`, as RFC 5803 has it and
/// `pg_authid` keeps it. It proves a password, and does not give it away.
pub(super) fn verifier(password: &str) -> String {
    with_salt(password, &rand::random())
}

/// RFC 5802, section 3.
fn with_salt(password: &str, salt: &[u8; 16]) -> String {
    let mut salted = Zeroizing::new([0; 32]);
    pbkdf2_hmac::<Sha256>(password.as_bytes(), salt, ROUNDS, salted.as_mut());
    let keyed = |text: &[u8]| {
        let mut mac = Hmac::<Sha256>::new_from_slice(salted.as_ref()).expect("HMAC takes keys of any length");
        mac.update(text);
        mac.finalize().into_bytes()
    };
    let stored_key = Sha256::digest(keyed(b"Client Key"));
    let encoded = |bytes: &[u8]| BASE64_STANDARD.encode(bytes);
    let (salt, stored_key, server_key) =
        (encoded(salt), encoded(&stored_key), encoded(&keyed(b"Server Key")));
    format!("SCRAM-SHA-256${ROUNDS}:{salt}${stored_key}:{server_key}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exchange of RFC 7677, section 3, whose salt and rounds are these; the keys were computed by PostgreSQL's own
    /// rules from its password.
    #[test]
    fn a_verifier_has_the_keys_of_the_rfcs_example() {
        let salt = BASE64_STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let verifier = with_salt("pencil", salt.as_slice().try_into().unwrap());
        let expected = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$\
                        WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
        assert_eq!(verifier, expected);
    }

    #[test]
    fn one_password_has_a_new_verifier_each_time() {
        assert_ne!(verifier("one"), verifier("one"));
    }
}
