//! The login of a URL, for whoever makes it.

use std::borrow::Cow;

use url::Url;

use super::LedgerUrl;
use crate::error::StoreError;

impl LedgerUrl {
    /// Who logs in.
    pub(crate) fn login(&self) -> &str {
        self.options.get_username()
    }

    /// The password that is in the URL, for a login that is made with it.
    pub(crate) fn password(&self) -> Result<Option<String>, StoreError> {
        let url = Url::parse(&self.text).map_err(|error| StoreError::BadUrl(error.to_string()))?;
        let in_query = url.query_pairs().find(|(name, _)| name == "password").map(|(_, value)| value);
        let password = match (in_query, url.password()) {
            (Some(password), _) => Some(password.into_owned()),
            (None, Some(password)) => {
                let decoded = percent_encoding::percent_decode_str(password).decode_utf8();
                decoded.map(Cow::into_owned).map(Some).map_err(|_| bad_password())?
            }
            (None, None) => None,
        };
        // Others would have to be prepared as RFC 4013 says before they are hashed.
        match password {
            Some(password) if !password.is_ascii() => Err(bad_password()),
            password => Ok(password),
        }
    }
}

fn bad_password() -> StoreError {
    StoreError::BadUrl("the password of a login that is made here has to be ASCII".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_found_wherever_the_url_has_it() {
        for (url, password) in [
            ("postgres://operator:se%3Fcret@db.example/chancery", Some("se?cret")),
            ("postgres://operator@db.example/chancery?password=se%3Fcret", Some("se?cret")),
            ("postgres://operator@db.example/chancery", None),
        ] {
            let found = url.parse::<LedgerUrl>().unwrap().password().unwrap();
            assert_eq!(found.as_deref(), password, "{url}");
        }
        let other = "postgres://operator:%C3%A4@db.example/chancery".parse::<LedgerUrl>().unwrap();
        assert!(matches!(other.password(), Err(StoreError::BadUrl(_))));
    }
}
