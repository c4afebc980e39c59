//! What happened to one alert in a batch, and the messages that tell of it.

use ledger::Seq;
use ledger::Timestamp;
use operations::alert::{Alert, Severity, State};
use operations::fold::Told;
use operations::kind::alert_notice::Because;
use operations::kind::delivery::{SentAlert, SentThread};

use super::severities;
use crate::message::{Message, MessageKind};
use crate::record::{Body, Group, Record, TriageAction, TriageActionKind};

/// What happened to one alert in a batch.
pub struct Notification<'a> {
    /// The alert.
    pub id: &'a str,
    /// Its newest revision in the batch that is not its end.
    pub opened: Option<&'a Alert>,
    /// The step of escalation by which it is told once more: nobody acknowledged it in time.
    pub escalated: Option<&'a str>,
    /// Who looks after it, by an action in the batch.
    pub acknowledged: Option<&'a TriageAction>,
    /// That it is over, by a revision or an action in the batch.
    pub over: Option<Over<'a>>,
    /// What the receiver knew before.
    pub told: Option<&'a Told>,
    /// The thread in which it is told, if alerts are grouped.
    pub thread: Option<InThread<'a>>,
    /// The others of its group that the same message tells of.
    pub followers: Vec<Notification<'a>>,
    /// What it has in common with others, if it is news.
    pub(super) group: Option<&'a Group>,
    /// When its first record in the batch was recorded.
    pub(super) recorded: Timestamp,
    /// Number in the batch of its first record.
    pub(super) first: usize,
    news: Vec<usize>,
    /// Whether one of them is news, and not only numbers that are brought up to date.
    is_news: bool,
    steps: Vec<usize>,
    ends: Vec<usize>,
    /// Positions of the entries that no revision tells apart: they make the names of their messages.
    notice: Option<Seq>,
    acknowledged_at: Seq,
    closed_at: Option<Seq>,
}

/// A thread, and what the receiver calls its first message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InThread<'a> {
    /// The thread.
    pub thread: SentThread,
    /// The handle of its first message; `None` if this is the first.
    pub handle: Option<&'a str>,
}

/// How an alert ended.
#[derive(Clone, Copy)]
pub enum Over<'a> {
    /// The detector saw nothing more.
    Resolved(&'a Alert),
    /// Somebody decided what it was.
    Closed(&'a TriageAction),
}

impl Over<'_> {
    /// When.
    pub fn time(&self) -> Timestamp {
        match self {
            Self::Resolved(alert) => alert.recorded_last,
            Self::Closed(action) => action.recorded,
        }
    }
}

impl<'a> Notification<'a> {
    pub(super) fn new(id: &'a str, told: Option<&'a Told>, first: usize, record: &'a Record) -> Self {
        Self {
            id,
            opened: None,
            escalated: None,
            acknowledged: None,
            over: None,
            told,
            thread: None,
            followers: Vec::new(),
            group: record.group.as_ref(),
            recorded: record.recorded,
            first,
            news: Vec::new(),
            is_news: false,
            steps: Vec::new(),
            ends: Vec::new(),
            notice: None,
            acknowledged_at: Seq::FIRST,
            closed_at: None,
        }
    }

    pub(super) fn take(&mut self, number: usize, record: &'a Record) {
        let seq = record.position.seq;
        match &record.body {
            Body::Alert(alert) if alert.state == State::Resolved => {
                (self.over, self.ends) = (Some(Over::Resolved(alert)), vec![number]);
            }
            Body::Alert(alert) => self.revise(number, seq, alert, record.notice.as_ref()),
            Body::Action(action) if action.kind == TriageActionKind::Close => {
                // It is about a revision that a later one overtook: the alert is open again.
                if action.revision.is_some_and(|seen| self.known() > Some(seen)) {
                    return;
                }
                (self.over, self.ends, self.closed_at) = (Some(Over::Closed(action)), vec![number], Some(seq));
            }
            Body::Action(action) => {
                (self.acknowledged, self.acknowledged_at) = (Some(action), seq);
                self.steps.push(number);
            }
            Body::Event | Body::Operation => {}
        }
    }

