//! The one place where this package appends a column to a part: what entries, blocks and sealed columns hold is hashed alike.

/// Appends a column to the canonical bytes of a part.
#[inline]
pub(crate) fn write_column(out: &mut Vec<u8>, id: u8, value: &[u8]) {
    #[cfg(test)]
    let Some((id, value)) = crate::fixtures::mistakes::in_part(id, value) else { return };
    proof::part::write_column(out, id, value);
}
