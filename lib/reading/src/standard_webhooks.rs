//! Requests signed as Standard Webhooks has it: HMAC-SHA256 of the id, the time and the body, with a key that both sides have.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// How a key begins.
const PREFIX: &str = "whsec_";

/// Keys that one receiver may have at the same time.
const MOST_KEYS: usize = 8;

/// The keys that requests to one receiver are signed by: one, and while it is replaced, the old one and the new one.
#[derive(Clone)]
pub struct WebhookKeys(Vec<Vec<u8>>);

impl std::fmt::Debug for WebhookKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WebhookKeys")
    }
}

/// What is given is no key. It is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "its key is not as Standard Webhooks has it; give whsec_ and 24 to 64 random bytes in base64, such as of `echo whsec_$(head -c 32 /dev/urandom | base64)`, and while it is replaced, both keys with a space between"
)]
pub struct BadSecret;

/// What a receiver is told of a request beside its body.
pub type WebhookHeaders = Vec<(&'static str, String)>;

impl WebhookKeys {
    /// Those of a text, with blanks or ends of lines between.
    ///
    /// # Errors
    ///
    /// [`BadSecret`], also when there is none.
    pub fn read(text: &str) -> Result<Self, BadSecret> {
        let read = |word: &str| {
            let encoded = word.strip_prefix(PREFIX).ok_or(BadSecret)?;
            let key = STANDARD.decode(encoded).map_err(|_| BadSecret)?;
            if (24..=64).contains(&key.len()) { Ok(key) } else { Err(BadSecret) }
        };
        let keys = text.split_whitespace().map(read).collect::<Result<Vec<_>, _>>()?;
        if (1..=MOST_KEYS).contains(&keys.len()) { Ok(Self(keys)) } else { Err(BadSecret) }
    }

    /// The value of the header `webhook-signature`: a signature by each key.
    #[must_use]
    pub fn sign(&self, id: &str, timestamp: u64, body: &[u8]) -> String {
        let signed = self.0.iter().map(|key| {
            // HMAC takes a key of any length.
            let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return String::new() };
            mac.update(format!("{id}.{timestamp}.").as_bytes());
            mac.update(body);
            format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
        });
        signed.collect::<Vec<_>>().join(" ")
    }
}

/// The headers of a request that is sent now: its id, by which a receiver knows it again, the time, and, with keys, its signatures.
#[must_use]
pub fn webhook_headers(id: &str, keys: Option<&WebhookKeys>, body: &[u8]) -> WebhookHeaders {
    let timestamp = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let mut headers = vec![("webhook-id", id.to_owned()), ("webhook-timestamp", timestamp.to_string())];
    headers.extend(keys.map(|keys| ("webhook-signature", keys.sign(id, timestamp, body))));
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const SIGNED: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    /// The example of the specification.
    #[test]
    fn a_message_has_the_signature_that_the_specification_gives() {
        let keys = WebhookKeys::read(KEY).expect("a key");
        assert_eq!(keys.sign(ID, 1_614_265_330, br#"{"test": 2432232314}"#), SIGNED);
    }

    #[test]
    fn while_a_key_is_replaced_a_message_has_a_signature_by_each() {
        let other = format!("whsec_{}", STANDARD.encode([7; 32]));
        let keys = WebhookKeys::read(&format!("{other}\n{KEY}\n")).expect("keys");
        let signed = keys.sign(ID, 1_614_265_330, br#"{"test": 2432232314}"#);
        let (first, second) = signed.split_once(' ').expect("two signatures");
        assert_eq!(second, SIGNED);
        assert!(first.starts_with("v1,") && first != second);
        assert!(WebhookKeys::read(&[KEY; MOST_KEYS + 1].join(" ")).is_err());
    }

    #[test]
    fn a_request_says_its_id_and_its_time_and_is_signed_where_there_is_a_key() {
        let names = |headers: &WebhookHeaders| headers.iter().map(|(name, _)| *name).collect::<Vec<_>>();
        let unsigned = webhook_headers(ID, None, b"x");
        assert_eq!(names(&unsigned), ["webhook-id", "webhook-timestamp"]);
        let keys = WebhookKeys::read(KEY).expect("a key");
        let signed = webhook_headers(ID, Some(&keys), b"x");
        assert_eq!(names(&signed), ["webhook-id", "webhook-timestamp", "webhook-signature"]);
        let timestamp = signed[1].1.parse().expect("a number");
        assert_eq!((signed[0].1.as_str(), signed[2].1.clone()), (ID, keys.sign(ID, timestamp, b"x")));
    }

    #[test]
    fn what_is_no_key_is_refused_and_not_repeated() {
        for text in
            ["", "secret", "whsec_", "whsec_c2hvcnQ=", "whsec_%%%", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
        {
            let said = WebhookKeys::read(text).expect_err(text);
            assert!(text.is_empty() || text == "whsec_" || !said.to_string().contains(text), "{said}");
        }
    }
}
