//! Messages in Block Kit: one alert in full, several in short, many as a count, and the digest of what is old.

use std::collections::BTreeMap;

use operations::alert::{Alert, Severity, State};
use operations::kind::delivery::SentAlert;
use serde_json::{Value, json};

use super::escape::{code, escape};
use super::signature::ACKNOWLEDGE_ACTION;
use crate::delivery::{Notification, severities};

/// Alerts that are shown in one message; the others are counted. Slack takes about 13,000 characters in all.
const SHOWN_MAX: usize = 8;
/// Lines of a digest.
const DIGEST_LINES_MAX: usize = 8;
/// Characters of a title that are shown.
pub const TITLE_CHARS_MAX: usize = 140;
const REASON_CHARS_MAX: usize = 900;
const VALUE_CHARS_MAX: usize = 120;
const TEXT_CHARS_MAX: usize = 2_000;

/// The alerts of one message: the newest revision of each, worst first.
pub struct AlertList<'a> {
    live: Vec<&'a Alert>,
    old: Vec<&'a Alert>,
    records: Vec<usize>,
    /// Whether one of them is told because nobody acknowledged it.
    pub escalated: bool,
}

impl<'a> AlertList<'a> {
    /// The alerts of these notifications, worst first. What somebody did about an alert of which there is no news is not told.
    pub fn new(notifications: &[Notification<'a>]) -> Self {
        let alerts: Vec<&Alert> = notifications.iter().filter_map(Notification::newest).collect();
        let mut records: Vec<usize> = notifications.iter().flat_map(Notification::revisions).collect();
        records.sort_unstable();
        Self {
            records,
            escalated: notifications.iter().any(|notification| notification.escalated.is_some()),
            ..Self::of(&alerts)
        }
    }

    /// Numbers of the records that the message tells of.
    pub fn records(&self) -> &[usize] {
        &self.records
    }

    /// These alerts, worst first.
    pub fn of(alerts: &[&'a Alert]) -> Self {
        let (old, live) = alerts.iter().copied().partition(|alert| alert.backfill);
        Self { live, old, records: Vec::new(), escalated: false }
    }

    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.live.is_empty() && self.old.is_empty()
    }

    /// The revisions that the message tells of.
    pub fn sent(&self) -> Vec<SentAlert> {
        let sent = |alert: &&Alert| SentAlert {
            id: alert.id.clone(),
            revision: alert.revision,
            over: alert.state == State::Resolved,
            known_as: None,
        };
        self.live.iter().chain(&self.old).map(sent).collect()
    }

    /// One line for the notification, and for receivers that show no blocks.
    fn summary(&self) -> String {
        match (self.live.as_slice(), self.old.len()) {
            ([alert], 0) => {
                format!("[{}][{}] {}", upper(alert.severity.as_str()), upper(alert.state.as_str()), title(alert))
            }
            ([], old) => format!("Digest: {} about events that were old when they were recorded", alerts(old)),
            (live, 0) => format!("{}: {}", alerts(live.len()), severities(live)),
            (live, old) => {
                format!("{}: {}; and {} about old events", alerts(live.len()), severities(live), alerts(old))
            }
        }
    }
}

/// What buttons a message has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Buttons {
    /// None: nobody is there who would hear of one.
    None,
    /// A button with which somebody takes the alert, too.
    Interactive,
}

/// The message with blocks, and with these sentences of ours above what it says.
pub fn noted(list: &AlertList<'_>, buttons: Buttons, notes: &[String]) -> Value {
    let mut blocks = Vec::new();
    for note in notes {
        blocks.push(json!({"type": "section", "text": plain_text(note, VALUE_CHARS_MAX * 2)}));
    }
    match list.live.as_slice() {
        [alert] if list.old.is_empty() => full(&mut blocks, alert, buttons),
        live => {
            blocks.push(json!({"type": "header", "text": plain_text(&list.summary(), TITLE_CHARS_MAX)}));
            for alert in live.iter().take(SHOWN_MAX) {
                short(&mut blocks, alert);
            }
            if let Some(rest) = live.get(SHOWN_MAX..).filter(|rest| !rest.is_empty()) {
                context(&mut blocks, &format!("and {} more: {}", rest.len(), severities(rest)));
            }
        }
    }
    if !list.old.is_empty() {
        digest(&mut blocks, &list.old);
    }
    envelope(list, Some(blocks))
}

/// The message without blocks: what Slack shows if it refuses ours.
pub fn plain(list: &AlertList<'_>) -> Value {
    envelope(list, None)
}

fn envelope(list: &AlertList<'_>, blocks: Option<Vec<Value>>) -> Value {
    let mut text = escape(&list.summary(), TEXT_CHARS_MAX / 2);
    if let ([alert], None) = (list.live.as_slice(), &blocks) {
        text = format!("{text}: {}", escape(&alert.reason, TEXT_CHARS_MAX / 2));
    }
    let mut message = json!({"text": text, "mrkdwn": false, "unfurl_links": false, "unfurl_media": false});
    if let Some(blocks) = blocks {
        message["blocks"] = Value::Array(blocks);
    }
    message
}

