//! Metrics in the format that whoever asks understands: OpenMetrics 1.0, or the text format 0.0.4 of Prometheus.
//!
//! They differ in what the families of counters and infos are called. Tools that know the older one only, such as
//! `promtool check metrics`, take a counter of OpenMetrics for a metric without type and help.

use std::fmt;

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

/// A format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// <https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md>
    OpenMetrics,
    /// <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>
    Text,
}

impl Format {
    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// All metrics of a registry.
    pub fn write(self, registry: &Registry) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, registry)?;
        Ok(match self {
            Self::OpenMetrics => text,
            Self::Text => older(&text),
        })
    }
}

/// OpenMetrics in the older format. Samples are called the same in both.
fn older(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut help = None;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            help = rest.split_once(' ').map(|(_, help)| help);
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            let (suffix, kind) = match kind {
                "counter" => ("_total", kind),
                "info" => ("_info", "gauge"),
                "unknown" => ("", "untyped"),
                _ => ("", kind),
            };
            if let Some(help) = help.take() {
                out.extend(["# HELP ", name, suffix, " ", help, "\n"]);
            }
            out.extend(["# TYPE ", name, suffix, " ", kind, "\n"]);
        } else if !line.starts_with('#') {
            out.extend([line, "\n"]);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use prometheus_client::metrics::counter::Counter;
    use prometheus_client::metrics::gauge::Gauge;
    use prometheus_client::metrics::histogram::Histogram;
    use prometheus_client::metrics::info::Info;
    use prometheus_client::registry::Unit;

    use super::*;

    #[test]
    fn families_are_called_as_their_samples_in_the_older_format() {
        let mut registry = Registry::default();
        registry.register("a_events", "What # HELP came", Counter::<u64>::default());
        registry.register_with_unit("a_lag", "How far", Unit::Seconds, Gauge::<i64>::default());
        registry.register("a_build", "Version", Info::new([("version", "# TYPE \"1\"\n")]));
        registry.register("a_wait_seconds", "How long", Histogram::new([1.0]));
        let expected = "# HELP a_events_total What # HELP came.\n# TYPE a_events_total counter\na_events_total 0\n\
            # HELP a_lag_seconds How far.\n# TYPE a_lag_seconds gauge\na_lag_seconds 0\n\
            # HELP a_build_info Version.\n# TYPE a_build_info gauge\na_build_info{version=\"# TYPE \\\"1\\\"\\n\"} 1\n\
            # HELP a_wait_seconds How long.\n# TYPE a_wait_seconds histogram\na_wait_seconds_sum 0.0\na_wait_seconds_count 0\n\
            a_wait_seconds_bucket{le=\"1.0\"} 0\na_wait_seconds_bucket{le=\"+Inf\"} 0\n";
        assert_eq!(Format::Text.write(&registry).unwrap(), expected);
        let newer = Format::OpenMetrics.write(&registry).unwrap();
        assert!(newer.contains("# TYPE a_build info\n") && newer.ends_with("# EOF\n"), "{newer}");
    }
}
