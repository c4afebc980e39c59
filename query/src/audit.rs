//! Writes into `operations` who asked what and who read content, before anything is answered.

use std::time::Instant;

use ledger::operations::column;
use ledger::{Appender, Entry, Group, LedgerName, Position, Table};
use operations::access::Principal;
use operations::kind::Envelope;
use operations::kind::query::{Begun, CONTENT_READ, ContentRead, Ended, QUERY, QUERY_ENDED};
use tokio::runtime::Handle;

use crate::engine::{Purpose, Request};
use crate::error::QueryError;

/// A new id of a query: 128 random bits in hexadecimal.
pub(crate) fn new_id() -> Result<String, QueryError> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| QueryError::internal(error.to_string()))?;
    Ok(format!("query-{:032x}", u128::from_be_bytes(bytes)))
}

/// The record of one query: written before anything is done for it, so that one that ends the process is known, and
/// written again when it ended.
pub(crate) struct AuditTrail {
    id: String,
    appender: Option<Appender>,
    /// Where the end is written from; nobody waits for it.
    runtime: Handle,
    actor: String,
    token: String,
    /// Whether the query has an entry of its own, which its end follows.
    is_typed: bool,
    started: Instant,
    ended: bool,
}

impl AuditTrail {
    /// Records the query, if somebody typed it. Returns when that is durable.
    pub(crate) async fn begin(
        appender: Option<Appender>,
        runtime: Handle,
        request: &Request,
    ) -> Result<Self, QueryError> {
        let typed = match request.purpose {
            Purpose::AdHoc(via) => Some(via),
            Purpose::Page => None,
        };
        let Principal { name, token, .. } = request.principal.as_ref();
        let mut trail = Self {
            id: new_id()?,
            appender,
            runtime,
            actor: name.clone(),
            token: token.clone(),
            is_typed: typed.is_some(),
            started: Instant::now(),
            ended: false,
        };
        if let Some(via) = typed {
            let record = Begun { token: token.clone(), via: via.to_owned() };
            let mut entry = QUERY.entry(&envelope(&trail.id, name), &record).map_err(QueryError::NotRecorded)?;
            entry.set_text(column::CONTENT, &request.sql);
            // Who asks may go away meanwhile: the entry comes all the same, and so must the one of its end.
            let recorded = trail.append(entry).await;
            // What was not recorded does not end either.
            trail.ended = recorded.is_err();
            recorded?;
        }
        Ok(trail)
    }

    /// The query's id.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Records that the query reads content columns. Returns when that is durable.
    pub(crate) async fn reads(&self, columns: &[String]) -> Result<(), QueryError> {
        if columns.is_empty() {
            return Ok(());
        }
        let record = ContentRead { token: self.token.clone(), columns: columns.to_vec(), via: None };
        let entry = CONTENT_READ.entry(&envelope(&self.id, &self.actor), &record).map_err(QueryError::NotRecorded)?;
        self.append(entry).await
    }

    async fn append(&self, entry: Entry) -> Result<(), QueryError> {
        let Some(appender) = &self.appender else { return Ok(()) };
        let mut group = Group::new(Table::of(LedgerName::Operations));
        group.push(&entry).map_err(QueryError::NotRecorded)?;
        appender.append(group).await.map(|_| ()).map_err(QueryError::NotRecorded)
    }

    /// Records how the query ended: `complete`, `cancelled`, or the code of an error. Once.
    pub(crate) fn end(&mut self, outcome: &str, rows: u64) {
        if std::mem::replace(&mut self.ended, true) || !self.is_typed {
            return;
        }
        let Some(appender) = self.appender.clone() else { return };
        let elapsed_ms = self.started.elapsed().as_millis() as u64;
        let record = Ended { token: self.token.clone(), outcome: outcome.to_owned(), rows, elapsed_ms };
        let envelope = Envelope { revision: Some(2), to: Some(outcome), ..envelope(&self.id, &self.actor) };
        let entry = QUERY_ENDED.entry(&envelope, &record);
        let mut group = Group::new(Table::of(LedgerName::Operations));
        self.runtime.spawn(async move {
            let recorded = match entry.and_then(|entry| group.push(&entry)) {
                Ok(()) => appender.append(group).await.map(|_| ()),
                Err(error) => Err(error),
            };
            if let Err(error) = recorded {
                tracing::warn!(%error, "the end of a query could not be recorded");
            }
        });
    }
}

impl Drop for AuditTrail {
    /// Nobody waits any more for a query whose result is dropped.
    fn drop(&mut self) {
        self.end("cancelled", 0);
    }
}

/// Records that somebody reads content without SQL, from a position on; `via` says through which door.
pub(crate) async fn record_read(
    appender: &Appender,
    principal: &Principal,
    via: &str,
    from: Position,
    columns: &[String],
) -> Result<(), QueryError> {
    let mut group = Group::new(Table::of(LedgerName::Operations));
    let record = ContentRead { token: principal.token.clone(), columns: columns.to_vec(), via: Some(via.to_owned()) };
    let (id, from) = (new_id()?, from.to_string());
    let envelope = Envelope { from: Some(&from), ..envelope(&id, &principal.name) };
    let entry = CONTENT_READ.entry(&envelope, &record).map_err(QueryError::NotRecorded)?;
    group.push(&entry).map_err(QueryError::NotRecorded)?;
    appender.append(group).await.map(|_| ()).map_err(QueryError::NotRecorded)
}

fn envelope<'a>(id: &'a str, actor: &'a str) -> Envelope<'a> {
    Envelope { subject: id, revision: Some(1), actor, ..Envelope::default() }
}
