//! SQL: a question in the address, its answer as a grid and a picture, what it cost, and exports of everything with a manifest.

mod chart;
mod gallery;
mod schema;

use std::sync::Arc;

use api::Peer;
use askama::Template;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Path};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Form, Router};
use ledger::LedgerName;
use operations::filter::{Filter, Subject};
use query::AccessCheck;
use serde_json::{Value, json};
use tokio::task::spawn_blocking;
use tokio_util::io::ReaderStream;

use super::{Group, Page};
use crate::ask::{list, number, text};
use crate::export::{FORMATS, Job, JobState};
use crate::frame::Frame;
use crate::trouble::{self, Trouble};
use crate::visit::{Visit, address};
use crate::{State, figures, limits};
use chart::Chart;
use schema::Schema;

pub use gallery::QUERIES;

/// The page.
pub const PAGE: Page = Page {
    name: "SQL",
    path: "/sql",
    icon: "sql",
    group: Group::Prove,
    key: 'q',
    reads: LedgerName::Operations,
    routes,
};

fn routes() -> Router<State> {
    let body = DefaultBodyLimit::max(limits::FORM_BYTES_MAX);
    Router::new()
        .route("/sql", get(show).post(post_show))
        .route("/export", get(export_of_filter).post(export))
        .route("/exports/{id}/file", get(file))
        .route("/exports/{id}/manifest", get(manifest))
        .layer(body)
}

#[derive(Template)]
#[template(path = "sql.html")]
struct SqlPage {
    frame: Frame,
    sql: String,
    result: Option<Answer>,
    trouble: Option<Trouble>,
    /// The line and the column that the trouble names.
    place: Option<(u32, u32)>,
    gallery: Vec<Shelf>,
    schema: Schema,
    jobs: Vec<JobRow>,
    content: bool,
    time_max: String,
    memory_max: String,
}

/// The answer to a question.
struct Answer {
    columns: Vec<(String, String, bool)>,
    rows: Vec<Vec<Cell>>,
    /// Whether there are more rows than the page shows.
    is_cut: bool,
    elapsed_ms: i64,
    scanned_rows: i64,
    scanned_bytes: String,
    query: String,
    chart: Option<Chart>,
    plan: Option<String>,
}

struct Cell {
    text: String,
    is_null: bool,
    /// Where a position leads.
    address: Option<String>,
}

/// The queries of the gallery below one heading: their names, addresses, and whether one is the page's.
struct Shelf {
    group: &'static str,
    queries: Vec<(&'static str, String, bool)>,
}

struct JobRow {
    id: u64,
    name: String,
    sql: String,
    state: &'static str,
    text: String,
    is_ready: bool,
}

async fn show(visit: Visit) -> Result<Response, Trouble> {
    let sql = match visit.parameter("sql") {
        Some(sql) => sql.to_owned(),
        None => of_filter(&visit)?.unwrap_or_default(),
    };
    page(&visit, sql).await
}

/// A statement that is too long for an address.
async fn post_show(visit: Visit, Form(fields): Form<Vec<(String, String)>>) -> Result<Response, Trouble> {
    let sql = fields.into_iter().find(|(name, _)| name == "sql").map(|(_, sql)| sql).unwrap_or_default();
    // Forms send lines with two characters at their end.
    let sql = sql.replace("\r\n", "\n");
    if sql.len() < 4_000 {
        return Ok(Redirect::to(&address("/sql", [("sql", sql.as_str())])).into_response());
    }
    page(&visit, sql).await
}

/// The statement for a filter of another page: `what` says of which.
fn of_filter(visit: &Visit) -> Result<Option<String>, Trouble> {
    let subject = match visit.parameter("what") {
        Some("alerts") => Subject::Alerts,
        Some("sessions") => Subject::Sessions,
        Some("events") => Subject::Events,
        Some("operations") => Subject::Operations,
        _ => return Ok(None),
    };
    let wrong =
        |error: operations::filter::FilterError| Trouble::new(StatusCode::BAD_REQUEST, "filter", error.to_string());
    let filter = Filter::parse_for(subject, visit.filter()).map_err(wrong)?;
    let now = ledger::TimeSource::now(&ledger::SystemClock);
    Ok(Some(query::filter::statement(&filter, subject, visit.principal().content, now)))
}

async fn page(visit: &Visit, sql: String) -> Result<Response, Trouble> {
    if sql.len() > limits::SQL_BYTES_MAX {
        return Err(Trouble::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "request",
            format!("a statement has {} bytes at most", limits::SQL_BYTES_MAX),
        ));
    }
    let frame = Frame::of(visit, &PAGE).await?;
    // What stands before the statement stays, so that places in it are those of the editor.
    let (result, trouble) = match sql.trim_end() {
        blank if blank.trim_start().is_empty() => (None, None),
        statement => match ask(visit, statement).await {
            Ok(answer) => (Some(answer), None),
            Err(trouble) if trouble.status.is_server_error() && trouble.code == "internal" => return Err(trouble),
            Err(trouble) => (None, Some(trouble)),
        },
    };
    let mut gallery: Vec<Shelf> = Vec::new();
    for query in QUERIES {
        let item = (query.name, address("/sql", [("sql", query.sql)]), query.sql == sql);
        match gallery.last_mut().filter(|shelf| shelf.group == query.group) {
            Some(shelf) => shelf.queries.push(item),
            None => gallery.push(Shelf { group: query.group, queries: vec![item] }),
        }
    }
    let principal = visit.principal();
    trouble::page(&SqlPage {
        schema: Schema::of(visit).await,
        place: trouble.as_ref().and_then(|trouble| place_in(&trouble.detail)),
        jobs: visit.state.exports.of(principal).into_iter().map(JobRow::of).collect(),
        content: principal.content,
        time_max: figures::duration(query::limits::QUERY_TIME_DEFAULT.as_secs() as i64),
        memory_max: format!("{} MiB", query::limits::QUERY_MEMORY_BYTES >> 20),
        sql,
        result,
        trouble,
        gallery,
        frame,
    })
}

