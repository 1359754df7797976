//! Public keys as JWKs (RFC 7517, 7518, 8037, 8812, 9964), by the thumbprint of RFC 7638.

use aws_lc_rs::digest::{SHA256, digest};
use rsa::RsaPublicKey;
use rsa::pkcs8::DecodePublicKey as _;
use rsa::traits::PublicKeyParts as _;

use crate::{Algorithm, address, base64url};

/// A member of a JWK: each is a string.
pub type Member = (&'static str, String);

/// A public key, and what names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jwk {
    id: String,
    address: Option<String>,
    members: Vec<Member>,
}

impl Jwk {
    /// Of a `SubjectPublicKeyInfo` in DER; none if it is of no key of this algorithm.
    #[must_use]
    pub fn of(algorithm: Algorithm, spki_der: &[u8]) -> Option<Self> {
        let mut address = None;
        let mut members = match algorithm {
            Algorithm::Rs256 | Algorithm::Ps256 => {
                let key = RsaPublicKey::from_public_key_der(spki_der).ok()?;
                let number = |number: &rsa::BigUint| base64url::text(&number.to_bytes_be());
                vec![("e", number(key.e())), ("kty", "RSA".to_owned()), ("n", number(key.n()))]
            }
            Algorithm::Es256 => on_curve("P-256", ec_point(spki_der, 32)?),
            Algorithm::Es384 => on_curve("P-384", ec_point(spki_der, 48)?),
            Algorithm::Es256k => {
                let point = ec_point(spki_der, 32)?;
                address = Some(address::of_point(point));
                on_curve("secp256k1", point)
            }
            Algorithm::EdDsa => {
                let point = base64url::text(end(spki_der, 32)?);
                vec![("crv", "Ed25519".to_owned()), ("kty", "OKP".to_owned()), ("x", point)]
            }
            Algorithm::MlDsa44 | Algorithm::MlDsa65 | Algorithm::MlDsa87 => {
                let key = base64url::text(end(spki_der, algorithm.ml_dsa_public_key_len()?)?);
                vec![("alg", algorithm.name().to_owned()), ("kty", "AKP".to_owned()), ("pub", key)]
            }
        };
        // These members and no others, in the order of their names, without white space (RFC 7638, section 3).
        let shown: Vec<_> = members.iter().map(|(name, value)| format!(r#""{name}":"{value}""#)).collect();
        let hash = digest(&SHA256, format!("{{{}}}", shown.join(",")).as_bytes());
        let id = base64url::text(hash.as_ref());
        members.retain(|(name, _)| *name != "alg");
        members.push(("alg", algorithm.name().to_owned()));
        members.push(("use", "sig".to_owned()));
        members.push(("kid", id.clone()));
        members.extend(address.clone().map(|address| ("address", address)));
        Some(Self { id, address, members })
    }

    /// Its thumbprint, by which a JWK set and the headers of envelopes name it.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The address of an Ethereum key, in the letters of ERC-55.
    #[must_use]
    pub fn address(&self) -> Option<&str> {
        self.address.as_deref()
    }

    /// What a JWK set says of it.
    pub fn members(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.members.iter().map(|(name, value)| (*name, value.as_str()))
    }
}

/// A public key of the algorithms that have but one length is what a `SubjectPublicKeyInfo` ends with.
fn end(spki_der: &[u8], length: usize) -> Option<&[u8]> {
    // Something has to say what it is.
    let before = spki_der.len().checked_sub(length).filter(|before| *before > 0)?;
    Some(&spki_der[before..])
}

/// The coordinates of a point that is not compressed, each of so many bytes.
fn ec_point(spki_der: &[u8], coordinate: usize) -> Option<&[u8]> {
    end(spki_der, 2 * coordinate + 1)?.strip_prefix(&[4])
}

fn on_curve(name: &str, point: &[u8]) -> Vec<Member> {
    let (x, y) = point.split_at(point.len() / 2);
    vec![
        ("crv", name.to_owned()),
        ("kty", "EC".to_owned()),
        ("x", base64url::text(x)),
        ("y", base64url::text(y)),
    ]
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    use rsa::BigUint;
    use rsa::pkcs8::EncodePublicKey as _;

    use super::*;

    fn member<'a>(jwk: &'a Jwk, wanted: &str) -> &'a str {
        jwk.members().find(|(name, _)| *name == wanted).expect(wanted).1
    }

    fn spki(head: &str, rest: &[&str]) -> Vec<u8> {
        let mut spki = STANDARD.decode(head).expect("a head");
        rest.iter().for_each(|text| spki.extend(URL_SAFE_NO_PAD.decode(text).expect("a number")));
        spki
    }

    #[test]
    fn an_ed25519_key_is_that_of_rfc_8037() {
        // RFC 8037, appendices A.2 and A.3.
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        let jwk = Jwk::of(Algorithm::EdDsa, &spki("MCowBQYDK2VwAyEA", &[x])).expect("a key");
        assert_eq!(member(&jwk, "x"), x);
        assert_eq!(jwk.id(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        assert_eq!(jwk.address(), None);
    }

    #[test]
    fn an_rsa_key_has_the_thumbprint_of_rfc_7638() {
        // RFC 7638, section 3.1.
        let modulus = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let number = |text| BigUint::from_bytes_be(&URL_SAFE_NO_PAD.decode(text).expect("a number"));
        let key = RsaPublicKey::new(number(modulus), number("AQAB")).expect("a key");
        let der = key.to_public_key_der().expect("its form");
        let jwk = Jwk::of(Algorithm::Rs256, der.as_bytes()).expect("a key");
        assert_eq!((member(&jwk, "n"), member(&jwk, "e")), (modulus, "AQAB"));
        assert_eq!(jwk.id(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    #[test]
    fn a_key_of_p_256_is_that_of_rfc_7517() {
        // RFC 7517, appendix A.1.
        let (x, y) =
            ("MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM");
        let spki = spki("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE", &[x, y]);
        let jwk = Jwk::of(Algorithm::Es256, &spki).expect("a key");
        assert_eq!((member(&jwk, "kty"), member(&jwk, "crv")), ("EC", "P-256"));
        assert_eq!((member(&jwk, "x"), member(&jwk, "y")), (x, y));
        assert_eq!(jwk.id(), "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s");
    }

    #[test]
    fn a_key_of_ethereum_says_its_address() {
        // The public key of the private key 1, which is the base point.
        let (x, y) =
            ("eb5mfvncu6xVoGKVzocLBwKb_NstzijZWfKBWxb4F5g", "SDradyajxGVdpPv8DhEIqP0XtEimhVQZnEfQj_sQ1Lg");
        let spki = spki("MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAE", &[x, y]);
        let jwk = Jwk::of(Algorithm::Es256k, &spki).expect("a key");
        let address = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf";
        assert_eq!((jwk.address(), member(&jwk, "address")), (Some(address), address));
        assert_eq!((member(&jwk, "crv"), member(&jwk, "alg")), ("secp256k1", "ES256K"));
    }

    #[test]
    fn what_is_no_key_is_none() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Jwk::of(algorithm, b"short"), None, "{algorithm}");
            assert_eq!(Jwk::of(algorithm, b""), None, "{algorithm}");
        }
        assert_eq!(Jwk::of(Algorithm::Es256, &[7; 91]), None, "a point that is not uncompressed");
    }
}
