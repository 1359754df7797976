//! How far seeding is.

/// What is in the ledger by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeedProgress {
    /// Keys of the ring, of so many.
    Keys {
        /// There already.
        done: u64,
        /// In the end.
        total: u64,
    },
    /// Records of the run, of so many.
    Records {
        /// There already.
        done: u64,
        /// In the end.
        total: u64,
    },
}
