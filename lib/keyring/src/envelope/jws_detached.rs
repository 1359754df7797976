//! A JWS that neither has its payload nor encodes it (RFC 7797, section 5.2; RFC 7515, appendix F).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::Header;

/// The protected header, encoded. `crit` has readers that do not know `b64` refuse it (RFC 7797, section 6).
pub(crate) fn protected(header: &Header<'_>) -> String {
    let Header { algorithm, key_id, content_type } = header;
    let typ = content_type.map_or_else(String::new, |typ| format!(r#","typ":"{typ}""#));
    URL_SAFE_NO_PAD
        .encode(format!(r#"{{"alg":"{algorithm}","b64":false,"crit":["b64"],"kid":"{key_id}"{typ}}}"#))
}

/// What is signed: the encoded header, a dot, and the payload as it is.
pub(crate) fn signing_input(protected: &str, payload: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(protected.as_bytes());
    out.push(b'.');
    out.extend_from_slice(payload);
}

/// Whoever checks it has the payload from elsewhere.
pub(crate) fn finished(protected: &str, signature: &[u8]) -> String {
    format!("{protected}..{}", URL_SAFE_NO_PAD.encode(signature))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Algorithm;

    /// RFC 7797, section 4.2.
    const PROTECTED: &str = "eyJhbGciOiJIUzI1NiIsImI2NCI6ZmFsc2UsImNyaXQiOlsiYjY0Il19";

    #[test]
    fn the_signing_input_is_that_of_rfc_7797() {
        let mut input = Vec::new();
        signing_input(PROTECTED, b"$.02", &mut input);
        assert_eq!(input, format!("{PROTECTED}.$.02").into_bytes());
        let header = Header { algorithm: Algorithm::Es256, key_id: "k", content_type: Some("at+jwt") };
        assert_eq!(
            URL_SAFE_NO_PAD.decode(protected(&header)).unwrap(),
            br#"{"alg":"ES256","b64":false,"crit":["b64"],"kid":"k","typ":"at+jwt"}"#
        );
    }

    #[test]
    fn a_finished_one_has_nothing_between_its_dots() {
        // RFC 7797, section 4.2: the signature of HS256.
        let signature = "A5dxf2s96_n5FLueVuW1Z_vh161FwXZC4YLPff6dmDY";
        let bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
        assert_eq!(finished(PROTECTED, &bytes), format!("{PROTECTED}..{signature}"));
    }
}
