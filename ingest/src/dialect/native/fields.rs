//! The keys of a native event, and where their values go.

use std::sync::LazyLock;

use ledger::column::handle;
use ledger::events::{TABLE, column};

use super::{FAMILIES, OUTCOMES};

/// One key.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// The key.
    pub name: &'static str,
    /// Where its value goes.
    pub slot: Slot,
}

/// Where a value goes, and so of what kind it must be.
#[derive(Debug, Clone, Copy)]
pub enum Slot {
    /// A text that names something.
    Text(handle::Text),
    /// A text that may hold a secret: redacted in the record too.
    FreeText(handle::Text),
    /// A text of the content part: cut out of the record.
    ContentText(handle::Text),
    /// One of a few words.
    Word(handle::Text, &'static [&'static str]),
    /// A whole number.
    Integer(handle::Integer),
    /// The tokens written to a cache that lives an hour: for the price only.
    CacheWriteHour,
    /// The tier of service: for the price only.
    Tier,
    /// Whether the model answered faster for more money: for the price only.
    Speed,
    /// A time.
    Time(handle::Time),
    /// A URL, split into its columns.
    Url,
    /// Any JSON value, cut out of the record.
    Content,
}

impl Slot {
    /// What the value must be, for people.
    pub fn expected(self) -> String {
        match self {
            Self::Text(_) | Self::FreeText(_) | Self::ContentText(_) | Self::Url | Self::Tier | Self::Speed => {
                "a text".to_owned()
            }
            Self::Word(_, words) => format!("one of {}", words.join(", ")),
            Self::Integer(_) | Self::CacheWriteHour => "a whole number".to_owned(),
            Self::Time(_) => "a time in RFC 3339 or as a number since 1970 UTC".to_owned(),
            Self::Content => "a JSON value".to_owned(),
        }
    }
}

impl Field {
    /// The field with this key.
    pub fn by_name(name: &str) -> Option<&'static Self> {
        BY_LENGTH.get(name.len())?.iter().find(|field| field.name == name)
    }

    /// Whether the value is a number or a time: one that is neither voids itself.
    pub fn is_number(&self) -> bool {
        matches!(self.slot, Slot::Integer(_) | Slot::CacheWriteHour | Slot::Time(_))
    }

    /// Whether the value may hold a secret.
    pub fn is_free_text(&self) -> bool {
        matches!(self.slot, Slot::FreeText(_) | Slot::ContentText(_) | Slot::Url)
    }
}

/// Texts that name something.
const TEXTS: &[handle::Text] = &[
    column::REFERS_TO,
    column::SOURCE,
    column::KIND,
    column::STREAM,
    column::SOURCE_ID,
    column::ORG,
    column::TEAM,
    column::USER,
    column::USER_ID,
    column::AGENT,
    column::AGENT_KIND,
    column::SESSION,
    column::RUN,
    column::RUN_KIND,
    column::WORKSPACE,
    column::WORKSPACE_NAME,
    column::TEMPLATE,
    column::ACTION,
    column::RULE,
    column::METHOD,
    column::SCHEME,
    column::HOST,
    column::PROVIDER,
    column::MODEL,
    column::CLIENT,
    column::INTERCEPTION,
    column::TOOL,
    column::TOOL_CALL,
];
/// Texts that may hold a secret.
const FREE_TEXTS: &[handle::Text] = &[column::TARGET, column::PATH, column::MCP_SERVER];
/// Texts of the content part.
const CONTENT_TEXTS: &[handle::Text] = &[column::COMMAND, column::FILE];
/// Texts that are one of a few words.
const WORDS: &[(handle::Text, &[&str])] = &[(column::FAMILY, FAMILIES), (column::OUTCOME, OUTCOMES)];
/// Numbers.
const INTEGERS: &[handle::Integer] = &[
    column::STREAM_SEQ,
    column::STATUS,
    column::DURATION_US,
    column::PORT,
    column::BYTES_OUT,
    column::BYTES_IN,
    column::TOKENS_IN,
    column::TOKENS_OUT,
    column::TOKENS_CACHE_READ,
    column::TOKENS_CACHE_WRITE,
    column::TOKENS_REASONING,
    column::COST_SOURCE_MICROS,
    column::EXIT_CODE,
];
/// Times.
const TIMES: &[handle::Time] = &[column::TIME, column::OBSERVED];

/// Keys that are no columns.
const OTHERS: [Field; 4] = [
    Field { name: "url", slot: Slot::Url },
    Field { name: "tokens_cache_write_hour", slot: Slot::CacheWriteHour },
    Field { name: "service_tier", slot: Slot::Tier },
    Field { name: "speed", slot: Slot::Speed },
];

/// Every field.
pub fn all() -> impl Iterator<Item = Field> {
    let texts = TEXTS.iter().map(|column| (column.id(), Slot::Text(*column)));
    let free_texts = FREE_TEXTS.iter().map(|column| (column.id(), Slot::FreeText(*column)));
    let content_texts = CONTENT_TEXTS.iter().map(|column| (column.id(), Slot::ContentText(*column)));
    let words = WORDS.iter().map(|(column, words)| (column.id(), Slot::Word(*column, words)));
    let integers = INTEGERS.iter().map(|column| (column.id(), Slot::Integer(*column)));
    let times = TIMES.iter().map(|column| (column.id(), Slot::Time(*column)));
    let content = std::iter::once((column::CONTENT.id(), Slot::Content));
    texts
        .chain(free_texts)
        .chain(content_texts)
        .chain(words)
        .chain(integers)
        .chain(times)
        .chain(content)
        .filter_map(|(id, slot)| TABLE.by_id(id).map(|column| Field { name: column.name, slot }))
        .chain(OTHERS)
}

/// The fields by the length of their key: a key is compared with a handful of others.
static BY_LENGTH: LazyLock<Vec<Vec<Field>>> = LazyLock::new(|| {
    let longest = all().map(|field| field.name.len()).max().unwrap_or_default();
    let mut by_length = vec![Vec::new(); longest + 1];
    for field in all() {
        by_length[field.name.len()].push(field);
    }
    by_length
});
