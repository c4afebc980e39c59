//! The columns of both ledgers as FORMAT.md lists them: the page itself is what is read here.

use std::sync::LazyLock;

use crate::name::LedgerName;

/// The page.
const PAGE: &str = include_str!("../../FORMAT.md");

/// The kind of a column's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Integer,
    Time,
    Fingerprint,
    Bytes,
    TextList,
}

/// The part that a column belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Facts,
    Content,
}

/// How a column's values are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stored {
    Repeated,
    Sought,
    Ascending,
    Unique,
    Long,
}

/// One column.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) id: u8,
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) part: Part,
    pub(crate) stored: Stored,
}

/// The columns of one ledger, in ascending order of id.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) ledger: LedgerName,
    columns: Vec<Column>,
}

static EVENTS: LazyLock<Table> = LazyLock::new(|| Table::on_page(LedgerName::Events));
static OPERATIONS: LazyLock<Table> = LazyLock::new(|| Table::on_page(LedgerName::Operations));

impl Table {
    /// The table of a ledger.
    pub(crate) fn of(ledger: LedgerName) -> &'static Self {
        match ledger {
            LedgerName::Events => &EVENTS,
            LedgerName::Operations => &OPERATIONS,
        }
    }

    /// Reads the rows below the heading of the ledger's columns; a test holds that every row of the page is one.
    fn on_page(ledger: LedgerName) -> Self {
        let mut columns: Vec<Column> = rows(ledger).filter_map(column).collect();
        columns.sort_by_key(|column| column.id);
        Self { ledger, columns }
    }

    pub(crate) fn by_id(&self, id: u8) -> Option<&Column> {
        let at = self.columns.binary_search_by_key(&id, |column| column.id).ok()?;
        self.columns.get(at)
    }

    pub(crate) fn by_name(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The id of the event time, which headers name the range of; `operations` has none.
    pub(crate) fn time(&self) -> Option<u8> {
        self.by_name("time").filter(|column| column.kind == Kind::Time).map(|column| column.id)
    }

    /// The two columns by which the rows of a row group are sorted before `seq`.
    pub(crate) fn sorted_by(&self) -> [&'static str; 2] {
        match self.ledger {
            LedgerName::Events => ["kind", "session"],
            LedgerName::Operations => ["kind", "subject"],
        }
    }
}

/// The rows of a ledger's table.
fn rows(ledger: LedgerName) -> impl Iterator<Item = &'static str> {
    let heading = format!(" Columns of `{ledger}`");
    let section =
        PAGE.split("\n### ").find(|section| section.lines().next().is_some_and(|line| line.ends_with(&heading)));
    let rows = section.unwrap_or_default().lines().filter(|line| line.starts_with("| "));
    rows.skip(1)
}

/// One row: id, name, kind, part, how it is stored.
fn column(row: &'static str) -> Option<Column> {
    let mut cells = row.trim_matches('|').split('|').map(str::trim);
    let column = Column {
        id: cells.next()?.parse().ok()?,
        name: cells.next()?,
        kind: match cells.next()? {
            "text" => Kind::Text,
            "integer" => Kind::Integer,
            "time" => Kind::Time,
            "fingerprint" => Kind::Fingerprint,
            "bytes" => Kind::Bytes,
            "list of texts" => Kind::TextList,
            _ => return None,
        },
        part: match cells.next()? {
            "facts" => Part::Facts,
            "content" => Part::Content,
            _ => return None,
        },
        stored: match cells.next()? {
            "repeated" => Stored::Repeated,
            "sought" => Stored::Sought,
            "ascending" => Stored::Ascending,
            "unique" => Stored::Unique,
            "long" => Stored::Long,
            _ => return None,
        },
    };
    cells.next().is_none().then_some(column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_page_is_a_column() {
        for (ledger, count_min) in [(LedgerName::Events, 67), (LedgerName::Operations, 8)] {
            let table = Table::of(ledger);
            let on_page: Vec<&str> = rows(ledger).filter(|row| !row.starts_with("|---")).collect();
            assert!(on_page.len() >= count_min, "{ledger}: {on_page:?}");
            assert_eq!(table.columns.len(), on_page.len(), "{ledger}");
            assert!(table.columns.windows(2).all(|pair| pair[0].id < pair[1].id), "{ledger}: an id stands there twice");
            for column in &table.columns {
                assert_eq!((table.by_id(column.id), table.by_name(column.name)), (Some(column), Some(column)));
            }
            assert!(table.sorted_by().iter().all(|name| table.by_name(name).is_some()));
        }
        assert_eq!(Table::of(LedgerName::Operations).time(), None);
        assert_eq!(Table::of(LedgerName::Events).time(), Some(1));
    }

    #[test]
    fn what_is_no_row_is_no_column() {
        for row in [
            "",
            "| id | name | kind | part | stored |",
            "|---|---|---|---|---|",
            "| 256 | a | text | facts | repeated |",
            "| 1 | a | word | facts | repeated |",
            "| 1 | a | text | facts |",
            "| 1 | a | text | facts | repeated | x |",
        ] {
            assert_eq!(column(row), None, "{row}");
        }
    }
}
