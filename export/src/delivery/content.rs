//! What a message says of one alert or of many, in words: a subject, what it is about, and names with values. Receivers that show text
//! have it from here and only write it in their own format, which has to escape it: it is attacker-written, on one line each and bounded.

use operations::alert::{Alert, Severity};

use super::text::line;
use super::{Digest, Notification, Over};
use crate::limits::{DIGEST_NAMED_MAX, DIGEST_RULES_MAX, REASON_CHARS_MAX, TITLE_CHARS_MAX, VALUE_CHARS_MAX};

/// What one message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Severity, state and title.
    pub subject: String,
    /// Why it is told; may be empty.
    pub lead: String,
    /// What else is known, as names and values; a name may come more than once.
    pub values: Vec<(&'static str, String)>,
    /// How bad it is.
    pub severity: Severity,
    /// What happened, in capitals: `OPEN`, `OLD`, `UPDATED`, `ESCALATED`, `ACKNOWLEDGED`, `RESOLVED`, `CLOSED` or `DIGEST`.
    pub state: &'static str,
}

/// How much of it a receiver takes, in characters and in numbers of alerts.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Characters of a title,
    pub title: usize,
    /// of a reason,
    pub reason: usize,
    /// and of any other value.
    pub value: usize,
    /// Alerts that are named one by one.
    pub named: usize,
    /// Rules that are counted one by one.
    pub rules: usize,
}

impl Bounds {
    /// What receivers without bounds of their own get.
    pub const GENERAL: Self = Self {
        title: TITLE_CHARS_MAX,
        reason: REASON_CHARS_MAX,
        value: VALUE_CHARS_MAX,
        named: DIGEST_NAMED_MAX,
        rules: DIGEST_RULES_MAX,
    };

    /// The message about one alert.
    pub fn notification(&self, notification: &Notification<'_>) -> Content {
        let (state, action) = match (&notification.over, notification.opened) {
            (Some(Over::Resolved(_)), _) => ("RESOLVED", None),
            (Some(Over::Closed(action)), _) => ("CLOSED", Some(*action)),
            (None, Some(_)) if notification.escalated.is_some() => ("ESCALATED", None),
            (None, Some(alert)) => {
                (if notification.told.is_some() { "UPDATED" } else { word(alert) }, notification.acknowledged)
            }
            (None, None) => ("ACKNOWLEDGED", notification.acknowledged),
        };
        let mut content = match notification.about() {
            Some(alert) => self.about(state, alert),
            None => Content {
                subject: format!("[{state}] {}", line(notification.id, self.value).text),
                lead: String::new(),
                values: Vec::new(),
                severity: Severity::Info,
                state,
            },
        };
        if let Some(action) = action {
            content.values.insert(0, ("By", line(&action.actor, self.value).text));
            let verdict = action.verdict().map(|verdict| ("Verdict", line(&verdict, self.value).text));
            content.values.extend(verdict);
        }
        if notification.newest().is_none() {
            // What the alert was when somebody acted says nothing of its state now.
            content.values.retain(|(name, _)| *name != "State");
        }
        if let Some(step) = notification.escalated {
            content.values.insert(0, ("Escalation", nobody(step)));
        }
        content.values.extend(notification.more().map(|more| ("Also", more)));
        let followers = notification.followers.iter().filter_map(Notification::newest);
        content.values.extend(followers.take(self.named).map(|alert| self.one(alert)));
        content
    }

    /// The message about many alerts.
    pub fn digest(&self, digest: &Digest<'_>) -> Content {
        let mut values = Vec::new();
        for (rule, severity, count) in digest.rules().into_iter().take(self.rules) {
            values.push(("Rule", format!("{count} × {} ({severity})", line(rule, self.value).text)));
        }
        values.extend(digest.alerts.iter().take(self.named).map(|alert| self.one(alert)));
        if let Some(rest) = digest.alerts.len().checked_sub(self.named).filter(|rest| *rest > 0) {
            values.push(("More", rest.to_string()));
        }
        Content {
            subject: format!("[DIGEST] {}", digest.summary()),
            lead: "So many alerts came at once that they are told together, the worst first.".to_owned(),
            values,
            severity: digest.severity(),
            state: "DIGEST",
        }
    }

