//! One alert with everything about it, in the order of the questions: is it real, what happened, elsewhere too, who knows, decide.

use serde_json::Value;

use super::baseline::Baseline;
use super::{name_of, state_of};
use crate::ask::{list, literal, number, some_text, text};
use crate::figures;
use crate::frame::Frame;
use crate::page::record::Line;
use crate::shown;
use crate::trouble::Trouble;
use crate::visit::{Visit, address, segment};

/// How long before the first event, and after it, evidence is shown.
const BEFORE: chrono::TimeDelta = chrono::TimeDelta::seconds(60);
const AFTER: chrono::TimeDelta = chrono::TimeDelta::seconds(10);

/// What the template shows of one alert.
pub struct Detail {
    pub id: String,
    pub action: String,
    pub severity: String,
    pub lowered_from: Option<String>,
    pub status: String,
    pub is_closed: bool,
    pub rule: String,
    pub rule_version: i64,
    pub tags: String,
    pub title: String,
    pub reason: String,
    pub version: i64,
    pub agent: String,
    pub user: Option<String>,
    pub team: Option<String>,
    pub workspace: Option<String>,
    pub session: Option<String>,
    pub session_address: String,
    pub assignee: Option<String>,
    pub me: String,
    pub baseline: Option<Baseline>,
    pub evidence: Vec<Line>,
    /// How many positions the alert names.
    pub evidence_count: usize,
    pub hosts: Vec<Host>,
    pub elsewhere: Vec<Elsewhere>,
    pub told: Vec<Told>,
    /// From the event to the first receiver, as parts of a bar.
    pub clock: Option<Clock>,
    pub life: Vec<Step>,
    pub hidden: Vec<String>,
    pub matchers: Vec<Matcher>,
    pub silence_hours: i64,
    pub preview: Option<Preview>,
}

/// A host that the workspace writes to.
pub struct Host {
    pub name: String,
    pub allowed: i64,
    pub refused: i64,
    pub since: String,
    pub is_it: bool,
}

/// How many others have to do with the same thing.
pub struct Elsewhere {
    pub what: &'static str,
    pub value: String,
    pub text: String,
    pub address: String,
}

/// One message that a receiver took.
pub struct Told {
    pub receiver: String,
    pub revisions: String,
    pub at: String,
    pub after: String,
    pub ack: String,
}

/// The time from the event to the first notice, in percent of the whole.
pub struct Clock {
    pub event: String,
    pub recorded: f64,
    pub detected: f64,
    pub source: String,
    pub ours: String,
    pub delivery: String,
    pub whole: String,
    pub receiver: String,
}

/// One step in the alert's life.
pub struct Step {
    pub icon: &'static str,
    pub title: String,
    pub text: String,
    pub at: String,
}

/// A thing that later alerts may have in common with this one.
pub struct Matcher {
    pub value: String,
    pub is_ticked: bool,
}

/// What a silence would have hidden.
pub struct Preview {
    pub count: i64,
    pub hours: i64,
    pub reason: String,
    pub matchers: Vec<String>,
    /// The newest of those alerts: what each was.
    pub alerts: Vec<PreviewAlert>,
    /// How many of these were real.
    pub real: usize,
}

/// One alert that a silence would have hidden.
pub struct PreviewAlert {
    pub state: String,
    pub title: String,
    pub age: String,
    pub is_real: bool,
}

impl Preview {
    /// Of the form's fields, with the newest alerts that all its matchers fit.
    pub async fn of(visit: &Visit, fields: &[(String, String)], count: i64) -> Result<Self, Trouble> {
        let values = |name: &str| -> Vec<String> {
            fields.iter().filter(|(other, _)| other == name).map(|(_, value)| value.clone()).collect()
        };
        let matchers = values("matcher");
        let matching = matchers.iter().map(|matcher| ("match", matcher.as_str()));
        let found = visit.get(&address("/api/v1/alerts", matching.chain([("limit", "6")]))).await?;
        let now = chrono::Utc::now();
        let alerts: Vec<PreviewAlert> = list(&found, "alerts")
            .iter()
            .map(|alert| PreviewAlert {
                state: state_of(alert),
                title: shown::defanged(text(alert, "title")),
                age: figures::age(text(alert, "last_seen"), now),
                is_real: text(alert, "status") == "open" || text(&alert["closed"], "reason") == "true_positive",
            })
            .collect();
        Ok(Self {
            count,
            hours: values("hours").first().and_then(|hours| hours.parse().ok()).unwrap_or(4),
            reason: values("reason").into_iter().next().unwrap_or_default(),
            real: alerts.iter().filter(|alert| alert.is_real).count(),
            matchers,
            alerts,
        })
    }
}

