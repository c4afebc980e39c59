//! Writes into `operations` who asked what and who read content, before anything is answered.

use std::time::Instant;

use ledger::operations::column;
use ledger::{Appender, Entry, Group, LedgerName, Position, Table};
use operations::access::Principal;
use serde_json::json;
use tokio::runtime::Handle;

use crate::engine::{Purpose, Request};
use crate::error::QueryError;

/// The operations kind of SQL that somebody typed. Revision 1 has the text as its content and is there before the SQL is
/// read; revision 2 says how it ended. One without a second was running when the process ended.
pub const QUERY_KIND: &str = "query";
/// The operations kind of a read of content columns.
pub const CONTENT_READ_KIND: &str = "content.read";

/// A new id of a query: 128 random bits in hexadecimal.
pub(crate) fn new_id() -> Result<String, QueryError> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| QueryError::internal(error.to_string()))?;
    Ok(format!("query-{:032x}", u128::from_be_bytes(bytes)))
}

/// The record of one query: written before anything is done for it, so that one that ends the process is known, and
/// written again when it ended.
pub(crate) struct Trail {
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

impl Trail {
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
            let mut entry = entry(QUERY_KIND, &trail.id, name, &json!({ "token": token, "via": via }));
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
        let record = json!({ "token": self.token, "columns": columns });
        self.append(entry(CONTENT_READ_KIND, &self.id, &self.actor, &record)).await
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
        let record = json!({ "token": self.token, "outcome": outcome, "rows": rows, "elapsed_ms": elapsed_ms });
        let mut entry = entry(QUERY_KIND, &self.id, &self.actor, &record);
        entry.set_integer(column::REVISION, 2);
        entry.set_text(column::TO, outcome);
        let mut group = Group::new(Table::of(LedgerName::Operations));
        self.runtime.spawn(async move {
            let recorded = match group.push(&entry) {
                Ok(()) => appender.append(group).await.map(|_| ()),
                Err(error) => Err(error),
            };
            if let Err(error) = recorded {
                tracing::warn!(%error, "the end of a query could not be recorded");
            }
        });
    }
}

impl Drop for Trail {
    /// Nobody waits any more for a query whose answer is dropped.
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
    let record = json!({ "token": principal.token, "columns": columns, "via": via });
    let mut entry = entry(CONTENT_READ_KIND, &new_id()?, &principal.name, &record);
    entry.set_text(column::FROM, &from.to_string());
    group.push(&entry).map_err(QueryError::NotRecorded)?;
    appender.append(group).await.map(|_| ()).map_err(QueryError::NotRecorded)
}

fn entry(kind: &str, id: &str, actor: &str, record: &serde_json::Value) -> Entry {
    let mut entry = Entry::new();
    entry.set_text(column::KIND, kind);
    entry.set_text(column::SUBJECT, id);
    entry.set_integer(column::REVISION, 1);
    entry.set_text(column::ACTOR, actor);
    entry.set_text(column::RECORD, &record.to_string());
    entry
}
