//! Where the API listens: on loopback, on a Unix socket, or, with TLS, anywhere.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use nix::sys::stat::{Mode, fchmod};
use tokio::net::{TcpListener, UnixListener, UnixSocket};

/// Connections that may wait to be taken up.
const BACKLOG: u32 = 1_024;

use crate::tls::Certificate;

/// Where to listen: `127.0.0.1:8080`, `[::1]:8080`, or `unix:/path`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// At an address of this machine that others cannot reach.
    Loopback(SocketAddr),
    /// At a socket of this path.
    Unix(PathBuf),
}

/// Why nothing listens there.
#[derive(Debug, thiserror::Error)]
#[error("the API cannot listen at {at}: {reason}; name another place with --listen")]
pub struct ListenError {
    at: Listen,
    reason: io::Error,
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loopback(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return match path {
                "" => Err("a Unix socket is named unix:/path".to_owned()),
                path => Ok(Self::Unix(path.into())),
            };
        }
        let address: SocketAddr =
            text.parse().map_err(|_| "give 127.0.0.1:PORT, [::1]:PORT or unix:/path".to_owned())?;
        if !address.ip().is_loopback() {
            return Err(format!(
                "{address} can be reached from other machines, and without TLS everybody on the way could read the token; listen on 127.0.0.1, on [::1] or at unix:/path"
            ));
        }
        Ok(Self::Loopback(address))
    }
}

/// Something that listens.
#[derive(Debug)]
pub enum Listener {
    /// On loopback.
    Loopback(TcpListener, SocketAddr),
    /// On a Unix socket.
    Unix(UnixListener, PathBuf),
    /// With TLS.
    Tls(TcpListener, SocketAddr, Certificate),
}

impl Listener {
    /// Listens where others can connect to, who are shown this certificate.
    ///
    /// # Errors
    ///
    /// When nothing can listen there.
    pub async fn bind_tls(at: SocketAddr, certificate: Certificate) -> io::Result<Self> {
        let listener = TcpListener::bind(at).await?;
        let at = listener.local_addr()?;
        Ok(Self::Tls(listener, at, certificate))
    }

    /// Listens. A socket that a program left behind which is gone makes room.
    ///
    /// # Errors
    ///
    /// [`ListenError`].
    pub async fn bind(at: &Listen) -> Result<Self, ListenError> {
        let bound = match at {
            Listen::Loopback(address) => loopback(*address).await,
            Listen::Unix(path) => unix(path).await.map(|listener| Self::Unix(listener, path.clone())),
        };
        bound.map_err(|reason| ListenError { at: at.clone(), reason })
    }

    /// Where it is, as whoever uses it names it: `http://127.0.0.1:8080`, or `unix:/path`.
    #[must_use]
    pub fn url(&self) -> String {
        match self {
            Self::Loopback(_, address) => format!("http://{address}"),
            Self::Unix(_, path) => format!("unix:{}", path.display()),
            Self::Tls(_, address, _) => format!("https://{address}"),
        }
    }
}

async fn loopback(address: SocketAddr) -> io::Result<Listener> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    Ok(Listener::Loopback(listener, address))
}

async fn unix(path: &Path) -> io::Result<UnixListener> {
    // A file that is no socket refuses a connection too, and is somebody's.
    if is_socket(path)?
        && let Err(error) = tokio::net::UnixStream::connect(path).await
        && error.kind() == io::ErrorKind::ConnectionRefused
    {
        std::fs::remove_file(path)?;
    }
    let socket = UnixSocket::new_stream()?;
    // Before it has a path: nobody else could connect at any instant.
    fchmod(&socket, Mode::S_IRUSR | Mode::S_IWUSR)?;
    socket.bind(path)?;
    socket.listen(BACKLOG)
}

/// Whether there is a socket; an error if there is something else.
fn is_socket(path: &Path) -> io::Result<bool> {
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => Ok(true),
        Ok(_) => Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is something that is no socket")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_others_cannot_reach_is_a_place() {
        for good in ["127.0.0.1:0", "127.9.9.9:80", "[::1]:8080", "unix:/run/chancery.sock"] {
            assert_eq!(good.parse::<Listen>().expect(good).to_string(), good);
        }
        for (bad, wanted) in [
            ("0.0.0.0:8080", "from other machines"),
            ("10.0.0.1:80", "from other machines"),
            ("[::]:80", "from other machines"),
            ("localhost:80", "give 127.0.0.1:PORT"),
            ("unix:", "unix:/path"),
            ("", "give 127.0.0.1:PORT"),
        ] {
            let said = bad.parse::<Listen>().expect_err(bad);
            assert!(said.contains(wanted), "{bad}: {said}");
        }
    }
}
