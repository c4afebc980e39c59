//! Parts that several schemas put together from the columns in the same way. What a schema calls them stands in its own file.

use std::net::IpAddr;

use ledger::Timestamp;
use operations::alert::Alert;

use crate::record::{Body, Record};

/// A column of an event by its name. Of an alert, what it says of the same; of another operation, who did it (`user`) and what to (`target`).
pub fn text<'a>(record: &'a Record, column: &str) -> Option<&'a str> {
    let text = match &record.body {
        Body::Alert(alert) => of_alert(alert, column),
        Body::Event => record.text(column),
        Body::Operation | Body::Action(_) => match column {
            "user" => record.text("actor"),
            "target" => record.text("subject"),
            _ => None,
        },
    };
    text.filter(|text| !text.is_empty())
}

fn of_alert<'a>(alert: &'a Alert, column: &str) -> Option<&'a str> {
    let (who, what) = (&alert.who, &alert.what);
    match column {
        "rule" => Some(&alert.rule),
        "target" => Some(&alert.id),
        "action" => Some(alert.state.as_str()),
        "org" => who.org.as_deref(),
        "team" => who.team.as_deref(),
        "user" => who.user.as_deref(),
        "agent" => who.agent.as_deref(),
        "session" => who.session.as_deref(),
        "workspace" => who.workspace.as_deref(),
        "workspace_name" => who.workspace_name.as_deref(),
        "host" => what.host.as_deref(),
        "domain" => what.domain.as_deref(),
        "method" => what.method.as_deref(),
        "path" => what.path.as_deref(),
        "model" => what.model.as_deref(),
        "tool" => what.tool.as_deref(),
        _ => None,
    }
}

/// A column of an event that is a number.
pub fn integer(record: &Record, column: &str) -> Option<i64> {
    match record.body {
        Body::Event => record.integer(column),
        _ => None,
    }
}

/// 9999-12-31T23:59:59Z, the end of what RFC 3339 can say.
const LAST: i64 = 253_402_300_799_000_000;

/// When it happened, or when it was recorded if a source's clock says what no calendar of a receiver takes.
pub fn moment(record: &Record) -> Timestamp {
    if is_sayable(record.time) { record.time } else { record.recorded }
}

/// Whether receivers take a moment: the years that RFC 3339 can say, from 1970 on.
pub fn is_sayable(moment: Timestamp) -> bool {
    (0..=LAST).contains(&moment.unix_micros())
}

/// The address that the host is, if it is one.
pub fn address(record: &Record) -> Option<IpAddr> {
    text(record, "host")?.parse().ok()
}

/// The host that is named, if it is no address.
pub fn name(record: &Record) -> Option<&str> {
    text(record, "host").filter(|host| host.parse::<IpAddr>().is_err())
}

/// The URL of a request, if the record names its host and its scheme.
pub fn url(record: &Record) -> Option<String> {
    let (scheme, host) = (text(record, "scheme")?, text(record, "host")?);
    let host = match host.parse() {
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        _ => host.to_owned(),
    };
    let port = integer(record, "port").map(|port| format!(":{port}")).unwrap_or_default();
    Some(format!("{scheme}://{host}{port}{}", text(record, "path").unwrap_or_default()))
}

/// The techniques of ATT&CK among the tags of an alert: `T1567`, `T1567.002`. Those of ATLAS are none of them.
pub fn techniques(alert: &Alert) -> impl Iterator<Item = &str> {
    let is_technique = |tag: &&str| {
        let number = tag.strip_prefix('T').unwrap_or_default();
        let (technique, part) = number.split_once('.').unwrap_or((number, "001"));
        let digits = |text: &str, count| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
        digits(technique, 4) && digits(part, 3)
    };
    alert.tags.iter().map(String::as_str).filter(is_technique)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;
    use operations::alert::Severity;
    use serde_json::{Value, json};

    fn event(event: Value) -> Record {
        fixtures::records(&fixtures::events(&[event])).remove(0)
    }

    #[test]
    fn a_url_is_put_together() {
        let check = |columns: Value, expected: Option<&str>| assert_eq!(url(&event(columns)).as_deref(), expected);
        let host = "paste.acme.example";
        check(json!({"scheme": "https", "host": host, "path": "/a?b"}), Some("https://paste.acme.example/a?b"));
        check(json!({"scheme": "http", "host": "2001:db8::7", "port": 81}), Some("http://[2001:db8::7]:81"));
        check(json!({"host": host}), None);
        check(json!({"scheme": "", "host": host}), None);
        let record = event(json!({"host": "192.0.2.7"}));
        assert_eq!((address(&record).is_some(), name(&record)), (true, None));
    }

    #[test]
    fn alerts_and_operations_say_who_and_what_by_the_names_of_columns() {
        let rows = fixtures::operations(&[
            fixtures::alert(1, Severity::High),
            json!({"kind": "token", "subject": "tok_1", "actor": "alice"}),
        ]);
        let records = fixtures::records(&rows);
        let said = |record, columns: [&str; 4]| columns.map(|column| text(record, column).map(str::to_owned));
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            said(&records[0], ["user", "rule", "host", "run"]),
            [some("alice"), some("egress.denied_post"), some("attacker-logger.com"), None]
        );
        assert_eq!(said(&records[1], ["user", "target", "rule", "actor"]), [some("alice"), some("tok_1"), None, None]);
    }

    #[test]
    fn techniques_of_attack_are_told_from_those_of_atlas() {
        let mut alert = fixtures::alert_of(1, Severity::High);
        alert.tags =
            ["AML.T0086", "T1567", "T1567.002", "T15670", "T1567.2", "Tabcd", "", "ä"].map(str::to_owned).to_vec();
        assert_eq!(techniques(&alert).collect::<Vec<_>>(), ["T1567", "T1567.002"]);
    }
}
