//! What an intake does: it is given a source to list or a split to read, admits what it finds, and gives back what it
//! leaves. `migrations/functions/` says what each call keeps.

mod admission;
pub(crate) mod judgement;
mod pending;
mod replay;
mod session;
mod task;
mod watching;

pub use admission::{Admission, Admitted, DeadArrival, Payloads, Traces};
pub use judgement::Judgement;
pub use pending::{Pending, PutOff, Settled, Settlement, Taken, TakenPendings};
pub use replay::{ReplayListed, ReplayRow};
pub use session::{IntakeRun, IntakeSession};
pub use task::{Held, Reading, Refusal, Task};
pub use watching::{ObjectsChanged, SPLITS_LOOKED_AT, SourceState};
