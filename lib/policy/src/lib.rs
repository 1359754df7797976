//! Policies: what judges a payload before it becomes a record.
//!
//! Nothing here reads a file, opens a connection or looks at a clock. The same policy, payload and answers give the same
//! verdict, whenever and wherever they are judged: that is what an audit does again.
//!
//! Expressions are parsed by the crate `cel` and evaluated here, one counted step after the other, so that none can run
//! for longer than its budget: docs/decisions/0068-expressions-are-evaluated-by-the-step.md.

mod answers;
mod arrival;
mod budget;
mod compile;
mod enrich;
mod evaluate;
mod expression;
mod finding;
mod functions;
mod json;
mod judge;
pub mod kept;
mod pinned;
mod policy;
mod record_schema;
mod selector;
mod tables;
mod value;
mod verdict;

pub use answers::{Answers, Wants, WebhookAnswer};
pub use arrival::Arrival;
pub use budget::{EXPRESSION_COST, MOST_TEXT, POLICY_COST, RECORD_STEPS};
pub use finding::Finding;
pub use functions::{FUNCTIONS, FunctionRow};
pub use json::is_json;
pub use pinned::{EVALUATOR, EVALUATORS, Pinned, PinnedError, Tables};
pub use policy::Policy;
pub use selector::{Facts, NAMES, Selector, SelectorError};
pub use verdict::{Hit, HitAction, Outcome, SCHEMA, THRESHOLDS, UNMATCHED, Verdict};
