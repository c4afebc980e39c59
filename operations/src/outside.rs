//! Alerts of other systems, as they are posted to Alertmanager's API v2 (`POST /api/v2/alerts`, Alertmanager 0.27 and later): what a post
//! says, and which revision of which alert it is. So they join the triage of our own: acknowledgements, silences, escalation, routes.
//!
//! Such an alert is known by its labels. While it is open, what is posted again with the same labels is the same episode; the next episode
//! has an id of its own, as those of detectors have, so that nobody's acknowledgement covers it. It ends at its `endsAt`, or when it was
//! not posted again for a while. Every text is written by whoever posts, and bounded here.

mod inbox;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use ledger::{Digest, Timestamp};
use serde::Deserialize;

use crate::alert::{Alert, Severity, State, What, Who};
use crate::limits;
pub use inbox::{Inbox, Received};

/// What the rules of such alerts begin with; the rest is the label `alertname`.
pub const RULE_PREFIX: &str = "outside.";

/// An alert as it was posted, checked and bounded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Posted {
    /// What it is known by.
    pub labels: BTreeMap<String, String>,
    /// What it says.
    pub annotations: BTreeMap<String, String>,
    /// Since when it fires, if that was said.
    pub starts: Option<Timestamp>,
    /// When it is over, if that was said.
    pub ends: Option<Timestamp>,
    /// Where it comes from, if that was said.
    pub generator: Option<String>,
}

/// What a post holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Post {
    /// The alerts that can be taken, in order.
    pub alerts: Vec<Posted>,
    /// What is wrong with the others, by their numbers from 0. As Alertmanager does, the good ones are taken all the same, and the answer is
    /// 400.
    pub refused: Vec<String>,
}

/// Why a body is no post at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It is no list of alerts.
    #[error("the body is no list of alerts of Alertmanager's API v2: {0}")]
    Json(String),
    /// It holds too many.
    #[error("the body has more than {max} alerts", max = limits::OUTSIDE_POST_MAX)]
    TooMany,
}

#[derive(Deserialize)]
struct Raw {
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    #[serde(default, rename = "startsAt")]
    starts: Option<String>,
    #[serde(default, rename = "endsAt")]
    ends: Option<String>,
    #[serde(default, rename = "generatorURL")]
    generator: Option<String>,
}

/// Reads a body. Its length is bounded by whoever took it.
pub fn read(body: &[u8]) -> Result<Post, Malformed> {
    let raw: Vec<Raw> = serde_json::from_slice(body).map_err(|error| Malformed::Json(error.to_string()))?;
    if raw.len() > limits::OUTSIDE_POST_MAX {
        return Err(Malformed::TooMany);
    }
    let mut post = Post::default();
    for (number, raw) in raw.into_iter().enumerate() {
        match Posted::of(raw) {
            Ok(posted) => post.alerts.push(posted),
            Err(problem) => post.refused.push(format!("alert {number}: {problem}")),
        }
    }
    Ok(post)
}

impl Posted {
    fn of(raw: Raw) -> Result<Self, String> {
        // Alertmanager drops what is empty, too.
        let full = |texts: BTreeMap<String, String>| -> BTreeMap<String, String> {
            texts.into_iter().filter(|(_, value)| !value.is_empty()).collect()
        };
        let (labels, annotations) = (full(raw.labels), full(raw.annotations));
        if labels.is_empty() {
            return Err("it has no labels".to_owned());
        }
        for (what, texts, bytes) in [
            ("labels", &labels, limits::OUTSIDE_LABEL_BYTES_MAX),
            ("annotations", &annotations, limits::OUTSIDE_ANNOTATION_BYTES_MAX),
        ] {
            if texts.len() > limits::OUTSIDE_LABELS_MAX {
                return Err(format!("it has more than {} {what}", limits::OUTSIDE_LABELS_MAX));
            }
            let name_max = limits::TRIAGE_NAME_BYTES_MAX;
            if texts.iter().any(|(name, value)| name.is_empty() || name.len() > name_max || value.len() > bytes) {
                return Err(format!("its {what} have names of 1 to {name_max} bytes and values of at most {bytes}"));
            }
        }
        let (starts, ends) = (moment("startsAt", raw.starts)?, moment("endsAt", raw.ends)?);
        if starts.zip(ends).is_some_and(|(starts, ends)| ends < starts) {
            return Err("its endsAt lies before its startsAt".to_owned());
        }
        let generator = raw.generator.filter(|url| url.len() <= limits::OUTSIDE_LABEL_BYTES_MAX);
        Ok(Self { labels, annotations, starts, ends, generator })
    }

