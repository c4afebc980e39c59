//! The fleet, live: what every agent does now, and who needs a person. The state is the API's; this page shows it.

mod agent;
mod connect;

use askama::Template;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use ledger::LedgerName;
use serde_json::Value;

use super::{Group, PAGES, Page};
use crate::ask::{list, number, text};
use crate::frame::Frame;
use crate::trouble::{self, Trouble};
use crate::visit::{Visit, address, segment};
use crate::{State, figures, limits, shown};
use agent::{AgentRow, HeatRow};
use connect::Connect;

/// The page.
pub const PAGE: Page =
    Page { name: "Fleet", path: "/", icon: "fleet", group: Group::Watch, key: 'f', reads: LedgerName::Events, routes };

fn routes() -> Router<State> {
    Router::new()
        .route("/", get(show))
        .route("/connect", get(connect::show).post(connect::create_token))
        .layer(DefaultBodyLimit::max(limits::FORM_BYTES_MAX))
}

/// How many cards there are at most.
const CARDS_MAX: usize = 4;

/// The page.
#[derive(Template)]
#[template(path = "fleet.html")]
struct FleetPage {
    frame: Frame,
    counters: Counters,
    cards: Vec<Card>,
    agents: Vec<AgentRow>,
    heat: Vec<HeatRow>,
    total: i64,
    next: Option<String>,
    /// The teams and states to choose from, with the addresses that do.
    teams: Vec<(String, String, bool)>,
    states: Vec<(String, String, bool, i64)>,
    /// Where the stream goes on.
    position: String,
    /// Whether what was made from content is shown.
    content: bool,
    /// What to do while nothing was recorded.
    connect: Option<Connect>,
    /// What of the filter was not understood, in a sentence.
    trouble: Option<String>,
    /// Where a demo leads first; empty without one, or once it was put away.
    tour: Vec<Stop>,
}

impl FleetPage {
    /// Whether there are agents that have no row.
    fn has_more(&self) -> bool {
        self.total > self.agents.len() as i64
    }
}

/// A card of the demo's tour.
struct Stop {
    head: &'static str,
    sentence: String,
    address: String,
    word: &'static str,
}

/// The tour of a demo, which begins with the worst alert that is open.
fn tour(alerts: &Value) -> Vec<Stop> {
    let open = list(alerts, "alerts");
    let worst = open.iter().find(|alert| text(alert, "severity") == "critical").or(open.first());
    let alert = worst.map_or_else(|| "/alerts".to_owned(), |alert| format!("/alerts/{}", segment(text(alert, "id"))));
    let session = worst.and_then(|alert| crate::ask::some_text(&alert["who"], "session"));
    let session = session.map_or_else(|| "/sessions".to_owned(), |session| format!("/sessions/{}", segment(session)));
    let rule = worst.map_or("None is open yet: a story begins every ten seconds or so.".to_owned(), |alert| {
        format!("{} stands first. Why, what is usual, and who was told.", text(alert, "rule"))
    });
    let select =
        "SELECT domain, count(*) AS denied FROM egress WHERE outcome = 'deny' GROUP BY domain ORDER BY denied DESC";
    vec![
        Stop { head: "1. What was found", sentence: rule, address: alert, word: "Open the alert" },
        Stop {
            head: "2. How it came",
            sentence: "Prompts, model calls, tools, commands and egress of the session on one clock.".to_owned(),
            address: session,
            word: "Open the session",
        },
        Stop {
            head: "3. Try to break it",
            sentence: "Change one byte of a copy of the ledger; the verifier names the record.".to_owned(),
            address: "/demo/break".to_owned(),
            word: "Try",
        },
        Stop {
            head: "4. Ask it yourself",
            sentence: "Everything is SQL: which hosts were denied, and how often.".to_owned(),
            address: address("/sql", [("sql", select)]),
            word: "Open SQL",
        },
    ]
}

/// The figures above everything.
struct Counters {
    agents: i64,
    teams: i64,
    need: i64,
    working: i64,
    waiting: i64,
    waiting_longest: String,
    repeating: i64,
    stuck: i64,
    denied: i64,
    spend: String,
    spend_rate: String,
    unpriced: i64,
    lag: String,
    events_per_minute: i64,
}

