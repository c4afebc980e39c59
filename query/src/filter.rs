//! Filters as SQL: the condition, and the whole statement behind "open as SQL".
//!
//! The condition says of the rows of a table what [`operations::filter::Filter::matches`] says of the same rows in memory. Names come
//! from lists of ours, and every text is a quoted literal: no part of a filter is ever read as SQL.

use ledger::{Kind, LedgerName, Part, Table, Timestamp};
use operations::filter::{
    Comparison, Filter, Pattern, Piece, Place, Source, Subject, Term, Test, Unit, time_text, words,
};

/// Joins the texts of a list; no text of a filter has it.
const SEPARATOR: char = '\u{1f}';
/// What has a meaning in a regular expression.
const OF_REGEX: &str = r"\.+*?()|[]{}^$#&-~";

/// The table or view that a subject is asked of.
pub const fn table(subject: Subject) -> &'static str {
    subject.as_str()
}

/// The condition that holds for the rows for which the filter holds at `now`; `content` says whether free text is also looked for in
/// content.
pub fn to_sql(filter: &Filter, subject: Subject, content: bool, now: Timestamp) -> String {
    if filter.is_empty() {
        return "true".to_owned();
    }
    let scope = Scope { subject, content, now };
    if subject == Subject::Sessions {
        return scope.sessions(filter.terms());
    }
    all(filter.terms().iter().map(|term| scope.term(term)))
}

/// The statement that lists the rows for which the filter holds, newest first.
pub fn statement(filter: &Filter, subject: Subject, content: bool, now: Timestamp) -> String {
    let order = match subject {
        Subject::Events => "time",
        Subject::Operations | Subject::Alerts => "recorded",
        Subject::Sessions => "ended",
    };
    let condition = to_sql(filter, subject, content, now);
    format!("SELECT * FROM {} WHERE {condition} ORDER BY {order} DESC LIMIT 1000", table(subject))
}

/// A text as a literal of SQL.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// What terms are asked of.
#[derive(Clone, Copy)]
struct Scope {
    subject: Subject,
    content: bool,
    now: Timestamp,
}

/// An expression, and what its values are.
struct Expression {
    sql: String,
    form: Form,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Number,
    Fingerprint,
    Texts,
}

impl Scope {
    /// A session's own columns are compared with it; a term about records asks whether the session has such a record. Those that must
    /// hold are asked of one record, each that must not hold of every record.
    fn sessions(self, terms: &[Term]) -> String {
        let of_session = |term: &&Term| match &term.test {
            Test::Since(_) | Test::Until(_) => true,
            Test::Is(Place::Word(word), _) | Test::Compare(Place::Word(word), ..) => !word.sessions.is_empty(),
            Test::Text(_) | Test::Is(..) | Test::Compare(..) => false,
        };
        let records = Self { subject: Subject::Events, ..self };
        let (own, others): (Vec<&Term>, Vec<&Term>) = terms.iter().partition(of_session);
        let mut conditions: Vec<String> = own.into_iter().map(|term| self.term(term)).collect();
        let (without, with): (Vec<&Term>, Vec<&Term>) = others.into_iter().partition(|term| term.negated);
        let having = |condition: &str| format!("SELECT session FROM events WHERE session IS NOT NULL AND {condition}");
        if !with.is_empty() {
            conditions.push(format!("session IN ({})", having(&all(with.into_iter().map(|term| records.term(term))))));
        }
        conditions.extend(without.into_iter().map(|term| {
            let held = Term { negated: false, test: term.test.clone() };
            format!("session NOT IN ({})", having(&records.term(&held)))
        }));
        all(conditions.into_iter())
    }

    fn term(self, term: &Term) -> String {
        let condition = match &term.test {
            Test::Text(pattern) => self.text(pattern),
            Test::Is(place, patterns) => {
                let expressions = self.expressions(place);
                any(patterns.iter().map(|pattern| is(&expressions, pattern)))
            }
            Test::Compare(place, comparison, number) => self.compare(place, *comparison, *number),
            Test::Since(moment) => format!("{} >= {}", self.span().1, quoted(&time_text(moment.begin(self.now)))),
            Test::Until(moment) => format!("{} < {}", self.span().0, quoted(&time_text(moment.end(self.now)))),
        };
        // What is unknown does not hold, and so its opposite does.
        if term.negated { format!("({condition}) IS NOT TRUE") } else { condition }
    }

    /// The columns of the first and of the last moment.
    const fn span(self) -> (&'static str, &'static str) {
        match self.subject {
            Subject::Events => ("time", "time"),
            Subject::Operations => ("recorded", "recorded"),
            Subject::Alerts => ("first_seen", "last_seen"),
            Subject::Sessions => ("started", "ended"),
        }
    }

