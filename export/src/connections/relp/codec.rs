//! Frames of RELP, version 0 (doc/relp.html of librelp): `TXNR SP COMMAND SP DATALEN [SP DATA] LF`. Nothing here reads or sends.

use crate::limits::RELP_ANSWER_BYTES_MAX;

/// The largest number of a transaction; the next one would be 1 again, and a new session begins instead.
pub const TXNR_MAX: u32 = 999_999_999;
/// The digits of a number,
const DIGITS_MAX: usize = 9;
/// and the letters of a command.
const COMMAND_MAX: usize = 32;

/// A frame that the other side sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The number of the transaction that it belongs to; 0 for a hint.
    pub txnr: u32,
    /// What it is: `rsp` or `serverclose`.
    pub command: String,
    /// Its data.
    pub data: Vec<u8>,
}

/// Bytes that are no frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it does not answer as RELP: {0}")]
pub struct Malformed(&'static str);

/// Writes a frame behind others.
pub fn put(txnr: u32, command: &str, data: &[u8], bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(format!("{txnr} {command} {}", data.len()).as_bytes());
    if !data.is_empty() {
        bytes.push(b' ');
        bytes.extend_from_slice(data);
    }
    bytes.push(b'\n');
}

/// Finds frames in bytes that come in pieces.
#[derive(Debug, Default)]
pub struct Decoder {
    bytes: Vec<u8>,
}

impl Decoder {
    /// Takes bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next frame; `None` as long as it is not whole. What is no frame is an error, for ever.
    pub fn next(&mut self) -> Result<Option<Frame>, Malformed> {
        let Some((frame, length)) = parse(&self.bytes)? else { return Ok(None) };
        self.bytes.drain(..length);
        Ok(Some(frame))
    }
}

/// The frame at the start of bytes, and how many of them it takes.
fn parse(bytes: &[u8]) -> Result<Option<(Frame, usize)>, Malformed> {
    let Some((txnr, rest)) = word(bytes, DIGITS_MAX, u8::is_ascii_digit)? else { return Ok(None) };
    let Some(rest) = skip(rest, b' ')? else { return Ok(None) };
    let Some((command, rest)) = word(rest, COMMAND_MAX, u8::is_ascii_alphabetic)? else { return Ok(None) };
    let Some(rest) = skip(rest, b' ')? else { return Ok(None) };
    let Some((length, mut rest)) = word(rest, DIGITS_MAX, u8::is_ascii_digit)? else { return Ok(None) };
    let length = number(length)? as usize;
    if length > RELP_ANSWER_BYTES_MAX {
        return Err(Malformed("an answer is too long"));
    }
    if length > 0 {
        let Some(data) = skip(rest, b' ')? else { return Ok(None) };
        rest = data;
    }
    let Some((data, rest)) = rest.split_at_checked(length) else { return Ok(None) };
    let Some(rest) = skip(rest, b'\n')? else { return Ok(None) };
    let frame = Frame { txnr: number(txnr)?, command: text(command).to_owned(), data: data.to_vec() };
    Ok(Some((frame, bytes.len() - rest.len())))
}

/// Bytes, and those behind them.
type Split<'a> = (&'a [u8], &'a [u8]);

/// The letters at the start of bytes; `None` as long as more of them may follow.
fn word(bytes: &[u8], most: usize, is_letter: fn(&u8) -> bool) -> Result<Option<Split<'_>>, Malformed> {
    let length = bytes.iter().take_while(|byte| is_letter(byte)).take(most + 1).count();
    match (length, bytes.len() > length) {
        (length, _) if length > most => Err(Malformed("a word of a frame is too long")),
        (_, false) => Ok(None),
        (0, true) => Err(Malformed("a word of a frame is missing")),
        (_, true) => Ok(bytes.split_at_checked(length)),
    }
}

fn skip(bytes: &[u8], expected: u8) -> Result<Option<&[u8]>, Malformed> {
    match bytes.split_first() {
        Some((byte, rest)) if *byte == expected => Ok(Some(rest)),
        Some(_) => Err(Malformed("a frame has no end where its length says so")),
        None => Ok(None),
    }
}

fn text(ascii: &[u8]) -> &str {
    std::str::from_utf8(ascii).unwrap_or_default()
}

fn number(digits: &[u8]) -> Result<u32, Malformed> {
    text(digits).parse().map_err(|_| Malformed("a number is none"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(pieces: &[&[u8]]) -> Result<Vec<Frame>, Malformed> {
        let (mut decoder, mut frames) = (Decoder::default(), Vec::new());
        for piece in pieces {
            decoder.push(piece);
            while let Some(frame) = decoder.next()? {
                frames.push(frame);
            }
        }
        Ok(frames)
    }

    #[test]
    fn the_format_is_that_of_librelp() {
        let mut bytes = Vec::new();
        put(2, "syslog", b"<13>1 - - - - - - a", &mut bytes);
        put(3, "close", b"", &mut bytes);
        assert_eq!(bytes, b"2 syslog 19 <13>1 - - - - - - a\n3 close 0\n");
        let ok = Frame { txnr: 2, command: "rsp".to_owned(), data: b"200 OK".to_vec() };
        let bye = Frame { txnr: 0, command: "serverclose".to_owned(), data: Vec::new() };
        assert_eq!(decode(&[b"2 rsp 6 200 OK\n0 serverclose 0\n"]).unwrap(), [ok, bye]);
    }

    #[test]
    fn what_is_no_frame_is_told_and_a_length_is_believed_up_to_a_bound() {
        for bytes in [
            &b"1234567890 rsp 0\n"[..],
            b"1 rsp 999999999 x",
            b"1 rsp 6 200 OKx",
            b"1 rsp 0 \n",
            b"1 rsp six",
            b"\n",
            b"HTTP/1.1 400 Bad Request\r\n",
            b"\x16\x03\x01\x02\x00",
            b"1  rsp",
            b"-1 rsp 0\n",
            &[b'a'; 100],
            b"1 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        ] {
            assert!(decode(&[bytes]).is_err(), "{}", String::from_utf8_lossy(bytes));
        }
    }

    proptest! {
        #[test]
        fn frames_come_out_as_they_went_in_whatever_the_pieces(
            frames in proptest::collection::vec((0..=TXNR_MAX, "[a-z]{1,32}", proptest::collection::vec(any::<u8>(), 0..50)), 0..6),
            piece in 1usize..20,
        ) {
            let (mut bytes, mut expected) = (Vec::new(), Vec::new());
            for (txnr, command, data) in frames {
                put(txnr, &command, &data, &mut bytes);
                expected.push(Frame { txnr, command, data });
            }
            let pieces: Vec<&[u8]> = bytes.chunks(piece).collect();
            prop_assert_eq!(decode(&pieces), Ok(expected));
        }

        #[test]
        fn garbage_never_panics_and_is_found_out_in_pieces_as_in_one(bytes in proptest::collection::vec(prop_oneof![Just(b' '), Just(b'\n'), b'0'..=b'9', b'a'..=b'z', any::<u8>()], 0..80)) {
            let pieces: Vec<&[u8]> = bytes.chunks(1).collect();
            prop_assert_eq!(decode(&pieces).ok(), decode(&[&bytes]).ok());
        }
    }
}
