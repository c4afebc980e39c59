//! What somebody may ask: tables and views with their columns and types, and the functions of the engine. The page lists them, and
//! its editor completes from that list.

use std::collections::HashMap;

use ledger::{LedgerName, Part, Table};
use operations::access::Principal;
use query::views;
use serde_json::Value;

use crate::ask::text;
use crate::visit::Visit;

/// How much of a function's description is shown beside its name.
const DESCRIPTION_CHARACTERS_MAX: usize = 160;

/// Everything that a statement can name.
pub struct Schema {
    pub relations: Vec<Relation>,
    pub functions: Vec<Function>,
}

/// A table or view with its columns.
pub struct Relation {
    pub name: &'static str,
    pub doc: &'static str,
    pub columns: Vec<Column>,
    pub example: String,
}

/// One column of it.
pub struct Column {
    pub name: &'static str,
    pub doc: &'static str,
    /// The type in one word; empty if the engine did not say.
    pub kind: &'static str,
    pub is_content: bool,
}

/// A function of the engine.
pub struct Function {
    pub name: String,
    /// How it is called, and what it gives.
    pub doc: String,
}

impl Schema {
    /// For whoever looks. Without types and functions, if the engine has no time to list them: the page is about the answer.
    pub async fn of(visit: &Visit) -> Self {
        let types =
            "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'public'";
        let functions = "SELECT routine_name AS name, min(syntax_example) AS syntax, min(description) AS doc \
                         FROM information_schema.routines GROUP BY 1 ORDER BY 1";
        let (types, functions) = tokio::join!(visit.rows(types), visit.rows(functions));
        let types = types.unwrap_or_default();
        let types: HashMap<(&str, &str), &'static str> = types
            .iter()
            .map(|row| ((text(row, "table_name"), text(row, "column_name")), word_of(text(row, "data_type"))))
            .collect();
        Self {
            relations: relations(visit.principal(), |table, column| types.get(&(table, column)).copied()),
            functions: functions.unwrap_or_default().iter().map(Function::of).collect(),
        }
    }
}

/// Tables and views that somebody may ask.
fn relations(principal: &Principal, kind: impl Fn(&str, &str) -> Option<&'static str>) -> Vec<Relation> {
    let tables = LedgerName::ALL.into_iter().filter(|ledger| principal.may_read(*ledger)).map(|ledger| {
        let columns = Table::of(ledger).columns.iter().map(|column| Column {
            name: column.name,
            doc: column.doc,
            kind: kind(ledger.as_str(), column.name).unwrap_or_default(),
            is_content: column.part == Part::Content,
        });
        Relation {
            name: ledger.as_str(),
            doc: if ledger == LedgerName::Events { "What agents did." } else { "What Tachograph and its people did." },
            columns: columns.collect(),
            example: format!("SELECT * FROM {ledger} ORDER BY seq DESC LIMIT 100"),
        }
    });
    let views = views::ALL.iter().filter(|view| principal.may_read(view.ledger)).map(|view| Relation {
        name: view.name,
        doc: view.doc,
        columns: view
            .columns
            .iter()
            .map(|column| Column {
                name: column.name,
                doc: view.column_doc(column),
                kind: kind(view.name, column.name).unwrap_or_default(),
                is_content: column.content,
            })
            .collect(),
        example: view.example.to_owned(),
    });
    tables.chain(views).collect()
}

impl Function {
    fn of(row: &Value) -> Self {
        let (name, syntax) = (text(row, "name"), text(row, "syntax"));
        let sentence = text(row, "doc").trim().split(['\n']).next().unwrap_or_default();
        let sentence = sentence.split_inclusive(". ").next().unwrap_or_default().trim_end();
        let doc: String = sentence.chars().take(DESCRIPTION_CHARACTERS_MAX).collect();
        let call = if syntax.is_empty() { format!("{name}()") } else { syntax.to_owned() };
        Self { name: name.to_owned(), doc: format!("{call} {doc}").trim_end().to_owned() }
    }
}

/// The type of a column in one word, as results name it.
fn word_of(data_type: &str) -> &'static str {
    const WORDS: [(&str, &str); 14] = [
        ("Utf8", "text"),
        ("LargeUtf8", "text"),
        ("Boolean", "boolean"),
        ("Timestamp", "time"),
        ("Date", "time"),
        ("UInt", "integer"),
        ("Int", "integer"),
        ("Float", "number"),
        ("Decimal", "number"),
        ("List", "list"),
        ("LargeList", "list"),
        ("FixedSizeList", "list"),
        ("Binary", "bytes"),
        ("FixedSizeBinary", "bytes"),
    ];
    WORDS.iter().find(|(start, _)| data_type.starts_with(start)).map_or("", |(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn functions_are_told_in_one_sentence() {
        let check = |row: Value, expected: &str| assert_eq!(Function::of(&row).doc, expected, "{row}");
        check(
            json!({ "name": "abs", "syntax": "abs(n)", "doc": "\nAbsolute value. Of a number.\n\nMore" }),
            "abs(n) Absolute value.",
        );
        check(json!({ "name": "rank", "syntax": null, "doc": null }), "rank()");
        let long = Function::of(&json!({ "name": "f", "syntax": "f()", "doc": "é".repeat(500) }));
        assert_eq!(long.doc.chars().count(), 4 + DESCRIPTION_CHARACTERS_MAX);
    }

    #[test]
    fn types_are_words() {
        let check = |data_type: &str, expected: &str| assert_eq!(word_of(data_type), expected, "{data_type}");
        check("Utf8View", "text");
        check("Int64", "integer");
        check("UInt64", "integer");
        check("Timestamp(µs, \"UTC\")", "time");
        check("List(Utf8)", "list");
        check("Duration(s)", "");
    }
}
