//! How a connection is kept from strangers: what the URL asks for, and what it is safe to do.
//!
//! sqlx answers whatever authentication a server asks for: given the chance, it sends the password in clear text, or as
//! MD5, which is as good. And its `verify-ca` accepts a certificate of any public authority, for any name. So a login
//! goes straight to sqlx only where there is no password, where the server is known by its name (`verify-full`), or on a
//! Unix socket. All others go through a [`Guard`](super::guard::Guard).

use std::net::IpAddr;
use std::path::PathBuf;

use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::error::StoreError;

/// What a URL and the environment ask for.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// `sslmode`, if either names one.
    pub(crate) mode: Option<PgSslMode>,
    /// `sslrootcert`.
    pub(crate) authority: Option<Authority>,
    /// Whether there is a client certificate, or a key to one.
    pub(crate) client_certificate: bool,
    /// Whether there is a password, from wherever.
    pub(crate) password: bool,
    /// Where the server is.
    pub(crate) place: Place,
}

/// Where a server is, as far as others may come in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A Unix socket, which the file system guards.
    Socket,
    /// This machine.
    Loopback,
    /// Anywhere else.
    Remote,
}

/// The authorities that may vouch for a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Authority {
    /// In this file, as PEM.
    File(PathBuf),
    /// As PEM.
    Pem(String),
}

/// How to connect.
#[derive(Clone, Debug)]
pub(crate) enum Transport {
    /// sqlx does it.
    Direct(PgSslMode),
    /// Through a guard, which sees to the encryption.
    Guarded(Encryption),
}

/// How a guard speaks with the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Encryption {
    /// In the clear.
    Never,
    /// With TLS where the server has it.
    IfOffered,
    /// With TLS, whoever the server is.
    Always,
    /// With TLS, and a certificate of one of these authorities, for whatever name.
    Vouched(Authority),
}

impl Asked {
    /// Reads options that were made from `url` and from the environment, of which `ssl_mode` is `PGSSLMODE`.
    pub(crate) fn of(
        url: &str,
        options: &PgConnectOptions,
        ssl_mode: Option<&str>,
    ) -> Result<Self, StoreError> {
        let mode = if names_mode(url) {
            Some(options.get_ssl_mode())
        } else {
            // sqlx passes over one that it does not know.
            let parsed = ssl_mode.filter(|mode| !mode.is_empty()).map(str::parse).transpose();
            parsed.map_err(|error: sqlx::Error| StoreError::BadUrl(format!("PGSSLMODE: {error}")))?
        };
        // The only way to these parts. It panics on hosts and names that are none, which do not matter here.
        let shown = options.clone().host("host").username("user").to_url_lossy();
        let has = |name: &str| shown.query_pairs().any(|(key, _)| key == name);
        let authority = shown.query_pairs().find(|(key, _)| key == "sslrootcert");
        Ok(Self {
            mode,
            authority: authority.map(|(_, shown)| match shown.strip_prefix("file: ") {
                Some(file) => Authority::File(PathBuf::from(file)),
                None => Authority::Pem(shown.into_owned()),
            }),
            client_certificate: has("sslcert") || has("sslkey"),
            password: shown.password().is_some_and(|password| !password.is_empty()),
            place: Place::of(options),
        })
    }

    /// What to do about it.
    ///
    /// # Errors
    ///
    /// [`StoreError::UnsafeTransport`], if what is asked for protects nothing and does not say so.
    pub(crate) fn decide(self) -> Result<Transport, StoreError> {
        use PgSslMode::{Allow, Disable, Prefer, Require, VerifyCa, VerifyFull};
        let remote = match self.place {
            Place::Socket => return Ok(Transport::Direct(self.mode.unwrap_or(Prefer))),
            Place::Loopback => false,
            Place::Remote => true,
        };
        let encryption = match (self.mode, self.authority) {
            (None, _) if remote => return Ok(Transport::Direct(VerifyFull)),
            (Some(VerifyFull), _) => return Ok(Transport::Direct(VerifyFull)),
            // As libpq reads it: who names an authority wants it asked.
            (Some(VerifyCa | Require), Some(authority)) => Encryption::Vouched(authority),
            (Some(VerifyCa), None) => {
                return Err(refused(
                    "sslmode=verify-ca without sslrootcert accepts a certificate that anybody can get",
                ));
            }
            (Some(Require), None) => Encryption::Always,
            (Some(Prefer | Allow), _) if remote => {
                return Err(refused(
                    "sslmode=prefer and sslmode=allow let whoever answers choose to have no TLS",
                ));
            }
            (Some(Disable | Allow), _) => Encryption::Never,
            (Some(Prefer) | None, _) => Encryption::IfOffered,
        };
        let vouched = matches!(encryption, Encryption::Vouched(_));
        if !self.password && !vouched {
            return Ok(Transport::Direct(self.mode.unwrap_or(Prefer)));
        }
        if self.client_certificate {
            return Err(refused("a client certificate (sslcert, sslkey) is shown to a verified server only"));
        }
        Ok(Transport::Guarded(encryption))
    }
}

fn refused(why: &str) -> StoreError {
    StoreError::UnsafeTransport(why.to_owned())
}

impl Place {
    fn of(options: &PgConnectOptions) -> Self {
        let host = options.get_host();
        if options.get_socket().is_some() || host.starts_with('/') {
            return Self::Socket;
        }
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        let is_loopback = address.is_ok_and(|address| address.to_canonical().is_loopback());
        if is_loopback || host.eq_ignore_ascii_case("localhost") { Self::Loopback } else { Self::Remote }
    }
}

/// Whether the URL itself names a mode. A name in disguise (`ssl%6dode`) counts as none, which is the safe side.
fn names_mode(url: &str) -> bool {
    let parameters = url.split_once('?').map_or("", |(_, parameters)| parameters);
    let parameters = parameters.split('#').next().unwrap_or_default();
    parameters.split('&').any(|parameter| {
        let name = parameter.split('=').next().unwrap_or_default();
        name == "sslmode" || name == "ssl-mode"
    })
}

#[cfg(test)]
mod tests;
