//! Objects as Amazon Security Lake takes them from a custom source: Parquet, one source for each class of OCSF, below the region, the account and
//! the day of the event, sorted by time.
//!
//! `ext/SOURCE/region=REGION/accountId=ACCOUNT/eventDay=YYYYMMDD/part-….parquet`, by the service's guide for custom sources.

use std::collections::BTreeMap;

use ledger::Timestamp;
use serde::Deserialize;

use super::{Format, day, lines, part};
use crate::limits::{EVENT_DAY_AFTER, EVENT_DAY_BEFORE};
use crate::message::{Message, Rendered};
use crate::record::Record;

/// The longest name of a source.
const SOURCE_CHARS_MAX: usize = 64;

/// Where the objects of one sink lie.
#[derive(Debug)]
pub struct Lake {
    source: String,
    sources: BTreeMap<u64, String>,
    region: String,
    account: String,
}

/// What of a record says where it belongs.
#[derive(Deserialize)]
struct Classed {
    #[serde(default)]
    class_uid: u64,
}

impl Lake {
    /// The lake of an account in a region. A class without a source in `sources` has `SOURCE_CLASS`. The error says what is wrong.
    pub fn new(
        source: String,
        sources: &BTreeMap<String, String>,
        region: String,
        account: String,
    ) -> Result<Self, String> {
        let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
        let is_source =
            |text: &str| (1..=SOURCE_CHARS_MAX).contains(&text.len()) && plain(text) && !text.starts_with('.');
        if let Some(wrong) = [&source].into_iter().chain(sources.values()).find(|source| !is_source(source)) {
            return Err(format!(
                "{wrong} is no name of a source: 1 to {SOURCE_CHARS_MAX} letters, digits, '-', '_' and '.'"
            ));
        }
        if account.len() != 12 || !account.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err("account must be the twelve digits of an AWS account".to_owned());
        }
        if region.is_empty() || !plain(&region) {
            return Err("region must be one of AWS, such as eu-central-1".to_owned());
        }
        let read = |(class, source): (&String, &String)| Some((class.parse().ok()?, source.clone()));
        let numbered: Option<BTreeMap<u64, String>> = sources.iter().map(read).collect();
        let sources = numbered.ok_or("sources names classes of OCSF by their numbers, such as 4002")?;
        Ok(Self { source, sources, region, account })
    }

    /// One object for each class and day. All records go together, whatever day they were recorded.
    pub fn render(&self, records: &[Record]) -> Rendered {
        let Some(first) = records.first() else { return Rendered::whole(Vec::new(), 0) };
        let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (number, record) in records.iter().enumerate() {
            groups.entry(self.folder(record)).or_default().push(number);
        }
        let (stream, part, extension) = (first.stream().replace('/', "-"), part(records), Format::Parquet.extension());
        let message = |(folder, numbers): (String, Vec<usize>)| {
            let mut sorted: Vec<&Record> = numbers.iter().filter_map(|number| records.get(*number)).collect();
            sorted.sort_by_key(|record| (record.time, record.export_seq));
            let key = format!("{folder}/{stream}-{part}.{extension}");
            Message { key, body: lines(sorted), records: numbers, ..Message::default() }
        };
        let messages = groups.into_iter().map(message).collect();
        Rendered { messages, taken: records.len(), silent: Vec::new() }
    }

    /// Whether an object of this name is of one of the sources of this sink, in its region and account.
    pub fn may_have(&self, name: &str) -> bool {
        let mut parts = name.split('/').skip(1);
        let (source, region, account) = (parts.next(), parts.next(), parts.next());
        let is_source = |source: &str| {
            let class = source.strip_prefix(&self.source).and_then(|rest| rest.strip_prefix('_'));
            let is_unnamed = class.is_some_and(|class| class.bytes().all(|digit| digit.is_ascii_digit()));
            is_unnamed || self.sources.values().any(|named| named == source)
        };
        source.is_some_and(is_source)
            && region == Some(&format!("region={}", self.region))
            && account == Some(&format!("accountId={}", self.account))
    }

    fn folder(&self, record: &Record) -> String {
        let class = serde_json::from_str(&record.said.text).map_or(0, |Classed { class_uid }| class_uid);
        let source = self.sources.get(&class).cloned().unwrap_or_else(|| format!("{}_{class}", self.source));
        let day = day(filed(record)).format("%Y%m%d");
        format!("ext/{source}/region={}/accountId={}/eventDay={day}", self.region, self.account)
    }
}

/// The moment by which a record is filed: when it happened, unless the clock of its sender was far off.
fn filed(record: &Record) -> Timestamp {
    let (time, recorded) = (record.time, record.recorded);
    let near = recorded.since(time) <= EVENT_DAY_BEFORE && time.since(recorded) <= EVENT_DAY_AFTER;
    if near { time } else { recorded }
}
