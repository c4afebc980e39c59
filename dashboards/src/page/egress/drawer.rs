//! One domain: when it was first asked for, by whom, what was asked, and what came before.

use serde_json::Value;

use crate::ask::{literal, number, some_text, text};
use crate::frame::Frame;
use crate::trouble::Trouble;
use crate::visit::{Visit, address, segment};
use crate::{figures, shown};

/// What is known of a domain in thirty days.
pub struct Drawer {
    pub domain: String,
    pub alert: Option<(String, String, String)>,
    pub first: String,
    pub last: String,
    pub denied: i64,
    pub allowed: i64,
    pub agents: String,
    pub rules: String,
    pub bytes_out: String,
    /// Requests in each of thirty days, as bars; the height of each of 60.
    pub days: Vec<(f64, f64, bool)>,
    pub requests: Vec<Request>,
    pub sql: String,
    pub close: String,
}

/// One request.
pub struct Request {
    pub is_denied: bool,
    pub what: String,
    pub who: String,
    pub at: String,
    pub address: String,
}

impl Drawer {
    /// Of a domain that was chosen.
    pub async fn of(
        visit: &Visit,
        frame: &Frame,
        domain: &str,
        alert: Option<(String, String, String)>,
    ) -> Result<Self, Trouble> {
        let condition =
            format!("kind = 'egress.http' AND domain = {} AND time > now() - INTERVAL '30 days'", literal(domain));
        let row = visit
            .rows(&format!(
                "SELECT min(time) AS first, max(time) AS last, sum(CASE WHEN outcome = 'deny' THEN 1 ELSE 0 END) AS denied, count(*) AS requests, \
                 count(DISTINCT coalesce(workspace, agent)) AS agents, string_agg(DISTINCT team, ', ') AS teams, string_agg(DISTINCT rule, ' · ') AS rules, \
                 sum(bytes_out) AS bytes_out FROM events WHERE {condition}"
            ))
            .await?
            .into_iter()
            .next()
            .unwrap_or_default();
        let days = visit
            .rows(&format!(
                "SELECT date_trunc('day', time) AS day, count(*) AS requests, sum(CASE WHEN outcome = 'deny' THEN 1 ELSE 0 END) AS denied FROM events WHERE {condition} GROUP BY 1 ORDER BY 1"
            ))
            .await?;
        let requests = visit
            .rows(&format!(
                "SELECT time, outcome, method, host, path, coalesce(workspace_name, agent, workspace) AS who, position FROM events WHERE {condition} ORDER BY time DESC LIMIT 12"
            ))
            .await?;
        let (denied, all) = (number(&row, "denied"), number(&row, "requests"));
        Ok(Self {
            alert,
            first: frame.time(text(&row, "first")),
            last: frame.time(text(&row, "last")),
            denied,
            allowed: all - denied,
            agents: format!("{} of {}", figures::count(number(&row, "agents")), some_text(&row, "teams").unwrap_or("teams that are not told")),
            rules: some_text(&row, "rules").unwrap_or("none named by this source").to_owned(),
            bytes_out: row.get("bytes_out").and_then(Value::as_i64).map_or_else(|| "not told by this source".to_owned(), figures::bytes),
            days: bars(&days, frame),
            requests: requests.iter().map(|row| Request::of(row, frame)).collect(),
            sql: address("/sql", [("sql", format!("SELECT time, outcome, team, user, workspace_name, method, host, path, rule, session FROM events WHERE {condition} ORDER BY time DESC LIMIT 500").as_str())]),
            close: visit.with("domain", None),
            domain: shown::defanged(domain),
        })
    }
}

impl Request {
    fn of(row: &Value, frame: &Frame) -> Self {
        Self {
            is_denied: text(row, "outcome") == "deny",
            what: format!("{} {}{}", text(row, "method"), shown::defanged(text(row, "host")), text(row, "path")),
            who: text(row, "who").to_owned(),
            at: frame.time(text(row, "time")),
            address: format!("/records/{}", segment(text(row, "position")).replace("%2F", "/")),
        }
    }
}

/// Days as bars of a picture 300 wide and 40 high: where, how high, whether something was denied.
fn bars(days: &[Value], frame: &Frame) -> Vec<(f64, f64, bool)> {
    let highest = days.iter().map(|day| number(day, "requests")).max().unwrap_or(0).max(1) as f64;
    let bar = |day: &Value| {
        let ago = (frame.now - figures::moment(text(day, "day"))?).num_days();
        let height = 3.0 + 35.0 * (number(day, "requests") as f64 / highest).sqrt();
        (0..30).contains(&ago).then(|| (290.0 - ago as f64 * 10.0, height, number(day, "denied") > 0))
    };
    days.iter().filter_map(bar).collect()
}
