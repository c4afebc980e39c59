//! Takes a line out of what container runtimes, journals and viewers put around it, and joins lines that they split.
//!
//! | who wraps | how | lines that were split |
//! |---|---|---|
//! | Docker's json-file driver | `{"log":"…\n","stream":"stderr","time":"…"}` | no line break at the end of 16 KiB |
//! | Fluentd, Fluent Bit, Vector, Filebeat, Promtail, Splunk's driver | `{"message":"…","container_name":"…"}` and its like | `_p`, `logtag` |
//! | Google Cloud, Amazon CloudWatch | `{"textPayload":"…"}`, `{"jsonPayload":{…}}`, `{"message":"…","timestamp":…}` | |
//! | containerd, CRI-O | `TIME stdout\|stderr P\|F …` | `P` |
//! | journald as JSON | `{"__REALTIME_TIMESTAMP":"…","MESSAGE":"…"}` | `_LINE_BREAK`, `CONTAINER_PARTIAL_MESSAGE` |
//! | `kubectl logs`, `docker compose logs`, syslog, `journalctl` | a prefix: `[pod/a/b] `, `name \| `, `<13>1 … - `, `TIME host name[7]: ` | |
//!
//! It stands in front of every dialect and knows none. A prefix must be one of these shapes from the first byte to the
//! record: whoever can write such a line could as well write the record alone. Text in the middle of a line, which others
//! may have written, is never taken for a record.

mod prefix;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use aho_corasick::packed::Searcher;
use serde_json::value::RawValue;

use crate::dialect::json::text_of;
use crate::lenient;
use crate::limits;
use crate::timestamp;

/// Docker splits what is longer than this.
const DOCKER_PART_BYTES: usize = 16 << 10;
/// Wrappers within each other that are taken off.
const DEPTH_MAX: usize = 3;
/// Members that hold the line in what shippers write; Docker's own is the first.
const LINE_KEYS: &[&str] = &["log", "message", "textPayload", "line", "jsonPayload"];
/// What may stand beside it: an object with anything else is a record of its own.
const SHIPPER_KEYS: &[&str] = &[
    // Docker, CRI, Fluentd and Fluent Bit.
    "stream",
    "time",
    "attrs",
    "logtag",
    "_p",
    "kubernetes",
    "tag",
    "date",
    "docker",
    "container_id",
    "container_name",
    "container_image",
    "source",
    // Vector, Filebeat and Promtail.
    "@timestamp",
    "@version",
    "@metadata",
    "timestamp",
    "ts",
    "file",
    "host",
    "source_type",
    "image",
    "label",
    "labels",
    "container_created_at",
    "agent",
    "container",
    "ecs",
    "input",
    "log",
    "orchestrator",
    "cloud",
    "tags",
    "fields",
    "offset",
    // Google Cloud and Amazon CloudWatch.
    "insertId",
    "logName",
    "receiveTimestamp",
    "resource",
    "severity",
    "trace",
    "spanId",
    "ingestionTime",
    "eventId",
    "logStreamName",
];

/// A line inside of its wrapper.
#[derive(Debug, PartialEq, Eq)]
struct Line<'a> {
    text: Cow<'a, [u8]>,
    /// When the wrapper saw it, in microseconds since 1970 UTC.
    time: Option<i64>,
    /// It came from standard error: parts of the two streams are never joined.
    is_error: bool,
    /// The next line of the stream goes on with it.
    is_part: bool,
}

/// What is to be done with a record that was read.
#[derive(Debug, PartialEq, Eq)]
pub enum Joined<'a> {
    /// Take this line, which the wrapper saw at that time.
    Line(Cow<'a, [u8]>, Option<i64>),
    /// Take nothing yet: it is a part of a line.
    Held,
    /// The parts are longer than a record may be: their beginning, and how many bytes there were.
    TooLong(Vec<u8>, u64),
}

/// Unwraps the records of one source and joins parts, each stream's on its own.
#[derive(Debug, Default)]
pub struct Joiner {
    held: [Parts; 2],
}

#[derive(Debug, Default)]
struct Parts {
    text: Vec<u8>,
    length: u64,
    time: Option<i64>,
}

