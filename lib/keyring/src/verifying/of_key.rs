//! Multiples of a public key: kept, or made for as many signatures as pay for them.

use std::sync::OnceLock;

use super::multiples::{Multiples, Point};

/// Signatures of one key, side by side, from which on it pays to make its multiples for them alone: that takes as long as
/// verifying some ten.
const ENOUGH: usize = 32;

#[derive(Clone)]
pub(super) struct OfKey<P: Point, const BITS: usize> {
    point: P,
    /// If they are to be kept.
    kept: Option<OnceLock<Multiples<P, BITS>>>,
}

impl<P: Point, const BITS: usize> OfKey<P, BITS> {
    pub(super) const fn new(point: P) -> Self {
        Self { point, kept: None }
    }

    pub(super) fn for_many(self) -> Self {
        Self { kept: Some(OnceLock::new()), ..self }
    }

    /// What is done with the multiples, of which there are none for a few signatures if they are not kept.
    pub(super) fn with<T>(
        &self,
        signatures: usize,
        done: impl FnOnce(Option<&Multiples<P, BITS>>) -> T,
    ) -> T {
        let make = || Multiples::new(self.point);
        match &self.kept {
            Some(kept) => done(Some(kept.get_or_init(make))),
            None if signatures >= ENOUGH => done(Some(&make())),
            None => done(None),
        }
    }
}
