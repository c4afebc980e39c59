//! The texts or bytes of one growing column: 16-byte views over blocks, in which a value that was seen lately is stored once.
//!
//! Events of one agent repeat most of their texts. Finding that out costs less than copying them, and the hot tail, whose
//! columns these are, takes less memory.

use arrow::array::builder::{NullBufferBuilder, make_view};
use arrow::array::{ArrayRef, GenericByteViewArray};
use arrow::buffer::{Buffer, NullBuffer, ScalarBuffer};
use arrow::datatypes::ByteViewType;
use arrow::error::ArrowError;

use std::sync::Arc;

/// A value up to this length lies in its view.
const INLINE_LEN_MAX: usize = 12;
/// The first block of a column,
const BLOCK_BYTES_MIN: usize = 8 << 10;
/// and the largest, unless one value is larger.
const BLOCK_BYTES_MAX: usize = 1 << 20;
/// Values that are found again, if no other value took their place: a power of two.
const RECENT: usize = 256;

/// The values so far.
#[derive(Debug)]
pub(super) struct Views {
    words: Vec<u128>,
    nulls: NullBufferBuilder,
    /// Blocks that are full.
    full: Vec<Buffer>,
    /// The block that is being filled.
    block: Vec<u8>,
    /// Views of values by a hash of their ends; 0 for none. Empty until the first value that does not lie in its view.
    recent: Vec<u128>,
}

impl Views {
    pub(super) fn new() -> Self {
        Self {
            words: Vec::new(),
            nulls: NullBufferBuilder::new(0),
            full: Vec::new(),
            block: Vec::new(),
            recent: Vec::new(),
        }
    }

    /// Number of values, nulls included.
    pub(super) fn len(&self) -> usize {
        self.words.len()
    }

    /// Adds nulls.
    pub(super) fn append_nulls(&mut self, count: usize) {
        if count > 0 {
            self.words.resize(self.words.len() + count, 0);
            self.nulls.append_n_nulls(count);
        }
    }

    /// Adds a value that `check` accepts; one that was accepted lately is not asked about again. On an error nothing was added.
    pub(super) fn append(
        &mut self,
        value: &[u8],
        check: impl Fn(&[u8]) -> Result<(), &'static str>,
    ) -> Result<(), &'static str> {
        let view = if value.len() <= INLINE_LEN_MAX {
            check(value)?;
            make_view(value, 0, 0)
        } else {
            self.store(value, check)?
        };
        self.words.push(view);
        self.nulls.append_non_null();
        Ok(())
    }

    fn store(&mut self, value: &[u8], check: impl Fn(&[u8]) -> Result<(), &'static str>) -> Result<u128, &'static str> {
        if self.recent.is_empty() {
            self.recent = vec![0; RECENT];
        }
        let slot = slot(value);
        let seen = self.recent.get(slot).copied().filter(|seen| *seen != 0);
        if let Some(seen) = seen.filter(|seen| self.value(*seen) == Some(value)) {
            return Ok(seen);
        }
        check(value)?;
        if u32::try_from(value.len()).is_err() {
            return Err("a value that is too long");
        }
        if self.block.capacity() - self.block.len() < value.len() {
            let size = (self.block.capacity() * 2).clamp(BLOCK_BYTES_MIN, BLOCK_BYTES_MAX).max(value.len());
            let full = std::mem::replace(&mut self.block, Vec::with_capacity(size));
            if !full.is_empty() {
                self.full.push(full.into());
            }
        }
        let view = make_view(value, self.full.len() as u32, self.block.len() as u32);
        self.block.extend_from_slice(value);
        if let Some(recent) = self.recent.get_mut(slot) {
            *recent = view;
        }
        Ok(view)
    }

    /// The bytes that a view of a longer value refers to.
    fn value(&self, view: u128) -> Option<&[u8]> {
        // The layout of Arrow's Utf8View: length, prefix, block, offset, each 32 bits, from the lowest bits on.
        let (len, block, start) = (view as u32 as usize, (view >> 64) as u32 as usize, (view >> 96) as usize);
        let block = self.full.get(block).map_or(self.block.as_slice(), Buffer::as_slice);
        block.get(start..start + len)
    }

    /// The values as an array; they start anew.
    pub(super) fn finish<T: ByteViewType>(&mut self) -> Result<ArrayRef, ArrowError> {
        let mut all = std::mem::replace(self, Self::new());
        if !all.block.is_empty() {
            all.full.push(all.block.into());
        }
        array::<T>(all.words.into(), all.full, all.nulls.finish())
    }

    /// A copy of the values as an array.
    pub(super) fn snapshot<T: ByteViewType>(&self) -> Result<ArrayRef, ArrowError> {
        let mut blocks = self.full.clone();
        if !self.block.is_empty() {
            blocks.push(Buffer::from(self.block.as_slice()));
        }
        array::<T>(self.words.clone().into(), blocks, self.nulls.finish_cloned())
    }
}

