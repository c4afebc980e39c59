//! The list of sinks. One line here and one file make a sink; configuration, reference and the tests over the list derive from it. What a
//! sink must do stands in `sink`.

mod alertmanager;
mod datadog;
mod elasticsearch;
mod email;
mod loki;
mod otlp;
mod pagerduty;
mod secops;
mod sentinel;
mod slack;
mod splunk_hec;
mod sumo_logic;
mod syslog;
mod webhook;
mod webhook_events;

use crate::sink::SinkSpec;

pub use slack::{ACKNOWLEDGE_ACTION, SignatureError, verify_signature};

/// Every kind of sink.
pub static SINKS: &[&SinkSpec] = &[
    &splunk_hec::SPEC,
    &slack::SPEC,
    &pagerduty::SPEC,
    &webhook::SPEC,
    &alertmanager::SPEC,
    &email::SPEC,
    &syslog::SPEC,
    &elasticsearch::SPEC,
    &otlp::SPEC,
    &loki::SPEC,
    &datadog::SPEC,
    &sumo_logic::SPEC,
    &sentinel::SPEC,
    &secops::SPEC,
    &webhook_events::SPEC,
];

#[cfg(test)]
mod payloads;
#[cfg(test)]
mod tests;