impl Detail {
    /// Of an alert as the API tells it; asks for what stands around it.
    pub async fn of(visit: &Visit, frame: &Frame, alert: &Value, preview: Option<Preview>) -> Result<Self, Trouble> {
        let (who, what) = (&alert["who"], &alert["what"]);
        let id = text(alert, "id").to_owned();
        let told = deliveries(visit, frame, &id, text(alert, "first_seen")).await?;
        let status = text(alert, "status");
        let may_read = visit.principal().may_read(ledger::LedgerName::Events);
        let (evidence, hosts, elsewhere) = if may_read {
            (evidence(visit, alert).await?, hosts(visit, frame, who, what).await?, elsewhere(visit, who, what).await?)
        } else {
            (Vec::new(), Vec::new(), Vec::new())
        };
        let session = some_text(who, "session").map(str::to_owned);
        let tags: Vec<&str> = list(alert, "tags").iter().filter_map(Value::as_str).collect();
        Ok(Self {
            action: super::beside(visit, &id),
            severity: text(alert, "severity").to_owned(),
            lowered_from: some_text(alert, "lowered_from").map(str::to_owned),
            status: state_of(alert),
            is_closed: status == "closed",
            rule: text(alert, "rule").to_owned(),
            rule_version: number(alert, "rule_version"),
            tags: tags.join(" "),
            title: shown::defanged(text(alert, "title")),
            reason: shown::defanged(text(alert, "reason")),
            version: number(alert, "version"),
            agent: name_of(who).to_owned(),
            user: some_text(who, "user").map(str::to_owned),
            team: some_text(who, "team").map(str::to_owned),
            workspace: some_text(who, "workspace_name").or(some_text(who, "workspace")).map(str::to_owned),
            session_address: session
                .as_deref()
                .map(|session| format!("/sessions/{}", segment(session)))
                .unwrap_or_default(),
            session,
            assignee: some_text(alert, "assignee").map(str::to_owned),
            me: visit.principal().name.clone(),
            baseline: Baseline::of(&alert["measured"], |moment| frame.time(moment)),
            evidence_count: list(alert, "evidence").len(),
            evidence,
            hosts,
            elsewhere,
            clock: clock(frame, alert, &told),
            life: life(frame, alert, &told),
            told: told.into_iter().map(|(_, told)| told).collect(),
            hidden: list(alert, "hidden").iter().map(|hiding| hiding_of(hiding, frame)).collect(),
            matchers: matchers(text(alert, "rule"), who, what, preview.as_ref()),
            silence_hours: preview.as_ref().map_or(4, |preview| preview.hours),
            preview,
            id,
        })
    }
}

fn hiding_of(hiding: &Value, frame: &Frame) -> String {
    let until = some_text(hiding, "until").map(|until| format!(" until {}", frame.time(until))).unwrap_or_default();
    format!("Hidden by {} {}{until}: {}", text(hiding, "kind"), text(hiding, "by"), text(hiding, "reason"))
}

/// What a silence could go by, the narrowest first; without a preview the rule and the narrowest are ticked.
fn matchers(rule: &str, who: &Value, what: &Value, preview: Option<&Preview>) -> Vec<Matcher> {
    let of = |value: &Value, name: &str| some_text(value, name).map(|text| format!("{name}={text}"));
    let found = [
        Some(format!("rule={rule}")),
        of(what, "domain"),
        of(what, "host"),
        of(who, "workspace"),
        of(who, "session"),
        of(who, "user"),
        of(who, "team"),
    ];
    let mut is_first = true;
    let matchers = found.into_iter().enumerate().filter_map(|(index, value)| {
        let value = value?;
        let is_ticked = match preview {
            Some(preview) => preview.matchers.contains(&value),
            None => index == 0 || std::mem::take(&mut is_first),
        };
        Some(Matcher { value, is_ticked })
    });
    matchers.collect()
}

