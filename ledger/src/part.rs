//! The canonical bytes of one part of an event: columns in the order of their ids, each with its length. What entries, blocks and sealed
//! columns hold is written here and so hashed alike; the verifier has a codec of its own and must not use this one.
//!
//! `part = *( id u8 ‖ length ‖ value )`, ids strictly ascending, nulls left out; the length is a number of seven-bit groups, the
//! lowest first, each but the last with its top bit set, in as few bytes as it needs (LEB128). What a column means only the
//! column tables know.

use std::fmt;

/// The most bytes before a column's value: its id and its length.
pub(crate) const COLUMN_HEADER_LEN_MAX: usize = 1 + LENGTH_BYTES_MAX;

/// The most bytes of a length, which fits 32 bits.
const LENGTH_BYTES_MAX: usize = 5;

/// Why bytes are not the canonical form of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartError {
    /// The bytes end inside a column that starts at this offset.
    Truncated(usize),
    /// The column id at this offset is not larger than the one before it.
    Unordered(usize),
    /// The length at this offset is not written in as few bytes as it needs, or is above 32 bits.
    Length(usize),
}

impl fmt::Display for PartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated(at) => write!(f, "part ends inside the column at byte {at}"),
            Self::Unordered(at) => write!(f, "column id at byte {at} is not above the one before it"),
            Self::Length(at) => write!(f, "the length of the column at byte {at} is not in its one form"),
        }
    }
}

impl std::error::Error for PartError {}

/// Appends one column. The caller appends in ascending order of `id`.
#[inline]
pub(crate) fn write_column(out: &mut Vec<u8>, id: u8, value: &[u8]) {
    #[cfg(test)]
    let Some((id, value)) = crate::fixtures::mistakes::in_part(id, value) else { return };
    let (header, len) = column_header(id, value.len() as u32);
    out.reserve(COLUMN_HEADER_LEN_MAX + value.len());
    out.extend_from_slice(&header[..len]);
    out.extend_from_slice(value);
}

/// What precedes a value of `len` bytes, in the first bytes of an array, and how many they are.
#[inline]
pub(crate) fn column_header(id: u8, len: u32) -> ([u8; COLUMN_HEADER_LEN_MAX], usize) {
    let (mut bytes, mut at, mut rest) = ([0; COLUMN_HEADER_LEN_MAX], 1, len);
    bytes[0] = id;
    while rest >= 0x80 {
        bytes[at] = rest as u8 | 0x80;
        rest >>= 7;
        at += 1;
    }
    bytes[at] = rest as u8;
    (bytes, at + 1)
}

/// Appends a number as lengths are written.
#[inline]
pub(crate) fn write_length(out: &mut Vec<u8>, len: u32) {
    let (bytes, end) = column_header(0, len);
    out.extend_from_slice(&bytes[1..end]);
}

/// Reads a number as lengths are written, and says how many bytes it has; `None` if it is cut off or not in its one form.
#[inline]
pub(crate) fn read_length(bytes: &[u8]) -> Option<(u32, usize)> {
    let first = *bytes.first()?;
    if first < 0x80 {
        return Some((u32::from(first), 1));
    }
    let mut value = u64::from(first & 0x7f);
    for (at, byte) in bytes.iter().enumerate().take(LENGTH_BYTES_MAX).skip(1) {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            // A last group of zeros would be a second form of the same number.
            return u32::try_from(value).ok().filter(|_| *byte != 0).map(|value| (value, at + 1));
        }
    }
    None
}

/// Appends one element of a list value: its length as u32 and its bytes.
pub(crate) fn write_list_element(out: &mut Vec<u8>, element: &[u8]) {
    out.extend_from_slice(&(element.len() as u32).to_be_bytes());
    out.extend_from_slice(element);
}

/// Walks the columns of a part as `(id, value)`, in order, and stops after the first error.
#[derive(Clone)]
pub(crate) struct Columns<'a> {
    bytes: &'a [u8],
    at: usize,
    last: Option<u8>,
}

/// Starts a walk over the columns of `bytes`.
#[inline]
pub(crate) fn columns(bytes: &[u8]) -> Columns<'_> {
    Columns { bytes, at: 0, last: None }
}

