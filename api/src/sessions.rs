//! `/api/v1/sessions…`: the list of sessions, one session in lanes, and its records in order with what people and detectors said
//! about them.
//!
//! Content is read only for who asks for it with `content=true` and may read it, and that is recorded.

mod alerts;
mod page;

use axum::extract::{self, Path, Query};
use axum::response::Response;
use ledger::{LedgerName, Timestamp};
use operations::filter::{Filter, Subject, time_text};
use query::sessions::{Cursor, LANES, Listed, Overview, Totals};
use query::{AccessCheck, Asker, QueryError};
use serde_json::{Map, Value, json};

use super::alerts::{Parameters, json as answer, now, page_parameter, read};
use super::authorized::Authorized;
use super::{Problem, State};
use crate::limits;
use alerts::{AlertsOf, alerts_of};

pub(super) use alerts::evidence;
pub(super) use page::{line, records};

/// Whoever asks for a page.
pub(super) fn asker(authorized: Authorized) -> Asker {
    let principal = std::sync::Arc::clone(&authorized.principal);
    Asker { principal, access: AccessCheck::while_true(move || authorized.still_stands()) }
}

/// The parameters, each once, of which only these are known.
pub(super) struct Given(Vec<(String, String)>);

impl Given {
    pub(super) fn read(parameters: Parameters, known: &[&str]) -> Result<Self, Problem> {
        let Query(parameters) = parameters.map_err(|rejection| Problem::request(rejection.body_text()))?;
        match parameters.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            Some((name, _)) => {
                Err(Problem::request(format!("there is no parameter {name:?}; there are {}", known.join(", "))))
            }
            None => Ok(Self(parameters)),
        }
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(other, _)| other == name)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    pub(super) fn flag(&self, name: &str) -> Result<bool, Problem> {
        match self.text(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => Err(Problem::request(format!("{name} {other:?} is neither true nor false"))),
        }
    }

    pub(super) fn number(&self, name: &str, default: usize, max: usize) -> Result<usize, Problem> {
        let Some(text) = self.text(name) else { return Ok(default) };
        let wrong = || Problem::request(format!("{name} {text:?} is not a number from 1 to {max}"));
        text.parse().ok().filter(|number| (1..=max).contains(number)).ok_or_else(wrong)
    }

    pub(super) fn filter(&self, subject: Subject) -> Result<Filter, Problem> {
        let filter = Filter::parse_for(subject, self.text("filter").unwrap_or_default());
        filter.map_err(|error| Problem::request(error.to_string()))
    }
}

/// Refuses content to who may not read it.
pub(super) fn check_content(authorized: &Authorized, wants: bool) -> Result<(), Problem> {
    let principal = &authorized.principal;
    if !wants || principal.content {
        return Ok(());
    }
    Err(QueryError::ContentDenied { column: "content".to_owned(), principal: principal.name.clone() }.into())
}

pub(super) async fn list(
    extract::State(state): extract::State<State>,
    authorized: Authorized,
    parameters: Parameters,
) -> Result<Response, Problem> {
    authorized.check_read(LedgerName::Events, "sessions")?;
    let given = Given::read(parameters, &["filter", "cursor", "limit", "content"])?;
    let (mut limit, mut unread) = (limits::PAGE_DEFAULT, None);
    if let Some(text) = given.text("limit") {
        let _ = page_parameter("limit", text, &mut limit, &mut unread)?;
    }
    let (filter, content) = (given.filter(Subject::Sessions)?, given.flag("content")?);
    check_content(&authorized, content)?;
    let cursor = given.text("cursor").map(parse_cursor).transpose()?;
    let reads_alerts = authorized.principal.may_read(LedgerName::Operations);
    let asker = asker(authorized);
    let asked = (limit + 1, content);
    let (mut rows, totals) =
        query::sessions::list(&state.engine, &asker, (&filter, now()), cursor.as_ref(), asked).await?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|last| format!("{}.{}", last.last, last.session));
    let ids: Vec<String> = rows.iter().map(|row| row.session.clone()).collect();
    let alerts = if reads_alerts { Some(read(&state, move |triage, _| alerts_of(triage, &ids)).await?) } else { None };
    let of = |id: &str| alerts.as_ref().map(|alerts| alerts.get(id).cloned().unwrap_or_default());
    let sessions: Vec<Value> = rows.iter().map(|row| Value::Object(session(row, of(&row.session)))).collect();
    let Totals { sessions: count, records, denied, cost_micros, unpriced } = totals;
    let totals = json!({ "sessions": count, "records": records, "denied": denied, "cost_micros": cost_micros, "unpriced": unpriced });
    let sql = query::filter::statement(&filter, Subject::Sessions, content, now());
    Ok(answer(
        &json!({ "sessions": sessions, "totals": totals, "next": next, "filter": filter.to_string(), "sql": sql }),
    ))
}

