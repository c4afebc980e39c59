//! The form in which one machine hands records to another that records them: the bytes of each as its transport told them apart, with
//! when it was seen. Who wrote them and what they mean is for the receiver: nothing here says either.
//!
//! A body is a series of frames: length u32 (of what follows), kind u8, fields. Integers are big-endian, times microseconds since
//! 1970 UTC, texts UTF-8 with a length u16 before them; what is last in a frame takes its rest.
//!
//! | kind | fields | numbers it takes |
//! |---|---|---|
//! | 1 record | seen i64, bytes | 1 |
//! | 2 kept, not understood | seen i64, reason text, bytes | 1 |
//! | 3 loss that the transport reports | seen i64, source, action, target texts, record | 1 |
//! | 4 void: numbers of records that will not come | count u64 | count |
//! | 5 lineage of the records that follow | for each: whether it is continued u8, name text | 0 |

use crate::limits::{LINE_BYTES_MAX, RELAY_FRAME_BYTES_MAX, RELAY_LINEAGES_MAX, RELAY_TEXT_BYTES_MAX, RELAY_VOID_MAX};

/// The media type of a body.
pub const MEDIA_TYPE: &str = "application/vnd.tachograph.relay";
/// The header that names the dialect by which the sender's collector tells its records apart.
pub const DIALECT: &str = "tachograph-dialect";
/// The header of an answer that names the key which signs the log.
pub const LOG_KEY: &str = "tachograph-log-key";
/// Feeds whose transports report losses of their own.
const LOSS_SOURCES: [&str; 1] = ["kafka"];

/// A loss that a transport reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loss<'a> {
    /// The feed that it reports for.
    pub source: &'a str,
    /// What happened.
    pub action: &'a str,
    /// To what.
    pub target: &'a str,
    /// The same as a JSON text.
    pub record: &'a str,
}

/// What a frame says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece<'a> {
    /// A record, and when it was seen.
    Record(i64, &'a [u8]),
    /// Something that is kept as it is, when it was seen, and why.
    Kept(i64, &'a str, &'a [u8]),
    /// A loss, and when it was noticed.
    Loss(i64, Loss<'a>),
    /// So many records will not come.
    Void(u64),
    /// What the records that follow may continue: names, and whether each is continued.
    Lineage(Vec<(bool, &'a str)>),
}

/// The bytes are not in the form of this page; says what is wrong with them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Defect(pub &'static str);

impl<'a> Piece<'a> {
    /// How many numbers it takes in the sequence of records.
    pub fn numbers(&self) -> u64 {
        match self {
            Self::Record(..) | Self::Kept(..) | Self::Loss(..) => 1,
            Self::Void(count) => *count,
            Self::Lineage(_) => 0,
        }
    }

    /// Adds its frame. Texts that are longer than their bound are cut.
    pub fn encode(&self, to: &mut Vec<u8>) {
        let start = to.len();
        to.extend([0; 4]);
        match self {
            Self::Record(seen, bytes) => {
                to.push(1);
                to.extend(seen.to_be_bytes());
                to.extend_from_slice(bytes);
            }
            Self::Kept(seen, reason, bytes) => {
                to.push(2);
                to.extend(seen.to_be_bytes());
                put(to, reason);
                to.extend_from_slice(bytes);
            }
            Self::Loss(seen, loss) => {
                to.push(3);
                to.extend(seen.to_be_bytes());
                for text in [loss.source, loss.action, loss.target] {
                    put(to, text);
                }
                to.extend_from_slice(loss.record.as_bytes());
            }
            Self::Void(count) => {
                to.push(4);
                to.extend(count.to_be_bytes());
            }
            Self::Lineage(names) => {
                to.push(5);
                for (is_continued, name) in names.iter().take(RELAY_LINEAGES_MAX) {
                    to.push(u8::from(*is_continued));
                    put(to, name);
                }
            }
        }
        let length = (to.len() - start - 4) as u32;
        if let Some(place) = to.get_mut(start..start + 4) {
            place.copy_from_slice(&length.to_be_bytes());
        }
    }

    /// Reads what stands in a frame after its length.
    pub fn decode(frame: &'a [u8]) -> Result<Self, Defect> {
        let mut rest = Fields(frame);
        let piece = match rest.byte()? {
            1 => Self::Record(rest.time()?, record(rest.0)?),
            2 => Self::Kept(rest.time()?, rest.text()?, record(rest.0)?),
            3 => {
                let seen = rest.time()?;
                let (source, action, target) = (rest.text()?, rest.text()?, rest.text()?);
                if !LOSS_SOURCES.contains(&source) {
                    return Err(Defect("a loss is of a feed that reports none"));
                }
                let record = std::str::from_utf8(record(rest.0)?).map_err(|_| Defect("a loss is no text"))?;
                Self::Loss(seen, Loss { source, action, target, record })
            }
            4 => {
                let count = u64::from_be_bytes(rest.array()?);
                if !rest.0.is_empty() || count == 0 || count > RELAY_VOID_MAX {
                    return Err(Defect("a count of records that will not come is out of range"));
                }
                Self::Void(count)
            }
            5 => {
                let mut names = Vec::new();
                while !rest.0.is_empty() {
                    if names.len() == RELAY_LINEAGES_MAX {
                        return Err(Defect("a record continues too many others"));
                    }
                    names.push((rest.byte()? != 0, rest.text()?));
                }
                Self::Lineage(names)
            }
            _ => {
                return Err(Defect(
                    "a frame is of a kind that is not known here; is the sender newer than this server?",
                ));
            }
        };
        Ok(piece)
    }
}

fn record(bytes: &[u8]) -> Result<&[u8], Defect> {
    if bytes.len() > LINE_BYTES_MAX { Err(Defect("a record is longer than any may be")) } else { Ok(bytes) }
}

fn put(to: &mut Vec<u8>, text: &str) {
    let text = &text[..text.floor_char_boundary(RELAY_TEXT_BYTES_MAX)];
    to.extend((text.len() as u16).to_be_bytes());
    to.extend_from_slice(text.as_bytes());
}

/// What is left of a frame.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Defect> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(Defect("a frame ends too early"))?;
        self.0 = rest;
        Ok(*head)
    }

    fn byte(&mut self) -> Result<u8, Defect> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn time(&mut self) -> Result<i64, Defect> {
        self.array().map(i64::from_be_bytes)
    }

    fn text(&mut self) -> Result<&'a str, Defect> {
        let length = usize::from(u16::from_be_bytes(self.array()?));
        let (text, rest) = self.0.split_at_checked(length).ok_or(Defect("a frame ends too early"))?;
        self.0 = rest;
        std::str::from_utf8(text).map_err(|_| Defect("a text of a frame is not UTF-8"))
    }
}

