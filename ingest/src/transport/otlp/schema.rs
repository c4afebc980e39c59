//! The messages of OTLP as data: numbers, names and kinds of their fields, from opentelemetry-proto 1.9 (`common/v1`, `resource/v1`,
//! `logs/v1`, `trace/v1`, `metrics/v1`). How they are read and written is in `canonical`.

/// A message.
#[derive(Debug)]
pub(super) struct Message {
    /// Its fields by ascending number.
    pub fields: &'static [Field],
}

/// A field of a message.
#[derive(Debug)]
pub(super) struct Field {
    pub number: u32,
    /// Its name in OTLP/JSON.
    pub name: &'static str,
    pub kind: Kind,
    pub presence: Presence,
}

/// What a field holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Text,
    /// Base64 in JSON.
    Bytes,
    /// Hexadecimal digits in JSON: the ids of traces and spans.
    Hex,
    Bool,
    Double,
    /// A number in JSON. Some senders write one of these names, whose places are the numbers.
    Enum(&'static [&'static str]),
    Unsigned32,
    /// With the sign in the lowest bit.
    ZigZag32,
    Fixed32,
    /// Decimal digits in JSON, as all numbers of 64 bits.
    Unsigned64,
    Integer64,
    Fixed64,
    SignedFixed64,
    Message(&'static Message),
}

/// When a field is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// If it has another value than zero, nothing or false.
    Implicit,
    /// If it is there.
    Explicit,
    /// As an array of what is there, if there is anything.
    Repeated,
}

const fn one(number: u32, name: &'static str, kind: Kind) -> Field {
    Field { number, name, kind, presence: Presence::Implicit }
}

const fn maybe(number: u32, name: &'static str, kind: Kind) -> Field {
    Field { number, name, kind, presence: Presence::Explicit }
}

const fn many(number: u32, name: &'static str, kind: Kind) -> Field {
    Field { number, name, kind, presence: Presence::Repeated }
}

const fn attributes(number: u32) -> Field {
    many(number, "attributes", Kind::Message(&KEY_VALUE))
}

const fn dropped(number: u32, name: &'static str) -> Field {
    one(number, name, Kind::Unsigned32)
}

const fn nanos(number: u32, name: &'static str) -> Field {
    one(number, name, Kind::Fixed64)
}

static ANY_VALUE: Message = Message {
    fields: &[
        maybe(1, "stringValue", Kind::Text),
        maybe(2, "boolValue", Kind::Bool),
        maybe(3, "intValue", Kind::Integer64),
        maybe(4, "doubleValue", Kind::Double),
        maybe(5, "arrayValue", Kind::Message(&ARRAY_VALUE)),
        maybe(6, "kvlistValue", Kind::Message(&KEY_VALUE_LIST)),
        maybe(7, "bytesValue", Kind::Bytes),
    ],
};

static ARRAY_VALUE: Message = Message { fields: &[many(1, "values", Kind::Message(&ANY_VALUE))] };

static KEY_VALUE_LIST: Message = Message { fields: &[many(1, "values", Kind::Message(&KEY_VALUE))] };

static KEY_VALUE: Message =
    Message { fields: &[one(1, "key", Kind::Text), maybe(2, "value", Kind::Message(&ANY_VALUE))] };

static ENTITY_REF: Message = Message {
    fields: &[
        one(1, "schemaUrl", Kind::Text),
        one(2, "type", Kind::Text),
        many(3, "idKeys", Kind::Text),
        many(4, "descriptionKeys", Kind::Text),
    ],
};

/// `opentelemetry.proto.resource.v1.Resource`.
pub(super) static RESOURCE: Message = Message {
    fields: &[attributes(1), dropped(2, "droppedAttributesCount"), many(3, "entityRefs", Kind::Message(&ENTITY_REF))],
};

/// `opentelemetry.proto.common.v1.InstrumentationScope`.
pub(super) static SCOPE: Message = Message {
    fields: &[
        one(1, "name", Kind::Text),
        one(2, "version", Kind::Text),
        attributes(3),
        dropped(4, "droppedAttributesCount"),
    ],
};

