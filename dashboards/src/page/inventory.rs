//! Inventory: which servers, plugins, hooks, settings and files agents have, and what of it changed from one session to the next. How
//! sessions are compared is the engine's.

use askama::Template;
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use ledger::LedgerName;
use serde_json::Value;

use super::{Group, Page};
use crate::State;
use crate::ask::{number, some_text, text};
use crate::frame::Frame;
use crate::trouble::{self, Trouble};
use crate::visit::{Visit, address};

/// The page.
pub const PAGE: Page = Page {
    name: "Inventory",
    path: "/inventory",
    icon: "inventory",
    group: Group::Account,
    key: 'v',
    reads: LedgerName::Events,
    routes,
};

fn routes() -> Router<State> {
    Router::new().route("/inventory", get(show))
}

/// Changes that are shown.
const CHANGES_MAX: usize = 200;
/// Things that are shown.
const THINGS_MAX: usize = 300;

#[derive(Template)]
#[template(path = "inventory.html")]
struct InventoryPage {
    frame: Frame,
    /// Different things that are there,
    things_total: i64,
    /// what of them changed in seven days,
    changes_total: i64,
    /// and what of that nothing that was recorded explains.
    unexplained: i64,
    changes: Vec<Change>,
    things: Vec<Thing>,
    changes_address: String,
    things_address: String,
}

/// A change that a session told of.
struct Change {
    at: String,
    place: String,
    team: String,
    agent: String,
    item: String,
    name: String,
    /// added, changed or removed.
    drift: String,
    before: Option<String>,
    after: Option<String>,
    address: String,
    /// What made it so, in words, and where that stands.
    cause: Option<(&'static str, String)>,
}

/// A thing, in all workspaces that have it.
struct Thing {
    item: String,
    name: String,
    workspaces: i64,
    states: i64,
    first: String,
    changed: Option<String>,
    address: String,
}

/// The changes of thirty days.
const CHANGES: &str = "SELECT time, coalesce(workspace_name, workspace, \"user\") AS place, team, agent_kind, item, name, change, before, after, \
                       position, cause, cause_kind";
const OF_CHANGES: &str =
    "FROM inventory_changes WHERE time > now() - INTERVAL '30 days' ORDER BY time DESC, name LIMIT";

async fn show(visit: Visit) -> Result<Response, Trouble> {
    let frame = Frame::of(&visit, &PAGE).await?;
    // Each question compares all sessions, so that totals stand beside the rows.
    let changes = format!(
        "{CHANGES}, sum(CASE WHEN time > now() - INTERVAL '7 days' THEN 1 ELSE 0 END) OVER () AS changes, \
         sum(CASE WHEN time > now() - INTERVAL '7 days' AND cause IS NULL THEN 1 ELSE 0 END) OVER () AS unexplained \
         {OF_CHANGES} {CHANGES_MAX}"
    );
    let things = format!(
        "SELECT item, name, count(DISTINCT coalesce(workspace, \"user\")) AS workspaces, count(DISTINCT state) AS states, \
         min(first_seen) AS first, max(changed) AS changed, count(*) OVER () AS things FROM inventory WHERE is_there GROUP BY item, name \
         ORDER BY changed DESC NULLS LAST, workspaces, name LIMIT {THINGS_MAX}"
    );
    let (changes, things) = (visit.rows(&changes).await?, visit.rows(&things).await?);
    let total = |rows: &[Value], name: &str| rows.first().map_or(0, |row| number(row, name));
    trouble::page(&InventoryPage {
        things_total: total(&things, "things"),
        changes_total: total(&changes, "changes"),
        unexplained: total(&changes, "unexplained"),
        changes: changes.iter().map(|row| change(row, &frame)).collect(),
        things: things.iter().map(|row| thing(row, &frame)).collect(),
        changes_address: address("/sql", [("sql", format!("{CHANGES} {OF_CHANGES} 1000").as_str())]),
        things_address: address("/sql", [("sql", "SELECT * FROM inventory ORDER BY last_seen DESC LIMIT 1000")]),
        frame,
    })
}

/// What an item is called.
fn item_word(item: &str) -> String {
    match item {
        "mcp_server" => "MCP server".to_owned(),
        other => other.replace('_', " "),
    }
}

/// What made a change, by the kind of its event.
fn cause_word(kind: &str) -> &'static str {
    match kind {
        "command" => "a command",
        "file.write" => "a written file",
        "workspace.build" => "a build of the workspace",
        "config.change" => "a change of settings",
        _ => "a call",
    }
}

fn change(row: &Value, frame: &Frame) -> Change {
    let cause =
        some_text(row, "cause").map(|position| (cause_word(text(row, "cause_kind")), format!("/records/{position}")));
    Change {
        at: frame.time(text(row, "time")),
        place: some_text(row, "place").unwrap_or("not told").to_owned(),
        team: text(row, "team").to_owned(),
        agent: text(row, "agent_kind").to_owned(),
        item: item_word(text(row, "item")),
        name: text(row, "name").to_owned(),
        drift: text(row, "change").to_owned(),
        before: some_text(row, "before").map(str::to_owned),
        after: some_text(row, "after").map(str::to_owned),
        address: format!("/records/{}", text(row, "position")),
        cause,
    }
}

fn thing(row: &Value, frame: &Frame) -> Thing {
    let (item, name) = (text(row, "item"), text(row, "name"));
    let sql = format!(
        "SELECT workspace_name, team, agent_kind, state, first_seen, last_seen, sessions, changes, position FROM inventory \
         WHERE item = {} AND name = {} ORDER BY last_seen DESC LIMIT 1000",
        crate::ask::literal(item),
        crate::ask::literal(name)
    );
    Thing {
        item: item_word(item),
        name: name.to_owned(),
        workspaces: number(row, "workspaces"),
        states: number(row, "states"),
        first: frame.time(text(row, "first")),
        changed: some_text(row, "changed").map(|time| frame.time(time)),
        address: address("/sql", [("sql", sql.as_str())]),
    }
}
