//! A second kind of record the whole way: protobuf messages, whose encoding and dialect are this one file. They are pushed, one in
//! each request; content is named by its path, cut out, kept, and put back byte by byte, and a secret in it is taken out.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use super::*;
use crate::config::misfit;
use crate::encoding::{FieldPath, Json, Located, RecordEncoding, Transcoder, Unreadable};
use crate::event::{ContentField, FreeText};
use crate::fixtures::Tokens;
use crate::frame::Framing;
use crate::transport::http::{Http, Push};
use crate::transport::{self, Start, TRANSPORTS, Transport as _, Work};

/// A field of a message.
struct Field {
    number: u64,
    name: &'static str,
    /// The fields of the message that it is; `None` for text and numbers.
    fields: Option<&'static [Field]>,
}

const fn plain(number: u64, name: &'static str) -> Field {
    Field { number, name, fields: None }
}

static CALL: &[Field] = &[plain(1, "tool"), plain(2, "input"), plain(3, "tries")];
static EVENT: &[Field] =
    &[plain(1, "id"), plain(2, "session"), Field { number: 20, name: "call", fields: Some(CALL) }, plain(5, "url")];

/// The messages of the schema [`EVENT`].
#[derive(Debug)]
struct Protobuf;

impl RecordEncoding for Protobuf {
    fn locate(&self, text: &str, paths: &[&FieldPath]) -> Result<Vec<Located>, Unreadable> {
        let message: Value = serde_json::from_str(text).map_err(|_| Unreadable)?;
        let mut places = Vec::new();
        for (number, path) in paths.iter().enumerate() {
            let steps: Vec<_> = path.steps().collect();
            places.extend(
                places_of(&message, EVENT, &steps, &FieldPath::root()).into_iter().map(|place| (number, place)),
            );
        }
        let mut found = Json.locate(text, &places.iter().map(|(_, place)| place).collect::<Vec<_>>())?;
        for found in &mut found {
            found.path = places[found.path].0;
        }
        Ok(found)
    }

    fn framing(&self) -> Framing {
        Framing::Whole
    }

    fn media_types(&self) -> &'static [&'static str] {
        &["application/x-protobuf"]
    }

    fn transcoder(&self) -> Option<&dyn Transcoder> {
        Some(self)
    }
}

/// Where in the written message the fields stand to which these steps lead.
fn places_of(message: &Value, fields: &[Field], steps: &[std::borrow::Cow<str>], at: &FieldPath) -> Vec<FieldPath> {
    let Some((name, rest)) = steps.split_first() else { return vec![at.clone()] };
    let Some(field) = fields.iter().find(|field| field.name == name) else { return Vec::new() };
    let pairs = message.as_array().into_iter().flatten().enumerate();
    let named = pairs.filter(|(_, pair)| pair[0] == field.number);
    let inside = |(number, pair): (usize, &Value)| {
        places_of(&pair[1], field.fields.unwrap_or_default(), rest, &at.item(number).item(1))
    };
    named.flat_map(inside).collect()
}

/// A message is written as a list of pairs, `[number, value]`: text, whole numbers and messages as themselves, anything else as an
/// object with its wire type and bytes.
impl Transcoder for Protobuf {
    fn text(&self, bytes: &[u8]) -> Option<String> {
        written(bytes, EVENT).map(|message| message.to_string())
    }

    fn bytes(&self, text: &str) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        encode(&serde_json::from_str(text).ok()?, &mut bytes)?;
        Some(bytes)
    }
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..63).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

fn put_varint(mut value: u64, bytes: &mut Vec<u8>) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn written(mut bytes: &[u8], fields: &[Field]) -> Option<Value> {
    let mut pairs = Vec::new();
    while !bytes.is_empty() {
        let tag = take_varint(&mut bytes)?;
        let (number, wire) = (tag >> 3, tag & 7);
        let length = match wire {
            0 => {
                pairs.push(json!([number, take_varint(&mut bytes)?]));
                continue;
            }
            1 => 8,
            2 => usize::try_from(take_varint(&mut bytes)?).ok()?,
            5 => 4,
            _ => return None,
        };
        let (value, rest) = bytes.split_at_checked(length)?;
        bytes = rest;
        let message = fields.iter().find(|field| field.number == number && wire == 2).and_then(|field| field.fields);
        let value = match (message.map(|fields| written(value, fields)), std::str::from_utf8(value)) {
            (Some(Some(message)), _) => message,
            (None, Ok(text)) if wire == 2 => Value::from(text),
            _ => json!({ "wire": wire, "bytes": value }),
        };
        pairs.push(json!([number, value]));
    }
    Some(Value::from(pairs))
}