const SEVERITIES: &[&str] = &[
    "SEVERITY_NUMBER_UNSPECIFIED",
    "SEVERITY_NUMBER_TRACE",
    "SEVERITY_NUMBER_TRACE2",
    "SEVERITY_NUMBER_TRACE3",
    "SEVERITY_NUMBER_TRACE4",
    "SEVERITY_NUMBER_DEBUG",
    "SEVERITY_NUMBER_DEBUG2",
    "SEVERITY_NUMBER_DEBUG3",
    "SEVERITY_NUMBER_DEBUG4",
    "SEVERITY_NUMBER_INFO",
    "SEVERITY_NUMBER_INFO2",
    "SEVERITY_NUMBER_INFO3",
    "SEVERITY_NUMBER_INFO4",
    "SEVERITY_NUMBER_WARN",
    "SEVERITY_NUMBER_WARN2",
    "SEVERITY_NUMBER_WARN3",
    "SEVERITY_NUMBER_WARN4",
    "SEVERITY_NUMBER_ERROR",
    "SEVERITY_NUMBER_ERROR2",
    "SEVERITY_NUMBER_ERROR3",
    "SEVERITY_NUMBER_ERROR4",
    "SEVERITY_NUMBER_FATAL",
    "SEVERITY_NUMBER_FATAL2",
    "SEVERITY_NUMBER_FATAL3",
    "SEVERITY_NUMBER_FATAL4",
];

/// `opentelemetry.proto.logs.v1.LogRecord`.
pub(super) static LOG: Message = Message {
    fields: &[
        nanos(1, "timeUnixNano"),
        one(2, "severityNumber", Kind::Enum(SEVERITIES)),
        one(3, "severityText", Kind::Text),
        maybe(5, "body", Kind::Message(&ANY_VALUE)),
        attributes(6),
        dropped(7, "droppedAttributesCount"),
        one(8, "flags", Kind::Fixed32),
        one(9, "traceId", Kind::Hex),
        one(10, "spanId", Kind::Hex),
        nanos(11, "observedTimeUnixNano"),
        one(12, "eventName", Kind::Text),
    ],
};

const SPAN_KINDS: &[&str] = &[
    "SPAN_KIND_UNSPECIFIED",
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
];

const STATUS_CODES: &[&str] = &["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"];

static SPAN_EVENT: Message = Message {
    fields: &[
        nanos(1, "timeUnixNano"),
        one(2, "name", Kind::Text),
        attributes(3),
        dropped(4, "droppedAttributesCount"),
    ],
};

static SPAN_LINK: Message = Message {
    fields: &[
        one(1, "traceId", Kind::Hex),
        one(2, "spanId", Kind::Hex),
        one(3, "traceState", Kind::Text),
        attributes(4),
        dropped(5, "droppedAttributesCount"),
        one(6, "flags", Kind::Fixed32),
    ],
};

static STATUS: Message = Message { fields: &[one(2, "message", Kind::Text), one(3, "code", Kind::Enum(STATUS_CODES))] };

/// `opentelemetry.proto.trace.v1.Span`.
pub(super) static SPAN: Message = Message {
    fields: &[
        one(1, "traceId", Kind::Hex),
        one(2, "spanId", Kind::Hex),
        one(3, "traceState", Kind::Text),
        one(4, "parentSpanId", Kind::Hex),
        one(5, "name", Kind::Text),
        one(6, "kind", Kind::Enum(SPAN_KINDS)),
        nanos(7, "startTimeUnixNano"),
        nanos(8, "endTimeUnixNano"),
        attributes(9),
        dropped(10, "droppedAttributesCount"),
        many(11, "events", Kind::Message(&SPAN_EVENT)),
        dropped(12, "droppedEventsCount"),
        many(13, "links", Kind::Message(&SPAN_LINK)),
        dropped(14, "droppedLinksCount"),
        maybe(15, "status", Kind::Message(&STATUS)),
        one(16, "flags", Kind::Fixed32),
    ],
};

const TEMPORALITIES: &[&str] =
    &["AGGREGATION_TEMPORALITY_UNSPECIFIED", "AGGREGATION_TEMPORALITY_DELTA", "AGGREGATION_TEMPORALITY_CUMULATIVE"];

const fn temporality(number: u32) -> Field {
    one(number, "aggregationTemporality", Kind::Enum(TEMPORALITIES))
}

const fn points(of: &'static Message) -> Field {
    many(1, "dataPoints", Kind::Message(of))
}

