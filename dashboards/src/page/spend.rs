//! Spend: what today, the week or the month cost, against what is usual and against hard budgets; by team, model, agent and run; and what
//! workspaces cost beside.
//! All sums are the server's. Amounts are estimates by a price table; what has no price and what belongs to nobody is told apart.

mod caps;
mod compute;
mod dry_run;
mod forecast;
mod picture;

use askama::Template;
use axum::Router;
use axum::response::Response;
use axum::routing::{get, post};
use chrono::{DateTime, Datelike, Duration, Timelike, Utc};
use ledger::LedgerName;
use serde_json::Value;

use super::{Group, Page};
use crate::ask::{literal, number, some_text, text};
use crate::frame::Frame;
use crate::trouble::{self, Trouble};
use crate::visit::{Visit, address};
use crate::{State, figures};
use caps::{Asked, Caps};
use compute::Compute;
use forecast::{Day, Forecast, HOURS};
use picture::{HeatDay, Picture};

/// The page.
pub const PAGE: Page = Page {
    name: "Spend",
    path: "/spend",
    icon: "spend",
    group: Group::Account,
    key: 'p',
    reads: LedgerName::Events,
    routes,
};

fn routes() -> Router<State> {
    Router::new().route("/spend", get(show)).route("/spend/caps", post(caps::work))
}

