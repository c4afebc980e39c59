//! One alert with everything that people did about it, and how each entry changes that.

use std::collections::VecDeque;

use serde::Serialize;

use crate::alert::{Alert, EVIDENCE_MAX, POINTS_MAX, Point, Severity, State};
use crate::kind::alert_notice::Because;
use crate::kind::alert_step::{self, CloseReason};
use crate::limits;
use ledger::FLAG_CONTENT;
use ledger::Row;
use ledger::Seq;
use ledger::Timestamp;
use ledger::operations::column;

/// Where an alert stands, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Nobody has looked yet.
    Open,
    /// Somebody looks after it.
    Acknowledged,
    /// The detector has seen nothing more for long enough.
    Resolved,
    /// Somebody decided what it was.
    Closed,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Open, Self::Acknowledged, Self::Resolved, Self::Closed];

    /// The word in answers and in entries.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acknowledged => "acknowledged",
            Self::Resolved => "resolved",
            Self::Closed => "closed",
        }
    }
}

/// Who did something, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    /// The principal.
    pub actor: String,
    /// When it was recorded.
    pub recorded: Timestamp,
}

impl By {
    /// Who wrote a row.
    pub(super) fn of(row: &Row<'_>) -> Self {
        Self { actor: bounded(row.text(column::ACTOR).unwrap_or_default()), recorded: row.recorded }
    }
}

/// That somebody looks after an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledged {
    /// Who, and since when.
    pub by: By,
    /// How bad it was then.
    pub severity: Severity,
}

/// What somebody decided about an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// Who, and when.
    pub by: By,
    /// What it turned out to be.
    pub reason: CloseReason,
    /// The alert that says the same.
    pub duplicate_of: Option<String>,
    /// The revision that the decision is about.
    pub revision: u32,
}

/// What a step did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Somebody looks after it.
    Acknowledge,
    /// Somebody is to look after it, or nobody any more.
    Assign(Option<String>),
    /// Somebody wrote something.
    Note,
    /// Somebody decided what it was.
    Close(CloseReason),
    /// That was taken back.
    Reopen,
}

impl Action {
    /// The word in answers.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Acknowledge => "acknowledge",
            Self::Assign(_) => "assign",
            Self::Note => "note",
            Self::Close(_) => "close",
            Self::Reopen => "reopen",
        }
    }
}

/// One thing that a person did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Sequence number of the entry in `operations`.
    pub seq: Seq,
    /// Who, and when.
    pub by: By,
    /// What.
    pub action: Action,
    /// Whether a note came with it: the entry's content.
    pub note: bool,
}

/// A step of escalation that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Escalated {
    /// Its name in the configuration of then.
    pub step: String,
    /// The receivers that it names; those to which routes lead if there are none.
    pub receivers: Vec<String>,
    /// When.
    pub recorded: Timestamp,
}

/// A step of escalation that was hidden from a receiver when it was to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Missed {
    pub(super) step: String,
    pub(super) receiver: String,
}

/// An alert with what people did about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Triaged {
    /// The newest revision.
    pub alert: Alert,
    /// Sequence number of the newest entry about it.
    pub seq: Seq,
    /// When its first revision was recorded.
    pub opened: Timestamp,
    /// Sequence number of its newest revision,
    pub revised_seq: Seq,
    /// and when that was recorded.
    pub revised: Timestamp,
    /// Since when it has waited for somebody: escalation counts from here.
    pub unattended_since: Timestamp,
    /// When it was opened again, by a person or by a later revision.
    pub reopened: Option<Timestamp>,
    /// What somebody decided.
    pub closed: Option<Closed>,
    /// Who is to look after it.
    pub assignee: Option<String>,
    /// Number of notes.
    pub notes: u64,
    /// The steps of escalation that happened since it waits, oldest first.
    pub escalated: Vec<Escalated>,
    /// The steps of escalation of which receivers are to be told once nothing hides it.
    pub(super) missed: Vec<Missed>,
    /// Whether its newest revision was hidden from a receiver that was not told of it since.
    pub(super) is_hidden: bool,
    /// Whether it was opened again and no entry since tells receivers so.
    pub(super) is_reopened: bool,
    /// The newest steps, oldest first.
    pub steps: VecDeque<Step>,
    steps_total: u64,
    acknowledged: Option<Acknowledged>,
}

/// A step as its entry tells it.
pub(super) enum Told {
    Acknowledge(alert_step::Acknowledge),
    Assign(alert_step::Assign),
    Note,
    Close(alert_step::Close),
    Reopen,
}

