//! From the two parts of an event to the leaf of its batch tree: salts, commitments and leaf data.
//!
//! A part is committed with a salt, so that its content can be erased and its commitment kept without leaving a hash
//! that a guess could confirm. Salts are derived from one secret per batch and part, so an event stores none.

use crate::Digest;

/// Domain of the digest of a facts part.
pub const FACTS_DOMAIN: &[u8] = b"tachograph/facts/2\n";
/// Domain of the digest of a content part.
pub const CONTENT_DOMAIN: &[u8] = b"tachograph/content/2\n";
/// Domain of a commitment: one byte, apart from those of leaves (0) and nodes (1), so that the preimage fills one block of SHA-256.
pub const COMMITMENT_DOMAIN: &[u8] = &[2];
/// Domain of a salt; fifteen bytes, so that the preimage fills exactly one block of SHA-256.
pub const SALT_DOMAIN: &[u8] = b"tachograph/salt";
/// The version that stands first in leaf data.
pub const LEAF_VERSION: u8 = 2;
/// Length in bytes of the leaf data of an event without content.
pub const LEAF_DATA_LEN: usize = 49;
/// Length in bytes of the leaf data of an event with content.
pub const LEAF_DATA_LEN_CONTENT: usize = LEAF_DATA_LEN + 32;
/// Flag of a leaf: the event was recorded with a content part.
pub const FLAG_CONTENT: u32 = 1;

/// Sixteen bytes that keep a commitment from being guessed.
pub type Salt = [u8; 16];

/// Derives the salt of the event at `seq` from the secret that its batch holds for the part.
#[must_use]
pub fn salt(secret: &[u8; 32], seq: u64) -> Salt {
    let digest = Digest::of(SALT_DOMAIN, &[secret, &seq.to_be_bytes()]);
    let mut salt = [0; 16];
    salt.copy_from_slice(&digest.0[..16]);
    salt
}

/// The digest of the bytes of a part: `SHA256(domain ‖ bytes)`. Whoever knows it can test a guess of the part, so it is never stored.
#[must_use]
pub fn digest(domain: &[u8], part: &[u8]) -> Digest {
    Digest::of(domain, &[part])
}

/// Commits to a part by its digest: `SHA256(0x02 ‖ salt ‖ digest)`.
#[must_use]
pub fn commitment(salt: &Salt, digest: &Digest) -> Digest {
    Digest::of(COMMITMENT_DOMAIN, &[salt, &digest.0])
}

/// What the leaf of one event commits to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaf {
    /// The shard that recorded the event.
    pub shard: u32,
    /// When it was recorded: microseconds since 1970 UTC.
    pub recorded: i64,
    /// Bit flags; see FORMAT.md. [`FLAG_CONTENT`] is set if and only if there is a content part.
    pub flags: u32,
    /// Commitment of the facts part.
    pub facts: Digest,
    /// Commitment of the content part, if the event was recorded with one.
    pub content: Option<Digest>,
}

impl Leaf {
    /// The bytes that are hashed, in the first bytes of an array, and how many they are: version u8, shard u32, recorded i64, flags u32,
    /// the commitment of the facts part, that of the content part if there is one; big-endian.
    #[must_use]
    pub fn data(&self) -> ([u8; LEAF_DATA_LEN_CONTENT], usize) {
        let mut out = [0; LEAF_DATA_LEN_CONTENT];
        out[0] = LEAF_VERSION;
        out[1..5].copy_from_slice(&self.shard.to_be_bytes());
        out[5..13].copy_from_slice(&self.recorded.to_be_bytes());
        out[13..17].copy_from_slice(&self.flags.to_be_bytes());
        out[17..LEAF_DATA_LEN].copy_from_slice(&self.facts.0);
        let Some(content) = &self.content else { return (out, LEAF_DATA_LEN) };
        out[LEAF_DATA_LEN..].copy_from_slice(&content.0);
        (out, LEAF_DATA_LEN_CONTENT)
    }

    /// Reads leaf data back, for instance from a proof file.
    #[must_use]
    pub fn from_data(data: &[u8]) -> Option<Self> {
        let (head, content) = data.split_first_chunk::<LEAF_DATA_LEN>()?;
        let flags = u32::from_be_bytes(head[13..17].try_into().ok()?);
        let content = match (flags & FLAG_CONTENT, content) {
            (0, []) => None,
            (FLAG_CONTENT, content) => Some(Digest(content.try_into().ok()?)),
            _ => return None,
        };
        (head[0] == LEAF_VERSION).then_some(Self {
            shard: u32::from_be_bytes(head[1..5].try_into().ok()?),
            recorded: i64::from_be_bytes(head[5..13].try_into().ok()?),
            flags,
            facts: Digest(head[17..].try_into().ok()?),
            content,
        })
    }

    /// The leaf's hash in the batch tree, as RFC 6962 section 2.1 has it.
    #[must_use]
    pub fn hash(&self) -> Digest {
        let (data, len) = self.data();
        crate::tree::leaf_hash(&data[..len])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn leaf_data_round_trips(shard: u32, recorded: i64, flags: u32, facts: [u8; 32], content: Option<[u8; 32]>) {
            let flags = if content.is_some() { flags | FLAG_CONTENT } else { flags & !FLAG_CONTENT };
            let leaf = Leaf { shard, recorded, flags, facts: Digest(facts), content: content.map(Digest) };
            let (data, len) = leaf.data();
            prop_assert_eq!(Leaf::from_data(&data[..len]), Some(leaf));
            prop_assert_eq!(Leaf::from_data(&data[..len - 1]), None);
        }

        #[test]
        fn any_bytes_are_a_leaf_or_none(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = Leaf::from_data(&bytes);
        }
    }

    #[test]
    fn a_salt_depends_on_secret_and_position() {
        assert_ne!(salt(&[1; 32], 7), salt(&[1; 32], 8));
        assert_ne!(salt(&[1; 32], 7), salt(&[2; 32], 7));
        let (facts, content) = (digest(FACTS_DOMAIN, b"x"), digest(CONTENT_DOMAIN, b"x"));
        assert_ne!(facts, content);
        assert_ne!(commitment(&[0; 16], &facts), commitment(&[1; 16], &facts));
    }
}
