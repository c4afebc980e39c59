//! Objectives: do agents finish their work, and does our own pipeline keep its promises. Each says how it is defined, where it stands, and
//! how much of its error budget is left.

use askama::Template;
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use ledger::LedgerName;
use query::views::SUM_COST;
use serde_json::Value;

use super::{Group, Page};
use crate::ask::number;
use crate::frame::Frame;
use crate::trouble::{self, Trouble};
use crate::visit::{Visit, address};
use crate::{State, figures};

/// The page.
pub const PAGE: Page =
    Page { name: "SLO", path: "/slo", icon: "slo", group: Group::Operate, key: 'o', reads: LedgerName::Events, routes };

fn routes() -> Router<State> {
    Router::new().route("/slo", get(show))
}

/// An objective: which part of what happened is good, and how large that part is to be.
struct Objective {
    name: &'static str,
    /// The definition, in words that stand in the row.
    definition: &'static str,
    /// The part that is to be good, in thousandths.
    target: i64,
    /// The moment of what is counted,
    at: &'static str,
    /// what is bad of it,
    bad: &'static str,
    /// and among what, as a table with a condition.
    of: &'static str,
    /// A question for what spent the budget.
    spent_by: &'static str,
    of_agents: bool,
}

/// All objectives. A change of a definition changes what all days were judged by: it is a change of this list.
const OBJECTIVES: &[Objective] = &[
    Objective {
        name: "Sessions end without failing",
        definition: "sessions with an end event whose outcome is no error, of all with an end event",
        target: 950,
        at: "time",
        bad: "outcome IN ('error', 'deny')",
        of: "events WHERE kind = 'session.end'",
        spent_by: "SELECT time, team, agent, session, outcome FROM events WHERE kind = 'session.end' AND outcome = 'error' ORDER BY time DESC LIMIT 100",
        of_agents: true,
    },
    Objective {
        name: "Checks pass",
        definition: "test runs and checks that passed, of all that told how they ended",
        target: 800,
        at: "time",
        bad: "outcome = 'error'",
        of: "events WHERE kind = 'check.result' AND outcome IN ('success', 'error')",
        spent_by: "SELECT time, team, agent, session FROM events WHERE kind = 'check.result' AND outcome = 'error' ORDER BY time DESC LIMIT 100",
        of_agents: true,
    },
    Objective {
        name: "Requests are let through",
        definition: "requests that the firewall allowed, of all requests",
        target: 980,
        at: "time",
        bad: "outcome = 'deny'",
        of: "events WHERE kind = 'egress.http'",
        spent_by: "SELECT domain, count(*) AS denied FROM egress WHERE outcome = 'deny' AND time > now() - INTERVAL '30 days' GROUP BY 1 ORDER BY 2 DESC LIMIT 50",
        of_agents: true,
    },
    Objective {
        name: "Events are recorded within 2 s",
        definition: "events that were durable within 2 s after they were observed, of those that are not read in later",
        target: 990,
        at: "recorded",
        bad: "recorded - observed > INTERVAL '2 seconds'",
        of: "events WHERE observed IS NOT NULL AND recorded - observed < INTERVAL '15 minutes' AND NOT coalesce(array_has(marks, 'backfill'), false)",
        spent_by: "SELECT collector, max(recorded - observed) AS lag FROM events WHERE recorded > now() - INTERVAL '1 day' GROUP BY 1",
        of_agents: false,
    },
    Objective {
        name: "Alerts open within 1 s",
        definition: "alerts that one event opens and that were durable within 1 s after it was recorded, of what is not read in later",
        target: 990,
        at: "opened",
        bad: "opened - recorded_first > INTERVAL '1 second'",
        of: "alerts WHERE NOT backfill AND count = 1",
        spent_by: "SELECT rule, opened - recorded_first AS took, alert FROM alerts WHERE NOT backfill ORDER BY took DESC LIMIT 50",
        of_agents: false,
    },
    Objective {
        name: "Records are understood",
        definition: "records that a dialect reads, of all that were kept",
        target: 999,
        at: "recorded",
        bad: "kind = 'unparsed'",
        of: "events WHERE TRUE",
        spent_by: "SELECT recorded, collector, source, position FROM events WHERE kind = 'unparsed' ORDER BY recorded DESC LIMIT 100",
        of_agents: false,
    },
];

