//! Tests of the one form in which messages are written, against the types and the JSON of `opentelemetry-proto`.

use super::*;
use crate::transport::otlp::schema;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint, Metric,
    NumberDataPoint, Sum, Summary, SummaryDataPoint, exemplar, exponential_histogram_data_point::Buckets, metric,
    number_data_point, summary_data_point::ValueAtQuantile,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{Span, Status, span};
use proptest::prelude::*;
use prost::Message as _;
use serde_json::json;

fn of_protobuf(bytes: &[u8], schema: &Message) -> Result<String, Unwritable> {
    let mut out = Vec::new();
    write_protobuf(bytes, schema, &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

fn of_json(value: &Json, schema: &Message) -> Result<String, Unwritable> {
    let mut out = Vec::new();
    write_json(value, schema, &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

fn any_value() -> impl Strategy<Value = AnyValue> {
    let leaf = prop_oneof![
        "\\PC{0,12}".prop_map(Any::StringValue),
        any::<bool>().prop_map(Any::BoolValue),
        any::<i64>().prop_map(Any::IntValue),
        (-1.0e300..1.0e300_f64).prop_map(Any::DoubleValue),
        proptest::collection::vec(any::<u8>(), 0..9).prop_map(Any::BytesValue),
    ];
    let value = leaf.prop_recursive(3, 12, 4, |inner| {
        let values =
            || proptest::collection::vec(inner.clone().prop_map(|value| AnyValue { value: Some(value) }), 1..4);
        prop_oneof![
            values().prop_map(|values| Any::ArrayValue(ArrayValue { values })),
            values().prop_map(|values| Any::KvlistValue(KeyValueList {
                values: values.into_iter().map(|value| key_value("k", value)).collect()
            })),
        ]
    });
    value.prop_map(|value| AnyValue { value: Some(value) })
}

fn key_value(key: &str, value: AnyValue) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(value), ..KeyValue::default() }
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    proptest::collection::vec(
        ("[a-z.\"\\\\\u{1}]{1,8}", any_value()).prop_map(|(key, value)| key_value(&key, value)),
        0..4,
    )
}

fn id(bytes: usize) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![Just(Vec::new()), proptest::collection::vec(any::<u8>(), bytes..=bytes)]
}

prop_compose! {
    fn log()(
        times in any::<(u64, u64)>(), severity in 0..25, texts in ("[A-Z]{0,5}", "\\PC{0,9}"), body in proptest::option::of(any_value()),
        attributes in attributes(), counts in any::<(u32, u32)>(), trace_id in id(16), span_id in id(8),
    ) -> LogRecord {
        LogRecord {
            time_unix_nano: times.0, observed_time_unix_nano: times.1, severity_number: severity, severity_text: texts.0,
            event_name: texts.1, body, attributes, dropped_attributes_count: counts.0, flags: counts.1, trace_id, span_id,
        }
    }
}

prop_compose! {
    fn a_span()(
        ids in (id(16), id(8), id(8)), name in "\\PC{0,9}", kind in 0..6, times in any::<(u64, u64)>(), attributes in attributes(),
        inner in attributes(), code in proptest::option::of(0..3), counts in any::<(u32, u32)>(),
    ) -> Span {
        let (trace_id, span_id, parent_span_id) = ids;
        let event = span::Event { time_unix_nano: times.0, name: name.clone(), attributes: inner.clone(), dropped_attributes_count: 1 };
        let link = span::Link { trace_id: trace_id.clone(), span_id: span_id.clone(), attributes: inner, flags: counts.1, ..span::Link::default() };
        Span {
            trace_id, span_id, parent_span_id, name, kind, start_time_unix_nano: times.0, end_time_unix_nano: times.1, attributes,
            trace_state: "a=b".to_owned(), dropped_attributes_count: counts.0, events: vec![event], dropped_events_count: counts.1,
            links: vec![link], dropped_links_count: 0, status: code.map(|code| Status { message: "m".to_owned(), code }), flags: 257,
        }
    }
}

prop_compose! {
    fn a_metric()(
        which in 0..5, name in "\\PC{0,9}", times in any::<(u64, u64)>(), attributes in attributes(), float in -1.0e9..1.0e9_f64,
        whole in any::<i64>(), counts in proptest::collection::vec(any::<u64>(), 0..5), is_float in any::<bool>(), offset in any::<i32>(),
        flags in any::<u32>(),
    ) -> Metric {
        let exemplar = Exemplar {
            filtered_attributes: attributes.clone(), time_unix_nano: times.0, span_id: vec![1; 8], trace_id: vec![2; 16],
            value: Some(exemplar::Value::AsInt(whole)),
        };
        let value = if is_float { number_data_point::Value::AsDouble(float) } else { number_data_point::Value::AsInt(whole) };
        let number = NumberDataPoint {
            attributes: attributes.clone(), start_time_unix_nano: times.0, time_unix_nano: times.1, exemplars: vec![exemplar.clone()],
            flags, value: Some(value),
        };
        let histogram = HistogramDataPoint {
            attributes: attributes.clone(), start_time_unix_nano: times.0, time_unix_nano: times.1, count: times.0, sum: Some(float),
            bucket_counts: counts.clone(), explicit_bounds: vec![0.0, float], exemplars: vec![exemplar], flags, min: None, max: Some(0.0),
        };
        let exponential = ExponentialHistogramDataPoint {
            attributes: attributes.clone(), count: times.1, sum: None, scale: offset, zero_count: 1,
            positive: Some(Buckets { offset, bucket_counts: counts }), negative: None, zero_threshold: float,
            ..ExponentialHistogramDataPoint::default()
        };
        let summary = SummaryDataPoint {
            attributes, count: times.0, sum: float, quantile_values: vec![ValueAtQuantile { quantile: 0.5, value: float }],
            ..SummaryDataPoint::default()
        };
        let data = match which {
            0 => metric::Data::Gauge(Gauge { data_points: vec![number] }),
            1 => metric::Data::Sum(Sum { data_points: vec![number], aggregation_temporality: 1, is_monotonic: true }),
            2 => metric::Data::Histogram(Histogram { data_points: vec![histogram], aggregation_temporality: 2 }),
            3 => metric::Data::ExponentialHistogram(ExponentialHistogram { data_points: vec![exponential], aggregation_temporality: 1 }),
            _ => metric::Data::Summary(Summary { data_points: vec![summary] }),
        };
        Metric { name, unit: "By".to_owned(), data: Some(data), ..Metric::default() }
    }
}

/// Both ways of theirs lead to one text of ours, and theirs reads it.
fn check<M>(message: &M, schema: &Message)
where
    M: prost::Message + serde::Serialize + serde::de::DeserializeOwned + PartialEq,
{
    let text = of_protobuf(&message.encode_to_vec(), schema).unwrap();
    assert_eq!(text, of_json(&serde_json::to_value(message).unwrap(), schema).unwrap());
    // What we wrote is written so again.
    assert_eq!(text, of_json(&serde_json::from_str(&text).unwrap(), schema).unwrap());
}

proptest! {
    #[test]
    fn a_log_record_is_written_in_one_way(log in log()) {
        check(&log, &schema::LOG);
        let text = of_protobuf(&log.encode_to_vec(), &schema::LOG).unwrap();
        prop_assert_eq!(serde_json::from_str::<LogRecord>(&text).unwrap(), log);
    }

    #[test]
    fn a_span_is_written_in_one_way(span in a_span()) {
        check(&span, &schema::SPAN);
    }

    #[test]
    fn a_metric_is_written_in_one_way(metric in a_metric()) {
        check(&metric, &schema::METRIC);
    }

    #[test]
    fn any_bytes_are_written_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        for schema in [&schema::LOG, &schema::SPAN, &schema::METRIC, &schema::RESOURCE] {
            let mut out = Vec::new();
            if write_protobuf(&bytes, schema, &mut out).is_ok() && let Ok(text) = std::str::from_utf8(&out) {
                serde_json::from_str::<serde::de::IgnoredAny>(text).unwrap();
            }
        }
    }

    #[test]
    fn changed_messages_are_written_or_refused(span in a_span(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = span.encode_to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let mut out = Vec::new();
        if write_protobuf(&bytes, &schema::SPAN, &mut out).is_ok() && let Ok(text) = std::str::from_utf8(&out) {
            serde_json::from_str::<serde::de::IgnoredAny>(text).unwrap();
        }
    }
}

#[test]
fn what_lenient_senders_mean_is_written_as_strict_ones_write_it() {
    let check = |sent: Json, want: &str| assert_eq!(of_json(&sent, &schema::LOG).unwrap(), want, "{sent}");
    // Numbers as strings and back, names of the protobuf files, an empty value, enumerations by name.
    check(
        json!({"timeUnixNano": 1_795_880_609_044_000_000_u64, "severityNumber": "SEVERITY_NUMBER_INFO", "flags": "1",
               "attributes": [{"key": "n", "value": {"intValue": 7}}, {"key": "m", "value": {"intValue": "8"}}, {"key": "e", "value": {}}]}),
        r#"{"timeUnixNano":"1795880609044000000","severityNumber":9,"attributes":[{"key":"n","value":{"intValue":"7"}},{"key":"m","value":{"intValue":"8"}},{"key":"e","value":{}}],"flags":1}"#,
    );
    check(
        json!({"time_unix_nano": "0", "trace_id": "5B8EFFF798038103D269B633813FC60C", "spanID": "AAAAAAAAAAE="}),
        r#"{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"0000000000000001"}"#,
    );
    check(json!({"body": null, "attributes": null, "severityText": ""}), "{}");
    check(json!({"body": {"doubleValue": "NaN"}}), r#"{"body":{"doubleValue":"NaN"}}"#);
    check(json!({"body": {"boolValue": "true"}}), r#"{"body":{"boolValue":true}}"#);
    check(json!({"body": {"stringValue": 5}}), r#"{"body":{"stringValue":"5"}}"#);
    check(json!({"body": {"bytesValue": "_-8"}}), r#"{"body":{"bytesValue":"/+8="}}"#);
    // What nobody knows is kept, and what cannot be what it should be is kept as it is.
    check(json!({"later": {"a": 1}, "eventName": "x"}), r#"{"eventName":"x","later":{"a":1}}"#);
    check(json!({"timeUnixNano": "soon", "flags": {"a": []}}), r#"{"timeUnixNano":"soon","flags":{"a":[]}}"#);
    check(
        json!({"attributes": {"key": "k", "value": {"stringValue": "v"}}}),
        r#"{"attributes":[{"key":"k","value":{"stringValue":"v"}}]}"#,
    );
}

#[test]
fn fields_that_nobody_knows_are_kept_by_their_numbers() {
    let bytes = [&b"\x62\x01x"[..], b"\xa2\x06\x02\xff\x00", b"\x98\x06\x05", b"\x95\x06\x01\0\0\0"].concat();
    let want = r#"{"eventName":"x","@98":"1","@99":"5","@100":"/wA="}"#;
    assert_eq!(of_protobuf(&bytes, &schema::LOG).unwrap(), want);
}

#[test]
fn nesting_has_an_end() {
    let (mut deep, mut json) = (AnyValue { value: Some(Any::BoolValue(true)) }, json!({"boolValue": true}));
    for _ in 0..limits::OTLP_DEPTH_MAX {
        deep = AnyValue { value: Some(Any::ArrayValue(ArrayValue { values: vec![deep] })) };
        json = json!({"arrayValue": {"values": [json]}});
    }
    let log = LogRecord { body: Some(deep), ..LogRecord::default() };
    assert_eq!(of_protobuf(&log.encode_to_vec(), &schema::LOG), Err(Unwritable::TooDeep));
    assert_eq!(of_json(&json!({"body": json}), &schema::LOG), Err(Unwritable::TooDeep));
    assert_eq!(of_json(&json!([1]), &schema::LOG), Err(Unwritable::NoObject));
}

#[test]
fn a_resource_is_written_with_all_its_fields() {
    let resource = Resource {
        attributes: vec![key_value("a", AnyValue { value: None })],
        dropped_attributes_count: 2,
        entity_refs: Vec::new(),
    };
    check(&resource, &schema::RESOURCE);
}

#[test]
fn text_is_escaped_where_json_wants_it() {
    let written = |text: &[u8]| {
        let mut out = Vec::new();
        string(text, &mut out);
        out
    };
    assert_eq!(written(b""), b"\"\"");
    assert_eq!(written(b"\n\"a\"\\\r\t\x01\x1f\x7f b"), b"\"\\n\\\"a\\\"\\\\\\r\\t\\u0001\\u001f\x7f b\"");
    // What is no UTF-8 stays as it is.
    assert_eq!(written(b"\xff\n\xfe"), b"\"\xff\\n\xfe\"");
    let all: String = ('\0'..='\u{ff}').rev().chain('\0'..='\u{ff}').collect();
    assert_eq!(serde_json::from_slice::<String>(&written(all.as_bytes())).unwrap(), all);
}
