//! The bytes of states in snapshots: fields in order, integers little-endian, lists with their length.
//!
//! Fingerprints are half of most states and as JSON would be twice as long. What has names and texts is small and stays JSON.

use std::collections::{BTreeMap, VecDeque};
use std::marker::PhantomData;

use effects::effect::EffectKind;
use ledger::Seq;
use ledger::Timestamp;
use operations::Money;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;
use uuid::fmt::Hyphenated;

/// The state of a detector could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The part with names and texts.
    #[error("the state of a detector is not readable: {0}")]
    Json(#[from] serde_json::Error),
    /// The rest.
    #[error("the state of a detector is not readable: it ends early or holds what was never written")]
    Malformed,
}

/// A value that can be written into a snapshot and read back the same.
pub trait Pack: Sized {
    /// Appends the value.
    fn pack(&self, out: &mut Vec<u8>);

    /// Takes the value from the front.
    fn unpack(input: &mut &[u8]) -> Result<Self, RestoreError>;
}

/// Implements [`Pack`] for a struct, field by field.
#[macro_export]
macro_rules! packed {
    ($type:ident { $($field:ident),* $(,)? }) => {
        impl $crate::pack::Pack for $type {
            fn pack(&self, out: &mut Vec<u8>) {
                $($crate::pack::Pack::pack(&self.$field, out);)*
            }

            fn unpack(input: &mut &[u8]) -> Result<Self, $crate::pack::RestoreError> {
                Ok(Self { $($field: $crate::pack::Pack::unpack(input)?,)* })
            }
        }
    };
}

/// Implements [`Pack`] for an enum without fields, by the number of each variant. All of them are named.
#[macro_export]
macro_rules! packed_enum {
    ($type:ident { $($variant:ident),* $(,)? }) => {
        impl $crate::pack::Pack for $type {
            fn pack(&self, out: &mut Vec<u8>) {
                let number = match self {
                    $(Self::$variant => Self::$variant as u8,)*
                };
                $crate::pack::Pack::pack(&number, out);
            }

            fn unpack(input: &mut &[u8]) -> Result<Self, $crate::pack::RestoreError> {
                let number: u8 = $crate::pack::Pack::unpack(input)?;
                [$(Self::$variant,)*]
                    .into_iter()
                    .find(|variant| *variant as u8 == number)
                    .ok_or($crate::pack::RestoreError::Malformed)
            }
        }
    };
}

/// Kinds of effects, by their words: their order may change from version to version.
impl Pack for EffectKind {
    fn pack(&self, out: &mut Vec<u8>) {
        self.word().to_owned().pack(out);
    }

    fn unpack(input: &mut &[u8]) -> Result<Self, RestoreError> {
        String::unpack(input)?.parse().map_err(|_| RestoreError::Malformed)
    }
}

macro_rules! numbers {
    ($($type:ty)*) => {$(
        impl Pack for $type {
            fn pack(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }

            fn unpack(input: &mut &[u8]) -> Result<Self, RestoreError> {
                let (bytes, rest) = input.split_first_chunk().ok_or(RestoreError::Malformed)?;
                *input = rest;
                Ok(Self::from_le_bytes(*bytes))
            }
        }
    )*};
}
numbers!(u8 u16 u32 u64 i16 i64 f32);

/// Types over a number are packed as the number: how to it, and how back.
macro_rules! over_numbers {
    ($($type:ty: $number:ty, $get:ident, $make:ident;)*) => {$(
        impl Pack for $type {
            fn pack(&self, out: &mut Vec<u8>) {
                self.$get().pack(out);
            }

            fn unpack(input: &mut &[u8]) -> Result<Self, RestoreError> {
                <$number>::unpack(input).map(Self::$make)
            }
        }
    )*};
}
over_numbers! {
    Seq: u64, get, new;
    Timestamp: i64, unix_micros, from_unix_micros;
    Money: u64, as_micros, from_micros;
}

impl Pack for bool {
    fn pack(&self, out: &mut Vec<u8>) {
        u8::from(*self).pack(out);
    }