impl Counters {
    fn of(counters: &Value, frame: &Frame) -> Self {
        let state = |name: &str| number(&counters["states"], name);
        let lag = counters.get("ingest_lag_p99_micros").and_then(Value::as_i64);
        Self {
            agents: number(counters, "agents"),
            teams: number(counters, "teams"),
            need: number(counters, "need_a_person"),
            working: state("working"),
            waiting: state("waiting"),
            waiting_longest: frame.age(text(counters, "waiting_since")),
            repeating: state("repeating"),
            stuck: state("stuck"),
            denied: number(counters, "denied"),
            spend: figures::dollars(number(counters, "micros_today")),
            spend_rate: figures::dollars(number(counters, "micros_per_minute")),
            unpriced: number(counters, "unpriced_today"),
            lag: lag.map_or_else(|| "–".to_owned(), |micros| figures::seconds(micros / 1_000)),
            events_per_minute: number(counters, "events_per_minute"),
        }
    }
}

/// Something that needs a person: one sentence and one thing to do.
struct Card {
    /// The role of its colour.
    role: &'static str,
    icon: &'static str,
    head: String,
    age: String,
    agent: String,
    team: String,
    sentence: String,
    address: String,
    /// The alert to acknowledge, with its address.
    acknowledge: Option<String>,
    /// Its id.
    alert: Option<String>,
    rule: String,
}

impl Card {
    fn of_alert(alert: &Value, frame: &Frame) -> Self {
        let severity = text(alert, "severity");
        let rule = text(alert, "rule");
        let role = match severity {
            "critical" => "deny",
            _ if rule.starts_with("loop.") => "loop",
            _ => "warn",
        };
        let address = format!("/alerts/{}", segment(text(alert, "id")));
        let who = &alert["who"];
        let names = ["workspace_name", "agent", "workspace", "user"];
        let agent = names.iter().map(|name| text(who, name)).find(|name| !name.is_empty());
        Self {
            role,
            icon: if severity == "critical" { "critical" } else { "high" },
            head: figures::capitalised(severity),
            age: frame.age(text(alert, "last_seen")),
            agent: agent.unwrap_or("the fleet").to_owned(),
            team: text(who, "team").to_owned(),
            sentence: first_sentences(&shown::defanged(text(alert, "reason"))),
            acknowledge: Some(address.clone()),
            alert: Some(text(alert, "id").to_owned()),
            address,
            rule: rule.to_owned(),
        }
    }

    fn of_waiting(agent: &Value, frame: &Frame) -> Self {
        let tool = crate::ask::some_text(agent, "waiting_tool");
        Self {
            role: "info",
            icon: "waiting",
            head: "Waiting".to_owned(),
            age: frame.age(text(agent, "waiting_since")),
            agent: agent::name_of(agent).to_owned(),
            team: text(agent, "team").to_owned(),
            sentence: match tool {
                Some(tool) => format!("Asks whether it may use {tool}. Nobody answered yet."),
                None => "Asks a person something. Nobody answered yet.".to_owned(),
            },
            address: format!("/sessions/{}", segment(text(agent, "session"))),
            acknowledge: None,
            alert: None,
            rule: String::new(),
        }
    }
}

/// The words of a filter that the fleet knows, as parameters of the API, and those that it does not.
fn wanted(filter: &str) -> (Vec<(&str, &str)>, Vec<&str>) {
    let (mut wanted, mut unknown) = (Vec::new(), Vec::new());
    for term in filter.split_whitespace() {
        match term.split_once(':') {
            Some((name @ ("team" | "state"), values)) => wanted.extend(values.split(',').map(|value| (name, value))),
            Some(("agent", value)) => wanted.push(("agent", value.trim_end_matches('*'))),
            _ => unknown.push(term),
        }
    }
    (wanted, unknown)
}

/// As many sentences as a card has room for.
fn first_sentences(text: &str) -> String {
    const ROOM: usize = 190;
    if text.chars().count() <= ROOM {
        return text.to_owned();
    }
    let cut: String = text.chars().take(ROOM).collect();
    match cut.rfind(". ") {
        Some(end) if end > 40 => cut[..=end].to_owned(),
        _ => format!("{}…", cut.rsplit_once(' ').map_or(cut.as_str(), |(before, _)| before)),
    }
}

