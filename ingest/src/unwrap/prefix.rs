//! The prefixes that viewers and journals write before a line: of restricted characters, from the line's first byte on.

use crate::lenient::BYTE_ORDER_MARK;
use crate::timestamp;

/// The longest prefix that is looked for,
const PREFIX_BYTES_MAX: usize = 512;
/// and the longest header of syslog, whose structured data has no bound of its own.
const HEADER_BYTES_MAX: usize = 8 << 10;

/// Where the record begins that stands after a prefix, and the time that the prefix tells; `None` if the line has no
/// prefix of a known shape, or if what is after it does not look like a record.
pub fn record_after(raw: &[u8]) -> Option<(usize, Option<i64>)> {
    let mut cursor = Cursor { raw, at: 0, max: PREFIX_BYTES_MAX };
    cursor.skip_colour();
    let is_named = cursor.skip_pod() || cursor.skip_name();
    if is_named {
        cursor.skip_colour();
    }
    let syslog = cursor.skip_priority();
    let version = syslog && cursor.skip(b"1 ");
    let (is_timed, known) = cursor.skip_time(version);
    if version && is_timed {
        cursor.skip_fields()?;
        cursor.skip(b" ").then(|| cursor.skip(BYTE_ORDER_MARK))?;
    } else if is_timed || syslog {
        cursor.skip_tag();
    }
    let begins = cursor.rest()?.starts_with(b"{") || cursor.rest()?.starts_with(b"time=");
    ((is_named || is_timed || syslog) && begins).then_some((cursor.at, known))
}

/// Where the message begins in what is known to be of syslog, whatever it says, and the time that its header tells; `None` if it
/// has no header. That is `<PRI>1 TIME HOST APP PROCID MSGID DATA` (RFC 5424), or of the older form `<PRI>TIME HOST TAG:`, in which
/// senders leave out each part, write other times, and cut long tags (RFC 3164).
pub fn message_after(raw: &[u8]) -> Option<(usize, Option<i64>)> {
    let mut cursor = Cursor { raw, at: 0, max: HEADER_BYTES_MAX };
    if !cursor.skip_priority() {
        return None;
    }
    let version = cursor.skip(b"1 ");
    let (is_timed, known) = cursor.skip_time(version);
    if version && is_timed {
        cursor.skip_fields()?;
        if cursor.skip(b" ") {
            cursor.skip(BYTE_ORDER_MARK);
        }
    } else if !cursor.skip_tag() {
        cursor.skip_words_before_object();
    }
    Some((cursor.at, known))
}

/// The length of an RFC 3339 time at the beginning, and the time; its zone may lack the colon, and a blank may stand for
/// the `T`.
pub fn time(raw: &[u8]) -> Option<(usize, Option<i64>)> {
    let end = raw.iter().position(|byte| !matches!(byte, b'0'..=b'9' | b'-' | b'+' | b':' | b'.' | b',' | b'T' | b'Z'));
    let mut end = end.unwrap_or(raw.len());
    if end == 10 && raw[10] == b' ' && raw[4] == b'-' {
        let rest = &raw[11..];
        end = 11
            + rest
                .iter()
                .position(|byte| !matches!(byte, b'0'..=b'9' | b'-' | b'+' | b':' | b'.' | b',' | b'Z'))
                .unwrap_or(rest.len());
    }
    if !(19..=40).contains(&end) {
        return None;
    }
    let mut text = String::from_utf8(raw[..end].to_vec()).ok()?.replace(',', ".");
    text.replace_range(10..11, "T");
    let zone = text.len().checked_sub(5).filter(|at| *at >= 19 && matches!(text.as_bytes()[*at], b'+' | b'-'));
    if zone.is_some() {
        text.insert(text.len() - 2, ':');
    }
    let is_zoned = text.ends_with('Z') || text.get(19..).is_some_and(|rest| rest.contains(['+', '-']));
    if !is_zoned {
        // A time without a zone is a time of some place: its shape counts, its value does not.
        return timestamp::parse(&format!("{text}Z")).map(|_| (end, None));
    }
    timestamp::parse(&text).map(|time| (end, Some(time)))
}