    fn unpack(input: &mut &[u8]) -> Result<Self, RestoreError> {
        match u8::unpack(input)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(RestoreError::Malformed),
        }
    }
}

impl Pack for String {
    fn pack(&self, out: &mut Vec<u8>) {
        (self.len() as u32).pack(out);
        out.extend_from_slice(self.as_bytes());
    }

    fn unpack(input: &mut &[u8]) -> Result<Self, RestoreError> {
        let len = u32::unpack(input)?;
        let bytes = take(input, u64::from(len))?;
        std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| RestoreError::Malformed)
    }
}

/// A value of several texts that a state keeps until it is needed: packed, it takes a third of the memory.
#[derive(Debug)]
pub struct Kept<T> {
    bytes: Box<[u8]>,
    value: PhantomData<T>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self { bytes: Box::default(), value: PhantomData }
    }
}

impl<T: Pack> Kept<T> {
    /// Keeps a value, given as it is packed. Memory is taken only if that is longer or shorter.
    pub fn set(&mut self, packed: &[u8]) {
        if self.bytes.len() == packed.len() {
            self.bytes.copy_from_slice(packed);
        } else {
            self.bytes = packed.into();
        }
    }

    /// The value; `None` only for bytes of a damaged snapshot.
    pub fn get(&self) -> Option<T> {
        T::unpack(&mut self.bytes.as_ref()).ok()
    }
}

impl<T: Pack> Pack for Kept<T> {
    fn pack(&self, out: &mut Vec<u8>) {
        (self.bytes.len() as u32).pack(out);
        out.extend_from_slice(&self.bytes);
    }

    fn unpack(input: &mut &[u8]) -> Result<Self, RestoreError> {
        let len = u32::unpack(input)?;
        Ok(Self { bytes: take(input, u64::from(len))?.into(), value: PhantomData })
    }
}

/// Three bytes of a keyed hash: enough to tell few apart.
pub type ShortHash = [u8; 3];

/// The short form of a hash.
pub fn short_hash(hash: u64) -> ShortHash {
    let [first, second, third, ..] = hash.to_le_bytes();
    [first, second, third]
}

/// The sequence number of which a state kept the low half, when the event at `seq` came at most 2^32 later.
pub fn whole_seq(seq: Seq, half: u32) -> Seq {
    // What a damaged snapshot holds may lie before the beginning.
    seq.back(u64::from((seq.get() as u32).wrapping_sub(half)))
}

/// What stands before a text: that there is none, that its length follows, that it is a UUID,
const NO_TEXT: u8 = 0;
const LONG_TEXT: u8 = 1;
const UUID_TEXT: u8 = 2;
/// or from here on its length, which nearly every text is short enough for.
const SHORT_TEXT: u8 = 3;

/// Packs a short text, or that there is none. A UUID, which most names of sessions and workspaces are, takes 17 bytes.
pub fn pack_text(text: Option<&str>, out: &mut Vec<u8>) {
    let Some(text) = text else { return out.push(NO_TEXT) };
    if let Some(uuid) = uuid(text) {
        out.push(UUID_TEXT);
        out.extend_from_slice(uuid.as_bytes());
        return;
    }
    let text = &text[..text.floor_char_boundary(u16::MAX.into())];
    if let Some(short) = u8::try_from(text.len()).ok().and_then(|len| len.checked_add(SHORT_TEXT)) {
        out.push(short);
    } else {
        out.push(LONG_TEXT);
        (text.len() as u16).pack(out);
    }
    out.extend_from_slice(text.as_bytes());
}

/// Takes a text that [`pack_text`] wrote.
pub fn unpack_text(input: &mut &[u8]) -> Result<Option<String>, RestoreError> {
    let len = match u8::unpack(input)? {
        NO_TEXT => return Ok(None),
        UUID_TEXT => {
            let bytes = take(input, 16)?.try_into().map_err(|_| RestoreError::Malformed)?;
            return Ok(Some(Uuid::from_bytes(bytes).hyphenated().to_string()));
        }
        LONG_TEXT => u16::unpack(input)?,
        short => u16::from(short - SHORT_TEXT),
    };
    let text = std::str::from_utf8(take(input, len.into())?).map_err(|_| RestoreError::Malformed)?;
    Ok(Some(text.to_owned()))
}

