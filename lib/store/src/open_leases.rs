//! The leases that nobody has ended, for a person who asks why a run stands still.

use crate::connect::Ledger;
use crate::error::StoreError;
use crate::query;
use crate::row::from_row;

/// A lease that has not ended.
#[derive(Clone, Debug)]
pub struct OpenLease {
    /// The ring of its key, by the ledger's own number.
    pub keyring: i32,
    /// Keys of that ring that may be leased.
    pub keys_in_ring: i64,
    /// Its number in the ledger.
    pub lease: i64,
    /// The run it was granted for, by the ledger's own number.
    pub run_id: i32,
    /// Namespace of that run.
    pub namespace: String,
    /// That run's name. It may have been deleted since.
    pub run: String,
    /// Who has it.
    pub holder: String,
    /// The key, by its number in the ring.
    pub key: i32,
    /// The batch.
    pub batch: i64,
    /// Position in the order of all leases of the ring.
    pub use_sequence: i64,
    /// Seconds until a turn of the ring may take it back, unless its holder renews it.
    pub seconds_left: f64,
    /// Whether its holder has not renewed it in time, or the server's clock was set back since.
    pub is_silent: bool,
    /// How long it has been held.
    pub held_seconds: f64,
    /// For how long it is granted at a time.
    pub lease_seconds: f64,
    /// The most records that its batch may have; 0 if its run is gone.
    pub batch_size: i64,
}

/// No batch takes less time than this to be held for too long, whatever its size.
const SHORTEST_TOO_LONG: f64 = 60.0;

/// Fewer signatures per second than a signer makes, with keys of any size and much else on its machine.
const SLOWEST: f64 = 50.0;

impl OpenLease {
    /// Whether it is held for longer than any batch of its run takes.
    #[must_use]
    pub fn is_held_too_long(&self) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "a batch has far fewer records than that")]
        let of_batch = self.batch_size as f64 / SLOWEST;
        self.held_seconds >= SHORTEST_TOO_LONG.max(3.0 * self.lease_seconds).max(of_batch)
    }
}

from_row!(OpenLease {
    keyring,
    keys_in_ring,
    lease,
    run_id,
    namespace,
    run,
    holder,
    key,
    batch,
    use_sequence,
    seconds_left,
    is_silent,
    held_seconds,
    lease_seconds,
    batch_size
});

impl Ledger {
    /// The open leases of the rings of these runs, in the order in which each ring granted them. Of runs that share
    /// a ring one is enough; with more of them, its leases come more than once.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn open_leases(&self, runs: &[i32]) -> Result<Vec<OpenLease>, StoreError> {
        self.ask(query::leases_open, async |query, connection| {
            query.rows_as().bind(runs).fetch_all(connection).await
        })
        .await
    }
}
