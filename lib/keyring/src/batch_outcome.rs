//! What became of a batch.

/// How far [`SigningKey::sign_batch`](crate::SigningKey::sign_batch) came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a batch that was stopped must not be stored"]
pub enum BatchOutcome {
    /// Every payload is signed.
    Complete,
    /// The key was no longer ours.
    Stopped {
        /// How many payloads this call signed before.
        signed: usize,
    },
}