/// Runs a statement as somebody typed it, which is recorded, and reads as many rows as the page shows.
async fn ask(visit: &Visit, statement: &str) -> Result<Answer, Trouble> {
    let bare = statement.trim_end().trim_end_matches(';');
    let word = bare.split_whitespace().find(|word| !word.starts_with("--")).unwrap_or_default().to_lowercase();
    let ask = async |sql: String, rows: usize| {
        let answer =
            visit.typed("/api/v1/query", &json!({ "sql": sql, "format": "json", "limits": { "rows": rows } })).await?;
        match answer.get("error").filter(|error| error.is_object()) {
            Some(error) => Err(Trouble::from_problem(StatusCode::UNPROCESSABLE_ENTITY, error)),
            None => Ok(answer),
        }
    };
    let rows_max = limits::GRID_ROWS_MAX;
    let answer = match ask(bare.to_owned(), rows_max + 1).await {
        // One row more than are shown, so that it can be said that there are more. A statement with a limit of its own is asked as a
        // table.
        Err(trouble) if trouble.code == "limit_rows" => {
            match ask(format!("{bare}\nLIMIT {}", rows_max + 1), rows_max + 1).await {
                Err(trouble) if trouble.code == "sql" => {
                    ask(format!("SELECT * FROM (\n{bare}\n) LIMIT {}", rows_max + 1), rows_max + 1).await?
                }
                answer => answer?,
            }
        }
        answer => answer?,
    };
    let columns: Vec<(String, String, bool)> = list(&answer, "columns")
        .iter()
        .map(|column| {
            let kind = text(column, "type").to_owned();
            let is_number =
                ["int", "number", "float", "decimal", "double"].iter().any(|word| kind.to_lowercase().contains(word));
            (text(column, "name").to_owned(), kind, is_number)
        })
        .collect();
    let rows = list(&answer, "rows");
    let cell = |value: &Value| match value {
        Value::Null => Cell { text: String::new(), is_null: true, address: None },
        Value::String(text) => Cell { address: place(text), text: text.clone(), is_null: false },
        other => Cell { text: other.to_string(), is_null: false, address: None },
    };
    let shown = rows.iter().take(limits::GRID_ROWS_MAX);
    let shown = shown.map(|row| columns.iter().map(|(name, ..)| cell(&row[name.as_str()])).collect());
    let statistics = &answer["statistics"];
    Ok(Answer {
        is_cut: rows.len() > limits::GRID_ROWS_MAX,
        chart: Chart::of(&columns, rows),
        rows: shown.collect(),
        elapsed_ms: number(statistics, "elapsed_ms"),
        scanned_rows: number(statistics, "scanned_rows"),
        scanned_bytes: figures::bytes(number(statistics, "scanned_bytes")),
        query: text(&answer, "query").to_owned(),
        plan: (word == "explain").then(|| plan(rows)),
        columns,
    })
}

/// The texts of a plan.
fn plan(rows: &[Value]) -> String {
    rows.iter().map(|row| text(row, "plan")).collect::<Vec<_>>().join("\n\n")
}

/// The line and the column that an error names at its end, as the parser and the planner write them.
fn place_in(detail: &str) -> Option<(u32, u32)> {
    let (line, rest) = detail.rsplit_once("Line: ")?.1.split_once(", Column: ")?;
    let digits = rest.split(|character: char| !character.is_ascii_digit()).next()?;
    Some((line.parse().ok()?, digits.parse().ok()?))
}

