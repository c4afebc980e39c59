//! What workspaces of the range cost beside the calls of models: by team, and which templates no rate fits. All sums are the server's.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::ask::{literal, number, some_text};
use crate::figures;
use crate::trouble::Trouble;
use crate::visit::Visit;

/// What is shown of workspaces.
#[derive(Default)]
pub struct Compute {
    /// Why nothing is said, if the filter asks what workspaces do not have.
    pub unasked: bool,
    pub all: Sums,
    pub teams: Vec<TeamSums>,
    /// Templates without a rate, with how many workspaces of each ran for how long.
    pub unrated: Vec<(Option<String>, i64, String)>,
}

/// What some workspaces did and cost.
#[derive(Default)]
pub struct Sums {
    pub workspaces: i64,
    pub hours: String,
    /// How long they ran without a rate; empty if they did not.
    pub unrated: String,
    /// In micro-USD; `None` without a rate.
    pub cost: Option<i64>,
    pub storage: Option<i64>,
}

/// The same of a team.
pub struct TeamSums {
    pub name: Option<String>,
    pub address: String,
    /// Part of the largest, in percent, for a bar.
    pub bar: f64,
    pub sums: Sums,
}

/// All workspaces, those of each team, and those of each template: one question, since each reads all builds.
fn question(since: &str) -> String {
    format!(
        "SELECT grouping(team) = 0 AS of_team, grouping(template) = 0 AS of_template, team, template, \
         count(DISTINCT workspace) AS workspaces, sum(seconds) FILTER (WHERE state = 'running') AS running, \
         sum(seconds) FILTER (WHERE state = 'running' AND rate IS NULL) AS unrated, \
         count(DISTINCT workspace) FILTER (WHERE state = 'running' AND rate IS NULL) AS unrated_workspaces, \
         sum(cost_micros) AS cost, sum(storage_micros) AS storage FROM compute WHERE {since} \
         GROUP BY GROUPING SETS ((), (team), (template)) ORDER BY of_team, of_template, team IS NULL, \
         coalesce(sum(cost_micros), 0) + coalesce(sum(storage_micros), 0) DESC, running DESC NULLS LAST, team, template LIMIT {ROWS_MAX}"
    )
}

/// Rows of the answer: what there is more of is not shown.
const ROWS_MAX: usize = 2_000;
/// Teams that are shown,
const TEAMS_SHOWN: usize = 12;
/// and templates without a rate.
const TEMPLATES_SHOWN: usize = 5;

impl Sums {
    fn of(row: &Value) -> Self {
        let money = |name: &str| row.get(name).and_then(Value::as_i64);
        let unrated = number(row, "unrated");
        Self {
            workspaces: number(row, "workspaces"),
            hours: hours(number(row, "running")),
            unrated: if unrated > 0 { hours(unrated) } else { String::new() },
            cost: money("cost"),
            storage: money("storage"),
        }
    }

    /// All of it; `None` if nothing has a rate.
    pub fn total(&self) -> Option<i64> {
        match (self.cost, self.storage) {
            (None, None) => None,
            (cost, storage) => Some(cost.unwrap_or(0).saturating_add(storage.unwrap_or(0))),
        }
    }
}

impl Compute {
    /// What the workspaces for which `scope` holds cost since the beginning of a day.
    pub async fn of(visit: &Visit, start: DateTime<Utc>, scope: &str) -> Result<Self, Trouble> {
        let since = format!("day >= {} AND {scope}", literal(&start.to_rfc3339()));
        if !visit.filter().is_empty() {
            // A plan says whether the columns are there, without reading any.
            match visit.rows(&format!("EXPLAIN SELECT 1 AS one FROM compute WHERE {since}")).await {
                Ok(_) => {}
                Err(trouble) if trouble.code == "sql" => return Ok(Self { unasked: true, ..Self::default() }),
                Err(trouble) => return Err(trouble),
            }
        }
        let rows = visit.rows(&question(&since)).await?;
        let is = |row: &&Value, name: &str| row.get(name).and_then(Value::as_bool).unwrap_or(false);
        let all = rows.iter().find(|row| !is(row, "of_team") && !is(row, "of_template"));
        let teams: Vec<&Value> = rows.iter().filter(|row| is(row, "of_team")).take(TEAMS_SHOWN).collect();
        let mut unrated: Vec<&Value> =
            rows.iter().filter(|row| is(row, "of_template") && number(row, "unrated") > 0).collect();
        unrated.sort_by_key(|row| std::cmp::Reverse(number(row, "unrated")));
        let largest = teams.iter().filter_map(|row| Sums::of(row).total()).max().unwrap_or(0).max(1) as f64;
        let team = |row: &&Value| {
            let (name, sums) = (some_text(row, "team").map(str::to_owned), Sums::of(row));
            let address = visit.with("team", Some(name.as_deref().unwrap_or_default()));
            TeamSums { address, bar: sums.total().unwrap_or(0) as f64 / largest * 100.0, name, sums }
        };
        let template = |row: &&Value| {
            let name = some_text(row, "template").map(str::to_owned);
            (name, number(row, "unrated_workspaces"), hours(number(row, "unrated")))
        };
        Ok(Self {
            unasked: false,
            all: all.map(Sums::of).unwrap_or_default(),
            teams: teams.iter().map(team).collect(),
            unrated: unrated.iter().take(TEMPLATES_SHOWN).map(template).collect(),
        })
    }
}

/// Seconds as hours with one digit after the point, cut off.
fn hours(seconds: i64) -> String {
    format!("{}.{}", figures::count(seconds / 3_600), seconds % 3_600 / 360)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_has_no_rate_is_nothing_and_no_zero() {
        let check = |row: Value, total: Option<i64>, hours: &str, unrated: &str| {
            let sums = Sums::of(&row);
            assert_eq!((sums.total(), sums.hours.as_str(), sums.unrated.as_str()), (total, hours, unrated), "{row}");
        };
        check(
            json!({"workspaces": 0, "running": null, "unrated": null, "cost": null, "storage": null}),
            None,
            "0.0",
            "",
        );
        check(
            json!({"running": 4_500_000, "unrated": 360, "cost": null, "storage": null}),
            None,
            "1\u{202f}250.0",
            "0.1",
        );
        check(json!({"running": 5_399, "unrated": 0, "cost": 0, "storage": null}), Some(0), "1.4", "");
        check(json!({"running": 3_600, "unrated": null, "cost": 5, "storage": 7}), Some(12), "1.0", "");
    }
}
