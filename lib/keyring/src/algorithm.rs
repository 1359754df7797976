//! The signature algorithms, by their JOSE names.

use std::fmt;
use std::str::FromStr;

/// A signature algorithm, as JOSE names it
/// ([RFC 7518](https://www.rfc-editor.org/rfc/rfc7518#section-3.1),
/// [RFC 8037](https://www.rfc-editor.org/rfc/rfc8037#section-3.1)).
///
/// `Display` and `FromStr` use exactly those names, upper and lower case included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// `RS256`: RSASSA-PKCS1-v1_5 with SHA-256. A signature is as long as the modulus:
    /// 256, 384 or 512 bytes. The same payload always gives the same signature.
    Rs256,
    /// `PS256`: RSASSA-PSS with SHA-256, MGF1 with SHA-256 and a salt of 32 bytes. A
    /// signature is as long as the modulus: 256, 384 or 512 bytes.
    Ps256,
    /// `ES256`: ECDSA on P-256 with SHA-256. A signature is 64 bytes: `r || s`, each
    /// big-endian in 32 bytes, not the ASN.1 form of X.509.
    Es256,
    /// `EdDSA`: Ed25519 ([RFC 8032](https://www.rfc-editor.org/rfc/rfc8032)) over the
    /// payload itself, not over a hash of it. A signature is 64 bytes. The same payload
    /// always gives the same signature.
    EdDsa,
}

impl Algorithm {
    /// Every algorithm, in the order in which people are shown them.
    pub const ALL: [Self; 4] = [Self::Rs256, Self::Ps256, Self::Es256, Self::EdDsa];

    /// The JOSE name: `RS256`, `PS256`, `ES256` or `EdDSA`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// Whether the key is an RSA key, the only kind that comes in several sizes.
    #[must_use]
    pub const fn is_rsa(self) -> bool {
        match self {
            Self::Rs256 | Self::Ps256 => true,
            Self::Es256 | Self::EdDsa => false,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
            .ok_or_else(|| UnknownAlgorithm { given: name.to_owned() })
    }
}

/// A name that is none of RS256, PS256, ES256 and EdDSA.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown algorithm {given:?}: wanted RS256, PS256, ES256 or EdDSA")]
pub struct UnknownAlgorithm {
    /// The name as it was given.
    pub given: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_algorithm_reads_back_from_its_jose_name() {
        for (algorithm, name) in Algorithm::ALL.into_iter().zip(["RS256", "PS256", "ES256", "EdDSA"]) {
            assert_eq!(algorithm.to_string(), name);
            assert_eq!(name.parse(), Ok(algorithm));
        }
    }

    #[test]
    fn a_name_in_another_case_or_of_another_algorithm_is_refused_and_quoted() {
        for name in ["", "rs256", "EDDSA", "Ed25519", "RS512", "none", " RS256"] {
            let error = name.parse::<Algorithm>().unwrap_err();
            assert!(error.to_string().contains(&format!("{name:?}")), "{error}");
        }
    }

    #[test]
    fn names_line_up_in_a_table() {
        assert_eq!(format!("{:>7}|", Algorithm::EdDsa), "  EdDSA|");
    }
}