/// The page of a position, if a text is one.
fn place(text: &str) -> Option<String> {
    let position: ledger::Position = text.parse().ok()?;
    (position.ledger == LedgerName::Events).then(|| format!("/records/{position}"))
}

impl JobRow {
    fn of(job: Job) -> Self {
        let (state, text, is_ready) = match &job.state {
            JobState::Running(bytes) => ("Running", figures::bytes(*bytes as i64), false),
            JobState::Ready(manifest) => (
                "Ready",
                format!(
                    "{} rows, {}",
                    figures::count(number(manifest, "rows")),
                    figures::bytes(number(manifest, "bytes"))
                ),
                true,
            ),
            JobState::Failed(reason) => ("Failed", reason.clone(), false),
        };
        Self { id: job.id, name: job.name, sql: job.sql, state, text, is_ready }
    }
}

/// Begins an export of everything that a statement gives.
async fn export(visit: Visit, Form(fields): Form<Vec<(String, String)>>) -> Result<Response, Trouble> {
    let field = |name: &str| {
        fields.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str()).unwrap_or_default()
    };
    begin(&visit, field("sql").to_owned(), field("format")).await
}

/// Shows what an export of another page's list would be: the statement, to begin it with.
async fn export_of_filter(visit: Visit) -> Result<Response, Trouble> {
    let sql = of_filter(&visit)?.unwrap_or_default().replace(" LIMIT 1000", "");
    Ok(Redirect::to(&format!("{}#export", address("/sql", [("sql", sql.as_str())]))).into_response())
}

async fn begin(visit: &Visit, sql: String, format: &str) -> Result<Response, Trouble> {
    let format = FORMATS.iter().find(|(known, _)| known.name() == format).map(|(format, _)| *format);
    let format = format.ok_or_else(|| Trouble::new(StatusCode::BAD_REQUEST, "request", "There is no such format."))?;
    let peer: Peer = visit.peer();
    let access = AccessCheck::while_true(move || peer.stands());
    let next = format!("{}#export", address("/sql", [("sql", sql.as_str())]));
    let (exports, principal) = (visit.state.exports.clone(), Arc::clone(visit.principal()));
    // It makes a file and may remove old ones, which blocks.
    let begun = spawn_blocking(move || exports.begin(&sql, format, &principal, access)).await;
    begun
        .map_err(|error| Trouble::internal(&error))?
        .map_err(|error| Trouble::new(StatusCode::SERVICE_UNAVAILABLE, "export", error.to_string()))?;
    Ok(Redirect::to(&next).into_response())
}

/// The export of this number, if it is whole and the person's own.
fn ready(visit: &Visit, id: u64) -> Result<(Job, Arc<Value>), Trouble> {
    let unknown =
        || Trouble::new(StatusCode::NOT_FOUND, "export", "There is no such export, or it is not ready, or it is gone.");
    let job = visit.state.exports.get(id, visit.principal()).ok_or_else(unknown)?;
    match &job.state {
        JobState::Ready(manifest) => Ok((job.clone(), Arc::clone(manifest))),
        _ => Err(unknown()),
    }
}

async fn file(visit: Visit, Path(id): Path<u64>) -> Result<Response, Trouble> {
    let (job, _) = ready(&visit, id)?;
    let file = visit.state.exports.open(&job).await.map_err(|error| Trouble::internal(&error))?;
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", job.name)),
    ];
    Ok((headers, Body::from_stream(ReaderStream::new(file))).into_response())
}

async fn manifest(visit: Visit, Path(id): Path<u64>) -> Result<Response, Trouble> {
    let (job, manifest) = ready(&visit, id)?;
    let headers = [
        (header::CONTENT_TYPE, "application/json".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}.manifest.json\"", job.name)),
    ];
    Ok((headers, format!("{:#}\n", *manifest)).into_response())
}

#[cfg(test)]
mod tests {
    use super::place_in;

    #[test]
    fn a_place_is_the_last_that_an_error_names() {
        let check = |detail: &str, expected: Option<(u32, u32)>| assert_eq!(place_in(detail), expected, "{detail}");
        check("SQL error: ParserError(\"Expected: end of statement, found: c at Line: 2, Column: 6\")", Some((2, 6)));
        check(
            "Schema error: No field named foo. It stands at Line: 1, Column: 14.\nValid fields are a, b.",
            Some((1, 14)),
        );
        check("found: 'Line: 9, Column: 9' at Line: 3, Column: 1", Some((3, 1)));
        check("Line: x, Column: 1", None);
        check("Line: 99999999999, Column: 1", None);
        check("table 'egres' not found", None);
    }
}