fn array<T: ByteViewType>(
    views: ScalarBuffer<u128>,
    blocks: Vec<Buffer>,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef, ArrowError> {
    Ok(Arc::new(GenericByteViewArray::<T>::try_new(views, blocks, nulls)?))
}

/// Where a value of more than [`INLINE_LEN_MAX`] bytes is looked for: by its length and its last bytes, since ids and addresses
/// share their beginnings.
fn slot(value: &[u8]) -> usize {
    let last = value.last_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let first = value.first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let mixed = (last ^ first.rotate_left(29) ^ value.len() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 56) as usize & (RECENT - 1)
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array as _, AsArray as _, StringViewArray};
    use arrow::datatypes::StringViewType;
    use proptest::prelude::*;

    use super::*;

    fn text(value: &[u8]) -> Result<(), &'static str> {
        std::str::from_utf8(value).map(|_| ()).map_err(|_| "bytes that are not UTF-8")
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(values in prop::collection::vec(prop::option::of("[ab]{0,3}(-one-of-a-few-long-texts-)?[ab]{0,3}"), 0..600)) {
            let mut views = Views::new();
            for value in &values {
                match value {
                    Some(value) => views.append(value.as_bytes(), text).unwrap(),
                    None => views.append_nulls(1),
                }
            }
            let want = StringViewArray::from_iter(values);
            let copy = views.snapshot::<StringViewType>().unwrap();
            prop_assert_eq!(copy.as_string_view(), &want);
            let finished = views.finish::<StringViewType>().unwrap();
            prop_assert_eq!(finished.as_string_view(), &want);
            prop_assert_eq!(views.len(), 0);
        }
    }

    #[test]
    fn a_repeated_text_is_stored_once_and_blocks_grow() {
        let mut views = Views::new();
        for _ in 0..1_000 {
            views.append(b"8f0d2c4e-6b1a-4d39-9c77-2e5a9b7f1d60", text).unwrap();
        }
        assert_eq!(views.block.len(), 36);
        let long = vec![b'x'; 3 * BLOCK_BYTES_MAX];
        views.append(&long, text).unwrap();
        views.append(b"and one more after the long one", text).unwrap();
        let finished = views.finish::<StringViewType>().unwrap();
        let array = finished.as_string_view();
        assert_eq!((array.value(999).len(), array.value(1_000).len(), array.value(1_001).len()), (36, long.len(), 31));
    }

    #[test]
    fn what_is_refused_leaves_nothing() {
        let mut views = Views::new();
        for value in [b"\xff".as_slice(), b"more than twelve bytes \xff"] {
            assert!(views.append(value, text).is_err());
            assert!(views.append(value, text).is_err(), "it is not remembered as good");
        }
        assert_eq!(views.len(), 0);
        assert_eq!(views.finish::<StringViewType>().unwrap().len(), 0);
    }
}