    fn about(&self, state: &'static str, alert: &Alert) -> Content {
        let severity = alert.severity.as_str().to_ascii_uppercase();
        let (who, what) = (&alert.who, &alert.what);
        let texts = [
            ("Workspace", who.workspace_name.as_ref().or(who.workspace.as_ref())),
            ("User", who.user.as_ref()),
            ("Agent", who.agent.as_ref()),
            ("Session", who.session.as_ref()),
            ("Team", who.team.as_ref()),
            ("Host", what.host.as_ref()),
            ("Method", what.method.as_ref()),
            ("Path", what.path.as_ref()),
        ];
        let mut values = vec![
            ("State", alert.state.to_string()),
            ("Severity", alert.severity.to_string()),
            ("Rule", format!("{} v{}", line(&alert.rule, self.value).text, alert.rule_version)),
            ("Events", alert.count.to_string()),
        ];
        values.extend(texts.into_iter().filter_map(|(name, text)| Some((name, line(text?, self.value).text))));
        let evidence: Vec<String> = alert.evidence.iter().map(ToString::to_string).collect();
        values.push(("Evidence", evidence.join(", ")));
        values.push(("Alert", format!("{} r{}", line(&alert.id, self.value).text, alert.revision)));
        Content {
            subject: format!("[{severity}][{state}] {}", line(&alert.title, self.title).text),
            lead: line(&alert.reason, self.reason).text,
            values,
            severity: alert.severity,
            state,
        }
    }

    /// One of many alerts.
    fn one(&self, alert: &Alert) -> (&'static str, String) {
        let title = line(&alert.title, self.title).text;
        ("Alert", format!("{} {} {title} ({})", alert.severity, alert.state, alert.id))
    }
}

impl Content {
    /// That a digest is over.
    pub fn digest_over() -> Self {
        Self {
            subject: "[RESOLVED] Digest".to_owned(),
            lead: DIGEST_OVER.to_owned(),
            values: Vec::new(),
            severity: Severity::Info,
            state: "RESOLVED",
        }
    }

    /// Whether nothing more is to be done.
    pub fn is_over(&self) -> bool {
        matches!(self.state, "RESOLVED" | "CLOSED")
    }

    /// What else is known, without what is empty, each value cut to so many characters.
    pub fn facts(&self, limit: usize) -> impl Iterator<Item = (&'static str, String)> {
        let facts = self.values.iter().filter(|(_, value)| !value.trim().is_empty());
        facts.map(move |(name, value)| (*name, line(value, limit).text))
    }

    /// Why it is told and what else is known, one below the other; at most so many bytes of whole lines.
    pub fn lines(&self, bytes: usize) -> String {
        let values = self.facts(usize::MAX).map(|(name, value)| format!("{name}: {value}"));
        let mut text = String::new();
        for line in std::iter::once(self.lead.clone()).chain(values).filter(|line| !line.trim().is_empty()) {
            if text.len() + line.len() + 1 > bytes {
                break;
            }
            text.push_str(if text.is_empty() { "" } else { "\n" });
            text.push_str(&line);
        }
        text
    }
}

/// That nothing is open of which a digest told.
pub const DIGEST_OVER: &str = "All alerts of the digest are over.";

/// What somebody or the detector did, in words.
pub fn happened(notification: &Notification<'_>) -> String {
    let name = |actor: &str| line(actor, VALUE_CHARS_MAX).text;
    match (&notification.over, notification.acknowledged) {
        (Some(_), _) if notification.is_follower() => "All alerts of the thread are over.".to_owned(),
        (Some(Over::Resolved(alert)), _) => format!("Resolved after {} events.", alert.count),
        (Some(Over::Closed(action)), _) => {
            let verdict = action.verdict().map_or(String::new(), |verdict| format!(" as {}", name(&verdict)));
            format!("Closed by {}{verdict}.", name(&action.actor))
        }
        (None, Some(action)) => format!("{} looks after it.", name(&action.actor)),
        (None, None) => notification.escalated.map_or_else(|| "Updated.".to_owned(), nobody),
    }
}

/// That nobody acknowledged an alert, and the step of escalation.
pub fn nobody(step: &str) -> String {
    format!("Nobody acknowledged it in time (step {}).", line(step, VALUE_CHARS_MAX).text)
}

fn word(alert: &Alert) -> &'static str {
    if alert.backfill { "OLD" } else { "OPEN" }
}
