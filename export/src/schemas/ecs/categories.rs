//! `event.kind`, `event.category` and `event.type` of ECS for each kind of record. A test holds them against the allowed values.

use crate::record::Record;
use crate::schemas::kinds::{self, What};

/// `event.kind`.
pub fn kind(what: What) -> &'static str {
    match what {
        What::Alert | What::SensorAlert => "alert",
        What::Metric | What::ModelUse => "metric",
        What::Inventory => "state",
        What::Unparsed => "pipeline_error",
        _ => "event",
    }
}

/// `event.category` and `event.type`. Each type is one that ECS expects in one of the categories at least, and each category expects one
/// of the types.
pub fn of(what: What) -> (&'static [&'static str], Vec<&'static str>) {
    let (categories, types): (&[&str], &[&str]) = match what {
        What::Http => (&["network", "web"], &["access", "connection"]),
        What::Flow => (&["network"], &["connection"]),
        What::Dns => (&["network"], &["protocol"]),
        What::NetworkFailure => (&["network"], &["connection", "end"]),
        What::Connection => (&["network", "session"], &["connection", "info"]),
        What::ModelCall | What::Prompt | What::Tool => (&["api"], &["access"]),
        What::ModelUse => (&["api"], &["info"]),
        What::ProcessStart => (&["process"], &["start"]),
        What::ProcessEnd => (&["process"], &["end"]),
        What::SensorAlert | What::Alert => (&["intrusion_detection"], &["info"]),
        What::FileRead => (&["file"], &["access"]),
        What::FileWrite => (&["file"], &["change"]),
        What::FileDelete => (&["file"], &["deletion"]),
        What::Approval => (&["api"], &["user", "info"]),
        What::SessionStart => (&["session"], &["start"]),
        What::SessionEnd => (&["session"], &["end"]),
        What::Session => (&["session"], &["info"]),
        What::Start => (&["host"], &["start"]),
        What::Stop => (&["host"], &["end"]),
        What::Build => (&["host"], &["change"]),
        What::Login => (&["authentication"], &["start"]),
        What::LoginRefused => (&["authentication"], &["info"]),
        What::Logout => (&["authentication"], &["end"]),
        What::Credential => (&["iam"], &["change", "user"]),
        What::Creation => (&["configuration"], &["creation"]),
        What::Change | What::Budget => (&["configuration"], &["change"]),
        What::Deletion => (&["configuration"], &["deletion"]),
        What::Access => (&["configuration"], &["access"]),
        What::AlertStep | What::Check | What::Info | What::Other => (&["configuration"], &["info"]),
        What::Inventory => (&["package"], &["info"]),
        What::Metric | What::Loss | What::SensorStart | What::SensorFailure | What::Unparsed => (&["host"], &["info"]),
    };
    (categories, types.to_vec())
}

/// The type that says what a policy decided, where the categories expect it.
pub fn decided(record: &Record, categories: &[&str]) -> Option<&'static str> {
    let expects = categories.iter().any(|category| ["api", "network", "intrusion_detection"].contains(category));
    let word = if kinds::allowed(record)? { "allowed" } else { "denied" };
    expects.then_some(word)
}
