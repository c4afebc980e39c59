//! The frames of boundary's socket: what is read of one, and one as text and back, byte by byte (`ledger/FORMAT.md`, section 2.9).
//!
//! As text a message is the list of its fields in the order in which they stand there, each `[name, value]`: text and whole numbers as
//! themselves, messages as such lists. A field that the schema does not know has its number for a name, so that what a later release
//! adds comes back, too; its numbers of a fixed width are `{"fixed64": …}` and `{"fixed32": …}`. Bytes that are no text are not
//! written: in another form no secret would be found in them.

use serde_json::{Value as Json, json};

use crate::encoding::wire::{Fields, Malformed, Value};
use crate::encoding::{self, FieldPath, Located, RecordEncoding, Transcoder, Unreadable};
use crate::frame::{Framing, TAGGED_HEADER_BYTES};

/// The tag of a bare report.
const TAG_REPORT: u8 = 1;
/// The tag of an envelope.
const TAG_ENVELOPE: u8 = 2;
/// Where the URLs of a bare report stand,
const URL_OF_REPORT: &str = "/report/logs/http_request/url";
/// and those of a report in an envelope.
const URL_OF_ENVELOPE: &str = "/message/logs/logs/http_request/url";

/// A field of a message.
struct Field {
    number: u32,
    name: &'static str,
    /// The fields of the message that it is; `None` for text and numbers.
    fields: Option<&'static [Field]>,
}

const fn plain(number: u32, name: &'static str) -> Field {
    Field { number, name, fields: None }
}

const fn message(number: u32, name: &'static str, fields: &'static [Field]) -> Field {
    Field { number, name, fields: Some(fields) }
}

static TIME: &[Field] = &[plain(1, "seconds"), plain(2, "nanos")];
static HTTP_REQUEST: &[Field] = &[plain(1, "method"), plain(2, "url"), plain(3, "matched_rule")];
static LOG: &[Field] = &[
    plain(1, "allowed"),
    message(2, "time", TIME),
    message(3, "http_request", HTTP_REQUEST),
    plain(4, "sequence_number"),
];
static REPORT: &[Field] = &[message(1, "logs", LOG), plain(2, "session_id"), plain(3, "confined_process_name")];
static STATUS: &[Field] = &[plain(1, "dropped_channel_full"), plain(2, "dropped_batch_full")];
static ENVELOPE: &[Field] = &[message(1, "logs", REPORT), message(2, "status", STATUS)];

/// The name of the body of a frame with this tag, and its fields.
fn schema(tag: u8) -> Option<(&'static str, &'static [Field])> {
    match tag {
        TAG_REPORT => Some(("report", REPORT)),
        TAG_ENVELOPE => Some(("message", ENVELOPE)),
        _ => None,
    }
}

/// Tag and body of a frame.
fn parts(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let (&[tag, a, b, c], body) = bytes.split_first_chunk::<TAGGED_HEADER_BYTES>()?;
    (u32::from_be_bytes([0, a, b, c]) as usize == body.len()).then_some((tag, body))
}

/// What a frame says.
pub(super) enum Frame<'a> {
    /// Requests, and the path of their URLs in the text.
    Report(Report<'a>, &'static str),
    /// What was dropped.
    Status(Status),
}

/// A frame that says nothing that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotUnderstood {
    #[error("it is no frame of boundary: its length is not the one that it states")]
    Length,
    #[error("its tag is {0}, which is none of boundary's")]
    Tag(u8),
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("the envelope has neither logs nor a status")]
    Empty,
}

/// Requests of one session.
#[derive(Default)]
pub(super) struct Report<'a> {
    pub logs: Vec<Log<'a>>,
    /// Empty if there is none.
    pub session: &'a str,
}

/// One request.
#[derive(Default)]
pub(super) struct Log<'a> {
    pub allowed: bool,
    /// In microseconds since 1970 UTC.
    pub time: Option<i64>,
    /// The same in nanoseconds, as it is written.
    pub written_time: i128,
    pub http: Option<HttpRequest<'a>>,
    pub sequence: i64,
}

/// What was asked for. What is not said is empty.
#[derive(Default)]
pub(super) struct HttpRequest<'a> {
    pub method: &'a str,
    pub url: &'a str,
    pub rule: &'a str,
}

