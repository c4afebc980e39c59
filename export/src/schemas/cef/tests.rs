//! The format of CEF: frozen, escaped, and read by others as it was meant.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use operations::alert::Severity;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::fixtures;
use crate::fixtures::validators::fetched;
use crate::schemas::lines;
use crate::schemas::readers::{self, CHAIN};

/// What a line says: the fields of its header, and its extension by key.
#[derive(Debug, Clone, PartialEq)]
struct Line {
    header: Vec<String>,
    extension: BTreeMap<String, String>,
}

/// What the line of a record was meant to say.
fn meant_by(record: &Record) -> Line {
    let context = Context { chain: CHAIN, previous: None };
    let pairs = pairs(record, &context);
    let meant = readers::meant(&pairs, &record.said.text, " ", escaped, meant);
    let extension: BTreeMap<String, String> = meant.iter().cloned().collect();
    assert_eq!(extension.len(), meant.len(), "no key stands twice: {meant:?}");
    let severity = severity::cef(severity::of(record)).to_string();
    let header = ["Tachograph", "tachograph", VERSION, &word(record.kind()), &kinds::title(record), &severity];
    Line { header: header.map(str::to_owned).to_vec(), extension }
}

/// A reader after the text of the standard, which refuses what the text forbids.
fn read(line: &str) -> Line {
    let rest = line.strip_prefix("CEF:0|").unwrap();
    let mut parts = rest.splitn(7, '|');
    let header: Vec<String> = parts.by_ref().take(6).map(str::to_owned).collect();
    let text = parts.next().unwrap().strip_prefix(' ').unwrap();
    assert!(!text.contains(['|', '\n', '\r']), "{text}");
    // The equals signs that are not escaped.
    let mut signs = Vec::new();
    let mut is_escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            '=' if !is_escaped => signs.push(at),
            _ => {}
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    let key_of = |sign: &usize| text[..*sign].rfind(' ').map_or(0, |blank| blank + 1);
    let mut extension = BTreeMap::new();
    for (number, sign) in signs.iter().enumerate() {
        let end = signs.get(number + 1).map_or(text.len(), |next| key_of(next) - 1);
        extension.insert(text[key_of(sign)..*sign].to_owned(), unescaped(&text[sign + 1..end]));
    }
    Line { header, extension }
}

fn unescaped(text: &str) -> String {
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => plain.push(match chars.next().unwrap() {
                'n' => '\n',
                c @ ('\\' | '=') => c,
                c => panic!("\\{c}"),
            }),
            c => plain.push(c),
        }
    }
    plain
}

#[test]
fn the_format_is_frozen() {
    let rows = fixtures::events(&[
        json!({"time": 1_763_750_000_123_456_i64, "kind": "egress.http", "outcome": "deny", "user": "alice",
        "workspace_name": "alice/api", "scheme": "https", "host": "paste.acme.example", "path": "/a?b=c|d", "method": "POST", "port": 443,
        "rule": "deny\ndefault", "bytes_out": 51_234, "session": "s-1", "status": 403, "content": "secret"}),
    ]);
    let line = concat!(
        r"CEF:0|Tachograph|tachograph|1|egress.http|HTTP request denied|1| externalId=events/0/0 rt=1763750000123 ",
        r"deviceExternalId=acme.example/agents/events/0/0/siem cn1=0 cn1Label=exportSeq cat=firewall act=denied outcome=failure reason=403 ",
        r"suser=alice app=https requestMethod=POST shost=alice/api dhost=paste.acme.example dpt=443 out=51234 ",
        r"request=https://paste.acme.example:443/a?b\=c%7Cd cs2=deny\ndefault cs2Label=rule cs3=s-1 cs3Label=session",
    );
    assert_eq!(fixtures::records_in(&SPEC, &rows)[0].said.text, line);
}

