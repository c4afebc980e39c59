//! The records of a session in order, found ones among them, and where else in the fleet the same was seen.

use ledger::Timestamp;
use operations::filter::{Filter, Subject};
use serde::{Deserialize, Serialize};

use super::AT;
use super::overview::lane_words;
use super::record::{Record, columns, lane_sql};
use crate::engine::Engine;
use crate::error::QueryError;
use crate::filter::{quoted, to_sql};
use crate::limits;
use crate::read::Asker;

/// Where a record stands in its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Its time in microseconds since 1970 UTC.
    pub at: i64,
    /// Its position.
    pub seq: u64,
}

/// Which records of a session are asked for.
#[derive(Debug, Clone, Default)]
pub struct Range {
    /// Those after this one.
    pub after: Option<Place>,
    /// Those before this one, the last ones first to be found.
    pub before: Option<Place>,
    /// Those from this moment on, in microseconds.
    pub from: Option<i64>,
    /// Those before this moment.
    pub until: Option<i64>,
    /// Those of these lanes; of all if there are none.
    pub lanes: Vec<String>,
    /// Those for which this holds.
    pub filter: Filter,
    /// Whether previews of content are read, and free text is looked for in content.
    pub content: bool,
}

impl Range {
    fn condition(&self, session: &str, now: Timestamp) -> String {
        let mut conditions = vec![format!("session = {}", quoted(session))];
        conditions.push(format!("({})", to_sql(&self.filter, Subject::Events, self.content, now)));
        conditions.extend(self.after.map(|Place { at, seq }| format!("({AT} > {at} OR {AT} = {at} AND seq > {seq})")));
        conditions.extend(self.before.map(|Place { at, seq }| format!("({AT} < {at} OR {AT} = {at} AND seq < {seq})")));
        conditions.extend(self.from.map(|from| format!("{AT} >= {from}")));
        conditions.extend(self.until.map(|until| format!("{AT} < {until}")));
        if !self.lanes.is_empty() {
            let wanted = lane_words().enumerate().filter(|(_, word)| self.lanes.iter().any(|lane| lane == word));
            let numbers: Vec<String> = wanted.map(|(number, _)| number.to_string()).collect();
            let numbers = if numbers.is_empty() { "-1".to_owned() } else { numbers.join(", ") };
            conditions.push(format!("({}) IN ({numbers})", lane_sql()));
        }
        conditions.join(" AND ")
    }
}

/// At most `limit` records of a session in order.
pub async fn records(
    engine: &Engine,
    asker: &Asker,
    session: &str,
    (range, now): (&Range, Timestamp),
    limit: usize,
) -> Result<Vec<Record>, QueryError> {
    #[derive(Deserialize)]
    struct Row {
        seq: u64,
    }
    let condition = range.condition(session, now);
    let backwards = range.before.is_some() && range.after.is_none();
    let order = if backwards { "at DESC, seq DESC" } else { "at, seq" };
    // Two narrow columns say which records these are. Whole ones are then read at their positions, so that of a long session little else
    // is opened and decoded.
    let sql = format!("SELECT seq, {AT} AS at FROM events WHERE {condition} ORDER BY {order} LIMIT {limit}");
    let places: Vec<Row> = engine.read(asker, sql).await?;
    let seqs: Vec<u64> = places.iter().map(|place| place.seq).collect();
    records_at(engine, asker, &seqs, range.content).await
}

/// The records with these sequence numbers in order of time, as far as there are such.
pub async fn records_at(
    engine: &Engine,
    asker: &Asker,
    seqs: &[u64],
    content: bool,
) -> Result<Vec<Record>, QueryError> {
    let Some((first, last)) = seqs.iter().min().zip(seqs.iter().max()) else { return Ok(Vec::new()) };
    let columns = columns(content);
    let listed: Vec<String> = seqs.iter().map(u64::to_string).collect();
    let sql = format!(
        "SELECT {columns} FROM events WHERE seq >= {first} AND seq <= {last} AND seq IN ({}) ORDER BY at, seq",
        listed.join(", ")
    );
    engine.read(asker, sql).await
}

/// What a search found.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// How many records.
    pub total: u64,
    /// Positions of the first ones, in order.
    pub seqs: Vec<u64>,
}

/// The positions of all records in a range.
pub async fn found(
    engine: &Engine,
    asker: &Asker,
    session: &str,
    (range, now): (&Range, Timestamp),
) -> Result<Found, QueryError> {
    #[derive(Deserialize)]
    struct Row {
        seq: u64,
        total: u64,
    }
    let condition = Range { after: None, before: None, ..range.clone() }.condition(session, now);
    let sql = format!(
        "SELECT seq, {AT} AS at, count(*) OVER () AS total FROM events WHERE {condition} ORDER BY at, seq LIMIT {}",
        limits::FOUND_MAX
    );
    let rows: Vec<Row> = engine.read(asker, sql).await?;
    Ok(Found { total: rows.first().map_or(0, |row| row.total), seqs: rows.iter().map(|row| row.seq).collect() })
}

/// The records of a session within half a minute of a place.
pub async fn neighbours(
    engine: &Engine,
    asker: &Asker,
    session: &str,
    at: i64,
    content: bool,
) -> Result<Vec<Record>, QueryError> {
    let near = limits::NEIGHBOURS_MICROS;
    let range = Range {
        from: Some(at.saturating_sub(near)),
        until: Some(at.saturating_add(near)),
        content,
        ..Range::default()
    };
    records(engine, asker, session, (&range, Timestamp::EPOCH), limits::NEIGHBOURS_MAX).await
}

/// Where else in the fleet the same value was seen, within the days that are looked at.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Elsewhere {
    /// Records of other sessions,
    pub count: u64,
    /// and in how many sessions,
    pub sessions: u64,
    /// workspaces
    pub workspaces: u64,
    /// and for how many persons.
    pub users: u64,
    /// Those that were denied or blocked.
    pub denied: u64,
    /// First seen, in microseconds.
    pub first: Option<i64>,
    /// Last seen.
    pub last: Option<i64>,
}

/// Where else a column of text or a fingerprint has this value, of records of other sessions within 30 days of `at`.
pub async fn elsewhere(
    engine: &Engine,
    asker: &Asker,
    (column, value): (&'static str, &str),
    (session, at): (&str, i64),
) -> Result<Elsewhere, QueryError> {
    let value = if column == "action_fp" && value.bytes().all(|byte| byte.is_ascii_digit()) {
        value.to_owned()
    } else {
        quoted(value)
    };
    let time = |micros| quoted(&operations::filter::time_text(Timestamp::from_unix_micros(micros)));
    let (from, until) =
        (time(at.saturating_sub(limits::ELSEWHERE_MICROS)), time(at.saturating_add(limits::ELSEWHERE_MICROS)));
    let sql = format!(
        "SELECT count(*) AS count, count(DISTINCT session) AS sessions, count(DISTINCT workspace) AS workspaces, \
         count(DISTINCT \"user\") AS users, count(*) FILTER (WHERE outcome IN ('deny', 'blocked')) AS denied, \
         CAST(min(time) AS BIGINT) AS first, CAST(max(time) AS BIGINT) AS last FROM events \
         WHERE \"{column}\" = {value} AND time >= {from} AND time < {until} AND session IS DISTINCT FROM {}",
        quoted(session)
    );
    let found = engine.read_one(asker, sql).await?;
    found.ok_or_else(|| QueryError::internal("a count gave no row"))
}
