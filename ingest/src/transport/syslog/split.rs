//! Tells the messages of a syslog connection apart (RFC 6587): by octet counting, `LENGTH MESSAGE`, or by the line feed after each,
//! whichever a message does. A length is one only if a message begins after it, since senders of bare lines exist, too.

use std::mem;

use crate::limits;
use crate::transport::stream::{Defect, Piece, Split};
use crate::unwrap;

/// What is wrong with a length.
const LENGTH: &str = "a message states a length that no message has";
/// Digits of the longest length; what has more is no length.
const DIGITS_MAX: usize = 10;

/// Cuts the bytes of one connection into messages, without their headers.
#[derive(Debug, Default)]
pub(super) struct Messages {
    scan: Scan,
    /// The beginning of the message that is not finished, or of what may be its length.
    kept: Vec<u8>,
    /// Length of that message so far, kept or not.
    length: u64,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Scan {
    /// Before a message.
    #[default]
    Before,
    /// In digits.
    Digits,
    /// After digits and a blank.
    Blank,
    /// In a message of which so many bytes are to come.
    Counted(u64),
    /// In a message that a line feed ends.
    Line,
}

impl Split for Messages {
    fn next(&mut self, chunk: &mut &[u8]) -> Option<Result<Piece, Defect>> {
        while let Some(&byte) = chunk.first() {
            match self.scan {
                Scan::Before if byte.is_ascii_whitespace() || byte == 0 => *chunk = &chunk[1..],
                Scan::Before => self.scan = if matches!(byte, b'1'..=b'9') { Scan::Digits } else { Scan::Line },
                Scan::Digits if byte.is_ascii_digit() && self.kept.len() < DIGITS_MAX => self.pass(chunk, 1),
                Scan::Digits if byte == b' ' => {
                    self.pass(chunk, 1);
                    self.scan = Scan::Blank;
                }
                Scan::Blank if byte == b'<' => match self.count() {
                    Some(count) => self.scan = Scan::Counted(count),
                    None => return Some(Err(self.defect())),
                },
                Scan::Digits | Scan::Blank => self.scan = Scan::Line,
                Scan::Counted(left) => {
                    let part = chunk.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                    self.pass(chunk, part);
                    let left = left - part as u64;
                    self.scan = Scan::Counted(left);
                    if left == 0
                        && let Some(piece) = self.piece()
                    {
                        return Some(Ok(piece));
                    }
                }
                Scan::Line => {
                    let end = memchr::memchr(b'\n', chunk);
                    self.pass(chunk, end.unwrap_or(chunk.len()));
                    if end.is_some() {
                        *chunk = &chunk[1..];
                        if let Some(piece) = self.piece() {
                            return Some(Ok(piece));
                        }
                    }
                }
            }
        }
        None
    }

    fn finish(&mut self, is_whole: bool) -> Option<Piece> {
        let is_line = self.scan == Scan::Line;
        Some(match self.ended()? {
            Ok(message) if is_whole && is_line => record(&message),
            Ok(message) => Piece::Kept(message, "the connection ended within a message".to_owned()),
            Err(kept) => kept,
        })
    }
}

/// The record in a message.
fn record(message: &[u8]) -> Piece {
    let (record, seen) = unwrap::syslog(message);
    Piece::Record(record.to_vec(), seen)
}

impl Messages {
    /// Takes bytes into the message.
    fn pass(&mut self, chunk: &mut &[u8], count: usize) {
        let (part, rest) = chunk.split_at(count);
        let room = limits::SYSLOG_MESSAGE_BYTES_MAX.saturating_sub(self.kept.len());
        self.kept.extend_from_slice(&part[..part.len().min(room)]);
        self.length += count as u64;
        *chunk = rest;
    }

