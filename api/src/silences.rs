//! `/api/v1/silences…`: silences and maintenance windows, newest first; beginning and ending them.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{self, Path};
use axum::response::Response;
use chrono::DateTime;
use ledger::{LedgerName, Seq, Timestamp};
use operations::triage::{StandingSilence, Triage};
use serde_json::{Map, Value, json};

use super::alerts::{Listing, Parameters, act, by, fields, json as answer, place, read};
use super::authorized::Authorized;
use super::tail_filter::time_text;
use super::{Problem, State};

pub(super) async fn list(
    extract::State(state): extract::State<State>,
    authorized: Authorized,
    parameters: Parameters,
) -> Result<Response, Problem> {
    authorized.check_read(LedgerName::Operations, "silences")?;
    let Listing { limit, cursor, all } = Listing::parse(parameters)?;
    let wrong = || Problem::request("the cursor is not one that a page ended with");
    let before = cursor.map(|cursor| cursor.parse::<Seq>().map_err(|_| wrong())).transpose()?;
    let page = read(&state, move |triage, now| page(triage, all, before, limit, now)).await?;
    Ok(answer(&page))
}

fn page(triage: &Triage, all: bool, before: Option<Seq>, limit: usize, now: Timestamp) -> Value {
    let mut found: Vec<&StandingSilence> = triage.silences().filter(|silence| all || !silence.is_over(now)).collect();
    let total = found.len();
    found.retain(|silence| before.is_none_or(|before| silence.seq < before));
    found.sort_unstable_by_key(|silence| std::cmp::Reverse(silence.seq));
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|last| last.seq.to_string());
    let silences: Vec<Value> = found.into_iter().map(|found| silence(found, now)).collect();
    json!({ "silences": silences, "total": total, "next": next })
}

fn silence(standing: &StandingSilence, now: Timestamp) -> Value {
    let StandingSilence { id, kind, silence, would_have_hidden, by: author, expired, seq } = standing;
    let matchers: Vec<String> = silence.matchers.iter().map(ToString::to_string).collect();
    let mut shown = by(author);
    let members = [
        ("id", id.clone().into()),
        ("kind", kind.word().into()),
        ("state", standing.state(now).as_str().into()),
        ("matchers", matchers.into()),
        ("filter", silence.filter.as_ref().map(ToString::to_string).into()),
        ("reason", silence.reason.clone().into()),
        ("starts", time_text(silence.starts).into()),
        ("ends", time_text(silence.ends).into()),
        ("every_seconds", silence.every_seconds.into()),
        ("until", silence.until.map(time_text).into()),
        ("active_until", standing.active_until(now).map(time_text).into()),
        ("would_have_hidden", (*would_have_hidden).into()),
        ("expired", expired.as_ref().map(by).into()),
        ("position", place(*seq).into()),
    ];
    shown.extend(members.map(|(name, value): (_, Value)| (name.to_owned(), value)));
    shown.into()
}

pub(super) async fn begin(
    extract::State(state): extract::State<State>,
    authorized: Authorized,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let mut fields = fields(body)?;
    for name in ["starts", "ends", "until"] {
        if let Some(time) = fields.get_mut(name) {
            *time = micros(name, time)?.into();
        }
    }
    fields.entry("kind").or_insert_with(|| "silence".into());
    act(&state, authorized, "silence", fields).await
}

/// A time in a request: RFC 3339, as in every answer.
fn micros(name: &str, time: &Value) -> Result<Option<i64>, Problem> {
    let wrong = || Problem::request(format!("{name} is not a time such as 2026-11-21T18:33:21Z"));
    match time {
        Value::Null => Ok(None),
        Value::String(text) => {
            DateTime::parse_from_rfc3339(text).map(|time| Some(time.timestamp_micros())).map_err(|_| wrong())
        }
        _ => Err(wrong()),
    }
}

pub(super) async fn expire(
    extract::State(state): extract::State<State>,
    authorized: Authorized,
    Path(id): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let mut fields: Map<String, Value> = fields(body)?;
    fields.insert("silence".to_owned(), id.into());
    act(&state, authorized, "expire", fields).await
}