    fn revise(&mut self, number: usize, seq: Seq, alert: &'a Alert, notice: Option<&'a Because>) {
        // What comes after the end and is news stands in the next batch; the rest was overtaken.
        let overtaken = self.opened.is_some_and(|opened| opened.revision > alert.revision) || self.over.is_some();
        let escalation = match notice {
            Some(Because::Escalation { step, .. }) => Some(step.as_str()),
            _ => None,
        };
        if overtaken || (escalation.is_none() && self.known() >= Some(alert.revision)) {
            return;
        }
        self.escalated = self.escalated.or(escalation);
        self.notice = notice.map(|_| seq);
        self.opened = Some(alert);
        self.news.push(number);
        self.is_news |= notice.is_some() || alert.follows.is_none();
    }

    /// The newest revision that the receiver knows, or will by this batch.
    fn known(&self) -> Option<u32> {
        self.opened.map(|alert| alert.revision).max(self.told.map(|told| told.revision))
    }

    /// Whether it only brings numbers up to date that the receiver was told before.
    pub fn is_quiet(&self) -> bool {
        let known = self.told.is_none_or(|told| self.opened.is_some_and(|alert| alert.news() <= told.revision));
        !self.is_news && known && self.opened.is_some() && self.acknowledged.is_none() && self.over.is_none()
    }

    /// Whether a message of its own told of it, which can be brought up to date.
    pub(super) fn is_told_alone(&self) -> bool {
        self.told
            .is_some_and(|told| told.digest.is_none() && told.thread.as_ref().is_none_or(|subject| subject == self.id))
    }

    /// Whether its incident ends, gets somebody who looks after it, waits for somebody for too long, or is about something
    /// critical.
    pub(super) fn changes_incident(&self) -> bool {
        let news = self.over.is_some() || self.acknowledged.is_some() || self.escalated.is_some();
        news || self.severity() == Severity::Critical
    }

    /// How bad it is; an action alone says nothing about that.
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

