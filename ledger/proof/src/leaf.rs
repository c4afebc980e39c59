//! From the two parts of an event to the leaf of its batch tree: salts, commitments and leaf data.
//!
//! A part is committed with a salt, so that its content can be erased and its commitment kept without leaving a hash
//! that a guess could confirm. Salts are derived from one secret per batch and part, so an event stores none.

use crate::Digest;

/// Domain of the commitment of a facts part.
pub const FACTS_DOMAIN: &[u8] = b"tachograph/facts/1\n";
/// Domain of the commitment of a content part.
pub const CONTENT_DOMAIN: &[u8] = b"tachograph/content/1\n";
/// Domain of a salt; fifteen bytes, so that the preimage fills exactly one block of SHA-256.
pub const SALT_DOMAIN: &[u8] = b"tachograph/salt";
/// The version that stands first in leaf data.
pub const LEAF_VERSION: u8 = 1;
/// Length of leaf data in bytes.
pub const LEAF_DATA_LEN: usize = 81;

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

/// Commits to the bytes of a part: `SHA256(domain ‖ salt ‖ length u64 ‖ bytes)`.
#[must_use]
pub fn commitment(domain: &[u8], salt: &Salt, bytes: &[u8]) -> Digest {
    Digest::of(domain, &[salt, &(bytes.len() as u64).to_be_bytes(), bytes])
}

/// What the leaf of one event commits to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaf {
    /// The shard that recorded the event.
    pub shard: u32,
    /// When it was recorded: microseconds since 1970 UTC.
    pub recorded: i64,
    /// Bit flags; see FORMAT.md.
    pub flags: u32,
    /// Commitment of the facts part.
    pub facts: Digest,
    /// Commitment of the content part, zeros if the event has none.
    pub content: Digest,
}

impl Leaf {
    /// The bytes that are hashed: version u8, shard u32, recorded i64, flags u32, both commitments; big-endian.
    #[must_use]
    pub fn data(&self) -> [u8; LEAF_DATA_LEN] {
        let mut out = [0; LEAF_DATA_LEN];
        out[0] = LEAF_VERSION;
        out[1..5].copy_from_slice(&self.shard.to_be_bytes());
        out[5..13].copy_from_slice(&self.recorded.to_be_bytes());
        out[13..17].copy_from_slice(&self.flags.to_be_bytes());
        out[17..49].copy_from_slice(&self.facts.0);
        out[49..81].copy_from_slice(&self.content.0);
        out
    }

    /// Reads leaf data back, for instance from a proof file.
    #[must_use]
    pub fn from_data(data: &[u8]) -> Option<Self> {
        let data: &[u8; LEAF_DATA_LEN] = data.try_into().ok()?;
        if data[0] != LEAF_VERSION {
            return None;
        }
        Some(Self {
            shard: u32::from_be_bytes(data[1..5].try_into().ok()?),
            recorded: i64::from_be_bytes(data[5..13].try_into().ok()?),
            flags: u32::from_be_bytes(data[13..17].try_into().ok()?),
            facts: Digest(data[17..49].try_into().ok()?),
            content: Digest(data[49..81].try_into().ok()?),
        })
    }

    /// The leaf's hash in the batch tree, as RFC 6962 section 2.1 has it.
    #[must_use]
    pub fn hash(&self) -> Digest {
        crate::tree::leaf_hash(&self.data())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn leaf_data_round_trips(shard: u32, recorded: i64, flags: u32, facts: [u8; 32], content: [u8; 32]) {
            let leaf = Leaf { shard, recorded, flags, facts: Digest(facts), content: Digest(content) };
            prop_assert_eq!(Leaf::from_data(&leaf.data()), Some(leaf));
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
        let (a, b) = (commitment(FACTS_DOMAIN, &[0; 16], b"x"), commitment(CONTENT_DOMAIN, &[0; 16], b"x"));
        assert_ne!(a, b);
    }
}
