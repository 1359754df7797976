//! A statement with its signature: an envelope of DSSE 1.0 (<https://github.com/secure-systems-lab/dsse>).
//!
//! What is signed are the statement's bytes themselves. So whoever verifies needs no canonical form of JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::{Digest, Statement, StatementKey, TrustedKeys};

/// What kind of payload the envelope holds.
pub const PAYLOAD_TYPE: &str = "application/vnd.chancery.statement.v1+json";

/// A statement with its signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Json", into = "Json")]
pub struct Envelope {
    /// The statement's bytes, as they were signed.
    pub body: Vec<u8>,
    /// Id of the key that signed.
    pub key_id: String,
    /// The signature.
    pub signature: Vec<u8>,
}

/// A statement whose signature was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// What it says.
    pub statement: Statement,
    /// SHA-256 of its bytes: by this the next statement names it.
    pub hash: Digest,
    /// Id of the key that signed it.
    pub key_id: String,
}

/// Why an envelope's statement is not to be believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// It was signed with a key that is not trusted.
    #[error("it is signed with the key {0}, which is not trusted")]
    NotTrusted(String),
    /// The signature is none of its key over these bytes.
    #[error("its signature is not one of the key {0}: it was altered")]
    Altered(String),
    /// The bytes are no statement that this program knows.
    #[error("it is no statement that this program knows: {0}")]
    NoStatement(String),
}

/// As DSSE writes it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Json {
    payload: String,
    payload_type: String,
    signatures: Vec<JsonSignature>,
}

#[derive(Serialize, Deserialize)]
struct JsonSignature {
    keyid: String,
    sig: String,
}

impl Envelope {
    /// Signs a statement.
    #[must_use]
    pub fn sign(statement: &Statement, key: &StatementKey) -> Self {
        // A statement has nothing that JSON could not write: no map, no number but integers.
        let body = serde_json::json!(statement).to_string().into_bytes();
        let signature = key.sign(&signed_bytes(&body));
        Self { body, key_id: key.public().id().to_string(), signature }
    }

    /// SHA-256 of the statement's bytes.
    #[must_use]
    pub fn hash(&self) -> Digest {
        Digest::of(&self.body)
    }

    /// Verifies the signature, and reads the statement.
    ///
    /// # Errors
    ///
    /// [`EnvelopeError`].
    pub fn open(&self, trusted: &TrustedKeys) -> Result<Opened, EnvelopeError> {
        let key = trusted.find(&self.key_id).ok_or_else(|| EnvelopeError::NotTrusted(self.key_id.clone()))?;
        if !key.verify(&signed_bytes(&self.body), &self.signature) {
            return Err(EnvelopeError::Altered(self.key_id.clone()));
        }
        let statement = self.statement()?;
        Ok(Opened { statement, hash: self.hash(), key_id: self.key_id.clone() })
    }

    /// What the statement says, whoever signed it.
    ///
    /// # Errors
    ///
    /// [`EnvelopeError::NoStatement`].
    pub fn statement(&self) -> Result<Statement, EnvelopeError> {
        serde_json::from_slice(&self.body).map_err(|error| EnvelopeError::NoStatement(error.to_string()))
    }
}

/// DSSE's pre-authentication encoding of a body.
fn signed_bytes(body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {PAYLOAD_TYPE} {} ", PAYLOAD_TYPE.len(), body.len()).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

impl From<Envelope> for Json {
    fn from(envelope: Envelope) -> Self {
        let Envelope { body, key_id, signature } = envelope;
        Self {
            payload: STANDARD.encode(body),
            payload_type: PAYLOAD_TYPE.to_owned(),
            signatures: vec![JsonSignature { keyid: key_id, sig: STANDARD.encode(signature) }],
        }
    }
}

impl TryFrom<Json> for Envelope {
    type Error = String;

    fn try_from(json: Json) -> Result<Self, String> {
        let Json { payload, payload_type, signatures } = json;
        if payload_type != PAYLOAD_TYPE {
            return Err(format!("its payloadType is {payload_type:?}, wanted {PAYLOAD_TYPE:?}"));
        }
        let Ok([JsonSignature { keyid, sig }]) = <[_; 1]>::try_from(signatures) else {
            return Err("a statement has one signature".to_owned());
        };
        let decode = |text: &str| STANDARD.decode(text).map_err(|_| "a field is not base64".to_owned());
        Ok(Self { body: decode(&payload)?, key_id: keyid, signature: decode(&sig)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statement::tests::sealed;

    fn signed() -> (Envelope, TrustedKeys) {
        let (key, _) = StatementKey::generate().expect("a key");
        let mut trusted = TrustedKeys::default();
        trusted.trust(&key.public().to_pem()).expect("a public key");
        (Envelope::sign(&sealed(), &key), trusted)
    }

    #[test]
    fn a_signed_statement_opens_with_its_trusted_key_after_a_way_through_json() {
        let (envelope, trusted) = signed();
        let json = serde_json::to_string(&envelope).expect("JSON");
        let read: Envelope = serde_json::from_str(&json).expect("an envelope");
        assert_eq!(read, envelope);
        let opened = read.open(&trusted).expect("it opens");
        assert_eq!(opened.statement, sealed());
        assert_eq!(opened.hash, Digest::of(&envelope.body));
    }

    #[test]
    fn what_is_signed_is_dsses_encoding() {
        // The example of DSSE's protocol.md, with our payload type.
        assert_eq!(
            signed_bytes(b"hello world"),
            b"DSSEv1 42 application/vnd.chancery.statement.v1+json 11 hello world"
        );
    }

    #[test]
    fn an_altered_statement_and_one_of_a_key_that_is_not_trusted_do_not_open() {
        let (envelope, trusted) = signed();
        let (_, others) = signed();
        assert!(
            matches!(envelope.open(&others), Err(EnvelopeError::NotTrusted(id)) if id == envelope.key_id)
        );
        for at in [0, envelope.body.len() / 2, envelope.body.len() - 1] {
            let mut altered = envelope.clone();
            altered.body[at] ^= 1;
            assert!(matches!(altered.open(&trusted), Err(EnvelopeError::Altered(_))));
        }
        let mut altered = envelope;
        altered.signature[3] ^= 1;
        assert!(matches!(altered.open(&trusted), Err(EnvelopeError::Altered(_))));
    }

    #[test]
    fn a_signed_body_that_is_no_statement_does_not_open() {
        let (key, _) = StatementKey::generate().expect("a key");
        let mut trusted = TrustedKeys::default();
        trusted.trust(&key.public().to_pem()).expect("a public key");
        let mut more = serde_json::json!(sealed());
        more["more"] = 1.into();
        for body in ["{}".to_owned(), more.to_string()] {
            let body = body.into_bytes();
            let signature = key.sign(&signed_bytes(&body));
            let envelope = Envelope { body, key_id: key.public().id().to_string(), signature };
            assert!(matches!(envelope.open(&trusted), Err(EnvelopeError::NoStatement(_))));
        }
    }

    #[test]
    fn another_payload_type_or_number_of_signatures_is_no_envelope_of_a_statement() {
        let json = serde_json::json!(signed().0);
        let mut other = json.clone();
        other["payloadType"] = "text/plain".into();
        serde_json::from_value::<Envelope>(other).expect_err("another type");
        let mut other = json;
        other["signatures"] = serde_json::json!([]);
        serde_json::from_value::<Envelope>(other).expect_err("no signature");
    }
}