/// The length of a time in another form of `journalctl` or syslog: `Oct  3 08:15:04`, `Sat 2026-10-03 08:15:04 UTC`,
/// `1791015304.118000`, `[   12.345678]`.
fn plain_time(raw: &[u8]) -> Option<(usize, Option<i64>)> {
    if let Some(rest) = raw.strip_prefix(b"[") {
        let end = rest.iter().position(|byte| *byte == b']')?;
        let is_number = rest[..end].iter().all(|byte| matches!(byte, b' ' | b'.' | b'0'..=b'9'));
        return (is_number && end > 3).then_some((end + 2, None));
    }
    if raw.first()?.is_ascii_digit() {
        let end = raw.iter().position(|byte| *byte == b' ')?;
        let (seconds, micros) = std::str::from_utf8(&raw[..end]).ok()?.split_once('.')?;
        let is_number = |text: &str, len: usize| text.len() == len && text.bytes().all(|byte| byte.is_ascii_digit());
        let known = is_number(seconds, 10) && is_number(micros, 6);
        return known.then(|| Some((end, Some(format!("{seconds}{micros}").parse().ok()?))))?;
    }
    let word = raw.get(..3).filter(|word| word.iter().all(u8::is_ascii_alphabetic))?;
    let rest = raw.get(word.len()..)?.strip_prefix(b" ")?;
    if let Some((len, _)) = time(rest) {
        // A weekday stands before, and the name of the zone after it.
        let zone = rest.get(len..)?.strip_prefix(b" ")?;
        let zone = zone.iter().position(|byte| !byte.is_ascii_uppercase()).filter(|len| (1..6).contains(len))?;
        return Some((4 + len + 1 + zone, None));
    }
    let shape = rest.get(..11)?;
    let digit = |at: usize| shape[at].is_ascii_digit();
    let is_time =
        (digit(0) || shape[0] == b' ') && digit(1) && shape[2] == b' ' && [3, 4, 6, 7, 9, 10].into_iter().all(digit);
    let fraction = rest[11..].iter().position(|byte| !matches!(byte, b'.' | b'0'..=b'9')).unwrap_or(0);
    (is_time && shape[5] == b':' && shape[8] == b':').then_some((15 + fraction, None))
}

struct Cursor<'a> {
    raw: &'a [u8],
    at: usize,
    /// It goes no further.
    max: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> Option<&'a [u8]> {
        if self.at > self.max { None } else { self.raw.get(self.at..) }
    }

    fn skip(&mut self, what: &[u8]) -> bool {
        let is_there = self.rest().is_some_and(|rest| rest.starts_with(what));
        self.at += if is_there { what.len() } else { 0 };
        is_there
    }

    /// Passes over `len` bytes of these kinds; says how many there were.
    fn skip_while(&mut self, is_of: impl Fn(u8) -> bool) -> usize {
        let len = self.rest().map_or(0, |rest| rest.iter().take_while(|byte| is_of(**byte)).count());
        self.at += len;
        len
    }

    /// `ESC [ 36 m`, which programs write to terminals.
    fn skip_colour(&mut self) {
        while self.skip(b"\x1b[") {
            self.skip_while(|byte| byte.is_ascii_digit() || byte == b';');
            self.skip(b"m");
        }
        self.skip_while(|byte| byte == b' ');
    }

    /// `[pod/name/container] `
    fn skip_pod(&mut self) -> bool {
        let from = self.at;
        let is_pod =
            self.skip(b"[pod/") && self.skip_while(|byte| is_name(byte) || byte == b'/') > 0 && self.skip(b"] ");
        self.back_unless(is_pod, from)
    }

    /// `name  | `
    fn skip_name(&mut self) -> bool {
        let from = self.at;
        // A task of a swarm is `service.1.id@node`.
        let is_name = self.skip_while(|byte| is_name(byte) || byte == b'@') > 0
            && self.skip_while(|byte| byte == b' ') > 0
            && self.skip(b"|");
        self.back_unless(is_name, from)
    }

    /// `<13>`
    fn skip_priority(&mut self) -> bool {
        let from = self.at;
        let is_priority =
            self.skip(b"<") && (1..=3).contains(&self.skip_while(|byte| byte.is_ascii_digit())) && self.skip(b">");
        self.back_unless(is_priority, from)
    }

    /// A time with a blank after it, or the dash that stands for none where a version says so; says whether it is there.
    fn skip_time(&mut self, has_version: bool) -> (bool, Option<i64>) {
        let found = self.rest().and_then(|rest| time(rest).or_else(|| plain_time(rest)));
        let Some((len, known)) = found else { return (has_version && self.skip(b"- "), None) };
        self.at += len;
        (self.skip(b" "), known)
    }

    /// A host and what is left of a tag, where an object follows.
    fn skip_words_before_object(&mut self) {
        let from = self.at;
        for _ in 0..2 {
            if self.skip_while(|byte| byte.is_ascii_graphic() && byte != b'{') == 0 {
                break;
            }
            self.skip(b" ");
            if self.rest().is_some_and(|rest| rest.starts_with(b"{")) {
                return;
            }
        }
        self.at = from;
    }

    /// `host name[7]: `, or without the host, or without the number.
    fn skip_tag(&mut self) -> bool {
        let from = self.at;
        for _ in 0..2 {
            if self.skip_while(|byte| is_name(byte) || matches!(byte, b'/' | b'@' | b'(' | b')')) == 0 {
                break;
            }
            if self.skip(b"[") && (self.skip_while(|byte| byte.is_ascii_digit()) == 0 || !self.skip(b"]")) {
                break;
            }
            if self.skip(b": ") {
                return true;
            }
            if !self.skip(b" ") {
                break;
            }
        }
        self.back_unless(false, from)
    }

    /// Host, program, process and id of a message, each with a blank after it, and structured data: `-`, or `[id name="value"]`
    /// several times.
    fn skip_fields(&mut self) -> Option<()> {
        (0..4).try_for_each(|_| {
            let is_field = self.skip_while(|byte| byte.is_ascii_graphic()) > 0 && self.skip(b" ");
            is_field.then_some(())
        })?;
        if self.skip(b"-") {
            return Some(());
        }
        let from = self.at;
        while self.skip(b"[") {
            let (mut quoted, mut escaped) = (false, false);
            loop {
                let byte = *self.rest()?.first()?;
                self.at += 1;
                match byte {
                    _ if escaped => escaped = false,
                    b'\\' => escaped = true,
                    b'"' => quoted = !quoted,
                    b']' if !quoted => break,
                    _ => {}
                }
            }
        }
        (self.at > from).then_some(())
    }

    fn back_unless(&mut self, is_there: bool, from: usize) -> bool {
        if !is_there {
            self.at = from;
        }
        is_there
    }
}

