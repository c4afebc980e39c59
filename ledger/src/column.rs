//! What a column is: its frozen id, name, kind of value and part, what its values mean, and the tables that list the columns
//! of a ledger. What is done with a value because of what it means must not be here: packages derive it from the table.
//!
//! Ids and kinds are part of what is hashed (FORMAT.md): a column is added, never changed and never reused.

use std::fmt;

use crate::limits::COLUMN_ID_LIMIT;
use crate::position::LedgerName;

/// The kind of a column's values and so their canonical bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// UTF-8 text; enumerations are their words.
    Text,
    /// A signed integer: 8 bytes, big-endian, two's complement.
    Integer,
    /// Microseconds since 1970 UTC: as an integer.
    Time,
    /// A keyed 64-bit hash: 8 bytes, big-endian.
    Fingerprint,
    /// Any bytes.
    Bytes,
    /// Texts in order: each a length u32 and its bytes.
    TextList,
}

/// The part of the leaf that commits to a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// Everything that is not made from content.
    Facts,
    /// Content and what is made from it; it has its own retention, permission and erasure.
    Content,
}

/// How the values of a column are stored, in memory, in the WAL and in segments. It changes no byte that is hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Storage {
    /// Values repeat: each is stored once, with numbers that refer to it.
    Repeated,
    /// As [`Storage::Repeated`], and analysts look for one rare value: segments have a bloom filter of it.
    Sought,
    /// Mostly ascends in small steps inside a session: differences are shorter than numbers of a dictionary.
    Ascending,
    /// Hardly repeats: a dictionary would be a second copy, and ranges prune nothing.
    Unique,
    /// Long and hardly repeats: compressed in pages of its own, which are only read by who asks for the column.
    Long,
}

/// What the values of a column mean and who states them. It changes no byte that is hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Semantics {
    /// Tachograph states it, or makes it of what was redacted: no source sets it, and it is not searched for secrets.
    Own,
    /// A source's text that names something.
    Name,
    /// A source's text in which anything may be written.
    FreeText,
    /// One of a few words.
    Word(&'static [&'static str]),
    /// A host name or address, which is brought into its one form.
    Host,
    /// A moment that a source states.
    Moment,
    /// A number that a source states.
    Number(Quantity),
    /// Any value of a source, cut out of its record.
    Content,
}

/// What a number counts, and so between which bounds it can be true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quantity {
    /// A number of a sequence.
    Counter,
    /// A status code of a protocol.
    StatusCode,
    /// A duration in microseconds.
    Microseconds,
    /// A port.
    Port,
    /// An amount of data in bytes.
    Bytes,
    /// A model's tokens.
    Tokens,
    /// An amount of money in micro-USD.
    MicroDollars,
    /// An exit code of a process.
    ExitCode,
}

/// Whether a record that comes again must say the same in a column, or it contradicts what was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// It says what happened.
    Compared,
    /// It says how that became known, or what may be known only later, such as who it was.
    Ignored,
}

/// One column of a ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// The id that is hashed.
    pub id: u8,
    /// The name in SQL, in Parquet and in JSON.
    pub name: &'static str,
    /// The kind of its values.
    pub kind: Kind,
    /// The part that holds it.
    pub part: Part,
    /// How its values are stored.
    pub storage: Storage,
    /// What its values mean.
    pub semantics: Semantics,
    /// Whether a record that comes again must say the same.
    pub comparison: Comparison,
    /// One sentence for the reference.
    pub doc: &'static str,
}

/// The columns of one ledger, in ascending order of id.
pub struct Table {
    /// The ledger that the table describes.
    pub ledger: LedgerName,
    /// The columns.
    pub columns: &'static [Column],
    /// The index of each id's column plus one; zero where there is none.
    pub(crate) places: [u8; COLUMN_ID_LIMIT as usize],
}

/// The index of each id's column plus one.
pub(crate) const fn places(columns: &[Column]) -> [u8; COLUMN_ID_LIMIT as usize] {
    let mut places = [0; COLUMN_ID_LIMIT as usize];
    let mut at = 0;
    while at < columns.len() {
        places[columns[at].id as usize] = at as u8 + 1;
        at += 1;
    }
    places
}

/// The handle of a column, for who has only its name; `None` for another kind.
macro_rules! handle_of {
    ($($method:ident $name:ident)*) => {
        impl Column {
            $(
                #[doc = concat!("Its handle if its kind is `Kind::", stringify!($name), "`.")]
                pub const fn $method(&self) -> Option<handle::$name> {
                    match self.kind {
                        Kind::$name => Some(handle::$name(self.id)),
                        _ => None,
                    }
                }
            )*
        }
    };
}
handle_of!(as_text Text as_integer Integer as_time Time as_fingerprint Fingerprint as_text_list TextList);

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Table({})", self.ledger)
    }
}