static EXEMPLAR: Message = Message {
    fields: &[
        nanos(2, "timeUnixNano"),
        maybe(3, "asDouble", Kind::Double),
        one(4, "spanId", Kind::Hex),
        one(5, "traceId", Kind::Hex),
        maybe(6, "asInt", Kind::SignedFixed64),
        many(7, "filteredAttributes", Kind::Message(&KEY_VALUE)),
    ],
};

static NUMBER_POINT: Message = Message {
    fields: &[
        nanos(2, "startTimeUnixNano"),
        nanos(3, "timeUnixNano"),
        maybe(4, "asDouble", Kind::Double),
        many(5, "exemplars", Kind::Message(&EXEMPLAR)),
        maybe(6, "asInt", Kind::SignedFixed64),
        attributes(7),
        one(8, "flags", Kind::Unsigned32),
    ],
};

static HISTOGRAM_POINT: Message = Message {
    fields: &[
        nanos(2, "startTimeUnixNano"),
        nanos(3, "timeUnixNano"),
        one(4, "count", Kind::Fixed64),
        maybe(5, "sum", Kind::Double),
        many(6, "bucketCounts", Kind::Fixed64),
        many(7, "explicitBounds", Kind::Double),
        many(8, "exemplars", Kind::Message(&EXEMPLAR)),
        attributes(9),
        one(10, "flags", Kind::Unsigned32),
        maybe(11, "min", Kind::Double),
        maybe(12, "max", Kind::Double),
    ],
};

static BUCKETS: Message =
    Message { fields: &[one(1, "offset", Kind::ZigZag32), many(2, "bucketCounts", Kind::Unsigned64)] };

static EXPONENTIAL_POINT: Message = Message {
    fields: &[
        attributes(1),
        nanos(2, "startTimeUnixNano"),
        nanos(3, "timeUnixNano"),
        one(4, "count", Kind::Fixed64),
        maybe(5, "sum", Kind::Double),
        one(6, "scale", Kind::ZigZag32),
        one(7, "zeroCount", Kind::Fixed64),
        maybe(8, "positive", Kind::Message(&BUCKETS)),
        maybe(9, "negative", Kind::Message(&BUCKETS)),
        one(10, "flags", Kind::Unsigned32),
        many(11, "exemplars", Kind::Message(&EXEMPLAR)),
        maybe(12, "min", Kind::Double),
        maybe(13, "max", Kind::Double),
        one(14, "zeroThreshold", Kind::Double),
    ],
};

static QUANTILE: Message = Message { fields: &[one(1, "quantile", Kind::Double), one(2, "value", Kind::Double)] };

static SUMMARY_POINT: Message = Message {
    fields: &[
        nanos(2, "startTimeUnixNano"),
        nanos(3, "timeUnixNano"),
        one(4, "count", Kind::Fixed64),
        one(5, "sum", Kind::Double),
        many(6, "quantileValues", Kind::Message(&QUANTILE)),
        attributes(7),
        one(8, "flags", Kind::Unsigned32),
    ],
};

static GAUGE: Message = Message { fields: &[points(&NUMBER_POINT)] };
static SUM: Message = Message { fields: &[points(&NUMBER_POINT), temporality(2), one(3, "isMonotonic", Kind::Bool)] };
static HISTOGRAM: Message = Message { fields: &[points(&HISTOGRAM_POINT), temporality(2)] };
static EXPONENTIAL_HISTOGRAM: Message = Message { fields: &[points(&EXPONENTIAL_POINT), temporality(2)] };
static SUMMARY: Message = Message { fields: &[points(&SUMMARY_POINT)] };

/// `opentelemetry.proto.metrics.v1.Metric`.
pub(super) static METRIC: Message = Message {
    fields: &[
        one(1, "name", Kind::Text),
        one(2, "description", Kind::Text),
        one(3, "unit", Kind::Text),
        maybe(5, "gauge", Kind::Message(&GAUGE)),
        maybe(7, "sum", Kind::Message(&SUM)),
        maybe(9, "histogram", Kind::Message(&HISTOGRAM)),
        maybe(10, "exponentialHistogram", Kind::Message(&EXPONENTIAL_HISTOGRAM)),
        maybe(11, "summary", Kind::Message(&SUMMARY)),
        many(12, "metadata", Kind::Message(&KEY_VALUE)),
    ],
};