    fn text(self, pattern: &Pattern) -> String {
        let of = |ledger, ids: &[u8]| -> Vec<&'static str> {
            let columns = ids.iter().filter_map(|id| Table::of(ledger).by_id(*id));
            columns.filter(|column| self.content || column.part == Part::Facts).map(|column| column.name).collect()
        };
        let columns = match self.subject {
            Subject::Events | Subject::Sessions => of(LedgerName::Events, &words::SEARCHED_EVENTS),
            Subject::Operations => of(LedgerName::Operations, &words::SEARCHED_OPERATIONS),
            Subject::Alerts => words::SEARCHED_ALERTS.to_vec(),
        };
        let found = |column: &str| match pattern.as_literal() {
            Some(text) => format!("strpos(lower(\"{column}\"), {}) > 0", quoted(text)),
            None => format!("lower(\"{column}\") LIKE {}", quoted(&format!("%{}%", like(pattern)))),
        };
        any(columns.into_iter().map(found))
    }

    fn compare(self, place: &Place, comparison: Comparison, number: i64) -> String {
        if self.subject == Subject::Sessions && place.name() == "alerts" {
            return alerts(comparison, number);
        }
        any(self.expressions(place).into_iter().map(|expression| match expression.form {
            Form::Number => format!("{} {} {number}", expression.sql, comparison.as_str()),
            // A text is no number: nothing is compared with one.
            Form::Text | Form::Fingerprint | Form::Texts => "false".to_owned(),
        }))
    }

    /// The expressions of a place: of several each has values of it.
    fn expressions(self, place: &Place) -> Vec<Expression> {
        let ledger = match self.subject {
            Subject::Events => LedgerName::Events,
            Subject::Operations => LedgerName::Operations,
            Subject::Alerts | Subject::Sessions => return self.of_view(place),
        };
        let source = match (place, ledger) {
            (Place::Word(word), LedgerName::Events) => word.events,
            (Place::Word(word), LedgerName::Operations) => word.operations,
            (Place::Record(field), _) => return of_record(field),
            (Place::Column { .. }, _) => Source::None,
        };
        if let Source::Record(field) = source {
            return of_record(field);
        }
        let ids = place.ids(ledger);
        let columns: Vec<Expression> =
            ids.iter().filter_map(|id| Table::of(ledger).by_id(*id)).map(of_column).collect();
        if matches!(source, Source::First(_)) {
            let names: Vec<&str> = columns.iter().map(|column| column.sql.as_str()).collect();
            return vec![Expression { sql: format!("coalesce({})", names.join(", ")), form: Form::Text }];
        }
        columns
    }

    fn of_view(self, place: &Place) -> Vec<Expression> {
        let Place::Word(word) = place else { return Vec::new() };
        let columns = if self.subject == Subject::Alerts { word.alerts } else { word.sessions };
        let form = |column: &str| match word.unit {
            _ if column == "tags" => Form::Texts,
            Unit::Text | Unit::Rank(_) => Form::Text,
            Unit::Count | Unit::Dollars | Unit::Duration | Unit::Bytes => Form::Number,
        };
        columns.iter().map(|column| Expression { sql: format!("\"{column}\""), form: form(column) }).collect()
    }
}

/// How many alerts a session has is known to another view; one that is not in it has none.
fn alerts(comparison: Comparison, number: i64) -> String {
    let of_alerts = "SELECT session FROM alerts WHERE session IS NOT NULL";
    let counted = format!("session IN ({of_alerts} GROUP BY session HAVING count(*) {} {number})", comparison.as_str());
    if comparison.holds(0, number) { format!("({counted} OR session NOT IN ({of_alerts}))") } else { counted }
}

fn of_column(column: &'static ledger::Column) -> Expression {
    let form = match column.kind {
        Kind::Integer => Form::Number,
        Kind::Fingerprint => Form::Fingerprint,
        Kind::TextList => Form::Texts,
        Kind::Text | Kind::Time | Kind::Bytes => Form::Text,
    };
    Expression { sql: format!("\"{}\"", column.name), form }
}

/// A field of the record: a text, a whole number, or a truth.
fn of_record(field: &str) -> Vec<Expression> {
    let field = quoted(field);
    let forms = [
        format!("json_get_str(record, {field})"),
        format!("CAST(json_get_int(record, {field}) AS VARCHAR)"),
        format!("CAST(json_get_bool(record, {field}) AS VARCHAR)"),
    ];
    forms.into_iter().map(|sql| Expression { sql, form: Form::Text }).collect()
}

