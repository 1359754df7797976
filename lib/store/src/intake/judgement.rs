//! What a policy said of arrivals, on its way into the ledger beside them.

use sqlx::Postgres;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;

use super::{DeadArrival, Payloads};

/// What the policy of a run said of the arrivals of a call. Of those that it left alone, nothing is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    /// SHA-256 of the version that judged: that of the run, or nothing is taken in.
    pub policy: Vec<u8>,
    /// From which of their places on the instants hold, in order.
    pub starts: Vec<i64>,
    /// The instants by which they were judged, in microseconds since 1970.
    pub instants: Vec<i64>,
    /// For each payload, what it was before it was enriched; empty where all are as they came.
    pub originals: Vec<Option<Vec<u8>>>,
    /// Places of the payloads that a rule flagged or alerted of, in order, with what was said of each, as JSON.
    pub marks: Vec<(i64, String)>,
    /// How many expressions failed that were to be ignored.
    pub ignored: i64,
    /// Places of what waits for what others say of it, in order.
    pub pending: Vec<i64>,
    /// Its payloads, each at most 1 MiB.
    pub pending_payloads: Payloads,
    /// What names each, in a run that knows payloads by an expression. Else nothing.
    pub pending_names: Payloads,
    /// Bytes of originals and marks.
    bytes: usize,
}

impl Judgement {
    /// By this version, of nothing yet.
    #[must_use]
    pub fn by(policy: Vec<u8>) -> Self {
        Self { policy, ..Self::default() }
    }

    /// What follows is judged by this instant.
    pub fn starts_at(&mut self, place: i64, instant: i64) {
        self.starts.push(place);
        self.instants.push(instant);
    }

    /// Notes what the last of so many payloads was before it was enriched. Of those before it, nothing need have been noted.
    pub fn enriched(&mut self, payloads: usize, original: Vec<u8>) {
        self.bytes += original.len();
        self.originals.resize(payloads.saturating_sub(1), None);
        self.originals.push(Some(original));
    }

    /// Notes what was said of a payload that passed, as JSON.
    pub fn marked(&mut self, place: i64, mark: String) {
        self.bytes += mark.len();
        self.marks.push((place, mark));
    }

    /// Notes a payload that waits, with what names it in a run that knows payloads by an expression.
    pub fn waits(&mut self, place: i64, payload: &[u8], name: Option<&[u8]>) {
        self.pending.push(place);
        self.pending_payloads.push(payload);
        if let Some(name) = name {
            self.pending_names.push(name);
        }
    }

    /// Bytes that are held because of it.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes + self.pending_payloads.bytes() + self.pending_names.bytes()
    }

    pub(super) fn begin_again(&mut self) {
        let Self {
            policy: _,
            starts,
            instants,
            originals,
            marks,
            ignored,
            pending,
            pending_payloads,
            pending_names,
            bytes,
        } = self;
        pending.clear();
        pending_payloads.clear();
        pending_names.clear();
        starts.clear();
        instants.clear();
        originals.clear();
        marks.clear();
        (*ignored, *bytes) = (0, 0);
    }
}

type Statement = Query<'static, Postgres, PgArguments>;

/// The parameters that `chancery.judgement` is made of; each is null without one.
pub(crate) fn bind(
    statement: Statement,
    judgement: Option<&Judgement>,
    payloads: usize,
    dead: &[DeadArrival],
) -> Statement {
    let rules = judgement.map(|_| dead.iter().map(|dead| dead.rule.as_deref()).collect::<Vec<_>>());
    let originals = judgement.map(|judgement| {
        let mut originals: Vec<Option<&[u8]>> = judgement.originals.iter().map(Option::as_deref).collect();
        if !originals.is_empty() {
            // Those behind the last that was enriched.
            originals.resize(payloads, None);
        }
        originals
    });
    let marked =
        judgement.map(|judgement| judgement.marks.iter().map(|(place, _)| *place).collect::<Vec<_>>());
    let marks =
        judgement.map(|judgement| judgement.marks.iter().map(|(_, mark)| mark.as_str()).collect::<Vec<_>>());
    statement
        .bind(judgement.map(|judgement| &judgement.policy[..]))
        .bind(judgement.map(|judgement| &judgement.starts[..]))
        .bind(judgement.map(|judgement| &judgement.instants[..]))
        .bind(rules)
        .bind(originals)
        .bind(marked)
        .bind(marks)
        .bind(judgement.map(|judgement| judgement.ignored))
        .bind(judgement.map(|judgement| &judgement.pending[..]))
        .bind(judgement.map(|judgement| judgement.pending_payloads.each()))
        .bind(judgement.map(|judgement| judgement.pending_names.each()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn originals_stand_beside_the_payloads_that_they_became() {
        let mut judgement = Judgement::by(vec![7; 32]);
        judgement.enriched(3, b"third".to_vec());
        judgement.enriched(5, b"fifth".to_vec());
        let of = |place: usize| judgement.originals[place].as_deref();
        assert_eq!((of(0), of(2), of(3), of(4)), (None, Some(&b"third"[..]), None, Some(&b"fifth"[..])));
        judgement.begin_again();
        assert_eq!(judgement, Judgement::by(vec![7; 32]));
    }
}