    /// A hash of the labels: what it is known by.
    pub fn identity(&self) -> String {
        let lengths: Vec<[u8; 8]> = self
            .labels
            .iter()
            .flat_map(|(name, value)| [name, value])
            .map(|text| (text.len() as u64).to_be_bytes())
            .collect();
        let texts = self.labels.iter().flat_map(|(name, value)| [name, value]);
        let fields: Vec<&[u8]> =
            texts.zip(&lengths).flat_map(|(text, length)| [length.as_slice(), text.as_bytes()]).collect();
        digits(Digest::of(b"tachograph outside labels v1\n", &fields))
    }

    fn label(&self, names: &[&str]) -> Option<String> {
        let found = names.iter().find_map(|name| self.labels.get(*name))?;
        Some(cut(found, limits::TRIAGE_NAME_BYTES_MAX))
    }

    fn annotation(&self, names: &[&str], bytes: usize) -> Option<String> {
        Some(cut(names.iter().find_map(|name| self.annotations.get(*name))?, bytes))
    }

    /// The first revision of an episode that begins at a moment.
    fn open(&self, id: String, sender: Option<&str>, now: Timestamp) -> Alert {
        let name = self.label(&["alertname"]).unwrap_or_else(|| "alert".to_owned());
        let starts = self.starts.unwrap_or(now).min(now);
        Alert {
            id,
            revision: 1,
            rule: rule(&name),
            rule_version: 1,
            state: State::Open,
            severity: self.severity(),
            title: self.annotation(&["summary", "title"], limits::OUTSIDE_TITLE_BYTES_MAX).unwrap_or(name),
            reason: self.reason(),
            who: Who {
                org: self.label(&["org", "organization", "tenant"]),
                team: self.label(&["team", "owner"]),
                user: self.label(&["user"]),
                agent: self.label(&["agent"]),
                session: self.label(&["session"]),
                workspace: self.label(&["workspace"]),
                workspace_name: self.label(&["workspace_name"]),
            },
            what: What { host: self.label(&["instance", "host", "hostname", "node"]), ..What::default() },
            first_seen: starts,
            last_seen: now,
            recorded_first: now,
            recorded_last: now,
            count: 1,
            evidence: Vec::new(),
            tags: Vec::new(),
            backfill: false,
            measured: None,
            follows: None,
            sender: sender.map(ToOwned::to_owned),
            flood: false,
            lowered_from: None,
            shape: Some(self.identity()),
        }
    }

    /// How bad it is by its label `severity` or `priority`, in the words that are in use; `medium` without one.
    pub fn severity(&self) -> Severity {
        let word = self.label(&["severity", "priority"]).unwrap_or_default().to_lowercase();
        match word.as_str() {
            "critical" | "page" | "emergency" | "fatal" | "disaster" | "p0" | "p1" => Severity::Critical,
            "high" | "error" | "major" | "severe" | "p2" => Severity::High,
            "low" | "minor" | "notice" | "p4" => Severity::Low,
            "info" | "informational" | "information" | "none" | "debug" | "p5" => Severity::Info,
            _ => Severity::Medium,
        }
    }

    /// What it says, and what nothing else of the alert tells: its labels and where it comes from.
    fn reason(&self) -> String {
        let said = self.annotation(&["description", "message"], limits::OUTSIDE_REASON_BYTES_MAX);
        let labels: Vec<String> = self.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let said = said.map_or(String::new(), |said| format!("{said} "));
        let source = self.generator.as_ref().map_or(String::new(), |generator| format!(" Source: {generator}"));
        let text = format!("{said}Labels: {}.{source}", labels.join(", "));
        cut(&text, limits::OUTSIDE_REASON_BYTES_MAX)
    }
}

/// The id of an episode of what is known by `identity`.
fn episode(identity: &str, begins: Timestamp) -> String {
    let fields = [identity.as_bytes(), &begins.unix_micros().to_be_bytes()];
    format!("alert-{}", digits(Digest::of(b"tachograph outside alert v1\n", &fields)))
}

fn digits(digest: Digest) -> String {
    let mut text = digest.to_string();
    text.truncate(32);
    text
}

/// The rule of an alert of this name: filters and routes know rules by words without spaces.
fn rule(name: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':') { c } else { '_' };
    format!("{RULE_PREFIX}{}", name.chars().map(plain).collect::<String>())
}

/// A moment in RFC 3339. Go writes the year 1 for none.
fn moment(name: &str, text: Option<String>) -> Result<Option<Timestamp>, String> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let moment =
        chrono::DateTime::parse_from_rfc3339(&text).map_err(|_| format!("its {name} is no time in RFC 3339"))?;
    let micros = moment.timestamp_micros();
    Ok((micros > 0).then(|| Timestamp::from_unix_micros(micros)))
}

/// At most so many bytes of a text, on one line.
fn cut(text: &str, bytes: usize) -> String {
    let end = text.floor_char_boundary(bytes);
    text[..end].chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
