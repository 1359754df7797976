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
    /// The primary key of `signatures`: one a record.
    pub signature_key: bool,
    /// `records_fetch` makes the lease durable before anything is signed.
    pub durable_fetch: bool,
    /// A signer whose renewal failed waits for its thread before it gives the lease back.
    pub thread_awaited: bool,
    /// On a new connection a signer gives back only a lease that it has fetched under: the id of one that
    /// a crash undid may have been given to another lease since.
    pub only_fetched_given_back: bool,
    /// Only a holder whose process has ended is declared dead (assumption 5).
    pub only_dead_released: bool,
}

impl Protocol {
    /// The protocol as `docs/lease-protocol.md` has it.
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
            only_fetched_given_back: true,
            only_dead_released: true,
        }
    }
}
