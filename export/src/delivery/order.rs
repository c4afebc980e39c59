//! In which order alerts are told: the worst first, and among equally bad ones one of each sender, tenant and rule before the
//! second of any, so that whoever raises many buries nobody else's. And which are rare beside a crowd.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::hash::Hash;

use operations::alert::{Alert, Severity};

use super::Notification;

/// Who has so many times as many alerts is a crowd, beside which the others are rare.
const CROWD_FACTOR: usize = 10;

/// Sorts notifications; the same notifications come in the same order.
pub fn sort(notifications: &mut [Notification<'_>]) {
    notifications.sort_by_key(|notification| (Reverse(notification.severity()), notification.first));
    // Within a sender: what is the first of its tenant or of its rule, before what is the second of both.
    let (mut tenants, mut rules) = (HashMap::new(), HashMap::new());
    let mut within: Vec<_> = notifications
        .iter()
        .map(|notification| {
            let (severity, sender) = (notification.severity(), sender(notification));
            let tenant = next(&mut tenants, (severity, sender, tenant(notification)));
            let rule = next(&mut rules, (severity, sender, rule(notification)));
            (Reverse(severity), sender, tenant.min(rule), tenant + rule, notification.first)
        })
        .collect();
    within.sort_unstable();
    // Over all senders: the first of each, then the second of each.
    let mut senders = HashMap::new();
    let turns: HashMap<usize, usize> = within
        .iter()
        .map(|(Reverse(severity), sender, _, _, first)| (*first, next(&mut senders, (*severity, *sender))))
        .collect();
    let turn = |notification: &Notification<'_>| turns.get(&notification.first).copied().unwrap_or_default();
    let mut keys: Vec<_> = notifications
        .iter()
        .map(|notification| (Reverse(notification.severity()), turn(notification), notification.first))
        .collect();
    keys.sort_unstable();
    let places: HashMap<usize, usize> = keys.iter().enumerate().map(|(place, (.., first))| (*first, place)).collect();
    notifications.sort_by_key(|notification| places.get(&notification.first).copied());
}

/// How many came before this one of the same key.
fn next<K: Hash + Eq>(counts: &mut HashMap<K, usize>, key: K) -> usize {
    let count = counts.entry(key).or_default();
    *count += 1;
    *count - 1
}

/// What is rare among some alerts.
pub struct Rarity<'a> {
    senders: HashMap<&'a str, usize>,
    tenants: HashMap<(&'a str, &'a str), usize>,
    /// The most alerts of one sender, and of one tenant of each sender.
    most: usize,
    most_of: HashMap<&'a str, usize>,
}

impl<'a> Rarity<'a> {
    /// Counts whose alerts they are.
    pub fn of<'s>(notifications: impl Iterator<Item = &'s Notification<'a>>) -> Self
    where
        'a: 's,
    {
        let (mut senders, mut tenants, mut most_of) = (HashMap::new(), HashMap::new(), HashMap::new());
        for notification in notifications {
            next(&mut senders, sender(notification));
            next(&mut tenants, (sender(notification), tenant(notification)));
        }
        for ((sender, _), count) in &tenants {
            let most: &mut usize = most_of.entry(*sender).or_default();
            *most = (*most).max(*count);
        }
        let most = senders.values().copied().max().unwrap_or_default();
        Self { senders, tenants, most, most_of }
    }

    /// Whether an alert is high and rare: beside a crowd of another sender, or of another tenant of the same sender.
    pub fn stands_out(&self, notification: &Notification<'a>) -> bool {
        let (sender, tenant) = (sender(notification), tenant(notification));
        let crowded = |most: usize, own: Option<&usize>| own.is_some_and(|own| most >= CROWD_FACTOR * own);
        let rare = crowded(self.most, self.senders.get(sender))
            || crowded(self.most_of.get(sender).copied().unwrap_or_default(), self.tenants.get(&(sender, tenant)));
        rare && notification.severity() >= Severity::High
    }

    /// How many alerts the largest sender has, if others have far fewer.
    pub fn crowd(&self) -> Option<usize> {
        self.senders.values().any(|count| self.most >= CROWD_FACTOR * count).then_some(self.most)
    }
}

fn of<'a>(notification: &Notification<'a>, text: impl Fn(&'a Alert) -> Option<&'a String>) -> &'a str {
    notification.newest().and_then(text).map_or("", String::as_str)
}

fn sender<'a>(notification: &Notification<'a>) -> &'a str {
    of(notification, |alert| alert.sender.as_ref())
}

/// Whom an alert is about, as it says.
fn tenant<'a>(notification: &Notification<'a>) -> &'a str {
    of(notification, |alert| {
        let who = &alert.who;
        who.workspace
            .as_ref()
            .or(who.workspace_name.as_ref())
            .or(who.user.as_ref())
            .or(who.team.as_ref())
            .or(who.session.as_ref())
    })
}

fn rule<'a>(notification: &Notification<'a>) -> &'a str {
    of(notification, |alert| Some(&alert.rule))
}
