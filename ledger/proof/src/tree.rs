//! Merkle trees as RFC 6962 section 2.1 defines them: roots, a frontier that grows, inclusion and consistency proofs.

use crate::Digest;

/// Hash of a leaf: `SHA256(0x00 ‖ data)`.
#[must_use]
pub fn leaf_hash(data: &[u8]) -> Digest {
    Digest::of(&[0], &[data])
}

/// Hash of an inner node: `SHA256(0x01 ‖ left ‖ right)`.
#[must_use]
pub fn node_hash(left: &Digest, right: &Digest) -> Digest {
    Digest::of(&[1], &[&left.0, &right.0])
}

/// Root of the tree without leaves: the hash of nothing.
#[must_use]
pub fn empty_root() -> Digest {
    Digest::of(&[], &[])
}

/// Root over leaf hashes.
#[must_use]
pub fn root(leaves: &[Digest]) -> Digest {
    let mut frontier = Frontier::default();
    for leaf in leaves {
        frontier.push(*leaf);
    }
    frontier.root()
}

/// The right edge of a growing tree: one root per complete subtree, largest first. It has at most 64 digests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    nodes: Vec<Digest>,
}

impl Frontier {
    /// Takes a stored frontier back; `None` if the number of nodes does not belong to `size`.
    #[must_use]
    pub fn from_parts(size: u64, nodes: Vec<Digest>) -> Option<Self> {
        (size.count_ones() as usize == nodes.len()).then_some(Self { size, nodes })
    }

    /// Number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the complete subtrees, largest first.
    #[must_use]
    pub fn nodes(&self) -> &[Digest] {
        &self.nodes
    }

    /// Appends a leaf hash.
    pub fn push(&mut self, leaf: Digest) {
        let mut node = leaf;
        // Each trailing one bit of the size is a complete subtree that the new leaf completes a larger one with.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.nodes.pop() {
                node = node_hash(&left, &node);
            }
        }
        self.nodes.push(node);
        self.size += 1;
    }

    /// Root of the tree as it stands.
    #[must_use]
    pub fn root(&self) -> Digest {
        self.nodes.iter().rev().copied().reduce(|right, left| node_hash(&left, &right)).unwrap_or_else(empty_root)
    }
}

/// The largest power of two below `n`, which is at least 2.
fn split(n: u64) -> u64 {
    1 << (n - 1).ilog2()
}

/// Path that shows that `leaves[index]` is in the tree over `leaves`, lowest node first; `None` if there is no such leaf.
#[must_use]
pub fn inclusion_proof(leaves: &[Digest], index: usize) -> Option<Vec<Digest>> {
    if index >= leaves.len() {
        return None;
    }
    let (mut leaves, mut index, mut path) = (leaves, index, Vec::new());
    while leaves.len() > 1 {
        let (left, right) = leaves.split_at(split(leaves.len() as u64) as usize);
        if index < left.len() {
            path.push(root(right));
            leaves = left;
        } else {
            path.push(root(left));
            index -= left.len();
            leaves = right;
        }
    }
    path.reverse();
    Some(path)
}

