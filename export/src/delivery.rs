//! What the alerts of a batch amount to for one receiver: few notifications told one by one, or a digest with the worst first.
//!
//! The rules that every receiver of alerts shares stand here and nowhere else; how a notification is worded is each sink's own.

mod batch;
pub mod content;
mod digest;
mod notification;
mod order;
pub mod route;
pub mod suppressor;
pub mod text;
mod threads;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use operations::alert::{Alert, Severity};
use operations::fold::Outbox;
use operations::kind::delivery::SentAlert;

use crate::limits::{DIGEST_WAIT, FLOOD_WAIT, NOTIFICATIONS_MAX, NOTIFICATIONS_URGENT_MAX};
use crate::message::{Message, Rendered};
use crate::record::{Body, Record};
use crate::sink::ErasedSink;
use content::{Bounds, Content};
use order::Rarity;
use threads::{Bundle, bundles, deserted, leaving};

pub use batch::{batch, before_ends};
pub use digest::{Digest, severities};
pub use notification::{Notification, Over};

/// A sink that tells people of alerts: how records become its messages.
///
/// Rendering MUST be a pure function of the records and of what the receiver was told by the newest receipt: the same give
/// the same bytes, and the records that were `taken` give the same bytes when they are rendered alone. So a message that is
/// repeated is identical to the byte. What belongs to the attempt, such as a timestamp in a header, is in the payload.
pub trait Delivery: ErasedSink {
    /// Renders as many of the records, from the first on, as one batch takes; at least one.
    fn render(&self, records: &[Record], outbox: &Outbox) -> Rendered;

    /// How long alerts about old events wait for each other; `None` if the receiver folds alerts itself.
    fn digest_wait(&self) -> Option<Duration>;
}

/// A batch, folded.
pub struct Fold<'a> {
    /// What is told one by one, worst first.
    pub notifications: Vec<Notification<'a>>,
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
    Mails,
    /// Nothing is told together: the receiver takes many at once and folds them itself.
    Each,
}

