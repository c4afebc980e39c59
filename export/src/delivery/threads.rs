//! Alerts that belong together are told together: the first of a group at once, what follows in its thread.
//!
//! A thread has the name of the alert that was told first, so an alert that stays alone is told as if nothing were grouped.
//! It takes others in for a while, and none that is worse than what it told of; it is over with the last of its alerts.

use std::collections::BTreeMap;

use operations::fold::{Outbox, Thread};
use operations::kind::delivery::{SentAlert, SentThread};

use super::notification::{InThread, Notification};

/// Stories of one thread, the worst first; a notification that is in no thread is alone.
pub struct Bundle<'a>(pub Vec<Notification<'a>>);

/// Puts notifications into threads, in the order of the worst of each.
pub fn bundles<'a>(notifications: Vec<Notification<'a>>, outbox: &'a Outbox) -> Vec<Bundle<'a>> {
    let (mut bundles, mut at) = (Vec::<Bundle<'a>>::new(), BTreeMap::<String, usize>::new());
    for mut notification in notifications {
        let opens = notification
            .group
            .filter(|_| notification.told.is_none() && notification.opened.is_some_and(|alert| !alert.backfill));
        let known = known_thread(&notification, outbox);
        let name = match (&known, opens) {
            (Some(thread), _) => thread.thread.subject.clone(),
            // Those that come at once and open a thread are in one; the first of them is the worst.
            (None, Some(group)) => format!("new {}", group.key),
            (None, None) => {
                bundles.push(Bundle(vec![notification]));
                continue;
            }
        };
        let number = *at.entry(name).or_insert_with(|| {
            bundles.push(Bundle(Vec::new()));
            bundles.len() - 1
        });
        let first = bundles[number].0.first().and_then(|first| first.thread.clone());
        notification.thread = known.or(first).or_else(|| opens.map(|group| new_thread(&notification, &group.key)));
        bundles[number].0.push(notification);
    }
    bundles
}

fn new_thread<'a>(notification: &Notification<'a>, group: &str) -> InThread<'a> {
    let (subject, group) = (notification.id.to_owned(), group.to_owned());
    InThread {
        thread: SentThread { subject, group, since: notification.recorded, severity: notification.severity() },
        handle: None,
    }
}

/// The thread in which the receiver knows it already, or that takes it in.
fn known_thread<'a>(notification: &Notification<'a>, outbox: &'a Outbox) -> Option<InThread<'a>> {
    let in_thread = |subject: &str, thread: &'a Thread| {
        let Thread { group, since, severity, handle, .. } = thread;
        let severity = notification.severity().max(*severity);
        let thread = SentThread { subject: subject.to_owned(), group: group.clone(), since: *since, severity };
        InThread { thread, handle: handle.as_deref() }
    };
    let is_worse = |thread: &Thread| notification.over.is_none() && notification.severity() > thread.severity;
    if let Some(told) = notification.told {
        let subject = told.thread.as_deref()?;
        let thread = outbox.thread(subject)?;
        // What becomes worse, or what nobody acknowledged, is told alone; the alert that the thread is named after stays.
        let alone = subject != notification.id && (is_worse(thread) || notification.escalated.is_some());
        return (!alone).then(|| in_thread(subject, thread));
    }
    let group = notification.group.filter(|_| notification.opened.is_some_and(|alert| !alert.backfill))?;
    let (subject, thread) = outbox.thread_of(&group.key)?;
    let open = notification.recorded.since(thread.since) <= group.window;
    (open && !is_worse(thread)).then(|| in_thread(subject, thread))
}

