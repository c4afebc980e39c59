//! The SQL reference, made from the lists of columns, views and formats; `docs/sql.md` is this text.

use std::fmt::Write as _;

use ledger::{Kind, LedgerName, Part, Table};

use crate::limits;
use crate::output::Format;
use crate::views;

/// What stands before the tables.
const HEAD: &str = "# SQL

<!-- Made by `UPDATE_DOCS=1 cargo test -p query reference` from the lists in `query/src/views.rs`, `ledger/src/events.rs` and `ledger/src/operations.rs`. -->

`tachograph sql`, `POST /api/v1/query` and the SQL page answer the same questions: SELECT, EXPLAIN [ANALYZE], DESCRIBE and SHOW TABLES
over two tables and the views below, in the dialect of Apache DataFusion, which is close to PostgreSQL's. Nothing else runs: no statement
writes, and no file but the ledger's can be read. Every query reads one consistent view of all durable rows, a moment old.

* `position` names a row everywhere, such as `events/0/1204331`; `WHERE position = '…'` finds it at once.
* Narrow by `time`, `recorded` or `seq` first: whole segments are left out by their ranges. `session`, `workspace`, `host`, `interception`,
  `tool_call` (and `subject` in `operations`) are looked up by exact value through bloom filters.
* Columns marked *content* are made from prompts, commands, tool input and output. A token without the content permission does not
  have them: `SELECT *` leaves them out, and naming one is refused. With it, each query that reads them is an entry of `operations`.
* `SELECT *` returns every column, the technical `flags`, `cuts` and `content_raw` too.
* `from`, `to` and `end` need double quotes; `user` does not.
* Fields of JSON in `record` and `content` as in PostgreSQL: `record->>'field'` is text and `record->'field'` JSON, `record #>> '{a,b}'`
  follows a path, `record @> '{\"a\":1}'` asks what is contained, `record ? 'a'` (`?|`, `?&` with a list) which fields there are; they bind
  tighter than comparisons. JSON objects and lists are compared as such. Numbers need a cast, as in
  `(record->>'n')::bigint > 5`. Also `json_get_str(record, 'who', 'user')`, `json_get_int`, `json_get_bool`, `json_get_float`,
  `json_get_json`, `json_length`, `json_contains`, and `json_texts`, which makes a list of texts of a JSON list.
* `date_trunc('day', time, 'Europe/Berlin')` and `time AT TIME ZONE 'Europe/Berlin'` know zones; `to_char` takes the patterns of PostgreSQL and,
  if they have a `%`, those of `strftime`; `to_date` and `to_timestamp` read by the same. `\\d` and `\\d egress` work as in psql.
* Lists join: `JOIN events e ON e.position = ANY(a.evidence)`, `FROM alerts a, unnest(a.evidence) AS p(position)` (a column of a table or WITH,
  each value once), `unnest(evidence)` among the columns.
* Several feeds may tell of one call of a model: `spend` and `sessions` count its money and tokens once. In a query of your own
  `teller(source, family, trust, collector)` says whose word a row is, a greater text the more it is believed, and
  `sum_counted(number, teller, time)` sums over the rows of one session, in each hour those of the greatest.
* What somebody typed is recorded in `operations` (kind `query`) before it is read, and again when it ended, with the outcome in `to`: one
  without the second was running when the process ended. A query ends when its token is revoked.
* A mistake in the grammar or in the name of a column is told with its place (`at Line: 2, Column: 3`), which the SQL page marks.
* Analysts and administrators read everything, auditors `operations` and its views.
";

/// The whole reference as Markdown.
pub fn sql() -> String {
    let mut text = HEAD.to_owned();
    write_limits(&mut text);
    for ledger in LedgerName::ALL {
        write_table(&mut text, ledger);
    }
    text.push_str("\n## Views\n");
    for view in views::ALL {
        write_view(&mut text, view);
    }
    text.push_str("\n## Formats\n\n| name | media type | |\n|---|---|---|\n");
    for format in Format::ALL {
        push(&mut text, format_args!("| `{}` | `{}` | {} |\n", format.name(), format.media_type(), format.doc()));
    }
    text
}