    /// The length that stands before a message, which begins; `None` if nobody waits for so much.
    fn count(&mut self) -> Option<u64> {
        let count = std::str::from_utf8(&self.kept).ok().and_then(|digits| digits.trim_ascii_end().parse().ok());
        let count = count.filter(|count| *count <= limits::SYSLOG_COUNT_MAX)?;
        self.kept.clear();
        self.length = 0;
        Some(count)
    }

    fn defect(&mut self) -> Defect {
        Defect { kept: mem::take(&mut self.kept), reason: LENGTH.to_owned() }
    }

    /// The message that ended, or what is kept of it; `None` if it says nothing.
    fn ended(&mut self) -> Option<Result<Vec<u8>, Piece>> {
        let (mut kept, length) = (mem::take(&mut self.kept), mem::take(&mut self.length));
        self.scan = Scan::Before;
        if length > kept.len() as u64 {
            let reason = format!("the message has {length} bytes, and {} were kept", kept.len());
            return Some(Err(Piece::Kept(kept, reason)));
        }
        let end = kept.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r' | 0))?;
        kept.truncate(end + 1);
        Some(Ok(kept))
    }

    /// The record in the message that ended, or what is kept of it.
    fn piece(&mut self) -> Option<Piece> {
        Some(self.ended()?.map_or_else(|kept| kept, |message| record(&message)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timestamp;
    use proptest::prelude::*;

    /// The pieces of a stream that arrives in chunks of these sizes, and what is wrong with it.
    fn pieces(stream: &[u8], sizes: &[usize], is_whole: bool) -> (Vec<Piece>, Option<Defect>) {
        let (mut split, mut found, mut rest) = (Messages::default(), Vec::new(), stream);
        let mut sizes = sizes.iter().cycle();
        while !rest.is_empty() {
            let (mut chunk, after) = rest.split_at(rest.len().min(*sizes.next().unwrap()));
            rest = after;
            while let Some(piece) = split.next(&mut chunk) {
                match piece {
                    Ok(piece) => found.push(piece),
                    Err(defect) => return (found, Some(defect)),
                }
            }
            assert!(chunk.is_empty() && split.kept.len() <= limits::SYSLOG_MESSAGE_BYTES_MAX);
        }
        found.extend(split.finish(is_whole));
        assert_eq!((split.scan, split.kept.len(), split.length), (Scan::Before, 0, 0));
        (found, None)
    }

    fn said(text: &str) -> Piece {
        Piece::Record(text.as_bytes().to_vec(), None)
    }

    fn kept(text: &str, reason: &str) -> Piece {
        Piece::Kept(text.as_bytes().to_vec(), reason.to_owned())
    }

    #[test]
    fn messages_are_told_apart_each_in_its_own_way() {
        let check = |stream: &str, want: &[Piece]| {
            for sizes in [&[1][..], &[2], &[1_000]] {
                assert_eq!(pieces(stream.as_bytes(), sizes, true), (want.to_vec(), None), "{stream:?} {sizes:?}");
            }
        };
        let cut = "the connection ended within a message";
        check("", &[]);
        check("\n\r\n \0\n", &[]);
        check("<13>app: a\n<13>app: b\r\n<13>app: c", &[said("a"), said("b"), said("c")]);
        check("10 <13>app: a10 <13>app: b", &[said("a"), said("b")]);
        check("12 <13>app: a\nb<13>app: c\n10 <13>app: d\n11 <13>app: e\n", &["a\nb", "c", "d", "e"].map(said));
        check("10 <13>app: a\0\n<13>app: b\0\n", &[said("a"), said("b")]);
        check("10 <13>app:", &[kept("<13>app:", cut)]);
        check("100 <13>app: a\n", &[kept("<13>app: a", cut)]);
        // What begins with a number and is no message.
        check("10 apples\n<13>app: b\n", &[said("10 apples"), said("b")]);
        check("2026-10-03 text\n7\n0 <13>\n", &[said("2026-10-03 text"), said("7"), said("0 <13>")]);
        check("12345678901 <13>app: a\n", &[said("12345678901 <13>app: a")]);
        check("{\"a\":1}\n{\"a\":2}", &[said("{\"a\":1}"), said("{\"a\":2}")]);
        let seen = timestamp::parse("2026-10-03T08:15:04Z");
        let timed = Piece::Record(b"{}".to_vec(), seen);
        check(
            "<13>1 2026-10-03T08:15:04Z - - - - - {}\n44 <13>1 2026-10-03T08:15:04Z - - - - - @cee:{}",
            &[timed.clone(), timed],
        );
    }

    #[test]
    fn what_was_cut_off_is_no_record() {
        let cut = "the connection ended within a message";
        for (stream, want) in
            [("<13>app: a\n", said("a")), ("<13>app: a", kept("<13>app: a", cut)), ("10 <13>app", kept("<13>app", cut))]
        {
            assert_eq!(pieces(stream.as_bytes(), &[3], false), (vec![want], None), "{stream:?}");
        }
    }

    #[test]
    fn a_length_that_no_message_has_ends_it() {
        let reason = LENGTH.to_owned();
        for length in ["16777217", "9999999999"] {
            let stream = format!("<13>app: a\n{length} <13>app: b\n");
            let (found, defect) = pieces(stream.as_bytes(), &[5], true);
            assert_eq!(
                (found, defect),
                (vec![said("a")], Some(Defect { kept: format!("{length} ").into_bytes(), reason: reason.clone() }))
            );
        }
    }

    #[test]
    fn of_a_long_message_the_beginning_is_kept_and_the_next_one_is_whole() {
        let long = format!("<13>app: {}", "x".repeat(limits::SYSLOG_MESSAGE_BYTES_MAX));
        let (end, max) = (long.len(), limits::SYSLOG_MESSAGE_BYTES_MAX);
        let want = kept(&long[..max], &format!("the message has {end} bytes, and {max} were kept"));
        for stream in [format!("{long}\n<13>app: b\n"), format!("{end} {long}<13>app: b\n")] {
            for size in [100_000, 10 << 20] {
                assert_eq!(pieces(stream.as_bytes(), &[size], true), (vec![want.clone(), said("b")], None));
            }
        }
        let never = vec![b'x'; 3 * max];
        let (found, _) = pieces(&never, &[4_096], false);
        assert!(matches!(&found[..], [Piece::Kept(kept, _)] if kept.len() == max));
    }

    proptest! {
        #[test]
        fn chunks_do_not_matter(stream in "([0-9]{1,3} |<13>|<13>a: |[a-z{}]{1,6}|\n|\r\n|\0){0,30}", sizes in prop::collection::vec(1usize..9, 1..8), is_whole: bool) {
            let whole = pieces(stream.as_bytes(), &[1_000], is_whole);
            prop_assert_eq!(pieces(stream.as_bytes(), &sizes, is_whole), whole);
        }

        #[test]
        fn any_bytes_are_taken(stream in prop::collection::vec(any::<u8>(), 0..200), sizes in prop::collection::vec(1usize..50, 1..8)) {
            pieces(&stream, &sizes, true);
        }

        #[test]
        fn messages_come_back_however_each_is_told_apart(texts in prop::collection::vec(("[a-z{<][a-z{}<>0-9 ]{0,12}[a-z}]", any::<bool>()), 0..20), sizes in prop::collection::vec(1usize..30, 1..8)) {
            let mut stream = Vec::new();
            for (text, is_counted) in &texts {
                let message = format!("<13>1 - - - - - - {text}");
                let framed = if *is_counted { format!("{} {message}", message.len()) } else { format!("{message}\n") };
                stream.extend_from_slice(framed.as_bytes());
            }
            let want: Vec<Piece> = texts.iter().map(|(text, _)| said(text)).collect();
            prop_assert_eq!(pieces(&stream, &sizes, true), (want, None));
        }
    }
}
