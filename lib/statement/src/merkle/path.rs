//! Inclusion proofs: the nodes beside the way from a leaf up to the root.

use super::{Tree, node_hash};
use crate::Digest;

/// The path of a leaf in the tree of these leaves, from the leaf up (RFC 6962, section 2.1.1); none if there is no such
/// leaf.
#[must_use]
pub fn path(leaves: &[Digest], index: usize) -> Option<Vec<Digest>> {
    if index >= leaves.len() {
        return None;
    }
    let (mut beneath, mut index) = (leaves, index);
    let mut path = Vec::new();
    while beneath.len() > 1 {
        let (left, right) = beneath.split_at(largest_power_below(beneath.len()));
        let (taken, beside) = if index < left.len() { (left, right) } else { (right, left) };
        if index >= left.len() {
            index -= left.len();
        }
        path.push(beside.iter().copied().collect::<Tree>().root());
        beneath = taken;
    }
    path.reverse();
    Some(path)
}

/// The largest power of two that is less than `count`, which is at least 2.
fn largest_power_below(count: usize) -> usize {
    1 << (count - 1).ilog2()
}

/// The root to which a path leads from the leaf `index` of `size` (RFC 9162, section 2.1.3.2); none if no leaf there
/// can have a path of that length.
#[must_use]
pub fn root_by_path(leaf: Digest, index: u64, size: u64, path: &[Digest]) -> Option<Digest> {
    if index >= size {
        return None;
    }
    let (mut node, mut at, mut last) = (leaf, index, size - 1);
    for beside in path {
        if last == 0 {
            return None;
        }
        if at & 1 == 1 || at == last {
            node = node_hash(beside, &node);
            // A node without a neighbour goes up as it is.
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            node = node_hash(&node, beside);
        }
        at >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(node)
}