/// The windows over which the use of the budget is told, in minutes before now: an hour, six hours, three days.
const WINDOWS: [i64; 3] = [60, 360, 4_320];

impl Objective {
    /// A question that answers with `age` in minutes, `good` and `bad`: by tens of minutes for three days, and by day before them.
    fn sql(&self) -> String {
        let Self { at, bad, of, .. } = self;
        let age = format!("CAST((date_part('epoch', now()) - date_part('epoch', {at})) / 60 AS BIGINT)");
        format!(
            "SELECT CASE WHEN age < 4320 THEN age / 10 * 10 ELSE age / 1440 * 1440 END AS age, \
             sum(CASE WHEN is_bad THEN 0 ELSE 1 END) AS good, sum(CASE WHEN is_bad THEN 1 ELSE 0 END) AS bad \
             FROM (SELECT greatest({age}, 0) AS age, coalesce({bad}, false) AS is_bad FROM {of} AND {at} > now() - INTERVAL '30 days') GROUP BY 1"
        )
    }
}

#[derive(Template)]
#[template(path = "slo.html")]
struct SloPage {
    frame: Frame,
    agents: Vec<Row>,
    pipeline: Vec<Row>,
    work: Work,
}

/// What a finished session takes, in thirty days.
struct Work {
    ended: i64,
    minutes: String,
    minutes_p90: String,
    cost: String,
    cost_p90: String,
    approvals: String,
}

struct Row {
    name: &'static str,
    definition: &'static str,
    target: String,
    now: String,
    is_met: bool,
    events: i64,
    /// What is left of the error budget, in percent; below zero it is overdrawn.
    left: f64,
    /// How fast the budget is used in each of [`WINDOWS`]; 1 uses it up exactly in thirty days.
    burn: [Option<f64>; 3],
    /// Thirty days: 0 nothing happened, 1 kept, 2 missed.
    days: Vec<(usize, String)>,
    address: String,
}

impl Row {
    fn of(objective: &Objective, rows: &[Value]) -> Self {
        const DAY: i64 = 1_440;
        let allowed = 1.0 - objective.target as f64 / 1e3;
        // Whatever happened in these minutes before now: how much of it was good, and how much was not.
        let sums = |from: i64, until: i64| {
            let within = rows.iter().filter(|row| (from..until).contains(&number(row, "age")));
            within.fold((0, 0), |(good, bad), row| (good + number(row, "good"), bad + number(row, "bad")))
        };
        let bad_part = |(good, bad): (i64, i64)| (good + bad > 0).then(|| bad as f64 / (good + bad) as f64);
        let (good, bad) = sums(0, 31 * DAY);
        let part = bad_part((good, bad));
        let days = (0..30).rev().map(|ago| {
            let (good, bad) = sums(ago * DAY, (ago + 1) * DAY);
            let level = bad_part((good, bad)).map_or(0, |bad| if bad <= allowed { 1 } else { 2 });
            let words = if level == 0 { "nothing happened".to_owned() } else { format!("{good} good, {bad} not") };
            (level, format!("{} to {ago} days ago: {words}", ago + 1))
        });
        Self {
            name: objective.name,
            definition: objective.definition,
            target: format!("{:.1} %", objective.target as f64 / 10.0),
            now: part.map_or_else(|| "not told".to_owned(), |bad| format!("{:.2} %", (1.0 - bad) * 100.0)),
            is_met: part.is_none_or(|bad| bad <= allowed),
            events: good + bad,
            left: part.map_or(100.0, |bad| (1.0 - bad / allowed) * 100.0),
            burn: WINDOWS.map(|minutes| bad_part(sums(0, minutes)).map(|bad| bad / allowed)),
            days: days.collect(),
            address: address("/sql", [("sql", objective.spent_by)]),
        }
    }

