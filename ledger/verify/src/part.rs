//! The canonical bytes of an event's parts, written from values and read again (FORMAT.md section 2), and the leaf that they lead to
//! (section 3).

use proof::Digest;
use proof::leaf::{CONTENT_DOMAIN, FACTS_DOMAIN, Leaf, commitment, digest, salt};

use crate::table::Kind;

/// The secrets of one batch, from which salts follow.
#[derive(Clone, Copy)]
pub(crate) struct Secrets {
    pub(crate) facts: [u8; 32],
    pub(crate) content: [u8; 32],
}

/// Where a row stands and when it was recorded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowPlace {
    pub(crate) shard: u32,
    pub(crate) seq: u64,
    pub(crate) recorded: i64,
    pub(crate) flags: u32,
}

/// Appends a column: its id, the length of its value, its value.
#[inline]
pub(crate) fn put(part: &mut Vec<u8>, id: u8, value: &[u8]) {
    put_head(part, id, value.len());
    part.extend_from_slice(value);
}

/// Appends a column whose value is a number.
#[inline]
pub(crate) fn put_number(part: &mut Vec<u8>, id: u8, number: [u8; 8]) {
    let mut bytes = [id, 8, 0, 0, 0, 0, 0, 0, 0, 0];
    bytes[2..].copy_from_slice(&number);
    part.extend_from_slice(&bytes);
}

/// Appends a column whose value are the first `length` of these bytes.
#[inline]
pub(crate) fn put_short(part: &mut Vec<u8>, id: u8, bytes: [u8; 12], length: usize) {
    let (start, length) = (part.len(), length.min(bytes.len()));
    let mut column = [0; 14];
    column[0] = id;
    column[1] = length as u8;
    column[2..].copy_from_slice(&bytes);
    // A copy whose length is known when it is compiled costs a fraction of one whose length is not.
    part.extend_from_slice(&column);
    part.truncate(start + 2 + length);
}

/// Appends a column whose value is a list of texts.
pub(crate) fn put_list<'a>(part: &mut Vec<u8>, id: u8, texts: impl Iterator<Item = &'a [u8]> + Clone) {
    put_head(part, id, texts.clone().map(|text| 4 + text.len()).sum());
    for text in texts {
        part.extend_from_slice(&(text.len() as u32).to_be_bytes());
        part.extend_from_slice(text);
    }
}

/// Id and length: seven bits a byte, the lowest first, the top bit set in all but the last.
#[inline]
fn put_head(part: &mut Vec<u8>, id: u8, mut length: usize) {
    part.push(id);
    while length > 0x7f {
        part.push(0x80 | (length & 0x7f) as u8);
        length >>= 7;
    }
    part.push(length as u8);
}

/// Reads a length from the front and says what follows; `None` if it is cut off, not in as few bytes as it needs, or above 32 bits.
pub(crate) fn take_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let end = bytes.iter().take(5).position(|byte| *byte < 0x80)?;
    let (groups, rest) = bytes.split_at_checked(end + 1)?;
    let length = groups.iter().rev().fold(0_u64, |length, group| length << 7 | u64::from(group & 0x7f));
    let is_shortest = end == 0 || groups[end] != 0;
    (is_shortest && u32::try_from(length).is_ok()).then_some((length as usize, rest))
}

/// A column of a part: its id and its value.
pub(crate) type Written<'a> = (u8, &'a [u8]);

/// Reads a column from the front, and says what follows; `None` if it is cut off.
pub(crate) fn take_column(part: &[u8]) -> Option<(Written<'_>, &[u8])> {
    let (id, rest) = part.split_first()?;
    let (length, rest) = take_length(rest)?;
    let (value, rest) = rest.split_at_checked(length)?;
    Some(((*id, value), rest))
}

/// What is wrong with the bytes of a value, if anything is.
pub(crate) fn check_value(kind: Kind, value: &[u8]) -> Result<(), &'static str> {
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).map(|_| ()).map_err(|_| "a text that is not UTF-8");
    match kind {
        Kind::Text => text(value),
        Kind::Integer | Kind::Time | Kind::Fingerprint if value.len() != 8 => Err("a number that is not 8 bytes long"),
        Kind::Integer | Kind::Time | Kind::Fingerprint | Kind::Bytes => Ok(()),
        Kind::TextList => {
            let mut rest = value;
            while !rest.is_empty() {
                let (length, after) = rest.split_first_chunk::<4>().ok_or("a list that ends inside of a length")?;
                let split = after.split_at_checked(u32::from_be_bytes(*length) as usize);
                let (element, after) = split.ok_or("a list that ends inside of a text")?;
                text(element)?;
                rest = after;
            }
            Ok(())
        }
    }
}

/// The time that a facts part starts with, if `id` is the lowest of all ids and the event has that column.
pub(crate) fn time_of(facts: &[u8], id: u8) -> Option<i64> {
    let value = facts.strip_prefix(&[id, 8])?.first_chunk::<8>()?;
    Some(i64::from_be_bytes(*value))
}

