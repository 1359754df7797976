//! Where an API is, and connections to it.

use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::Uri;
use hyper_rustls::ConfigBuilderExt as _;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

use crate::error::CliError;

/// A connection.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Where an API is.
pub(crate) struct Place {
    /// Host and port, as they were given.
    authority: String,
    way: Way,
}

enum Way {
    Unix(PathBuf),
    Tcp(String, u16),
    Tls(String, u16, ServerName<'static>, TlsConnector),
}

/// Why there is no connection.
pub(crate) enum Unreachable {
    ForNow(io::Error),
    /// Nobody who is trusted vouches for whoever answers.
    Untrusted(io::Error),
}

impl Place {
    /// Of a URL; `ca_file` has the authorities that are believed in the place of the public ones.
    pub(crate) fn of(url: &str, ca_file: Option<&Path>) -> Result<Self, CliError> {
        if let Some(path) = url.strip_prefix("unix:") {
            return Ok(Self { authority: "localhost".to_owned(), way: Way::Unix(path.into()) });
        }
        let unknown = || CliError::ApiUrl { url: url.to_owned() };
        let uri: Uri = url.parse().map_err(|_| unknown())?;
        let authority = uri.authority().ok_or_else(unknown)?;
        if authority.as_str().contains('@')
            || !matches!(uri.path_and_query().map(|path| path.as_str()), None | Some("/"))
        {
            return Err(unknown());
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = |usual| authority.port_u16().unwrap_or(usual);
        let way = match uri.scheme_str() {
            Some("http") if is_loopback(&host) => Way::Tcp(host, port(80)),
            Some("http") => return Err(CliError::ApiInClear { url: url.to_owned() }),
            Some("https") => {
                let name = ServerName::try_from(host.clone()).map_err(|_| unknown())?;
                Way::Tls(host, port(443), name, TlsConnector::from(Arc::new(believing(ca_file)?)))
            }
            _ => return Err(unknown()),
        };
        Ok(Self { authority: authority.to_string(), way })
    }

    /// As requests name it.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// Whether only this machine serves an API there.
    pub(crate) const fn is_here(&self) -> bool {
        matches!(self.way, Way::Unix(_) | Way::Tcp(..))
    }

    pub(crate) async fn connect(&self) -> Result<Box<dyn Stream>, Unreachable> {
        let tcp = async |host: &str, port| {
            let stream = TcpStream::connect((host, port)).await.map_err(Unreachable::ForNow)?;
            stream.set_nodelay(true).map_err(Unreachable::ForNow)?;
            Ok(stream)
        };
        Ok(match &self.way {
            Way::Unix(path) => Box::new(UnixStream::connect(path).await.map_err(Unreachable::ForNow)?),
            Way::Tcp(host, port) => Box::new(tcp(host, *port).await?),
            Way::Tls(host, port, name, connector) => {
                let stream = tcp(host, *port).await?;
                Box::new(connector.connect(name.clone(), stream).await.map_err(greeting)?)
            }
        })
    }
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Believes the authorities of a file and no others; without one, those that browsers do.
fn believing(ca_file: Option<&Path>) -> Result<ClientConfig, CliError> {
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| CliError::ApiUntrusted(error.to_string()))?;
    let Some(file) = ca_file else { return Ok(config.with_webpki_roots().with_no_client_auth()) };
    let bad = |reason: String| CliError::CaFile { path: file.to_owned(), reason };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(|error| bad(error.to_string()))? {
        let certificate = certificate.map_err(|error| bad(error.to_string()))?;
        roots.add(certificate).map_err(|error| bad(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(bad("there is no certificate in it".to_owned()));
    }
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

fn greeting(error: io::Error) -> Unreachable {
    let of_tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    if matches!(of_tls, Some(rustls::Error::InvalidCertificate(_))) {
        Unreachable::Untrusted(error)
    } else {
        Unreachable::ForNow(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(url: &str) -> Result<(String, bool), String> {
        Place::of(url, None)
            .map(|place| (place.authority().to_owned(), place.is_here()))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_place_is_on_this_machine_or_has_tls() {
        for (url, authority, is_here) in [
            ("http://127.0.0.1:8480", "127.0.0.1:8480", true),
            ("http://[::1]:8480/", "[::1]:8480", true),
            ("http://localhost", "localhost", true),
            ("unix:/run/api.sock", "localhost", true),
            ("https://seals.example", "seals.example", false),
            ("https://127.0.0.1:8443/", "127.0.0.1:8443", false),
            ("https://[2001:db8::1]:8443", "[2001:db8::1]:8443", false),
        ] {
            assert_eq!(place(url), Ok((authority.to_owned(), is_here)), "{url}");
        }
        for url in ["http://seals.example", "http://10.0.0.1:8480"] {
            assert!(place(url).expect_err(url).contains("without TLS"), "{url}");
        }
        for url in [
            "",
            "seals.example",
            "ftp://seals.example",
            "https://a@seals.example",
            "https://seals.example/v1",
        ] {
            assert!(place(url).expect_err(url).contains("is no place of an API"), "{url}");
        }
    }

    #[test]
    fn authorities_that_are_none_are_refused() {
        let folder = std::env::temp_dir().join(format!("chancery-place-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&folder).expect("a folder");
        let file = folder.join("ca.crt");
        let said = || Place::of("https://seals.example", Some(&file)).err().map(|error| error.to_string());
        assert!(said().is_some_and(|said| said.contains("ca.crt")));
        std::fs::write(&file, "no certificate\n").expect("written");
        assert!(said().is_some_and(|said| said.contains("there is no certificate in it")));
        std::fs::remove_dir_all(&folder).expect("removed");
    }
}