/// How many logs were dropped since the last status.
#[derive(Default)]
pub(super) struct Status {
    pub dropped_channel_full: i64,
    pub dropped_batch_full: i64,
}

impl<'a> Frame<'a> {
    /// Reads a frame with its header.
    pub fn read(bytes: &'a [u8]) -> Result<Self, NotUnderstood> {
        let (tag, body) = parts(bytes).ok_or(NotUnderstood::Length)?;
        if tag == TAG_REPORT {
            return Ok(Self::Report(Report::read(body)?, URL_OF_REPORT));
        }
        if tag != TAG_ENVELOPE {
            return Err(NotUnderstood::Tag(tag));
        }
        let mut found = Err(NotUnderstood::Empty);
        for field in Fields::of(body) {
            match field? {
                (1, Value::Bytes(report)) => found = Ok(Self::Report(Report::read(report)?, URL_OF_ENVELOPE)),
                (2, Value::Bytes(status)) => found = Ok(Self::Status(Status::read(status)?)),
                _ => {}
            }
        }
        found
    }
}

/// Text of a field; what is no UTF-8 is no text.
fn text(bytes: &[u8]) -> Result<&str, Malformed> {
    std::str::from_utf8(bytes).map_err(|_| Malformed)
}

impl<'a> Report<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut report = Self::default();
        for field in Fields::of(bytes) {
            match field? {
                (1, Value::Bytes(log)) => report.logs.push(Log::read(log)?),
                (2, Value::Bytes(session)) => report.session = text(session)?,
                _ => {}
            }
        }
        Ok(report)
    }
}

impl<'a> Log<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut log = Self::default();
        for field in Fields::of(bytes) {
            match field? {
                (1, Value::Varint(allowed)) => log.allowed = allowed != 0,
                (2, Value::Bytes(time)) => log.read_time(time)?,
                (3, Value::Bytes(http)) => log.http = Some(HttpRequest::read(http)?),
                // An int32 that is negative is written with all 64 bits.
                (4, Value::Varint(number)) => log.sequence = number as i64,
                _ => {}
            }
        }
        Ok(log)
    }

    fn read_time(&mut self, bytes: &[u8]) -> Result<(), Malformed> {
        let (mut seconds, mut nanos) = (0, 0);
        for field in Fields::of(bytes) {
            match field? {
                (1, Value::Varint(number)) => seconds = number as i64,
                (2, Value::Varint(number)) => nanos = number as i64,
                _ => {}
            }
        }
        self.written_time = i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
        self.time = Some(seconds.saturating_mul(1_000_000).saturating_add(nanos / 1_000));
        Ok(())
    }
}

impl<'a> HttpRequest<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut http = Self::default();
        for field in Fields::of(bytes) {
            match field? {
                (1, Value::Bytes(method)) => http.method = text(method)?,
                (2, Value::Bytes(url)) => http.url = text(url)?,
                (3, Value::Bytes(rule)) => http.rule = text(rule)?,
                _ => {}
            }
        }
        Ok(http)
    }
}

impl Status {
    fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut status = Self::default();
        for field in Fields::of(bytes) {
            match field? {
                (1, Value::Varint(number)) => status.dropped_channel_full = number as i64,
                (2, Value::Varint(number)) => status.dropped_batch_full = number as i64,
                _ => {}
            }
        }
        Ok(status)
    }
}

/// How a frame is written.
#[derive(Debug)]
pub(super) struct BoundaryFrame;

impl RecordEncoding for BoundaryFrame {
    fn locate(&self, text: &str, paths: &[&FieldPath]) -> Result<Vec<Located>, Unreadable> {
        let frame: Json = serde_json::from_str(text).map_err(|_| Unreadable)?;
        let mut places = Vec::new();
        for (number, path) in paths.iter().enumerate() {
            let steps: Vec<_> = path.steps().collect();
            places_of(&frame, &steps, &FieldPath::root(), &mut |place| places.push((number, place)));
        }
        let mut found = encoding::Json.locate(text, &places.iter().map(|(_, place)| place).collect::<Vec<_>>())?;
        for found in &mut found {
            found.path = places.get(found.path).map_or(0, |(number, _)| *number);
        }
        Ok(found)
    }

