//! What is tried with bytes of anybody: by the tests of all dialects with changed examples, and by the fuzz targets in the folder `fuzz`. Nothing
//! of it is in the program. A function panics where something does not hold.

use ledger::column::handle::Text;
use ledger::events::{TABLE, column};

use crate::dialect::{self, DIALECTS, Decoded, Dialect, SKIP_REASONS, boundary_socket::BoundarySocket, otel::Otel};
use crate::encoding::Signal;
use crate::event::finish::Finisher;
use crate::event::{Drafts, Record, Redacted};
use crate::frame::{Frame, Framer, Framing};
use crate::limits::{LINE_BYTES_MAX, RECORD_EVENTS_MAX, SYSLOG_MESSAGE_BYTES_MAX};
use crate::price::PriceTable;
use crate::transport::{otlp, syslog};

/// When the records arrive, in microseconds since 1970 UTC.
const RECEIVED: i64 = 1_800_000_000_000_000;
/// Elements of one export request that are decoded.
const ELEMENTS_MAX: usize = 64;

/// Something that takes bytes.
pub struct Target {
    /// Its name, which is that of its file in `fuzz/fuzz_targets`.
    pub name: &'static str,
    /// Tries it.
    pub take: fn(&[u8]),
    /// Bytes to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All of them.
pub static TARGETS: &[Target] = &[
    Target { name: "dialect", take: dialect, seeds: dialect_seeds },
    Target { name: "otlp", take: otlp, seeds: otlp_seeds },
    Target { name: "syslog", take: syslog, seeds: syslog_seeds },
    Target { name: "frames", take: frames, seeds: frames_seeds },
];

/// A record of the dialect that the first byte chooses.
pub fn dialect(bytes: &[u8]) {
    if let Some((number, record)) = bytes.split_first() {
        hold(DIALECTS[usize::from(*number) % DIALECTS.len()], record);
    }
}

fn dialect_seeds() -> Vec<Vec<u8>> {
    let of = |(number, dialect): (usize, &&'static dyn Dialect)| {
        let dialect = *dialect;
        dialect
            .examples()
            .iter()
            .filter_map(move |example| Some([vec![number as u8], bytes_of(dialect, example)?].concat()))
    };
    DIALECTS.iter().enumerate().flat_map(of).collect()
}

/// The bytes of an example.
fn bytes_of(dialect: &dyn Dialect, example: &str) -> Option<Vec<u8>> {
    match dialect.encoding().transcoder() {
        Some(transcoder) => transcoder.bytes(example),
        None => Some(example.as_bytes().to_vec()),
    }
}

/// What must hold of every record, whatever its bytes are: it is understood, skipped or not understood with a reason; decoded again it is the
/// same; its events are bounded; what is cut out of it comes back byte by byte; and JSON stays JSON.
///
/// # Panics
/// If something of that does not hold.
pub fn hold(dialect: &dyn Dialect, raw: &[u8]) {
    let (first, again) = (outcome(dialect, raw, &mut Drafts::new()), outcome(dialect, raw, &mut used()));
    assert_eq!(
        first,
        again,
        "{} decodes {:?} another way the second time",
        dialect.name(),
        String::from_utf8_lossy(raw)
    );
}

/// Drafts that held something else before.
fn used() -> Drafts {
    let mut drafts = Drafts::new();
    for _ in 0..3 {
        let draft = drafts.add();
        draft.set_origin("other", "gateway", "other");
        draft.identity.push_str("other");
        draft.mark("other:draft".to_owned());
    }
    drafts
}

/// The columns of an event that are set, by their ids.
type Columns = Vec<(u8, Vec<u8>)>;

/// All columns of all events of a record, or why there are none.
fn outcome(dialect: &dyn Dialect, raw: &[u8], drafts: &mut Drafts) -> Result<Vec<Columns>, String> {
    let record = Record::new(raw, dialect.encoding());
    let (decoded, mended) = dialect::decode(dialect, record, RECEIVED, drafts);
    match decoded {
        Decoded::Skip(reason) => {
            assert!(SKIP_REASONS.contains(&reason), "{reason}");
            return Err(reason.to_owned());
        }
        Decoded::Unparsed(reason) => {
            assert!(!reason.is_empty() && reason.len() < 512 && !reason.contains('\n'), "{reason:?}");
            return Err(reason);
        }
        Decoded::Events => assert!((1..=2 * RECORD_EVENTS_MAX).contains(&drafts.len()), "{} events", drafts.len()),
    }
    let mended = mended.filter(|mended| !mended.in_place);
    let text = mended.as_ref().map_or(raw, |mended| mended.text.as_bytes());
    let record = Record::new(text, dialect.encoding());
    let finisher = finisher();
    let finished = drafts.iter_mut().enumerate().map(|(number, draft)| {
        let mut event = Redacted::default();
        finisher.finish(record, draft, number == 0, &mut event);
        if number == 0 {
            put_back(dialect, text, &event);
        }
        TABLE.columns.iter().filter_map(|column| Some((column.id, event.value(column.id)?.to_vec()))).collect()
    });
    Ok(finished.collect())
}

fn finisher() -> &'static Finisher {
    static FINISHER: std::sync::LazyLock<Finisher> =
        std::sync::LazyLock::new(|| Finisher::new([7; 32], PriceTable::embedded()));
    &FINISHER
}

