//! The transitions. `docs/internals/model.md` maps each to the query or function it stands for.

use crate::expiry::By;

/// One step of the whole. Signers are numbered from 0; `late` counts halves of a lease's
/// duration between a signer's request and the database's carrying it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Half the duration of a lease passes, on all clocks.
    Tick,
    /// This signer's clock runs more slowly than the database's, from before it asked for its lease until it
    /// asks for more of it.
    SlowClock(u8),
    /// The clock of the database is set forward.
    SetForward(By),
    /// The clock of the database is set back.
    SetBack {
        /// How far.
        by: By,
        /// Whether this makes good that the clock was set forward by far.
        undone: bool,
    },
    /// The database carries out a signer's `lease_acquire`; its answer is on the way.
    Acquire {
        /// The signer that asks.
        signer: u8,
        /// Ticks since it asked.
        late: u8,
    },
    /// The same, but its answer never arrives. Any signer of this run asked.
    AcquireUnanswered(u8),
    /// Only where the run is not read in the turn: the database carries out a signer's `lease_acquire`, which
    /// had read the run before its deletion began.
    AcquireReadBefore(u8),
    /// Only without turns: a key is chosen, to be leased later.
    Choose(u8),
    /// Only without turns: the chosen key is leased.
    LeaseChosen(u8),
    /// The answer to an acquire has arrived, and `records_fetch` has been carried out and answered.
    Fetch(u8),
    /// The connection breaks before the answer to `records_fetch` has come.
    FetchUnanswered(u8),
    /// The signer looks at its term, puts up the fence and begins to sign.
    BeginSigning(u8),
    /// One part is signed; the next is fetched.
    NextPart(u8),
    /// The last signature is finished; the fence comes down.
    FinishSigning(u8),
    /// `lease_renew` is carried out and answered.
    Renew {
        /// The signer that asks.
        signer: u8,
        /// Ticks since it asked.
        late: u8,
    },
    /// `lease_renew` is carried out, but its answer never arrives: the signer signs on and will renew again.
    RenewUnanswered(u8),
    /// The signer stops before its batch is finished: the term is over, it was asked to stop, or its
    /// session is gone.
    Stop(u8),
    /// `lease_abandon`, by the signer.
    GiveBack(u8),
    /// The same, but its answer never arrives.
    GiveBackUnanswered(u8),
    /// The signer does not give back: the database is away again, or refused something because the run is
    /// deleted.
    LeaveOpen(u8),
    /// `batch_store` is carried out and answered.
    Store(u8),
    /// `batch_store` is carried out, but its answer never arrives: the signer will store again.
    StoreUnanswered(u8),
    /// Only where no one waits for the thread: it has finished its signature.
    ThreadEnds(u8),
    /// The signer's process ends, and another begins.
    Crash(u8),
    /// The same, while its last statement is still on the way to the database.
    CrashWithStatementUnderWay(u8),
    /// `holders_release` of the holder of the lease in this row.
    ReleaseDead(u8),
    /// The database's WAL writer has flushed what was committed asynchronously.
    Flush,
    /// The database crashes, and is there again.
    Restart {
        /// Whether signers had read the answers to their acquires, and so know which lease is theirs.
        answers_read: bool,
    },
    /// A copy of the ledger is made.
    BackUp,
    /// The ledger goes back to an earlier state, while signers live.
    Restore {
        /// To its copy. Otherwise to its beginning.
        backup: bool,
    },
    /// The owner closes the next batch of a run.
    CloseBatch(u8),
    /// The owner seals a run: it has the batches that are closed, and no others.
    Seal(u8),
    /// The owner takes the next step of the deletion of a run: marks it, drops what belongs to it alone, or
    /// removes its row in a turn of the ring.
    Delete(u8),
    /// A key joins the ring, in a turn.
    Join,
    /// A key leaves the ring, in a turn.
    Retire(u8),
}
