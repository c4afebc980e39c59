//! The list of sessions: one row each, newest event first, with totals over everything that the filter leaves.

use ledger::Timestamp;
use operations::filter::{Filter, Subject};
use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::error::QueryError;
use crate::filter::{quoted, to_sql};
use crate::limits;
use crate::read::Asker;

/// One session. Times are microseconds since 1970 UTC.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Listed {
    /// Its id.
    pub session: String,
    /// The agent.
    pub agent: Option<String>,
    /// The person for whom it works.
    pub user: Option<String>,
    /// Team.
    pub team: Option<String>,
    /// The client program as gateways name it,
    pub client: Option<String>,
    /// and the agent's product.
    pub agent_kind: Option<String>,
    /// Id of the workspace,
    pub workspace: Option<String>,
    /// and its name.
    pub workspace_name: Option<String>,
    /// Models that it called.
    pub models: Option<Vec<String>>,
    /// Time of the first event,
    pub started: i64,
    /// and of the latest.
    pub last: i64,
    /// Whether an event says that it ended.
    pub has_end: Option<bool>,
    /// From the first to the latest event in microseconds.
    pub duration_us: i64,
    /// Records.
    pub records: i64,
    /// Requests to models that a gateway saw.
    pub model_calls: i64,
    /// Calls of tools.
    pub tool_calls: i64,
    /// Commands.
    pub commands: i64,
    /// Reads and writes of files.
    pub file_events: i64,
    /// Requests to the network that were allowed,
    pub allowed: i64,
    /// and events that were denied or blocked.
    pub denied: i64,
    /// Estimated cost in micro-USD,
    pub cost_micros: Option<i64>,
    /// and records with tokens and without a price.
    pub unpriced: i64,
    /// The first prompt, cut; only for who asked for content.
    #[serde(default)]
    pub task: Option<String>,
}

/// What a list amounts to.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Totals {
    /// Sessions.
    pub sessions: i64,
    /// Their records.
    pub records: Option<i64>,
    /// Events that were denied or blocked.
    pub denied: Option<i64>,
    /// Estimated cost in micro-USD.
    pub cost_micros: Option<i64>,
    /// Records with tokens and without a price.
    pub unpriced: Option<i64>,
}

/// Where a page ended: the time of the latest event and the id of its last session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The time in microseconds.
    pub last: i64,
    /// The id.
    pub session: String,
}

const COLUMNS: &str = "session, agent, \"user\", team, client, agent_kind, workspace, workspace_name, models, \
    CAST(started AS BIGINT) AS started, CAST(ended AS BIGINT) AS last, has_end, duration_us, events AS records, model_calls, tool_calls, \
    commands, file_events, allowed, denied, cost_micros, unpriced";

/// A page of at most `limit` sessions after the cursor, and the totals of all pages. Whether content is read is for the caller to ask:
/// it is recorded.
pub async fn list(
    engine: &Engine,
    asker: &Asker,
    (filter, now): (&Filter, Timestamp),
    after: Option<&Cursor>,
    (limit, content): (usize, bool),
) -> Result<(Vec<Listed>, Totals), QueryError> {
    let condition = format!("({})", to_sql(filter, Subject::Sessions, content, now));
    let totals = "count(*) AS sessions, sum(events) AS records, sum(denied) AS denied, sum(cost_micros) AS cost_micros, \
                  sum(unpriced) AS unpriced";
    let totals = engine.read_one(asker, format!("SELECT {totals} FROM sessions WHERE {condition}")).await?;
    let after = after.map_or(String::new(), |Cursor { last, session }| {
        let (at, session) = ("CAST(ended AS BIGINT)", quoted(session));
        format!(" AND ({at} < {last} OR {at} = {last} AND session < {session})")
    });
    let order = "ORDER BY ended DESC, session DESC";
    let sql = format!("SELECT {COLUMNS} FROM sessions WHERE {condition}{after} {order} LIMIT {limit}");
    let mut rows: Vec<Listed> = engine.read(asker, sql).await?;
    if content && !rows.is_empty() {
        tasks(engine, asker, &mut rows).await?;
    }
    Ok((rows, totals.unwrap_or_default()))
}

/// Fills in the first prompt of each session.
async fn tasks(engine: &Engine, asker: &Asker, rows: &mut [Listed]) -> Result<(), QueryError> {
    #[derive(Deserialize)]
    struct Task {
        session: String,
        task: Option<String>,
    }
    let ids = rows.iter().map(|row| quoted(&row.session)).collect::<Vec<_>>().join(", ");
    let sql = format!(
        "SELECT session, first_value(left(content, {}) ORDER BY time, seq) AS task FROM events \
         WHERE kind = 'prompt' AND session IN ({ids}) GROUP BY session",
        limits::PREVIEW_CHARS_MAX
    );
    let found: Vec<Task> = engine.read(asker, sql).await?;
    for Task { session, task } in found {
        if let Some(row) = rows.iter_mut().find(|row| row.session == session) {
            row.task = task;
        }
    }
    Ok(())
}

/// One session as the list shows it.
pub(super) async fn one(engine: &Engine, asker: &Asker, id: &str) -> Result<Option<Listed>, QueryError> {
    engine.read_one(asker, format!("SELECT {COLUMNS} FROM sessions WHERE session = {}", quoted(id))).await
}