/// The UUID that a text is, if it is written as it will be read back: with hyphens, in lower case.
fn uuid(text: &str) -> Option<Uuid> {
    // The parser of all forms takes its time to say what is wrong with a text that is none of them.
    if text.len() != Hyphenated::LENGTH {
        return None;
    }
    let found = Uuid::try_parse(text).ok()?;
    let mut written = [0; Hyphenated::LENGTH];
    (found.hyphenated().encode_lower(&mut written) == text).then_some(found)
}

impl Pack for () {
    fn pack(&self, _: &mut Vec<u8>) {}

    fn unpack(_: &mut &[u8]) -> Result<Self, RestoreError> {
        Ok(())
    }
}

impl<T: Pack> Pack for Option<T> {
    fn pack(&self, out: &mut Vec<u8>) {
        self.is_some().pack(out);
        if let Some(value) = self {
            value.pack(out);
        }
    }

    fn unpack(input: &mut &[u8]) -> Result<Self, RestoreError> {
        if bool::unpack(input)? { T::unpack(input).map(Some) } else { Ok(None) }
    }
}

impl<T: Pack> Pack for Box<T> {
    fn pack(&self, out: &mut Vec<u8>) {
        self.as_ref().pack(out);
    }

    fn unpack(input: &mut &[u8]) -> Result<Self, RestoreError> {
        T::unpack(input).map(Self::new)
    }
}

impl<T: Pack> Pack for Box<[T]> {
    fn pack(&self, out: &mut Vec<u8>) {
        (self.len() as u32).pack(out);
        self.iter().for_each(|item| item.pack(out));
    }

    fn unpack(input: &mut &[u8]) -> Result<Self, RestoreError> {
        Vec::unpack(input).map(Self::from)
    }
}

impl<T: Pack> Pack for Vec<T> {
    fn pack(&self, out: &mut Vec<u8>) {
        (self.len() as u32).pack(out);
        for item in self {
            item.pack(out);
        }
    }

    fn unpack(input: &mut &[u8]) -> Result<Self, RestoreError> {
        // Nothing is reserved by a length that the bytes may not hold.
        (0..u32::unpack(input)?).map(|_| T::unpack(input)).collect()
    }
}

impl<K: Pack + Ord, V: Pack> Pack for BTreeMap<K, V> {
    fn pack(&self, out: &mut Vec<u8>) {
        (self.len() as u32).pack(out);
        for (key, value) in self {
            key.pack(out);
            value.pack(out);
        }
    }

    fn unpack(input: &mut &[u8]) -> Result<Self, RestoreError> {
        (0..u32::unpack(input)?).map(|_| Pack::unpack(input)).collect()
    }
}

impl<T: Pack> Pack for VecDeque<T> {
    fn pack(&self, out: &mut Vec<u8>) {
        (self.len() as u32).pack(out);
        for item in self {
            item.pack(out);
        }
    }

    fn unpack(input: &mut &[u8]) -> Result<Self, RestoreError> {
        Vec::unpack(input).map(Self::from)
    }
}

impl<T: Pack, const N: usize> Pack for [T; N] {
    fn pack(&self, out: &mut Vec<u8>) {
        for item in self {
            item.pack(out);
        }
    }

    fn unpack(input: &mut &[u8]) -> Result<Self, RestoreError> {
        let items: Vec<T> = (0..N).map(|_| T::unpack(input)).collect::<Result<_, _>>()?;
        items.try_into().map_err(|_| RestoreError::Malformed)
    }
}

impl<A: Pack, B: Pack> Pack for (A, B) {
    fn pack(&self, out: &mut Vec<u8>) {
        self.0.pack(out);
        self.1.pack(out);
    }

    fn unpack(input: &mut &[u8]) -> Result<Self, RestoreError> {
        Ok((A::unpack(input)?, B::unpack(input)?))
    }
}