impl<'a> Iterator for Columns<'a> {
    type Item = Result<(u8, &'a [u8]), PartError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let start = self.at;
        if start == self.bytes.len() {
            return None;
        }
        // Whatever goes wrong below ends the walk.
        self.at = self.bytes.len();
        let Some((id, rest)) = self.bytes[start..].split_first() else {
            return Some(Err(PartError::Truncated(start)));
        };
        let Some((len, len_bytes)) = read_length(rest) else {
            let cut_off = rest.len() < LENGTH_BYTES_MAX && rest.iter().all(|byte| byte & 0x80 != 0);
            return Some(Err(if cut_off { PartError::Truncated(start) } else { PartError::Length(start) }));
        };
        let from = start + 1 + len_bytes;
        let Some(value) = self.bytes[from..].get(..len as usize) else {
            return Some(Err(PartError::Truncated(start)));
        };
        if self.last.is_some_and(|last| *id <= last) {
            return Some(Err(PartError::Unordered(start)));
        }
        self.last = Some(*id);
        self.at = from + value.len();
        Some(Ok((*id, value)))
    }
}

/// Walks the elements of a list value; `None` stands for an element that does not fit its bytes, after which it ends.
pub(crate) fn list_elements(value: &[u8]) -> impl Iterator<Item = Option<&[u8]>> {
    let mut rest = value;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let element = rest.split_first_chunk::<4>().and_then(|(len, tail)| {
            let len = u32::from_be_bytes(*len) as usize;
            tail.get(..len).map(|element| (element, &tail[len..]))
        });
        rest = element.map_or(&[], |(_, tail)| tail);
        Some(element.map(|(element, _)| element))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn columns_round_trip(map in prop::collection::btree_map(any::<u8>(), prop::collection::vec(any::<u8>(), 0..300), 0..20)) {
            let mut bytes = Vec::new();
            for (id, value) in &map {
                write_column(&mut bytes, *id, value);
            }
            let read: BTreeMap<u8, Vec<u8>> = columns(&bytes).map(|c| c.map(|(i, v)| (i, v.to_vec())).expect("valid")).collect();
            prop_assert_eq!(read, map);
        }

        #[test]
        fn lengths_have_one_form(len: u32, bytes in prop::collection::vec(any::<u8>(), 0..8)) {
            let mut written = Vec::new();
            write_length(&mut written, len);
            prop_assert_eq!(read_length(&written), Some((len, written.len())));
            prop_assert_eq!(read_length(&written[..written.len() - 1]), None);
            if let Some((len, read)) = read_length(&bytes) {
                let mut again = Vec::new();
                write_length(&mut again, len);
                prop_assert_eq!(&again[..], &bytes[..read]);
            }
        }

        #[test]
        fn any_bytes_end_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = columns(&bytes).count();
            let _ = list_elements(&bytes).count();
        }

        #[test]
        fn lists_round_trip(list in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..10)) {
            let mut bytes = Vec::new();
            for element in &list {
                write_list_element(&mut bytes, element);
            }
            let read: Vec<Vec<u8>> = list_elements(&bytes).map(|e| e.expect("valid").to_vec()).collect();
            prop_assert_eq!(read, list);
        }
    }

    #[test]
    fn disorder_and_truncation_are_told_apart() {
        let mut bytes = Vec::new();
        write_column(&mut bytes, 2, b"x");
        write_column(&mut bytes, 2, b"y");
        assert_eq!(columns(&bytes).last(), Some(Err(PartError::Unordered(3))));
        assert_eq!(columns(&bytes[..2]).last(), Some(Err(PartError::Truncated(0))));
        assert_eq!(columns(&[2, 0x80]).last(), Some(Err(PartError::Truncated(0))));
        assert_eq!(columns(&[2, 0x81, 0x00, 1]).last(), Some(Err(PartError::Length(0))));
        assert_eq!(columns(&[2, 0xff, 0xff, 0xff, 0xff, 0x7f]).last(), Some(Err(PartError::Length(0))));
    }
}
