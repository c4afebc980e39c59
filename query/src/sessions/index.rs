//! A whole session in a few arrays, for a list that shows any part of it at once.

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use serde::Serialize;

use super::AT;
use super::record::{LANES, lane_sql};
use crate::engine::Engine;
use crate::error::QueryError;
use crate::filter::quoted;
use crate::limits;
use crate::read::Asker;

/// The words of outcomes in the index, by their number.
const OUTCOMES: [&str; 6] = ["", "allow", "deny", "success", "error", "blocked"];

/// The records of a session in order; entry number `n` of each list is of record number `n`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Index {
    /// Positions, each as the difference to the one before; the first to 0.
    pub seq: Vec<i64>,
    /// Times in microseconds since 1970 UTC, each as the difference to the one before; the first to 0.
    pub time: Vec<i64>,
    /// Numbers of lanes in `lanes`.
    pub lane: Vec<i64>,
    /// Numbers of outcomes in `outcomes`.
    pub outcome: Vec<i64>,
    /// Estimated cost in micro-USD, 0 without one.
    pub cost: Vec<i64>,
    /// The words of lanes.
    pub lanes: Vec<&'static str>,
    /// The words of outcomes; the first is for none.
    pub outcomes: Vec<&'static str>,
    /// Whether the session has more records than an index holds.
    pub is_cut: bool,
}

/// The index of a session.
pub async fn index(engine: &Engine, asker: &Asker, session: &str) -> Result<Index, QueryError> {
    let outcome = OUTCOMES.iter().enumerate().skip(1);
    let outcome: Vec<String> = outcome.map(|(number, word)| format!("WHEN '{word}' THEN {number}")).collect();
    let limit = limits::INDEX_RECORDS_MAX + 1;
    let sql = format!(
        "SELECT CAST(seq AS BIGINT) AS seq, {AT} AS at, CAST({} AS BIGINT) AS lane, \
         CAST(CASE outcome {} ELSE 0 END AS BIGINT) AS outcome, coalesce(cost_micros, 0) AS cost \
         FROM events WHERE session = {} ORDER BY at, seq LIMIT {limit}",
        lane_sql(),
        outcome.join(" "),
        quoted(session)
    );
    let mut stream = engine.page(asker, sql).await?;
    let mut index =
        Index { lanes: LANES.iter().map(|lane| lane.word).collect(), outcomes: OUTCOMES.to_vec(), ..Index::default() };
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        let lists = [&mut index.seq, &mut index.time, &mut index.lane, &mut index.outcome, &mut index.cost];
        for (column, list) in batch.columns().iter().zip(lists) {
            let numbers = cast(column, &DataType::Int64).map_err(QueryError::internal)?;
            let numbers = numbers.as_primitive::<Int64Type>();
            list.extend((0..numbers.len()).map(|row| if numbers.is_null(row) { 0 } else { numbers.value(row) }));
        }
    }
    index.is_cut = index.seq.len() > limits::INDEX_RECORDS_MAX;
    for list in [&mut index.seq, &mut index.time, &mut index.lane, &mut index.outcome, &mut index.cost] {
        list.truncate(limits::INDEX_RECORDS_MAX);
    }
    for list in [&mut index.seq, &mut index.time] {
        let mut before = 0;
        for number in list {
            let difference = number.wrapping_sub(before);
            before = std::mem::replace(number, difference);
        }
    }
    Ok(index)
}