/// Folds a batch. Records that are hidden, and what a receiver need not hear of, are in nothing of it.
pub fn fold<'a>(records: &'a [Record], outbox: &'a Outbox, style: Style) -> Fold<'a> {
    let mut notifications = notifications(records, outbox);
    let quiet = notifications.iter().filter(|notification| notification.is_quiet()).count();
    notifications.retain(|notification| {
        let shown = style == Style::Each
            || (style != Style::Mails && quiet <= NOTIFICATIONS_MAX && notification.is_told_alone());
        !notification.is_quiet() || shown
    });
    let (mut silent, mut gone) = (Vec::new(), Vec::new());
    notifications.retain(|notification| {
        let Some(digest) = notification.told.and_then(|told| told.digest.as_ref()) else { return true };
        if notification.over.is_some() {
            silent.push(notification.sent());
            gone.push(digest);
            return false;
        }
        // What a digest told of goes on in it, unless it becomes urgent.
        notification.severity() == Severity::Critical || notification.escalated.is_some()
    });
    let (single, together) = match style {
        Style::Each => (notifications.into_iter().map(|notification| Bundle(vec![notification])).collect(), Vec::new()),
        _ => divide(bundles(notifications, outbox), style),
    };
    // What is told again leaves its digest, for a message of its own or for another digest.
    let told_again = single.iter().flat_map(|bundle| &bundle.0).chain(&together);
    gone.extend(told_again.filter_map(|notification| notification.told.and_then(|told| told.digest.as_ref())));
    let mut ended = empty(&gone, outbox);
    let leaving = leaving(&single);
    let deserted = deserted(&single, &leaving, outbox);
    let mut notifications = Vec::new();
    for bundle in single {
        let (notification, over) = bundle.fold(outbox, &leaving);
        notifications.extend(notification);
        silent.extend(over);
    }
    let digest = Digest::new(records, &together);
    // Where nothing is open that only the digest tells of, nothing will come that could end its incident.
    let stillborn = digest.as_ref().filter(|digest| style == Style::Incidents && digest.open == 0);
    ended.extend(stillborn.map(|digest| digest.key.clone()));
    Fold { notifications, digest, ended, deserted, silent }
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
pub fn notifications<'a>(records: &'a [Record], outbox: &'a Outbox) -> Vec<Notification<'a>> {
    let mut by_id: BTreeMap<&str, Notification<'a>> = BTreeMap::new();
    for (number, record) in records.iter().enumerate().filter(|(_, record)| record.hidden.is_none()) {
        let id = match &record.body {
            Body::Alert(alert) => alert.id.as_str(),
            Body::Action(action) => action.alert.as_str(),
            Body::Event | Body::Operation => continue,
        };
        by_id.entry(id).or_insert_with(|| Notification::new(id, outbox.told(id), number, record)).take(number, record);
    }
    let mut notifications: Vec<Notification<'a>> = by_id.into_values().collect();
    notifications.retain(|notification| {
        notification.opened.is_some() || (notification.is_told() && outbox.may_know(notification.id))
    });
    // Numbers that are brought up to date are nothing to whoever was not told of the alert.
    notifications.retain(|notification| notification.told.is_some() || !notification.is_quiet());
    order::sort(&mut notifications);
    notifications
}

/// The same without what only brings numbers up to date.
pub fn news<'a>(records: &'a [Record], outbox: &'a Outbox) -> Vec<Notification<'a>> {
    let mut notifications = notifications(records, outbox);
    notifications.retain(|notification| !notification.is_quiet());
    notifications
}

/// What is told one by one, each thread as one, and what is told together, from bundles with the worst first.
fn divide(bundles: Vec<Bundle<'_>>, style: Style) -> (Vec<Bundle<'_>>, Vec<Notification<'_>>) {
    let is_slow = |notification: &Notification<'_>| {
        notification.told.is_none() && notification.opened.is_some_and(|alert| alert.backfill || alert.flood)
    };
    let (slow, live): (Vec<_>, Vec<_>) = bundles.into_iter().partition(|bundle| bundle.0.iter().all(is_slow));
    // What only brings numbers up to date makes no storm.
    let storm = live.iter().filter(|bundle| !bundle.0.iter().all(Notification::is_quiet)).count() > NOTIFICATIONS_MAX;
    // What stands out beside a crowd comes before the worst of the crowd.
    let rarity = Rarity::of(live.iter().flat_map(|bundle| &bundle.0));
    let outstanding: Vec<bool> =
        live.iter().map(|bundle| bundle.0.iter().any(|notification| rarity.stands_out(notification))).collect();
    let mut rare = outstanding.iter().filter(|stands_out| **stands_out).count().min(NOTIFICATIONS_URGENT_MAX);
    let (mut urgent, mut single, mut together) = (NOTIFICATIONS_URGENT_MAX - rare, Vec::new(), Vec::new());
    for (bundle, stands_out) in live.into_iter().zip(outstanding) {
        let critical = bundle.0.iter().any(|notification| notification.severity() == Severity::Critical);
        let room = if stands_out { &mut rare } else { &mut urgent };
        let critical = (critical || stands_out) && *room > 0;
        *room -= usize::from(critical);
        let incident = style == Style::Incidents && bundle.is_incident();
        let changes = bundle.0.iter().any(Notification::changes_incident);
        let steps_only = bundle.0.iter().all(|notification| notification.newest().is_none());
        if !storm || critical || steps_only || (incident && changes) {
            single.push(bundle);
        } else {
            // What goes on in its incident, in which somebody looks already, is no news in a storm. What is new in its thread
            // is: nothing later would tell of it.
            together.extend(bundle.0.into_iter().filter(|notification| !incident || notification.told.is_none()));
        }
    }
    together.extend(slow.into_iter().flat_map(|bundle| bundle.0));
    (single, together)
}

/// The messages of a batch to a receiver of texts that cannot be changed once they were sent. `write` makes the body of one from its name,
/// what it says, and the alert that it is about if there is one.
pub fn texts(
    records: &[Record],
    outbox: &Outbox,
    bounds: &Bounds,
    write: impl Fn(&str, &Content, Option<&Notification<'_>>) -> Vec<u8>,
) -> Rendered {
    let records = batch(records);
    let folded = fold(records, outbox, Style::Mails);
    let mut messages: Vec<Message> = Vec::new();
    for notification in &folded.notifications {
        let message = notification.message("", Vec::new());
        let body = write(&message.key, &bounds.notification(notification), Some(notification));
        messages.push(Message { body, ..message });
    }
    if let Some(digest) = &folded.digest {
        messages.push(digest.message("", write(&digest.key, &bounds.digest(digest), None)));
    }
    for key in &folded.ended {
        let body = write(&format!("{key}/over"), &Content::digest_over(), None);
        messages.push(Message::end_of(key, "", body));
    }
    Rendered { messages, taken: records.len(), silent: folded.silent }
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

/// The longest wait of receivers for alerts about old events that a configuration may set.
pub const DIGEST_WAIT_MS_MAX: u64 = 60_000;

/// The default of that wait, in milliseconds.
pub fn digest_wait_ms() -> u64 {
    DIGEST_WAIT.as_millis() as u64
}

/// Checks the wait that a configuration sets.
pub fn check_wait(digest_wait_ms: u64) -> Result<(), String> {
    if digest_wait_ms > DIGEST_WAIT_MS_MAX {
        return Err(format!("digest_wait_ms must be at most {DIGEST_WAIT_MS_MAX}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
