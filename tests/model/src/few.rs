//! A handful of values without an allocation: states are made and copied by the million.

use std::ops::{Deref, DerefMut};

/// More leases than this are never open at once.
const MOST: usize = 6;

/// Up to six values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Few<T> {
    // Places from `len` on hold the default, so that equal lists are equal bytes.
    values: [T; MOST],
    len: u8,
}

impl<T: Copy + Default> Few<T> {
    pub(crate) fn new() -> Self {
        Self { values: [T::default(); MOST], len: 0 }
    }

    pub(crate) fn of(count: u8, value: impl Fn(u8) -> T) -> Self {
        let mut few = Self::new();
        for index in 0..count {
            few.push(value(index));
        }
        few
    }

    pub(crate) fn push(&mut self, value: T) {
        self.values[usize::from(self.len)] = value;
        self.len += 1;
    }

    pub(crate) fn remove(&mut self, index: usize) -> T {
        let removed = self[index];
        self.copy_within(index + 1.., index);
        self.len -= 1;
        self.values[usize::from(self.len)] = T::default();
        removed
    }

    pub(crate) fn is_full(&self) -> bool {
        usize::from(self.len) == MOST
    }
}

impl<T> Deref for Few<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.values[..usize::from(self.len)]
    }
}

impl<T> DerefMut for Few<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.values[..usize::from(self.len)]
    }
}
