//! What the status of a call says, as the status of HTTP that says the same to a sink, with the codes of OTLP that may be tried again.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use http::HeaderMap;
use prost::Message;

use crate::connections::http::Response;
use crate::limits::RETRY_AFTER_MAX;

/// `google.rpc.Status`, as far as it is read.
#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<Delay>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, Copy, PartialEq, Message)]
struct Delay {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

/// The answer to a call: its status as HTTP would say it, and its message if it was taken.
pub fn response(http_status: u16, told: &HeaderMap, message: &[u8]) -> Response {
    let text = |name: &str| told.get(name).and_then(|value| value.to_str().ok());
    let Some(code) = text("grpc-status").and_then(|code| code.parse::<u8>().ok()) else {
        // Something between that speaks no gRPC; of a 200 nobody knows what it means.
        let status = if http_status == 200 { 500 } else { http_status };
        return Response { status, retry_after: None, body: "the answer has no grpc-status".to_owned() };
    };
    if code == 0 {
        return Response { status: 200, retry_after: None, body: message.iter().copied().map(char::from).collect() };
    }
    let retry_after = text("grpc-status-details-bin").and_then(delay);
    let body = format!("grpc-status {code}: {}", text("grpc-message").unwrap_or_default());
    Response { status: status_of(code, retry_after.is_some()), retry_after, body }
}

/// The status of HTTP for a code.
fn status_of(code: u8, told_when: bool) -> u16 {
    match code {
        // INVALID_ARGUMENT and FAILED_PRECONDITION are about what was sent.
        3 | 9 => 400,
        // NOT_FOUND, UNIMPLEMENTED: nobody takes this there.
        5 | 12 => 404,
        // PERMISSION_DENIED.
        7 => 403,
        // RESOURCE_EXHAUSTED: with a delay the receiver is full, without one the message is too long.
        8 if told_when => 429,
        8 => 413,
        // UNAVAILABLE.
        14 => 503,
        // UNAUTHENTICATED.
        16 => 401,
        // CANCELLED, UNKNOWN, DEADLINE_EXCEEDED, ALREADY_EXISTS, ABORTED, OUT_OF_RANGE, INTERNAL, DATA_LOSS: it may have it.
        _ => 500,
    }
}

/// How long the receiver asks to wait.
fn delay(details: &str) -> Option<Duration> {
    let bytes = STANDARD_NO_PAD.decode(details.trim_end_matches('=')).ok()?;
    let status = Status::decode(bytes.as_slice()).ok()?;
    let info = status.details.iter().find(|detail| detail.type_url.ends_with("/google.rpc.RetryInfo"))?;
    let delay = RetryInfo::decode(info.value.as_slice()).ok()?.retry_delay.unwrap_or_default();
    let (seconds, nanos) = (u64::try_from(delay.seconds).ok()?, u32::try_from(delay.nanos).ok()?);
    Some(Duration::from_secs(seconds).saturating_add(Duration::from_nanos(u64::from(nanos))).min(RETRY_AFTER_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judgement::Judgement;

    fn told(pairs: &[(&'static str, String)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn of(code: u8, delay: Option<Delay>) -> Response {
        let retry_delay = delay;
        let value = RetryInfo { retry_delay }.encode_to_vec();
        let details = vec![Any { type_url: "type.googleapis.com/google.rpc.RetryInfo".to_owned(), value }];
        let details = STANDARD_NO_PAD.encode(Status { details }.encode_to_vec());
        let mut pairs = vec![("grpc-status", code.to_string()), ("grpc-message", "so it is".to_owned())];
        pairs.extend(delay.map(|_| ("grpc-status-details-bin", details)));
        response(200, &told(&pairs), b"message")
    }

    #[test]
    fn a_status_is_judged_as_that_of_http_would_be() {
        let half = Some(Delay { seconds: 1, nanos: 500_000_000 });
        assert_eq!(of(0, None).body, "message");
        assert!(matches!(of(0, None).judge_status(), Judgement::Acked(_)));
        assert!(
            matches!(of(3, None).judge_status(), Judgement::Split { reason } if reason == "400 grpc-status 3: so it is")
        );
        for park in [5, 7, 12, 16] {
            assert!(matches!(of(park, None).judge_status(), Judgement::Park { .. }), "{park}");
        }
        assert!(matches!(of(8, None).judge_status(), Judgement::Split { .. }));
        let after = |judgement| matches!(judgement, Judgement::Retry { after: Some(after), .. } if after == Duration::from_millis(1_500));
        assert!(after(of(8, half).judge_status()) && after(of(14, half).judge_status()));
        for uncertain in [1, 2, 4, 6, 10, 11, 13, 15, 99] {
            assert!(matches!(of(uncertain, None).judge_status(), Judgement::Uncertain { .. }), "{uncertain}");
        }
        assert_eq!(of(8, Some(Delay { seconds: -1, nanos: 0 })).status, 413, "no time that is one");
    }

    #[test]
    fn what_speaks_no_grpc_is_judged_by_its_status() {
        assert_eq!(response(502, &HeaderMap::new(), b"").status, 502);
        assert_eq!(response(200, &HeaderMap::new(), b"").status, 500);
        assert_eq!(response(200, &told(&[("grpc-status", "x".to_owned())]), b"").status, 500);
    }
}
