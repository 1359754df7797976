//! Why a gateway ends.

use std::io;
use std::net::SocketAddr;

use chancery_gateway::CertificateError;
use chancery_process::Exit;
use chancery_store::StoreError;

/// Why a gateway ends without having been asked to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GatewayError {
    /// The runtime cannot be started.
    #[error("the runtime cannot be started: {0}")]
    Runtime(io::Error),
    /// Signals cannot be heard.
    #[error("signals cannot be heard: {0}")]
    Signals(io::Error),
    /// The URL of the database cannot be read.
    #[error("{0}")]
    Url(StoreError),
    /// Another ledger took the place of the one before: what is known of runs is of no use any more.
    #[error("{0}; the gateway ends, and the next one begins anew")]
    OtherLedger(StoreError),
    /// The certificate cannot be used.
    #[error("{0}")]
    Certificate(CertificateError),
    /// Nothing can listen there.
    #[error("nothing can listen at {at}: {reason}")]
    Listen {
        /// Where.
        at: SocketAddr,
        /// Why.
        reason: io::Error,
    },
    /// No API server is known.
    #[error(
        "the API server, which knows tokens and rights, is not known: {0}; a gateway runs in a pod with a ServiceAccount, or has KUBECONFIG"
    )]
    NoApiServer(String),
}

impl GatewayError {
    /// What to do next.
    pub(crate) const fn exit(&self) -> Exit {
        match self {
            Self::Runtime(_) | Self::Signals(_) | Self::OtherLedger(_) => Exit::Failed,
            Self::Url(_) | Self::Certificate(_) | Self::Listen { .. } | Self::NoApiServer(_) => {
                Exit::NeverWorks
            }
        }
    }
}