impl Told {
    /// Reads a step; `None` for other kinds and for records that we did not write.
    pub(super) fn read(row: &Row<'_>) -> Option<Self> {
        Some(match row.text(column::KIND)? {
            alert_step::ACKNOWLEDGE => Self::Acknowledge(alert_step::ACKNOWLEDGED.read(row)?),
            alert_step::ASSIGN => Self::Assign(alert_step::ASSIGNED.read(row)?),
            alert_step::NOTE => alert_step::NOTED.read(row).map(|_| Self::Note)?,
            alert_step::CLOSE => Self::Close(alert_step::CLOSED.read(row)?),
            alert_step::REOPEN => alert_step::REOPENED.read(row).map(|_| Self::Reopen)?,
            _ => return None,
        })
    }
}

impl Triaged {
    /// The first revision that was seen.
    pub(super) fn new(alert: Alert, row: &Row<'_>) -> Self {
        Self {
            alert: trimmed(alert),
            seq: row.position.seq,
            opened: row.recorded,
            revised_seq: row.position.seq,
            revised: row.recorded,
            unattended_since: row.recorded,
            reopened: None,
            closed: None,
            assignee: None,
            notes: 0,
            escalated: Vec::new(),
            missed: Vec::new(),
            is_hidden: false,
            is_reopened: false,
            steps: VecDeque::new(),
            steps_total: 0,
            acknowledged: None,
        }
    }

    /// Takes a later revision. Older ones and repetitions change nothing.
    pub(super) fn revise(&mut self, alert: Alert, row: &Row<'_>) {
        if alert.revision <= self.alert.revision {
            return;
        }
        let was_attended = self.acknowledged().is_some();
        let is_news = alert.follows.is_none();
        self.alert = trimmed(alert);
        (self.seq, self.revised_seq, self.revised) = (row.position.seq, row.position.seq, row.recorded);
        // Receivers are told by the revision itself, if it tells them anything.
        if is_news {
            (self.is_hidden, self.is_reopened) = (false, false);
        }
        if was_attended && self.acknowledged().is_none() {
            self.unattended_since = row.recorded;
            self.forget_escalation();
        }
        if self.closed.as_ref().is_some_and(|closed| self.is_news(closed.revision)) {
            self.reopen(row.recorded);
        }
    }

    /// Takes what a person did.
    pub(super) fn step(&mut self, told: Told, row: &Row<'_>) {
        let by = By::of(row);
        let note = row.flags & FLAG_CONTENT != 0;
        let action = match told {
            Told::Acknowledge(record) => {
                if self.closed.is_none() {
                    self.acknowledged = Some(Acknowledged { by: by.clone(), severity: record.severity });
                }
                Action::Acknowledge
            }
            Told::Assign(record) => {
                self.assignee = record.assignee.as_deref().map(bounded);
                Action::Assign(self.assignee.clone())
            }
            Told::Note => Action::Note,
            Told::Close(record) => {
                self.close(&record, &by);
                Action::Close(record.reason)
            }
            Told::Reopen => {
                if self.closed.is_some() {
                    self.reopen(row.recorded);
                    self.is_reopened = true;
                }
                Action::Reopen
            }
        };
        self.seq = row.position.seq;
        self.notes += u64::from(note);
        self.steps_total += 1;
        if self.steps.len() == limits::TRIAGE_STEPS_KEPT {
            self.steps.pop_front();
        }
        self.steps.push_back(Step { seq: row.position.seq, by, action, note });
    }

    fn close(&mut self, record: &alert_step::Close, by: &By) {
        if self.closed.is_some() {
            return;
        }
        let duplicate_of = record.duplicate_of.as_deref().map(bounded);
        let revision = record.seen.revision;
        self.closed = Some(Closed { by: by.clone(), reason: record.reason, duplicate_of, revision });
        // A revision that the person had not seen was recorded first.
        if self.is_news(revision) {
            self.reopen(by.recorded);
            self.is_reopened = true;
        }
    }

    /// Takes that a revision was hidden from a receiver.
    pub(super) fn hide(&mut self, revision: u32) {
        self.is_hidden |= revision >= self.alert.news();
    }

    /// Takes that a step of escalation was hidden from a receiver. A step of an earlier wait is none.
    pub(super) fn miss(&mut self, step: String, receiver: &str) {
        let missed = Missed { step, receiver: bounded(receiver) };
        let fits = self.missed.len() < limits::POLICY_RULES_MAX && self.is_escalated(&missed.step);
        if fits && !self.missed.contains(&missed) {
            self.missed.push(missed);
        }
    }

