//! The canonical bytes of one part of an event: columns in the order of their ids, each with its length.
//!
//! `part = *( id u16 ‖ length u32 ‖ value )`, big-endian, ids strictly ascending, nulls left out. This package does not
//! know what a column means: only the ledger's column tables do.

use core::fmt;

/// The bytes before a column's value: its id and its length.
pub const COLUMN_HEADER_LEN: usize = 6;

/// Why bytes are not the canonical form of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartError {
    /// The bytes end inside a column that starts at this offset.
    Truncated(usize),
    /// The column id at this offset is not larger than the one before it.
    Unordered(usize),
}

impl fmt::Display for PartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated(at) => write!(f, "part ends inside the column at byte {at}"),
            Self::Unordered(at) => write!(f, "column id at byte {at} is not above the one before it"),
        }
    }
}

impl core::error::Error for PartError {}

/// Appends one column. The caller appends in ascending order of `id`.
pub fn write_column(out: &mut Vec<u8>, id: u16, value: &[u8]) {
    out.extend_from_slice(&id.to_be_bytes());
    out.extend_from_slice(&(value.len() as u32).to_be_bytes());
    out.extend_from_slice(value);
}

/// Appends one element of a list value: its length as u32 and its bytes.
pub fn write_list_element(out: &mut Vec<u8>, element: &[u8]) {
    out.extend_from_slice(&(element.len() as u32).to_be_bytes());
    out.extend_from_slice(element);
}

/// Walks the columns of a part as `(id, value)`, in order, and stops after the first error.
#[derive(Clone)]
pub struct Columns<'a> {
    bytes: &'a [u8],
    at: usize,
    last: Option<u16>,
}

/// Starts a walk over the columns of `bytes`.
#[inline]
pub fn columns(bytes: &[u8]) -> Columns<'_> {
    Columns { bytes, at: 0, last: None }
}

impl<'a> Iterator for Columns<'a> {
    type Item = Result<(u16, &'a [u8]), PartError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let start = self.at;
        if start == self.bytes.len() {
            return None;
        }
        // Whatever goes wrong below ends the walk.
        self.at = self.bytes.len();
        let rest = &self.bytes[start..];
        let Some((head, tail)) = rest.split_first_chunk::<COLUMN_HEADER_LEN>() else {
            return Some(Err(PartError::Truncated(start)));
        };
        let id = u16::from_be_bytes([head[0], head[1]]);
        let len = u32::from_be_bytes([head[2], head[3], head[4], head[5]]) as usize;
        let Some(value) = tail.get(..len) else {
            return Some(Err(PartError::Truncated(start)));
        };
        if self.last.is_some_and(|last| id <= last) {
            return Some(Err(PartError::Unordered(start)));
        }
        self.last = Some(id);
        self.at = start + COLUMN_HEADER_LEN + len;
        Some(Ok((id, value)))
    }
}

/// Walks the elements of a list value; `None` stands for an element that does not fit its bytes, after which it ends.
pub fn list_elements(value: &[u8]) -> impl Iterator<Item = Option<&[u8]>> {
    let mut rest = value;
    core::iter::from_fn(move || {
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
        fn columns_round_trip(map in prop::collection::btree_map(any::<u16>(), prop::collection::vec(any::<u8>(), 0..40), 0..20)) {
            let mut bytes = Vec::new();
            for (id, value) in &map {
                write_column(&mut bytes, *id, value);
            }
            let read: BTreeMap<u16, Vec<u8>> = columns(&bytes).map(|c| c.map(|(i, v)| (i, v.to_vec())).expect("valid")).collect();
            prop_assert_eq!(read, map);
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
        assert_eq!(columns(&bytes).last(), Some(Err(PartError::Unordered(7))));
        assert_eq!(columns(&bytes[..6]).last(), Some(Err(PartError::Truncated(0))));
    }
}
