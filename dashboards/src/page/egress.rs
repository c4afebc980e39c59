//! Egress: where requests go, what is new, what was refused, who talks to what, and rules that would let through what several ask for.

mod drawer;
mod rules;

use std::collections::BTreeMap;

use askama::Template;
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use ledger::LedgerName;
use serde_json::Value;

use super::{Group, Page};
use crate::ask::{list, literal, number, some_text, text};
use crate::frame::Frame;
use crate::trouble::{self, Trouble};
use crate::visit::{Visit, address};
use crate::{State, figures, shown};
use drawer::Drawer;
use rules::Proposal;

/// The page.
pub const PAGE: Page = Page {
    name: "Egress",
    path: "/egress",
    icon: "egress",
    group: Group::Account,
    key: 'e',
    reads: LedgerName::Events,
    routes,
};

fn routes() -> Router<State> {
    Router::new().route("/egress", get(show))
}

/// Columns of the matrix.
const DOMAINS_MAX: usize = 24;
/// Rows of it.
const ROWS_MAX: usize = 40;

#[derive(Template)]
#[template(path = "egress.html")]
struct EgressPage {
    frame: Frame,
    totals: Totals,
    new: Vec<NewDomain>,
    domains: Vec<Column>,
    rows: Vec<MatrixRow>,
    by_agent: bool,
    by_address: String,
    proposals: Vec<Proposal>,
    drawer: Option<Drawer>,
    sql: String,
    trouble: Option<String>,
}

#[derive(Default)]
struct Totals {
    requests: i64,
    domains: i64,
    denied: i64,
    denied_lately: i64,
}

/// A domain that nobody asked for in the thirty days before.
struct NewDomain {
    domain: String,
    address: String,
    first: String,
    by: String,
    team: String,
    methods: String,
    denied: i64,
    allowed: i64,
    agents: i64,
    alert: Option<(String, String, String)>,
    is_chosen: bool,
}

struct Column {
    domain: String,
    address: String,
    is_new: bool,
}

struct MatrixRow {
    name: String,
    count: i64,
    cells: Vec<Option<Cell>>,
}

struct Cell {
    text: String,
    level: usize,
    is_denied: bool,
    address: String,
    label: String,
}

/// What the filter of the page leaves, as a condition of SQL over `events`.
fn condition(visit: &Visit) -> (String, Option<String>) {
    match visit.condition("since:24h") {
        Ok(condition) => (condition, None),
        Err(error) => ("time > now() - INTERVAL '24 hours'".to_owned(), Some(error.to_string())),
    }
}

async fn show(visit: Visit) -> Result<Response, Trouble> {
    let frame = Frame::of(&visit, &PAGE).await?;
    let (condition, trouble) = condition(&visit);
    let alerts = visit.get("/api/v1/alerts?filter=status:open,acknowledged+rule:egress.*&limit=200").await?;
    let alert_of = |domain: &str| {
        let found = list(&alerts, "alerts").iter().find(|alert| text(&alert["what"], "domain") == domain);
        found.map(|alert| {
            (text(alert, "severity").to_owned(), text(alert, "rule").to_owned(), text(alert, "id").to_owned())
        })
    };
    let chosen = visit.parameter("domain");
    let new = new_domains(&visit, &frame, chosen, &alert_of).await?;
    let by_agent = visit.parameter("by") == Some("agent");
    let (domains, rows) = matrix(&visit, &condition, by_agent, &new).await?;
    let drawer = match chosen {
        Some(domain) => Some(Drawer::of(&visit, &frame, domain, alert_of(domain)).await?),
        None => None,
    };
    trouble::page(&EgressPage {
        totals: totals(&visit, &condition).await?,
        proposals: rules::proposals(&visit, &condition, |domain| alert_of(domain).is_some()).await?,
        by_address: visit.with("by", if by_agent { None } else { Some("agent") }),
        sql: address("/sql", [("sql", format!("SELECT time, team, workspace_name, outcome, method, host, path, rule FROM egress WHERE {condition} ORDER BY time DESC LIMIT 500").as_str())]),
        new,
        domains,
        rows,
        by_agent,
        drawer,
        trouble,
        frame,
    })
}

async fn totals(visit: &Visit, condition: &str) -> Result<Totals, Trouble> {
    let sql = format!(
        "SELECT count(*) AS requests, count(DISTINCT domain) AS domains, sum(CASE WHEN outcome = 'deny' THEN 1 ELSE 0 END) AS denied, \
         sum(CASE WHEN outcome = 'deny' AND time > now() - INTERVAL '10 minutes' THEN 1 ELSE 0 END) AS lately \
         FROM events WHERE kind = 'egress.http' AND {condition}"
    );
    let row = visit.rows(&sql).await?.into_iter().next().unwrap_or_default();
    let [requests, domains, denied, denied_lately] =
        ["requests", "domains", "denied", "lately"].map(|name| number(&row, name));
    Ok(Totals { requests, domains, denied, denied_lately })
}