    /// The bar of what is left.
    fn bar(&self) -> f64 {
        self.left.clamp(0.0, 100.0)
    }

    fn burn_words(&self) -> String {
        let words = self.burn.iter().map(|burn| burn.map_or_else(|| "–".to_owned(), |burn| format!("{burn:.1}")));
        words.collect::<Vec<_>>().join(" · ")
    }
}

async fn show(visit: Visit) -> Result<Response, Trouble> {
    let frame = Frame::of(&visit, &PAGE).await?;
    let (mut agents, mut pipeline) = (Vec::new(), Vec::new());
    for objective in OBJECTIVES {
        let rows = visit.rows(&objective.sql()).await?;
        let list = if objective.of_agents { &mut agents } else { &mut pipeline };
        list.push(Row::of(objective, &rows));
    }
    trouble::page(&SloPage { work: work(&visit).await?, agents, pipeline, frame })
}

async fn work(visit: &Visit) -> Result<Work, Trouble> {
    let sql = format!(
        "SELECT count(*) AS ended, approx_percentile_cont(seconds, 0.5) AS median, approx_percentile_cont(seconds, 0.9) AS p90, \
               approx_percentile_cont(micros, 0.5) AS micros, approx_percentile_cont(micros, 0.9) AS micros_p90, avg(approvals) AS approvals FROM (SELECT session, \
               CAST(date_part('epoch', max(time)) - date_part('epoch', min(time)) AS DOUBLE) AS seconds, \
               {SUM_COST} AS micros, \
               sum(CASE WHEN kind = 'approval' THEN 1 ELSE 0 END) AS approvals, max(CASE WHEN kind = 'session.end' THEN 1 ELSE 0 END) AS has_end \
               FROM events WHERE session IS NOT NULL AND time > now() - INTERVAL '30 days' GROUP BY session) WHERE has_end = 1"
    );
    let row = visit.rows(&sql).await?.into_iter().next().unwrap_or_default();
    let float = |name: &str| row.get(name).and_then(Value::as_f64);
    let duration = |name: &str| float(name).map_or_else(|| "–".to_owned(), |seconds| figures::duration(seconds as i64));
    let dollars = |name: &str| float(name).map_or_else(|| "–".to_owned(), |micros| figures::dollars(micros as i64));
    Ok(Work {
        ended: number(&row, "ended"),
        minutes: duration("median"),
        minutes_p90: duration("p90"),
        cost: dollars("micros"),
        cost_p90: dollars("micros_p90"),
        approvals: float("approvals").map_or_else(|| "–".to_owned(), |approvals| format!("{approvals:.2}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The share that is left of the budget of the first objective, whose part is 95 %, and how fast it is used.
    fn check(rows: &[Value], left: f64, burn: [Option<f64>; 3]) {
        let row = Row::of(&OBJECTIVES[0], rows);
        let round = |value: f64| (value * 100.0).round() / 100.0;
        assert_eq!((round(row.left), row.burn.map(|burn| burn.map(round))), (left, burn), "{rows:?}");
    }

    #[test]
    fn budgets_are_used_by_the_windows_in_which_it_happened() {
        let rows = |age: i64, good: i64, bad: i64| json!({ "age": age, "good": good, "bad": bad });
        check(&[], 100.0, [None; 3]);
        check(&[rows(0, 90, 10)], -100.0, [Some(2.0); 3]);
        check(&[rows(50, 100, 0), rows(70, 0, 10)], -81.82, [Some(0.0), Some(1.82), Some(1.82)]);
        check(&[rows(4_320, 95, 5)], 0.0, [None; 3]);
    }
}