/// The records around the first event of the alert's session, those that the alert names among them.
async fn evidence(visit: &Visit, alert: &Value) -> Result<Vec<Line>, Trouble> {
    let named: Vec<&str> = list(alert, "evidence").iter().filter_map(Value::as_str).collect();
    let first = figures::moment(text(alert, "first_seen"));
    let session = some_text(&alert["who"], "session");
    let mut records = Vec::new();
    if let (Some(first), Some(session)) = (first, session) {
        let (from, until) = ((first - BEFORE).to_rfc3339(), (first + AFTER).to_rfc3339());
        let path = format!("/api/v1/sessions/{}/records", segment(session));
        let content = if visit.principal().content { "true" } else { "false" };
        let asked =
            [("from", from.as_str()), ("until", &until), ("limit", "200"), ("fold", "true"), ("content", content)];
        records.extend(list(&visit.get(&address(&path, asked)).await?, "records").iter().cloned());
    }
    let is_there = |at: &&&str| records.iter().any(|record: &Value| text(record, "position") == **at);
    let missing: Vec<&str> = named.iter().filter(|at| !is_there(at)).take(12).copied().collect();
    if !missing.is_empty() {
        let content = if visit.principal().content { "true" } else { "false" };
        let asked = [("positions", missing.join(",")), ("content", content.to_owned())];
        let asked = asked.iter().map(|(name, value)| (*name, value.as_str()));
        // What was erased, or is of a ledger that was rolled back, is not there: the rest is shown.
        records.extend(list(&visit.get(&address("/api/v1/records", asked)).await?, "records").iter().cloned());
    }
    records.sort_by(|a, b| text(a, "time").cmp(text(b, "time")));
    let first = first.map_or(0, |first| first.timestamp_millis());
    let lines = records.iter().map(|record| Line::of(record, first, named.contains(&text(record, "position"))));
    let mut lines: Vec<Line> = lines.filter(Line::matters).collect();
    // The alert's own records stay whatever else there is.
    let mut spare = 14_usize.saturating_sub(lines.iter().filter(|line| line.is_named).count());
    lines.retain(|line| {
        line.is_named || {
            let keep = spare > 0;
            spare = spare.saturating_sub(1);
            keep
        }
    });
    Ok(lines)
}

/// Where the workspace wrote to in thirty days, the places most used first.
async fn hosts(visit: &Visit, frame: &Frame, who: &Value, what: &Value) -> Result<Vec<Host>, Trouble> {
    let (Some(workspace), true) = (some_text(who, "workspace"), what.get("domain").is_some()) else {
        return Ok(Vec::new());
    };
    let domain = text(what, "domain");
    let sql = format!(
        "SELECT domain, sum(CASE WHEN outcome = 'deny' THEN 0 ELSE 1 END) AS allowed, \
         sum(CASE WHEN outcome = 'deny' THEN 1 ELSE 0 END) AS refused, min(time) AS since FROM egress \
         WHERE workspace = {} AND method IN ('POST', 'PUT', 'PATCH', 'DELETE') AND time > now() - INTERVAL '30 days' \
         GROUP BY domain ORDER BY domain = {} DESC, allowed DESC LIMIT 6",
        literal(workspace),
        literal(domain),
    );
    let rows = visit.rows(&sql).await?;
    let hosts = rows.iter().map(|row| Host {
        name: shown::defanged(text(row, "domain")),
        allowed: number(row, "allowed"),
        refused: number(row, "refused"),
        since: frame.time(text(row, "since")),
        is_it: text(row, "domain") == domain,
    });
    Ok(hosts.collect())
}

/// Who else has to do with the same domain or path in thirty days.
async fn elsewhere(visit: &Visit, who: &Value, what: &Value) -> Result<Vec<Elsewhere>, Trouble> {
    const RECENT: &str = "time > now() - INTERVAL '30 days'";
    let things = [("This domain", "domain"), ("This path", "path"), ("This tool", "tool")];
    let things = things.into_iter().filter_map(|(words, column)| Some((words, column, some_text(what, column)?)));
    let things: Vec<_> = things.collect();
    if things.is_empty() {
        return Ok(Vec::new());
    }
    let own = some_text(who, "workspace").map_or_else(|| "NULL".to_owned(), literal);
    let count = |(_, column, value): &(_, &str, &str)| {
        format!("count(DISTINCT CASE WHEN {column} = {} THEN workspace END) AS {column}, ", literal(value))
    };
    let sql = format!(
        "SELECT {}count(DISTINCT workspace) AS fleet FROM events WHERE {RECENT} AND workspace IS DISTINCT FROM {own}",
        things.iter().map(count).collect::<String>()
    );
    let row = visit.rows(&sql).await?.into_iter().next().unwrap_or_default();
    let fleet = figures::count(number(&row, "fleet"));
    let found = things.into_iter().map(|(what, column, value)| {
        let sql = format!(
            "SELECT time, team, workspace_name, position FROM events WHERE {column} = {} AND {RECENT} ORDER BY time DESC LIMIT 100",
            literal(value)
        );
        Elsewhere {
            what,
            value: shown::defanged(value),
            text: format!("{} of {fleet} other workspaces", figures::count(number(&row, column))),
            address: address("/sql", [("sql", sql.as_str())]),
        }
    });
    Ok(found.collect())
}

