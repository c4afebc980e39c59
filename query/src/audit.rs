//! Writes into `operations` who asked what and who read content, before anything is answered.

use ledger::operations::column;
use ledger::{AppendError, Appender, Entry, Group, Table};
use serde_json::json;

use crate::engine::{Purpose, Request};
use crate::error::QueryError;

/// The operations kind of SQL that somebody typed; the text is the entry's content.
pub const QUERY_KIND: &str = "query";
/// The operations kind of a read of content columns.
pub const CONTENT_READ_KIND: &str = "content.read";

/// A new id of a query: 128 random bits in hexadecimal.
pub(crate) fn new_id() -> Result<String, QueryError> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| QueryError::internal(error.to_string()))?;
    Ok(format!("query-{:032x}", u128::from_be_bytes(bytes)))
}

/// Records a query, and that it reads `content` columns. Returns when that is durable.
pub(crate) async fn record(
    appender: &Appender,
    id: &str,
    request: &Request,
    content: &[String],
) -> Result<(), QueryError> {
    let mut group = Group::new(Table::of(ledger::LedgerName::Operations));
    let actor = &request.principal.name;
    let token = &request.principal.token;
    if let Purpose::AdHoc(via) = request.purpose {
        let mut entry = entry(QUERY_KIND, id, actor, &json!({ "token": token, "via": via }));
        entry.set_text(column::CONTENT, &request.sql);
        group.push(&mut entry).map_err(QueryError::NotRecorded)?;
    }
    if !content.is_empty() {
        let record = json!({ "token": token, "columns": content });
        group.push(&mut entry(CONTENT_READ_KIND, id, actor, &record)).map_err(QueryError::NotRecorded)?;
    }
    append(appender, group).await.map_err(QueryError::NotRecorded)
}

/// Records that somebody reads content without SQL, from a position on; `via` says through which door.
pub(crate) async fn record_read(
    appender: &Appender,
    principal: &ledger::access::Principal,
    via: &str,
    from: &str,
    columns: &[String],
) -> Result<(), QueryError> {
    let mut group = Group::new(Table::of(ledger::LedgerName::Operations));
    let record = json!({ "token": principal.token, "columns": columns, "via": via });
    let mut entry = entry(CONTENT_READ_KIND, &new_id()?, &principal.name, &record);
    entry.set_text(column::FROM, from);
    group.push(&mut entry).map_err(QueryError::NotRecorded)?;
    append(appender, group).await.map_err(QueryError::NotRecorded)
}

async fn append(appender: &Appender, group: Group) -> Result<(), AppendError> {
    if group.is_empty() {
        return Ok(());
    }
    appender.append(group).await.map(|_| ())
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