/// The hash of a row's leaf. A part without columns is no part.
pub(crate) fn leaf(place: RowPlace, secrets: &Secrets, facts: &[u8], content: &[u8]) -> Digest {
    let commit =
        |secret: &[u8; 32], domain: &[u8], part: &[u8]| commitment(&salt(secret, place.seq), &digest(domain, part));
    let leaf = Leaf {
        shard: place.shard,
        recorded: place.recorded,
        flags: place.flags,
        facts: commit(&secrets.facts, FACTS_DOMAIN, facts),
        content: (!content.is_empty()).then(|| commit(&secrets.content, CONTENT_DOMAIN, content)),
    };
    leaf.hash()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fmt::Write as _;

    /// A vector of FORMAT.md section 11.
    fn vector(name: &str) -> &'static str {
        let page = include_str!("../../FORMAT.md");
        let line = page.lines().find_map(|line| line.strip_prefix(&format!("    {name}: ")));
        line.expect("a vector")
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    #[test]
    fn the_vectors_of_the_page_come_out() {
        let (mut facts, mut content) = (Vec::new(), Vec::new());
        put(&mut facts, 1, &1_789_378_203_118_000_i64.to_be_bytes());
        put(&mut facts, 8, b"egress.http");
        put(&mut facts, 28, &403_i64.to_be_bytes());
        put_list(&mut facts, 58, [&b"aws:url:3"[..], b"b"].into_iter());
        put(&mut content, 102, br#"{"prompt":"hi"}"#);
        assert_eq!(hex(&facts), vector("facts part"));
        assert_eq!(hex(&content), vector("content part"));
        assert_eq!(time_of(&facts, 1), Some(1_789_378_203_118_000));
        let place = RowPlace { shard: 0, seq: 7, recorded: 1_789_378_208_200_000, flags: 1 };
        let secrets = Secrets { facts: [1; 32], content: [2; 32] };
        assert_eq!(leaf(place, &secrets, &facts, &content).to_string(), vector("leaf"));
    }

    proptest! {
        #[test]
        fn lengths_have_one_form(length: u32, tail: [u8; 3], any_bytes in prop::collection::vec(any::<u8>(), 0..8)) {
            let mut bytes = Vec::new();
            put_head(&mut bytes, 9, length as usize);
            let end = bytes.len();
            bytes.extend(tail);
            prop_assert_eq!(take_length(&bytes[1..]), Some((length as usize, &tail[..])));
            prop_assert_eq!(take_length(&bytes[1..end - 1]), None);
            if let Some((length, rest)) = take_length(&any_bytes) {
                let mut again = Vec::new();
                put_head(&mut again, 9, length);
                prop_assert_eq!(&again[1..], &any_bytes[..any_bytes.len() - rest.len()]);
            }
        }

        #[test]
        fn columns_are_taken_as_they_were_put(id: u8, value in prop::collection::vec(any::<u8>(), 0..300), tail: [u8; 3]) {
            let mut part = Vec::new();
            put(&mut part, id, &value);
            let end = part.len();
            part.extend(tail);
            prop_assert_eq!(take_column(&part), Some(((id, &value[..]), &tail[..])));
            for cut in 0..end {
                prop_assert_eq!(take_column(&part[..cut]), None);
            }
        }

        #[test]
        fn short_values_and_numbers_are_written_as_all_others(id: u8, number: [u8; 8], bytes: [u8; 12], length in 0_usize..=12) {
            let [mut short, mut fixed, mut same] = [vec![3], vec![3], vec![3]];
            put_short(&mut short, id, bytes, length);
            put(&mut same, id, &bytes[..length]);
            prop_assert_eq!(&short, &same);
            same.truncate(1);
            put_number(&mut fixed, id, number);
            put(&mut same, id, &number);
            prop_assert_eq!(&fixed, &same);
        }

        #[test]
        fn what_is_written_as_a_list_is_one(texts in prop::collection::vec("\\PC{0,9}", 0..5), cut in 1_usize..4) {
            let mut part = Vec::new();
            put_list(&mut part, 9, texts.iter().map(String::as_bytes));
            let (length, value) = take_length(&part[1..]).expect("a length");
            prop_assert_eq!(length, value.len());
            prop_assert_eq!(check_value(Kind::TextList, value), Ok(()));
            prop_assert!(texts.is_empty() || check_value(Kind::TextList, &value[..value.len() - cut]).is_err());
        }

        #[test]
        fn any_value_is_judged_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            for kind in [Kind::Text, Kind::Integer, Kind::Time, Kind::Fingerprint, Kind::Bytes, Kind::TextList] {
                let _ = check_value(kind, &bytes);
            }
            let _ = (take_length(&bytes), take_column(&bytes), time_of(&bytes, 1));
        }
    }
}
