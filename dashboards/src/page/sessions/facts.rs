//! What is known of a session as a whole, and the alert about it that waits for somebody.

use chrono::Utc;
use serde_json::Value;

use super::{name_of, short_id, task_of};
use crate::ask::{list, literal, number, some_text, text};
use crate::frame::Frame;
use crate::trouble::Trouble;
use crate::visit::{Visit, address, segment};
use crate::{figures, shown};

/// What is known of the session.
pub struct Facts {
    pub title: String,
    pub short: String,
    pub agent: String,
    pub user: String,
    pub team: String,
    pub client: String,
    pub models: String,
    pub run: String,
    pub duration: String,
    pub started: String,
    pub has_end: bool,
    pub last: String,
    pub age: String,
    pub records: i64,
    pub cost: String,
    pub unpriced: i64,
    pub allowed: i64,
    pub denied: i64,
    pub domains: i64,
    pub files: i64,
    pub commands: i64,
    pub checks: Option<String>,
    pub proof: String,
}

/// A critical alert that waits for somebody.
pub struct Open {
    pub address: String,
    pub version: i64,
    pub reason: String,
    pub age: String,
}

impl Facts {
    /// Of a session as the API tells it; asks for what that does not tell.
    pub async fn of(visit: &Visit, frame: &Frame, session: &Value, id: &str) -> Result<Self, Trouble> {
        let sql = format!(
            "SELECT count(DISTINCT domain) AS domains, max(run) AS run, count(*) FILTER (WHERE kind = 'check.result') AS checks, \
             count(*) FILTER (WHERE kind = 'check.result' AND outcome = 'error') AS failed FROM events WHERE session = {}",
            literal(id)
        );
        let (rows, task) = tokio::try_join!(visit.rows(&sql), task(visit, id))?;
        let row = rows.into_iter().next().unwrap_or_default();
        let models: Vec<&str> = list(session, "models").iter().filter_map(Value::as_str).collect();
        let checks = number(&row, "checks");
        Ok(Self {
            title: task.filter(|task| !task.is_empty()).unwrap_or_else(|| format!("Session {}", short_id(id))),
            short: short_id(id),
            agent: name_of(session).to_owned(),
            user: text(session, "user").to_owned(),
            team: text(session, "team").to_owned(),
            client: some_text(session, "client").unwrap_or(text(session, "agent_kind")).to_owned(),
            models: models.join(", "),
            run: text(&row, "run").to_owned(),
            duration: figures::duration(number(session, "duration_us") / 1_000_000),
            started: frame.time(text(session, "started")),
            has_end: session["has_end"] == true,
            last: text(session, "last").to_owned(),
            age: age(text(session, "last")),
            records: number(session, "records"),
            cost: figures::dollars(number(session, "cost_micros")),
            unpriced: number(session, "unpriced"),
            allowed: number(session, "allowed"),
            denied: number(session, "denied"),
            domains: number(&row, "domains"),
            files: number(session, "file_events"),
            commands: number(session, "commands"),
            checks: (checks > 0).then(|| format!("{} of {checks} passed", checks - number(&row, "failed"))),
            proof: frame
                .head
                .as_ref()
                .filter(|head| !head.root.is_empty())
                .map(|head| head.root.clone())
                .unwrap_or_default(),
        })
    }
}

/// The task in the first prompt, for who may read content.
async fn task(visit: &Visit, id: &str) -> Result<Option<String>, Trouble> {
    if !visit.principal().content {
        return Ok(None);
    }
    let sql = format!(
        "SELECT left(content, 600) AS task FROM events WHERE session = {} AND kind = 'prompt' ORDER BY time, seq LIMIT 1",
        literal(id)
    );
    Ok(visit.rows(&sql).await?.first().and_then(|row| some_text(row, "task")).map(task_of))
}

/// How long ago something was, below a minute with a tenth.
fn age(moment: &str) -> String {
    figures::moment(moment)
        .map_or_else(|| "–".to_owned(), |moment| figures::seconds((Utc::now() - moment).num_milliseconds().max(0)))
}

impl Open {
    /// The newest critical alert of a session that is open, for who may read alerts.
    pub async fn of(visit: &Visit, id: &str) -> Result<Option<Self>, Trouble> {
        if !visit.principal().may_read(ledger::LedgerName::Operations) {
            return Ok(None);
        }
        let filter = format!("session:\"{}\" status:open severity:critical", id.replace('"', ""));
        let found = visit.get(&address("/api/v1/alerts", [("filter", filter.as_str()), ("limit", "1")])).await?;
        Ok(list(&found, "alerts").first().map(|alert| Self {
            address: format!("/alerts/{}", segment(text(alert, "id"))),
            version: number(alert, "version"),
            reason: shown::defanged(text(alert, "reason")),
            age: figures::age(text(alert, "last_seen"), Utc::now()),
        }))
    }
}