fn is(expressions: &[Expression], pattern: &Pattern) -> String {
    if pattern.is_empty() {
        return all(expressions.iter().map(is_missing));
    }
    any(expressions.iter().map(|expression| fits(expression, pattern)))
}

fn joined(list: &str) -> String {
    format!("array_to_string({list}, {})", quoted(&SEPARATOR.to_string()))
}

/// There is no value.
fn is_missing(Expression { sql, form }: &Expression) -> String {
    match form {
        Form::Text => format!("({sql} IS NULL OR {sql} = '')"),
        Form::Number | Form::Fingerprint => format!("{sql} IS NULL"),
        Form::Texts => format!("coalesce({}, '') = ''", joined(sql)),
    }
}

fn fits(Expression { sql, form }: &Expression, pattern: &Pattern) -> String {
    if pattern.is_any() {
        return match form {
            Form::Text => format!("{sql} <> ''"),
            Form::Number | Form::Fingerprint => format!("{sql} IS NOT NULL"),
            Form::Texts => format!("{} <> ''", joined(sql)),
        };
    }
    match (form, pattern.as_literal()) {
        (Form::Text, Some(text)) => format!("{sql} = {}", quoted(text)),
        (Form::Texts, Some(text)) => format!("array_has({sql}, {})", quoted(text)),
        (Form::Number, Some(text)) if text.parse::<i64>().is_ok_and(|number| number.to_string() == text) => {
            format!("{sql} = {text}")
        }
        (Form::Text, None) => format!("{sql} LIKE {}", quoted(&like(pattern))),
        (Form::Texts, None) => format!("regexp_like({}, {})", joined(sql), quoted(&element(pattern))),
        (Form::Number | Form::Fingerprint, Some(text)) => format!("CAST({sql} AS VARCHAR) = {}", quoted(text)),
        (Form::Number | Form::Fingerprint, None) => format!("CAST({sql} AS VARCHAR) LIKE {}", quoted(&like(pattern))),
    }
}

/// The pattern as LIKE has it.
fn like(pattern: &Pattern) -> String {
    let piece = |piece| match piece {
        Piece::Any => "%".to_owned(),
        Piece::Text(text) => text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"),
    };
    pattern.pieces().map(piece).collect()
}

/// The regular expression that finds one text of a joined list that fits.
fn element(pattern: &Pattern) -> String {
    let piece = |piece| match piece {
        Piece::Any => format!("[^{SEPARATOR}]*"),
        Piece::Text(text) => {
            let escaped = |char: char| if OF_REGEX.contains(char) { format!("\\{char}") } else { char.to_string() };
            text.chars().map(escaped).collect()
        }
    };
    format!("(^|{SEPARATOR}){}({SEPARATOR}|$)", pattern.pieces().map(piece).collect::<String>())
}

fn all(conditions: impl Iterator<Item = String>) -> String {
    let conditions: Vec<String> = conditions.collect();
    if conditions.is_empty() { "true".to_owned() } else { conditions.join(" AND ") }
}

fn any(conditions: impl Iterator<Item = String>) -> String {
    let conditions: Vec<String> = conditions.collect();
    match &conditions[..] {
        [] => "false".to_owned(),
        [one] => one.clone(),
        several => format!("({})", several.join(" OR ")),
    }
}

#[cfg(test)]
mod tests {
    use ledger::events::column as event;
    use ledger::{Entry, LedgerName, ReadLimit, Seq};
    use proptest::prelude::*;
    use proptest::test_runner::{Config, TestRunner};