    /// The newest revision that is known here: that of the batch, or else the one that the person saw whose action it tells of.
    pub fn about(&self) -> Option<&'a Alert> {
        let seen = |action: &'a TriageAction| action.about.as_deref();
        let closed = match self.over {
            Some(Over::Closed(action)) => seen(action),
            _ => None,
        };
        self.newest().or(closed).or_else(|| self.acknowledged.and_then(seen))
    }

    /// When what it tells of was recorded, as far as the batch says it.
    pub fn time(&self) -> Option<Timestamp> {
        let action = self.acknowledged.map(|action| action.recorded);
        self.over.map(|over| over.time()).or_else(|| self.opened.map(|alert| alert.recorded_last)).or(action)
    }

    /// The number of the newest revision that the receiver knows after this.
    pub fn revision(&self) -> u32 {
        self.newest().map_or_else(|| self.told.map_or(0, |told| told.revision), |alert| alert.revision)
    }

    /// The alert that its incident or thread is named after.
    pub fn subject(&self) -> &str {
        self.thread.as_ref().map_or(self.id, |thread| &thread.thread.subject)
    }

    /// What the receiver calls the message that opened its incident or thread.
    pub fn handle(&self) -> Option<&str> {
        match &self.thread {
            Some(thread) => thread.handle,
            None => self.told.and_then(|told| told.handle.as_deref()),
        }
    }

    /// Whether it is told in the thread of another alert.
    pub fn is_follower(&self) -> bool {
        self.subject() != self.id
    }

    /// Whether there is anything to tell.
    pub(super) fn is_told(&self) -> bool {
        self.opened.is_some() || self.acknowledged.is_some() || self.over.is_some()
    }

    /// Takes over that somebody looks after another alert of the same thread.
    pub(super) fn share_acknowledgement(&mut self, other: &Self) {
        if self.acknowledged.is_none() {
            (self.acknowledged, self.acknowledged_at) = (other.acknowledged, other.acknowledged_at);
        }
    }

    /// `and 12 more of its group: 2 high, 10 medium`, if the message tells of others too.
    pub fn more(&self) -> Option<String> {
        let alerts: Vec<&Alert> = self.followers.iter().filter_map(Notification::newest).collect();
        (!alerts.is_empty()).then(|| format!("and {} more of its group: {}", alerts.len(), severities(&alerts)))
    }

    /// That it opened or goes on.
    pub fn opening(&self, to: &'static str, body: Vec<u8>) -> Message {
        let revision = self.opened.map_or(0, |alert| alert.revision);
        let mut alerts = vec![SentAlert { id: self.id.to_owned(), revision, over: false, known_as: None }];
        alerts.extend(self.followers.iter().map(Notification::sent));
        // The same revision may be told again.
        let again = self.notice.map_or(String::new(), |seq| format!("/n{seq}"));
        let key = format!("{}/r{revision}{again}", self.id);
        let mut records = self.news.clone();
        records.extend(self.followers.iter().flat_map(Notification::records));
        records.sort_unstable();
        Message {
            kind: MessageKind::Alerts,
            key,
            to,
            path: String::new(),
            records,
            alerts,
            thread: self.sent_thread(),
            body,
        }
    }

    /// That somebody looks after it.
    pub fn acknowledgement(&self, to: &'static str, body: Vec<u8>) -> Message {
        let key = format!("{}/r{}/acknowledged/{}", self.id, self.revision(), self.acknowledged_at);
        let (records, alerts) = (self.steps.clone(), Vec::new());
        Message { kind: MessageKind::Alerts, key, to, path: String::new(), records, alerts, thread: None, body }
    }

    /// That it is over.
    pub fn ending(&self, to: &'static str, body: Vec<u8>) -> Message {
        let alerts = vec![SentAlert { over: true, ..self.sent() }];
        // An alert that somebody closed may be opened again and closed again.
        let by = self.closed_at.map_or(String::new(), |seq| format!("/{seq}"));
        let key = format!("{}/r{}/over{by}", self.id, self.revision());
        let (records, thread) = (self.ends.clone(), self.sent_thread());
        Message { kind: MessageKind::Alerts, key, to, path: String::new(), records, alerts, thread, body }
    }

    /// Everything in one message.
    pub fn message(&self, to: &'static str, body: Vec<u8>) -> Message {
        let mut message = match (&self.over, self.opened) {
            (Some(_), _) => self.ending(to, body),
            (None, Some(_)) => self.opening(to, body),
            (None, None) => self.acknowledgement(to, body),
        };
        if self.over.is_some() {
            message.alerts.extend(self.followers.iter().map(Notification::sent));
        }
        message.records = self.records();
        message
    }

    /// Numbers in the batch of all its records, and of those of its followers.
    pub fn records(&self) -> Vec<usize> {
        let own = [&self.news, &self.steps, &self.ends].into_iter().flatten().copied();
        let mut records: Vec<usize> = own.chain(self.followers.iter().flat_map(Notification::records)).collect();
        records.sort_unstable();
        records
    }

    /// What the receiver knows after a message of it.
    pub fn sent(&self) -> SentAlert {
        SentAlert { id: self.id.to_owned(), revision: self.revision(), over: self.over.is_some(), known_as: None }
    }

    /// Numbers in the batch of its revisions.
    pub fn revisions(&self) -> impl Iterator<Item = usize> {
        let ends = self.ends.iter().filter(|_| matches!(self.over, Some(Over::Resolved(_))));
        self.news.iter().chain(ends).copied()
    }

    fn sent_thread(&self) -> Option<SentThread> {
        self.thread.as_ref().map(|thread| thread.thread.clone())
    }
}
