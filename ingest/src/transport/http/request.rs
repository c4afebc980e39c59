//! What the headers of a request say: who, in which form, and where in the producer's sequence.

use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};

use super::problem::Problem;
use crate::encoding::RecordEncoding;
use crate::frame::Framing;
use crate::limits;
use crate::relay::{self, MEDIA_TYPE};
use crate::uuid::is_uuid;

/// Names the sender's sequence of records.
pub const PRODUCER: &str = "tachograph-producer";
/// The number of the request's first record in that sequence.
pub const OFFSET: &str = "tachograph-offset";

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::transport) enum Encoding {
    Identity,
    Gzip,
    Zstd,
}

/// The form of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Form {
    /// `None` if the first byte of the body decides.
    pub framing: Option<Framing>,
    /// Another machine told the records apart.
    pub is_relayed: bool,
    pub encoding: Encoding,
    /// The producer's id in lower case and the number of the first record.
    pub producer: Option<(String, u64)>,
}

impl Form {
    /// Reads the headers of a request with records of this encoding.
    pub fn read(headers: &HeaderMap, records: &dyn RecordEncoding) -> Result<Self, Problem> {
        let length = text(headers, CONTENT_LENGTH.as_str()).and_then(|length| length.parse::<u64>().ok());
        if length.is_some_and(|length| length > limits::BODY_BYTES_MAX) {
            return Err(Problem::body_too_large());
        }
        let (encoding, producer) = (compression(headers)?, producer(headers)?);
        let is_relayed = text(headers, CONTENT_TYPE.as_str()) == Some(MEDIA_TYPE);
        if is_relayed {
            // Without its place in the sequence a record that is repeated could not be known again.
            producer.as_ref().ok_or_else(Problem::producer_headers)?;
            return Ok(Self { framing: None, is_relayed, encoding, producer });
        }
        Ok(Self { framing: framing(headers, records)?, is_relayed, encoding, producer })
    }
}

/// The secret of the bearer token.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, secret) = text(headers, AUTHORIZATION.as_str())?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim()).filter(|secret| !secret.is_empty())
}

/// Whether the sender tells its records apart by this dialect, or does not say by which.
pub(super) fn agrees(headers: &HeaderMap, dialect: &str) -> bool {
    !headers.contains_key(relay::DIALECT) || text(headers, relay::DIALECT) == Some(dialect)
}

fn framing(headers: &HeaderMap, records: &dyn RecordEncoding) -> Result<Option<Framing>, Problem> {
    if records.framing() == Framing::Tagged {
        return Err(Problem::relayed_only());
    }
    let is_whole = records.framing() == Framing::Whole;
    let unsaid = is_whole.then_some(Framing::Whole);
    if !headers.contains_key(CONTENT_TYPE) {
        return Ok(unsaid);
    }
    let value = text(headers, CONTENT_TYPE.as_str()).unwrap_or_default();
    let media_type = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match media_type.as_str() {
        "application/octet-stream" => Ok(unsaid),
        other if is_whole && records.media_types().contains(&other) => Ok(unsaid),
        _ if is_whole => Err(Problem::content_type_of(records.media_types())),
        "application/json" => Ok(Some(Framing::Json)),
        "application/x-ndjson"
        | "application/ndjson"
        | "application/jsonl"
        | "application/x-jsonlines"
        | "text/plain" => Ok(Some(Framing::Lines)),
        _ => Err(Problem::content_type()),
    }
}

/// How a body is compressed, by its headers.
pub(in crate::transport) fn compression(headers: &HeaderMap) -> Result<Encoding, Problem> {
    if !headers.contains_key(CONTENT_ENCODING) {
        return Ok(Encoding::Identity);
    }
    match text(headers, CONTENT_ENCODING.as_str()).unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "" | "identity" => Ok(Encoding::Identity),
        "gzip" | "x-gzip" => Ok(Encoding::Gzip),
        "zstd" => Ok(Encoding::Zstd),
        _ => Err(Problem::content_encoding()),
    }
}

fn producer(headers: &HeaderMap) -> Result<Option<(String, u64)>, Problem> {
    match (headers.contains_key(PRODUCER), headers.contains_key(OFFSET)) {
        (false, false) => return Ok(None),
        (true, true) => {}
        _ => return Err(Problem::producer_headers()),
    }
    let producer = text(headers, PRODUCER).filter(|id| is_uuid(id)).map(str::to_ascii_lowercase);
    let digits = text(headers, OFFSET).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let offset = digits.and_then(|text| text.parse().ok()).filter(|offset| *offset <= limits::OFFSET_MAX);
    match (producer, offset) {
        (Some(producer), Some(offset)) => Ok(Some((producer, offset))),
        _ => Err(Problem::producer_headers()),
    }
}

/// The only value of a header; a header that comes twice has none.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    if values.next().is_some() {
        return None;
    }
    value.to_str().ok()
}
