//! The list of sinks. One line here and one file make a sink; configuration, reference and the tests over the list derive from it. What a
//! sink must do stands in `sink`.

mod alertmanager;
mod email;
mod jira;
mod jira_service_management;
mod mattermost;
mod opsgenie;
mod pagerduty;
mod slack;
mod splunk_hec;
mod syslog;
mod teams;
mod template;
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
    &teams::SPEC,
    &opsgenie::SPEC,
    &jira_service_management::SPEC,
    &jira::SPEC,
    &mattermost::SPEC,
    &template::SPEC,
];

#[cfg(test)]
mod payloads;
#[cfg(test)]
mod tests;
