//! What the alerts of a batch amount to for one receiver: few stories told one by one, or a digest with the worst first.
//!
//! The rules that every receiver of alerts shares stand here and nowhere else; how a story is worded is each sink's own.

mod digest;

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use ledger::alert::{Alert, Severity, State};
use ledger::fold::{Outbox, SentAlert, Told};

use crate::limits::{DIGEST_WAIT, STORIES_MAX, STORIES_URGENT_MAX};
use crate::record::{Body, Deed, Record, Step};
use crate::sink::Message;

pub use digest::{Digest, severities};

/// A batch, folded.
pub struct Fold<'a> {
    /// What is told one by one, worst first.
    pub stories: Vec<Story<'a>>,
    /// What is told together.
    pub digest: Option<Digest<'a>>,
    /// Digests of which nothing is open any more.
    pub ended: Vec<String>,
    /// Alerts that are over and of which the receiver knows from a digest only: it is told when the digest ends.
    pub silent: Vec<SentAlert>,
}

/// What happened to one alert in a batch.
pub struct Story<'a> {
    /// The alert.
    pub id: &'a str,
    /// Its newest revision in the batch that is not its end.
    pub opened: Option<&'a Alert>,
    /// Who looks after it, by a step in the batch.
    pub acknowledged: Option<&'a Step>,
    /// That it is over, by a revision or a step in the batch.
    pub over: Option<Over<'a>>,
    /// What the receiver knew before.
    pub told: Option<&'a Told>,
    news: Vec<usize>,
    steps: Vec<usize>,
    ends: Vec<usize>,
    first: usize,
}

/// How an alert ended.
#[derive(Clone, Copy)]
pub enum Over<'a> {
    /// The detector saw nothing more.
    Resolved(&'a Alert),
    /// Somebody decided what it was.
    Closed(&'a Step),
}

/// What a receiver can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Each alert that it was told of must be ended by a message of its own, as an incident that somebody is paged for.
    Incidents,
    /// A digest may tell of ends too.
    Messages,
    /// Nothing is told together: the receiver takes many at once and folds them itself.
    Each,
}

impl<'a> Story<'a> {
    fn new(id: &'a str, told: Option<&'a Told>, first: usize) -> Self {
        let (news, steps, ends) = (Vec::new(), Vec::new(), Vec::new());
        Self { id, opened: None, acknowledged: None, over: None, told, news, steps, ends, first }
    }

    fn take(&mut self, number: usize, body: &'a Body) {
        match body {
            Body::Alert(alert) if alert.state == State::Resolved => {
                (self.over, self.ends) = (Some(Over::Resolved(alert)), vec![number]);
            }
            // What comes after the end would open a new incident; the outbox sees it as a new alert in the next batch.
            Body::Alert(alert) => {
                if self.opened.is_none_or(|opened| opened.revision <= alert.revision) {
                    self.opened = Some(alert);
                }
                self.news.push(number);
            }
            Body::Step(step) if step.deed == Deed::Close => {
                (self.over, self.ends) = (Some(Over::Closed(step)), vec![number]);
            }
            Body::Step(step) => {
                self.acknowledged = Some(step);
                self.steps.push(number);
            }
            Body::Event | Body::Operation => {}
        }
    }

    /// Whether its incident ends, gets somebody who looks after it, or is about something critical.
    fn changes_incident(&self) -> bool {
        self.over.is_some() || self.acknowledged.is_some() || self.severity() == Severity::Critical
    }

    /// How bad it is; a step alone says nothing about that.
    pub fn severity(&self) -> Severity {
        let ended = if let Some(Over::Resolved(alert)) = self.over { Some(alert.severity) } else { None };
        self.opened.map(|alert| alert.severity).max(ended).unwrap_or(Severity::Info)
    }

    /// The newest revision that there is a record of in the batch.
    pub fn newest(&self) -> Option<&'a Alert> {
        match self.over {
            Some(Over::Resolved(alert)) => Some(alert),
            _ => self.opened,
        }
    }

    /// The number of the newest revision that the receiver knows after this.
    pub fn revision(&self) -> u32 {
        self.newest().map_or_else(|| self.told.map_or(0, |told| told.revision), |alert| alert.revision)
    }

    /// That it opened or goes on.
    pub fn opening(&self, to: &'static str, body: Vec<u8>) -> Message {
        let revision = self.opened.map_or(0, |alert| alert.revision);
        let alerts = vec![SentAlert { id: self.id.to_owned(), revision, over: false }];
        let key = format!("{}/r{revision}", self.id);
        Message { key, to, records: self.news.clone(), alerts, digest: false, body }
    }

    /// That somebody looks after it.
    pub fn acknowledgement(&self, to: &'static str, body: Vec<u8>) -> Message {
        let key = format!("{}/r{}/acknowledged", self.id, self.revision());
        Message { key, to, records: self.steps.clone(), body, ..Message::default() }
    }

    /// That it is over.
    pub fn ending(&self, to: &'static str, body: Vec<u8>) -> Message {
        let revision = self.revision();
        let alerts = vec![SentAlert { id: self.id.to_owned(), revision, over: true }];
        let key = format!("{}/r{revision}/over", self.id);
        Message { key, to, records: self.ends.clone(), alerts, digest: false, body }
    }

    /// Everything in one message.
    pub fn message(&self, to: &'static str, body: Vec<u8>) -> Message {
        let mut message = match (&self.over, self.opened) {
            (Some(_), _) => self.ending(to, body),
            (None, Some(_)) => self.opening(to, body),
            (None, None) => self.acknowledgement(to, body),
        };
        message.records = self.records();
        message
    }

    /// Numbers in the batch of all its records.
    pub fn records(&self) -> Vec<usize> {
        let mut records: Vec<usize> = [&self.news, &self.steps, &self.ends].into_iter().flatten().copied().collect();
        records.sort_unstable();
        records
    }

    /// What the receiver knows after a message of it.
    pub fn sent(&self) -> SentAlert {
        SentAlert { id: self.id.to_owned(), revision: self.revision(), over: self.over.is_some() }
    }
}