/// How many alerts leave which thread, because they are told alone from now on.
pub fn leaving(bundles: &[Bundle<'_>]) -> BTreeMap<String, usize> {
    let mut leaving = BTreeMap::new();
    let alone = bundles.iter().flat_map(|bundle| &bundle.0).filter(|notification| notification.thread.is_none());
    for subject in alone.filter_map(|notification| notification.told.and_then(|told| told.thread.clone())) {
        *leaving.entry(subject).or_default() += 1;
    }
    leaving
}

/// The threads in which nobody stays and of which nothing else tells: no alert will come that could end them.
pub fn deserted(bundles: &[Bundle<'_>], leaving: &BTreeMap<String, usize>, outbox: &Outbox) -> Vec<String> {
    let notifications = || bundles.iter().flat_map(|bundle| &bundle.0);
    let is_told = |subject: &str| {
        notifications().any(|notification| notification.thread.is_some() && notification.subject() == subject)
    };
    let is_empty = |subject: &str, count: usize| outbox.thread(subject).is_some_and(|thread| thread.open <= count);
    let deserted = leaving.iter().filter(|(subject, count)| is_empty(subject, **count) && !is_told(subject));
    deserted.map(|(subject, _)| subject.clone()).collect()
}

impl<'a> Bundle<'a> {
    /// Whether the receiver has an incident for them, or is not to hear of a beginning. What it knows from a digest only has none.
    pub fn is_incident(&self) -> bool {
        self.0
            .iter()
            .any(|notification| notification.told.map_or(notification.opened.is_none(), |told| told.digest.is_none()))
    }

    /// One notification for all of them, or none if the thread only goes on; and those that are over without a message.
    /// Who leaves the thread in the same batch is not in it any more.
    pub fn fold(
        self,
        outbox: &Outbox,
        leaving: &BTreeMap<String, usize>,
    ) -> (Option<Notification<'a>>, Vec<SentAlert>) {
        let Some(thread) = self.0.first().and_then(|notification| notification.thread.clone()) else {
            return (self.0.into_iter().next(), Vec::new());
        };
        let subject = thread.thread.subject;
        let left =
            self.0.iter().filter(|notification| notification.told.is_some() && notification.over.is_some()).count()
                + leaving.get(&subject).copied().unwrap_or_default();
        let came =
            self.0.iter().filter(|notification| notification.told.is_none() && notification.over.is_none()).count();
        let open = (outbox.thread(&subject).map_or(0, |thread| thread.open) + came).saturating_sub(left);
        let (news, rest) = news(self.0, &subject);
        // The thread is told to be over once, by one of those that end.
        let ends =
            rest.iter().position(|notification| notification.over.is_some()).filter(|_| open == 0 && news.is_empty());
        let acknowledged = rest.iter().position(|notification| notification.acknowledged.is_some());
        let mut face = None;
        let mut silent = Vec::new();
        if let Some((mut notification, followers)) = face_of(news) {
            silent.extend((open > 0).then(|| notification.end_silently()).flatten());
            notification.followers = followers;
            if let Some(other) = acknowledged.and_then(|number| rest.get(number)) {
                notification.share_acknowledgement(other);
            }
            face = Some(notification);
        }
        let chosen = ends.or(acknowledged).filter(|_| face.is_none());
        for (number, mut notification) in rest.into_iter().enumerate() {
            if Some(number) == chosen {
                silent.extend(ends.is_none().then(|| notification.end_silently()).flatten());
                face = Some(notification);
            } else {
                silent.extend(notification.end_silently());
            }
        }
        (face, silent)
    }
}

/// What the thread has to tell, and the rest. News of the alert that the thread is named after gives way to new alerts,
/// unless somebody must hear of it.
fn news<'a>(notifications: Vec<Notification<'a>>, subject: &str) -> (Vec<Notification<'a>>, Vec<Notification<'a>>) {
    let is_new = |notification: &Notification<'_>| notification.opened.is_some() && notification.told.is_none();
    let any_new = notifications.iter().any(is_new);
    notifications.into_iter().partition(|notification| {
        let goes_on = notification.opened.is_some() && notification.over.is_none() && notification.id == subject;
        is_new(notification) || (goes_on && (notification.escalated.is_some() || !any_new))
    })
}

/// The one that stands for all: somebody must hear of it, or else the worst that is not over.
fn face_of(mut news: Vec<Notification<'_>>) -> Option<(Notification<'_>, Vec<Notification<'_>>)> {
    let escalated = news.iter().position(|notification| notification.escalated.is_some());
    let open = news.iter().position(|notification| notification.over.is_none());
    let number = escalated.or(open).unwrap_or_default();
    (!news.is_empty()).then(|| (news.remove(number), news))
}

impl Notification<'_> {
    /// Takes its end away, and returns what has to be on record of it.
    fn end_silently(&mut self) -> Option<SentAlert> {
        let sent = self.sent();
        self.over.take().map(|_| sent)
    }
}