#[test]
fn an_alert_has_its_severity_and_says_why() {
    let rows = fixtures::operations(&[fixtures::alert(1, Severity::High)]);
    let line = read(&fixtures::records_in(&SPEC, &rows)[0].said.text);
    assert_eq!(line.header[3..], ["alert", "Alert", "8"]);
    assert_eq!(
        line.extension["msg"],
        "Refused POST to attacker-logger.com: POST to attacker-logger.com was refused once."
    );
    assert_eq!(
        (&*line.extension["cs2"], &*line.extension["cs4"], &*line.extension["cnt"]),
        ("egress.denied_post", "open", "1")
    );
}

#[test]
fn every_key_is_one_of_the_dictionary_and_the_page_says_what_it_holds() {
    let dictionary = include_str!("dictionary.txt").lines().filter(|line| !line.starts_with('#')).map(str::to_owned);
    let written = readers::records(&SPEC)
        .iter()
        .flat_map(|record| meant_by(record).extension.into_keys())
        .collect::<BTreeSet<String>>();
    assert_eq!(written, dictionary.collect());
    let named = written.into_iter().filter(|key| !key.ends_with("Label"));
    assert_eq!(readers::documented("cef.md"), named.collect());
}

#[test]
fn a_reader_after_the_standard_reads_what_was_meant() {
    for record in readers::records(&SPEC) {
        assert_eq!(read(&record.said.text), meant_by(&record));
    }
}

/// Writes the lines of every record into a file, with what they mean.
fn written(name: &str) -> (std::path::PathBuf, Vec<Line>) {
    let records = readers::records(&SPEC);
    let file = readers::folder(name).join("lines.cef");
    let lines: Vec<&str> = records.iter().map(|record| &*record.said.text).collect();
    std::fs::write(&file, format!("{}\n", lines.join("\n"))).unwrap();
    (file, records.iter().map(meant_by).collect())
}

fn fields(values: &Value, names: [&str; 6]) -> Vec<String> {
    names.map(|name| values[name].as_str().unwrap_or_default().to_owned()).to_vec()
}

fn texts(values: &Value) -> BTreeMap<String, String> {
    let texts = values.as_object().into_iter().flatten();
    texts.map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned())).collect()
}

fn liblognorm(file: &std::path::Path) -> Vec<Line> {
    let rules = file.with_file_name("rules");
    std::fs::write(&rules, "version=2\nrule=:%cef:cef%\n").unwrap();
    let program = fetched("tools/lognorm/usr/bin/lognormalizer", "lognorm");
    let mut command = Command::new(&program);
    if let Some(libraries) =
        program.ancestors().nth(2).map(|usr| usr.join("lib")).filter(|_| !program.starts_with("/usr"))
    {
        let folders = std::fs::read_dir(libraries).unwrap().map(|folder| folder.unwrap().path());
        command.env("LD_LIBRARY_PATH", std::env::join_paths(folders).unwrap());
    }
    command.arg("-r").arg(&rules).args(["-e", "json"]).stdin(std::fs::File::open(file).unwrap());
    let (is_well, output, errors) = readers::run(&mut command);
    assert!(is_well, "{errors}");
    let names = ["DeviceVendor", "DeviceProduct", "DeviceVersion", "SignatureID", "Name", "Severity"];
    let line = |read: Value| Line { header: fields(&read["cef"], names), extension: texts(&read["cef"]["Extensions"]) };
    readers::json_lines(&output).into_iter().map(line).collect()
}

fn tenzir(file: &std::path::Path) -> Vec<Line> {
    let names = ["device_vendor", "device_product", "device_version", "signature_id", "name", "severity"];
    let line = |read: Value| Line { header: fields(&read, names), extension: texts(&read["extension"]) };
    readers::tenzir(file, "line.parse_cef(raw=true)").into_iter().map(line).collect()
}

