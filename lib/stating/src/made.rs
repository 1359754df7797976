//! What one process has computed of a run. A statement is made of this alone: whoever has the operator's login of the
//! database could have had other roots kept.

use std::collections::VecDeque;

use chancery_statement::Digest;
use chancery_statement::merkle::Tree;
use chancery_store::roots::BatchTree;

/// The trees of a run as far as this process has computed them, from its rows. Whoever begins with a run of which much is
/// signed computes that too, once.
#[derive(Clone, Debug, Default)]
pub struct Made {
    payloads: Tree,
    closed: i64,
    /// The leaves of the batches whose signatures have no root yet, in order: 32 bytes each.
    unsigned: VecDeque<Digest>,
    signatures: Tree,
    signed: i64,
    other: Option<i64>,
}

impl Made {
    /// The first batch of which the ledger keeps another root than this process has computed. No statement is wrong by
    /// that, but no record of the run can be proven.
    #[must_use]
    pub const fn kept_otherwise(&self) -> Option<i64> {
        self.other
    }

    /// How many batches have their root, the first ones without a gap.
    pub(crate) const fn count(&self, tree: BatchTree) -> i64 {
        match tree {
            BatchTree::Payloads => self.closed,
            BatchTree::Signatures => self.signed,
        }
    }

    /// The root of a tree of the run, which has so many batches; none while one of them is missing.
    pub(crate) fn root(&self, tree: BatchTree, batches: i64) -> Option<Digest> {
        (self.count(tree) == batches).then(|| match tree {
            BatchTree::Payloads => self.payloads.root(),
            BatchTree::Signatures => self.signatures.root(),
        })
    }

    /// What stands in the tree of payloads for the batches whose signatures are next.
    pub(crate) const fn unsigned(&self) -> &VecDeque<Digest> {
        &self.unsigned
    }

    /// Takes up the roots of the next batches, and the first of them of which another is kept.
    pub(crate) fn add(&mut self, tree: BatchTree, roots: Vec<Digest>, other: Option<i64>) {
        self.other = self.other.or(other);
        for root in roots {
            match tree {
                BatchTree::Payloads => {
                    self.payloads.push(root);
                    self.unsigned.push_back(root);
                    self.closed += 1;
                }
                BatchTree::Signatures => {
                    self.signatures.push(root);
                    self.unsigned.pop_front();
                    self.signed += 1;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_has_a_root_once_all_its_batches_are_there_and_signatures_follow_their_payloads() {
        let leaves: Vec<Digest> = ["a", "b", "c"].map(|leaf| Digest::of(leaf.as_bytes())).to_vec();
        let mut made = Made::default();
        made.add(BatchTree::Payloads, leaves[..2].to_vec(), None);
        assert_eq!((made.count(BatchTree::Payloads), made.count(BatchTree::Signatures)), (2, 0));
        assert_eq!(made.root(BatchTree::Payloads, 3), None);
        made.add(BatchTree::Payloads, leaves[2..].to_vec(), Some(3));
        assert_eq!(made.root(BatchTree::Payloads, 3), Some(leaves.iter().copied().collect::<Tree>().root()));
        made.add(BatchTree::Signatures, leaves[..2].to_vec(), None);
        assert!(made.unsigned().iter().eq(&leaves[2..]));
        assert_eq!(made.root(BatchTree::Signatures, 3), None);
        assert_eq!(made.kept_otherwise(), Some(3));
    }
}
