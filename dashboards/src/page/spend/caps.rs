//! Hard caps: how each budget stands, what was reserved of it, and the form that tries another cap before it sets it.

use axum::extract::Form;
use axum::response::{IntoResponse, Redirect, Response};
use operations::Money;
use operations::access::Role;
use serde_json::{Map, Value};

use super::dry_run::{DryRun, SCOPE_NAMES};
use crate::ask::{list, number, some_text, text};
use crate::figures;
use crate::frame::Frame;
use crate::trouble::Trouble;
use crate::visit::{Visit, segment};

/// The scope of a budget for all.
const EVERYTHING: &str = "everything";

/// What is asked of a budget: the fields of the form.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Its name.
    pub budget: String,
    /// The cap in dollars, as somebody typed it.
    pub cap: String,
    /// Of a new one: day or month,
    pub period: String,
    /// and the team whose money it is; empty for everybody's.
    pub team: String,
}

impl Asked {
    /// What the address asks for. A new budget is that of the team which the page shows.
    pub fn of(visit: &Visit) -> Self {
        let field = |name: &str| visit.parameter(name).unwrap_or_default().trim().to_owned();
        let team = visit.parameter("for").map_or_else(|| field("team"), str::to_owned);
        Self { budget: field("budget"), cap: field("cap"), period: field("period"), team }
    }

    /// The cap, unless it is no amount.
    fn money(&self) -> Option<Money> {
        self.cap.trim_start_matches('$').parse().ok()
    }
}

/// One budget.
pub struct BudgetRow {
    pub name: String,
    pub scope: String,
    pub period: String,
    pub cap: i64,
    /// The cap of the configuration, where a person set another one.
    pub configured: Option<i64>,
    pub is_configured: bool,
    pub set_by: String,
    pub committed: i64,
    pub reserved: i64,
    pub unreserved: i64,
    pub available: i64,
    pub until: String,
    /// Widths of the bar's parts, in percent of the cap.
    pub parts: [f64; 3],
    /// The address of the form that changes it.
    pub change: String,
    terms: Value,
    utc_offset_minutes: i64,
}

/// One reservation.
pub struct ReservationRow {
    pub asked: String,
    pub owner: String,
    pub micros: i64,
    pub state: String,
    pub icon: &'static str,
    pub came: String,
}

/// Everything about hard caps on the page.
pub struct Caps {
    pub budgets: Vec<BudgetRow>,
    pub reservations: Vec<ReservationRow>,
    /// What the form holds.
    pub asked: Asked,
    /// The budget that the form is about, by its place in the list.
    pub known: Option<usize>,
    pub dry_run: Option<DryRun>,
    /// Why it was not tried or set.
    pub trouble: Option<String>,
    /// Whether the person may set caps.
    pub may_set: bool,
}

impl Caps {
    /// How budgets stand, and what the asked cap would have done.
    pub async fn of(visit: &Visit, frame: &Frame, asked: Asked, refused: Option<String>) -> Result<Self, Trouble> {
        let budgets = budget_rows(visit).await?;
        let known = budgets.iter().position(|budget| budget.name == asked.budget);
        let (dry_run, trouble) = match asked.money() {
            _ if asked.cap.is_empty() => (None, refused),
            None => (None, Some("A cap is a number of dollars such as 200 or 0.5, to the millionth.".to_owned())),
            Some(cap) => {
                let of_team = || match asked.team.as_str() {
                    "" => Value::Object(Map::new()),
                    team => Value::Object(Map::from_iter([("team".to_owned(), team.into())])),
                };
                let budget = known.and_then(|at| budgets.get(at));
                let scope = budget.map_or_else(of_team, |budget| budget.terms.clone());
                let period = budget.map_or(asked.period.as_str(), |budget| budget.period.as_str());
                let minutes = budget.map_or(0, |budget| budget.utc_offset_minutes);
                (Some(DryRun::of(visit, cap, &scope, period, minutes).await?), refused)
            }
        };
        let reservations = reservation_rows(visit, frame).await?;
        let may_set = visit.principal().may(Role::Admin);
        Ok(Self { budgets, reservations, asked, known, dry_run, trouble, may_set })
    }

    /// The budget that the form is about.
    pub fn budget(&self) -> Option<&BudgetRow> {
        self.known.and_then(|at| self.budgets.get(at))
    }

    /// The period that the form is about.
    pub fn period(&self) -> &str {
        let asked = if self.asked.period == "month" { "month" } else { "day" };
        self.budget().map_or(asked, |budget| budget.period.as_str())
    }

    /// The cap of the day for what the page shows: a team's, or everybody's.
    pub fn of_day(&self, team: Option<&str>) -> Option<i64> {
        let scope = team.map_or_else(|| EVERYTHING.to_owned(), |team| format!("team={team}"));
        let fits = |budget: &&BudgetRow| {
            budget.period == "day"
                && (budget.scope == scope
                    || (team.is_none() && budget.scope.starts_with("org=") && !budget.scope.contains(' ')))
        };
        self.budgets.iter().find(fits).map(|budget| budget.cap)
    }
}