/// It leaves escapes as they are, and gives the texts and numbers of our own the names of their labels.
fn pycef(file: &std::path::Path) -> Vec<Line> {
    let (is_well, output, errors) = readers::run(readers::python("cef.py").arg(file));
    assert!(is_well, "{errors}");
    let names = ["DeviceVendor", "DeviceProduct", "DeviceVersion", "DeviceEventClassID", "Name", "Severity"];
    let of_header = [&names[..], &["DeviceName", "DeviceSeverity", "CEFVersion"]].concat();
    let line = |read: Value| {
        let mut extension = texts(&read);
        extension.retain(|key, _| !of_header.contains(&key.as_str()));
        for value in extension.values_mut() {
            *value = unescaped(value);
        }
        Line { header: fields(&read, names), extension }
    };
    readers::json_lines(&output).into_iter().map(line).collect()
}

fn by_label(line: &Line) -> Line {
    let mut line = line.clone();
    let labels: Vec<String> = line.extension.keys().filter(|key| key.ends_with("Label")).cloned().collect();
    for key in labels {
        let value = line.extension.remove(key.trim_end_matches("Label")).unwrap();
        let label = line.extension.remove(&key).unwrap();
        line.extension.insert(label, value);
    }
    line
}

#[test]
fn liblognorm_reads_what_was_meant() {
    let (file, meant) = written("cef-liblognorm");
    assert_eq!(readers::differing(&liblognorm(&file), &meant), 0);
}

#[test]
fn tenzir_reads_what_was_meant() {
    let (file, meant) = written("cef-tenzir");
    assert_eq!(readers::differing(&tenzir(&file), &meant), 0);
}

#[test]
fn pycef_reads_what_was_meant() {
    let (file, meant) = written("cef-pycef");
    let meant: Vec<Line> = meant.iter().map(by_label).collect();
    assert_eq!(readers::differing(&pycef(&file), &meant), 0);
}

#[test]
fn each_reader_notices_what_is_wrong() {
    let line = |text: &str| format!("CEF:0|Tachograph|tachograph|1|alert|Alert|8|{text}\n");
    let file = readers::folder("cef-wrong").join("lines.cef");
    let meant = |value: &str| {
        let extension = BTreeMap::from([("act".to_owned(), value.to_owned()), ("cat".to_owned(), "x".to_owned())]);
        let header = ["Tachograph", "tachograph", "1", "alert", "Alert", "8"].map(str::to_owned).to_vec();
        Line { header, extension }
    };
    let readers: [fn(&std::path::Path) -> Vec<Line>; 3] = [liblognorm, tenzir, pycef];
    let check = |text: &str, value: &str, expected: [usize; 3]| {
        std::fs::write(&file, line(text)).unwrap();
        let found = readers.map(|read| read(&file)).map(|read| readers::differing(&read, &[meant(value)]));
        assert_eq!(found, expected, "{text}");
    };
    check(" act=denied cat=x", "denied", [0, 0, 0]);
    // An equals sign that is not escaped is another key to each of them.
    check(" act=a b=c cat=x", "a b=c", [1, 1, 1]);
    // These are what the writer's rules are for.
    check("act=denied cat=x", "denied", [1, 0, 0]);
    check(" act=a\" cat=x", "a\"", [0, 1, 0]);
    std::fs::write(&file, line(" act=a|b cat=x")).unwrap();
    assert_eq!(readers::differing(&liblognorm(&file), &[meant("a|b")]), 0);
    let refused = std::panic::catch_unwind(|| tenzir(&file));
    assert!(refused.is_err(), "a bare bar is refused");
}

proptest! {
    #[test]
    fn any_text_in_any_column_comes_back_from_one_line(text in "(?s).{0,60}", kind in "(?s).{0,60}") {
        let record = readers::everywhere(&SPEC, &kind, &text);
        let line = read(&record.said.text);
        prop_assert_eq!(&line, &meant_by(&record));
        let visible = lines::visible(&text, Breaks::Kept, 1_023).replace('|', "¦").replace('"', "”");
        prop_assert_eq!(line.extension.get("suser").map_or("", |value| value), visible);
    }

    #[test]
    fn what_is_escaped_comes_back(value in "(?s)[a-z|=\"\\\\\n]{0,60}") {
        for key in ["msg", "request"] {
            prop_assert_eq!(unescaped(&escaped(key, &value)), meant(key, &value));
        }
    }
}
