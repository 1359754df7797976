//! The HTTP API: records in, results out.
//!
//! Many requests are taken in by one call of the ledger (`lane`): while one call waits for the disk, the requests that come
//! meanwhile gather for the next. A request is answered once what it brought is on disk, so that one that was answered is
//! there, and one that was not can be sent again: by its payloads, or by the name that its client gave it, it is known.
//!
//! What can be taken at a time is bounded everywhere ([`Limits`]): connections, headers, bodies, and the bytes of all bodies
//! together. Whoever is slow, or breaks off, costs the others nothing.
//!
//! Who may use it, an [`Authority`] says: a token in a file, or the API server of a cluster.

mod accept;
mod apart;
mod authority;
mod body;
mod call;
mod cloud_event;
mod connections;
mod content;
mod fit;
mod gateway;
mod keys;
mod lane;
mod lanes;
mod letters;
mod limits;
mod listen;
mod metrics;
mod model;
mod names;
mod openapi;
mod places;
mod problem;
mod progress;
mod redrive;
mod room;
mod routes;
mod runs;
mod states;
mod tls;
mod token;
mod waits;
mod warrant;
mod watching;
mod writing;

pub use authority::{Access, Account, Authority, ReviewError, Reviewed, Reviewer, Verb};
pub use gateway::Gateway;
pub use limits::Limits;
pub use listen::{Listen, ListenError, Listener};
pub use metrics::{Metrics, Review};
pub use openapi::document as openapi_document;
pub use redrive::{Redrive, Redriving};
pub use tls::{Certificate, CertificateError};
pub use token::{Token, TokenError};
