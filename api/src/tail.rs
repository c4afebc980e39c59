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
use ledger::{Durable, LedgerError, LedgerName, Position, ReadLimit, Reader, Rows};
use operations::access::Role;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

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
    let watch = reader.watch();
    let (spoke, stop) = (Instant::now(), state.stop);
    let tail = Tail { reader, watch, wanted, next, authorized, spoke, ended: false, stop, _permit: permit };
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

/// Analysts tail both ledgers, auditors `operations`.
fn allowed(authorized: &Authorized, wanted: &Wanted) -> Result<(), Problem> {
    let principal = &authorized.principal;
    let role =
        principal.may(Role::Analyst) || (principal.may(Role::Auditor) && wanted.ledger == LedgerName::Operations);
    if !role {
        let error = QueryError::TableDenied { table: wanted.ledger.to_string(), principal: principal.name.clone() };
        return Err(error.into());
    }
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

const fn place(ledger: LedgerName, seq: u64) -> Position {
    Position { ledger, shard: 0, seq }
}

/// One open tail.
struct Tail {
    reader: Reader,
    watch: Option<watch::Receiver<Durable>>,
    wanted: Wanted,
    next: u64,
    authorized: Authorized,
    /// When something was sent last.
    spoke: Instant,
    ended: bool,
    /// Cancelled when the server stops. The client comes back later and misses nothing.
    stop: CancellationToken,
    _permit: Permit,
}

impl Tail {
    /// The next bytes to send: matching rows, a heartbeat, or the reason why nothing more comes.
    async fn chunk(&mut self) -> Option<Bytes> {
        if self.ended {
            return None;
        }
        let text = loop {
            let rows = match self.read().await {
                Ok(rows) => rows,
                Err(Problem { code, detail, .. }) => break self.end(code, &detail),
            };
            // Whoever comes back asks for what follows the position that a heartbeat tells.
            if self.stop.is_cancelled() {
                self.ended = true;
                break self.heartbeat();
            }
            // Asked after each read, so that no row that was read later is sent to a token that was revoked before.
            if !self.authorized.still_stands() {
                break self.end("unauthorized", "the token was revoked or changed");
            }
            let due = self.spoke + limits::TAIL_HEARTBEAT;
            if rows.is_empty() {
                if Instant::now() >= due {
                    break self.heartbeat();
                }
                self.wait(due.min(Instant::now() + STANDING_CHECK)).await;
                continue;
            }
            self.next = rows.next_seq;
            let text = self.events(&rows);
            if !text.is_empty() {
                break text;
            }
            // Nothing of many rows matched: whoever waits is told how far this came.
            if Instant::now() >= due {
                break self.heartbeat();
            }
        };
        self.spoke = Instant::now();
        Some(text.into())
    }

    async fn read(&self) -> Result<Rows, Problem> {
        let (reader, from, content) = (self.reader.clone(), self.next, self.wanted.content);
        let limit = ReadLimit { rows: limits::TAIL_READ_ROWS, bytes: limits::TAIL_READ_BYTES };
        let read = move || -> Result<Rows, LedgerError> {
            if reader.durable()?.next_seq <= from {
                let table = reader.table();
                return Ok(Rows::new(table.ledger, 0, from));
            }
            reader.read(from, content, limit)
        };
        Ok(blocking(read).await??)
    }

    /// Waits until something may have become durable or the server stops, at most until `due`.
    async fn wait(&mut self, due: Instant) {
        let stop = self.stop.clone();
        stop.run_until_cancelled(self.wait_for_rows(due)).await;
    }

    async fn wait_for_rows(&mut self, due: Instant) {
        match &mut self.watch {
            Some(watch) => {
                let next = self.next;
                let more = watch.wait_for(|durable| durable.next_seq > next);
                // The writer is gone when the wait fails: the heartbeat goes on, and reads say what is wrong.
                if matches!(tokio::time::timeout_at(due, more).await, Ok(Err(_))) {
                    self.watch = None;
                }
            }
            None => tokio::time::sleep_until(due.min(Instant::now() + limits::TAIL_POLL)).await,
        }
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
        match self.next.checked_sub(1) {
            Some(last) => format!(": heartbeat\nid: {}\n\n", place(self.wanted.ledger, last)),
            None => ": heartbeat\n\n".to_owned(),
        }
    }

    fn end(&mut self, code: &str, detail: &str) -> String {
        self.ended = true;
        format!("event: error\ndata: {}\n\n", serde_json::json!({ "code": code, "detail": detail }))
    }
}