/// Appends a value with names and texts, as JSON.
pub fn pack_json(value: &impl Serialize, out: &mut Vec<u8>) -> Result<(), RestoreError> {
    let bytes = serde_json::to_vec(value)?;
    (bytes.len() as u64).pack(out);
    out.extend_from_slice(&bytes);
    Ok(())
}

/// Takes a value that [`pack_json`] wrote.
pub fn unpack_json<T: DeserializeOwned>(input: &mut &[u8]) -> Result<T, RestoreError> {
    let len = u64::unpack(input)?;
    Ok(serde_json::from_slice(take(input, len)?)?)
}

fn take<'a>(input: &mut &'a [u8], len: u64) -> Result<&'a [u8], RestoreError> {
    let len = usize::try_from(len).map_err(|_| RestoreError::Malformed)?;
    let (bytes, rest) = input.split_at_checked(len).ok_or(RestoreError::Malformed)?;
    *input = rest;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone, PartialEq)]
    struct Sample {
        list: Vec<(u64, Option<i64>)>,
        pair: [u16; 2],
        flag: bool,
    }
    packed!(Sample { list, pair, flag });

    proptest! {
        #[test]
        fn what_is_packed_is_read_back_and_cut_bytes_are_refused(
            list in proptest::collection::vec(any::<(u64, Option<i64>)>(), 0..9), pair: [u16; 2], flag: bool, cut in 1usize..8,
        ) {
            let sample = Sample { list, pair, flag };
            let mut bytes = Vec::new();
            sample.pack(&mut bytes);
            let mut input = bytes.as_slice();
            prop_assert_eq!(Sample::unpack(&mut input).unwrap(), sample);
            prop_assert!(input.is_empty());
            let cut = bytes.len().saturating_sub(cut);
            prop_assert!(Sample::unpack(&mut &bytes[..cut]).is_err());
        }
    }

    proptest! {
        #[test]
        fn short_texts_are_read_back(text in prop_oneof!["\\PC{0,40}", "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-fA]{12}"]) {
            for text in [None, Some(text.as_str())] {
                let mut bytes = Vec::new();
                pack_text(text, &mut bytes);
                let mut input = bytes.as_slice();
                let loaded = unpack_text(&mut input).unwrap();
                prop_assert_eq!(loaded.as_deref(), text);
                prop_assert!(input.is_empty() && unpack_text(&mut &bytes[..bytes.len() - 1]).is_err());
            }
        }
    }

    proptest! {
        // A chance of 9.950248756218909e-7 came back as its neighbour, and a restart as another state.
        #[test]
        fn numbers_with_fractions_come_back_as_they_were(number in prop_oneof![0.0..1.0_f64, 1e-12..1e-3_f64, proptest::num::f64::NORMAL]) {
            let mut bytes = Vec::new();
            pack_json(&number, &mut bytes).unwrap();
            prop_assert_eq!(unpack_json::<f64>(&mut bytes.as_slice()).unwrap().to_bits(), number.to_bits());
        }
    }

    #[test]
    fn a_sequence_number_is_known_by_its_half() {
        let check = |seq: u64, kept: u64| {
            assert_eq!(whole_seq(Seq::new(seq), kept as u32), Seq::new(kept), "{kept} at {seq}");
        };
        check(7, 7);
        check(1 << 33, (1 << 33) - 5);
        check((1 << 32) + 3, 4);
        assert_eq!(whole_seq(Seq::new(3), 9), Seq::FIRST, "no event stands before the first");
    }

    #[test]
    fn json_stands_between_other_values() {
        let mut bytes = Vec::new();
        pack_json(&vec!["a"], &mut bytes).unwrap();
        7u8.pack(&mut bytes);
        let mut input = bytes.as_slice();
        assert_eq!(unpack_json::<Vec<String>>(&mut input).unwrap(), ["a"]);
        assert_eq!(u8::unpack(&mut input).unwrap(), 7);
        assert!(unpack_json::<Vec<String>>(&mut [255u8; 8].as_slice()).is_err());
    }
}
