//! `GET /api/v1/tail`: rows as they become durable, as server-sent events.
//!
//! The ledger is the buffer. A slow client is simply read for later; nothing is queued for it and nothing is dropped. The
//! id of every event is the row's position, so that a client that comes back with `Last-Event-ID` misses nothing and sees
//! nothing twice. A heartbeat carries the position up to which nothing matched.

use std::convert::Infallible;
use std::fmt::Write as _;

use axum::body::{Body, Bytes};
use axum::extract::{self, Query};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::stream;
use ledger::consumer::{Batch, Halt, Monitor};
use ledger::{Consumer, Durable, LedgerError, LedgerName, Position, ReadLimit, Reader, Rows, Seq};
use tokio::time::Instant;

use super::authorized::Authorized;
use super::concurrency_limiter::Permit;
use super::tail_filter::Wanted;
use super::{Problem, State, blocking};
use crate::limits;
use query::QueryError;
use query::limits::STANDING_CHECK;

pub(super) async fn follow(
    extract::State(state): extract::State<State>,
    authorized: Authorized,
    headers: HeaderMap,
    parameters: Result<Query<Vec<(String, String)>>, extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    let Query(parameters) = parameters.map_err(|rejection| Problem::request(rejection.body_text()))?;
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let wanted = Wanted::parse(&parameters, last)?;
    allowed(&authorized, &wanted)?;
    let permit = state.tails.enter(&authorized.principal.token)?;
    let reader = state.engine.reader(wanted.ledger).clone();
    let durable = durable(&reader).await?;
    let next = wanted.from.unwrap_or(durable.next_seq);
    if next > durable.next_seq {
        let detail = format!(
            "position {next} is past the end of {}, which is at {}: the ledger was rolled back, or this is another one",
            wanted.ledger, durable.next_seq
        );
        return Err(Problem::new(StatusCode::CONFLICT, "position_ahead", detail));
    }
    let columns = wanted.content_columns();
    state.engine.record_read(&authorized.principal, "tail", place(wanted.ledger, next), &columns).await?;
    let mut consumer = Consumer::of(reader, wanted.content, LIMIT, Monitor::new("tail"), state.stop);
    consumer.seek(next);
    let (consumer, spoke) = (Some(consumer), Instant::now());
    let tail = Tail { consumer, next, wanted, authorized, spoke, _permit: permit };
    let body =
        stream::unfold(
            tail,
            |mut tail| async move { tail.chunk().await.map(|chunk| (Ok::<_, Infallible>(chunk), tail)) },
        );
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // Proxies must not wait for more.
        (header::HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    Ok((headers, Body::from_stream(body)).into_response())
}

/// Refuses whoever may not read the ledger, or content that was asked for.
fn allowed(authorized: &Authorized, wanted: &Wanted) -> Result<(), Problem> {
    let principal = &authorized.principal;
    authorized.check_read(wanted.ledger, wanted.ledger.as_str())?;
    match wanted.content_columns().first() {
        Some(column) if !principal.content => {
            Err(QueryError::ContentDenied { column: column.clone(), principal: principal.name.clone() }.into())
        }
        _ => Ok(()),
    }
}

async fn durable(reader: &Reader) -> Result<Durable, Problem> {
    let reader = reader.clone();
    Ok(blocking(move || reader.durable()).await??)
}

const fn place(ledger: LedgerName, seq: Seq) -> Position {
    Position { ledger, shard: 0, seq }
}

/// What is read at once.
const LIMIT: ReadLimit = ReadLimit { rows: limits::TAIL_READ_ROWS, bytes: limits::TAIL_READ_BYTES };

/// One open tail.
struct Tail {
    /// What reads for it, and hears when the server stops: the client comes back later and misses nothing. `None` once
    /// nothing more comes.
    consumer: Option<Consumer>,
    next: Seq,
    wanted: Wanted,
    authorized: Authorized,
    /// When something was sent last.
    spoke: Instant,
    _permit: Permit,
}

impl Tail {
    /// The next bytes to send: matching rows, a heartbeat, or the reason why nothing more comes.
    async fn chunk(&mut self) -> Option<Bytes> {
        let mut consumer = self.consumer.take()?;
        let text = loop {
            let read;
            (consumer, read) = match read_on(consumer).await {
                Ok(read) => read,
                Err(problem) => break end(&problem),
            };
            // Whoever comes back asks for what follows the position that a heartbeat tells.
            if consumer.is_stopping() {
                break self.heartbeat();
            }
            let rows = match read {
                Ok(batch) => batch.map(|batch| batch.rows).filter(|rows| !rows.is_empty()),
                Err(error) => break end(&error.into()),
            };
            // Asked after each read, so that no row that was read later is sent to a token that was revoked before.
            if !self.authorized.still_stands() {
                break error_event("unauthorized", "the token was revoked or changed");
            }
            let text = rows.as_ref().map(|rows| self.events(rows)).unwrap_or_default();
            self.next = rows.as_ref().map_or(self.next, |rows| rows.next_seq);
            let due = self.spoke + limits::TAIL_HEARTBEAT;
            // Nothing of many rows matched, or nothing came: whoever waits is told how far this came.
            if !text.is_empty() || Instant::now() >= due {
                self.consumer = Some(consumer);
                break if text.is_empty() { self.heartbeat() } else { text };
            }
            if rows.is_some() {
                continue;
            }
            let until = due.min(Instant::now() + STANDING_CHECK);
            match tokio::time::timeout_at(until, consumer.until_more::<LedgerError>()).await {
                Ok(Err(Halt::Stopped)) => break self.heartbeat(),
                // The writer failed: the heartbeat goes on, and what is wrong is told by reads and by health.
                Ok(Err(Halt::Failed(_))) => {
                    let _ = consumer.unless_stopped::<_, LedgerError>(tokio::time::sleep_until(until)).await;
                }
                Ok(Ok(())) | Err(_) => {}
            }
        };
        self.spoke = Instant::now();
        Some(text.into())
    }

    fn events(&self, rows: &Rows) -> String {
        let mut text = String::new();
        for row in rows.iter().filter(|row| self.wanted.matches(row)) {
            // JSON has no line breaks; writing to a text cannot fail.
            let _ = write!(text, "id: {}\nevent: row\ndata: {}\n\n", row.position, self.wanted.render(&row));
        }
        text
    }

    /// A comment, with the position up to which nothing matched: an event without data only moves `Last-Event-ID`.
    fn heartbeat(&self) -> String {
        match self.next {
            next if next > Seq::FIRST => format!(": heartbeat\nid: {}\n\n", place(self.wanted.ledger, next.back(1))),
            _ => ": heartbeat\n\n".to_owned(),
        }
    }
}

/// Reads on a thread for that, since it may take long in what is sealed.
async fn read_on(mut consumer: Consumer) -> Result<(Consumer, Result<Option<Batch>, LedgerError>), Problem> {
    let read = move || {
        let read = consumer.try_next_batch();
        (consumer, read)
    };
    blocking(read).await
}

/// Why nothing more comes.
fn end(Problem { code, detail, .. }: &Problem) -> String {
    error_event(code, detail)
}

fn error_event(code: &str, detail: &str) -> String {
    format!("event: error\ndata: {}\n\n", serde_json::json!({ "code": code, "detail": detail }))
}
