//! The URL with which the login of a run reaches a ledger.

use url::Url;

use super::LedgerUrl;
use crate::error::StoreError;
use crate::logins::RunLogin;

/// Parameters of a URL that say who logs in, as sqlx knows them. The certificate of the owner is the owner's.
const OF_THE_LOGIN: [&str; 6] = ["user", "password", "sslcert", "ssl-cert", "sslkey", "ssl-key"];

impl LedgerUrl {
    /// The same place, for a login of a run: the URL with its user and password, in the place of those that are in it.
    /// For the environment of a signer, and for nothing else.
    ///
    /// # Errors
    ///
    /// [`StoreError::BadUrl`] when the URL cannot carry another login.
    pub fn for_login(&self, login: &RunLogin) -> Result<String, StoreError> {
        let mut url = self.stripped()?;
        // A URL without a host, such as that of a socket, has no place for a user before it.
        let has_host = url.host_str().is_some_and(|host| !host.is_empty());
        if has_host
            && url.set_username(login.name()).and_then(|()| url.set_password(Some(login.password()))).is_ok()
        {
            return Ok(url.into());
        }
        url.query_pairs_mut().append_pair("user", login.name()).append_pair("password", login.password());
        Ok(url.into())
    }

    /// The same place, without anything that says who logs in: what is left when the login changes.
    ///
    /// # Errors
    ///
    /// [`StoreError::BadUrl`], as for [`LedgerUrl::for_login`].
    pub fn without_login(&self) -> Result<String, StoreError> {
        self.stripped().map(Into::into)
    }

    /// The same, with this parameter if it has none of its name.
    ///
    /// # Errors
    ///
    /// [`StoreError::BadUrl`], as for [`LedgerUrl::for_login`].
    pub fn without_login_but(&self, parameter: Option<(&str, &str)>) -> Result<String, StoreError> {
        let mut url = self.stripped()?;
        if let Some((name, value)) = parameter
            && !url.query_pairs().any(|(given, _)| given == name)
        {
            url.query_pairs_mut().append_pair(name, value);
        }
        Ok(url.into())
    }

    fn stripped(&self) -> Result<Url, StoreError> {
        let mut url = Url::parse(&self.text).map_err(|error| StoreError::BadUrl(error.to_string()))?;
        let kept: Vec<(String, String)> = url
            .query_pairs()
            .filter(|(name, _)| !OF_THE_LOGIN.contains(&name.as_ref()))
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        url.set_query(None);
        if !kept.is_empty() {
            url.query_pairs_mut().extend_pairs(kept);
        }
        if url.host_str().is_some_and(|host| !host.is_empty())
            && url.set_username("").and_then(|()| url.set_password(None)).is_err()
        {
            return Err(StoreError::BadUrl("it cannot carry another login".to_owned()));
        }
        Ok(url)
    }
}

#[cfg(test)]
mod tests {
    use sqlx::types::Uuid;

    use super::*;
    use crate::logins::Work;

    fn with_login(url: &str) -> (String, RunLogin) {
        let login = RunLogin::random(Uuid::nil(), 7, Work::Sign);
        (url.parse::<LedgerUrl>().unwrap().for_login(&login).unwrap(), login)
    }

    #[test]
    fn the_login_takes_the_place_of_the_owner_wherever_the_url_names_it() {
        for url in [
            "postgres://chancery:secret@db.example:5432/chancery?sslrootcert=/etc/ca.crt",
            "postgres://db.example/chancery?user=chancery&password=secret&sslmode=verify-full",
            "postgres://chancery:secret@db.example/chancery?sslcert=/owner.crt&sslkey=/owner.key",
            "postgresql:///chancery?host=%2Frun%2Fa%20b&port=5433&user=chancery&password=secret&sslmode=disable",
            "postgres://chancery:secret@%2Frun%2Fpostgresql/chancery",
        ] {
            let (text, login) = with_login(url);
            assert!(!text.contains("secret") && !text.contains("owner"), "{text}");
            let place = url.parse::<LedgerUrl>().unwrap().without_login().unwrap();
            assert!(
                !place.contains("secret") && !place.contains("owner") && !place.contains("user"),
                "{place}"
            );
            let (before, after) = (url.parse::<LedgerUrl>().unwrap(), text.parse::<LedgerUrl>().unwrap());
            assert_eq!(after.options.get_username(), login.name());
            assert!(text.contains(login.password()));
            assert_eq!(after.options.get_host(), before.options.get_host());
            assert_eq!(after.options.get_socket(), before.options.get_socket());
            assert_eq!(after.options.get_port(), before.options.get_port());
            assert_eq!(after.options.get_database(), before.options.get_database());
            assert_eq!(text.contains("sslrootcert=%2Fetc%2Fca.crt"), url.contains("sslrootcert"));
        }
    }

    #[test]
    fn a_parameter_is_added_unless_the_url_has_it() {
        let but = |url: &str| {
            let url: LedgerUrl = url.parse().unwrap();
            url.without_login_but(Some(("sslrootcert", "/its/ca.crt"))).unwrap()
        };
        assert_eq!(
            but("postgres://u:secret@db.example/chancery?sslmode=verify-full"),
            "postgres://db.example/chancery?sslmode=verify-full&sslrootcert=%2Fits%2Fca.crt"
        );
        let given = but("postgres://u@db.example/chancery?sslrootcert=/own.crt");
        assert_eq!(given, "postgres://db.example/chancery?sslrootcert=%2Fown.crt");
    }
}
