//! The safeguards of the protocol, each of which can be taken out.

/// Which safeguards are in place.
#[derive(Clone, Copy, Debug)]
pub struct Protocol {
    /// Choices of a ring take turns (`keyring_turn`). Without: a key is chosen from a list read
    /// before, and leased later without another look.
    pub turn: bool,
    /// The unique index `leases_one_open_per_key`.
    pub unique_index: bool,
    /// The signer's term is shorter than the lease (`FENCE` and `LAST_SIGNATURE` in `term.rs`).
    pub margin: bool,
    /// The term counts from before the request was sent. Without: from when its answer was read.
    pub counted_from_before: bool,
    /// The kernel timer (`fence.rs`). Without: only the look at the clock before each signature.
    pub fence: bool,
    /// `batch_store` stores only under a lease that is still open.
    pub lease_guard: bool,
    /// No record is in two blocks of `signature_blocks`: one signature a record.
    pub signature_key: bool,
    /// `records_fetch` makes the lease durable before anything is signed.
    pub durable_fetch: bool,
    /// A signer whose renewal failed waits for its thread before it gives the lease back.
    pub thread_awaited: bool,
    /// A lease is named by its id and its token. Without: by its id, which may have been given out again.
    pub token_checked: bool,
    /// The commit of a renewal waits for the disk.
    pub durable_renewal: bool,
    /// A lease that is not renewed any more is doubted for half its duration before it is taken back
    /// (`doubted_at`). Without: it is taken back as soon as `expires_at` has passed.
    pub doubted_first: bool,
    /// A doubt that lies in the future, since the clock was set back, is raised anew.
    pub doubted_anew: bool,
    /// A renewal sets `doubted_at` to null.
    pub renewal_clears_doubt: bool,
    /// `expires_at` is brought to a duration from now where it lies further off, since the clock was set back.
    pub rebased: bool,
    /// Only a holder whose process has ended is declared dead (assumption 5).
    pub only_dead_released: bool,
    /// `lease_acquire` reads the run in the turn. Without: it may have read the run before the run's
    /// deletion began, and take its turn after.
    pub run_read_in_turn: bool,
    /// A run is complete only when it is sealed.
    pub sealed_before_complete: bool,
    /// `batch_store` stores nothing for a run that is deleted.
    pub deleted_not_stored: bool,
    /// Deleting a run leaves its open leases as they are. Without: it removes them.
    pub deletion_leaves_leases: bool,
    /// A ring remembers what is not older than the last use of each of its keys.
    pub last_uses_remembered: bool,
    /// A ring remembers what is not older than each open lease.
    pub open_leases_remembered: bool,
    /// A ring remembers the leases of runs that are in the ledger.
    pub runs_remembered: bool,
    /// A ring forgets the oldest entries of its log, up to the first that it remembers. Without: it forgets
    /// all that need not be remembered.
    pub forgets_from_the_start: bool,
    /// A key that joins counts as used last by the ring's newest lease. Without: as never used.
    pub joins_as_just_used: bool,
    /// Whether a key is free is asked of the open leases of that key. Without: of the lease at its `last_use`,
    /// which is another key's as long as the key has never been leased.
    pub free_asked_of_key: bool,
    /// A retired key is not chosen.
    pub retired_not_chosen: bool,
}

impl Protocol {
    /// The protocol as `docs/internals/lease-protocol.md` has it.
    #[must_use]
    pub const fn present() -> Self {
        Self {
            turn: true,
            unique_index: true,
            margin: true,
            counted_from_before: true,
            fence: true,
            lease_guard: true,
            signature_key: true,
            durable_fetch: true,
            thread_awaited: true,
            token_checked: true,
            durable_renewal: true,
            doubted_first: true,
            doubted_anew: true,
            renewal_clears_doubt: true,
            rebased: true,
            only_dead_released: true,
            run_read_in_turn: true,
            sealed_before_complete: true,
            deleted_not_stored: true,
            deletion_leaves_leases: true,
            last_uses_remembered: true,
            open_leases_remembered: true,
            runs_remembered: true,
            forgets_from_the_start: true,
            joins_as_just_used: true,
            free_asked_of_key: true,
            retired_not_chosen: true,
        }
    }
}
