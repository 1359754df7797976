//! A handful of values without an allocation: states are made and copied by the million.

use std::hash::{Hash, Hasher};
use std::ops::{Deref, DerefMut};

/// Up to `MOST` values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Few<T, const MOST: usize = 6> {
    // Places from `len` on hold the default, so that equal lists are equal bytes.
    values: [T; MOST],
    len: u8,
}

impl<T: Copy + Default, const MOST: usize> Few<T, MOST> {
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

    /// Keeps the values for which `stays` is true.
    pub(crate) fn retain(&mut self, stays: impl Fn(&T) -> bool) {
        let old = *self;
        *self = Self::new();
        for value in old.iter().filter(|value| stays(value)) {
            self.push(*value);
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        usize::from(self.len) == MOST
    }
}

impl<T, const MOST: usize> Deref for Few<T, MOST> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.values[..usize::from(self.len)]
    }
}

impl<T, const MOST: usize> DerefMut for Few<T, MOST> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.values[..usize::from(self.len)]
    }
}

impl<T: Hash, const MOST: usize> Hash for Few<T, MOST> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        (**self).hash(hasher);
    }
}
