//! The queries of `queries/`, by name.

macro_rules! queries {
    ($($name:ident)*) => {
        $(#[doc = concat!("`queries/", stringify!($name), ".sql`")]
          pub(crate) const $name: &str = include_str!(concat!("../queries/", stringify!($name), ".sql"));)*

        /// Every query with its name, for a test that prepares them all against a real ledger.
        pub const ALL: &[(&str, &str)] = &[$((stringify!($name), $name)),*];
    };
}

#[expect(non_upper_case_globals, reason = "a query is named as its file is")]
mod names {
    queries! {
        audit_batches
        audit_keys
        audit_lease_acquisitions
        audit_lease_releases
        audit_records
        audit_strays
        batch_store
        deletion_lock
        export_keys
        export_leases
        export_records
        export_signatures
        holders_release
        key_insert
        keys_missing
        lease_abandon
        lease_acquire
        lease_renew
        ledger_exists
        ledger_version
        public_key
        records_fetch
        run_create
        run_find
        run_list
        run_live_holders
        run_mark_deleted
        run_mark_seeded
        run_missing_chunks
        run_partitions
        run_progress
        run_remove
        run_seed_chunk
        run_seeded_records
        run_set_mutable
        run_settle
        run_times
        server_state
        session_settings
    }
}
pub use names::ALL;
pub(crate) use names::*;