impl Table {
    /// The table of a ledger.
    pub const fn of(ledger: LedgerName) -> &'static Self {
        match ledger {
            LedgerName::Events => &crate::events::TABLE,
            LedgerName::Operations => &crate::operations::TABLE,
        }
    }

    /// The column of the event time: the value that a batch header's time range covers. Only `events` has one.
    pub(crate) fn event_time(&self) -> Option<u8> {
        (self.ledger == LedgerName::Events).then_some(crate::events::column::TIME.id())
    }

    /// The column with this id.
    pub fn by_id(&self, id: u8) -> Option<&'static Column> {
        let place = self.places.get(usize::from(id)).copied().unwrap_or(0);
        self.columns.get(usize::from(place).checked_sub(1)?)
    }

    /// The column with this name.
    pub fn by_name(&self, name: &str) -> Option<&'static Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The columns of one part, in ascending order of id.
    pub fn part(&self, part: Part) -> impl Iterator<Item = &'static Column> + use<> {
        self.columns.iter().filter(move |column| column.part == part)
    }
}

/// Handles that carry a column's kind in their type, so that a text never lands in an integer column.
pub mod handle {
    macro_rules! handles {
        ($($name:ident),*) => {$(
            #[doc = concat!("The id of a column whose kind is `Kind::", stringify!($name), "`.")]
            #[derive(Debug, Clone, Copy, PartialEq, Eq)]
            pub struct $name(pub(crate) u8);

            impl $name {
                /// The id that is hashed.
                pub const fn id(self) -> u8 {
                    self.0
                }
            }
        )*};
    }
    handles!(Text, Integer, Time, Fingerprint, Bytes, TextList);
}

/// Declares a ledger's columns: a typed handle for each and the table of them all.
macro_rules! columns {
    ($ledger:expr; $(
        $id:literal $handle:ident $name:literal $kind:ident $part:ident $storage:ident
        $semantics:ident $(($argument:expr))? $comparison:ident $doc:literal;
    )*) => {
        /// Typed handles of the columns.
        pub mod column {
            $(
                #[doc = $doc]
                pub const $handle: $crate::column::handle::$kind = $crate::column::handle::$kind($id);
            )*
        }

        const COLUMNS: &[$crate::column::Column] = &[$($crate::column::Column {
            id: $id,
            name: $name,
            kind: $crate::column::Kind::$kind,
            part: $crate::column::Part::$part,
            storage: $crate::column::Storage::$storage,
            semantics: $crate::column::Semantics::$semantics $(($argument))?,
            comparison: $crate::column::Comparison::$comparison,
            doc: $doc,
        }),*];

        /// All columns of this ledger.
        pub static TABLE: $crate::column::Table = $crate::column::Table {
            ledger: $ledger,
            columns: COLUMNS,
            places: $crate::column::places(COLUMNS),
        };
    };
}
pub(crate) use columns;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::COLUMN_ID_LIMIT;
    use std::collections::HashSet;

    /// Whether the column's kind holds values of its meaning.
    fn is_of_kind(column: &Column) -> bool {
        match column.semantics {
            Semantics::Own => true,
            Semantics::Name | Semantics::FreeText | Semantics::Host | Semantics::Content => column.kind == Kind::Text,
            Semantics::Word(words) => column.kind == Kind::Text && words.iter().all(|word| column.doc.contains(word)),
            Semantics::Moment => column.kind == Kind::Time,
            Semantics::Number(_) => column.kind == Kind::Integer,
        }
    }

    #[test]
    fn tables_are_in_order_with_unique_well_formed_names() {
        for ledger in LedgerName::ALL {
            let table = Table::of(ledger);
            assert_eq!(table.ledger, ledger);
            assert!(table.columns.windows(2).all(|pair| pair[0].id < pair[1].id), "{ledger}: ids ascend");
            let names: HashSet<&str> = table.columns.iter().map(|column| column.name).collect();
            assert_eq!(names.len(), table.columns.len(), "{ledger}: names are unique");
            for column in table.columns {
                assert!((1..COLUMN_ID_LIMIT).contains(&column.id), "{}", column.name);
                assert!(column.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{}", column.name);
                assert!(column.doc.ends_with('.'), "{}", column.name);
                assert_eq!(table.by_id(column.id), Some(column));
                assert_eq!(table.by_name(column.name), Some(column));
                assert!(is_of_kind(column), "{}: its kind holds no such values", column.name);
                assert_eq!(column.as_text().map(handle::Text::id), (column.kind == Kind::Text).then_some(column.id));
            }
        }
    }
}
