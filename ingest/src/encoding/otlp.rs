//! How records of OpenTelemetry are called: the names by which the transport `otlp` writes them and the dialect `otel` reads them.

/// What an element is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// A log record.
    Log,
    /// A span.
    Span,
    /// A metric.
    Metric,
}

impl Signal {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Log, Self::Span, Self::Metric];

    /// The member that holds it in a record of its own, beside `resource` and `scope`.
    pub fn member(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Span => "span",
            Self::Metric => "metric",
        }
    }

    /// The lists of an export request in OTLP/JSON: of resources, of scopes, of elements.
    pub fn lists(self) -> [&'static str; 3] {
        match self {
            Self::Log => ["resourceLogs", "scopeLogs", "logRecords"],
            Self::Span => ["resourceSpans", "scopeSpans", "spans"],
            Self::Metric => ["resourceMetrics", "scopeMetrics", "metrics"],
        }
    }
}
