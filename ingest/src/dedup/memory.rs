//! What is remembered of one row of the ledger, and its bytes in a file of keys.

use ledger::Seq;

use super::{Body, Key};

const HAS_STREAM: u8 = 1;
const IS_CONFLICT: u8 = 2;

/// A row of the ledger as the memory of duplicates knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Under which key.
    pub key: Key,
    /// What it says.
    pub body: Body,
    /// Its position.
    pub row: Seq,
    /// It contradicts a row before it.
    pub conflict: bool,
}

impl Memory {
    /// Appends the bytes: `flags u8 ‖ row - first u32 ‖ ring u64 ‖ body u64 [‖ stream u64 ‖ number u64]`, big-endian. `first` is
    /// a position at or shortly before the row.
    pub fn encode(&self, first: Seq, out: &mut Vec<u8>) {
        let flags =
            if self.key.stream.is_some() { HAS_STREAM } else { 0 } | if self.conflict { IS_CONFLICT } else { 0 };
        out.push(flags);
        out.extend_from_slice(&(self.row.distance_from(first) as u32).to_be_bytes());
        out.extend_from_slice(&self.key.ring.to_be_bytes());
        out.extend_from_slice(&self.body.0.to_be_bytes());
        if let Some((stream, number)) = self.key.stream {
            out.extend_from_slice(&stream.to_be_bytes());
            out.extend_from_slice(&number.to_be_bytes());
        }
    }

    /// Takes what [`Memory::encode`] wrote from the front of `bytes`; `None` if it is not that.
    pub fn decode(bytes: &mut &[u8], first: Seq) -> Option<Self> {
        let [flags] = take::<1>(bytes)?;
        let row = Seq::new(first.get().checked_add(u32::from_be_bytes(take(bytes)?).into())?);
        let mut number = || take(bytes).map(u64::from_be_bytes);
        let (ring, body) = (number()?, number()?);
        let stream = if flags & HAS_STREAM == 0 { None } else { Some((number()?, number()?)) };
        (flags <= HAS_STREAM | IS_CONFLICT).then_some(Self {
            key: Key { ring, stream },
            body: Body(body),
            row,
            conflict: flags & IS_CONFLICT != 0,
        })
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*head)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn memories_round_trip_and_any_bytes_are_read_without_a_panic(
            first in 0_u64..1 << 60, offset: u32, ring: u64, stream: Option<(u64, u64)>, body: u64, conflict: bool,
            junk in prop::collection::vec(any::<u8>(), 0..60),
        ) {
            let first = Seq::new(first);
            let memory = Memory { key: Key { ring, stream }, body: Body(body), row: first.skip(offset.into()), conflict };
            let mut bytes = Vec::new();
            memory.encode(first, &mut bytes);
            let mut rest = bytes.as_slice();
            prop_assert_eq!(Memory::decode(&mut rest, first), Some(memory));
            prop_assert!(rest.is_empty());
            prop_assert_eq!(Memory::decode(&mut &bytes[..bytes.len() - 1], first), None);
            let mut junk = junk.as_slice();
            while Memory::decode(&mut junk, first).is_some() {}
        }
    }
}
