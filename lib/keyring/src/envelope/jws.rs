//! A JWS in its compact form (RFC 7515).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::Header;
use crate::base64url;

/// The protected header, encoded.
pub(crate) fn protected(header: &Header<'_>) -> String {
    let Header { algorithm, key_id, content_type } = header;
    let typ = content_type.map_or_else(String::new, |typ| format!(r#","typ":"{typ}""#));
    URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"{algorithm}","kid":"{key_id}"{typ}}}"#))
}

/// What is signed: the header and the payload, both encoded, with a dot between them.
pub(crate) fn signing_input(protected: &str, payload: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(protected.as_bytes());
    out.push(b'.');
    base64url::append(payload, out);
}

pub(crate) fn finished(protected: &str, payload: &[u8], signature: &[u8]) -> String {
    let mut text = String::with_capacity(protected.len() + 4 * (payload.len() + signature.len()) / 3 + 8);
    text.push_str(protected);
    for part in [payload, signature] {
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(part, &mut text);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Algorithm;

    /// RFC 7515, appendix A.2.1.
    const PROTECTED: &str = "eyJhbGciOiJSUzI1NiJ9";
    const PAYLOAD: &[u8] =
        b"{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}";
    const ENCODED: &str = concat!(
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt",
        "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
    );

    #[test]
    fn the_signing_input_is_that_of_rfc_7515() {
        let mut input = Vec::new();
        signing_input(PROTECTED, PAYLOAD, &mut input);
        assert_eq!(String::from_utf8(input).unwrap(), format!("{PROTECTED}.{ENCODED}"));
    }

    #[test]
    fn a_finished_one_has_three_parts() {
        assert_eq!(finished(PROTECTED, PAYLOAD, &[0xff, 0xfe]), format!("{PROTECTED}.{ENCODED}.__4"));
        assert_eq!(finished(PROTECTED, b"", &[1]), format!("{PROTECTED}..AQ"));
    }

    #[test]
    fn the_header_says_algorithm_key_and_type() {
        let header = Header { algorithm: Algorithm::EdDsa, key_id: "k-1", content_type: None };
        let decoded = |text: String| String::from_utf8(URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap();
        assert_eq!(decoded(protected(&header)), r#"{"alg":"EdDSA","kid":"k-1"}"#);
        let typed = Header { content_type: Some("JWT"), ..header };
        assert_eq!(decoded(protected(&typed)), r#"{"alg":"EdDSA","kid":"k-1","typ":"JWT"}"#);
    }
}
