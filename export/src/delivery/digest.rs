//! Many alerts in one message: counts, and the worst by name. How it is worded is each sink's own.

use std::collections::BTreeMap;

use operations::alert::{Alert, Severity};
use operations::kind::delivery::SentAlert;

use super::Notification;
use super::order::Rarity;
use crate::message::{Message, MessageKind};
use crate::record::Record;

/// What is told together.
pub struct Digest<'a> {
    /// Its name: the position of the first record in it.
    pub key: String,
    /// The newest revision of each alert: what is live before what is old, the worst first.
    pub alerts: Vec<&'a Alert>,
    /// How many of them are about events that were old when they were recorded.
    pub old: usize,
    /// How many were over already.
    pub over: usize,
    /// How many the largest sender has, if others have far fewer.
    crowd: Option<usize>,
    /// How many nobody acknowledged in time.
    escalated: usize,
    /// How many are open of which nothing else tells.
    pub open: usize,
    sent: Vec<SentAlert>,
    records: Vec<usize>,
}

impl<'a> Digest<'a> {
    /// The digest of these notifications; `None` if there are none.
    pub fn new(records: &[Record], notifications: &[Notification<'a>]) -> Option<Self> {
        let mut numbers: Vec<usize> = notifications.iter().flat_map(Notification::records).collect();
        numbers.sort_unstable();
        let first = records.get(*numbers.first()?)?;
        // The worst is the first, then what stands out beside a crowd, then the others.
        let rarity = Rarity::of(notifications.iter());
        let (rare, others): (Vec<_>, Vec<_>) =
            notifications.iter().skip(1).partition(|notification| rarity.stands_out(notification));
        let ordered = notifications.iter().take(1).chain(rare).chain(others);
        let alerts: Vec<&Alert> = ordered.filter_map(Notification::newest).collect();
        let is_alone = |notification: &&Notification<'_>| {
            notification.over.is_none() && notification.told.is_none_or(|told| told.digest.is_some())
        };
        Some(Self {
            key: format!("digest/{}", first.position),
            old: alerts.iter().filter(|alert| alert.backfill).count(),
            over: notifications.iter().filter(|notification| notification.over.is_some()).count(),
            escalated: notifications
                .iter()
                .filter(|notification| notification.over.is_none() && notification.escalated.is_some())
                .count(),
            open: notifications.iter().filter(is_alone).count(),
            sent: notifications.iter().map(Notification::sent).collect(),
            crowd: rarity.crowd(),
            alerts,
            records: numbers,
        })
    }

    /// The worst severity of what is live, or else of what is old.
    pub fn severity(&self) -> Severity {
        self.alerts.first().map_or(Severity::Info, |alert| alert.severity)
    }

    /// `997 alerts: 3 critical, 994 high; 2 of them over`.
    pub fn summary(&self) -> String {
        let count = self.alerts.len();
        let mut text = format!("{count} alert{}: {}", if count == 1 { "" } else { "s" }, severities(&self.alerts));
        match self.old {
            0 => {}
            old if old == count => text.push_str("; all about events that were old when they were recorded"),
            old => text = format!("{text}; {old} about events that were old when they were recorded"),
        }
        if let Some(crowd) = self.crowd {
            text = format!("{text}; {crowd} of them of one sender");
        }
        if self.over > 0 {
            text = format!("{text}; {} of them over", self.over);
        }
        if let Some(note) = self.unacknowledged() {
            text = format!("{text}; {note}");
        }
        text
    }

    /// `3 of them not acknowledged in time`, if somebody waits.
    pub fn unacknowledged(&self) -> Option<String> {
        (self.escalated > 0).then(|| format!("{} of them not acknowledged in time", self.escalated))
    }

    /// How many alerts of each rule and severity there are, the most frequent first.
    pub fn rules(&self) -> Vec<(&'a str, Severity, usize)> {
        let mut counts: BTreeMap<(&str, Severity), usize> = BTreeMap::new();
        for alert in &self.alerts {
            *counts.entry((&alert.rule, alert.severity)).or_default() += 1;
        }
        let mut rules: Vec<_> = counts.into_iter().map(|((rule, severity), count)| (rule, severity, count)).collect();
        rules.sort_by_key(|(_, severity, count)| (std::cmp::Reverse(*severity), std::cmp::Reverse(*count)));
        rules
    }

    /// The message that tells of all of them.
    pub fn message(&self, to: &'static str, body: Vec<u8>) -> Message {
        let (alerts, records) = (self.sent.clone(), self.records.clone());
        Message {
            kind: MessageKind::Digest,
            key: self.key.clone(),
            to,
            path: String::new(),
            records,
            alerts,
            body,
            thread: None,
        }
    }
}

/// `2 critical, 1 high`.
pub fn severities(alerts: &[&Alert]) -> String {
    let count = |severity: Severity| alerts.iter().filter(|alert| alert.severity == severity).count();
    let counts = Severity::ALL.iter().rev().map(|severity| (severity, count(*severity)));
    let words: Vec<String> =
        counts.filter(|(_, count)| *count > 0).map(|(word, count)| format!("{count} {word}")).collect();
    words.join(", ")
}
