//! What was read of a split, on its way into the ledger.

use super::{Judgement, Reading};

/// Arrivals that came one after the other, from a position on. All or none of them are accounted for, together with the
/// position after them.
#[derive(Clone, Debug, Default)]
pub struct Admission {
    /// Where they begin: the position that the ledger has.
    pub position: i64,
    /// From where is read on.
    pub next: i64,
    /// What the reader needs beside that, if anything.
    pub key: Option<String>,
    /// Whether nothing comes after them.
    pub done: bool,
    /// Payloads, in order, each at most 1 MiB.
    pub payloads: Payloads,
    /// Where each begins.
    pub positions: Vec<i64>,
    /// What names each, in a run that knows payloads by an expression: its value as canonical JSON. Else nothing.
    pub identities: Payloads,
    /// What does not become a record, in order.
    pub dead: Vec<DeadArrival>,
    /// What the policy of the run said of them; none in a run that has none.
    pub judgement: Option<Judgement>,
    /// In which traces they came.
    pub traces: Traces,
}

/// In which traces the arrivals of a call came: of those that did, from which of their places to which, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traces {
    pub(crate) first: Vec<i64>,
    pub(crate) last: Vec<i64>,
    pub(crate) traceparents: Vec<String>,
    /// The arrival that was noted last came in the last one of these.
    is_open: bool,
}

impl Traces {
    /// Notes the next arrival, whether or not it came in a trace.
    pub fn note(&mut self, place: i64, trace: Option<impl std::fmt::Display>) {
        let Some(trace) = trace.map(|trace| trace.to_string()) else {
            self.is_open = false;
            return;
        };
        match (self.is_open, self.traceparents.last(), self.last.last_mut()) {
            (true, Some(before), Some(last)) if *before == trace => *last = place,
            _ => {
                self.first.push(place);
                self.last.push(place);
                self.traceparents.push(trace);
            }
        }
        self.is_open = true;
    }

    fn clear(&mut self) {
        let Self { first, last, traceparents, is_open } = self;
        first.clear();
        last.clear();
        traceparents.clear();
        *is_open = false;
    }
}

/// Payloads one behind the other, in one piece of memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payloads {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Payloads {
    /// Adds one.
    pub fn push(&mut self, payload: &[u8]) {
        self.bytes.extend_from_slice(payload);
        self.ends.push(self.bytes.len());
    }

    /// How many.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The sum of their lengths.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    pub(crate) fn each(&self) -> Vec<&[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.bytes[start..*end]).collect()
    }
}

/// An arrival that does not become a record: a dead letter, or what a rule rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadArrival {
    /// Where it begins.
    pub position: i64,
    /// Which step gave it up; none of what a rule rejected.
    pub stage: Option<String>,
    /// The rule of the policy that rejected it, or that failed for it.
    pub rule: Option<String>,
    /// Why: a sentence.
    pub reason: String,
    /// As it was read, the first 1 MiB at most.
    pub raw: Vec<u8>,
}

impl DeadArrival {
    /// A dead letter of a step that knows no rules.
    #[must_use]
    pub fn at_stage(position: i64, stage: impl Into<String>, reason: String, raw: Vec<u8>) -> Self {
        Self { position, stage: Some(stage.into()), rule: None, reason, raw }
    }
}

/// What became of an admission that was taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// Became records.
    pub records: u64,
    /// Repeat a record of the ring.
    pub duplicates: u64,
    /// Are dead.
    pub dead: u64,
    /// Were rejected by a rule.
    pub rejected: u64,
    /// From where is read on.
    pub position: i64,
    /// Whether the split has been read to its end.
    pub done: bool,
    /// Whether the run has the most records that it may have: nothing more is read.
    pub full: bool,
}

impl Admission {
    /// What follows from a position on, of which nothing is known yet.
    #[must_use]
    pub fn from(position: i64) -> Self {
        Self { position, next: position, ..Self::default() }
    }

    /// What follows from where a split is to be read on.
    #[must_use]
    pub fn of(reading: &Reading) -> Self {
        Self { key: reading.key.clone(), ..Self::from(reading.position) }
    }

    /// What follows behind this one, in the memory that it has.
    pub fn begin_again(&mut self, position: i64) {
        (self.position, self.next, self.done) = (position, position, false);
        self.payloads.clear();
        self.positions.clear();
        self.identities.clear();
        self.dead.clear();
        self.traces.clear();
        if let Some(judgement) = &mut self.judgement {
            judgement.begin_again();
        }
    }

    /// Whether the ledger would learn nothing from it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.payloads.is_empty() && self.dead.is_empty() && self.waiting() == 0 && !self.done
    }

    /// How many of them wait for what others say of them.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.judgement.as_ref().map_or(0, |judgement| judgement.pending.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_of_one_trace_are_one_range_and_those_between_without_one_end_it() {
        let mut traces = Traces::default();
        for (place, trace) in [
            (0, None),
            (8, Some("a")),
            (16, Some("a")),
            (24, Some("b")),
            (32, None),
            (40, Some("b")),
            (48, Some("b")),
        ] {
            traces.note(place, trace);
        }
        let Traces { first, last, traceparents, .. } = &traces;
        assert_eq!((first.as_slice(), last.as_slice()), ([8, 24, 40].as_slice(), [16, 24, 48].as_slice()));
        assert_eq!(traceparents, &["a", "b", "b"]);
        traces.clear();
        assert_eq!(traces, Traces::default());
    }
}