/// One alert with everything that a first look needs.
fn full(blocks: &mut Vec<Value>, alert: &Alert, buttons: Buttons) {
    blocks.push(json!({"type": "header", "text": plain_text(&alert.title, TITLE_CHARS_MAX)}));
    blocks.push(section(&state_line(alert)));
    blocks.push(json!({"type": "section", "text": plain_text(&alert.reason, REASON_CHARS_MAX)}));
    let (who, what) = (&alert.who, &alert.what);
    let values = [
        ("Workspace", who.workspace_name.as_deref().or(who.workspace.as_deref())),
        ("User", who.user.as_deref()),
        ("Agent", who.agent.as_deref()),
        ("Session", who.session.as_deref()),
        ("Team", who.team.as_deref()),
        ("Host", what.host.as_deref()),
        ("Method", what.method.as_deref()),
        ("Path", what.path.as_deref()),
    ];
    let fields: Vec<Value> = values
        .into_iter()
        .filter_map(|(name, value)| Some(mrkdwn(&format!("*{name}*\n{}", code(value?, VALUE_CHARS_MAX)))))
        .collect();
    if !fields.is_empty() {
        blocks.push(json!({"type": "section", "fields": fields}));
    }
    let evidence = match (alert.evidence.first(), alert.evidence.last()) {
        (Some(first), Some(last)) if first != last => format!(" · evidence {first} … {last}"),
        (Some(first), _) => format!(" · evidence {first}"),
        _ => String::new(),
    };
    context(blocks, &format!("{} r{}{evidence}", code(&alert.id, VALUE_CHARS_MAX), alert.revision));
    // A value has 2,000 characters at most; ids are ours and short.
    if buttons == Buttons::Interactive && alert.state != State::Resolved && alert.id.len() <= VALUE_CHARS_MAX {
        let text = json!({"type": "plain_text", "text": "Acknowledge", "emoji": false});
        let button = json!({"type": "button", "action_id": ACKNOWLEDGE_ACTION, "text": text, "value": alert.id});
        blocks.push(json!({"type": "actions", "elements": [button]}));
    }
}

/// One of several alerts.
fn short(blocks: &mut Vec<Value>, alert: &Alert) {
    let who = alert.who.workspace_name.as_deref().or(alert.who.workspace.as_deref()).or(alert.who.session.as_deref());
    let whose = who.map_or(String::new(), |who| format!(" · {}", code(who, VALUE_CHARS_MAX)));
    blocks.push(section(&format!("{}\n{}{whose}", code(&alert.title, TITLE_CHARS_MAX), state_line(alert))));
    blocks.push(json!({"type": "section", "text": plain_text(&alert.reason, REASON_CHARS_MAX / 2)}));
}

/// Alerts about events that were old already: nobody has to run.
fn digest(blocks: &mut Vec<Value>, old: &[&Alert]) {
    let mut counts: BTreeMap<(&str, Severity), usize> = BTreeMap::new();
    for alert in old {
        *counts.entry((&alert.rule, alert.severity)).or_default() += 1;
    }
    let mut lines =
        vec![format!("*Digest* of {} about events that were old when they were recorded:", alerts(old.len()))];
    let rules: Vec<_> = counts.into_iter().collect();
    for ((rule, severity), count) in rules.iter().take(DIGEST_LINES_MAX) {
        lines.push(format!("• {count} × {} ({severity})", code(rule, VALUE_CHARS_MAX)));
    }
    lines.push("The worst of them:".to_owned());
    for alert in old.iter().take(DIGEST_LINES_MAX) {
        lines.push(format!("• {} {}", alert.severity, code(&alert.title, VALUE_CHARS_MAX)));
    }
    blocks.push(section(&lines.join("\n")));
}

fn state_line(alert: &Alert) -> String {
    format!(
        "*State:* {} · *Severity:* {} · *Events:* {} · *Rule:* {} v{}",
        alert.state,
        alert.severity,
        alert.count,
        code(&alert.rule, VALUE_CHARS_MAX),
        alert.rule_version
    )
}

fn section(text: &str) -> Value {
    json!({"type": "section", "text": mrkdwn(text)})
}

fn context(blocks: &mut Vec<Value>, text: &str) {
    blocks.push(json!({"type": "context", "elements": [mrkdwn(text)]}));
}

/// Text of ours with escaped parts. `verbatim` keeps Slack from making links of it.
fn mrkdwn(text: &str) -> Value {
    json!({"type": "mrkdwn", "verbatim": true, "text": text})
}

fn plain_text(text: &str, limit: usize) -> Value {
    let escaped = escape(text, limit);
    let text = if escaped.trim().is_empty() { "–" } else { escaped.as_str() };
    json!({"type": "plain_text", "emoji": false, "text": text})
}

fn title(alert: &Alert) -> String {
    alert.title.chars().take(TITLE_CHARS_MAX).collect()
}

fn upper(word: &str) -> String {
    word.to_ascii_uppercase()
}

fn alerts(count: usize) -> String {
    if count == 1 { "1 alert".to_owned() } else { format!("{count} alerts") }
}