fn write_limits(text: &mut String) {
    text.push_str("\n## Limits\n\nA query that reaches one ends in an error that says which; a result that is not whole never looks whole.\n\n");
    text.push_str("| | default | at most |\n|---|---|---|\n");
    let rows = [
        (
            "time",
            format!("{} s", limits::QUERY_TIME_DEFAULT.as_secs()),
            format!("{} s", limits::QUERY_TIME_MAX.as_secs()),
        ),
        ("rows of the result", limits::RESULT_ROWS_DEFAULT.to_string(), limits::RESULT_ROWS_MAX.to_string()),
        ("result in memory", mebibytes(limits::RESULT_BYTES_DEFAULT), mebibytes(limits::RESULT_BYTES_MAX)),
        (
            "memory for sorts, joins and aggregates",
            mebibytes(limits::QUERY_MEMORY_BYTES as u64),
            mebibytes(limits::QUERY_MEMORY_BYTES as u64),
        ),
        ("queries at the same time", limits::QUERIES_MAX.to_string(), limits::QUERIES_MAX.to_string()),
        ("bytes of SQL", limits::SQL_BYTES_MAX.to_string(), limits::SQL_BYTES_MAX.to_string()),
        ("operators in one chain", limits::SQL_CHAIN_MAX.to_string(), limits::SQL_CHAIN_MAX.to_string()),
        (
            "tables that a statement names",
            limits::SQL_TABLES_NAMED_MAX.to_string(),
            limits::SQL_TABLES_NAMED_MAX.to_string(),
        ),
        ("grouping sets", limits::SQL_GROUPING_SETS_MAX.to_string(), limits::SQL_GROUPING_SETS_MAX.to_string()),
    ];
    for (what, default, max) in rows {
        push(text, format_args!("| {what} | {default} | {max} |\n"));
    }
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}

fn write_table(text: &mut String, ledger: LedgerName) {
    let what = match ledger {
        LedgerName::Events => "what agents did",
        LedgerName::Operations => "what Tachograph and its people did",
    };
    push(text, format_args!("\n## `{ledger}`: {what}\n\n| column | type | |\n|---|---|---|\n"));
    let before = [
        ("position", "text", "Where the row stands; computed from `shard` and `seq`."),
        ("shard", "integer", "The shard: one log with one writer."),
        ("seq", "integer", "The sequence number in the shard, without gaps."),
        ("batch", "integer", "The batch whose header and tree cover the row."),
        ("recorded", "time", "When it was recorded; never decreases in a shard."),
        ("flags", "integer", "The leaf's flags: 1 if the row was recorded with content."),
    ];
    for (name, kind, doc) in before {
        push(text, format_args!("| `{name}` | {kind} | {doc} |\n"));
    }
    for column in Table::of(ledger).columns {
        let content = if column.part == Part::Content { ", *content*" } else { "" };
        push(text, format_args!("| `{}` | {}{content} | {} |\n", column.name, kind(column.kind), column.doc));
    }
}

const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text",
        Kind::Integer => "integer",
        Kind::Time => "time",
        Kind::Fingerprint => "unsigned",
        Kind::Bytes => "bytes",
        Kind::TextList => "list of text",
    }
}

fn write_view(text: &mut String, view: &views::View) {
    push(
        text,
        format_args!(
            "\n### `{}`\n\n{}\n\n```sql\n{};\n```\n\n| column | |\n|---|---|\n",
            view.name, view.doc, view.example
        ),
    );
    for column in view.columns {
        let content = if column.content { " *Content.*" } else { "" };
        push(text, format_args!("| `{}` | {}{content} |\n", column.name, view.column_doc(column)));
    }
}

/// Writing to a text cannot fail.
fn push(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    let _ = text.write_fmt(arguments);
}

#[cfg(test)]
mod tests {
    /// `UPDATE_DOCS=1 cargo test -p query reference` writes the file.
    #[test]
    fn the_file_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/sql.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs")).unwrap();
            std::fs::write(path, super::sql()).unwrap();
        }
        let file = std::fs::read_to_string(path).unwrap_or_default();
        assert!(file == super::sql(), "docs/sql.md is stale: run UPDATE_DOCS=1 cargo test -p query reference");
    }
}
