//! What the alerts of a batch amount to for one receiver: few stories told one by one, or a digest with the worst first.
//!
//! The rules that every receiver of alerts shares stand here and nowhere else; how a story is worded is each sink's own.

mod batch;
mod digest;
mod order;
pub mod route;
mod story;
pub mod suppressor;
pub mod text;
mod threads;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use operations::alert::{Alert, Severity};
use operations::fold::{Outbox, SentAlert};

use crate::limits::{DIGEST_WAIT, FLOOD_WAIT, STORIES_MAX, STORIES_URGENT_MAX};
use crate::record::{Body, Record};
use crate::sinks::Setting;
use order::Rarity;
use threads::{Bundle, bundles, deserted, leaving};

pub use batch::{batch, before_ends};
pub use digest::{Digest, severities};
pub use story::{Over, Story};

/// A batch, folded.
pub struct Fold<'a> {
    /// What is told one by one, worst first.
    pub stories: Vec<Story<'a>>,
    /// What is told together.
    pub digest: Option<Digest<'a>>,
    /// Digests of which nothing is open any more.
    pub ended: Vec<String>,
    /// Threads whose last open alerts are told alone from now on, by their subjects: whoever has an incident for each ends it.
    pub deserted: Vec<String>,
    /// Alerts that are over and of which the receiver knows from a digest or in a thread only: it is told when that ends.
    pub silent: Vec<SentAlert>,
}

/// What a receiver can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Each alert that it was told of must be ended by a message of its own, as an incident that somebody is paged for.
    Incidents,
    /// A digest may tell of ends too.
    Messages,
    /// The same, and what was sent cannot be changed: numbers that are brought up to date are not sent.
    Letters,
    /// Nothing is told together: the receiver takes many at once and folds them itself.
    Each,
}

/// Folds a batch. Records that are hidden, and what a receiver need not hear of, are in nothing of it.
pub fn fold<'a>(records: &'a [Record], outbox: &'a Outbox, style: Style) -> Fold<'a> {
    let mut stories = stories(records, outbox);
    let quiet = stories.iter().filter(|story| story.is_quiet()).count();
    stories.retain(|story| {
        let shown = style == Style::Each || (style != Style::Letters && quiet <= STORIES_MAX && story.is_told_alone());
        !story.is_quiet() || shown
    });
    let (mut silent, mut gone) = (Vec::new(), Vec::new());
    stories.retain(|story| {
        let Some(digest) = story.told.and_then(|told| told.digest.as_ref()) else { return true };
        if story.over.is_some() {
            silent.push(story.sent());
            gone.push(digest);
            return false;
        }
        // What a digest told of goes on in it, unless it becomes urgent.
        story.severity() == Severity::Critical || story.escalated.is_some()
    });
    let (single, together) = match style {
        Style::Each => (stories.into_iter().map(|story| Bundle(vec![story])).collect(), Vec::new()),
        _ => divide(bundles(stories, outbox), style),
    };
    // What is told again leaves its digest, for a message of its own or for another digest.
    let told_again = single.iter().flat_map(|bundle| &bundle.0).chain(&together);
    gone.extend(told_again.filter_map(|story| story.told.and_then(|told| told.digest.as_ref())));
    let mut ended = empty(&gone, outbox);
    let leaving = leaving(&single);
    let deserted = deserted(&single, &leaving, outbox);
    let mut stories = Vec::new();
    for bundle in single {
        let (story, over) = bundle.fold(outbox, &leaving);
        stories.extend(story);
        silent.extend(over);
    }
    let digest = Digest::new(records, &together);
    // Where nothing is open that only the digest tells of, nothing will come that could end its incident.
    let stillborn = digest.as_ref().filter(|digest| style == Style::Incidents && digest.open == 0);
    ended.extend(stillborn.map(|digest| digest.key.clone()));
    Fold { stories, digest, ended, deserted, silent }
}

/// The digests of which nothing is open once these alerts, each by its digest, are gone.
fn empty(gone: &[&String], outbox: &Outbox) -> Vec<String> {
    let mut counts = BTreeMap::<&String, usize>::new();
    for key in gone {
        *counts.entry(key).or_default() += 1;
    }
    let empty = counts.into_iter().filter(|(key, count)| outbox.digest_open(key) <= *count);
    empty.map(|(key, _)| key.clone()).collect()
}

