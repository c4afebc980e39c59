//! Names of indices: a pure function of when a record was recorded, so that what is sent again goes to the same one.

use chrono::{DateTime, Utc};
use ledger::Timestamp;

/// Where records go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Index {
    before: String,
    /// What the day, the month or the year is written as, if the name has one.
    date: Option<&'static str>,
    after: String,
}

/// What may stand in a name for when a record was recorded, with how it is written.
const DATES: [(&str, &str); 3] = [("{yyyy.MM.dd}", "%Y.%m.%d"), ("{yyyy.MM}", "%Y.%m"), ("{yyyy}", "%Y")];

/// The index unless the settings say otherwise.
const USUAL: &str = "tachograph-{yyyy.MM.dd}";

/// The longest name of an index in bytes. A day takes as much as what stands for it, or less.
const NAME_BYTES_MAX: usize = 255;

impl Index {
    /// Reads the two settings. The error says what a name may be.
    pub fn read(index: Option<&str>, data_stream: Option<&str>) -> Result<Self, String> {
        match (index, data_stream) {
            (Some(_), Some(_)) => Err("index and data_stream are not set together".to_owned()),
            (None, Some(stream)) => {
                check("data_stream", stream)?;
                Ok(Self { before: stream.to_owned(), ..Self::default() })
            }
            (index, None) => {
                let index = index.unwrap_or(USUAL);
                let found = DATES.iter().find_map(|(mark, date)| Some((index.split_once(mark)?, *date)));
                let ((before, after), date) = found.map_or(((index, ""), None), |(parts, date)| (parts, Some(date)));
                check("index", &format!("{before}{after}"))?;
                is_no_data_stream(before)?;
                Ok(Self { before: before.to_owned(), date, after: after.to_owned() })
            }
        }
    }

    /// The index of what was recorded then.
    pub fn of(&self, recorded: Timestamp) -> String {
        let moment = DateTime::<Utc>::from_timestamp_micros(recorded.unix_micros()).unwrap_or_default();
        let date = self.date.map(|date| moment.format(date).to_string()).unwrap_or_default();
        format!("{}{date}{}", self.before, self.after)
    }
}

impl Index {
    /// All of them, as a search names them.
    pub fn pattern(&self) -> String {
        format!("{}{}{}", self.before, if self.date.is_some() { "*" } else { "" }, self.after)
    }

    /// Whether an index that the pattern finds may be one of them. What a data stream and an alias lead to has other names.
    pub fn may_be(&self, name: &str) -> bool {
        let Some(date) = self.date else { return true };
        let middle = name.strip_prefix(&self.before).and_then(|rest| rest.strip_suffix(&self.after));
        let example = DateTime::<Utc>::default().format(date).to_string();
        let alike = |(one, other): (char, char)| one == other || (one.is_ascii_digit() && other.is_ascii_digit());
        middle.is_some_and(|middle| middle.len() == example.len() && middle.chars().zip(example.chars()).all(alike))
    }
}

/// Elasticsearch makes a data stream of what is created by a name like `logs-agents-2025.11.21`, and ids are no longer unique in it.
fn is_no_data_stream(name: &str) -> Result<(), String> {
    let taken = ["logs-", "metrics-", "traces-", "synthetics-", "profiling-"];
    match taken.iter().find(|prefix| name.starts_with(*prefix)) {
        Some(prefix) => Err(format!(
            "index begins with {prefix}, of which Elasticsearch's own templates make a data stream: set data_stream, or take another name"
        )),
        None => Ok(()),
    }
}

/// What both products take as a name.
fn check(setting: &str, name: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    if begins && name.len() <= NAME_BYTES_MAX - 12 && name.chars().all(plain) {
        return Ok(());
    }
    Err(format!(
        "{setting} has small letters, digits, '-', '_' and '.', begins with a letter or a digit, and has at most one of {}",
        DATES.map(|(mark, _)| mark).join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::START;

    #[test]
    fn a_name_follows_from_when_a_record_was_recorded() {
        let check = |index: Option<&str>, stream: Option<&str>, expected: &str| {
            let index = Index::read(index, stream).unwrap();
            assert_eq!(index.of(Timestamp::from_unix_micros(START)), expected);
        };
        check(None, None, "tachograph-2025.11.21");
        check(Some("audit-{yyyy.MM}-a"), None, "audit-2025.11-a");
        check(Some("audit{yyyy}"), None, "audit2025");
        check(Some("audit"), None, "audit");
        check(None, Some("logs-tachograph-default"), "logs-tachograph-default");
    }

    #[test]
    fn an_index_of_another_sink_is_told_apart() {
        let check = |index: Option<&str>, pattern: &str, name: &str, expected: bool| {
            let index = Index::read(index, None).unwrap();
            assert_eq!((index.pattern(), index.may_be(name)), (pattern.to_owned(), expected), "{name}");
        };
        check(None, "tachograph-*", "tachograph-2025.11.21", true);
        check(None, "tachograph-*", "tachograph-lab-2025.11.21", false);
        check(None, "tachograph-*", "tachograph-2025-11-21", false);
        check(Some("audit-{yyyy.MM}-a"), "audit-*-a", "audit-2025.11-a", true);
        check(Some("audit"), "audit", "audit-000001", true);
    }

    #[test]
    fn what_can_be_no_name_is_refused_with_words() {
        let check = |index: Option<&str>, stream: Option<&str>, says: &str| {
            let error = Index::read(index, stream).unwrap_err();
            assert!(error.contains(says), "{error}");
        };
        check(Some("a"), Some("b"), "not set together");
        check(Some("Audit"), None, "small letters");
        check(Some("-audit"), None, "begins with");
        check(Some("audit-{dd}"), None, "{yyyy.MM.dd}");
        check(Some("a-{yyyy}-{yyyy.MM}"), None, "at most one");
        check(Some(""), None, "begins with");
        check(Some("logs-tachograph-{yyyy.MM.dd}"), None, "set data_stream");
        check(None, Some("a/b"), "data_stream has");
    }
}