impl Joiner {
    /// Takes the next record of the source.
    pub fn take<'a>(&mut self, raw: &'a [u8]) -> Joined<'a> {
        let Some(line) = unwrap(raw) else { return Joined::Line(Cow::Borrowed(raw), None) };
        let parts = &mut self.held[usize::from(line.is_error)];
        if !line.is_part && parts.length == 0 {
            return Joined::Line(line.text, line.time);
        }
        parts.length += line.text.len() as u64;
        parts.time = parts.time.or(line.time);
        let room = limits::LINE_BYTES_MAX.saturating_sub(parts.text.len());
        parts.text.extend_from_slice(&line.text[..line.text.len().min(room)]);
        if line.is_part { Joined::Held } else { parts.end() }
    }

    /// Whether parts of a line are held whose end has not come.
    pub fn is_holding(&self) -> bool {
        self.held.iter().any(|parts| parts.length > 0)
    }

    /// The parts whose end will not come.
    pub fn give_up(&mut self) -> Option<Joined<'static>> {
        self.held.iter_mut().find(|parts| parts.length > 0).map(Parts::end)
    }
}

impl Parts {
    fn end(&mut self) -> Joined<'static> {
        let Self { text, length, time } = std::mem::take(self);
        if text.len() as u64 == length { Joined::Line(Cow::Owned(text), time) } else { Joined::TooLong(text, length) }
    }
}

/// The message in what a transport of syslog brought, and the time that its header tells. What has no header, or one that is broken,
/// is a message as it is. `@cee:` before JSON, which marks it for those who look for it, is no part of it.
pub fn syslog(raw: &[u8]) -> (&[u8], Option<i64>) {
    let (start, time) = prefix::message_after(raw).unwrap_or_default();
    // Relays that split the older form write the blank after the tag as a part of the message.
    let message = raw[start..].trim_ascii_start();
    let marked = message.strip_prefix(b"@cee:").map(<[u8]>::trim_ascii_start);
    (marked.filter(|object| object.starts_with(b"{")).unwrap_or(message), time)
}

/// Takes off what is around a line; `None` if nothing is.
fn unwrap(raw: &[u8]) -> Option<Line<'_>> {
    let mut line = unwrap_once(raw)?;
    for _ in 1..DEPTH_MAX {
        if line.is_part {
            break;
        }
        let Some(inner) = unwrap_once(&line.text) else { break };
        let (time, is_error, is_part) = (inner.time.or(line.time), inner.is_error || line.is_error, inner.is_part);
        line = Line { text: Cow::Owned(inner.text.into_owned()), time, is_error, is_part };
    }
    Some(line)
}

fn unwrap_once(raw: &[u8]) -> Option<Line<'_>> {
    match raw.first()? {
        b'{' => unwrap_json(raw),
        _ => cri(raw).or_else(|| {
            let (start, time) = prefix::record_after(raw)?;
            Some(Line { text: Cow::Borrowed(&raw[start..]), time, is_error: false, is_part: false })
        }),
    }
}

/// `2026-10-03T08:15:04.118000000Z stderr F the line`, and `P` for a part that goes on in the next line.
fn cri(raw: &[u8]) -> Option<Line<'_>> {
    let (len, time) = prefix::time(raw)?;
    let mut words = raw.get(len..)?.strip_prefix(b" ")?.splitn(3, |byte| *byte == b' ');
    let is_error = match words.next()? {
        b"stdout" => false,
        b"stderr" => true,
        _ => return None,
    };
    let is_part = match words.next()?.split(|byte| *byte == b':').next()? {
        b"P" => true,
        b"F" => false,
        _ => return None,
    };
    Some(Line { text: Cow::Borrowed(words.next().unwrap_or_default()), time, is_error, is_part })
}

/// An object that is a wrapper and not a record of its own.
fn unwrap_json(raw: &[u8]) -> Option<Line<'_>> {
    let rest = raw[1..].trim_ascii_start().strip_prefix(b"\"")?;
    let first = std::str::from_utf8(&rest[..memchr::memchr(b'"', rest)?]).ok()?;
    let shipped = (LINE_KEYS.contains(&first) || SHIPPER_KEYS.contains(&first)) && has_line(raw);
    let journal = first.starts_with(|char: char| char == '_' || char.is_ascii_uppercase())
        && memchr::memmem::find(raw, b"\"MESSAGE\"").is_some();
    if !shipped && !journal {
        return None;
    }
    let mended = lenient::mend(raw);
    let text = mended.as_ref().map_or_else(|| std::str::from_utf8(raw).ok(), |mended| Some(&mended.text))?;
    let members: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_str(text).ok()?;
    if journal { unwrap_journal(&members) } else { unwrap_shipped(&members) }
}

