//! Public keys as JWKs (RFC 7517, 7518, 8037), by the thumbprint of RFC 7638.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::RsaPublicKey;
use rsa::pkcs8::DecodePublicKey as _;
use rsa::traits::PublicKeyParts as _;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A key, and what names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Jwk {
    pub(crate) id: String,
    pub(crate) jwk: Value,
}

impl Jwk {
    /// Of a SubjectPublicKeyInfo in DER; none if it is of no algorithm of that name.
    pub(crate) fn of(algorithm: &str, spki: &[u8]) -> Option<Self> {
        // Of the two curves, the point is what a SubjectPublicKeyInfo ends with.
        let mut jwk = match algorithm {
            "RS256" | "PS256" => {
                let key = RsaPublicKey::from_public_key_der(spki).ok()?;
                json!({"e": encoded(&key.e().to_bytes_be()), "kty": "RSA", "n": encoded(&key.n().to_bytes_be())})
            }
            "ES256" => {
                let (_, point) = spki.split_at_checked(spki.len().checked_sub(65)?)?;
                let (x, y) = point.strip_prefix(&[4])?.split_at(32);
                json!({"crv": "P-256", "kty": "EC", "x": encoded(x), "y": encoded(y)})
            }
            "EdDSA" => {
                let (_, point) = spki.split_at_checked(spki.len().checked_sub(32)?)?;
                json!({"crv": "Ed25519", "kty": "OKP", "x": encoded(point)})
            }
            _ => return None,
        };
        // These members and no others, in the order of their names, without white space: as `Value` writes them.
        let id = encoded(&Sha256::digest(jwk.to_string()));
        jwk["alg"] = json!(algorithm);
        jwk["use"] = json!("sig");
        jwk["kid"] = json!(id);
        Some(Self { id, jwk })
    }
}

pub(crate) fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;
    use rsa::BigUint;
    use rsa::pkcs8::EncodePublicKey as _;

    use super::*;

    #[test]
    fn an_ed25519_key_is_that_of_rfc_8037() {
        // RFC 8037, appendices A.2 and A.3.
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        let mut spki = STANDARD.decode("MCowBQYDK2VwAyEA").expect("a head");
        spki.extend(URL_SAFE_NO_PAD.decode(x).expect("a point"));
        let jwk = Jwk::of("EdDSA", &spki).expect("a key");
        assert_eq!(jwk.jwk["x"], x);
        assert_eq!(jwk.id, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn an_rsa_key_has_the_thumbprint_of_rfc_7638() {
        // RFC 7638, section 3.1.
        let modulus = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let number = |text| BigUint::from_bytes_be(&URL_SAFE_NO_PAD.decode(text).expect("a number"));
        let key = RsaPublicKey::new(number(modulus), number("AQAB")).expect("a key");
        let jwk = Jwk::of("RS256", key.to_public_key_der().expect("its form").as_bytes()).expect("a key");
        assert_eq!((&jwk.jwk["n"], &jwk.jwk["e"]), (&modulus.into(), &"AQAB".into()));
        assert_eq!(jwk.id, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    #[test]
    fn a_key_of_p_256_is_that_of_rfc_7517() {
        // RFC 7517, appendix A.1.
        let (x, y) =
            ("MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM");
        let mut spki = STANDARD.decode("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE").expect("a head");
        for coordinate in [x, y] {
            spki.extend(URL_SAFE_NO_PAD.decode(coordinate).expect("a coordinate"));
        }
        let jwk = Jwk::of("ES256", &spki).expect("a key");
        assert_eq!((&jwk.jwk["kty"], &jwk.jwk["crv"]), (&"EC".into(), &"P-256".into()));
        assert_eq!((&jwk.jwk["x"], &jwk.jwk["y"]), (&x.into(), &y.into()));
        assert_eq!(jwk.id, "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s");
    }

    #[test]
    fn what_is_no_key_is_none() {
        for algorithm in ["RS256", "ES256", "EdDSA", "none"] {
            assert_eq!(Jwk::of(algorithm, b"short"), None);
        }
        assert_eq!(Jwk::of("ES256", &[7; 91]), None, "a point that is not uncompressed");
    }
}