/// Sets, closes or resets a budget, as the form says.
pub async fn work(visit: Visit, Form(fields): Form<Vec<(String, String)>>) -> Result<Response, Trouble> {
    let field = |name: &str| {
        let found = fields.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    let asked = Asked { budget: field("budget"), cap: field("cap"), period: field("period"), team: field("for") };
    let (action, body) = match field("action").as_str() {
        "close" => ("close", Map::new()),
        "reset" => ("reset", Map::new()),
        _ => match asked.money() {
            Some(cap) => ("set", terms(&asked, cap, !field("new").is_empty())),
            // The page says what a cap is.
            None => return super::page(&visit, asked, None).await,
        },
    };
    let path = format!("/api/v1/budgets/{}/{action}", segment(&asked.budget));
    match visit.post(&path, &Value::Object(body)).await {
        Ok(_) => Ok(Redirect::to("/spend#caps").into_response()),
        Err(trouble) if trouble.status.is_client_error() => super::page(&visit, asked, Some(trouble.detail)).await,
        Err(trouble) => Err(trouble),
    }
}

/// What the API is asked to set. The scope and the period of a budget that is there stay as they are.
fn terms(asked: &Asked, cap: Money, is_new: bool) -> Map<String, Value> {
    let mut terms = Map::from_iter([("cap_micros".to_owned(), cap.as_micros().into())]);
    if is_new {
        let given =
            [("period", &asked.period), ("team", &asked.team)].into_iter().filter(|(_, value)| !value.is_empty());
        terms.extend(given.map(|(name, value)| (name.to_owned(), value.as_str().into())));
    }
    terms
}

/// Whose money a budget is, in words.
fn scope_of(scope: &Value) -> String {
    let parts: Vec<String> =
        SCOPE_NAMES.iter().filter_map(|name| Some(format!("{name}={}", some_text(scope, name)?))).collect();
    if parts.is_empty() { EVERYTHING.to_owned() } else { parts.join(" ") }
}

async fn budget_rows(visit: &Visit) -> Result<Vec<BudgetRow>, Trouble> {
    let answer = match visit.get("/api/v1/budgets?limit=100").await {
        // Who may not see budgets sees the rest.
        Err(trouble) if trouble.status == axum::http::StatusCode::FORBIDDEN => return Ok(Vec::new()),
        answer => answer?,
    };
    let open = list(&answer, "budgets").iter().filter(|budget| text(budget, "state") == "open");
    let rows = open.map(|budget| {
        let cap = number(budget, "cap_micros").max(0);
        let [committed, reserved, unreserved] =
            ["committed_micros", "reserved_micros", "unreserved_micros"].map(|name| number(budget, name));
        let part = |micros: i64| (micros as f64 / cap.max(1) as f64 * 100.0).clamp(0.0, 100.0);
        let name = text(budget, "name").to_owned();
        BudgetRow {
            scope: scope_of(&budget["scope"]),
            period: text(budget, "period").to_owned(),
            configured: budget["configured_cap_micros"].as_i64().filter(|configured| *configured != cap),
            is_configured: !budget["configured_cap_micros"].is_null(),
            set_by: text(budget, "set_by").to_owned(),
            available: number(budget, "available_micros"),
            until: figures::moment(text(budget, "resets"))
                .map(|at| at.format("%-d %b %H:%M").to_string())
                .unwrap_or_default(),
            parts: [part(committed), part(unreserved), part(reserved)],
            change: format!("{}#caps", visit.with("budget", Some(&name))),
            terms: budget["scope"].clone(),
            utc_offset_minutes: number(budget, "utc_offset_minutes"),
            name,
            cap,
            committed,
            reserved,
            unreserved,
        }
    });
    Ok(rows.collect())
}

async fn reservation_rows(visit: &Visit, frame: &Frame) -> Result<Vec<ReservationRow>, Trouble> {
    let sql = "SELECT recorded, owner, micros, state, refusal, available_micros, reserved_micros FROM reservations ORDER BY seq DESC LIMIT 8";
    let rows = visit.rows(sql).await?;
    let rows = rows.iter().map(|row| {
        let state = text(row, "state");
        let (icon, came) = match state {
            "refused" => ("cross", format!("{} left", figures::dollars(number(row, "available_micros")))),
            "committed" => (
                "check",
                format!(
                    "{} of {}",
                    figures::dollars(number(row, "reserved_micros")),
                    figures::dollars(number(row, "micros"))
                ),
            ),
            "expired" => ("lost", "given back by itself".to_owned()),
            _ => ("clock", String::new()),
        };
        ReservationRow {
            asked: frame.time(text(row, "recorded")),
            owner: text(row, "owner").to_owned(),
            micros: number(row, "micros"),
            state: figures::capitalised(if state.is_empty() { "open" } else { state }),
            icon,
            came,
        }
    });
    Ok(rows.collect())
}