/// Letters of names of hosts, containers and programs.
fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unwrap::syslog;

    const RECORD: &str = r#"{"ts":"2026-10-03T08:15:04Z","msg":"audit_log"}"#;

    #[test]
    fn headers_of_syslog_are_taken_off_whatever_the_message_is() {
        let at = "2026-10-03T08:15:04.118000Z";
        let audit = "type=SYSCALL msg=audit(1791015304.118:77): arch=c000003e syscall=59";
        let check = |header: &str, message: &str, timed: bool| {
            let raw = format!("{header}{message}");
            let (found, time) = syslog(raw.as_bytes());
            assert_eq!(String::from_utf8_lossy(found), message, "{header:?}");
            assert_eq!(time.map(timestamp::format).as_deref(), timed.then_some(at), "{header:?}");
        };
        for message in [audit, RECORD, "", "text with <3>, {braces} and [brackets]: all of it"] {
            check("<14>1 2026-10-03T08:15:04.118Z node-1 audispd - - - ", message, true);
            check(
                "<14>1 2026-10-03T10:15:04.118+02:00 node-1 audispd 912 ID7 [a@1 b=\"c \\] d\"][e@2] \u{FEFF}",
                message,
                true,
            );
            check("<14>1 - - - - - - ", message, false);
            check("<14>1 - - - - - -  ", message, false);
            check("<13>2026-10-03T08:15:04.118000+00:00 node-1 falco[912]: ", message, true);
            check("<13>Oct  3 08:15:04 node-1 falco: ", message, false);
            check("<13>Oct  3 08:15:04 falco[7]: ", message, false);
            check("<13>falco: ", message, false);
        }
        // The tag was left out or cut; only an object is known to be no part of it.
        check("<13>Oct  3 08:15:04 node-1 ", RECORD, false);
        check("<13>2026-10-03T08:15:04.118+00:00 node-1 a-very-long-name-of-a-container/", RECORD, true);
        check("<13>", RECORD, false);
        check("<13>Oct  3 08:15:04 ", "node-1 says something", false);
        // A message of its own is one without a header, and so is what nearly has one.
        for raw in [RECORD, audit, "", "<>x", "<1234>x", "<14>1 2026-10-03T08:15:04Z too few", "<14>1 - h a p m [open"]
        {
            check("", raw, false);
        }
        let long = format!("<14>1 {at} h a p m [a b=\"{}\"] ", "x".repeat(5_000));
        check(&long, RECORD, true);
        for (raw, want) in [
            ("<13>Oct  3 08:15:04 h a: @cee:{\"a\":1}", "{\"a\":1}"),
            ("<13>Oct  3 08:15:04 h a: @cee: {\"a\":1}", "{\"a\":1}"),
            ("<13>Oct  3 08:15:04 h a: @cee: text", "@cee: text"),
        ] {
            assert_eq!(syslog(raw.as_bytes()), (want.as_bytes(), None), "{raw}");
        }
    }
}
