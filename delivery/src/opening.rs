//! A sink, opened as the ledger has it, with what it is asked with.

use std::sync::Arc;
use std::time::Duration;

use chancery_reading::Settings;
use chancery_sinks::{BadSink, HttpAccess, HttpSink, ObjectSink, Of, Sink, SinkDescription, TableSink};
use chancery_sources::access::{Access, AccessError, ServiceAccess, StoreAccess};
use chancery_store::delivery::DeliveryRun;
use tokio::sync::Mutex;

/// After so long, a request to a store is not repeated any more. What is sent by one has longer, and is kept meanwhile.
const REQUEST: Duration = Duration::from_secs(30);

/// What a sink is opened with.
#[derive(Debug)]
pub(crate) struct Opening {
    pub(crate) name: String,
    pub(crate) kind: SinkDescription,
    pub(crate) access: Access,
    /// Of batches that take much memory, one is made and brought to the sink at a time.
    pub(crate) large: Arc<Mutex<()>>,
}

/// Why it cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error(transparent)]
    Sink(#[from] BadSink),
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(
        "requests are to be signed, and there is neither a key nor a token; put one under the key secret or token of the Secret, or, for chancery run, into CHANCERY_WEBHOOK_SECRET"
    )]
    Unsigned,
}

impl Opening {
    /// Opens it, each time anew: credentials may have been mended since the last time. Nothing is asked of the sink yet.
    pub(crate) fn open(&self, run: &DeliveryRun) -> Result<Arc<dyn Sink>, OpenError> {
        let Self { name, kind, access, large: _ } = self;
        let of = Of { uid: run.uid, namespace: &run.namespace, run: &run.name, sink: name };
        Ok(match kind {
            SinkDescription::Objects(objects) => {
                let StoreAccess { credentials, authorities } = access.store(name, &objects.url)?;
                let settings = Settings { timeout: REQUEST, authorities, ..Settings::default() };
                Arc::new(ObjectSink::open(objects, of, &credentials, settings)?)
            }
            SinkDescription::Http(http) => {
                let ServiceAccess { secret, token, authorities } = access.service(name)?;
                if http.signed && secret.is_none() && token.is_none() {
                    return Err(OpenError::Unsigned);
                }
                Arc::new(HttpSink::open(&http.url, of, HttpAccess { secret, token, authorities })?)
            }
            SinkDescription::Table(table) => {
                let database = access.database(name, table.url.as_deref())?;
                Arc::new(TableSink::open(database, &table.table, of)?)
            }
        })
    }

    /// Whether somebody may mend that while a delivery waits: the files of a Secret change in their place.
    pub(crate) fn may_be_mended(&self, error: &OpenError) -> bool {
        self.access.is_for_others()
            && !matches!(error, OpenError::Sink(BadSink::Layout { .. } | BadSink::Table(_)))
    }
}
