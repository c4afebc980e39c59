//! The batch header: the entry of a shard's log, chained to the header before it.
//!
//! The chain shows order in a streaming read; only the Merkle trees are ever accepted as a proof of inclusion.

use crate::Digest;

/// The version that stands first in a header.
pub const HEADER_VERSION: u16 = 1;
/// Length of an encoded header in bytes.
pub const HEADER_LEN: usize = 206;
/// Domain of a header's hash.
pub const HEADER_DOMAIN: &[u8] = b"tachograph/header/1\n";
/// Domain of the hash that stands for "the header before batch 0".
pub const ORIGIN_DOMAIN: &[u8] = b"tachograph/origin/1\n";

/// One closed batch. Integers are big-endian in the encoding, in the order of these fields, after the version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The shard whose log this is an entry of.
    pub shard: u32,
    /// Number of the batch, from 0 and without gaps: also its index in the shard's log.
    pub batch: u64,
    /// Position of the first event; for a batch without events the position that the next event will get.
    pub first_seq: u64,
    /// Number of events.
    pub count: u32,
    /// RFC 6962 root over the leaves of the batch's events, in order.
    pub root: Digest,
    /// Hash of the header before this one; for batch 0 the hash of the origin.
    pub previous: Digest,
    /// Smallest event time in the batch in microseconds since 1970 UTC; 0 if no event has one.
    pub time_min: i64,
    /// Largest event time in the batch; 0 if no event has one.
    pub time_max: i64,
    /// When the batch's first commit was recorded; for an empty batch when it was closed.
    pub recorded_min: i64,
    /// When the batch was closed. No event of a later batch was recorded before this.
    pub recorded_max: i64,
    /// Random number of the process that wrote the batch.
    pub writer: [u8; 16],
    /// Fencing epoch of that process: it grows with every start.
    pub epoch: u64,
    /// Number of inputs.
    pub inputs_count: u32,
    /// Root over the sorted inputs.
    pub inputs_root: Digest,
}

impl Header {
    /// Encodes the header.
    #[must_use]
    pub fn encode(&self) -> [u8; HEADER_LEN] {
        let mut out = [0; HEADER_LEN];
        let mut at = 0;
        let mut put = |bytes: &[u8]| {
            out[at..at + bytes.len()].copy_from_slice(bytes);
            at += bytes.len();
        };
        put(&HEADER_VERSION.to_be_bytes());
        put(&self.shard.to_be_bytes());
        put(&self.batch.to_be_bytes());
        put(&self.first_seq.to_be_bytes());
        put(&self.count.to_be_bytes());
        put(&self.root.0);
        put(&self.previous.0);
        put(&self.time_min.to_be_bytes());
        put(&self.time_max.to_be_bytes());
        put(&self.recorded_min.to_be_bytes());
        put(&self.recorded_max.to_be_bytes());
        put(&self.writer);
        put(&self.epoch.to_be_bytes());
        put(&self.inputs_count.to_be_bytes());
        put(&self.inputs_root.0);
        // Twenty-four zero bytes are kept for later versions of the layout.
        out
    }

    /// Reads a header; `None` if the length, the version or the reserved bytes are not those of this version.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes.try_into().map(|b: &[u8; HEADER_LEN]| b.as_slice()).ok()?);
        if fields.take::<2>()? != HEADER_VERSION.to_be_bytes() {
            return None;
        }
        let header = Self {
            shard: u32::from_be_bytes(fields.take()?),
            batch: u64::from_be_bytes(fields.take()?),
            first_seq: u64::from_be_bytes(fields.take()?),
            count: u32::from_be_bytes(fields.take()?),
            root: Digest(fields.take()?),
            previous: Digest(fields.take()?),
            time_min: i64::from_be_bytes(fields.take()?),
            time_max: i64::from_be_bytes(fields.take()?),
            recorded_min: i64::from_be_bytes(fields.take()?),
            recorded_max: i64::from_be_bytes(fields.take()?),
            writer: fields.take()?,
            epoch: u64::from_be_bytes(fields.take()?),
            inputs_count: u32::from_be_bytes(fields.take()?),
            inputs_root: Digest(fields.take()?),
        };
        fields.0.iter().all(|byte| *byte == 0).then_some(header)
    }

    /// The hash by which the next header names this one.
    #[must_use]
    pub fn hash(&self) -> Digest {
        Digest::of(HEADER_DOMAIN, &[&self.encode()])
    }

    /// The header's leaf hash in the shard's log.
    #[must_use]
    pub fn leaf_hash(&self) -> Digest {
        crate::tree::leaf_hash(&self.encode())
    }
}

/// What batch 0 of the log `origin` holds as its previous hash.
#[must_use]
pub fn origin_hash(origin: &str) -> Digest {
    Digest::of(ORIGIN_DOMAIN, &[origin.as_bytes()])
}

/// The rest of an encoded header.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, tail) = self.0.split_first_chunk::<N>()?;
        self.0 = tail;
        Some(*head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn headers_round_trip(
            (shard, batch, first_seq, count) in any::<(u32, u64, u64, u32)>(),
            (root, previous, inputs_root) in any::<([u8; 32], [u8; 32], [u8; 32])>(),
            (time_min, time_max, recorded_min, recorded_max) in any::<(i64, i64, i64, i64)>(),
            (writer, epoch, inputs_count) in any::<([u8; 16], u64, u32)>(),
        ) {
            let header = Header {
                shard, batch, first_seq, count, root: Digest(root), previous: Digest(previous), time_min, time_max,
                recorded_min, recorded_max, writer, epoch, inputs_count, inputs_root: Digest(inputs_root),
            };
            prop_assert_eq!(Header::decode(&header.encode()), Some(header));
        }

        #[test]
        fn any_bytes_are_a_header_or_none(bytes in prop::collection::vec(any::<u8>(), HEADER_LEN)) {
            let _ = Header::decode(&bytes);
        }
    }
}
