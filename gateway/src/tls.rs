//! The certificate that the API shows, and its key, in files that may change while it is served.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};
use tokio_rustls::TlsAcceptor;

use crate::metrics::Metrics;

/// How often it is looked whether the files have changed. A kubelet brings what has changed of a Secret within two minutes.
const LOOK: Duration = Duration::from_secs(2);

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("the file {path} cannot be read: {reason}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// It is no certificate or no key, or they do not belong together.
    #[error(
        "{path} cannot be used: {reason}; wanted is PEM, as in tls.crt and tls.key of a Secret of the type kubernetes.io/tls"
    )]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// A certificate with its key, as the files had them last. Clones change together.
#[derive(Clone, Debug)]
pub struct Certificate(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    certificate: PathBuf,
    key: PathBuf,
    used: Mutex<Used>,
}

#[derive(Clone, Debug)]
struct Used {
    config: Arc<ServerConfig>,
    /// Of what was read last, whether it could be used or not.
    hash: [u8; 32],
}

impl Certificate {
    /// Reads both files.
    ///
    /// # Errors
    ///
    /// [`CertificateError`].
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, CertificateError> {
        let (chain, private) = (read(certificate)?, read(key)?);
        let config = config((certificate, &chain), (key, &private))?;
        let used = Used { config, hash: hash(&chain, &private) };
        Ok(Self(Arc::new(Shared {
            certificate: certificate.into(),
            key: key.into(),
            used: Mutex::new(used),
        })))
    }

    /// Greets connections, with the certificate as it is now.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let used = self.0.used.lock().unwrap_or_else(PoisonError::into_inner);
        TlsAcceptor::from(Arc::clone(&used.config))
    }

    /// Looks at the files again. Whether another certificate took the place of the one before; what cannot be used does not,
    /// and is told once.
    ///
    /// # Errors
    ///
    /// [`CertificateError`]: the one before stays.
    pub fn look(&self) -> Result<bool, CertificateError> {
        let Shared { certificate, key, used } = &*self.0;
        let (chain, private) = (read(certificate)?, read(key)?);
        let hash = hash(&chain, &private);
        let mut used = used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.hash == hash {
            return Ok(false);
        }
        used.hash = hash;
        used.config = config((certificate, &chain), (key, &private))?;
        Ok(true)
    }

    /// Looks at the files again and again, for ever.
    pub async fn keep(&self, metrics: &Metrics) {
        loop {
            tokio::time::sleep(LOOK).await;
            match self.look() {
                Ok(false) => {}
                Ok(true) => {
                    metrics.reloaded(true);
                    tracing::info!("connections are shown another certificate from now on");
                }
                Err(error) => {
                    metrics.reloaded(false);
                    tracing::error!(%error, "the certificate has changed, and the one before is still shown");
                }
            }
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, CertificateError> {
    fs::read(path).map_err(|reason| CertificateError::File { path: path.to_owned(), reason })
}

fn hash(chain: &[u8], private: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(u64::try_from(chain.len()).unwrap_or(u64::MAX).to_be_bytes());
    hash.update(chain);
    hash.update(private);
    hash.finalize().into()
}

fn config(
    (chain_file, chain): (&Path, &[u8]),
    (key_file, key): (&Path, &[u8]),
) -> Result<Arc<ServerConfig>, CertificateError> {
    let unusable = |path: &Path, reason: String| CertificateError::Unusable { path: path.to_owned(), reason };
    let chain: Vec<_> = CertificateDer::pem_slice_iter(chain)
        .collect::<Result<_, _>>()
        .map_err(|error| unusable(chain_file, error.to_string()))?;
    if chain.is_empty() {
        return Err(unusable(chain_file, "there is no certificate in it".to_owned()));
    }
    // What went wrong is not told by the words of whoever has read a key.
    let key = PrivateKeyDer::from_pem_slice(key)
        .map_err(|_| unusable(key_file, "there is no private key in it".to_owned()))?;
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(chain_file, error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| unusable(chain_file, error.to_string()))?;
    let mut config = config;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

#[cfg(test)]
pub(crate) mod tests;