async fn show(visit: Visit) -> Result<Response, Trouble> {
    // Everybody comes here first, also who may see other pages only.
    if let Some(page) = PAGES.iter().find(|page| page.is_for(visit.principal())).filter(|page| page.path != PAGE.path) {
        return Ok(Redirect::to(page.path).into_response());
    }
    let frame = Frame::of(&visit, &PAGE).await?;
    let content = visit.principal().content && visit.parameter("content") != Some("no");
    let kept =
        visit.parameters.iter().filter(|(name, _)| matches!(name.as_str(), "team" | "state" | "agent" | "cursor"));
    let (wanted, unknown) = wanted(visit.filter());
    let kept: Vec<(&str, &str)> = kept.map(|(name, value)| (name.as_str(), value.as_str())).chain(wanted).collect();
    let asked = kept.iter().copied().chain([("limit", "100"), ("content", if content { "true" } else { "false" })]);
    let fleet = visit.get(&address("/api/v1/fleet", asked)).await?;
    let alerts = visit.get("/api/v1/alerts?filter=status:open+severity:critical,high&limit=8").await?;
    let agents = list(&fleet, "agents");
    let worst = |alert: &&Value| text(alert, "severity") == "critical";
    let open = list(&alerts, "alerts").iter();
    let open = open.clone().filter(worst).chain(open.filter(|alert| !worst(alert)));
    let waiting = agents.iter().filter(|agent| text(agent, "state") == "waiting").take(1);
    let waiting: Vec<Card> = waiting.map(|agent| Card::of_waiting(agent, &frame)).collect();
    let mut cards: Vec<Card> =
        open.take(CARDS_MAX - waiting.len()).map(|alert| Card::of_alert(alert, &frame)).collect();
    cards.extend(waiting);
    let counters = Counters::of(&fleet["counters"], &frame);
    let states = fleet["counters"]["states"].as_object();
    let states = states.into_iter().flatten().map(|(name, count)| {
        let is_chosen = visit.parameter("state") == Some(name);
        let address = visit.with("state", Some(name.as_str()).filter(|_| !is_chosen));
        (agent::state_word(name).to_owned(), address, is_chosen, count.as_i64().unwrap_or(0))
    });
    let mut names: Vec<&str> = agents.iter().map(|agent| text(agent, "team")).filter(|team| !team.is_empty()).collect();
    names.sort_unstable();
    names.dedup();
    let teams = names.into_iter().map(|team| {
        let is_chosen = visit.parameter("team") == Some(team);
        (team.to_owned(), visit.with("team", Some(team).filter(|_| !is_chosen)), is_chosen)
    });
    let connect = if counters.agents == 0 && kept.is_empty() { Some(Connect::of(&visit).await?) } else { None };
    trouble::page(&FleetPage {
        cards,
        agents: agents.iter().map(|agent| AgentRow::of(agent, &frame)).collect(),
        heat: agents.iter().take(60).map(HeatRow::of).collect(),
        total: number(&fleet, "total"),
        next: crate::ask::some_text(&fleet, "next").map(|next| visit.with("cursor", Some(next))),
        teams: teams.collect(),
        states: states.filter(|(.., count)| *count > 0).collect(),
        position: text(&fleet, "position").to_owned(),
        content,
        connect,
        trouble: (!unknown.is_empty())
            .then(|| format!("The fleet is filtered by team:, state: and agent:; {} is left out.", unknown.join(" "))),
        tour: if visit.state.demo.is_some() && !visit.has_seen_tour { tour(&alerts) } else { Vec::new() },
        counters,
        frame,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_of_the_fleet_is_by_team_state_and_agent() {
        let check = |filter: &str, expected: &[(&str, &str)], left: &[&str]| {
            assert_eq!(wanted(filter), (expected.to_vec(), left.to_vec()), "{filter}");
        };
        check("team:payments,web state:waiting", &[("team", "payments"), ("team", "web"), ("state", "waiting")], &[]);
        check("agent:ag-1* host:x free", &[("agent", "ag-1")], &["host:x", "free"]);
        check("", &[], &[]);
    }

    #[test]
    fn a_card_has_whole_sentences() {
        let check = |text: &str, expected: &str| assert_eq!(first_sentences(text), expected);
        check("Short.", "Short.");
        let long = format!("{}. {}", "a".repeat(100), "b".repeat(200));
        check(&long, &format!("{}.", "a".repeat(100)));
        assert!(first_sentences(&"ü ".repeat(200)).ends_with('…'));
    }
}