#[derive(Template)]
#[template(path = "spend.html")]
struct SpendPage {
    frame: Frame,
    /// The range, and the addresses of all.
    ranges: Vec<(&'static str, String, bool)>,
    range: &'static str,
    team: Option<String>,
    spent: i64,
    cap: Option<i64>,
    forecast: Option<Forecast>,
    /// When the budget is used up, in words.
    used_up: Option<String>,
    picture: Picture,
    teams: Vec<Share>,
    models: Vec<ModelShare>,
    agents: Vec<Share>,
    runs: Vec<Share>,
    unpriced: i64,
    unpriced_tokens: i64,
    claimed: i64,
    compute: Compute,
    heat: Vec<HeatDay>,
    heat_top: String,
    caps: Caps,
    price_versions: String,
    sql: String,
    trouble: Option<String>,
}

/// One row of a table of sums.
struct Share {
    name: Option<String>,
    address: String,
    micros: i64,
    /// Part of the largest, in percent, for a bar.
    bar: f64,
    /// Against the same time of earlier weeks, in percent.
    usual: Option<i64>,
    calls: i64,
    runs: i64,
}

struct ModelShare {
    name: Option<String>,
    tokens_in: i64,
    cached: i64,
    out: i64,
    cached_share: i64,
    micros: i64,
    unpriced: i64,
}

/// The beginning, the length in hours and the name of a range.
fn range(name: Option<&str>, now: DateTime<Utc>) -> (&'static str, DateTime<Utc>, f64) {
    let today = now
        - Duration::seconds(i64::from(now.num_seconds_from_midnight()))
        - Duration::nanoseconds(i64::from(now.nanosecond()));
    match name {
        Some("week") => ("week", today - Duration::days(i64::from(now.weekday().num_days_from_monday())), 168.0),
        Some("month") => {
            let first = today - Duration::days(i64::from(now.day0()));
            let next = (first + Duration::days(32)).with_day(1).unwrap_or(first + Duration::days(30));
            ("month", first, (next - first).num_hours() as f64)
        }
        _ => ("today", today, HOURS as f64),
    }
}

async fn show(visit: Visit) -> Result<Response, Trouble> {
    page(&visit, Asked::of(&visit), None).await
}

/// The page; `refused` says why a cap was not set.
async fn page(visit: &Visit, asked: Asked, refused: Option<String>) -> Result<Response, Trouble> {
    let frame = Frame::of(visit, &PAGE).await?;
    let (name, start, length) = range(visit.parameter("range"), frame.now);
    let team = visit.parameter("team").map(str::to_owned);
    let of_team = team.as_deref().map_or_else(|| "TRUE".to_owned(), |team| format!("team = {}", literal(team)));
    let (condition, trouble) = condition(visit).await?;
    let scope = format!("{of_team} AND ({condition})");
    let since = format!("time >= {} AND {scope}", literal(&start.to_rfc3339()));
    let sql = format!(
        "SELECT date_trunc('hour', time) AS hour, sum(cost_micros) AS micros FROM spend \
         WHERE time >= {} AND cost_micros IS NOT NULL AND {scope} GROUP BY 1 ORDER BY 1",
        literal(&(start - Duration::days(35)).to_rfc3339())
    );
    let by = |column: &'static str| shares(visit, column, &since, start, frame.now);
    let (hours, caps, totals, teams, agents, runs, models) = tokio::try_join!(
        visit.rows(&sql),
        Caps::of(visit, &frame, asked, refused),
        totals(visit, &since),
        by("team"),
        by("workspace_name"),
        by("session"),
        models(visit, &since)
    )?;
    // After the others: of queries at the same time there is a bound.
    let compute = Compute::of(visit, start, &scope).await?;
    let hours = hourly(&hours);
    let elapsed = (frame.now - start).num_seconds() as f64 / 3_600.0;
    let spent: i64 = hours.iter().filter(|(hour, _)| *hour >= start).map(|(_, micros)| micros).sum();
    let cap = if name == "today" { caps.of_day(team.as_deref()) } else { None };
    let days = earlier_days(&hours, start, frame.now);
    let forecast = if name == "today" { forecast::forecast(&days, spent, elapsed) } else { None };
    let used_up =
        forecast.zip(cap).and_then(|(forecast, cap)| forecast::used_up(&days, spent, elapsed, forecast.median, cap));
    let (heat, heat_top) = picture::heat(&hours, frame.now);
    let ranges = [("Today", "today"), ("Week", "week"), ("Month", "month")];
    trouble::page(&SpendPage {
        ranges: ranges.map(|(word, range)| (word, visit.with("range", Some(range)), range == name)).into(),
        range: name,
        picture: picture::picture(&hours, start, elapsed, length, spent, cap, forecast),
        agents,
        runs,
        models,
        teams,
        unpriced: number(&totals, "unpriced"),
        unpriced_tokens: number(&totals, "unpriced_tokens"),
        claimed: number(&totals, "claimed"),
        price_versions: some_text(&totals, "versions").unwrap_or("none").to_owned(),
        used_up: used_up.map(|hour| format!("{:02}:{:02}", hour as u32 % 24, (hour.fract() * 60.0) as u32)),
        sql: address("/sql", [("sql", format!("SELECT team, model, sum(cost_micros) / 1000000.0 AS usd FROM spend WHERE {since} GROUP BY team, model ORDER BY usd DESC").as_str())]),
        trouble,
        compute,
        heat,
        heat_top,
        caps,
        spent,
        cap,
        forecast,
        team,
        frame,
    })
}

/// What the filter leaves, and why it leaves everything if it cannot be asked of what costs.
async fn condition(visit: &Visit) -> Result<(String, Option<String>), Trouble> {
    const ALL: &str = "TRUE";
    if visit.filter().is_empty() {
        return Ok((ALL.to_owned(), None));
    }
    let condition = match visit.condition("") {
        Ok(condition) => condition,
        Err(error) => return Ok((ALL.to_owned(), Some(error.to_string()))),
    };
    // A plan says whether the columns are there, without reading any.
    match visit.rows(&format!("EXPLAIN SELECT 1 AS one FROM spend WHERE {condition}")).await {
        Ok(_) => Ok((condition, None)),
        Err(trouble) if trouble.code == "sql" => {
            let words = "Spend is filtered by team, user, workspace, session, model, provider, source and time.";
            Ok((ALL.to_owned(), Some(words.to_owned())))
        }
        Err(trouble) => Err(trouble),
    }
}

/// Sums by hour, the oldest first.
fn hourly(rows: &[Value]) -> Vec<(DateTime<Utc>, i64)> {
    rows.iter().filter_map(|row| Some((figures::moment(text(row, "hour"))?, number(row, "micros")))).collect()
}

/// The days before `start` that are of the same kind as `now`: working days, or the weekend.
fn earlier_days(hours: &[(DateTime<Utc>, i64)], start: DateTime<Utc>, now: DateTime<Utc>) -> Vec<Day> {
    let is_weekend = |moment: DateTime<Utc>| moment.weekday().num_days_from_monday() >= 5;
    let mut days: std::collections::BTreeMap<chrono::NaiveDate, Day> = std::collections::BTreeMap::new();
    for (hour, micros) in hours.iter().filter(|(hour, _)| *hour < start && is_weekend(*hour) == is_weekend(now)) {
        if let Some(sum) = days.entry(hour.date_naive()).or_default().get_mut(hour.hour() as usize) {
            *sum += micros;
        }
    }
    days.into_values().collect()
}

async fn totals(visit: &Visit, since: &str) -> Result<Value, Trouble> {
    let sql = format!(
        "SELECT sum(CASE WHEN counted AND told_micros IS NULL AND model IS NOT NULL THEN 1 ELSE 0 END) AS unpriced, \
         sum(CASE WHEN counted AND told_micros IS NULL AND model IS NOT NULL THEN coalesce(tokens_in, 0) + coalesce(tokens_out, 0) ELSE 0 END) AS unpriced_tokens, \
         sum(claimed_micros) AS claimed, string_agg(DISTINCT price_version, ', ') AS versions FROM spend WHERE {since}"
    );
    Ok(visit.rows(&sql).await?.into_iter().next().unwrap_or_default())
}

/// Sums by one column, the largest first and what belongs to nobody last. `usual` compares with the same hours of the four weeks before.
async fn shares(
    visit: &Visit,
    column: &'static str,
    since: &str,
    start: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Vec<Share>, Trouble> {
    let sql = format!(
        "SELECT {column} AS name, sum(cost_micros) AS micros, count(*) AS calls, count(DISTINCT session) AS runs \
         FROM spend WHERE {since} AND cost_micros IS NOT NULL GROUP BY 1 ORDER BY name IS NULL, micros DESC LIMIT 12"
    );
    let rows = visit.rows(&sql).await?;
    // Comparing costs a second look at four weeks: teams alone get it.
    let before = if column == "team" { weeks_before(visit, start, now).await? } else { Vec::new() };
    let largest = rows.iter().map(|row| number(row, "micros")).max().unwrap_or(0).max(1) as f64;
    let shares = rows.iter().map(|row| {
        let name = some_text(row, "name").map(str::to_owned);
        let micros = number(row, "micros");
        let usual = before.iter().find(|(team, _)| *team == name).map(|(_, micros)| *micros).filter(|usual| *usual > 0);
        let value = name.clone().unwrap_or_default();
        Share {
            address: match column {
                "team" => visit.with("team", Some(&value)),
                "session" => format!("/sessions/{}", crate::visit::segment(&value)),
                _ => address("/sessions", [("filter", format!("workspace:\"{value}\"").as_str())]),
            },
            bar: micros as f64 / largest * 100.0,
            usual: usual.map(|usual| ((micros - usual) as f64 / usual as f64 * 100.0).round() as i64),
            calls: number(row, "calls"),
            runs: number(row, "runs"),
            micros,
            name,
        }
    });
    Ok(shares.collect())
}

/// What each team had spent on average by the same moment of the four weeks before.
async fn weeks_before(
    visit: &Visit,
    start: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Vec<(Option<String>, i64)>, Trouble> {
    let spans = (1..=4).map(|week| {
        let (from, until) = (start - Duration::weeks(week), now - Duration::weeks(week));
        format!("(time >= {} AND time < {})", literal(&from.to_rfc3339()), literal(&until.to_rfc3339()))
    });
    let spans: Vec<String> = spans.collect();
    let sql = format!(
        "SELECT team AS name, sum(cost_micros) AS micros FROM spend WHERE cost_micros IS NOT NULL AND time >= {} AND ({}) GROUP BY 1",
        literal(&(start - Duration::weeks(4)).to_rfc3339()),
        spans.join(" OR ")
    );
    let rows = visit.rows(&sql).await?;
    Ok(rows.iter().map(|row| (some_text(row, "name").map(str::to_owned), number(row, "micros") / 4)).collect())
}

async fn models(visit: &Visit, since: &str) -> Result<Vec<ModelShare>, Trouble> {
    let sql = format!(
        "SELECT model AS name, sum(tokens_in) AS tokens_in, sum(tokens_cache_read) AS cached, sum(tokens_out) AS out, sum(cost_micros) AS micros, \
         sum(CASE WHEN told_micros IS NULL THEN 1 ELSE 0 END) AS unpriced FROM spend WHERE {since} AND counted AND model IS NOT NULL \
         GROUP BY 1 ORDER BY micros DESC NULLS LAST LIMIT 12"
    );
    let rows = visit.rows(&sql).await?;
    let models = rows.iter().map(|row| {
        let (tokens_in, cached) = (number(row, "tokens_in"), number(row, "cached"));
        ModelShare {
            name: some_text(row, "name").map(str::to_owned),
            tokens_in,
            cached,
            out: number(row, "out"),
            cached_share: (cached as f64 / (tokens_in + cached).max(1) as f64 * 100.0).round() as i64,
            micros: number(row, "micros"),
            unpriced: number(row, "unpriced"),
        }
    });
    Ok(models.collect())
}
