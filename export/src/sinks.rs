//! The list of sinks. One line here and one file make a sink; configuration, reference and the tests over the list derive from it. What a
//! sink must do stands in `sink`.

mod alertmanager;
mod azure_blob;
mod datadog;
mod elasticsearch;
mod email;
mod file;
mod gcs;
mod jira;
mod jira_service_management;
mod kafka;
mod loki;
mod mattermost;
mod opsgenie;
mod otlp;
mod pagerduty;
mod relp;
mod s3;
mod secops;
mod security_lake;
mod sentinel;
mod slack;
mod splunk_hec;
mod sumo_logic;
mod syslog;
mod teams;
mod template;
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
    &relp::SPEC,
    &file::SPEC,
    &s3::SPEC,
    &gcs::SPEC,
    &azure_blob::SPEC,
    &security_lake::SPEC,
    &teams::SPEC,
    &opsgenie::SPEC,
    &jira_service_management::SPEC,
    &jira::SPEC,
    &mattermost::SPEC,
    &template::SPEC,
    &otlp::SPEC,
    &loki::SPEC,
    &datadog::SPEC,
    &sumo_logic::SPEC,
    &sentinel::SPEC,
    &secops::SPEC,
    &webhook_events::SPEC,
    &kafka::SPEC,
];

#[cfg(test)]
mod payloads;
#[cfg(test)]
mod tests;