/// The first frame of these bytes after its length, and where it ends; `None` if it is not whole yet.
pub fn frame(bytes: &[u8]) -> Result<Option<(&[u8], usize)>, Defect> {
    let Some((length, rest)) = bytes.split_first_chunk::<4>() else { return Ok(None) };
    let length = u32::from_be_bytes(*length) as usize;
    if length > RELAY_FRAME_BYTES_MAX {
        return Err(Defect("a frame is longer than any may be"));
    }
    Ok(rest.get(..length).map(|frame| (frame, 4 + length)))
}

/// Tells frames apart, however their bytes arrive.
#[derive(Debug, Default)]
pub struct Frames {
    bytes: Vec<u8>,
    taken: usize,
}

impl Frames {
    /// Adds what arrived.
    pub fn push(&mut self, chunk: &[u8]) {
        self.bytes.drain(..self.taken);
        self.taken = 0;
        self.bytes.extend_from_slice(chunk);
    }

    /// The next frame after its length, if all of it arrived.
    pub fn next_frame(&mut self) -> Result<Option<&[u8]>, Defect> {
        let Some((frame, end)) = frame(self.bytes.get(self.taken..).unwrap_or_default())? else { return Ok(None) };
        self.taken += end;
        Ok(Some(frame))
    }

    /// Whether everything that arrived was whole frames.
    pub fn is_whole(&self) -> bool {
        self.taken == self.bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pieces() -> impl Strategy<Value = Vec<(u8, i64, String, Vec<u8>)>> {
        prop::collection::vec((1..6_u8, any::<i64>(), ".{0,40}", prop::collection::vec(any::<u8>(), 0..60)), 0..12)
    }

    fn piece((kind, seen, text, bytes): &(u8, i64, String, Vec<u8>)) -> Piece<'_> {
        match kind {
            1 => Piece::Record(*seen, bytes),
            2 => Piece::Kept(*seen, text, bytes),
            3 => Piece::Loss(*seen, Loss { source: "kafka", action: text, target: text, record: text }),
            4 => Piece::Void(seen.unsigned_abs() % RELAY_VOID_MAX + 1),
            _ => Piece::Lineage(vec![(*seen > 0, text), (true, "")]),
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_however_it_arrives(written in pieces(), chunk in 1..40_usize) {
            let mut body = Vec::new();
            for written in &written {
                piece(written).encode(&mut body);
            }
            let (mut frames, mut at) = (Frames::default(), 0);
            for chunk in body.chunks(chunk) {
                frames.push(chunk);
                while let Some(frame) = frames.next_frame().unwrap() {
                    prop_assert_eq!(Piece::decode(frame).unwrap(), piece(&written[at]));
                    at += 1;
                }
            }
            prop_assert_eq!(at, written.len());
            prop_assert!(frames.is_whole());
        }

        #[test]
        fn no_bytes_are_read_beyond_their_end(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = Piece::decode(&bytes);
            let _ = frame(&bytes);
        }
    }

    #[test]
    fn what_is_out_of_bounds_is_refused() {
        let check = |frame: &[u8], says: &str| {
            assert!(Piece::decode(frame).unwrap_err().to_string().contains(says), "{says}");
        };
        check(b"", "too early");
        check(b"\x09", "not known here");
        check(b"\x01123", "too early");
        check(&[4; 9], "out of range");
        check(&[&[1; 9][..], &vec![0; LINE_BYTES_MAX + 1]].concat(), "longer");
        let mut other = Vec::new();
        Piece::Loss(0, Loss { source: "coder", action: "", target: "", record: "{}" }).encode(&mut other);
        check(&other[4..], "reports none");
        assert!(frame(&u32::MAX.to_be_bytes()).is_err());
    }
}
