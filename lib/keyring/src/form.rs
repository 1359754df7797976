//! What everything that the keys of a ring sign has in common.

use crate::{Algorithm, Envelope, UnknownAlgorithm, UnknownEnvelope};

/// Bytes of a content type at the most: the two names of a media type have 127 each (RFC 6838, section 4.2).
const MOST_CONTENT_TYPE: usize = 255;

/// Algorithm, envelope, and of what type what is in the envelope is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Form {
    algorithm: Algorithm,
    envelope: Envelope,
    content_type: Option<String>,
}

impl Form {
    /// A form that there can be.
    ///
    /// # Errors
    ///
    /// [`FormError`].
    pub fn new(
        algorithm: Algorithm,
        envelope: Envelope,
        content_type: Option<String>,
    ) -> Result<Self, FormError> {
        if envelope == Envelope::Eip191 && algorithm != Algorithm::Es256k {
            return Err(FormError::OtherAlgorithm { envelope, algorithm });
        }
        if let Some(given) = &content_type {
            if !envelope.has_content_type() {
                return Err(FormError::NoContentType { envelope });
            }
            if !is_content_type(given) {
                return Err(FormError::ContentType { given: given.clone() });
            }
            if envelope == Envelope::CoseSign1 && !is_media_type(given) {
                return Err(FormError::NoMediaType { given: given.clone() });
            }
        }
        Ok(Self { algorithm, envelope, content_type })
    }

    /// The payload itself is signed.
    #[must_use]
    pub const fn raw(algorithm: Algorithm) -> Self {
        Self { algorithm, envelope: Envelope::Raw, content_type: None }
    }

    /// Of what a ledger or a statement says of a ring.
    ///
    /// # Errors
    ///
    /// [`FormError`].
    pub fn named(algorithm: &str, envelope: &str, content_type: Option<&str>) -> Result<Self, FormError> {
        Self::new(algorithm.parse()?, envelope.parse()?, content_type.map(str::to_owned))
    }

    /// The algorithm.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The envelope.
    #[must_use]
    pub const fn envelope(&self) -> Envelope {
        self.envelope
    }

    /// Of what type what is in the envelope is, if the envelope says so.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }
}

/// A media type, its second part, a word such as `JWT`, or a URI. JSON needs no escape for it, and no envelope another length than its own.
fn is_content_type(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&^_.+-/;=:?~".contains(&byte);
    (1..=MOST_CONTENT_TYPE).contains(&text.len())
        && text.as_bytes()[0].is_ascii_alphanumeric()
        && text.bytes().all(is_inner)
}

/// Whether it has two parts, and may have parameters: all that a text may be as a content type of COSE (RFC 9052, section 3.1).
fn is_media_type(text: &str) -> bool {
    let name = text.split(';').next().unwrap_or_default();
    name.split_once('/').is_some_and(|(_, second)| !second.is_empty() && !second.contains('/'))
}

/// Why there is no such form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// The algorithm is unknown.
    #[error(transparent)]
    Algorithm(#[from] UnknownAlgorithm),
    /// The envelope is unknown.
    #[error(transparent)]
    Envelope(#[from] UnknownEnvelope),
    /// The envelope is for another algorithm.
    #[error("the envelope {envelope} is for ES256K, not for {algorithm}")]
    OtherAlgorithm {
        /// The envelope.
        envelope: Envelope,
        /// The algorithm that it was to be with.
        algorithm: Algorithm,
    },
    /// The envelope says nothing of its content.
    #[error("the envelope {envelope} has no content type")]
    NoContentType {
        /// The envelope.
        envelope: Envelope,
    },
    /// No content type.
    #[error("{given:?} is no content type: wanted one such as application/json or JWT")]
    ContentType {
        /// What was given.
        given: String,
    },
    /// A content type that the envelope cannot say.
    #[error(
        "{given:?} is no media type, and COSESign1 takes no other content type: wanted one such as application/json"
    )]
    NoMediaType {
        /// What was given.
        given: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_known_by_its_names() {
        let form = Form::named("ES256K", "EIP191", None).unwrap();
        assert_eq!((form.algorithm(), form.envelope()), (Algorithm::Es256k, Envelope::Eip191));
        let form = Form::named("EdDSA", "JWS", Some("JWT")).unwrap();
        assert_eq!(form.content_type(), Some("JWT"));
        assert_eq!(Form::named("PS256", "Raw", None), Ok(Form::raw(Algorithm::Ps256)));
        for (algorithm, envelope) in [("ES256k", "Raw"), ("ES256", "raw")] {
            assert!(Form::named(algorithm, envelope, None).is_err());
        }
    }

    #[test]
    fn a_message_of_ethereum_is_signed_by_a_key_of_ethereum_only() {
        for algorithm in Algorithm::ALL {
            let form = Form::new(algorithm, Envelope::Eip191, None);
            assert_eq!(form.is_ok(), algorithm == Algorithm::Es256k, "{algorithm}");
        }
    }

    #[test]
    fn an_envelope_that_says_nothing_of_its_content_takes_no_type() {
        for envelope in Envelope::ALL {
            let form = Form::new(Algorithm::Es256k, envelope, Some("application/json".to_owned()));
            assert_eq!(form.is_ok(), !matches!(envelope, Envelope::Raw | Envelope::Eip191), "{envelope}");
        }
    }

    #[test]
    fn a_type_that_json_would_escape_is_refused() {
        let typed = |text: &str| Form::new(Algorithm::EdDsa, Envelope::Jws, Some(text.to_owned()));
        for good in [
            "JWT",
            "at+jwt",
            "application/vnd.in-toto+json",
            "text/plain;charset=utf-8",
            "https://in-toto.io/Statement/v1",
            &"a".repeat(255),
        ] {
            assert!(typed(good).is_ok(), "{good}");
        }
        for bad in ["", " JWT", "a b", "a\"", "a\\", "/a", "a\n", "ä", &"a".repeat(256)] {
            assert_eq!(typed(bad), Err(FormError::ContentType { given: bad.to_owned() }));
        }
    }

    #[test]
    fn cose_takes_media_types_only() {
        let typed = |text: &str| Form::new(Algorithm::EdDsa, Envelope::CoseSign1, Some(text.to_owned()));
        for good in
            ["application/json", "application/vnd.in-toto+json", "text/plain;charset=utf-8", "a/b;c=/"]
        {
            assert!(typed(good).is_ok(), "{good}");
        }
        for bad in ["JWT", "https://in-toto.io/Statement/v1", "a/b/c", "a/", "a/;b=c", "a;b=c/d"] {
            assert_eq!(typed(bad), Err(FormError::NoMediaType { given: bad.to_owned() }));
        }
    }
}