fn encode(message: &Value, bytes: &mut Vec<u8>) -> Option<()> {
    for pair in message.as_array()? {
        let (number, value) = (pair.get(0)?.as_u64()?, pair.get(1)?);
        let (wire, content) = match value {
            Value::Number(whole) => {
                put_varint(number.checked_mul(8)?, bytes);
                put_varint(whole.as_u64()?, bytes);
                continue;
            }
            Value::String(text) => (2, text.clone().into_bytes()),
            Value::Array(_) => {
                let mut inside = Vec::new();
                encode(value, &mut inside)?;
                (2, inside)
            }
            _ => (value["wire"].as_u64()?, serde_json::from_value(value["bytes"].clone()).ok()?),
        };
        put_varint(number.checked_mul(8)? | wire, bytes);
        if wire == 2 {
            put_varint(content.len() as u64, bytes);
        }
        bytes.extend_from_slice(&content);
    }
    Some(())
}

/// The dialect of these messages: what it needs it reads from the bytes.
struct Calls;

impl Dialect for Calls {
    fn name(&self) -> &'static str {
        "calls"
    }

    fn doc(&self) -> &'static str {
        ""
    }

    fn trust(&self) -> Trust {
        Trust::Agent
    }

    fn encoding(&self) -> &'static dyn RecordEncoding {
        &Protobuf
    }

    fn examples(&self) -> &'static [&'static str] {
        &[]
    }

    fn decode(&self, record: Record<'_>, _received: i64, drafts: &mut Drafts) -> Decoded {
        assert_eq!(record.text(), None, "whatever its bytes look like");
        let Some(message) = written(record.bytes(), EVENT) else {
            return Decoded::Unparsed("it is no protobuf message".to_owned());
        };
        let draft = drafts.add();
        for pair in message.as_array().into_iter().flatten() {
            match pair[0].as_u64() {
                Some(1) => draft.columns.set_text_if(column::SOURCE_ID, pair[1].as_str()),
                Some(2) => draft.columns.set_text_if(column::SESSION, pair[1].as_str()),
                Some(5) => draft.url.push_str(pair[1].as_str().unwrap_or_default()),
                Some(20) => draft.content.push(ContentField::at("input", "/call/input")),
                _ => {}
            }
        }
        draft.free_text.push(FreeText::at("url", "/url"));
        Decoded::Events
    }
}

/// A message with a number and text in another encoding beside what the schema knows.
fn message(session: &str, input: &str) -> Vec<u8> {
    let written = json!([
        [1, "call-1"],
        [2, session],
        [20, [[1, "Bash"], [3, 300], [2, input], [9, { "wire": 5, "bytes": [1, 2, 3, 255] }]]],
        [5, "https://packages.acme.example/"],
        [77, { "wire": 2, "bytes": [255, 254] }],
    ]);
    Protobuf.bytes(&written.to_string()).unwrap()
}

/// What is recorded of a record, and the record that comes of that again.
async fn recorded(record: &[u8]) -> (std::collections::BTreeMap<&'static str, Vec<u8>>, Option<Vec<u8>>) {
    let house = House::new("");
    let mut intake = intake(&house, &Calls);
    intake.record(record, clock::now(), 0).await.unwrap();
    intake.finish().await.unwrap();
    event(&house, 0)
}

/// The columns of an event, and the record that comes of it again.
fn event(house: &House, number: usize) -> (std::collections::BTreeMap<&'static str, Vec<u8>>, Option<Vec<u8>>) {
    let rows = house.rows();
    let row = rows.iter().nth(number).unwrap();
    let columns = ledger::events::TABLE.columns.iter();
    let columns: std::collections::BTreeMap<_, _> =
        columns.filter_map(|column| Some((column.name, row.value(column.id)?.to_vec()))).collect();
    let (content, cuts) = (row.text(column::CONTENT).unwrap_or_default(), row.value(column::CUTS.id()));
    let restored = row.text(column::RECORD).and_then(|text| Protobuf.restore(text, content, cuts.unwrap_or_default()));
    (columns, restored)
}