/// Whether one of [`LINE_KEYS`] stands in the text with a line behind it. Every record of some sources is asked, so all are found at once; an
/// element of OpenTelemetry begins as those of Google Cloud do, and its `log` is an object.
fn has_line(raw: &[u8]) -> bool {
    static SEARCH: LazyLock<Option<Searcher>> =
        LazyLock::new(|| Searcher::new(LINE_KEYS.iter().map(|key| format!("\"{key}\""))));
    let begins_line = |key: usize, rest: &[u8]| {
        let value = rest.trim_ascii_start().strip_prefix(b":").map(<[u8]>::trim_ascii_start);
        value.zip(LINE_KEYS.get(key)).is_some_and(|(value, key)| value.first() == Some(&begin_of(key)))
    };
    let is_line = |search: &Searcher| {
        search.find_iter(raw).any(|found| begins_line(found.pattern().as_usize(), &raw[found.end()..]))
    };
    SEARCH.as_ref().is_none_or(is_line)
}

/// What the line under a key begins with.
fn begin_of(key: &str) -> u8 {
    if key == "jsonPayload" { b'{' } else { b'"' }
}

/// What a shipper put around a line. Where it does not tell the stream, as those do that read containers' logs, what is
/// inside must look like a record.
fn unwrap_shipped(members: &BTreeMap<Cow<'_, str>, &RawValue>) -> Option<Line<'static>> {
    let is_line = |key: &str, value: &RawValue| {
        LINE_KEYS.contains(&key) && value.get().as_bytes().first() == Some(&begin_of(key))
    };
    let mut lines = members.iter().filter(|(key, value)| is_line(key, value));
    let (key, line) = lines.next()?;
    let is_known = |name: &str| name == key || SHIPPER_KEYS.contains(&name);
    if lines.next().is_some() || !members.keys().all(|name| is_known(name)) {
        return None;
    }
    let line = if key == "jsonPayload" { Cow::Borrowed(line.get()) } else { text_of(line) };
    let stream = ["stream", "source"].into_iter().find_map(|key| Some(text_of(members.get(key)?)));
    let is_error = match stream.as_deref() {
        Some("stdout") => Some(false),
        Some("stderr") => Some(true),
        _ => None,
    };
    let tag = ["logtag", "_p"].into_iter().find_map(|key| Some(text_of(members.get(key)?)));
    let is_part = match tag.as_deref() {
        Some("P") => true,
        Some(_) => false,
        None => key == "log" && line.len() >= DOCKER_PART_BYTES && !line.ends_with('\n'),
    };
    let is_record = line.trim_start().starts_with('{') || line.starts_with("time=");
    if !is_record && (is_error.is_none() || !members.contains_key("time")) {
        return None;
    }
    let time = ["time", "@timestamp", "timestamp"];
    let time = time.into_iter().find_map(|key| timestamp::parse(&text_of(members.get(key)?)));
    Some(Line { text: Cow::Owned(ended(&line).to_vec()), time, is_error: is_error.unwrap_or(false), is_part })
}

fn unwrap_journal(members: &BTreeMap<Cow<'_, str>, &RawValue>) -> Option<Line<'static>> {
    let message = members.get("MESSAGE")?;
    let time = text_of(members.get("__REALTIME_TIMESTAMP")?).parse().ok()?;
    let text = match message.get().as_bytes().first()? {
        b'"' => text_of(message).into_owned().into_bytes(),
        // The journal writes bytes that are not text as a list of numbers.
        b'[' => serde_json::from_str(message.get()).ok()?,
        _ => return None,
    };
    let says = |key: &str, word: &str| members.get(key).is_some_and(|value| text_of(value) == word);
    let is_part = says("_LINE_BREAK", "line-max") || says("CONTAINER_PARTIAL_MESSAGE", "true");
    Some(Line { text: Cow::Owned(text), time: Some(time), is_error: false, is_part })
}

/// A line without its line break.
fn ended(line: &str) -> &[u8] {
    let line = line.strip_suffix('\n').unwrap_or(line);
    line.strip_suffix('\r').unwrap_or(line).as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::DIALECTS;
    use proptest::prelude::*;

    const RECORD: &str = r#"{"ts":"2026-10-03T08:15:04Z","msg":"audit_log","log":"x","MESSAGE":"y"}"#;

    /// What comes of lines after each other, and what is left at the end.
    fn joined(lines: &[&str]) -> Vec<String> {
        let mut joiner = Joiner::default();
        let mut found = Vec::new();
        let text = |joined: Joined<'_>| match joined {
            Joined::Line(text, time) => {
                let time = time.map(timestamp::format).unwrap_or_default();
                format!("{time} {}", String::from_utf8_lossy(&text))
            }
            Joined::TooLong(text, length) => format!("{} of {length}", text.len()),
            Joined::Held => unreachable!("held is not taken"),
        };
        for line in lines {
            let taken = joiner.take(line.as_bytes());
            if taken != Joined::Held {
                found.push(text(taken));
            }
        }
        while let Some(rest) = joiner.give_up() {
            found.push(text(rest));
        }
        assert!(!joiner.is_holding());
        found
    }

    fn check(line: &str, want: &str) {
        assert_eq!(joined(&[line]), [want], "{line}");
    }

    #[test]
    fn a_key_of_a_line_has_one_behind_it() {
        for (text, is_line) in [
            (r#"{"time":1,"log":"x"}"#, true),
            ("{\"time\":1,\"log\" :\t\"x\"}", true),
            (r#"{"resource":{},"jsonPayload":{}}"#, true),
            (r#"{"resource":{},"jsonPayload":"x"}"#, false),
            (r#"{"resource":{"message":1},"log":{"body":"x"}}"#, false),
            (r#"{"resource":{},"log":{},"message":"x"}"#, true),
            (r#"{"resource":"log"}"#, false),
            (r#"{"resource":"log","line":"#, false),
        ] {
            assert_eq!(has_line(text.as_bytes()), is_line, "{text}");
        }
    }

    #[test]
    fn wrappers_are_taken_off() {
        let at = "2026-10-03T08:15:04.118000Z";
        let escaped = serde_json::Value::from(format!("{RECORD}\n")).to_string();
        let want = format!("{at} {RECORD}");
        for line in [
            format!("2026-10-03T08:15:04.118000000Z stderr F {RECORD}"),
            format!("2026-10-03T10:15:04.118+02:00 stdout F:x {RECORD}"),
            format!(r#"{{"log":{escaped},"stream":"stderr","time":"2026-10-03T08:15:04.118000000Z"}}"#),
            format!(r#"{{"time":"{at}", "attrs":{{"tag":"a"}}, "stream":"stdout", "log":{escaped}}}"#),
            format!(
                r#"{{"_PID":"7","__REALTIME_TIMESTAMP":"1791015304118000","MESSAGE":{}}}"#,
                escaped.replace("\\n\"", "\"")
            ),
            format!("{at} {RECORD}"),
            format!("[pod/coderd-5f/coderd] {at} {RECORD}"),
            format!("coderd-1  | {at} {RECORD}"),
            format!("\x1b[36mcoderd-1  |\x1b[0m {at} {RECORD}"),
            format!("2026-10-03T08:15:04.118+0000 host coder[912]: {RECORD}"),
            format!("1791015304.118000 host coder[912]: {RECORD}"),
            format!("<14>1 {at} host coder 912 - - {RECORD}"),
            format!(r#"<14>1 {at} host coder 912 ID7 [a@1 b="c \] d"][e@2] {RECORD}"#),
        ] {
            check(&line, &want);
        }
        for around in [
            r#"{"date":1795880799.15,"log":LINE}"#,
            r#"{"stream":"stderr","logtag":"F","message":LINE}"#,
            r#"{"container_id":"7","container_name":"/coderd","source":"stderr","log":LINE}"#,
            r#"{"message":LINE,"container":{"id":"7"},"log":{"offset":7},"host":{"name":"a"}}"#,
            r#"{"file":"/var/log/pods/a/0.log","kubernetes":{},"message":LINE,"source_type":"kubernetes_logs"}"#,
            r#"{"line":LINE,"source":"stdout","tag":"7"}"#,
            r#"{"insertId":"7","textPayload":LINE,"severity":"INFO","resource":{"type":"k8s_container"}}"#,
            r#"{"timestamp":1791015304118,"message":LINE,"ingestionTime":1791015304118}"#,
        ] {
            check(&around.replace("LINE", &escaped), &format!(" {RECORD}"));
        }
        check(&format!(r#"{{"insertId":"7","jsonPayload":{RECORD},"timestamp":"{at}"}}"#), &want);
        for line in [
            format!("coder_coderd.1.k3x@node-1    | {RECORD}"),
            format!("coderd_1 | {RECORD}"),
            format!("[pod/coderd-5f/coderd] {RECORD}"),
            format!("<30>Oct  3 08:15:04 host coder[912]: {RECORD}"),
            format!("Oct  3 08:15:04 host coder: {RECORD}"),
            format!("Sat 2026-10-03 08:15:04 UTC host coder[912]: {RECORD}"),
            format!("[   12.345678] host coder[912]: {RECORD}"),
        ] {
            check(&line, &format!(" {RECORD}"));
        }
        let line = "time=2026-10-03T08:15:04.118Z level=WARN msg=DENY";
        check(&format!("2026-10-03T08:15:04.118Z stderr F {line}"), &format!("{at} {line}"));
        check(&format!("boundary-1  | {line}"), &format!(" {line}"));
        // One wrapper in another, and bytes that are no text.
        let inner = serde_json::Value::from(format!("coderd-1  | {RECORD}")).to_string();
        check(&format!(r#"{{"__REALTIME_TIMESTAMP":"1791015304118000","MESSAGE":{inner}}}"#), &want);
        check(r#"{"__REALTIME_TIMESTAMP":"1791015304118000","MESSAGE":[123,255,125]}"#, &format!("{at} {{\u{FFFD}}}"));
    }

    #[test]
    fn records_of_their_own_stay() {
        for dialect in DIALECTS {
            for example in dialect.examples() {
                check(example, &format!(" {example}"));
            }
        }
        for line in [
            RECORD,
            r#"{"log":"{}","stream":"stderr","time":"2026-10-03T08:15:04Z","kind":"command"}"#,
            r#"{"log":{"a":1},"stream":"stderr","time":"2026-10-03T08:15:04Z"}"#,
            r#"{"log":"x","stream":"main","time":"2026-10-03T08:15:04Z"}"#,
            r#"{"MESSAGE":"x","kind":"command"}"#,
            r#"{"message":"{}","kind":"command"}"#,
            r#"{"message":"not a record","host":"a"}"#,
            r#"{"message":"{}","log":"{}"}"#,
            r#"{"ts":"x","msg":"audit_log","message":"{}"}"#,
            r#"{"textPayload":{"a":1},"insertId":"7"}"#,
            r#"2026/10/03 08:15:04 http: TLS handshake error: {"msg":"audit_log"}"#,
            r#"2026-10-03 08:15:04.118 [info] coderd: boundary_request http_url="/ {\"msg\":\"audit_log\"}"#,
            r#"Oct  3 08:15:04 host app[1]: user wrote {"msg":"audit_log"}"#,
            r#"coderd-1  | user wrote {"msg":"audit_log"}"#,
            "2026-10-03T08:15:04Z stderr X {}x",
            "text",
            "",
        ] {
            check(line, &format!(" {line}"));
        }
    }

    #[test]
    fn parts_are_joined_for_each_stream() {
        assert_eq!(
            joined(&[
                "2026-10-03T08:15:04Z stdout P {\"a\":",
                "2026-10-03T08:15:05Z stderr F other",
                "2026-10-03T08:15:06Z stdout P 1",
                "2026-10-03T08:15:07Z stdout F }",
                "2026-10-03T08:15:08Z stderr P left",
            ]),
            [
                "2026-10-03T08:15:05.000000Z other",
                "2026-10-03T08:15:04.000000Z {\"a\":1}",
                "2026-10-03T08:15:08.000000Z left",
            ]
        );
        let docker =
            |text: &str| format!(r#"{{"log":{},"stream":"stdout","time":"x"}}"#, serde_json::Value::from(text));
        let long = "x".repeat(DOCKER_PART_BYTES);
        assert_eq!(
            joined(&[&docker(&long), &docker("y\n"), &docker("no line break"), &docker("z\r\n")]),
            [format!(" {long}y"), " no line break".to_owned(), " z".to_owned()]
        );
        let part = format!("2026-10-03T08:15:04Z stdout P {}", "x".repeat(limits::LINE_BYTES_MAX / 2));
        let parts = [&part[..], &part, &part, "2026-10-03T08:15:04Z stdout F y"];
        assert_eq!(joined(&parts), [format!("{} of {}", limits::LINE_BYTES_MAX, limits::LINE_BYTES_MAX / 2 * 3 + 1)]);
    }

    proptest! {
        #[test]
        fn any_line_is_taken(bytes in prop::collection::vec(any::<u8>(), 0..60), text in "[<>\\[\\]{}0-9TZ:. a-cpo|/\"=+-]{0,60}") {
            for raw in [&bytes[..], text.as_bytes()] {
                let mut joiner = Joiner::default();
                let _ = joiner.take(raw);
                let _ = joiner.give_up();
                prop_assert!(raw.ends_with(syslog(raw).0));
            }
        }

        #[test]
        fn a_record_that_is_split_anywhere_is_whole_again(record in "\\{\\PC{0,80}\\}", cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..5)) {
            let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(record.len())).collect();
            ends.sort_unstable();
            let (mut joiner, mut from) = (Joiner::default(), 0);
            for end in ends {
                let part = [b"2026-10-03T08:15:04Z stdout P ", &record.as_bytes()[from..end]].concat();
                joiner.take(&part);
                from = end;
            }
            let last = [b"2026-10-03T08:15:04Z stdout F ", &record.as_bytes()[from..]].concat();
            prop_assert!(matches!(joiner.take(&last), Joined::Line(text, _) if text == record.as_bytes()));
        }
    }
}
