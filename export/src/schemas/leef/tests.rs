//! The format of LEEF: frozen, and read by others as it was meant.

use std::collections::{BTreeMap, BTreeSet};

use ledger::{LedgerName, Table};
use operations::alert::Severity;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::fixtures;
use crate::schemas::readers::{self, CHAIN};

/// What a line says: the event's id in the header, and the attributes.
#[derive(Debug, Clone, PartialEq)]
struct Line {
    id: String,
    attributes: BTreeMap<String, String>,
}

fn meant_by(record: &Record) -> Line {
    let context = Context { chain: CHAIN, previous: None };
    let pairs = pairs(record, &context);
    let meant = readers::meant(&pairs, &record.said.text, "\t", written, written);
    let attributes: BTreeMap<String, String> = meant.iter().cloned().collect();
    assert_eq!(attributes.len(), meant.len(), "no key stands twice: {meant:?}");
    Line { id: word(record.kind()), attributes }
}

fn line_of(read: &Value) -> Line {
    let attributes = read["attributes"].as_object().into_iter().flatten();
    let attributes =
        attributes.map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned())).collect();
    Line { id: read["event_class_id"].as_str().unwrap_or_default().to_owned(), attributes }
}

fn tenzir(file: &std::path::Path) -> Vec<Line> {
    readers::tenzir(file, "line.parse_leef(raw=true)").iter().map(line_of).collect()
}

/// A reader of our own after IBM's text: nobody else has one that is to be had.
fn strict(file: &std::path::Path) -> Vec<Line> {
    let (is_well, output, errors) = readers::run(readers::python("leef.py").arg(file));
    assert!(is_well, "{errors}");
    readers::json_lines(&output).iter().map(line_of).collect()
}

/// Writes the lines of every record into a file, with what they mean.
fn file(name: &str) -> (std::path::PathBuf, Vec<Line>) {
    let records = readers::records(&SPEC);
    let file = readers::folder(name).join("lines.leef");
    let lines: Vec<&str> = records.iter().map(|record| &*record.said.text).collect();
    std::fs::write(&file, format!("{}\n", lines.join("\n"))).unwrap();
    (file, records.iter().map(meant_by).collect())
}

#[test]
fn the_format_is_frozen() {
    let rows = fixtures::events(&[
        json!({"time": 1_763_750_000_123_456_i64, "kind": "egress.http", "outcome": "deny", "user": "alice",
        "workspace_name": "alice/api", "scheme": "https", "host": "192.0.2.7", "path": "/a?b=c", "method": "POST", "port": 443,
        "rule": "deny\tdefault", "bytes_out": 51_234, "duration_us": 5, "effects": ["send", "read"], "content": "secret"}),
    ]);
    let line = concat!(
        "LEEF:2.0|Tachograph|tachograph|1|egress.http|x09|devTime=2025-11-21T18:33:20.123Z\tdevTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSX\t",
        "cat=firewall\tsev=1\teventId=events/0/0\texportStream=acme.example/agents/events/0/0/siem\texportSeq=0\ttitle=HTTP request denied\t",
        "identHostName=alice/api\tdst=192.0.2.7\turl=https://192.0.2.7:443/a?b=c\tsrcBytes=51234\tdurationUs=5\teffects=send,read\t",
        "method=POST\toutcome=deny\tdstPort=443\trecorded=2025-11-21T00:00:00.000000Z\tpolicy=deny default\tscheme=https\tusrName=alice\t",
        "workspaceName=alice/api",
    );
    assert_eq!(fixtures::records_in(&SPEC, &rows)[0].said.text, line);
}

#[test]
fn an_alert_has_its_severity_and_says_why() {
    let rows = fixtures::operations(&[fixtures::alert(1, Severity::Critical)]);
    let record = &fixtures::records_in(&SPEC, &rows)[0];
    let line = meant_by(record);
    let expected = [
        ("sev", "10"),
        ("policy", "egress.denied_post"),
        ("state", "open"),
        ("usrName", "alice"),
        ("dstHost", "attacker-logger.com"),
        ("techniques", "AML.T0086"),
        ("msg", "Refused POST to attacker-logger.com: POST to attacker-logger.com was refused once."),
    ];
    for (key, value) in expected {
        assert_eq!(line.attributes[key], value, "{key}");
    }
}