/// The root that `leaf` at `index` and `path` lead to in a tree of `size` leaves (RFC 9162 section 2.1.3.2).
#[must_use]
pub fn root_from_inclusion(leaf: Digest, index: u64, size: u64, path: &[Digest]) -> Option<Digest> {
    if index >= size {
        return None;
    }
    let (mut node, mut at, mut last) = (leaf, index, size - 1);
    for sibling in path {
        if last == 0 {
            return None;
        }
        if at & 1 == 1 || at == last {
            node = node_hash(sibling, &node);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            node = node_hash(&node, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(node)
}

/// Path that shows that the tree over the first `old` leaves is a prefix of the tree over `leaves`.
#[must_use]
pub fn consistency_proof(leaves: &[Digest], old: usize) -> Option<Vec<Digest>> {
    if old == 0 || old > leaves.len() {
        return None;
    }
    let (mut leaves, mut old, mut whole, mut path) = (leaves, old, true, Vec::new());
    while old < leaves.len() {
        let (left, right) = leaves.split_at(split(leaves.len() as u64) as usize);
        if old <= left.len() {
            path.push(root(right));
            leaves = left;
        } else {
            path.push(root(left));
            old -= left.len();
            leaves = right;
            whole = false;
        }
    }
    if !whole {
        path.push(root(leaves));
    }
    path.reverse();
    Some(path)
}

/// Whether `path` shows that the tree with `old_root` is a prefix of the one with `new_root` (RFC 9162 section 2.1.4.2).
#[must_use]
pub fn verify_consistency(old: u64, new: u64, old_root: &Digest, new_root: &Digest, path: &[Digest]) -> bool {
    if old == 0 || old > new {
        return false;
    }
    if old == new {
        return path.is_empty() && old_root == new_root;
    }
    let mut path = path.iter();
    let (mut at, mut last) = (old - 1, new - 1);
    while at & 1 == 1 {
        at >>= 1;
        last >>= 1;
    }
    let first = if at == 0 { Some(old_root) } else { path.next() };
    let Some(first) = first else { return false };
    let (mut old_node, mut new_node) = (*first, *first);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            old_node = node_hash(sibling, &old_node);
            new_node = node_hash(sibling, &new_node);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            new_node = node_hash(&new_node, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && old_node == *old_root && new_node == *new_root
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn leaves(n: usize) -> Vec<Digest> {
        (0..n as u64).map(|i| leaf_hash(&i.to_be_bytes())).collect()
    }

    #[test]
    fn roots_of_rfc_6962_test_vectors() {
        // The leaves of Certificate Transparency's own Merkle tree tests, and the roots they publish.
        let data: [&[u8]; 8] = [
            b"",
            &[0x00],
            &[0x10],
            &[0x20, 0x21],
            &[0x30, 0x31],
            &[0x40, 0x41, 0x42, 0x43],
            &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
            &[0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f],
        ];
        let hashes: Vec<Digest> = data.iter().map(|d| leaf_hash(d)).collect();
        let check = |n: usize, want: &str| assert_eq!(root(&hashes[..n]).to_string(), want, "{n} leaves");
        check(0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        check(1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
        check(2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125");
        check(3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77");
        check(8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
    }

    #[test]
    fn every_proof_of_small_trees_holds_and_no_other_does() {
        for n in 1..40_usize {
            let all = leaves(n);
            let whole = root(&all);
            for i in 0..n {
                let path = inclusion_proof(&all, i).expect("leaf exists");
                assert_eq!(root_from_inclusion(all[i], i as u64, n as u64, &path), Some(whole));
                if n > 1 {
                    assert_ne!(root_from_inclusion(all[(i + 1) % n], i as u64, n as u64, &path), Some(whole));
                    assert_ne!(root_from_inclusion(all[i], i as u64, n as u64, &path[1..]), Some(whole));
                }
                let mut longer = path.clone();
                longer.push(whole);
                assert_eq!(root_from_inclusion(all[i], i as u64, n as u64, &longer), None);
            }
            for old in 1..=n {
                let path = consistency_proof(&all, old).expect("prefix exists");
                let old_root = root(&all[..old]);
                assert!(verify_consistency(old as u64, n as u64, &old_root, &whole, &path), "{old} of {n}");
                assert!(!verify_consistency(old as u64, n as u64, &whole, &old_root, &path) || old == n);
                if !path.is_empty() {
                    assert!(!verify_consistency(old as u64, n as u64, &old_root, &whole, &path[1..]));
                }
            }
        }
    }

    proptest! {
        #[test]
        fn a_frontier_kept_in_parts_goes_on(n in 0_usize..200, more in 0_usize..50) {
            let all = leaves(n + more);
            let mut frontier = Frontier::default();
            all[..n].iter().for_each(|leaf| frontier.push(*leaf));
            let mut again = Frontier::from_parts(frontier.size(), frontier.nodes().to_vec()).expect("parts fit");
            all[n..].iter().for_each(|leaf| again.push(*leaf));
            prop_assert_eq!(again.root(), root(&all));
            prop_assert_eq!(Frontier::from_parts(3, vec![Digest::ZERO]), None);
        }

        #[test]
        fn any_path_ends_without_a_panic(index: u64, size: u64, path in prop::collection::vec(any::<[u8; 32]>(), 0..70)) {
            let path: Vec<Digest> = path.into_iter().map(Digest).collect();
            let _ = root_from_inclusion(Digest::ZERO, index, size, &path);
            let _ = verify_consistency(index, size, &Digest::ZERO, &Digest::ZERO, &path);
        }
    }
}