/// Puts the content of an event's record back.
fn put_back(dialect: &dyn Dialect, text: &[u8], event: &Redacted) {
    let of = |column: Text| event.text(column).unwrap_or_default();
    let cuts = event.value(column::CUTS.id()).unwrap_or_default();
    let restored = dialect.encoding().restore(of(column::RECORD), of(column::CONTENT), cuts);
    let shown = || String::from_utf8_lossy(text);
    let Some(restored) = restored else {
        panic!("the columns of {} do not fit together: {:?}", dialect.name(), shown())
    };
    if event.value(column::REDACTIONS.id()).is_none() {
        assert_eq!(restored, text, "{} restores another record than {:?}", dialect.name(), shown());
    }
    if std::str::from_utf8(text).is_ok_and(|text| text.trim_start().starts_with('{')) {
        for json in [of(column::RECORD).as_bytes(), &restored] {
            let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(json).is_ok();
            assert!(is_json, "{} makes no JSON of {:?}", dialect.name(), shown());
        }
    }
}

/// The body of an export request; the first byte says its signal and format.
pub fn otlp(bytes: &[u8]) {
    let Some((choice, body)) = bytes.split_first() else { return };
    let signal = Signal::ALL[usize::from(choice / 2) % Signal::ALL.len()];
    let records = otlp::records(body, choice % 2 == 0, signal);
    records.iter().take(ELEMENTS_MAX).for_each(|record| hold(&Otel, record));
}

fn otlp_seeds() -> Vec<Vec<u8>> {
    let of = |example: &&str| {
        let line: serde_json::Value = serde_json::from_str(example).ok()?;
        let number = Signal::ALL.iter().position(|signal| line.get(signal.member()).is_some())?;
        let [resources, scopes, elements] = Signal::ALL[number].lists();
        let under_scope = serde_json::json!({"scope": line["scope"], elements: [line[Signal::ALL[number].member()]]});
        let body = serde_json::json!({resources: [{"resource": line["resource"], scopes: [under_scope]}]});
        Some([vec![2 * number as u8], body.to_string().into_bytes()].concat())
    };
    Otel.examples().iter().filter_map(of).collect()
}

/// Bytes of a syslog connection; the first one is the size of the chunks in which they come, which changes nothing.
///
/// # Panics
/// If it does, or if a message is longer than any may be.
pub fn syslog(bytes: &[u8]) {
    let Some((chunk, bytes)) = bytes.split_first() else { return };
    let messages = syslog::messages(bytes, bytes.len());
    assert_eq!(messages, syslog::messages(bytes, usize::from(*chunk)), "{bytes:?} in chunks of {chunk}");
    assert!(messages.iter().all(|message| message.len() <= SYSLOG_MESSAGE_BYTES_MAX));
}

fn syslog_seeds() -> Vec<Vec<u8>> {
    let falco = dialect::by_name("falco").map_or("", |falco| falco.examples()[0]);
    let messages = [
        format!("<134>1 2026-11-20T10:00:00.000003Z ws-1 falco 8710 - - {falco}"),
        format!("<13>Nov 20 10:00:00 ws-1 falco[8710]: {falco}"),
        "<30>1 2026-11-20T10:00:00Z ws-1 su - ID47 [a@1 b=\"c\"] \u{feff}failed".to_owned(),
    ];
    let counted: Vec<String> = messages.iter().map(|message| format!("{} {message}", message.len())).collect();
    [counted.concat(), messages.join("\n")].iter().map(|stream| [&[7], stream.as_bytes()].concat()).collect()
}

/// A stream of records; the first byte says how they are told apart and in what chunks they come, which changes nothing. Frames of a length
/// are those of the boundary's socket.
///
/// # Panics
/// If it does, or if a record is longer than any may be.
pub fn frames(bytes: &[u8]) {
    let Some((choice, bytes)) = bytes.split_first() else { return };
    let framing = [Framing::Tagged, Framing::Lines, Framing::Json, Framing::Whole][usize::from(choice % 4)];
    let records = records(bytes, framing, bytes.len());
    assert_eq!(records, self::records(bytes, framing, usize::from(choice / 4)), "{framing:?} {bytes:?}");
    for record in records.iter().flatten() {
        assert!(record.len() <= LINE_BYTES_MAX || framing == Framing::Whole);
        if framing == Framing::Tagged {
            hold(&BoundarySocket, record);
        }
    }
}

fn of_frame(frame: Frame<'_>) -> Vec<u8> {
    match frame {
        Frame::Record(bytes) | Frame::TooLong(bytes, _) => bytes.to_vec(),
    }
}

/// The records in bytes that come in chunks of this size; the last is an error if the bytes are no such stream.
fn records(bytes: &[u8], framing: Framing, chunk: usize) -> Vec<Result<Vec<u8>, String>> {
    let (mut framer, mut found) = (Framer::new(framing), Vec::new());
    for mut chunk in bytes.chunks(chunk.max(1)) {
        while let Some(next) = framer.next(&mut chunk) {
            match next {
                Ok(frame) => found.push(Ok(of_frame(frame))),
                Err(error) => {
                    found.push(Err(error.to_string()));
                    return found;
                }
            }
        }
    }
    if let Some(last) = framer.finish() {
        found.push(last.map(of_frame).map_err(|error| error.to_string()));
    }
    found
}

fn frames_seeds() -> Vec<Vec<u8>> {
    let frames: Vec<Vec<u8>> =
        BoundarySocket.examples().iter().filter_map(|example| bytes_of(&BoundarySocket, example)).collect();
    let lines = dialect::by_name("coder").map_or(&[][..], Dialect::examples).iter().take(4).copied();
    let lines = lines.collect::<Vec<&str>>().join("\n");
    let json = format!("[{}]", lines.replace('\n', ","));
    vec![
        [vec![4 * 7], frames.concat()].concat(),
        [&[1 + 4 * 7], lines.as_bytes()].concat(),
        [&[2 + 4 * 7], json.as_bytes()].concat(),
    ]
}

#[cfg(test)]
mod tests;