#[test]
fn severities_are_one_to_ten_and_times_have_one_form() {
    for record in readers::records(&SPEC) {
        let attributes = meant_by(&record).attributes;
        assert!((1..=10).contains(&attributes["sev"].parse::<u8>().unwrap()));
        let time = &attributes["devTime"];
        assert!(chrono::DateTime::parse_from_rfc3339(time).is_ok() && time.len() == 24, "{time}");
        let is_word = |key: &str| key.bytes().all(|b| b.is_ascii_alphanumeric());
        assert!(attributes.keys().all(|key| is_word(key)), "{attributes:?}");
    }
}

#[test]
fn the_page_says_what_each_attribute_holds() {
    let columns: BTreeSet<String> = LedgerName::ALL
        .into_iter()
        .flat_map(|ledger| Table::of(ledger).columns)
        .map(|column| one_word(column.name))
        .collect();
    let written = readers::records(&SPEC)
        .iter()
        .flat_map(|record| meant_by(record).attributes.into_keys())
        .collect::<BTreeSet<String>>();
    assert_eq!(readers::documented("leef.md"), written.difference(&columns).cloned().collect());
}

#[test]
fn tenzir_reads_what_was_meant() {
    let (file, meant) = file("leef-tenzir");
    assert_eq!(readers::differing(&tenzir(&file), &meant), 0);
}

#[test]
fn a_reader_after_the_text_of_ibm_reads_what_was_meant() {
    let (file, meant) = file("leef-strict");
    assert_eq!(readers::differing(&strict(&file), &meant), 0);
}

#[test]
fn both_readers_notice_what_is_wrong() {
    let file = readers::folder("leef-wrong").join("lines.leef");
    let meant = |value: &str| {
        let pairs = [("sev", "5"), ("act", value), ("cat", "x")];
        let attributes = pairs.map(|(key, value)| (key.to_owned(), value.to_owned()));
        vec![Line { id: "alert".into(), attributes: attributes.into_iter().collect() }]
    };
    let head = "LEEF:2.0|Tachograph|tachograph|1|alert|x09|";
    let check = |pairs: &str, value: &str, expected: [bool; 2]| {
        std::fs::write(&file, format!("{head}{pairs}\n")).unwrap();
        let read = [tenzir as fn(&std::path::Path) -> Vec<Line>, strict];
        let is_as_meant =
            read.map(|read| std::panic::catch_unwind(|| read(&file)).is_ok_and(|read| read == meant(value)));
        assert_eq!(is_as_meant, expected, "{pairs}");
    };
    check("sev=5\tact=denied\tcat=x", "denied", [true, true]);
    // The delimiter in a value ends it.
    check("sev=5\tact=a\tb=c\tcat=x", "a\tb=c", [false, false]);
    check("sev=50\tact=denied\tcat=x", "denied", [false, false]);
    // These are what the writer's rules are for.
    check("sev=5\tact=a\\nb\tcat=x", "a\\nb", [false, true]);
    check("sev=5\tact=\"a\"\tcat=x", "\"a\"", [false, true]);
    check("sev=5\tact='\tcat=x", "'", [true, true]);
    check("sev=5\tact='a'\tcat=x", "'a'", [false, true]);
}

proptest! {
    #[test]
    fn any_text_in_any_column_comes_back_from_one_line(text in "(?s).{0,300}", kind in "(?s).{0,60}") {
        let record = readers::everywhere(&SPEC, &kind, &text);
        let line = &record.said.text;
        prop_assert!(!line.contains(['\n', '\r', '\0']));
        let rest = line.strip_prefix("LEEF:2.0|Tachograph|tachograph|1|").unwrap();
        let (id, rest) = rest.split_once("|x09|").unwrap();
        let attributes = rest.split('\t').map(|pair| pair.split_once('=').unwrap());
        let attributes = attributes.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        prop_assert_eq!(Line { id: id.to_owned(), attributes }, meant_by(&record));
    }
}
