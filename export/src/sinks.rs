//! The list of sinks. One line here and one file make a sink; configuration, reference and the tests over the list derive from it. What a
//! sink must do stands in `sink`.

mod alertmanager;
mod email;
mod kafka;
mod pagerduty;
mod relp;
mod slack;
mod splunk_hec;
mod syslog;
mod webhook;

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
    &relp::SPEC,
    &kafka::SPEC,
];

#[cfg(test)]
mod payloads;
#[cfg(test)]
mod tests;