#[tokio::test]
async fn a_message_comes_back_byte_by_byte_and_its_content_is_no_fact() {
    let record = message("s-1", "make test");
    assert_eq!(
        (record[0], std::str::from_utf8(&record).is_err()),
        (b'\n', true),
        "no text, though it begins like some"
    );
    let (columns, restored) = recorded(&record).await;
    assert_eq!(restored.as_ref(), Some(&record));
    assert_eq!(columns["content"], br#"{"input":"make test"}"#);
    assert_eq!(columns["host"], b"packages.acme.example");
    let facts = String::from_utf8_lossy(&columns["record"]).into_owned();
    assert!(facts.contains(r#"[20,[[1,"Bash"],[3,300],[2,null],"#), "{facts}");
    for name in ["marks", "content_raw", "redactions"] {
        assert!(!columns.contains_key(name), "{name}");
    }
}

#[tokio::test]
async fn a_secret_in_a_message_is_taken_out_and_its_lengths_follow() {
    let token = ["ghp_", &"aB3".repeat(12)].concat();
    let input = format!("export GITHUB_TOKEN={token}\nmake \"release\"");
    let (columns, restored) = recorded(&message(&format!("s/{token}"), &input)).await;
    let placeholder = "[REDACTED:github_token]";
    let redacted = message(&format!("s/{placeholder}"), &input.replace(&token, placeholder));
    assert_eq!(restored, Some(redacted), "it is still a message");
    for (name, value) in &columns {
        assert!(!String::from_utf8_lossy(value).contains(&token), "{name}");
    }
    assert_eq!(columns["session"], format!("s/{placeholder}").as_bytes());
    let redactions = String::from_utf8_lossy(&columns["redactions"]).into_owned();
    assert!(redactions.contains("github_token:record:") && redactions.contains("github_token:input:"), "{redactions}");
}

#[tokio::test]
async fn a_message_that_has_no_text_or_no_such_field_lies_in_the_content_part() {
    // A number with more bytes than it needs, which would come back shorter.
    let long = [message("s-1", "make test"), vec![0x18, 0x81, 0x00]].concat();
    let (columns, restored) = recorded(&long).await;
    assert_eq!((columns.get("content_raw"), restored), (Some(&long), None));
    assert_eq!(columns["session"], b"s-1");
    let none = Protobuf.bytes(r#"[[2,"s-1"],[20,[[1,"Bash"]]]]"#).unwrap();
    let (columns, restored) = recorded(&none).await;
    assert_eq!((columns["content"].as_slice(), restored), (&br#"[[2,"s-1"],[20,[[1,"Bash"]]]]"#[..], None));
    let (columns, _) = recorded(b"\x0a\xff").await;
    assert_eq!((columns["kind"].as_slice(), columns["content_raw"].as_slice()), (&b"unparsed"[..], &b"\x0a\xff"[..]));
    // With a secret its readable form is all that is kept.
    let token = ["ghp_", &"aB3".repeat(12)].concat();
    let long = [message("s-1", &format!("export GITHUB_TOKEN={token}")), vec![0x18, 0x81, 0x00]].concat();
    let (columns, _) = recorded(&long).await;
    assert!(!columns.contains_key("content_raw"));
    assert!(String::from_utf8_lossy(&columns["content"]).contains("[REDACTED:github_token]"));
    for (name, value) in &columns {
        assert!(!String::from_utf8_lossy(value).contains(&token), "{name}");
    }
}

/// The routes of a collector with this dialect.
fn router(house: &House) -> Router {
    let (pipeline, stop) = (house.collectors.pipeline(), CancellationToken::new());
    let push = Push::new(Arc::clone(pipeline), Arc::new(Tokens), stop.clone(), TaskTracker::new());
    let start = Start {
        channel: Channel::new("calls", &Calls, pipeline.metrics()),
        transport: "http",
        place: "",
        principal: Arc::new(Principal::local()),
        settings: &transport::Settings::new(),
        pipeline,
        stop: &stop,
        push: &push,
    };
    let Ok(Work::Routes(routes)) = Http.start(start) else { panic!("it waits for requests") };
    push.router([routes])
}

/// Pushes a body with these headers, and returns status and answer.
async fn push(router: &Router, headers: &[(&str, &str)], body: &[u8]) -> (u16, Value) {
    let mut request = Request::post("/v1/events/calls").header("authorization", "Bearer sender");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    // A message may end anywhere in a chunk.
    let chunks: Vec<_> = body.chunks(7).map(|chunk| Ok::<_, std::convert::Infallible>(chunk.to_vec())).collect();
    let body = Body::from_stream(futures::stream::iter(chunks));
    let response = router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let answer = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, serde_json::from_slice(&answer).unwrap())
}

#[tokio::test]
async fn a_body_that_is_pushed_is_one_message() {
    let house = House::new("");
    let router = router(&house);
    // It has line feeds, NUL bytes and white space at its ends, none of which means anything.
    let message = [message("s-1\n\n", "make\ntest"), b"\x9a\x01\x03\0\0\n".to_vec()].concat();
    let types =
        [None, Some("application/x-protobuf"), Some("Application/X-Protobuf; v=1"), Some("application/octet-stream")];
    for (number, media_type) in types.into_iter().enumerate() {
        // A natural id of its own, or it is a duplicate.
        let message = [message.clone(), Protobuf.bytes(&format!(r#"[[1,"call-{number}"]]"#)).unwrap()].concat();
        let headers: Vec<_> = media_type.map(|media_type| ("content-type", media_type)).into_iter().collect();
        let (status, answer) = push(&router, &headers, &message).await;
        assert_eq!((status, &answer["accepted"], &answer["unparsed"]), (200, &1.into(), &0.into()), "{answer}");
        assert_eq!(event(&house, number).1, Some(message), "{media_type:?}");
    }
    for other in ["application/json", "text/plain", "application/x-ndjson"] {
        let (status, answer) = push(&router, &[("content-type", other)], &message).await;
        assert_eq!(status, 415, "{answer}");
        assert!(
            answer["detail"].as_str().unwrap().contains("application/x-protobuf or application/octet-stream"),
            "{answer}"
        );
    }
    assert_eq!(push(&router, &[], b"").await.1["accepted"], 0, "nothing is no message");
    assert_eq!(house.rows().len(), types.len());
}

#[tokio::test]
async fn a_producer_counts_its_messages() {
    let house = House::new("");
    let router = router(&house);
    let at = |offset| [("tachograph-producer", "6c405053-27e3-484a-9ad7-bcb64e7bfde6"), ("tachograph-offset", offset)];
    let anonymous = Protobuf.bytes(r#"[[2,"s-1"],[20,[[2,"make test"]]]]"#).unwrap();
    for (offset, accepted, next) in [("0", 1, 1), ("1", 1, 2), ("1", 0, 2)] {
        let (status, answer) = push(&router, &at(offset), &anonymous).await;
        assert_eq!(
            (status, &answer["accepted"], &answer["next_offset"]),
            (200, &accepted.into(), &next.into()),
            "{answer}"
        );
    }
    assert_eq!(push(&router, &at("7"), &anonymous).await.0, 409);
    let long = vec![b'\n'; limits::LINE_BYTES_MAX + 1];
    let (status, answer) = push(&router, &at("2"), &long).await;
    assert_eq!((status, &answer["record"], &answer["unparsed"]), (413, &2.into(), &1.into()), "{answer}");
    assert_eq!(house.rows().len(), 3);
}

#[test]
fn only_who_can_tell_messages_apart_takes_them() {
    for transport in TRANSPORTS {
        let refused = misfit(*transport, &Calls);
        assert_eq!(refused.is_none(), matches!(transport.name(), "http" | "kafka"), "{refused:?}");
        assert!(refused.is_none_or(|message| message.contains(transport.name()) && message.contains("`calls`")));
    }
}

proptest! {
    #[test]
    fn any_message_is_taken_and_comes_back(
        head in prop::collection::vec(any::<u8>(), 0..12),
        session in "\\PC{0,8}",
        input in "\\PC{1,8}",
        changed in any::<prop::sample::Index>(),
        byte: Option<u8>,
    ) {
        let mut bytes = [head, message(&session, &input)].concat();
        if let Some(byte) = byte {
            *changed.get_mut(&mut bytes) = byte;
        }
        let record = Record::new(&bytes, &Protobuf);
        let mut drafts = Drafts::new();
        if dialect::decode(&Calls, record, 0, &mut drafts).0 == Decoded::Events {
            let event = dialect::testing::finish(record, drafts.iter_mut().next().unwrap(), true);
            let [text, content] = [column::RECORD, column::CONTENT].map(|column| event.text(column).unwrap_or_default());
            let restored = Protobuf.restore(text, content, event.value(column::CUTS.id()).unwrap_or_default());
            match (event.text(column::RECORD), event.value(column::REDACTIONS.id())) {
                (Some(_), None) => prop_assert_eq!(restored.as_ref(), Some(&bytes)),
                (Some(_), Some(_)) => prop_assert!(restored.is_some()),
                (None, _) => prop_assert!(event.value(column::CONTENT_LEN.id()).is_some()),
            }
        }
    }
}
