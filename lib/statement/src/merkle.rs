//! Merkle trees of RFC 6962, section 2.1: SHA-256, 0x00 before a leaf and 0x01 before two nodes, so that no leaf
//! passes for a node.

mod path;

use sha2::{Digest as _, Sha256};

use crate::Digest;

pub use path::{path, root_by_path};

/// What stands before a leaf when it is hashed.
pub(crate) const LEAF: u8 = 0;

/// What stands before two nodes when they are hashed.
const NODE: u8 = 1;

/// The hash of a leaf.
#[must_use]
pub fn leaf_hash(data: &[u8]) -> Digest {
    Digest(Sha256::new().chain_update([LEAF]).chain_update(data).finalize().into())
}

/// The hash of the node above two others.
#[must_use]
pub fn node_hash(left: &Digest, right: &Digest) -> Digest {
    Digest(Sha256::new().chain_update([NODE]).chain_update(left.0).chain_update(right.0).finalize().into())
}

/// A tree that grows leaf by leaf. It keeps one node for each binary digit of its size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    size: u64,
    /// Roots of the complete trees that it is made of, the largest first.
    complete: Vec<Digest>,
}

impl Tree {
    /// How many leaves it has.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf by its hash.
    pub fn push(&mut self, leaf: Digest) {
        let mut node = leaf;
        // As many complete trees of equal size meet as the size before ends in binary ones.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.complete.pop() {
                node = node_hash(&left, &node);
            }
        }
        self.complete.push(node);
        self.size += 1;
    }

    /// Its root; that of a tree without leaves is the hash of nothing.
    #[must_use]
    pub fn root(&self) -> Digest {
        let mut nodes = self.complete.iter().rev();
        let Some(last) = nodes.next() else { return Digest::of(&[]) };
        nodes.fold(*last, |right, left| node_hash(left, &right))
    }
}

impl Extend<Digest> for Tree {
    fn extend<I: IntoIterator<Item = Digest>>(&mut self, leaves: I) {
        leaves.into_iter().for_each(|leaf| self.push(leaf));
    }
}

impl FromIterator<Digest> for Tree {
    fn from_iter<I: IntoIterator<Item = Digest>>(leaves: I) -> Self {
        let mut tree = Self::default();
        tree.extend(leaves);
        tree
    }
}

#[cfg(test)]
mod tests;
