//! What workspaces of the last days cost, and for which templates nobody said a rate: for `doctor`, and whoever watches over the API.

use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::error::QueryError;
use crate::limits;
use crate::read::Asker;

/// The last days.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Over so many days, and today.
    pub days: u32,
    /// The version of the rate table; `None` without one.
    pub version: Option<String>,
    /// How many workspaces there were.
    pub workspaces: i64,
    /// How long they ran, in seconds.
    pub running_seconds: i64,
    /// The part of it that no rate fits.
    pub unrated_seconds: i64,
    /// What running and being stopped cost, in micro-USD; `None` if nothing has a rate.
    pub cost_micros: Option<i64>,
    /// What storage cost; `None` if no rate says so.
    pub storage_micros: Option<i64>,
    /// What no rate fits, by template, the longest first.
    pub unrated: Vec<Unrated>,
}

/// Workspaces of a template that no rate fits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unrated {
    /// The template, if that is known.
    pub template: Option<String>,
    /// How many workspaces of it ran.
    pub workspaces: i64,
    /// How long, in seconds.
    pub seconds: i64,
}

/// Looks at the last days. One who may not read money is refused.
pub async fn summary(engine: &Engine, asker: &Asker) -> Result<Summary, QueryError> {
    #[derive(Default, Deserialize)]
    struct Totals {
        workspaces: i64,
        running: Option<i64>,
        unrated: Option<i64>,
        cost: Option<i64>,
        storage: Option<i64>,
    }
    let days = limits::COMPUTE_SUMMARY_DAYS;
    let since = format!("day >= date_trunc('day', now()) - INTERVAL '{days} days'");
    let totals = format!(
        "SELECT count(DISTINCT workspace) AS workspaces, sum(seconds) FILTER (WHERE state = 'running') AS running, \
         sum(seconds) FILTER (WHERE state = 'running' AND rate IS NULL) AS unrated, sum(cost_micros) AS cost, \
         sum(storage_micros) AS storage FROM compute WHERE {since}"
    );
    let unrated = format!(
        "SELECT template, count(DISTINCT workspace) AS workspaces, sum(seconds) AS seconds FROM compute \
         WHERE {since} AND state = 'running' AND rate IS NULL GROUP BY 1 ORDER BY 3 DESC, 1 LIMIT {}",
        limits::COMPUTE_UNRATED_MAX
    );
    let totals: Totals = engine.read_one(asker, totals).await?.unwrap_or_default();
    let rates = engine.rates().current();
    Ok(Summary {
        days,
        version: (!rates.is_absent()).then(|| rates.version().to_owned()),
        workspaces: totals.workspaces,
        running_seconds: totals.running.unwrap_or(0),
        unrated_seconds: totals.unrated.unwrap_or(0),
        cost_micros: totals.cost,
        storage_micros: totals.storage,
        unrated: engine.read(asker, unrated).await?,
    })
}
