//! What others read of what the schemas write: how programs that nobody here wrote are asked, and what is compared with their answers.

use std::path::{Path, PathBuf};
use std::process::Command;

use ledger::{Kind, LedgerName, Table};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::SchemaSpec;
use super::lines::Pairs;
use crate::fixtures::{self, every, validators};
use crate::limits::LINE_BYTES_MAX;
use crate::record::Record;

/// The stream that the fixtures say their records in.
pub const CHAIN: &str = "acme.example/agents/events/0/0/siem";

/// A script of `tests/validators`.
pub fn script(name: &str) -> PathBuf {
    Path::new(validators::SCRIPTS).join(name)
}

/// A folder for the files of one test, empty.
pub fn folder(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.ancestors().nth(3).unwrap().join("validated").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// What a program says, and whether it went well.
pub fn run(command: &mut Command) -> (bool, String, String) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

/// The Python of the validators.
pub fn python(name: &str) -> Command {
    let mut command = Command::new(validators::program("python"));
    command.arg(script(name));
    command
}

/// Each line of a file through an expression of Tenzir's language, in which it is `line`.
pub fn tenzir(file: &Path, expression: &str) -> Vec<Value> {
    let pipeline = format!("from_file \"{}\" {{ read_lines }}\nthis = {expression}\nwrite_ndjson", file.display());
    let (is_well, output, errors) = run(Command::new(validators::program("tenzir")).arg(pipeline));
    assert!(is_well && errors.is_empty(), "{errors}");
    json_lines(&output)
}

/// A JSON value per line.
pub fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

/// Every record of the fixtures in a schema: every kind with every outcome, and what an attacker would write.
pub fn records(schema: &'static SchemaSpec) -> Vec<Record> {
    let records: Vec<Record> = every::records(schema).into_iter().flat_map(|(_, records)| records).collect();
    assert!(records.len() > 500, "{}", records.len());
    records
}

/// The record of an event of this kind with this text in every column that takes one, content too.
pub fn everywhere(schema: &'static SchemaSpec, kind: &str, text: &str) -> Record {
    let columns = Table::of(LedgerName::Events).columns.iter();
    let texts = columns.filter(|column| column.kind == Kind::Text).map(|column| (column.name.to_owned(), text.into()));
    let mut event: Map<String, Value> = texts.collect();
    event.insert("effects".into(), json!([text, text]));
    event.insert("kind".into(), kind.into());
    let policy = serde_json::from_str(every::EVERYTHING).unwrap();
    fixtures::records_under(policy, schema, &fixtures::events(&[event.into()])).remove(0)
}

/// The keys and values that a line was made from, as they were meant, with the values cut as the line has them.
pub fn meant(
    pairs: &Pairs,
    line: &str,
    between: &str,
    write: impl Fn(&str, &str) -> String,
    meant: impl Fn(&str, &str) -> String,
) -> Vec<(String, String)> {
    let ends_line = |longest: &usize| {
        let said: Vec<String> =
            pairs.cut(*longest).map(|(key, value)| format!("{key}={}", write(key, &value))).collect();
        line.ends_with(&said.join(between))
    };
    let longest = [usize::MAX, 1_024, 512, 256, 128, 64, 32].into_iter().find(ends_line).unwrap();
    assert!(line.len() <= LINE_BYTES_MAX && !line.contains(|c: char| c.is_control() && c != '\t'), "{line}");
    pairs.cut(longest).map(|(key, value)| (key.to_owned(), meant(key, &value))).collect()
}

/// How many records a reader read otherwise than they were meant. The first of them is shown.
pub fn differing<T: PartialEq + std::fmt::Debug>(read: &[T], meant: &[T]) -> usize {
    assert_eq!(read.len(), meant.len());
    let mut differing = read.iter().zip(meant).filter(|(read, meant)| read != meant).peekable();
    if let Some((read, meant)) = differing.peek() {
        eprintln!("read:  {read:?}\nmeant: {meant:?}");
    }
    differing.count()
}

/// The names in the first cells of the tables of a page of `docs/schemas` that have code in them.
pub fn documented(page: &str) -> std::collections::BTreeSet<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/schemas").join(page);
    let text = std::fs::read_to_string(file).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next().map(str::to_owned));
    rows.collect()
}

proptest! {
    #[test]
    fn no_text_in_any_column_breaks_a_json_record(text in "(?s).{0,100}", kind in "(?s).{0,30}") {
        for schema in [&super::ecs::SPEC, &super::udm::SPEC] {
            let said = everywhere(schema, &kind, &text).said;
            prop_assert!(said.is_json && !said.text.contains(['\n', '\r', '\0']));
            let read: Value = serde_json::from_str(&said.text).unwrap();
            prop_assert!(text.is_empty() || read.to_string().contains(&json!(text).to_string()));
        }
    }
}
