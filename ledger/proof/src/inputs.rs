//! The inputs of a batch: which source positions it contains, as keys and values that this package does not interpret.
//!
//! An input is encoded as `key length u16 ‖ key ‖ value length u32 ‖ value`. A batch's inputs are sorted by key, keys are
//! unique, and their root is an RFC 6962 tree over the encodings.

use crate::Digest;
use crate::tree;

/// One source position, for instance `tail:coderd` with a file identity and an offset.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Input {
    /// Names the source; at most 65,535 bytes.
    pub key: Vec<u8>,
    /// The position after the last record that the batch contains.
    pub value: Vec<u8>,
}

impl Input {
    /// Appends the encoding of this input.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&(self.key.len() as u16).to_be_bytes());
        out.extend_from_slice(&self.key);
        out.extend_from_slice(&(self.value.len() as u32).to_be_bytes());
        out.extend_from_slice(&self.value);
    }

    /// Reads one input from the front of `bytes` and returns it with the bytes that follow.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (len, rest) = bytes.split_first_chunk::<2>()?;
        let (key, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
        let (len, rest) = rest.split_first_chunk::<4>()?;
        let (value, rest) = rest.split_at_checked(u32::from_be_bytes(*len) as usize)?;
        Some((Self { key: key.to_vec(), value: value.to_vec() }, rest))
    }
}

/// Encodes a list of inputs one after the other.
#[must_use]
pub fn encode_all(inputs: &[Input]) -> Vec<u8> {
    let mut out = Vec::new();
    for input in inputs {
        input.encode(&mut out);
    }
    out
}

/// Reads inputs until `bytes` is used up; `None` if it ends inside one.
#[must_use]
pub fn decode_all(mut bytes: &[u8]) -> Option<Vec<Input>> {
    let mut inputs = Vec::new();
    while !bytes.is_empty() {
        let (input, rest) = Input::decode(bytes)?;
        inputs.push(input);
        bytes = rest;
    }
    Some(inputs)
}

/// The root over the encodings of `inputs`, which the caller has sorted by key.
#[must_use]
pub fn root(inputs: &[Input]) -> Digest {
    let leaves: Vec<Digest> = inputs
        .iter()
        .map(|input| {
            let mut bytes = Vec::with_capacity(6 + input.key.len() + input.value.len());
            input.encode(&mut bytes);
            tree::leaf_hash(&bytes)
        })
        .collect();
    tree::root(&leaves)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn inputs_round_trip(pairs in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..30), prop::collection::vec(any::<u8>(), 0..30)), 0..8)) {
            let inputs: Vec<Input> = pairs.into_iter().map(|(key, value)| Input { key, value }).collect();
            prop_assert_eq!(decode_all(&encode_all(&inputs)), Some(inputs));
        }

        #[test]
        fn any_bytes_end_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = decode_all(&bytes);
        }
    }
}
