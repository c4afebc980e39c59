//! How bad a record is, in the scales of other schemas. What is no alert is informational.

use operations::alert::Severity;

use crate::record::{Body, Record};

/// The severity of a record.
pub fn of(record: &Record) -> Severity {
    match &record.body {
        Body::Alert(alert) => alert.severity,
        Body::Event | Body::Action(_) | Body::Operation => Severity::Info,
    }
}

/// `severity_id` of OCSF, with its caption.
pub fn ocsf(severity: Severity) -> (u64, &'static str) {
    match severity {
        Severity::Info => (1, "Informational"),
        Severity::Low => (2, "Low"),
        Severity::Medium => (3, "Medium"),
        Severity::High => (4, "High"),
        Severity::Critical => (5, "Critical"),
    }
}

/// The severity of CEF and LEEF, 1 to 10: to 3 low, to 6 medium, to 8 high.
pub fn cef(severity: Severity) -> u8 {
    match severity {
        Severity::Info => 1,
        Severity::Low => 3,
        Severity::Medium => 5,
        Severity::High => 8,
        Severity::Critical => 10,
    }
}

/// The severity of RFC 5424, 6.2.1.
pub fn syslog(severity: Severity) -> u8 {
    match severity {
        Severity::Info => 6,
        Severity::Low => 5,
        Severity::Medium => 4,
        Severity::High => 3,
        Severity::Critical => 2,
    }
}

/// `event.severity` of ECS, by the bounds of Elastic's risk scores.
pub fn ecs(severity: Severity) -> u8 {
    match severity {
        Severity::Info => 10,
        Severity::Low => 21,
        Severity::Medium => 47,
        Severity::High => 73,
        Severity::Critical => 99,
    }
}

/// `security_result.severity` of UDM.
pub fn udm(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "INFORMATIONAL",
        Severity::Low => "LOW",
        Severity::Medium => "MEDIUM",
        Severity::High => "HIGH",
        Severity::Critical => "CRITICAL",
    }
}