/// What happened to each alert of a batch, as far as the receiver is to hear of it, the worst first.
pub fn stories<'a>(records: &'a [Record], outbox: &'a Outbox) -> Vec<Story<'a>> {
    let mut by_id: BTreeMap<&str, Story<'a>> = BTreeMap::new();
    for (number, record) in records.iter().enumerate().filter(|(_, record)| record.hidden.is_none()) {
        let id = match &record.body {
            Body::Alert(alert) => alert.id.as_str(),
            Body::Step(step) => step.alert.as_str(),
            Body::Event | Body::Operation => continue,
        };
        by_id.entry(id).or_insert_with(|| Story::new(id, outbox.told(id), number, record)).take(number, record);
    }
    let mut stories: Vec<Story<'a>> = by_id.into_values().collect();
    stories.retain(|story| story.opened.is_some() || (story.is_told() && outbox.may_know(story.id)));
    // Numbers that are brought up to date are nothing to whoever was not told of the alert.
    stories.retain(|story| story.told.is_some() || !story.is_quiet());
    order::sort(&mut stories);
    stories
}

/// The same without what only brings numbers up to date.
pub fn news<'a>(records: &'a [Record], outbox: &'a Outbox) -> Vec<Story<'a>> {
    let mut stories = stories(records, outbox);
    stories.retain(|story| !story.is_quiet());
    stories
}

/// What is told one by one, each thread as one, and what is told together, from bundles with the worst first.
fn divide(bundles: Vec<Bundle<'_>>, style: Style) -> (Vec<Bundle<'_>>, Vec<Story<'_>>) {
    let is_slow =
        |story: &Story<'_>| story.told.is_none() && story.opened.is_some_and(|alert| alert.backfill || alert.flood);
    let (slow, live): (Vec<_>, Vec<_>) = bundles.into_iter().partition(|bundle| bundle.0.iter().all(is_slow));
    // What only brings numbers up to date makes no storm.
    let storm = live.iter().filter(|bundle| !bundle.0.iter().all(Story::is_quiet)).count() > STORIES_MAX;
    // What stands out beside a crowd comes before the worst of the crowd.
    let rarity = Rarity::of(live.iter().flat_map(|bundle| &bundle.0));
    let outstanding: Vec<bool> =
        live.iter().map(|bundle| bundle.0.iter().any(|story| rarity.stands_out(story))).collect();
    let mut rare = outstanding.iter().filter(|stands_out| **stands_out).count().min(STORIES_URGENT_MAX);
    let (mut urgent, mut single, mut together) = (STORIES_URGENT_MAX - rare, Vec::new(), Vec::new());
    for (bundle, stands_out) in live.into_iter().zip(outstanding) {
        let critical = bundle.0.iter().any(|story| story.severity() == Severity::Critical);
        let room = if stands_out { &mut rare } else { &mut urgent };
        let critical = (critical || stands_out) && *room > 0;
        *room -= usize::from(critical);
        let incident = style == Style::Incidents && bundle.is_incident();
        let changes = bundle.0.iter().any(Story::changes_incident);
        let steps_only = bundle.0.iter().all(|story| story.newest().is_none());
        if !storm || critical || steps_only || (incident && changes) {
            single.push(bundle);
        } else {
            // What goes on in its incident, in which somebody looks already, is no news in a storm. What is new in its thread
            // is: nothing later would tell of it.
            together.extend(bundle.0.into_iter().filter(|story| !incident || story.told.is_none()));
        }
    }
    together.extend(slow.into_iter().flat_map(|bundle| bundle.0));
    (single, together)
}

/// How long alerts about old events wait for each other, and those of a flood: nobody has to run for them.
pub fn linger(records: &VecDeque<Record>, wait: Duration) -> Duration {
    let is = |test: fn(&Alert) -> bool| {
        move |record: &Record| if let Body::Alert(alert) = &record.body { test(alert) } else { false }
    };
    if records.is_empty() || !records.iter().all(is(|alert| alert.backfill || alert.flood)) {
        Duration::ZERO
    } else if records.iter().any(is(|alert| alert.flood)) {
        wait.max(FLOOD_WAIT)
    } else {
        wait
    }
}

/// The setting of receivers of alerts that wait.
pub const DIGEST_WAIT_MS: Setting = Setting::new(
    "digest_wait_ms",
    "Milliseconds for which alerts about old events wait for each other. Default: 5000.",
);

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