    fn framing(&self) -> Framing {
        Framing::Tagged
    }

    fn transcoder(&self) -> Option<&dyn Transcoder> {
        Some(self)
    }
}

/// Finds where in the text the fields stand to which these steps lead.
fn places_of(message: &Json, steps: &[impl AsRef<str>], at: &FieldPath, found: &mut impl FnMut(FieldPath)) {
    let Some((name, rest)) = steps.split_first() else { return found(at.clone()) };
    for (number, pair) in message.as_array().into_iter().flatten().enumerate() {
        if let Some([of, value]) = pair.as_array().map(Vec::as_slice)
            && of == name.as_ref()
        {
            places_of(value, rest, &at.item(number).item(1), found);
        }
    }
}

impl Transcoder for BoundaryFrame {
    fn text(&self, bytes: &[u8]) -> Option<String> {
        let (tag, body) = parts(bytes)?;
        let (name, fields) = schema(tag)?;
        Some(json!([["tag", tag], [name, written(body, fields)?]]).to_string())
    }

    fn bytes(&self, text: &str) -> Option<Vec<u8>> {
        let frame: Json = serde_json::from_str(text).ok()?;
        let [of_tag, of_body] = frame.as_array()?.as_slice() else { return None };
        let tag = u8::try_from(of_tag.get(1)?.as_u64()?).ok()?;
        let (name, fields) = schema(tag)?;
        if of_tag.get(0)? != "tag" || of_body.get(0)? != name {
            return None;
        }
        let mut body = Vec::new();
        encode(of_body.get(1)?, fields, &mut body)?;
        let [0, length @ ..] = u32::try_from(body.len()).ok()?.to_be_bytes() else { return None };
        Some([&[tag], &length[..], &body].concat())
    }
}

/// The member that is a number of 64 bits,
const FIXED64: &str = "fixed64";
/// and the one that is a number of 32 bits.
const FIXED32: &str = "fixed32";

/// A message as text. `None` if it is none, or has bytes that are no text.
fn written(bytes: &[u8], fields: &[Field]) -> Option<Json> {
    let mut pairs = Vec::new();
    for field in Fields::of(bytes) {
        let (number, value) = field.ok()?;
        let known = fields.iter().find(|field| field.number == number);
        let name = known.map_or_else(|| Json::from(number), |known| Json::from(known.name));
        let value = match (value, known.and_then(|known| known.fields)) {
            (Value::Bytes(bytes), Some(fields)) => written(bytes, fields)?,
            (Value::Bytes(bytes), None) => Json::from(std::str::from_utf8(bytes).ok()?),
            (Value::Varint(number), _) => Json::from(number),
            (Value::Fixed64(number), _) => json!({ FIXED64: number }),
            (Value::Fixed32(number), _) => json!({ FIXED32: number }),
        };
        pairs.push(Json::from(vec![name, value]));
    }
    Some(Json::from(pairs))
}

/// The message that such a text says.
fn encode(message: &Json, fields: &[Field], bytes: &mut Vec<u8>) -> Option<()> {
    for pair in message.as_array()? {
        let [name, value] = pair.as_array()?.as_slice() else { return None };
        let known = fields.iter().find(|field| field.name == name);
        let number = known.map_or_else(|| u32::try_from(name.as_u64()?).ok(), |known| Some(known.number))?;
        let value = match (value, known.and_then(|known| known.fields)) {
            (Json::Array(_), Some(fields)) => {
                let mut message = Vec::new();
                encode(value, fields, &mut message)?;
                Value::Bytes(&message).write(number, bytes)?;
                continue;
            }
            (Json::String(text), None) => Value::Bytes(text.as_bytes()),
            (Json::Number(whole), _) => Value::Varint(whole.as_u64()?),
            (Json::Object(fixed), _) => match (fixed.get(FIXED64), fixed.get(FIXED32)) {
                (Some(fixed), None) => Value::Fixed64(fixed.as_u64()?),
                (None, Some(fixed)) => Value::Fixed32(u32::try_from(fixed.as_u64()?).ok()?),
                _ => return None,
            },
            _ => return None,
        };
        value.write(number, bytes)?;
    }
    Some(())
}