    use super::*;
    use crate::fixtures::{Ledgers, ask, event as row, request};
    use crate::output::Format;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_262_410);

    #[test]
    fn texts_are_literals_and_names_are_ours() {
        let check = |text: &str, subject, expected: &str| {
            let filter = Filter::parse_for(subject, text).unwrap();
            assert_eq!(to_sql(&filter, subject, false, NOW), expected, "{text}");
        };
        check("", Subject::Events, "true");
        check("user:o'hara", Subject::Events, "\"user\" = 'o''hara'");
        check(r"path:/a_*%\", Subject::Events, r"path LIKE '/a\_%\%\\'".replace("path", "\"path\"").as_str());
        check("-cost>5", Subject::Events, "(\"cost_micros\" > 5000000) IS NOT TRUE");
        check("since:5s", Subject::Events, "time >= '2026-11-21T12:00:05Z'");
        check(
            "team:red cost>1 host:x -kind:command",
            Subject::Sessions,
            "\"team\" = 'red' AND \"cost_micros\" > 1000000 AND session IN (SELECT session FROM events WHERE session IS NOT NULL AND \
             \"host\" = 'x') AND session NOT IN (SELECT session FROM events WHERE session IS NOT NULL AND \"kind\" = 'command')",
        );
        let filter = Filter::parse("team:red").unwrap();
        let sql = "SELECT * FROM alerts WHERE \"team\" = 'red' ORDER BY recorded DESC LIMIT 1000";
        assert_eq!(statement(&filter, Subject::Alerts, false, NOW), sql);
    }

    fn any_row() -> impl Strategy<Value = Entry> {
        let word =
            || prop::option::of(prop::sample::select(vec!["a", "ab", "B%", "a_b", "x'y", "é", "deny", "\n", "\\"]));
        let number = || prop::option::of(-2_i64..12);
        (0_i64..20, [word(), word(), word(), word()], [number(), number()], prop::collection::vec("[ab.]{1,2}", 0..3))
            .prop_map(|(second, [host, domain, user, command], [status, cost], effects)| {
                let mut entry = row(second, "command", &[]);
                entry.set_text_if(event::HOST, host);
                entry.set_text_if(event::DOMAIN, domain);
                entry.set_text_if(event::USER, user);
                entry.set_text_if(event::COMMAND, command);
                if let Some(status) = status {
                    entry.set_integer(event::STATUS, status);
                    entry.set_fingerprint(event::ACTION_FP, status.cast_unsigned());
                }
                if let Some(cost) = cost {
                    entry.set_integer(event::COST_MICROS, cost * 500_000);
                }
                if !effects.is_empty() {
                    entry.set_list(event::EFFECTS, effects.iter().map(String::as_str));
                }
                entry.set_text(event::RECORD, &format!(r#"{{"level":{},"ok":true}}"#, serde_json::json!(user)));
                entry
            })
    }

    fn any_filter() -> impl Strategy<Value = String> {
        let value = || "(\\*?(a|b|B%|_|'|é|\"\\\\\\\\\"|\"\\*\"|1|0|true)\\*?|\\*|\"\")";
        let name = prop::sample::select(vec![
            "host",
            "domain",
            "user",
            "workspace",
            "command",
            "status",
            "action_fp",
            "effects",
            "record.level",
            "record.ok",
        ]);
        let is = (name, value(), value()).prop_map(|(name, a, b)| format!("{name}:{a},{b}"));
        let compared =
            (prop::sample::select(vec!["status", "cost"]), prop::sample::select(vec![">", ">=", "<", "<="]), 0..5_u8)
                .prop_map(|(name, sign, number)| format!("{name}{sign}{number}"));
        let others = prop::sample::select(vec![
            "cost:*",
            "cost:\"\"",
            "since:5s",
            "until:3s",
            "ab",
            "a*b",
            "\"%\"",
            "É",
            "cost:1",
        ]);
        let term = ("-?", prop_oneof![is, compared, others.prop_map(str::to_owned)]);
        let term = term.prop_map(
            |(minus, term)| if term.contains("since") || term.contains("until") { term } else { minus + &term },
        );
        prop::collection::vec(term, 1..4).prop_map(|terms| terms.join(" "))
    }

    #[test]
    fn the_engine_finds_the_rows_for_which_a_filter_holds() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let mut runner = TestRunner::new(Config { cases: 6, ..Config::default() });
        let strategy = (prop::collection::vec(any_row(), 1..40), prop::collection::vec(any_filter(), 25));
        runner
            .run(&strategy, |(rows, filters)| {
                let ledgers = Ledgers::new(1 << 20);
                runtime.block_on(ledgers.append(LedgerName::Events, rows, 10));
                let engine = ledgers.engine();
                let limit = ReadLimit { rows: 100, bytes: 1 << 20 };
                let read = engine.reader(LedgerName::Events).read(Seq::FIRST, true, limit).unwrap();
                for text in filters {
                    let filter = Filter::parse_for(Subject::Events, &text).unwrap();
                    let expected: Vec<u64> =
                        read.iter().filter(|row| filter.matches(row, NOW)).map(|row| row.position.seq.get()).collect();
                    let condition = to_sql(&filter, Subject::Events, true, NOW);
                    let sql = format!("SELECT seq FROM events WHERE {condition} ORDER BY seq");
                    let answer = runtime.block_on(ask(&engine, request(&sql), Format::Csv));
                    let answer = answer.unwrap_or_else(|error| panic!("{text}\n{sql}\n{error}"));
                    let found: Vec<u64> = answer.lines().skip(1).map(|line| line.parse().unwrap()).collect();
                    prop_assert_eq!(found, expected, "{}\n{}", text, sql);
                }
                Ok(())
            })
            .unwrap();
    }
}