async fn new_domains(
    visit: &Visit,
    frame: &Frame,
    chosen: Option<&str>,
    alert_of: &impl Fn(&str) -> Option<(String, String, String)>,
) -> Result<Vec<NewDomain>, Trouble> {
    let sql = "SELECT domain, min(time) AS first, first_value(coalesce(workspace_name, agent, workspace) ORDER BY time) AS by, \
         first_value(team ORDER BY time) AS team, string_agg(DISTINCT method, ' ') AS methods, \
         sum(CASE WHEN outcome = 'deny' THEN 1 ELSE 0 END) AS denied, sum(CASE WHEN outcome = 'deny' THEN 0 ELSE 1 END) AS allowed, \
         count(DISTINCT coalesce(workspace, agent)) AS agents \
         FROM events WHERE kind = 'egress.http' AND domain IS NOT NULL AND time > now() - INTERVAL '30 days' \
         GROUP BY domain HAVING min(time) > now() - INTERVAL '24 hours' ORDER BY first DESC LIMIT 30";
    let rows = visit.rows(sql).await?;
    let mut new: Vec<NewDomain> = rows
        .iter()
        .map(|row| {
            let domain = text(row, "domain");
            NewDomain {
                address: visit.with("domain", Some(domain)),
                first: frame.time(text(row, "first")),
                by: some_text(row, "by").unwrap_or("not told").to_owned(),
                team: text(row, "team").to_owned(),
                methods: text(row, "methods").to_owned(),
                denied: number(row, "denied"),
                allowed: number(row, "allowed"),
                agents: number(row, "agents"),
                alert: alert_of(domain),
                is_chosen: chosen == Some(domain),
                domain: domain.to_owned(),
            }
        })
        .collect();
    // What an alert is about comes first.
    new.sort_by_key(|domain| domain.alert.is_none());
    Ok(new)
}

/// Who asked for what, the domains that most asked for first, new ones last.
async fn matrix(
    visit: &Visit,
    condition: &str,
    by_agent: bool,
    new: &[NewDomain],
) -> Result<(Vec<Column>, Vec<MatrixRow>), Trouble> {
    let who =
        if by_agent { "coalesce(workspace_name, agent, workspace, 'not told')" } else { "coalesce(team, 'not told')" };
    let sql = format!(
        "SELECT {who} AS who, domain, count(*) AS requests, sum(CASE WHEN outcome = 'deny' THEN 1 ELSE 0 END) AS denied \
         FROM events WHERE kind = 'egress.http' AND domain IS NOT NULL AND {condition} GROUP BY 1, 2 ORDER BY requests DESC LIMIT 4000"
    );
    let rows = visit.rows(&sql).await?;
    let mut sums: BTreeMap<&str, i64> = BTreeMap::new();
    let mut people: BTreeMap<&str, i64> = BTreeMap::new();
    for row in &rows {
        *sums.entry(text(row, "domain")).or_default() += number(row, "requests");
        *people.entry(text(row, "who")).or_default() += number(row, "requests");
    }
    let is_new = |domain: &str| new.iter().any(|new| new.domain == domain);
    let mut domains: Vec<(&str, i64)> = sums.into_iter().collect();
    // New ones are seen whatever little was asked of them.
    domains.sort_by_key(|(domain, sum)| (!is_new(domain), std::cmp::Reverse(*sum)));
    domains.truncate(DOMAINS_MAX);
    domains.sort_by_key(|(domain, sum)| (is_new(domain), std::cmp::Reverse(*sum)));
    let mut people: Vec<(&str, i64)> = people.into_iter().collect();
    people.sort_by_key(|(_, sum)| std::cmp::Reverse(*sum));
    people.truncate(ROWS_MAX);
    let word = if by_agent { "agent" } else { "team" };
    let cells = |who: &str| {
        let of = |domain: &str| rows.iter().find(|row| text(row, "who") == who && text(row, "domain") == domain);
        domains.iter().map(|(domain, _)| Some(cell(of(domain)?, who, domain, word))).collect()
    };
    let rows = people
        .iter()
        .map(|(who, count)| MatrixRow { name: (*who).to_owned(), count: *count, cells: cells(who) })
        .collect();
    let columns = domains.iter().map(|(domain, _)| Column {
        domain: shown::defanged(domain),
        address: visit.with("domain", Some(domain)),
        is_new: is_new(domain),
    });
    Ok((columns.collect(), rows))
}

fn cell(row: &Value, who: &str, domain: &str, word: &str) -> Cell {
    let (requests, denied) = (number(row, "requests"), number(row, "denied"));
    let denials = if denied > 0 { format!(", {denied} denied") } else { String::new() };
    let column = if word == "team" { "team" } else { "coalesce(workspace_name, agent, workspace)" };
    let sql = format!(
        "SELECT time, outcome, method, host, path, rule, session, position FROM events WHERE kind = 'egress.http' AND {column} = {} AND domain = {} ORDER BY time DESC LIMIT 200",
        literal(who),
        literal(domain)
    );
    Cell {
        text: figures::short(requests),
        level: match requests {
            0..10 => 0,
            10..100 => 1,
            100..1_000 => 2,
            _ => 3,
        },
        is_denied: denied > 0,
        address: address("/sql", [("sql", sql.as_str())]),
        label: format!("{who}, {}: {requests} requests{denials}", shown::defanged(domain)),
    }
}