/// Folds a batch. Records that are hidden, and what a receiver need not hear of, are in nothing of it.
pub fn fold<'a>(records: &'a [Record], outbox: &'a Outbox, style: Style) -> Fold<'a> {
    let mut stories: Vec<Story<'a>> = gather(records, outbox);
    stories.retain(|story| story.opened.is_some() || outbox.may_know(story.id));
    let (mut silent, mut ended) = (Vec::new(), BTreeMap::new());
    stories.retain(|story| {
        let Some(digest) = story.told.and_then(|told| told.digest.as_ref()) else { return true };
        // What a digest told of goes on in it, unless it becomes urgent.
        let urgent = story.over.is_none() && story.severity() == Severity::Critical;
        if urgent || story.over.is_some() {
            *ended.entry(digest.clone()).or_insert(0_usize) += 1;
        }
        if story.over.is_some() {
            silent.push(story.sent());
        }
        urgent
    });
    let ended = ended.into_iter().filter(|(key, count)| outbox.digest_open(key) <= *count).map(|(key, _)| key);
    let mut ended: Vec<String> = ended.collect();
    stories.sort_by_key(|story| (Reverse(story.severity()), story.first));
    let (stories, together) = divide(stories, style);
    let digest = Digest::new(records, &together);
    // Where nothing is open that only the digest tells of, nothing will come that could end its incident.
    let stillborn = digest.as_ref().filter(|digest| style == Style::Incidents && digest.open == 0);
    ended.extend(stillborn.map(|digest| digest.key.clone()));
    Fold { stories, digest, ended, silent }
}

fn gather<'a>(records: &'a [Record], outbox: &'a Outbox) -> Vec<Story<'a>> {
    let mut by_id: BTreeMap<&str, Story<'a>> = BTreeMap::new();
    for (number, record) in records.iter().enumerate().filter(|(_, record)| record.hidden.is_none()) {
        let id = match &record.body {
            Body::Alert(alert) => alert.id.as_str(),
            Body::Step(step) => step.alert.as_str(),
            Body::Event | Body::Operation => continue,
        };
        by_id.entry(id).or_insert_with(|| Story::new(id, outbox.told(id), number)).take(number, &record.body);
    }
    by_id.into_values().collect()
}

/// What is told one by one and what is told together, from stories with the worst first.
fn divide(stories: Vec<Story<'_>>, style: Style) -> (Vec<Story<'_>>, Vec<Story<'_>>) {
    if style == Style::Each {
        return (stories, Vec::new());
    }
    let is_old = |story: &Story<'_>| story.told.is_none() && story.opened.is_some_and(|alert| alert.backfill);
    let (old, live): (Vec<_>, Vec<_>) = stories.into_iter().partition(is_old);
    let storm = live.len() > STORIES_MAX;
    let (mut urgent, mut single, mut together) = (0, Vec::new(), Vec::new());
    for story in live {
        let critical = story.severity() == Severity::Critical && urgent < STORIES_URGENT_MAX;
        urgent += usize::from(critical);
        let incident = style == Style::Incidents && (story.told.is_some() || story.opened.is_none());
        if !storm || critical || story.newest().is_none() || (incident && story.changes_incident()) {
            single.push(story);
        } else if !incident {
            together.push(story);
        }
        // What is left goes on in its incident, in which somebody looks already: in a storm that is no news.
    }
    together.extend(old);
    (single, together)
}

/// How long alerts about old events wait for each other: nobody has to run for them.
pub fn linger(records: &VecDeque<Record>, wait: Duration) -> Duration {
    let old = |record: &Record| matches!(&record.body, Body::Alert(alert) if alert.backfill);
    if !records.is_empty() && records.iter().all(old) { wait } else { Duration::ZERO }
}

/// The default of that wait, in milliseconds.
pub fn digest_wait_ms() -> u64 {
    DIGEST_WAIT.as_millis() as u64
}

/// Checks the wait that a configuration sets.
pub fn check_wait(digest_wait_ms: u64) -> Result<(), String> {
    if digest_wait_ms > 60_000 { Err("digest_wait_ms must be at most 60000".to_owned()) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
