//! One session as lanes of buckets: little enough for a picture, and what was denied survives in it.

use serde::{Deserialize, Serialize};

use super::AT;
use super::list::{Listed, one};
use super::record::{LANES, lane_sql};
use crate::engine::Engine;
use crate::error::QueryError;
use crate::filter::quoted;
use crate::limits;
use crate::read::Asker;
use crate::views::tellers::COST_IN_SESSION;

/// The facts of a session.
pub type Header = Listed;

/// One lane in one part of the time.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Bucket {
    /// Number of the lane in [`LANES`].
    pub lane: usize,
    /// Number of the part of the time, from 0.
    pub bucket: usize,
    /// Records,
    pub count: u64,
    /// of which so many were denied or blocked,
    pub denied: u64,
    /// and so many failed.
    pub errors: u64,
    /// Shortest,
    pub duration_us_min: Option<i64>,
    /// longest,
    pub duration_us_max: Option<i64>,
    /// and all durations in microseconds.
    pub duration_us_sum: Option<i64>,
    /// Estimated cost in micro-USD.
    pub cost_micros: Option<i64>,
}

/// A session in lanes.
#[derive(Debug, Clone)]
pub struct Overview {
    /// Its facts.
    pub header: Header,
    /// The time of the first bucket in microseconds, and how long each is.
    pub from: i64,
    /// Microseconds of one bucket.
    pub width: i64,
    /// Those with records, in order of lane and time.
    pub buckets: Vec<Bucket>,
    /// Records by kind, most first.
    pub kinds: Vec<(String, u64)>,
    /// Estimated cost since the beginning at the end of each bucket in which it grew: number of the bucket, micro-USD.
    pub money: Vec<(usize, i64)>,
}

/// The session of this id in at most `buckets` parts; `None` if no record names it.
pub async fn overview(
    engine: &Engine,
    asker: &Asker,
    id: &str,
    buckets: usize,
) -> Result<Option<Overview>, QueryError> {
    #[derive(Deserialize)]
    struct Kind {
        kind: Option<String>,
        count: u64,
    }
    let Some(header) = one(engine, asker, id).await? else { return Ok(None) };
    let of_session = format!("FROM events WHERE session = {}", quoted(id));
    let parts = buckets.clamp(1, limits::BUCKETS_MAX) as i64;
    // The last moment belongs to the last bucket.
    let width = header.duration_us.div_euclid(parts).saturating_add(1);
    let from = header.started;
    let sql = format!(
        "SELECT {} AS lane, greatest(0, least({AT} - {from}, {})) / {width} AS bucket, count(*) AS count, \
         count(*) FILTER (WHERE outcome IN ('deny', 'blocked')) AS denied, count(*) FILTER (WHERE outcome = 'error') AS errors, \
         min(duration_us) AS duration_us_min, max(duration_us) AS duration_us_max, sum(duration_us) AS duration_us_sum, \
         sum(cost) AS cost_micros FROM (SELECT *, {COST_IN_SESSION} AS cost {of_session}) GROUP BY 1, 2 ORDER BY 1, 2",
        lane_sql(),
        header.duration_us
    );
    let of_kinds =
        format!("SELECT kind, count(*) AS count {of_session} GROUP BY kind ORDER BY count DESC, kind LIMIT 100");
    let (buckets, kinds): (Vec<Bucket>, Vec<Kind>) =
        futures::future::try_join(engine.read(asker, sql), engine.read(asker, of_kinds)).await?;
    let kinds = kinds.into_iter().map(|kind| (kind.kind.unwrap_or_default(), kind.count)).collect();
    let money = money(&buckets);
    Ok(Some(Overview { header, from, width, buckets, kinds, money }))
}

/// What was spent up to the end of each bucket in which something was.
fn money(buckets: &[Bucket]) -> Vec<(usize, i64)> {
    let mut spent = std::collections::BTreeMap::<usize, i64>::new();
    for bucket in buckets {
        if let Some(cost) = bucket.cost_micros.filter(|cost| *cost != 0) {
            let sum = spent.entry(bucket.bucket).or_default();
            *sum = sum.saturating_add(cost);
        }
    }
    let mut sum = 0_i64;
    let steps = spent.into_iter().map(|(bucket, cost)| {
        sum = sum.saturating_add(cost);
        (bucket, sum)
    });
    steps.collect()
}

/// The words of the lanes in their order.
pub(super) fn lane_words() -> impl Iterator<Item = &'static str> {
    LANES.iter().map(|lane| lane.word)
}