/// Messages on the alert that a receiver took, the oldest first, with the moments at which they were recorded.
async fn deliveries(visit: &Visit, frame: &Frame, id: &str, first: &str) -> Result<Vec<(String, Told)>, Trouble> {
    let sql = format!(
        "SELECT receiver, alerts, ack, recorded FROM deliveries WHERE strpos(alerts, {}) > 0 ORDER BY seq LIMIT 40",
        literal(id)
    );
    let rows = visit.rows(&sql).await?;
    let first = figures::moment(first);
    let told = rows.iter().map(|row| {
        let at = text(row, "recorded").to_owned();
        let after = figures::moment(&at).zip(first).map(|(at, first)| (at - first).num_milliseconds());
        let told: Vec<Value> = serde_json::from_str(text(row, "alerts")).unwrap_or_default();
        let revisions =
            told.iter().filter(|told| text(told, "id") == id).map(|told| number(told, "revision").to_string());
        let told = Told {
            receiver: text(row, "receiver").to_owned(),
            revisions: revisions.collect::<Vec<_>>().join(", "),
            at: frame.time(&at),
            after: after.map(|milliseconds| format!("+{}", figures::seconds(milliseconds))).unwrap_or_default(),
            ack: text(row, "ack").to_owned(),
        };
        (at, told)
    });
    Ok(told.collect())
}

/// The time from the event to the first receiver: what the source took, what we took, what delivery took.
fn clock(frame: &Frame, alert: &Value, told: &[(String, Told)]) -> Option<Clock> {
    let moments =
        [text(alert, "first_seen"), text(alert, "recorded_first"), text(alert, "opened")].map(figures::moment);
    let [Some(event), Some(recorded), Some(opened)] = moments else { return None };
    let (sent, first) = told.first()?;
    let sent = figures::moment(sent)?;
    let whole = (sent - event).num_milliseconds();
    // What is read in later says nothing about how long anything takes.
    if whole <= 0 || whole > 3_600_000 {
        return None;
    }
    let percent = |moment: chrono::DateTime<chrono::Utc>| {
        ((moment - event).num_milliseconds() as f64 / whole as f64 * 100.0).clamp(0.0, 100.0)
    };
    let apart = |from: chrono::DateTime<chrono::Utc>, to: chrono::DateTime<chrono::Utc>| {
        figures::seconds((to - from).num_milliseconds().max(0))
    };
    Some(Clock {
        event: frame.time(text(alert, "first_seen")),
        recorded: percent(recorded),
        detected: percent(opened),
        source: apart(event, recorded),
        ours: apart(recorded, opened),
        delivery: apart(opened, sent),
        whole: figures::seconds(whole),
        receiver: first.receiver.clone(),
    })
}

/// What happened to the alert, the oldest first, and what comes next if nobody acknowledges it.
fn life(frame: &Frame, alert: &Value, told: &[(String, Told)]) -> Vec<Step> {
    let mut steps: Vec<(String, Step)> = Vec::new();
    let mut push = |at: &str, icon, title: String, text: String| {
        steps.push((at.to_owned(), Step { icon, title, text, at: frame.time(at) }));
    };
    push(text(alert, "opened"), "alerts", "Opened".to_owned(), format!("first of {} events", number(alert, "count")));
    if number(alert, "revision") > 1 {
        let title = format!("Revision {}: {}", number(alert, "revision"), text(alert, "severity"));
        push(text(alert, "revised"), "critical", title, text(alert, "state").to_owned());
    }
    for (at, told) in told {
        push(
            at,
            "bell",
            format!("Told: {}", told.receiver),
            format!("{} after the event", told.after.trim_start_matches('+')),
        );
    }
    for step in list(alert, "steps") {
        let (icon, did) = match text(step, "action") {
            "ack" | "acknowledge" => ("check", "acknowledged".to_owned()),
            "assign" => ("user", format!("assigned it to {}", some_text(step, "assignee").unwrap_or("nobody"))),
            "close" => ("check", format!("closed it: {}", text(step, "reason").replace('_', " "))),
            "reopen" => ("alerts", "opened it again".to_owned()),
            other => ("note", if other == "note" { "wrote a note".to_owned() } else { other.to_owned() }),
        };
        push(text(step, "at"), icon, format!("{} {did}", text(step, "by")), text(step, "note").to_owned());
    }
    for step in
        list(alert, "escalation").iter().filter(|step| text(alert, "status") == "open" || step["happened"] == true)
    {
        let receivers: Vec<&str> = list(step, "receivers").iter().filter_map(Value::as_str).collect();
        let title = if step["happened"] == true { "Escalated" } else { "Next, if nobody acknowledges it" };
        push(text(step, "at"), "clock", format!("{title}: {}", text(step, "step")), receivers.join(", "));
    }
    steps.sort_by_key(|(at, _)| figures::moment(at));
    steps.into_iter().map(|(_, step)| step).collect()
}