    /// Takes that receivers are to be told.
    pub(super) fn notice(&mut self, because: Because, recorded: Timestamp) {
        match because {
            Because::Escalation { step, mut receivers } => {
                self.missed.retain(|missed| missed.step != step || !receivers.contains(&missed.receiver));
                if self.is_escalated(&step) || self.escalated.len() == limits::POLICY_RULES_MAX {
                    return;
                }
                receivers.truncate(limits::POLICY_RULES_MAX);
                self.escalated.push(Escalated { step: bounded(&step), receivers, recorded });
            }
            Because::Unhidden => self.is_hidden = false,
            Because::Reopened => self.is_reopened = false,
        }
    }

    /// The alert with the severity that a step of escalation gives it.
    pub(super) fn raised(&self, raise_to: Option<Severity>) -> Alert {
        let severity = raise_to.map_or(self.alert.severity, |severity| severity.max(self.alert.severity));
        Alert { severity, ..self.alert.clone() }
    }

    /// Whether a step of escalation happened since it waits.
    pub(super) fn is_escalated(&self, step: &str) -> bool {
        self.escalated.iter().any(|escalated| escalated.step == step)
    }

    /// Whether the episode went on after this revision.
    fn is_news(&self, revision: u32) -> bool {
        self.alert.news() > revision && self.alert.state != State::Resolved
    }

    fn reopen(&mut self, recorded: Timestamp) {
        (self.closed, self.acknowledged) = (None, None);
        (self.reopened, self.unattended_since) = (Some(recorded), recorded);
        self.forget_escalation();
    }

    /// Its steps of escalation begin anew.
    fn forget_escalation(&mut self) {
        self.escalated.clear();
        self.missed.clear();
    }

    /// Who looks after it. An acknowledgement does not cover what became worse after it was given.
    pub fn acknowledged(&self) -> Option<&Acknowledged> {
        self.acknowledged.as_ref().filter(|acknowledged| acknowledged.severity >= self.alert.severity)
    }

    /// Where it stands.
    pub fn status(&self) -> Status {
        if self.closed.is_some() {
            Status::Closed
        } else if self.alert.state == State::Resolved {
            Status::Resolved
        } else if self.acknowledged().is_some() {
            Status::Acknowledged
        } else {
            Status::Open
        }
    }

    /// Whether nothing more is expected of anybody.
    pub fn is_done(&self) -> bool {
        matches!(self.status(), Status::Resolved | Status::Closed)
    }

    /// Number of steps in its life, the detector's revisions that are news and what people did: a request that names it is refused
    /// if something happened since.
    pub fn version(&self) -> u64 {
        u64::from(self.alert.news()) + self.steps_total
    }

    /// Roughly the memory that it takes.
    pub(super) fn size(&self) -> usize {
        let Alert { id, rule, title, reason, who, what, evidence, tags, measured, shape, .. } = &self.alert;
        let measured =
            measured.as_ref().map_or(0, |measured| measured.what.len() + measured.last.len() * size_of::<Point>());
        let who = [&who.org, &who.team, &who.user, &who.agent, &who.session, &who.workspace, &who.workspace_name];
        let what = [&what.host, &what.domain, &what.method, &what.path, &what.policy, &what.model, &what.tool];
        let texts =
            [id, rule, title, reason].into_iter().chain(who.into_iter().chain(what).flatten()).chain(tags).chain(shape);
        let texts: usize = texts.map(String::len).sum();
        // The id stands in two indexes too; names in steps are bounded and usually short.
        let steps = self.steps.len() * 128 + self.steps.iter().map(|step| step.by.actor.len()).sum::<usize>();
        let names = |escalated: &Escalated| {
            64 + escalated.step.len() + escalated.receivers.iter().map(|name| 24 + name.len()).sum::<usize>()
        };
        let steps = steps + self.escalated.iter().map(names).sum::<usize>();
        let missed = |missed: &Missed| size_of::<Missed>() + missed.step.len() + missed.receiver.len();
        let steps = steps + self.missed.iter().map(missed).sum::<usize>();
        size_of::<Self>() + texts + measured + 2 * id.len() + evidence.len() * 16 + tags.len() * 24 + steps
    }
}

/// Cuts the lists to what a detector of ours writes.
fn trimmed(mut alert: Alert) -> Alert {
    alert.evidence.truncate(EVIDENCE_MAX);
    alert.tags.truncate(limits::TRIAGE_TAGS_KEPT);
    if let Some(measured) = &mut alert.measured {
        measured.last.truncate(POINTS_MAX);
    }
    alert
}

/// The text within the bound of names.
pub(super) fn bounded(text: &str) -> String {
    let end = text.floor_char_boundary(limits::TRIAGE_NAME_BYTES_MAX);
    text[..end].to_owned()
}
