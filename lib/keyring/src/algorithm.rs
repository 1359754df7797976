//! The signature algorithms, by their JOSE names.

use std::fmt;
use std::str::FromStr;

/// A signature algorithm, as JOSE names it
/// ([RFC 7518](https://www.rfc-editor.org/rfc/rfc7518#section-3.1),
/// [RFC 8037](https://www.rfc-editor.org/rfc/rfc8037#section-3.1), [RFC 8812](https://www.rfc-editor.org/rfc/rfc8812#section-3.2)).
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
    /// `ES384`: ECDSA on P-384 with SHA-384. A signature is 96 bytes: `r || s`.
    Es384,
    /// `ES256K`: ECDSA on secp256k1 with SHA-256 ([RFC 8812](https://www.rfc-editor.org/rfc/rfc8812#section-3.2)), the curve of
    /// Ethereum. A signature is 64 bytes: `r || s`, with the lower one of both `s`. The same payload always gives the same signature
    /// ([RFC 6979](https://www.rfc-editor.org/rfc/rfc6979)). In [`Envelope::Eip191`](crate::Envelope) the hash is Keccak-256, and a
    /// 65th byte says which of two keys it is.
    Es256k,
    /// `EdDSA`: Ed25519 ([RFC 8032](https://www.rfc-editor.org/rfc/rfc8032)) over the
    /// payload itself, not over a hash of it. A signature is 64 bytes. The same payload
    /// always gives the same signature.
    EdDsa,
    /// `ML-DSA-44` ([FIPS 204](https://doi.org/10.6028/NIST.FIPS.204)), over the payload itself, with an empty context. A signature is
    /// 2,420 bytes.
    MlDsa44,
    /// `ML-DSA-65`. A signature is 3,309 bytes.
    MlDsa65,
    /// `ML-DSA-87`. A signature is 4,627 bytes.
    MlDsa87,
}

impl Algorithm {
    /// Every algorithm, in the order in which people are shown them.
    pub const ALL: [Self; 9] = [
        Self::Rs256,
        Self::Ps256,
        Self::Es256,
        Self::Es384,
        Self::Es256k,
        Self::EdDsa,
        Self::MlDsa44,
        Self::MlDsa65,
        Self::MlDsa87,
    ];

    /// The JOSE name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es256k => "ES256K",
            Self::EdDsa => "EdDSA",
            Self::MlDsa44 => "ML-DSA-44",
            Self::MlDsa65 => "ML-DSA-65",
            Self::MlDsa87 => "ML-DSA-87",
        }
    }

    /// Whether the key is an RSA key, the only kind that comes in several sizes.
    #[must_use]
    pub const fn is_rsa(self) -> bool {
        matches!(self, Self::Rs256 | Self::Ps256)
    }

    /// Whether a signature is two numbers, r‖s.
    pub(crate) const fn is_ecdsa(self) -> bool {
        matches!(self, Self::Es256 | Self::Es384 | Self::Es256k)
    }

    /// Bytes of a public key of ML-DSA (FIPS 204, section 4, table 2); none for the others.
    pub(crate) const fn ml_dsa_public_key_len(self) -> Option<usize> {
        match self {
            Self::MlDsa44 => Some(1_312),
            Self::MlDsa65 => Some(1_952),
            Self::MlDsa87 => Some(2_592),
            Self::Rs256 | Self::Ps256 | Self::Es256 | Self::Es384 | Self::Es256k | Self::EdDsa => None,
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

/// A name that is none of an algorithm.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown algorithm {given:?}: wanted {}", wanted())]
pub struct UnknownAlgorithm {
    /// The name as it was given.
    pub given: String,
}

/// All names, for people.
fn wanted() -> String {
    let [most @ .., last] = Algorithm::ALL.map(Algorithm::name);
    format!("{} or {last}", most.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_algorithm_reads_back_from_its_jose_name() {
        let names =
            ["RS256", "PS256", "ES256", "ES384", "ES256K", "EdDSA", "ML-DSA-44", "ML-DSA-65", "ML-DSA-87"];
        for (algorithm, name) in Algorithm::ALL.into_iter().zip(names) {
            assert_eq!(algorithm.to_string(), name);
            assert_eq!(name.parse(), Ok(algorithm));
        }
    }

    #[test]
    fn a_name_in_another_case_or_of_another_algorithm_is_refused_and_quoted() {
        for name in ["", "rs256", "EDDSA", "Ed25519", "RS512", "ES256k", "none", " RS256"] {
            let error = name.parse::<Algorithm>().unwrap_err();
            assert!(error.to_string().contains(&format!("{name:?}")), "{error}");
            assert!(error.to_string().ends_with(
                "wanted RS256, PS256, ES256, ES384, ES256K, EdDSA, ML-DSA-44, ML-DSA-65 or ML-DSA-87"
            ));
        }
    }

    #[test]
    fn names_line_up_in_a_table() {
        assert_eq!(format!("{:>7}|", Algorithm::EdDsa), "  EdDSA|");
    }
}
