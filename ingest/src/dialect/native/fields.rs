//! The keys of a native event, and where their values go.

use std::sync::LazyLock;

use ledger::column::{Column, Part, Semantics, handle};
use ledger::events::TABLE;

use super::scalar::Scalar;
use crate::bounds::NO_NUMBER;
use crate::event::Draft;
use crate::limits::TOKENS_MAX;
use crate::price::Tier;
use crate::timestamp::Stated;

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

    /// Sets what a text says of the event; says whether the value is one that may stand there. A number is not set.
    pub fn set_text(self, draft: &mut Draft, value: &Scalar) -> bool {
        let taken = match self {
            Self::Text(column) | Self::ContentText(column) | Self::FreeText(column) => {
                value.text().map(|text| draft.columns.set_text_if(column, Some(&text)))
            }
            Self::Word(column, words) => {
                let word = value.text().filter(|word| words.contains(&&**word));
                word.map(|word| draft.columns.set_text(column, &word))
            }
            Self::Url => value.text().map(|url| {
                draft.url.clear();
                draft.url.push_str(&url);
            }),
            Self::Tier => value.text().map(|word| draft.billing.tier = Tier::of(&word)),
            Self::Speed => value.text().map(|word| draft.billing.fast = word.eq_ignore_ascii_case("fast")),
            Self::Content | Self::Integer(_) | Self::CacheWriteHour | Self::Time(_) => Some(()),
        };
        taken.is_some()
    }

    /// Sets a column that holds a number or a time; says whether the value is one. Whether it can be true is asked later.
    pub fn set_number(self, draft: &mut Draft, value: &Scalar) -> bool {
        let Draft { columns, billing, .. } = draft;
        match (self, value.whole()) {
            (_, None) => true,
            (Self::Time(column), _) => match value.text().map(|text| Stated::of(&text)) {
                Some(Stated::At(time)) => {
                    columns.set_time(column, time);
                    true
                }
                _ => false,
            },
            (_, Some(NO_NUMBER)) => false,
            (Self::Integer(column), Some(number)) => {
                columns.set_integer(column, number);
                true
            }
            (Self::CacheWriteHour, Some(number)) if (0..=TOKENS_MAX).contains(&number) => {
                billing.cache_write_hour = number;
                true
            }
            _ => false,
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

/// Keys that are no columns.
const OTHERS: [Field; 4] = [
    Field { name: "url", slot: Slot::Url },
    Field { name: "tokens_cache_write_hour", slot: Slot::CacheWriteHour },
    Field { name: "service_tier", slot: Slot::Tier },
    Field { name: "speed", slot: Slot::Speed },
];

/// Where the value goes that senders state for a column; `None` for one that they do not set.
fn slot(column: &Column) -> Option<Slot> {
    let slot = match column.semantics {
        Semantics::Own => return None,
        Semantics::Name | Semantics::Host => Slot::Text(column.as_text()?),
        Semantics::FreeText if column.part == Part::Content => Slot::ContentText(column.as_text()?),
        Semantics::FreeText => Slot::FreeText(column.as_text()?),
        Semantics::Word(words) => Slot::Word(column.as_text()?, words),
        Semantics::Number(_) => Slot::Integer(column.as_integer()?),
        Semantics::Moment => Slot::Time(column.as_time()?),
        Semantics::Content => Slot::Content,
    };
    Some(slot)
}

/// Every field.
pub fn all() -> impl Iterator<Item = Field> {
    let columns = TABLE.columns.iter();
    columns.filter_map(|column| Some(Field { name: column.name, slot: slot(column)? })).chain(OTHERS)
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
