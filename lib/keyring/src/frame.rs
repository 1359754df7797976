//! The envelope of one key: all of it that is the same for each payload is made once.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::envelope::{Header, cose_sign1, dsse, eip191, jws, jws_detached};
use crate::{Envelope, Form, Jwk};

/// What goes around each payload that a key signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame(Around);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Around {
    Raw,
    Jws { protected: String },
    JwsDetached { protected: String },
    CoseSign1 { protected: Vec<u8> },
    Dsse { payload_type: String, key_id: String, is_ecdsa: bool },
    Eip191,
}

impl Frame {
    /// That of a key, by its `SubjectPublicKeyInfo` in DER. None if that is no key of the form's algorithm.
    #[must_use]
    pub fn new(form: &Form, spki_der: &[u8]) -> Option<Self> {
        let envelope = form.envelope();
        // These name no key, which takes a hash to be named.
        match envelope {
            Envelope::Raw => return Some(Self(Around::Raw)),
            Envelope::Eip191 => return Some(Self(Around::Eip191)),
            Envelope::Jws | Envelope::JwsDetached | Envelope::CoseSign1 | Envelope::Dsse => {}
        }
        let jwk = Jwk::of(form.algorithm(), spki_der)?;
        let (key_id, content_type) = (jwk.id(), form.content_type());
        let header = Header { algorithm: form.algorithm(), key_id, content_type };
        Some(Self(match envelope {
            Envelope::Raw => Around::Raw,
            Envelope::Eip191 => Around::Eip191,
            Envelope::Jws => Around::Jws { protected: jws::protected(&header) },
            Envelope::JwsDetached => Around::JwsDetached { protected: jws_detached::protected(&header) },
            Envelope::CoseSign1 => Around::CoseSign1 { protected: cose_sign1::protected(&header) },
            Envelope::Dsse => Around::Dsse {
                payload_type: content_type.unwrap_or(dsse::UNTYPED).to_owned(),
                key_id: key_id.to_owned(),
                is_ecdsa: form.algorithm().is_ecdsa(),
            },
        }))
    }

    /// Whether the payload itself is signed.
    #[must_use]
    pub const fn is_raw(&self) -> bool {
        matches!(self.0, Around::Raw)
    }

    /// What is signed of a payload: for [`Envelope::Raw`] the payload, without a copy, else what is made in `space`.
    pub fn signing_input<'a>(&self, payload: &'a [u8], space: &'a mut Vec<u8>) -> &'a [u8] {
        if self.is_raw() {
            return payload;
        }
        space.clear();
        self.append_signing_input(payload, space);
        space
    }

    /// Appends what is signed of a payload.
    pub(crate) fn append_signing_input(&self, payload: &[u8], out: &mut Vec<u8>) {
        match &self.0 {
            Around::Raw => out.extend_from_slice(payload),
            Around::Jws { protected } => jws::signing_input(protected, payload, out),
            Around::JwsDetached { protected } => jws_detached::signing_input(protected, payload, out),
            Around::CoseSign1 { protected } => cose_sign1::signing_input(protected, payload, out),
            Around::Dsse { payload_type, .. } => dsse::signing_input(payload_type, payload, out),
            Around::Eip191 => eip191::signing_input(payload, out),
        }
    }

    /// The finished envelope of a payload and its signature, as text: a `COSE_Sign1` in base64. None for [`Envelope::Raw`].
    #[must_use]
    pub fn finished(&self, payload: &[u8], signature: &[u8]) -> Option<String> {
        match &self.0 {
            Around::Raw => None,
            Around::Jws { protected } => Some(jws::finished(protected, payload, signature)),
            Around::JwsDetached { protected } => Some(jws_detached::finished(protected, signature)),
            Around::CoseSign1 { protected } => {
                Some(STANDARD.encode(cose_sign1::finished(protected, payload, signature)))
            }
            Around::Dsse { payload_type, key_id, is_ecdsa: true } => {
                Some(dsse::finished(payload_type, key_id, payload, &dsse::in_der(signature)))
            }
            Around::Dsse { payload_type, key_id, is_ecdsa: false } => {
                Some(dsse::finished(payload_type, key_id, payload, signature))
            }
            Around::Eip191 => Some(eip191::finished(signature)),
        }
    }

    /// Whether [`Frame::finished`] needs the payload.
    #[must_use]
    pub const fn holds_payload(&self) -> bool {
        matches!(self.0, Around::Jws { .. } | Around::CoseSign1 { .. } | Around::Dsse { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Algorithm;

    #[test]
    fn nothing_is_copied_of_a_payload_that_is_signed_as_it_is() {
        let (payload, mut space) = (b"payload".to_vec(), Vec::new());
        let input = Frame(Around::Raw).signing_input(&payload, &mut space);
        assert!(std::ptr::eq(input, &raw const payload[..]));
        assert_eq!(space.capacity(), 0);
    }

    #[test]
    fn a_key_of_another_algorithm_has_no_frame_that_names_it() {
        for envelope in [Envelope::Jws, Envelope::JwsDetached, Envelope::CoseSign1, Envelope::Dsse] {
            let form = Form::new(Algorithm::EdDsa, envelope, None).unwrap();
            assert_eq!(Frame::new(&form, b"short"), None);
        }
    }
}