fn parse_cursor(text: &str) -> Result<Cursor, Problem> {
    let parsed = text.split_once('.').and_then(|(last, session)| Some((last.parse().ok()?, session)));
    let (last, session) = parsed.ok_or_else(|| Problem::request("the cursor is not one that a page ended with"))?;
    Ok(Cursor { last, session: session.to_owned() })
}

/// A moment in microseconds as the API writes it.
pub(super) fn moment(micros: i64) -> String {
    time_text(Timestamp::from_unix_micros(micros))
}

/// A session as lists show it; its alerts only for who may read them.
fn session(row: &Listed, alerts: Option<AlertsOf>) -> Map<String, Value> {
    let mut shown = match serde_json::to_value(row) {
        Ok(Value::Object(object)) => object,
        _ => Map::new(),
    };
    shown.insert("started".to_owned(), moment(row.started).into());
    shown.insert("last".to_owned(), moment(row.last).into());
    shown.insert("has_end".to_owned(), row.has_end.unwrap_or(false).into());
    let alerts = alerts.map(|alerts| json!({ "count": alerts.count, "open": alerts.open, "worst": alerts.worst.map(operations::alert::Severity::as_str) }));
    shown.insert("alerts".to_owned(), alerts.into());
    shown
}

pub(super) async fn show(
    extract::State(state): extract::State<State>,
    authorized: Authorized,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    authorized.check_read(LedgerName::Events, "sessions")?;
    let given = Given::read(parameters, &["buckets"])?;
    let buckets = given.number("buckets", limits::SESSION_BUCKETS_DEFAULT, query::limits::BUCKETS_MAX)?;
    let reads_alerts = authorized.principal.may_read(LedgerName::Operations);
    let found = query::sessions::overview(&state.engine, &asker(authorized), &id, buckets).await?;
    let found = found.ok_or_else(|| unknown(&id))?;
    let (alerts, rows) = if reads_alerts {
        let wanted = id.clone();
        let (alerts, rows) = read(&state, move |triage, _| {
            (alerts_of(triage, std::slice::from_ref(&wanted)), alerts::rows(triage, &wanted))
        })
        .await?;
        (Some(alerts.get(&id).cloned().unwrap_or_default()), rows)
    } else {
        (None, Vec::new())
    };
    Ok(answer(&overview(&found, alerts, &rows)))
}

/// What is said where no record names a session.
pub(super) fn unknown(id: &str) -> Problem {
    let detail = format!("no record names the session {id:?}");
    Problem::new(axum::http::StatusCode::NOT_FOUND, "unknown_session", detail)
}

fn overview(found: &Overview, alerts: Option<AlertsOf>, rows: &[alerts::AlertRow]) -> Value {
    let lanes: Vec<Value> = LANES
        .iter()
        .enumerate()
        .map(|(number, lane)| {
            let buckets = found.buckets.iter().filter(|bucket| bucket.lane == number);
            let buckets: Vec<Value> = buckets
                .map(|bucket| {
                    json!({ "bucket": bucket.bucket, "count": bucket.count, "denied": bucket.denied, "errors": bucket.errors,
                        "duration_us": { "min": bucket.duration_us_min, "max": bucket.duration_us_max, "sum": bucket.duration_us_sum },
                        "cost_micros": bucket.cost_micros })
                })
                .collect();
            json!({ "lane": lane.word, "buckets": buckets })
        })
        .collect();
    let kinds: Vec<Value> = found
        .kinds
        .iter()
        .map(|(kind, count)| json!({ "kind": kind, "lane": LANES.get(query::sessions::lane(kind)).map(|lane| lane.word), "count": count }))
        .collect();
    let money: Vec<Value> =
        found.money.iter().map(|(bucket, sum)| json!({ "bucket": bucket, "cost_micros": sum })).collect();
    let alert_rows: Vec<Value> = rows.iter().map(|row| row.shown(Some(found.from))).collect();
    let mut shown = session(&found.header, alerts);
    let more = [
        ("from", moment(found.from).into()),
        ("bucket_us", found.width.into()),
        ("lanes", lanes.into()),
        ("money", money.into()),
        ("kinds", kinds.into()),
        ("alert_rows", alert_rows.into()),
    ];
    shown.extend(more.map(|(name, value): (_, Value)| (name.to_owned(), value)));
    shown.into()
}

#[cfg(test)]
mod tests;
