//! What is signed around a payload, so that other programs read what is signed.
//!
//! One file an envelope, each with pure functions: what is signed, from what the envelope says of the key and the payload; and the
//! finished envelope, from the payload and its signature. Only the signature is ever stored: the envelope is put together when it is
//! read, the same bytes each time.

pub(crate) mod cbor;
pub(crate) mod cose_sign1;
pub(crate) mod dsse;
pub(crate) mod eip191;
pub(crate) mod jws;
pub(crate) mod jws_detached;

use std::fmt;
use std::str::FromStr;

use crate::Algorithm;

/// An envelope. A ring has one, and all that its keys ever sign is in it: so nothing that is signed for one run is ever the signing
/// input of another.
///
/// `Display` and `FromStr` use the names of the ledger and of manifests, upper and lower case included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Envelope {
    /// None: the payload itself is signed.
    #[default]
    Raw,
    /// A JSON Web Signature in its compact form ([RFC 7515](https://www.rfc-editor.org/rfc/rfc7515#section-7.1)).
    Jws,
    /// A JWS whose payload is not encoded and not in it ([RFC 7797](https://www.rfc-editor.org/rfc/rfc7797)).
    JwsDetached,
    /// A `COSE_Sign1` ([RFC 9052](https://www.rfc-editor.org/rfc/rfc9052#section-4.2)).
    CoseSign1,
    /// A Dead Simple Signing Envelope, version 1 ([its protocol](https://github.com/secure-systems-lab/dsse/blob/master/protocol.md)).
    Dsse,
    /// A message of `personal_sign` ([ERC-191](https://eips.ethereum.org/EIPS/eip-191), version 0x45). For ES256K only.
    Eip191,
}

impl Envelope {
    /// Every envelope, in the order in which people are shown them.
    pub const ALL: [Self; 6] =
        [Self::Raw, Self::Jws, Self::JwsDetached, Self::CoseSign1, Self::Dsse, Self::Eip191];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Raw => "Raw",
            Self::Jws => "JWS",
            Self::JwsDetached => "JWSDetached",
            Self::CoseSign1 => "COSESign1",
            Self::Dsse => "DSSE",
            Self::Eip191 => "EIP191",
        }
    }

    /// Whether it says of what type its content is.
    #[must_use]
    pub const fn has_content_type(self) -> bool {
        !matches!(self, Self::Raw | Self::Eip191)
    }
}

impl fmt::Display for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Envelope {
    type Err = UnknownEnvelope;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let named = |envelope: &Self| envelope.name() == name;
        Self::ALL.into_iter().find(named).ok_or_else(|| UnknownEnvelope { given: name.to_owned() })
    }
}

/// A name that is none of an envelope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown envelope {given:?}: wanted Raw, JWS, JWSDetached, COSESign1, DSSE or EIP191")]
pub struct UnknownEnvelope {
    /// The name as it was given.
    pub given: String,
}

/// What an envelope says of the key and of its content, where it says anything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header<'a> {
    pub(crate) algorithm: Algorithm,
    /// As in the JWK set.
    pub(crate) key_id: &'a str,
    /// It has no character that JSON would escape.
    pub(crate) content_type: Option<&'a str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_envelope_reads_back_from_its_name() {
        for envelope in Envelope::ALL {
            assert_eq!(envelope.to_string().parse(), Ok(envelope));
        }
    }

    #[test]
    fn an_unknown_name_is_refused_with_those_that_there_are() {
        for name in ["", "raw", "Jws", "COSE"] {
            let said = name.parse::<Envelope>().unwrap_err().to_string();
            assert!(said.contains(&format!("{name:?}")), "{said}");
            assert!(Envelope::ALL.iter().all(|envelope| said.contains(envelope.name())), "{said}");
        }
    }
}
