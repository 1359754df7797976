//! The vectors are those of Certificate Transparency: leaves, roots and paths of google/certificate-transparency
//! (`merkle_tree_test.cc`), which transparency-dev/merkle tests with too (`testonly/`).

use proptest::prelude::*;

use super::*;

const LEAVES: [&[u8]; 8] = [
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    b"\x40\x41\x42\x43",
    b"\x50\x51\x52\x53\x54\x55\x56\x57",
    b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
];

const ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

/// Index, size, path.
const PATHS: [(usize, usize, &[&str]); 5] = [
    (0, 1, &[]),
    (
        0,
        8,
        &[
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        5,
        8,
        &[
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (2, 3, &["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    (
        1,
        5,
        &[
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
];

fn digest(text: &str) -> Digest {
    text.parse().expect("a digest")
}

fn leaves(count: usize) -> Vec<Digest> {
    LEAVES[..count].iter().map(|leaf| leaf_hash(leaf)).collect()
}

#[test]
fn roots_are_those_of_certificate_transparency() {
    for (count, root) in ROOTS.iter().enumerate() {
        let tree: Tree = leaves(count).into_iter().collect();
        assert_eq!(tree.root(), digest(root), "{count} leaves");
        assert_eq!(tree.size(), count as u64);
    }
}

#[test]
fn paths_are_those_of_certificate_transparency() {
    for (index, size, wanted) in PATHS {
        let wanted: Vec<Digest> = wanted.iter().map(|node| digest(node)).collect();
        assert_eq!(path(&leaves(size), index), Some(wanted.clone()), "{index} of {size}");
        let root = root_by_path(leaf_hash(LEAVES[index]), index as u64, size as u64, &wanted);
        assert_eq!(root, Some(digest(ROOTS[size])), "{index} of {size}");
    }
}

#[test]
fn a_leaf_that_spells_two_nodes_is_not_their_node() {
    let (left, right) = (leaf_hash(b"left"), leaf_hash(b"right"));
    assert_ne!(leaf_hash(&[left.0, right.0].concat()), node_hash(&left, &right));
}

#[test]
fn what_is_no_leaf_of_the_tree_has_no_path() {
    assert_eq!(path(&[], 0), None);
    assert_eq!(path(&leaves(3), 3), None);
    assert_eq!(root_by_path(leaf_hash(b""), 3, 3, &[]), None);
    assert_eq!(root_by_path(leaf_hash(b""), 0, 0, &[]), None);
}

/// The tree in the words of RFC 6962, section 2.1.
fn by_definition(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => Digest::of(b""),
        [leaf] => *leaf,
        _ => {
            let mut half = 1;
            while half * 2 < leaves.len() {
                half *= 2;
            }
            node_hash(&by_definition(&leaves[..half]), &by_definition(&leaves[half..]))
        }
    }
}

proptest! {
    #[test]
    fn every_leaf_of_every_tree_leads_to_its_root_and_no_other_leaf_place_or_path_does(
        size in 1_u64..70,
        at in any::<prop::sample::Index>(),
        flipped in any::<prop::sample::Index>(),
    ) {
        let leaves: Vec<Digest> = (0..size).map(|number| leaf_hash(&number.to_be_bytes())).collect();
        let index = at.index(leaves.len());
        let root = leaves.iter().copied().collect::<Tree>().root();
        prop_assert_eq!(root, by_definition(&leaves));
        let way = path(&leaves, index).expect("a path");
        let leads = |leaf, index, way: &[Digest]| root_by_path(leaf, index, size, way) == Some(root);
        prop_assert!(leads(leaves[index], index as u64, &way));
        prop_assert!(!leads(leaf_hash(b"another"), index as u64, &way));
        for other in (0..size).filter(|other| *other != index as u64) {
            prop_assert!(!leads(leaves[index], other, &way));
        }
        prop_assert!(!leads(leaves[index], index as u64, &[way.as_slice(), &[root]].concat()));
        if !way.is_empty() {
            prop_assert!(!leads(leaves[index], index as u64, &way[1..]));
            prop_assert!(!leads(leaves[index], index as u64, &way[..way.len() - 1]));
            let mut other = way.clone();
            other[flipped.index(way.len())].0[0] ^= 1;
            prop_assert!(!leads(leaves[index], index as u64, &other));
        }
    }
}
